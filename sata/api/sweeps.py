"""Sweeps: from a grid in Python or from a file, to a table with the Pareto set marked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from sata.api.arguments import one_of
from sata.api.documents import yaml_text
from sata.api.parts import KEYS, Source, source_of
from sata.api.search import OBJECTIVES
from sata.api.tables import RecordTable
from sata.report.compare import EACH
from sata.search.answers.cache import default_folder
from sata.specs.model import Arch, MappingSpec, Workload
from sata.specs.text.faults import Fault, SpecError, Where, did_you_mean
from sata.specs.text.includes import is_text
from sata.specs.text.source import read
from sata.sweep.journal import Journal
from sata.sweep.rows import Row
from sata.sweep.run import sweep_points
from sata.sweep.spec import MOST, VARIED, Mapper, Scalar, Sweep, SweepPoint, read_sweep
from sata.sweep.table import sweep_table, table_bytes

if TYPE_CHECKING:
    from sata.api.spec import Spec

Varied = Scalar | os.PathLike[str] | Arch | Workload | MappingSpec
_NAMES = {"arch": "arch", "workload": "workloads", "mapping": "mappings"}


class SweepTable(RecordTable):
    """A row for each point: point (from 1), label, status ("ok" or "failed"), pareto (0 or 1), what is varied,
    energy_pj, cycles, seconds, edp, area_um2, leakage_mw, leakage_pj, kept_bits, columns of `by`, and where
    points were mapped proven and gap; why, of points that failed.
    """

    __slots__ = ("_interrupted", "_resumed")

    def __init__(self, rows: Iterable[Mapping[str, object]], interrupted: bool = False, resumed: int = 0) -> None:
        super().__init__(rows)
        self._interrupted, self._resumed = interrupted, resumed

    @property
    def interrupted(self) -> bool:
        """Whether the user ended it: the rows are those of finished points."""
        return self._interrupted

    @property
    def resumed(self) -> int:
        """How many points the journal had."""
        return self._resumed

    @property
    def pareto(self) -> tuple[bool, ...]:
        """For each row whether it is of the Pareto set: `table.frame()[list(table.pareto)]`."""
        return tuple(bool(row["pareto"]) for row in self)

    def to_bytes(self, form: str = "csv") -> bytes:
        """The table as a file. form: "csv", "json" or "parquet", which needs pyarrow."""
        return table_bytes(self.cells(), form)

    def cells(self) -> list[Row]:
        """The rows as plain dicts."""
        return [_cells(row) for row in self]


def _cells(row: Mapping[str, object]) -> Row:
    return {name: value for name, value in row.items() if value is None or isinstance(value, (str, int, float))}


def swept(sweep: Sweep, journal: Journal, workers: int | None = 1, cache: bool = True,
          tell: Callable[[int, int], None] = lambda _done, _of: None,
          check: Callable[[], None] = lambda: None) -> SweepTable:  # fmt: skip
    """All points of a sweep. tell: called with points that are finished, of how many; check: after each, to refuse.

    Raises: SpecError if a file cannot be read, or the journal not be written.
    """
    folder = str(default_folder()) if cache else None
    found = sweep_points(sweep, journal, workers, folder, tell, check=check)
    return SweepTable(sweep_table(sweep, found.rows), found.interrupted, found.resumed)


def sweep_file(source: Source, /, *, journal: str | None = None, workers: int = 1, cache: bool = True,
               **variables: Scalar) -> SweepTable:  # fmt: skip
    """The table of a sweep's file: `sata sweep`.

    source: a path, YAML text or dict in the form of docs/sweep.md.
    journal: a file in which finished points are kept, so that the same call goes on after an interruption.
    workers: processes of this machine; more than one needs `if __name__ == "__main__":` in a script.
    cache: whether answers of earlier searches are taken, and new ones kept.
    variables: override those that the file itself declares.
    Raises: SpecError with every fault of the file. A point that does not fit is a row with the reason.
    """
    kept = Journal(None if journal is None else Path(journal))
    kept.check()
    return swept(read_sweep(source, variables), kept, workers, cache)


def swept_grid(spec: Spec, vary: Mapping[str, Sequence[Varied]], objective: str | None, budget: float | None,
               constraints: str | None, ops: str | None, by: str | Sequence[str], pareto: Sequence[str], workers: int,
               cache: bool) -> SweepTable:  # fmt: skip
    """`Spec.sweep`."""
    fields = (by,) if isinstance(by, str) else tuple(by)
    for name in fields:
        one_of("field", name, EACH)
    mapper = None
    if objective is not None:
        mapper = Mapper(one_of("objective", objective, OBJECTIVES), budget, constraints)
    elif budget is not None or constraints is not None:
        raise SpecError([Fault(Where(), "'budget' and 'constraints' are of mapping", 'say objective="energy" too')])
    _check_names(spec, vary)
    number = prod(len(values) for values in vary.values())
    if number > MOST:
        raise SpecError([Fault(Where(), f"{number:,} points; a sweep may have at most {MOST:,}")])
    points = []
    for n, values in enumerate(product(*vary.values()), 1):
        varied = dict(zip(vary, values, strict=True))
        given = spec.changed({key: varied[key] for key in KEYS if key in varied})
        files = {key: _text(key, source) for key, source in zip(KEYS, given.sources, strict=True) if source is not None}
        variables = {**spec.variables, **{name: _scalar(name, v) for name, v in varied.items() if name not in VARIED}}
        pattern = ops if varied.get("ops") is None else str(varied["ops"])
        points.append(SweepPoint(n, {k: _label(v) for k, v in varied.items()}, files, variables, pattern))
    sweep = Sweep("sweep", tuple(points), tuple(vary), mapper, fields, tuple(pareto))
    return swept(sweep, Journal(None), workers, cache)


def _check_names(spec: Spec, vary: Mapping[str, Sequence[Varied]]) -> None:
    """Raises: SpecError for what is varied and is neither a part nor a variable of any file."""
    faults = []
    declared: dict[str, None] = {}
    varied = [source_of(key, value) for key in KEYS for value in vary.get(key, ())]
    for key, source in [*zip(KEYS, spec.sources, strict=True), *(("", source) for source in varied)]:
        if source is not None:
            declared |= dict.fromkeys(read(source, folder=_NAMES.get(key, ""), raw=lambda _: True).declared)
    for name, values in vary.items():
        if name not in declared and name not in VARIED:
            known = f"(declared: {', '.join(declared)})" if declared else "(none is declared)"
            hint = f"{did_you_mean(name, [*declared, *VARIED])} {known}".strip()
            faults.append(Fault(Where(path=name), f"no file declares the variable '{name}'", hint))
        if isinstance(values, str) or not len(values):
            faults.append(Fault(Where(path=name), "expected a list of values", f"such as {{'{name}': [1, 2, 4]}}"))
    if faults:
        raise SpecError(faults)


def _text(key: str, source: Source | None) -> str:
    """A source as a path or as YAML text: what workers and the keys of rows take."""
    if isinstance(source, dict):
        return yaml_text(source)
    name = os.fspath(source) if source is not None else ""
    return name if is_text(name) else str(read(name, folder=_NAMES[key], raw=lambda _: True).files[0])


def _scalar(name: str, value: Varied) -> Scalar:
    if isinstance(value, (str, int, float)):
        return value
    raise SpecError([Fault(Where(path=name), f"a variable is a number or a text, not {type(value).__name__}")])


def _label(value: Varied) -> Scalar:
    """What stands in the table for a value."""
    if isinstance(value, (Arch, Workload)):
        return value.name
    if isinstance(value, MappingSpec):
        return f"mapping of {len(value.entries)} entries"
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value
