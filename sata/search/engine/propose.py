"""Search strategies by name: the exact search, and those that propose mappings one by one.

A strategy answers a task. Those that propose are generators in the manner of ask and tell: each mapping they yield is
scored, and its value is what `yield` returns. They prove nothing; the lower bound of their answer is that of the empty
mappings. A new one is a generator and a `Strategy`, with a row of `STRATEGIES` or an entry point.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import inf, prod
from typing import Any

from sata.search.engine.beam import BeamSearch
from sata.search.engine.cyclic import CycleTask, solve_cycle
from sata.search.engine.group import GroupTask, solve_group
from sata.search.engine.solve import Answer, ProgressCallback, Task, point_of, solve
from sata.search.engine.strategies import Nest, evolution, random_search
from sata.search.model.enumerate import legal
from sata.search.model.equivalent import without_equivalents
from sata.search.model.objective import Objective
from sata.search.model.problem import SearchProblem, problem_of
from sata.search.partial.extend import SharedTables
from sata.search.partial.incumbent import Incumbent, ScoredMapping, SearchCounters, score_mapping
from sata.search.space.storage_templates import storage_templates
from sata.specs.registry import Registry, instance_of, raised
from sata.specs.text.faults import Fault, SpecError, Where

TRIES = 2000  # mappings that are proposed where no budget says when to stop
FIRST_WIDTH = 30  # of the beam that finds a mapping where none of the proposed ones is legal and fits
Propose = Callable[[Sequence[SearchProblem], int], Generator[Nest, float, None]]


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to search.

    name: what `sata map --strategy` calls it.
    about: what it does, in a sentence.
    solve: the answer of a task; it calls the second argument, if there is one, now and then with the incumbent, the
        counters and the lower bound, and ends with what it has when that raises KeyboardInterrupt.
    groups: whether it can answer groups of ops that share loops; without it every op is mapped by itself.
    """

    name: str
    about: str
    solve: Callable[[Task, ProgressCallback | None], Answer]
    groups: bool = False


def solve_exactly(task: Task, tick: ProgressCallback | None = None) -> Answer:
    """Branch and bound, for single ops, groups and cycles."""
    if isinstance(task, CycleTask):
        return solve_cycle(task, tick)
    return solve_group(task, tick) if isinstance(task, GroupTask) else solve(task, tick)


def proposing(name: str, about: str, propose: Propose) -> Strategy:
    """A strategy that scores proposed mappings until the budget is spent, or a number of them.

    name, about: see `Strategy`.
    propose: generator function of the search problems of an op (one a storage template) and a seed. It yields (problem,
        loops) and gets the value of the objective, inf for what is not a mapping of the space or does not fit.
    """

    def solve_by_proposals(task: Task, tick: ProgressCallback | None = None) -> Answer:
        return _Proposals(task, tick, name).run(propose)

    return Strategy(name, about, solve_by_proposals)


class _Proposals:
    """The search of one op by proposals."""

    def __init__(self, task: Task, tick: ProgressCallback | None, name: str) -> None:
        self.task, self.tick, self.name, self.start = task, tick, name, time.monotonic()
        known: dict[Any, Any] = {}
        every = [
            problem_of(template, task.on, task.constraints, task.ragged, known)
            for template in storage_templates(task.arch, task.op, task.on.prices, task.constraints)
        ]
        every = [problem for problem in every if problem.unrollings.number]
        self.number, self.problems = len(every), without_equivalents(every)
        self.best, self.counts = Incumbent(Objective(task.objective)), SearchCounters()
        self.bound, self.interrupted = self._lower_bound(), False

    def run(self, propose: Propose) -> Answer:
        """The best of what is proposed; if nothing of it fits, the first mapping of the exact search."""
        try:
            if self.problems:
                self._try(propose(self.problems, 0))
        except KeyboardInterrupt:
            self.interrupted = True
        if not self.best.mappings:
            return solve(replace(self.task, strategy="exact", widths=(FIRST_WIDTH,)), self.tick)
        points = sorted((point_of(f) for f in self.best.mappings), key=lambda p: (p.energy_pj, p.cycles))
        done = {name: int(getattr(self.counts, name)) for name in self.counts.__dataclass_fields__}
        task, seconds = self.task, time.monotonic() - self.start
        return Answer(task.op.name, task.objective, tuple(points), False, min(self.bound, self.best.value()),
                      self.number, seconds, task.ragged, self.interrupted, done)  # fmt: skip

    def _try(self, proposals: Generator[Nest, float, None]) -> None:
        answer: float | None = None
        for tries in count():
            spent = 0.0 if self.task.budget is None else time.monotonic() - self.start - self.task.budget
            if spent > 0.0 or (self.task.budget is None and tries >= TRIES):
                self.interrupted = self.task.budget is not None
                return
            try:
                proposed = next(proposals) if answer is None else proposals.send(answer)
                answer = self._value(proposed)
            except StopIteration:
                return
            except Exception as error:
                if STRATEGIES.own.get(self.name):
                    raise
                message = f"strategy '{self.name}' of {STRATEGIES.owner(self.name)} raised {raised(error)}"
                raise SpecError([Fault(Where(), message)]) from None
            if self.tick is not None:
                self.tick(self.best, self.counts, self.bound)

    def _value(self, proposed: Nest) -> float:
        """Of the objective: inf for what is not in the space."""
        problem, loops = proposed
        self.counts.generated += 1
        found: ScoredMapping | None = None
        covered = {r: prod(loop.factor for loop in loops if loop.rank == r) for r in problem.ranks}
        whole = covered == dict(zip(problem.ranks, problem.bounds, strict=True))
        if whole and any(problem is one for one in self.problems) and legal(problem, loops):
            found = score_mapping(problem, loops)
        if found is None:
            return inf
        self.best.offer(found)
        return self.best.objective.of(found.energy_pj, found.cycles)

    def _lower_bound(self) -> float:
        """Of the empty mappings of all storage templates."""
        shared, least = SharedTables(), inf
        for problem in self.problems:
            root = BeamSearch(problem, self.best, self.counts, shared).root_bound()
            if len(root.energy):
                least = min(least, float(self.best.objective.value(root.energy, root.cycles).min()))
        return least


EXACT = Strategy("exact", "branch and bound with proof: beams of partial mappings, wider until nothing is cut",
                 solve_exactly, groups=True)  # fmt: skip
RANDOM = proposing("random", "random mappings: a baseline", random_search)
EVOLUTION = proposing("evolution", "small changes to the best mapping so far, kept if no worse", evolution)

STRATEGIES: Registry[Strategy] = Registry(
    "strategy",
    "sata.strategies",
    {
        "exact": "sata.search.engine.propose:EXACT",
        "random": "sata.search.engine.propose:RANDOM",
        "evolution": "sata.search.engine.propose:EVOLUTION",
    },
    instance_of(Strategy),
)


def strategy_named(name: str, imperfect: bool = False) -> Strategy:
    """A strategy by name. Raises: SpecError for one that is not known, or that proposes exact factors only."""
    if name not in STRATEGIES:
        raise SpecError([Fault(Where(), f"there is no strategy '{name}'", STRATEGIES.hint(name))])
    if imperfect and name != "exact":
        raise SpecError([Fault(Where(), f"strategy '{name}' is for exact factors", "leave out --imperfect")])
    return STRATEGIES[name]
