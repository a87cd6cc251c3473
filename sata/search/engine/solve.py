"""The best mappings of one op, and how sure that is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import inf, prod
from typing import Any

from sata.search.cost_to_go.tables import MOST
from sata.search.engine.beam import BeamSearch
from sata.search.engine.strategies import evolution
from sata.search.engine.walk import PROVEN, BudgetSpent, widened
from sata.search.model.answer import Answer, FusionCertificate, MappingPoint, Start
from sata.search.model.enumerate import legal
from sata.search.model.equivalent import without_equivalents
from sata.search.model.exact import Machine
from sata.search.model.objective import SLACK, Objective
from sata.search.model.problem import SearchProblem, problem_of
from sata.search.partial.extend import SharedTables
from sata.search.partial.incumbent import FrontStep, Incumbent, ScoredMapping, SearchCounters, score_mapping
from sata.search.space.nests import loops_in_order
from sata.search.space.storage_templates import Constraints, storage_templates
from sata.specs.model import Arch, Op
from sata.specs.text.memory import note_end

FIRST = 16  # skeletons that are looked at before evolution
SHARE = 0.5  # of a budget, that evolution may take before the proof
GUESSES = 200  # nests that evolution tries after the first pass: the better the best so far, the less is looked at
WIDTHS = (
    30,
    300,
    3000,
    30_000,
    1_000_000,
)  # partial nests kept at each place, pass by pass: something good soon, then the proof
NARROW = 2  # of the widths: passes that are soon done
ENERGY_SHARE = 0.3  # of what a budget leaves, that a search for least energy may take where others are sought
ROWS = 40_000  # in one place of a look ahead at first
CLOSELY = 2  # passes without a close look: those are soon done


STEPWISE = 1 << 14  # operations: of an op with more, a Pareto front is searched point by point
Open = tuple[float, int]
# called now and then with the best so far and what nothing is below; may raise KeyboardInterrupt if something is found
ProgressCallback = Callable[[Incumbent, SearchCounters, float], None]


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
    widths: tuple[int, ...] = WIDTHS  # none: a guess is enough
    starts: tuple[Start, ...] = ()  # mappings that are there before the search: nothing worse is given
    strategy: str = "exact"  # a row of `propose.STRATEGIES`, which answers the task


def solve(task: Task, tick: ProgressCallback | None = None, limit: float | None = None) -> Answer:
    """Search one op. It runs to its first mapping whatever the budget; after that the budget is kept, but for the
    last step of it. limit: only of nests below it, of a single objective; no points if there are none."""
    return _Single(task, tick).run(limit)


class _Single:
    """The search of one op. best: what is there so far, of all that is sought. open: (the least that may be found,
    number) of skeletons not proven."""

    def __init__(self, task: Task, tick: ProgressCallback | None) -> None:
        self.task, self.tick, self.start = task, tick, time.monotonic()
        self.incumbent, self.counts, shared = Incumbent(Objective(task.objective)), SearchCounters(), SharedTables()
        known: dict[Any, Any] = {}
        every = [
            problem_of(s, task.on, task.constraints, task.ragged, known)
            for s in storage_templates(task.arch, task.op, task.on.prices, task.constraints)
        ]
        every = [
            problem for problem in every if problem.unrollings.number
        ]  # without one the lanes cannot be as they must
        self.number, self.problems = len(every), without_equivalents(every)
        self.searches = [BeamSearch(f, self.incumbent, self.counts, shared, tick=self._told) for f in self.problems]
        self.open: list[Open] = []
        self.interrupted = False

    def run(self, limit: float | None) -> Answer:
        self.open = self._roots()
        if limit is not None and self.problems:
            self.incumbent.cutoff = limit
        else:
            self._begin()
        if limit is None and not self.task.ragged:
            order = [n for _, n in self.open]
            self.interrupted = _evolve(
                self.task, self.problems, self.searches, self.incumbent, order, self.start, self._told
            )  # fmt: skip
        if self.task.objective == "pareto" and self.incumbent.mappings and prod(self.problems[0].bounds) > STEPWISE:
            self._front()
        else:
            self._passes(self.incumbent)
            self._second()
        return _answer(self.task, self.incumbent, self.counts, self.open, self.number, self.interrupted,
                       time.monotonic() - self.start)  # fmt: skip

    def _begin(self) -> None:
        """With what is there already, as far as it is in the space."""
        for start in self.task.starts:
            if len(start.points) == 1:
                found = _known(self.problems, start.points[0])
                if found is not None:
                    self.incumbent.offer(found)

    def _roots(self) -> list[Open]:
        """By the empty nests of all storage templates."""
        roots = ((search.root_value(), number) for number, search in enumerate(self.searches))
        return sorted((value, number) for value, number in roots if value < PROVEN)

    def _restart(self, incumbent: Incumbent) -> None:
        """From now on, search for another best."""
        for search in self.searches:
            search.incumbent = incumbent
            search.forget()
        self.open = self._roots()

    def _front(self) -> None:
        """The front point by point: the least energy, then the least energy of fewer cycles, and so on."""
        front, left = self.incumbent, []
        below = inf
        while True:
            incumbent = FrontStep(Objective("energy", below), front=front)
            for known in tuple(front.mappings):
                incumbent.offer(known)
            self._restart(incumbent)
            self._passes(incumbent)
            left += self.open
            if not incumbent.mappings or self.interrupted:
                break
            below = incumbent.mappings[0].cycles
        self.open = left

    def _second(self) -> None:
        """Of the mappings of least cycles one of little energy: by narrow passes, so that nothing is proven of it."""
        have = self.incumbent.mappings[0] if self.incumbent.mappings else None
        if self.task.objective != "cycles" or self.interrupted or have is None:
            return
        open_, incumbent = self.open, FrontStep(Objective("energy", have.cycles * (1.0 + 4 * SLACK)), front=None)
        incumbent.offer(have)
        self._restart(incumbent)
        self._passes(incumbent, self.task.widths[:NARROW])
        self.open, self.interrupted = open_, False
        self.incumbent.mappings = [f for f in incumbent.mappings if f.cycles <= have.cycles] or [have]

    def _energy_first(self) -> None:
        """The mapping of least energy, as far as it is found soon: mostly one of few cycles, and of a small product."""
        left = None
        if self.task.budget is not None:
            left = max(self.start + self.task.budget - time.monotonic(), 0.0) * ENERGY_SHARE
        part = replace(self.task, objective="energy", budget=left, widths=self.task.widths[: NARROW + 1])
        try:
            for point in solve(part, lambda *_: self._told()).points:
                found = _known(self.problems, point)
                if found is not None:
                    self.incumbent.offer(found)
        except KeyboardInterrupt:
            self.interrupted = True

    def _passes(self, incumbent: Incumbent, widths: Sequence[int] | None = None) -> None:
        """Passes below the open storage templates, growing wider, until nothing is left out."""
        task = self.task
        narrow_first = task.objective in ("cycles", "edp") and not task.ragged

        def before(step: int, todo: list[Open]) -> list[Open]:
            if step == NARROW and narrow_first and not self.interrupted:
                self._energy_first()
            return todo

        def one_pass(step: int, width: int, _: float, number: int) -> float:
            search, known = self.searches[number], 0.0
            if (self.interrupted or search.too_wide(width)) and incumbent.bounds:
                return known
            search.deadline = self.start + task.budget if task.budget is not None and incumbent.bounds else None
            try:
                if not search.build_cost_to_go(step > CLOSELY, ROWS if step < 4 else MOST):
                    return PROVEN
                known = search.least()
                return max(known, search.run(width))
            except (BudgetSpent, KeyboardInterrupt, MemoryError) as error:
                if isinstance(error, MemoryError):
                    search.forget()
                    note_end()
                self.interrupted = True
                return known

        def told(todo: list[Open]) -> None:
            self.open = todo

        def ended() -> bool:
            return self.interrupted and incumbent.bounds

        self.open = widened(self.open, task.widths if widths is None else widths, one_pass, incumbent.pruned,
                            ended, before, told)  # fmt: skip

    def _told(self) -> None:
        if self.tick is not None:
            self.tick(self.incumbent, self.counts, min((value for value, _ in self.open), default=0.0))


def _evolve(
    task: Task,
    problems: list[SearchProblem],
    searches: list[BeamSearch],
    incumbent: Incumbent,
    order: list[int],
    start: float,
    told: Callable[[], None],
) -> bool:
    """A first nest from narrow passes below the most promising skeletons, then better ones by small changes. Not cut
    short by the budget before it has something. Returns: whether the user stopped it."""
    try:
        whole = len(order) <= FIRST
        for number in order[:FIRST]:
            whole &= searches[number].run((task.widths or WIDTHS)[0], unrollings_first=True) == PROVEN
            if incumbent.mappings and task.budget is not None and time.monotonic() > start + task.budget / 4:
                break
        if whole:
            return False  # nothing was left out: there is nothing better to guess
        strategy = evolution(problems, 0)
        if incumbent.mappings:
            first = min(incumbent.mappings, key=lambda f: f.energy_pj * f.cycles)
            value = incumbent.objective.of(first.energy_pj, first.cycles)
            strategy = evolution(problems, 0, (first.problem, first.loops), value)
        problem, loops = next(strategy)
        for guess in count():
            spent = 0.0 if task.budget is None else (time.monotonic() - start) / max(task.budget, 1e-9)
            # in a budget evolution has what is left of its first half, so that little time is not all spent on proof
            if guess >= GUESSES and (
                problems[0].linear or task.budget is None or spent > SHARE or not incumbent.mappings
            ):
                break
            if incumbent.mappings and (spent > 1.0 or (spent > SHARE and guess >= GUESSES // 10)):
                break
            told()
            found = score_mapping(problem, loops) if legal(problem, loops) else None
            if found is not None:
                incumbent.offer(found)
            problem, loops = strategy.send(
                PROVEN if found is None else incumbent.objective.of(found.energy_pj, found.cycles)
            )
    except KeyboardInterrupt:
        return True
    except MemoryError:
        note_end()
        return True
    return False


def _answer(
    task: Task,
    incumbent: Incumbent,
    counts: SearchCounters,
    open_: list[tuple[float, int]],
    number: int,
    interrupted: bool,
    seconds: float,
) -> Answer:
    points = tuple(sorted((point_of(f) for f in incumbent.mappings), key=lambda p: (p.energy_pj, p.cycles)))
    have = incumbent.value()
    bound = min([have, *(value for value, _ in open_)])
    done = {name: int(getattr(counts, name)) for name in counts.__dataclass_fields__}
    return Answer(
        task.op.name, task.objective, points, not open_, bound, number, seconds, task.ragged, interrupted, done
    )


def _known(problems: Sequence[SearchProblem], point: MappingPoint) -> ScoredMapping | None:
    """A point as a mapping of the space; None if it is none, or does not fit."""
    keeps = {name: kept for name, kept in point.keeps.items() if kept}
    for problem in problems:
        template, bounds = problem.template, problem.template.op.ranks
        if tuple(i.name for i in template.items) != point.items or dict(template.keeps) != keeps:
            continue
        looped = {r: prod(loop.factor for loop in point.loops if loop.rank == r) for r in bounds}
        if (problem.ragged or looped == dict(bounds)) and legal(problem, point.loops):
            return score_mapping(problem, point.loops)
    return None


def point_of(found: ScoredMapping) -> MappingPoint:
    """A scored mapping as a point of an answer."""
    template = found.problem.template
    loops = tuple(loops_in_order(template, found.loops))
    names = tuple(i.name for i in template.items)
    return MappingPoint(found.energy_pj, found.cycles, names, dict(template.keeps), loops)


__all__ = ["Answer", "FusionCertificate", "MappingPoint", "ProgressCallback", "Start", "Task", "solve"]
