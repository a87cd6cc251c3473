"""What is wrong with how the ops of a workload hang together: two makers, two densities, two shapes, unknown names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from sata.graph.order import Order, order_of, sequential_in
from sata.graph.parts import disjoint, same_elements
from sata.graph.values import Dataflow, Value, dataflow, is_sum, place_of
from sata.specs.model import Density, Op, Tensor, Workload
from sata.specs.text.faults import Faults, did_you_mean


@dataclass(frozen=True)
class WorkloadGraph:
    """A workload, what passes between its ops, and their order. The ops of its cycles are declared sequential."""

    workload: Workload
    flow: Dataflow
    order: Order


def graph_of_workload(workload: Workload, faults: Faults) -> WorkloadGraph:
    """The graph; whatever is wrong with it is added to `faults`."""
    flow = dataflow(workload.ops)
    _check_names(flow, faults)
    for value in flow.values:
        _check_makers(flow.ops, value, faults)
        _check_shapes(flow.ops, value, faults)
        _check_densities(flow.ops, value, faults)
    order = order_of(flow, faults)
    derived = sequential_in(order, flow.ops)
    if derived:
        ops = tuple(replace(op, sequential=derived.get(n, op.sequential)) for n, op in enumerate(flow.ops))
        workload, flow = replace(workload, ops=ops), replace(flow, ops=ops)
    return WorkloadGraph(workload, flow, order)


def check_graph(workload: Workload, faults: Faults) -> None:
    """Faults of the graph alone."""
    graph_of_workload(workload, faults)


def _check_names(flow: Dataflow, faults: Faults) -> None:
    known = {f"{op.layer}.{t.name}": None for op in flow.ops for t in op.tensors}
    for op, t in flow.unknown:
        message = f"tensor '{t.name}' of '{op.name}' is of '{t.of}', which no op has"
        faults.add(place_of(op, t), message, did_you_mean(t.of, known) or "write LAYER.TENSOR, or input")


def _check_makers(ops: tuple[Op, ...], value: Value, faults: Faults) -> None:
    """Two makers both add, the later to what is there; or make disjoint parts."""
    for (a, made), (b, other) in combinations(value.makers, 2):
        one, two = ops[a], ops[b]
        if disjoint(one, made, two, other) or (is_sum(one) and is_sum(two) and other.initialised):
            continue
        message = f"'{value.name}' is made by '{one.name}' and by '{two.name}', "
        if is_sum(one) and is_sum(two):
            message += f"which does not add to what is there: '{other.name}' is not initialised"
            hint = "say `initialised: true` in the later one"
        else:
            message += "which neither both add to it nor make parts of it that are disjoint"
            hint = "write both with `+=`, the later one `initialised: true`, or give one of them another name"
        faults.add(place_of(two, other), message, hint)


def _check_shapes(ops: tuple[Op, ...], value: Value, faults: Faults) -> None:
    """Who says to read a value sees it as its maker does, or with neighbouring dimensions merged or split. (Where the
    name alone says so, other elements are waited for as a whole.)"""
    makers = value.makers[:1]
    for (a, made), (b, taken) in ((m, r) for m in makers for r in (*value.readers, *value.old)):
        if taken.of and not same_elements(made, taken):
            sizes = ["x".join(str(d.size) for d in t.dims) or "1" for t in (made, taken)]
            message = f"'{taken.name}' of '{ops[b].name}' is {sizes[1]}, but '{ops[a].name}' makes it as {sizes[0]}"
            faults.add(place_of(ops[b], taken), message, "dimensions may be merged or split, row by row")


def _check_densities(ops: tuple[Op, ...], value: Value, faults: Faults) -> None:
    """What is stated of one value is the same wherever it is stated."""
    said = [(n, t) for n, t in _whole(ops, value) if t.stated]
    for (a, first), (b, other) in zip(said[:1] * len(said), said[1:], strict=False):
        if _plain(first) != _plain(other):
            message = f"the density of '{other.name}' in '{ops[b].name}' is {_text(other)}, "
            message += f"but '{ops[a].name}' states {_text(first)} for the same tensor"
            faults.add(place_of(ops[b], other), message, "state it once, or the same everywhere")


def _whole(ops: tuple[Op, ...], value: Value) -> Iterator[tuple[int, Tensor]]:
    """Who has all of a value: the last of those that add to it, and its readers. Parts may differ."""
    if len(value.makers) == 1 or all(is_sum(ops[n]) for n, _ in value.makers):
        yield value.makers[-1]
    yield from value.readers


def _plain(t: Tensor) -> object:
    """A density that two ways to write it share: equal numbers of all steps are one, a uniform model is its number."""
    density = t.density
    if isinstance(density, tuple) and len(set(density)) == 1:
        return density[0]
    if isinstance(density, Density) and density.model == "uniform" and list(density.given()) == ["density"]:
        return density.given()["density"]
    return density


def _text(t: Tensor) -> str:
    if isinstance(t.density, Density):
        return str(t.density.data())
    return str(list(t.density)) if isinstance(t.density, tuple) else f"{t.density or 0:.10g}"
