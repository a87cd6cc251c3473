"""One point -> one row of the table: evaluated, or mapped and then evaluated. What does not fit has the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from sata.evaluation import evaluate
from sata.report.parts import leaks
from sata.report.result import Result
from sata.search.answers.cache import Cache
from sata.search.answers.fingerprint import REVISION
from sata.search.answers.mapping_file import mapping_text
from sata.search.run.scheduler import Resources, Watcher
from sata.search.run.setup import setup_of
from sata.search.run.workload import map_workload
from sata.search.space.constraints import read_constraints
from sata.specs.text.faults import SpecError
from sata.specs.text.files import watching
from sata.specs.text.source import fingerprint
from sata.sweep.spec import Mapper, Scalar, SweepPoint
from sata.version import __version__

Cell = Scalar | None
Row = dict[str, Cell]
FIGURES = (
    "energy_pj", "cycles", "seconds", "edp", "area_um2", "leakage_mw", "leakage_pj", "kept_bits",
)  # fmt: skip
_MORE = 2  # reasons of a failure that are said in full
_WITH_CYCLES = ("stage", "layer", "op")


class Interrupted(Exception):
    """The user ended a search: its row would not be what it is."""


class _Stopped(Watcher):
    stopped = False

    def stopping(self) -> None:
        self.stopped = True


@dataclass(frozen=True)
class Job:
    """What a worker needs for one point. cache: the folder of the cache of searches, None without."""

    point: SweepPoint
    mapper: Mapper | None
    by: tuple[str, ...]
    cache: str | None


@dataclass(frozen=True)
class Done:
    """A row without what is varied, and the files it was made from: path -> hash."""

    row: Mapping[str, Cell]
    files: Mapping[str, str]


def row_key(job: Job, prints: dict[str, str]) -> str:
    """A hash of what a row depends on, but for files that the named ones name: those are kept with the row.

    prints: hashes of files, kept between calls.
    """
    point, mapper = job.point, job.mapper
    constraints = mapper.constraints if mapper is not None else None
    sources = {**point.files, **({"constraints": constraints} if constraints is not None else {})}
    for path in sources.values():
        if path not in prints:
            prints[path] = fingerprint(path)
    said = (
        __version__, REVISION if mapper is not None else 0, sorted((k, prints[p]) for k, p in sources.items()),
        sorted((name, type(value).__name__, value) for name, value in point.variables.items()), point.ops, job.by,
        None if mapper is None else (mapper.objective, mapper.budget, mapper.imperfect),
    )  # fmt: skip
    return sha256(repr(said).encode("utf-8", "surrogatepass")).hexdigest()


def done(job: Job, _say: Any = None) -> Done:
    """The row of a point. Raises: Interrupted; SpecError where the system could not read a file."""
    with watching() as files:
        try:
            row = {"status": "ok", **_figures(job)}
        except SpecError as error:
            if any(fault.passing for fault in error.faults):
                raise  # not a property of the point: a row of it would be known for ever
            row = {"status": "failed", "why": _why(error)}
    hashes = {}
    for path in sorted(files):
        try:
            hashes[str(path.resolve())] = sha256(path.read_bytes()).hexdigest()
        except OSError:
            continue  # gone meanwhile: the row is made again
    return Done(row, hashes)


def _why(error: SpecError) -> str:
    faults = [str(f) for f in error.faults]
    more = [f"and {len(faults) - _MORE} more"] if len(faults) > _MORE else []
    return " | ".join([*faults[:_MORE], *more])


def _figures(job: Job) -> Row:
    point, files = job.point, job.point.files
    variables = dict(point.variables)
    if job.mapper is None:
        sources = (files["arch"], files.get("workload"), files.get("mapping"))
        return _row(evaluate(*sources, ops=point.ops, **variables), job.by)
    setting = setup_of(files["arch"], files.get("workload"), variables, files.get("mapping"))
    rules = []
    if job.mapper.constraints is not None:
        rules = read_constraints(job.mapper.constraints, setting.arch, setting.workload)
    cache = Cache(job.cache) if job.cache is not None else None
    watch = _Stopped()
    answers = map_workload(
        setting, job.mapper.objective, ops=point.ops, rules=rules, ragged=job.mapper.imperfect,
        budget=job.mapper.budget, how=Resources(1, cache, watch),
    )  # fmt: skip
    if watch.stopped:
        raise Interrupted
    mapping = mapping_text(answers, setting.arch, [])
    found = _row(evaluate(files["arch"], files.get("workload"), mapping, ops=point.ops, **setting.variables), job.by)
    return {**found, "proven": all(a.proven for a in answers.values()), "gap": max(a.gap for a in answers.values())}


def _row(result: Result, by: tuple[str, ...]) -> Row:
    energy = result.energy_pj()
    leaked = sum(r["energy_pj"] for r in result.records if leaks(r))
    values = (
        energy, result.cycles, result.seconds, energy * result.cycles, result.area_um2, result.leakage_mw, leaked,
        sum(k["bits"] for k in result.kept),
    )  # fmt: skip
    row: Row = dict(zip(FIGURES, values, strict=True))
    for field in by:
        for (value,), part in result.energy_pj(by=(field,)).items():
            row[f"{_column(field, value)}.energy_pj"] = part
        for op in result.ops if field in _WITH_CYCLES else ():
            name = f"{_column(field, op[field])}.cycles"
            row[name] = float(row.get(name) or 0.0) + op["cycles"]
    return row


def _column(field: str, value: str) -> str:
    """The start of a column's name: `kind.weight`, or `no_kind` for what has none. No value of a field makes that."""
    return f"{field}.{value}" if value else f"no_{field}"


def hash_of(path: str, known: dict[str, str | None]) -> str | None:
    """The hash of a file as it is now; None if it is gone. known: kept between calls."""
    if path not in known:
        try:
            known[path] = sha256(Path(path).read_bytes()).hexdigest()
        except OSError:
            known[path] = None
    return known[path]
