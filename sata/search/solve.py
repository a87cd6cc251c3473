"""The best mappings of one op, and how sure that is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from sata.search.frame import Frame, frame_of
from sata.search.frontier import Best, Found, OutOfTime, Search, Tally, scored
from sata.search.moves import Shared
from sata.search.nests import PlacedLoop, loops_in_order
from sata.search.objective import Objective
from sata.search.plain import legal
from sata.search.score import Machine
from sata.search.space import Constraints, skeletons
from sata.search.strategies import evolution
from sata.specs.model import Arch, Op

GUESSES = 1500  # nests that evolution tries after the first pass: the better the best so far, the less is looked at
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
    return _of(objective, p.energy_pj, p.cycles)


def solve(task: Task, tick: Callable[[Best, Tally], None] | None = None) -> Answer:
    """Search one op. The first pass runs to its first mapping whatever the budget; after that it is kept."""
    start = time.monotonic()
    best, counts, shared = Best(Objective(task.objective)), Tally(), Shared()
    frames = [
        frame_of(s, task.on, task.constraints, task.ragged)
        for s in skeletons(task.arch, task.op, task.on.prices, task.constraints)
    ]
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
        if width == task.widths[0] and open_ and not task.ragged and not interrupted:
            interrupted = _evolve(task, frames, best, start)
            open_ = [(value, number) for value, number in open_ if not _hopeless(best, value)]
        if not open_:
            break
    return _answer(task, best, counts, open_, len(frames), interrupted, time.monotonic() - start)


def _evolve(task: Task, frames: list[Frame], best: Best, start: float) -> bool:
    """Better guesses from what the first pass found. Returns: whether time ran out or the user stopped it."""
    first = min(best.found, key=lambda f: f.energy_pj * f.cycles, default=None)
    nest, value = None, PROVEN
    if first is not None:
        nest, value = (first.frame, first.loops), _of(task.objective, first.energy_pj, first.cycles)
    strategy = evolution(frames, 0, nest, value)
    try:
        frame, loops = next(strategy)
        for _ in range(GUESSES):
            if task.budget is not None and best.found and time.monotonic() > start + task.budget:
                return True
            found = scored(frame, loops) if legal(frame, loops) else None
            if found is not None:
                best.offer(found)
            frame, loops = strategy.send(
                PROVEN if found is None else _of(task.objective, found.energy_pj, found.cycles)
            )
    except KeyboardInterrupt:
        return True
    return False


def _of(objective: str, energy_pj: float, cycles: float) -> float:
    return float(Objective(objective).value(np.array([energy_pj]), np.array([cycles]))[0])


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
