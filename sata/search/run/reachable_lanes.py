"""Why the lanes of an array cannot be used as 'utilization' asks: the axis, and how many lanes its ranks can fill."""

from __future__ import annotations

from collections.abc import Sequence

from sata.search.engine.solve import Task
from sata.search.space.storage_templates import Way, paths_of
from sata.specs.model import Array
from sata.specs.text.faults import Fault

Left = tuple[int, ...]  # of every rank, what other axes have not unrolled


def too_few_lanes(task: Task) -> Fault | None:
    """The fault of an op whose loops fill too few lanes of some axis on every way down; None if they may do."""
    if not task.constraints.utilization:
        return None
    faults_by_path = [_of_way(task, way) for way in paths_of(task.arch, task.op, task.on.prices, task.constraints)]
    return faults_by_path[0] if faults_by_path and all(faults_by_path) else None


def _of_way(task: Task, way: Way) -> Fault | None:
    """Axis by axis, beside all that the axes before it can have taken."""
    op, asked = task.op, task.constraints
    ranks = [r for r, bound in op.ranks.items() if bound > 1]
    states: set[Left] = {tuple(op.ranks[r] for r in ranks)}
    for array in (node for node in way if isinstance(node, Array)):
        for axis, size in array.shape.items():
            names = asked.ranks.get((array.name, axis), tuple(ranks))
            free = [n for n, r in enumerate(ranks) if r in names and r not in op.sequential]
            reached = _filled(states, free, size, task.ragged)
            least = asked.least_lanes(size)
            states = {left for left, lanes in reached if lanes >= least}
            if not states:
                return _fault(task, f"{array.name}.{axis}", size, least, sorted({n for _, n in reached}))
    return None


def _filled(states: set[Left], free: Sequence[int], size: int, ragged: bool) -> set[tuple[Left, int]]:
    """(what is left, lanes) of all ways to unroll some ranks on an axis."""
    filled = {(left, 1) for left in states}
    for n in free:
        for left, lanes in tuple(filled):
            for factor in range(2, min(left[n], size // lanes) + 1):
                if ragged or left[n] % factor == 0:
                    rest = -(-left[n] // factor)
                    filled.add(((*left[:n], rest, *left[n + 1 :]), lanes * factor))
    return filled


def _fault(task: Task, axis: str, size: int, least: int, lanes: Sequence[int]) -> Fault:
    op, share = task.op, task.constraints.utilization
    shown = ", ".join(map(str, lanes[-8:])) if len(lanes) <= 8 else f"..., {', '.join(map(str, lanes[-8:]))}"
    message = (
        f"no mapping of '{op.name}' uses {least} of the {size} lanes of {axis}, as 'utilization: {share:g}' asks: "
        f"its ranks can fill {shown}"
    )
    best = lanes[-1] / size
    return Fault(op.where, message, f"ask for {best:.4g} at most" if best < share else "ask for less")
