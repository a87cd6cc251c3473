"""The loops of a nest: factors, strides, axes. `*` takes what is left; every rank is covered, and none runs idle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sata.nest.model import BoundLoop
from sata.specs.model import Array, Compute, Loop, MapArray, MapLoops, Memory, NestNode, Op
from sata.specs.text.faults import Faults, Where, did_you_mean

# Ranks of the shipped templates: a `*` over one of them that an op lacks is a loop of one, so that a single nest
# serves convolutions and linear layers.
USUAL_RANKS = frozenset("n t g k c p q r s".split())


@dataclass(frozen=True, slots=True)
class Known:
    """Names that a nest may use: the workload's ranks and kinds, and the kinds its tensors have by name."""

    ranks: frozenset[str]
    kinds: frozenset[str]
    tensors: Mapping[str, frozenset[str]]
    where: Where = Where()  # of the workload


def flatten(
    op: Op,
    nodes: Sequence[NestNode],
    shared: int,
    by_name: dict[str, Memory | Array | Compute],
    known: Known,
    faults: Faults,
) -> list[tuple[BoundLoop, int]]:
    """The op's loops, outermost first, each with the number of its node; loops of one over ranks it lacks are left
    out.
    """
    flat: list[tuple[BoundLoop, int]] = []
    for number, node in enumerate(nodes):
        if isinstance(node, MapArray) and isinstance(by_name.get(node.name), Array):
            array = by_name[node.name]
            assert isinstance(array, Array)
            _axes(node, array, faults)
        if isinstance(node, (MapLoops, MapArray)):
            above = number < shared < len(nodes)
            flat += [
                (_with_array(loop, node), number) for loop in node.loops if _has_rank(op, loop, above, known, faults)
            ]
    return flat


def _with_array(loop: Loop, node: MapLoops | MapArray) -> BoundLoop:
    return BoundLoop(
        loop.rank, loop.factor or 0, 0, node.name if isinstance(node, MapArray) else None, loop.axis, loop.where
    )


def _has_rank(op: Op, loop: Loop, above: bool, known: Known, faults: Faults) -> bool:
    """Whether the op has the rank; if not, only a loop that is one anyway is allowed. above: the loop is above a
    split.
    """
    if loop.rank in op.ranks:
        return True
    if loop.rank not in known.ranks | USUAL_RANKS:
        ranks = sorted(known.ranks)
        message = f"'{loop.rank}' is not a rank of any op of the workload (ranks: {', '.join(ranks)})"
        faults.add(loop.where, message, did_you_mean(loop.rank, ranks))
    elif loop.factor not in (None, 1):
        message = f"'{loop.rank}' is not a rank of op '{op.name}' (its ranks: {', '.join(op.ranks)})"
        hint = f"write `{loop.rank} *`: over a rank that an op lacks, that is a loop of one"
        faults.add(loop.where, message, "above a split stand only loops that all fused ops have" if above else hint)
    return False


def _axes(node: MapArray, array: Array, faults: Faults) -> None:
    """Axes exist, and the factors on one multiply to no more than its size."""
    for axis in dict.fromkeys(str(loop.axis) for loop in node.loops):
        loops = [loop for loop in node.loops if loop.axis == axis]
        if axis not in array.shape:
            faults.add(
                loops[0].where,
                f"array '{array.name}' has no axis '{axis}'; it has: {', '.join(array.shape)}",
                did_you_mean(str(axis), array.shape),
            )
            continue
        product = 1
        for loop in loops:
            product *= loop.factor or 1
        if product > array.shape[axis]:
            faults.add(
                loops[0].where,
                f"{product} instances along axis {axis} of array '{array.name}', which has {array.shape[axis]}",
            )


