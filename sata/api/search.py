"""Searches of mappings: planned, then run in whole or in part; what they find as a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sata.api.arguments import one_of
from sata.api.parts import Source
from sata.api.tables import RecordTable
from sata.report.frozen import FrozenRecord
from sata.report.result import Result
from sata.search.answers.cache import Cache
from sata.search.answers.codec import data_of
from sata.search.answers.mapping_file import chosen, mapping_text
from sata.search.answers.scope import gap_of, group_words, is_proven, not_searched, scope_data, scope_of
from sata.search.engine.group import may_fuse
from sata.search.engine.propose import strategy_named
from sata.search.engine.solve import Answer, Task
from sata.search.model.answer import Start
from sata.search.run.check_whole import check_whole
from sata.search.run.lawful import by_law
from sata.search.run.scheduler import Resources, Watcher, solve_all
from sata.search.run.setup import SearchSetup, setup_of
from sata.search.run.shards import merged_shards, read_shard, search_of, shard_of, shard_text
from sata.search.run.starts import settled, starts_of
from sata.search.run.workload import (
    Unit,
    answers_by_op,
    check_found,
    part_by_law,
    search_units,
    selected,
    tasks_of,
    totals,
)
from sata.search.space.constraints import ConstraintRule, read_constraints
from sata.specs import load
from sata.specs.model import Arch, MappingSpec, Op
from sata.specs.text.faults import Fault, SpecError, Where

if TYPE_CHECKING:
    from pandas import DataFrame

    from sata.api.spec import Spec

OBJECTIVES = ("energy", "cycles", "edp", "pareto")


@dataclass(frozen=True)
class SearchOptions:
    """What is asked of a search; `Spec.map` says what each means. workers: None, one for each core."""

    objective: str = "energy"
    ops: str | None = None
    budget: float | None = None
    constraints: Source | None = None
    imperfect: bool = False
    fuse: int = 2
    workers: int | None = 1
    cache: bool = True
    verify: bool = False
    scheduler: str | None = None
    strategy: str = "exact"


@dataclass(frozen=True)
class MapResult:
    """What a search has found. Nothing of it can be changed.

    answers: name of an op -> all that is known of it. arch, workload: names. cached: answers that earlier searches had.
    ops: the pattern that chose the ops.
    """

    answers: Mapping[str, Answer]
    arch: Arch = field(repr=False)
    workload: str
    cached: int = 0
    spec: Spec | None = field(default=None, repr=False, compare=False)
    ops: str | None = None

    def __repr__(self) -> str:
        sure = "proven" if self.proven else f"gap {self.gap:.2%}"
        what = f"{len(self.answers)} ops of {self.workload} on {self.arch.name} for {self.objective}"
        return f"<MapResult: {what}, {self.energy_pj:.4g} pJ, {self.cycles:,.0f} cycles, {sure}>"

    @property
    def objective(self) -> str:
        """What was made least."""
        return next(iter(self.answers.values())).objective

    @property
    def mapping(self) -> MappingSpec:
        """The mapping: of a Pareto front the points with the least product of energy and cycles."""
        found = load(mapping=self.to_yaml()).mapping
        assert found is not None
        return found

    @property
    def points(self) -> RecordTable:
        """Every point that was found; of objectives other than "pareto" one for each op.

        Rows: op, label, energy_pj, cycles, chosen (is it the one that `mapping` has?).
        """
        return RecordTable(
            {"op": op, "label": f"{op} {n}", "energy_pj": point.energy_pj, "cycles": point.cycles,
             "chosen": point is chosen(answer)}
            for op, answer in self.answers.items() for n, point in enumerate(answer.points)
        )  # fmt: skip

    @property
    def proven(self) -> bool:
        """Whether no mapping of the space is better, of any op."""
        return all(map(is_proven, self.answers.values()))

    @property
    def gap(self) -> float:
        """How far the worst op may be above its optimum, as a share of its lower bound; 0 where all are proven."""
        return max(map(gap_of, self.answers.values()))

    @property
    def interrupted(self) -> bool:
        """Whether the budget, or the user, ended the search of an op."""
        return any(answer.interrupted for answer in self.answers.values())

    @property
    def energy_pj(self) -> float:
        """Of all chosen points together."""
        return totals(self.answers)[0]

    @property
    def cycles(self) -> float:
        """Of all chosen points together."""
        return totals(self.answers)[1]

    def to_yaml(self) -> str:
        """The mapping as a file, what is known of each op in comments above it."""
        answers = list(self.answers.values())
        header = [
            f"The best mapping of {self.workload} on {self.arch.name} for {self.objective}, found by sata map.",
            "What is known of each op stands above it; docs/search.md says what it means.",
            "Scope: memories in the order of the file, each at one height; ops alone"
            + (f" or in {group_words(answers)}" if any(a.fusion is not None for a in answers) else "")
            + f". Not searched: {', '.join(not_searched(answers))}.",
        ]
        return mapping_text(self.answers, self.arch, header)

    def evaluate(self) -> Result:
        """The result under this mapping, of the ops that were mapped: what `sata run` says of it."""
        if self.spec is None:
            hint = "spec.replace(mapping=best.mapping).evaluate() with the spec that was mapped"
            raise SpecError([Fault(Where(), "merged parts do not hold what they are mapped on", hint)])
        from sata.evaluation import evaluate

        setting = setup_of(*self.spec.sources[:2], dict(self.spec.variables), self.spec.sources[2])
        return evaluate(*setting.sources, self.to_yaml(), ops=self.ops, **setting.variables)

    def frame(self) -> DataFrame:
        """The points as a pandas DataFrame."""
        return self.points.frame()

    def to_dict(self) -> dict[str, object]:
        """The JSON of `sata map --json`: per op its certificate and points, in the form that `sata plot` reads."""
        ops = [_op_data(op, answer) for op, answer in self.answers.items()]
        first = next(iter(self.answers.values()))
        widest = max(self.answers.values(), key=lambda a: 0 if a.fusion is None else len(a.fusion.ops), default=first)
        found: dict[str, object] = {"ops": ops, "scope": scope_data(widest)}
        return found if len(ops) > 1 else {**found, "points": ops[0]["points"], "pareto": ops[0]["pareto"]}


def _op_data(op: str, a: Answer) -> dict[str, object]:
    points = [{"label": f"{op} {n}", "energy_pj": p.energy_pj, "cycles": p.cycles} for n, p in enumerate(a.points)]
    return {
        "op": op, "objective": a.objective, "proven": is_proven(a), "gap": gap_of(a), "bound": a.bound,
        "scope": scope_of(a), "cached": a.cached, "origin": a.origin,
        "interrupted": a.interrupted, "seconds": a.seconds, "choices_of_keeps": a.skeletons,
        "counts": dict(a.counts), "fusion": None if a.fusion is None else data_of(a.fusion),
        "points": points,
        "pareto": list(range(len(points))) if a.objective == "pareto" else [],
    }  # fmt: skip


@dataclass(frozen=True)
class PlannedSearch:
    """A search that can begin. tasks: one for each different op or group; number: of each unit that of its task."""

    spec: Spec
    options: SearchOptions
    setting: SearchSetup
    chosen: Sequence[Op]
    rules: Sequence[ConstraintRule]
    units: Sequence[Unit]
    tasks: Sequence[Task]
    number: Sequence[int]
    starts: Sequence[Start]

    def part(self, part: int, parts: int) -> list[int]:
        """The numbers of the tasks of one part, from 1."""
        return shard_of(self.tasks, part, parts)

    def solve(self, mine: Sequence[int], watch: Watcher, cache: Cache | None) -> list[Answer]:
        """The answers of some tasks. Raises: SpecError for each that no mapping fits, and why."""
        asked = self.options
        how = Resources(asked.workers, cache, watch, asked.scheduler, asked.verify)
        found = solve_all([self.tasks[n] for n in mine], how, budget=asked.budget)
        check_found([self.tasks[n] for n in mine], found)
        return found

    def run(self, watch: Watcher | None = None, cache: Cache | None = None) -> MapResult:
        """Search everything. watch: told how it goes. cache: that of the user without one, if options say so."""
        kept = cache or (Cache() if self.options.cache else None)
        found = self.solve(range(len(self.tasks)), watch or Watcher(), kept)
        settled_answers = settled(answers_by_op(self.units, self.number, self.tasks, found), self.starts)
        answers = by_law(self.setting, settled_answers)
        check_whole(self.setting, answers, self.options.ops)
        return MapResult(FrozenRecord(answers), self.setting.arch, self.setting.workload.name,
                         sum(answer.cached for answer in found), self.spec, self.options.ops)  # fmt: skip

    def run_part(self, part: int, parts: int, watch: Watcher | None = None, cache: Cache | None = None) -> str:
        """Search one part: the file, as JSON, that `merge` takes."""
        mine = self.part(part, parts)
        kept = cache or (Cache() if self.options.cache else None)
        found = self.solve(mine, watch or Watcher(), kept)
        search = search_of(self.setting, self.units, self.tasks, self.number, parts)
        scored = [part_by_law(self.setting, self.tasks[n], answer) for n, answer in zip(mine, found, strict=True)]
        return shard_text(search, part, dict(zip(mine, scored, strict=True)))


def _asked(spec: Spec, options: SearchOptions) -> tuple[SearchSetup, Sequence[Op], Sequence[ConstraintRule]]:
    one_of("objective", options.objective, OBJECTIVES)
    arch, workload, mapping = spec.sources
    setting = setup_of(arch, workload, dict(spec.variables), mapping)
    rules = [] if options.constraints is None else read_constraints(options.constraints, setting.arch, setting.workload)
    chosen_ops = selected(setting, options.ops)
    return setting, chosen_ops, rules


def space_of(spec: Spec, options: SearchOptions) -> RecordTable:
    """How large the space is. Raises: SpecError with all faults."""
    from sata.search.run.space_size import space_rows

    setting, chosen_ops, rules = _asked(spec, options)
    return RecordTable(space_rows(setting, chosen_ops, rules))


def planned(spec: Spec, options: SearchOptions) -> PlannedSearch:
    """Load, price and choose what is searched. Raises: SpecError with all faults."""
    fuse = 2 if options.fuse is True else int(options.fuse)
    fuse = fuse if strategy_named(options.strategy, options.imperfect).groups else 1
    setting, chosen_ops, rules = _asked(spec, options)
    units = search_units(setting, chosen_ops, fuse=fuse if may_fuse(options.objective, options.imperfect) else 1)
    starts = [start for start in starts_of(setting, rules) if fuse > 1 or not start.split]
    tasks, number = tasks_of(setting, units, options.objective, rules, ragged=options.imperfect, starts=starts,
                             strategy=options.strategy)  # fmt: skip
    return PlannedSearch(spec, options, setting, chosen_ops, rules, units, tasks, number, starts)


def merge(*files: str) -> MapResult:
    """The parts of a search, from `sata map --shard`, as one.

    files: of all parts, in any order.
    Raises: SpecError for parts that are of different searches, given twice or missing.
    """
    faults: list[Fault] = []
    named = {}
    for name in files:
        try:
            if name in named:
                faults.append(Fault(Where(name), "is given twice"))
            named[name] = read_shard(name)
        except SpecError as error:
            faults += error.faults
    if faults:
        raise SpecError(faults)
    search, arch, answers = merged_shards(named)
    return MapResult(FrozenRecord(answers), arch, search.workload)
