"""The best mappings of one op, and how sure that is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from sata.search.frame import frame_of
from sata.search.frontier import Best, Found, OutOfTime, Search, Tally
from sata.search.moves import Shared
from sata.search.nests import PlacedLoop, loops_in_order
from sata.search.objective import Objective
from sata.search.score import Machine
from sata.search.space import Constraints, skeletons
from sata.specs.model import Arch, Op

WIDTHS = (
    30,
    300,
    3000,
    30_000,
    1_000_000,
)  # partial nests kept at each place, pass by pass: something good soon, then the proof
PROVEN = float("inf")


@dataclass(frozen=True)
class Task:
    """What to search: one op on an architecture. budget: seconds, or None."""

    arch: Arch
    op: Op
    on: Machine
    objective: str
    constraints: Constraints
    ragged: bool = False
    budget: float | None = None
    widths: tuple[int, ...] = WIDTHS


@dataclass(frozen=True)
class Point:
    """One mapping: its figures as `sata run` has them, the memories' keeps, its loops (item numbers of `items`)."""

    energy_pj: float
    cycles: float
    items: tuple[str, ...]
    keeps: Mapping[str, tuple[str, ...]]
    loops: tuple[PlacedLoop, ...]


@dataclass(frozen=True)
class Answer:
    """What was found. points: the optimum, or the Pareto front by energy; empty: nothing fits.

    proven: nothing in the space is better. bound: what no mapping of the space is below (of the objective; for a
    Pareto front of the product of energy and cycles). interrupted: by the user or the budget.
    """

    op: str
    objective: str
    points: tuple[Point, ...]
    proven: bool
    bound: float
    skeletons: int
    seconds: float
    ragged: bool
    interrupted: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def gap(self) -> float:
        """How far the best may be above the optimum, as a share of the bound; 0 where it is proven."""
        if self.proven or not self.points:
            return 0.0
        best = min(_value(self.objective, p) for p in self.points)
        return best / self.bound - 1.0 if self.bound > 0 else float("inf")


def _value(objective: str, p: Point) -> float:
    return float(Objective(objective).value(np.array([p.energy_pj]), np.array([p.cycles]))[0])


def solve(task: Task, tick: Callable[[Best, Tally], None] | None = None) -> Answer:
    """Search one op. The first pass runs to its first mapping whatever the budget; after that it is kept."""
    start = time.monotonic()
    best, counts, shared = Best(Objective(task.objective)), Tally(), Shared()
    frames = [
        f for s in skeletons(task.arch, task.op, task.on.prices, task.constraints)
        if (f := frame_of(s, task.on, task.constraints, task.ragged)).modelled
    ]  # fmt: skip
    searches = [
        Search(f, best, counts, shared, tick=None if tick is None else lambda: tick(best, counts)) for f in frames
    ]
    open_: list[tuple[float, int]] = []  # (the least that may be found, number) of skeletons not proven
    for number, search in enumerate(searches):
        least = search.root_bound()
        if len(least.energy):
            open_.append((float(best.objective.value(least.energy, least.cycles).min()), number))
    open_.sort()
    interrupted = False
    for width in task.widths:
        after: list[tuple[float, int]] = []
        for least_value, number in open_:
            if interrupted or _hopeless(best, least_value):
                if interrupted:
                    after.append((least_value, number))
                continue
            search = searches[number]
            search.deadline = start + task.budget if task.budget is not None and best.found else None
            try:
                left = search.run(width)
            except (OutOfTime, KeyboardInterrupt):
                interrupted = True
                after.append((least_value, number))
                continue
            if left < PROVEN:
                after.append((max(least_value, left), number))
        open_ = sorted(after)
        if not open_:
            break
    return _answer(task, best, counts, open_, len(frames), interrupted, time.monotonic() - start)


def _hopeless(best: Best, value: float) -> bool:
    """Whether a bound of the objective leaves nothing to find (never for a Pareto front, which is no single value)."""
    if best.objective.name == "pareto" or not best.found:
        return False
    have = best.found[0]
    value_of = best.objective.value(np.array([have.energy_pj]), np.array([have.cycles]))[0]
    return bool(value >= value_of * (1.0 - 1e-10))


def _answer(task: Task, best: Best, counts: Tally, open_: list[tuple[float, int]], number: int, interrupted: bool,
            seconds: float) -> Answer:  # fmt: skip
    points = tuple(sorted((_point(f) for f in best.found), key=lambda p: (p.energy_pj, p.cycles)))
    have = min((_value(task.objective, p) for p in points), default=PROVEN)
    open_ = [(value, n) for value, n in open_ if not _hopeless(best, value)]
    bound = min([have, *(value for value, _ in open_)])
    done = {name: int(getattr(counts, name)) for name in counts.__dataclass_fields__}
    return Answer(
        task.op.name, task.objective, points, not open_, bound, number, seconds, task.ragged, interrupted, done
    )


def _point(found: Found) -> Point:
    skeleton = found.frame.skeleton
    loops = tuple(loops_in_order(skeleton, found.loops))
    names = tuple(i.name for i in skeleton.items)
    return Point(found.energy_pj, found.cycles, names, dict(skeleton.keeps), loops)
