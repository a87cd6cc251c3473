"""`sata ops`: op form that parses to the same ops, kinds and bits, for every shipped workload and some awkward ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sata.report.ops_text import ops_yaml, yaml_scalar
from sata.specs import load
from sata.specs.model import Op, Workload
from sata.specs.text.faults import Where
from sata.specs.text.find import shipped
from sata.specs.text.source import read

SHIPPED = sorted(path.name for path in shipped("workloads").glob("*.yaml"))
AWKWARD: dict[str, Any] = {"workload": {
    "name": "no: 1", "timesteps": 2, "kinds": ["yes", "my kind"], "bits": {"yes": 3, "my kind": 5, "weight": 8},
    "ops": [{
        "name": "a b.f", "layer": "null", "stage": "on", "action": "multiply_accumulate",
        "sequential": {"t": "descending"}, "ranks": {"t": 2, "k": 5, "r": 3},
        "compute": "O''[k] += W[k - 1] * S[t, 2*k + r - 1] * T[4 - k]",
        "tensors": {
            "O''": {"kind": "yes", "initialised": True}, "W": {"kind": "weight", "shape": [3], "density": 1e-05},
            "S": {"kind": "my kind", "shape": [2, 9], "density": [0.25, 1]}, "T": {"kind": "surrogate", "local": True},
        }}]}}  # fmt: skip


def workload(source: Any) -> Workload:
    found = load(workload=source).workload
    assert found is not None
    return found


def placeless(ops: tuple[Op, ...]) -> list[Op]:
    return [replace(op, where=Where(), tensors=tuple(replace(t, where=Where()) for t in op.tensors)) for op in ops]


@pytest.mark.parametrize("source", [*SHIPPED, AWKWARD], ids=lambda s: s if isinstance(s, str) else "awkward")
def test_round_trip(source: Any) -> None:
    before = workload(source)
    text = ops_yaml(before)
    after = workload(text)
    assert placeless(after.ops) == placeless(before.ops)
    assert dict(after.bits) == dict(before.bits)
    assert (after.name, after.batch, after.timesteps) == (before.name, before.batch, before.timesteps)
    assert ops_yaml(after) == text
    used = {t.kind for op in before.ops for t in op.tensors}
    assert used <= {*read(text).data["workload"].get("kinds", []), *load_kinds()}


def load_kinds() -> tuple[str, ...]:
    from sata.specs.workload.kinds import KINDS

    return KINDS


def test_there_are_workloads() -> None:
    assert len(SHIPPED) > 5


@pytest.mark.parametrize(
    ("text", "written"),
    [("W", "W"), ("S'", "S'"), ("conv1.forward", "conv1.forward"), ("a-b", "a-b"), ("no", '"no"'), ("1e3", '"1e3"'),
     ("", '""'), ("a: b", '"a: b"'), ("{{ x }}", '"{{ x }}"'), ("größe", '"größe"'), ("-a", '"-a"')],
)  # fmt: skip
def test_scalars(text: str, written: str) -> None:
    assert yaml_scalar(text) == written
