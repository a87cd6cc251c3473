"""Results for tests: the small study evaluated, and one that has time steps, branches and kept tensors, by hand."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

from sata import evaluate
from sata.report.files import result_json
from sata.report.read import result_from_data
from sata.report.result import Result
from tests.cli.test_run import SMALL


@cache
def _small() -> str:
    data = json.loads(result_json(evaluate(SMALL)))
    data["meta"]["command"] = "sata run small.yaml"  # of the tests, it would be the whole command of pytest
    return json.dumps(data)


def small_data() -> Any:
    """The JSON of tests/cli/small.yaml, to change as one likes."""
    return json.loads(_small())


def small() -> Result:
    return result_from_data(small_data())


def training_data() -> Any:
    """A step of two layers on a machine with two ways; numbers that are easily added up.

    Ops a.forward (10 cycles), b.forward (20), b.gradient (30), a.gradient (40). a keeps S' (100 bits: written by
    a.forward, read by a.gradient) and V (50 bits: read by nobody behind); b keeps S' (200 bits, read by b.gradient).
    """
    data = copy.deepcopy(small_data())
    data["meta"] |= {"arch": "two_ways", "workload": "two_layers", "clock_hz": None}
    ops, records, tensors = [], [], []
    for number, (layer, stage) in enumerate((("a", "forward"), ("b", "forward"), ("b", "backward"), ("a", "backward"))):
        name = f"{layer}.{'forward' if stage == 'forward' else 'gradient'}"
        compute = "PE" if stage == "forward" else "PGU"
        ops.append({"op": name, "layer": layer, "stage": stage, "action": "add", "group": name, "compute": compute,
                    "cycles": 10.0 * (number + 1), "bound_by": compute, "seconds": None, "computes": 40, "actual": 30.0,
                    "gated": 4.0, "skipped": 6.0, "steps": 20, "instances": 4, "utilization": 0.5})  # fmt: skip
        common = {"op": name, "layer": layer, "stage": stage}
        for component, tensor, kind, action, count, pj in (
            ("DRAM", "S'", "spike", "read", 64, 300.0), ("GLB", "S'", "spike", "write", 64, 40.0),
            (compute, "", "", "add", 30, 10.0), ("GLB", "", "", "leak", 10, 50.0 + number),
        ):  # fmt: skip
            records.append({**common, "component": component, "class": "c", "tensor": tensor, "kind": kind,
                            "action": action, "outcome": "actual", "count": count, "energy_pj": pj})  # fmt: skip
        steps = [0.1, 0.3] if layer == "a" else None
        tensors.append({**common, "tensor": "S'", "kind": "spike", "role": "output" if stage == "forward" else "input",
                        "local": False, "elements": 64, "bits": 1, "density": 0.2, "steps": steps,
                        "model": "temporal" if steps else "uniform"})  # fmt: skip
    memory = {"is": "memory", "class": "c", "instances": 1, "depth": 0, "way": "", "buffers": 1, "width_bits": 64,
              "keep": None, "may_keep": None, "shared": True, "format": {}}  # fmt: skip
    array = {"is": "array", "class": None, "instances": 4, "depth": 0, "shape": {"x": 4}, "multicast": "tile",
             "reduce": True}  # fmt: skip
    unit = {"is": "compute", "class": "c", "instances": 4, "depth": 1, "gate": ["add on spike"], "skip": []}
    rates = {"read_bits_per_cycle": 32, "write_bits_per_cycle": 32}
    data["architecture"] = [
        {"node": "DRAM", "size_bits": None, **memory, **rates},
        {"node": "GLB", "size_bits": 512, **memory, "read_bits_per_cycle": None, "write_bits_per_cycle": None},
        {"node": "PEs", **array, "way": "1"}, {"node": "PE", **unit, "way": "1"},
        {"node": "PGUs", **array, "way": "2"}, {"node": "PGU", **unit, "way": "2"},
    ]  # fmt: skip
    data["kept"] = [
        {"layer": "a", "tensor": "S'", "kind": "spike", "bits": 100},
        {"layer": "a", "tensor": "V", "kind": "potential", "bits": 50},
        {"layer": "b", "tensor": "S'", "kind": "spike", "bits": 200},
    ]
    data["occupancy"] = [{"group": "a.forward", "memory": "GLB", "ops": "a.forward", "bits": 128, "limit_bits": 512}]
    prices = [p for p in data["prices"] if p["quantity"] == "area"][:1]
    data |= {"ops": ops, "records": records, "tensors": tensors, "nests": [], "traffic": [], "prices": prices}
    return data


def training() -> Result:
    return result_from_data(training_data())