def stars_fit(
    op: Op, loops: Sequence[BoundLoop], by_name: Mapping[str, Memory | Array | Compute], faults: Faults
) -> None:
    """What a `*` on an axis turned out to be is no more than the axis has."""
    used: dict[tuple[str, str], int] = {}
    for loop in loops:
        if loop.array is None or loop.axis is None:
            continue
        array = by_name[loop.array]
        assert isinstance(array, Array)
        key = (loop.array, loop.axis)
        used[key] = used.get(key, 1) * loop.factor
        if used[key] > array.shape[loop.axis]:
            faults.add(
                loop.where,
                f"'{op.name}' would use {used[key]} instances along axis {loop.axis} of array '{array.name}', "
                f"which has {array.shape[loop.axis]}",
                f"write `{loop.rank} {array.shape[loop.axis]}` here and `{loop.rank} *` in a temporal loop",
            )


def _check_all_looped(op: Op, loops: Sequence[BoundLoop], faults: Faults) -> None:
    """Some loop runs over every rank with more than one point."""
    looped = {loop.rank for loop in loops}
    missing = {rank: bound for rank, bound in op.ranks.items() if bound > 1 and rank not in looped}
    if missing:
        said = ", ".join(f"{rank} (bound {bound})" for rank, bound in missing.items())
        ranks = "rank" if len(missing) == 1 else "the ranks"
        faults.add(loops[0].where if loops else op.where, f"no loop of '{op.name}' runs over {ranks} {said}",
                   f"add `{', '.join(f'{rank} *' for rank in missing)}`")  # fmt: skip


def factors_of(op: Op, loops: Sequence[BoundLoop], faults: Faults) -> list[BoundLoop] | None:
    """Factors and strides: `*` takes what the other loops of its rank leave; the loops of a rank cover its bound."""
    before = len(faults)
    bound_loops = list(loops)
    _check_all_looped(op, loops, faults)
    for rank, bound in op.ranks.items():
        own = [i for i, loop in enumerate(bound_loops) if loop.rank == rank]
        if not own:
            continue
        _fill_star(bound_loops, own, bound)
        stride = 1
        for i in reversed(own):
            bound_loops[i] = replace(bound_loops[i], stride=stride)
            stride *= bound_loops[i].factor
        _covers(op, bound_loops, own, rank, bound, faults)
    return bound_loops if len(faults) == before else None


def _fill_star(loops: list[BoundLoop], own: Sequence[int], bound: int) -> None:
    rest = bound
    for i in reversed(own):
        if loops[i].factor:
            rest = -(-rest // loops[i].factor)
    for i in own:
        if not loops[i].factor:
            loops[i] = replace(loops[i], factor=rest)


def _covers(op: Op, loops: list[BoundLoop], own: Sequence[int], rank: str, bound: int, faults: Faults) -> None:
    """The outermost loop of a rank has factor ceil(bound / stride): less leaves points out, more runs idle."""
    outer = loops[own[0]]
    needed = -(-bound // outer.stride)
    if outer.factor < needed:
        product = outer.factor * outer.stride
        faults.add(
            outer.where,
            f"the loops over rank {rank} of '{op.name}' cover {product} of {bound}",
            f"write `{rank} *` for the outermost, or {rank} {needed}",
        )
    elif outer.factor > needed and outer.axis is not None:
        loops[own[0]] = replace(outer, factor=needed)  # lanes beyond the bound have nothing to do and never exist
    elif outer.factor > needed:
        faults.add(
            outer.where,
            f"loop {rank} {outer.factor} of '{op.name}' runs idle after {needed} steps "
            f"(bound {bound}, stride {outer.stride})",
            f"write `{rank} *` or {rank} {needed}",
        )


def sequential_in_time(op: Op, loops: Iterable[BoundLoop], faults: Faults) -> None:
    for loop in loops:
        if loop.rank in op.sequential and loop.axis is not None and loop.factor > 1:
            faults.add(
                loop.where,
                f"rank {loop.rank} of '{op.name}' is sequential (it carries state), so its loops must be temporal",
            )
