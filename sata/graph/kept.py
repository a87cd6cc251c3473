"""What training keeps: made in the forward stage, or given, and read by another stage."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from sata.graph.check import WorkloadGraph
from sata.graph.values import WEIGHT, Value
from sata.specs.model import Op, Tensor

FORWARD = "forward"


def kept_values(graph: WorkloadGraph) -> Iterator[tuple[Value, Tensor]]:
    """(value, the tensor as its maker has it, or the first who reads it) of all that is kept from the forward stage to
    another. Weights are there anyway; what another stage makes anew is another value."""
    ops = graph.flow.ops
    for value in (*graph.flow.values, *graph.flow.inputs):
        users = [*value.makers, *value.readers]
        first = users[0][1]
        forward = [n for n, _ in (value.makers or value.readers) if _stage(ops[n])]
        later = [n for n, _ in value.readers if not _stage(ops[n])]
        if forward and later and first.kind != WEIGHT:
            yield value, first


def _stage(op: Op) -> bool:
    return op.stage == FORWARD


def elements_of(t: Tensor) -> int:
    """Of a tensor."""
    return prod(dim.size for dim in t.dims)
