"""Every shipped workload and template runs on the shipped architecture with its mapping, and what it says hangs
together.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import sata
from sata.specs.text.find import shipped

TRAINING = ["vgg5_cifar10", "vgg9_cifar10", "vgg16_cifar10", "resnet19_cifar10", "nmnist_small", "vggsnn_cifar10dvs"]
TEMPLATES = ["lif_inference", "ann_training", "ann_inference", "qnn_inference"]

NETWORK: dict[str, Any] = {
    "name": "all_layer_types",
    "batch": 2,
    "timesteps": 5,
    "template": "lif_bptt",
    "bits": {"weight": 8, "spike": 1, "current": 16, "potential": 8, "spike_gradient": 8, "potential_gradient": 8,
             "weight_gradient": 8, "activation": 3, "activation_gradient": 8},
    "density": {"spike": 0.1, "potential_gradient": [0.1, 0.2, 0.3, 0.2, 0.1], "surrogate": 0.4},
    "layers": [
        {"name": "c1", "conv2d": {"input": [3, 16, 16], "out": 16, "kernel": 5, "stride": 2, "padding": 2}},
        {"name": "c2", "conv2d": {"out": 16, "kernel": 3, "padding": 2, "dilation": 2}},
        {"name": "c3", "conv2d": {"out": 16, "kernel": 3, "padding": 1, "groups": 4}},
        {"name": "c4", "conv2d": {"out": 16, "kernel": 1, "stride": 3}},          # stride larger than the kernel
        {"name": "up", "conv2d": {"out": 16, "kernel": 1, "stride": 3}, "from": "c2"},
        {"name": "sum", "add": ["c4", "up"]},
        {"name": "p1", "avgpool2d": 2},
        {"name": "f1", "linear": 200},
        {"name": "f2", "linear": 10, "fires": False},
    ],
}  # fmt: skip


def network(**options: Any) -> dict[str, Any]:
    return {"workload": {**NETWORK, "options": options}}


def consistent(result: sata.Result) -> None:
    """Laws that any result obeys."""
    assert result.energy_pj() == pytest.approx(sum(result.energy_pj(by=("stage", "component", "kind")).values()))
    for op in result.ops:
        assert op["actual"] + op["gated"] + op["skipped"] == op["computes"]
        assert 0 < op["utilization"] <= 1
        assert op["cycles"] >= 0
    for row in result.traffic:
        assert all(row[f] >= 0 for f in ("tile", "instances", "fills", "reads", "updates", "drains", "merge_reads"))
        assert row["instances"] > 0
    for row in result.occupancy:
        assert row["limit_bits"] is None or row["bits"] <= row["limit_bits"]
    by_op: dict[tuple[str, str], float] = {}
    for r in result.records:
        assert r["energy_pj"] >= 0
        assert r["count"] * r["price_pj"] == pytest.approx(r["energy_pj"], rel=1e-12)
        if r["action"] in ("read", "write"):
            by_op[r["op"], r["action"]] = by_op.get((r["op"], r["action"]), 0) + r["count"]
    for op in result.ops:
        rows = [row for row in result.traffic if row["op"] == op["op"]]
        assert by_op.get((op["op"], "read"), 0) == sum(r["reads"] + r["drains"] + r["merge_reads"] for r in rows)
        assert by_op.get((op["op"], "write"), 0) == sum(r["fills"] + r["updates"] for r in rows)


@pytest.mark.parametrize("name", TRAINING)
def test_shipped_networks_train_on_sata(name: str) -> None:
    result = sata.evaluate("arch/sata.yaml", f"workloads/{name}.yaml")
    consistent(result)
    assert {op["stage"] for op in result.ops} == {"forward", "backward", "weight_gradient"}
    assert result.kept
    assert not result.omitted


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("name", ["vgg5_cifar10", "resnet19_cifar10"])
def test_twins_run_on_sata(name: str, template: str) -> None:
    consistent(sata.evaluate("arch/sata.yaml", f"workloads/{name}.yaml", template=template))


@pytest.mark.parametrize("library", ["sata_32nm", "relative"])
def test_libraries_are_swapped_by_one_word(library: str) -> None:
    result = sata.evaluate("arch/sata.yaml", "workloads/vgg5_cifar10.yaml", library=library)
    assert {row["library"] for row in result.prices} == {library, "sata_extra"}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimizer": "momentum"},
        {"optimizer": "adam", "reset": "soft"},
        {"keep_potentials": "recompute"},
        {"first_backward": True, "leak": False},
        {"input": "activation"},
    ],
    ids=str,
)
def test_all_layer_types_and_options(options: dict[str, Any]) -> None:
    consistent(sata.evaluate("arch/sata.yaml", network(**options), steps=1))


def test_recomputing_keeps_less_and_works_more() -> None:
    store = sata.evaluate("arch/sata.yaml", network(), steps=1)
    again = sata.evaluate("arch/sata.yaml", network(keep_potentials="recompute"), steps=1)
    assert sum(k["bits"] for k in again.kept) < sum(k["bits"] for k in store.kept)
    assert sum(op["computes"] for op in again.ops) > sum(op["computes"] for op in store.ops)


def test_buffers_are_as_large_as_the_paper_derives() -> None:
    """128 filters of 128 x 3 x 3 x 1 B fill W_GLB and the filter scratch-pads to the last byte; eight 1-bit steps of a
    3 x 3 window of 128 channels fill the input scratch-pad."""
    result = sata.evaluate("arch/sata.yaml", "workloads/vgg5_cifar10.yaml", ops="conv3.forward")
    full = {row["memory"] for row in result.occupancy if row["bits"] == row["limit_bits"]}
    assert {"W_GLB", "filter_spad", "input_spad"} <= full


@pytest.mark.parametrize("folder", ["arch", "workloads", "mappings", "components"])
def test_every_shipped_file_is_valid(folder: str) -> None:
    files = sorted(Path(shipped(folder)).glob("*.yaml"))
    assert files
    for file in files:
        assert sata.check(str(file)) == []


def test_the_one_op_files_of_the_tutorial_run_on_sata() -> None:
    consistent(sata.evaluate("arch/sata.yaml", "workloads/one_conv.yaml"))
    assert sata.check("workloads/tiny_matmul.yaml", "workloads/one_snn_step.yaml") == []


def test_a_result_names_every_file_that_it_came_from() -> None:
    """Libraries, their tables and templates too, by short names and with their hashes."""
    files = {
        f["file"]: f["sha256"] for f in sata.evaluate("arch/sata.yaml", "workloads/vgg5_cifar10.yaml").meta["files"]
    }
    for name in ("arch/sata.yaml", "workloads/vgg5_cifar10.yaml", "mappings/sata.yaml", "components/sata_32nm.yaml"):
        assert files[name] == sha256((Path(shipped("arch")).parent / name).read_bytes()).hexdigest()
    assert {"components/sram_32nm.csv", "sata/templates/lif_bptt.yaml"} <= {f.removeprefix("./") for f in files}
