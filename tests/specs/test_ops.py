"""The op form -> `Op`. What is refused is in tests/bad."""

from __future__ import annotations

import pytest

from sata.specs import SpecError, load
from sata.specs.model import Op, Workload

CONV = """\
workload:
  name: one_conv
  timesteps: 8
  batch: 2
  kinds: [trace]
  bits: {weight: 8, spike: 1, current: 16, potential: 8}
  density: {spike: 0.2, weight: 0.5}
  ops:
  - name: conv2.forward
    stage: forward
    action: accumulate
    ranks: {t: 8, k: 128, c: 64, p: 16, q: 8, r: 3, s: 3}
    compute: "X[t,k,p,q] += W[k,c,r,s] * S[t,c,p+r-1,2*q+s]"
    tensors:
      W: {kind: weight}
      S: {kind: spike, shape: [8, 64, 16, 18], density: 0.142}
      X: {kind: current, initialised: true}
  - name: conv2.fire
    layer: conv
    stage: neurons
    action: fire
    sequential: {t: descending}
    ranks: {t: 3, k: 4}
    compute: "U[k], S'[t,k] = lif(X[t,k], T[t,k])"
    tensors:
      U: {kind: potential}
      S': {kind: spike, density: [0.1, 0.2, 0.3]}
      X: {kind: current, density: {model: uniform, density: 0.9}}
      T: {kind: trace, local: true}
"""


def parse(text: str) -> Workload:
    workload = load(workload=text).workload
    assert workload is not None
    return workload


def ops() -> tuple[Op, ...]:
    return parse(CONV).ops


def test_workload() -> None:
    workload = parse(CONV)
    assert (workload.name, workload.timesteps, workload.batch, len(workload.ops)) == ("one_conv", 8, 2, 2)
    assert workload.bits["current"] == 16


def test_product() -> None:
    op = ops()[0]
    assert (op.layer, op.stage, op.action, op.function, dict(op.sequential)) == (
        "conv2",
        "forward",
        "accumulate",
        None,
        {},
    )
    assert [(t.name, t.role, t.kind) for t in op.tensors] == [
        ("W", "input", "weight"), ("S", "input", "spike"), ("X", "output", "current")]  # fmt: skip
    assert op.tensor("X").initialised


def test_dims() -> None:
    dims = ops()[0].tensor("S").dims
    assert [(d.terms, d.offset, d.size) for d in dims] == [
        ((("t", 1),), 0, 8),
        ((("c", 1),), 0, 64),
        ((("p", 1), ("r", 1)), -1, 16),
        ((("q", 2), ("s", 1)), 0, 18),
    ]


def test_size_without_shape_is_the_span_of_the_index() -> None:
    op = parse(CONV.replace(", shape: [8, 64, 16, 18]", "").replace("p+r-1", "p+r")).ops[0]
    assert [d.size for d in op.tensor("S").dims] == [8, 64, 18, 17]


def test_function() -> None:
    op = ops()[1]
    assert (op.layer, op.stage, op.function, dict(op.sequential)) == ("conv", "neurons", "lif", {"t": "descending"})
    assert {t.name: t.role for t in op.tensors} == {"U": "output", "S'": "output", "X": "input", "T": "input"}
    assert op.tensor("T").local


def test_densities_of_tensors_go_before_defaults_by_kind() -> None:
    first, second = ops()
    assert [t.density for t in first.tensors] == [0.5, 0.142, None]
    assert [t.density for t in second.tensors] == [None, (0.1, 0.2, 0.3), 0.9, None]


def test_sequential_as_a_list_ascends() -> None:
    op = parse(CONV.replace("{t: descending}", "[t]")).ops[1]
    assert dict(op.sequential) == {"t": "ascending"}


def test_layers_become_ops() -> None:
    """The layer form ends in the same values; a fault in what a template makes points at the layer."""
    bits = "weight: 8, spike: 1, current: 16, potential: 8"
    text = (
        f"workload:\n  timesteps: 4\n  template: lif_inference\n  bits: {{{bits}}}\n"
        "  layers:\n  - {name: fc1, linear: {input: 8, out: 4}}\n"
    )
    workload = parse(text)
    assert {op.layer for op in workload.ops} == {"fc1"}
    assert workload.timesteps == 4
    with pytest.raises(SpecError) as error:
        load(workload=text.replace("current: 16, ", ""))
    assert all(f.line == 6 and f.path.startswith("workload.layers[0] -> fc1.") for f in error.value.faults)


def test_column_inside_the_statement() -> None:
    text = CONV.replace("2*q+s", "2*qq+s")
    with pytest.raises(SpecError) as error:
        load(workload=text)
    (fault,) = error.value.faults
    assert text.splitlines()[fault.line - 1][fault.column - 1 :].startswith("qq+s")
