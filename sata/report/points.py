"""Points of a design space for pictures: what `sata map --json` and `sata sweep` write, or a table (CSV) of one's own.

JSON: {"points": [{"energy_pj": .., "cycles": .., "label": ..}, ...], "pareto": [numbers of points]} or the list alone;
or, of a search of several ops, {"ops": [{"op": .., "points": .., "pareto": ..}, ...]}.
CSV, Parquet: a point a line, the same names as columns; lines of a CSV that begin with # are comments. Points whose
`status` is `failed` have no figures, and are left out.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from sata.report.read import read_text, result_from_json
from sata.report.result import Record
from sata.specs.text.faults import Fault, SpecError, Where, did_you_mean

MOST = 1_000_000  # points of one file
FAILED = "failed"  # the status of a point without figures


@dataclass(frozen=True, slots=True)
class Points:
    """points: columns by name, numbers where they are numbers. pareto: numbers of the points that no other beats.

    op: the op that all of them are of, or nothing.
    """

    points: tuple[Record, ...]
    pareto: tuple[int, ...]
    op: str = ""


def read_points(name: str, needed: Sequence[str] = ("energy_pj", "cycles")) -> Points:
    """The points of a file. needed: columns that every point must have as numbers.

    Without a list `pareto`, the points that no other one beats in all of `needed` are found.
    Raises: SpecError with the faults of the file.
    """
    if name.lower().endswith(".csv"):
        return _checked(_csv_rows(name, needed), None, needed, Where(name))
    if name.lower().endswith(".parquet"):
        return _checked(_parquet_rows(name), None, needed, Where(name))
    return _of_json(result_from_json(name), needed, Where(name))


def read_fronts(name: str, pattern: str = "*") -> list[Points]:
    """The points of each op that a search wrote, of those whose names match the pattern; else those of the file.

    Raises: SpecError with the faults of the file, or where no op matches.
    """
    data = None if name.lower().endswith((".csv", ".parquet")) else result_from_json(name)
    ops = data.get("ops") if isinstance(data, dict) else None
    if not isinstance(ops, list) or not all(isinstance(op, dict) and isinstance(op.get("op"), str) for op in ops):
        return [read_points(name)]
    chosen = [(n, op) for n, op in enumerate(ops) if fnmatchcase(op["op"], pattern)]
    if not chosen:
        names = [op["op"] for op in ops]
        hint = did_you_mean(pattern, names) or f"it has: {', '.join(names[:6])}{', ...' if len(names) > 6 else ''}"
        raise SpecError(
            [Fault(Where(name), f"no op matches '{pattern}'" if ops else "holds no op", hint if ops else "")]
        )
    return [_of_op(op, Where(name, path=f"ops[{n}]")) for n, op in chosen]


def _of_op(data: Record, where: Where) -> Points:
    """Labels lose the name of the op that they begin with: it stands above them."""
    found = _of_json(data, ("energy_pj", "cycles"), where)
    rows = tuple(p | {"label": str(p.get("label", "")).removeprefix(f"{data['op']} ")} for p in found.points)
    return Points(rows, found.pareto, data["op"])


def _of_json(data: Any, needed: Sequence[str], where: Where) -> Points:
    rows = data.get("points") if isinstance(data, dict) else data
    given = data.get("pareto") if isinstance(data, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        hint = "sata map --json writes such a file; a CSV with the columns energy_pj and cycles does too"
        raise SpecError([Fault(where, 'no points: expected {"points": [{"energy_pj": ..}, ..]}', hint)])
    return _checked(rows, given, needed, where)


def _checked(rows: Sequence[Record], given: Any, needed: Sequence[str], where: Where) -> Points:
    if not rows:
        raise SpecError([Fault(where, "holds no point")])
    if len(rows) > MOST:
        raise SpecError([Fault(where, f"{len(rows):,} points, at most {MOST:,} are drawn")])
    faults = [f for n, row in enumerate(rows) if (f := _fault(where, n, row, needed)) is not None]
    if faults:
        raise SpecError(faults[:5])
    return Points(tuple(rows), _given(where, given, len(rows)) if given is not None else pareto(rows, needed))


def _csv_rows(name: str, needed: Sequence[str]) -> list[Record]:
    text = read_text(name)
    try:
        lines = (line for line in io.StringIO(text, newline="") if not line.startswith("#"))
        reader = csv.DictReader(lines, strict=True)
        columns = list(reader.fieldnames or ())
        missing = [n for n in needed if n not in columns]
        if missing:
            hint = did_you_mean(missing[0], columns) or f"columns: {', '.join(columns) or 'none'}"
            raise SpecError([Fault(Where(name, 1, 1), f"no column '{missing[0]}'", hint)])
        rows = [{key: _value(value) for key, value in row.items() if key is not None} for row in reader]
        return [row for row in rows if row.get("status") != FAILED]
    except csv.Error as error:
        raise SpecError([Fault(Where(name), f"not CSV: {error}")]) from None


def _parquet_rows(name: str) -> list[Record]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        hint = "pip install 'sata[parquet]', or give a CSV"
        raise SpecError([Fault(Where(name), "Parquet needs pyarrow, which is not installed", hint)]) from None
    try:
        rows: list[Record] = pyarrow.parquet.read_table(name).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise SpecError([Fault(Where(name), f"cannot be read: {str(error).splitlines()[0].lower()}")]) from None
    return [row for row in rows if row.get("status") != FAILED]


def _value(text: Any) -> Any:
    try:
        return float(text)
    except (TypeError, ValueError):
        return text


def _fault(where: Where, number: int, row: Mapping[str, Any], needed: Sequence[str]) -> Fault | None:
    name, path = where.file, f"{where.path}.points[{number}]".removeprefix(".")
    for column in needed:
        if column not in row:
            hint = did_you_mean(column, row) or f"it has: {', '.join(map(str, row))}"
            return Fault(Where(name, path=path), f"missing key '{column}'", hint)
        value = row[column]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            return Fault(Where(name, path=f"{path}.{column}"), f"expected a number, found {str(value)[:40]!r}")
    return None


def _given(where: Where, given: Any, points: int) -> tuple[int, ...]:
    whole = isinstance(given, list) and all(isinstance(n, int) and not isinstance(n, bool) for n in given)
    if not whole or not all(0 <= n < points for n in given):
        raise SpecError(
            [
                Fault(
                    Where(where.file, path=f"{where.path}.pareto".removeprefix(".")),
                    f"expected a list of numbers of points, from 0 to {points - 1}",
                )
            ]
        )
    return tuple(given)


def pareto(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> tuple[int, ...]:
    """The points that no other beats: is as low in both columns and lower in one. In order of the first column.

    Of equal points the first is taken. columns: two of them; of one, the point that is lowest.
    """
    first, second = columns[0], columns[-1]
    order = sorted(range(len(rows)), key=lambda n: (rows[n][first], rows[n][second], n))
    best, found = math.inf, []
    for n in order:
        if rows[n][second] < best:
            best = rows[n][second]
            found.append(n)
    return tuple(found)
