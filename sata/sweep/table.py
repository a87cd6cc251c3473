"""Rows as a table: what is varied, figures, the Pareto set marked; as CSV, JSON or Parquet."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sata.report.files import csv_text, json_text
from sata.specs.text.faults import Fault, SpecError, Where
from sata.sweep.rows import FIGURES, Cell, Done, Row
from sata.sweep.spec import Sweep, SweepPoint

FORMATS = ("csv", "json", "parquet")
_FIRST = ("point", "label", "status", "pareto")
_LAST = ("proven", "gap", "why")


def sweep_table(sweep: Sweep, rows: Mapping[int, Done]) -> list[Row]:
    """A row for each point that is finished, in their order, all with the same columns."""
    names = {name: name if name not in _taken(rows) else f"set.{name}" for name in sweep.columns}
    found = [_row(point, names, rows[point.number].row) for point in sweep.points if point.number in rows]
    for n in front(found, sweep.pareto):
        found[n]["pareto"] = 1
    columns = _columns(found, list(names.values()))
    return [{name: row.get(name) for name in columns} for row in found]


def _taken(rows: Mapping[int, Done]) -> set[str]:
    """Columns that no variable may have the name of."""
    return {*_FIRST, *FIGURES, *_LAST, *(name for done in rows.values() for name in done.row)}


def _row(point: SweepPoint, names: Mapping[str, str], figures: Mapping[str, Cell]) -> Row:
    label = ", ".join(f"{name} {value}" for name, value in point.varied.items())
    row: Row = {"point": point.number, "label": label, "status": figures["status"], "pareto": 0}
    return {**row, **{names[name]: value for name, value in point.varied.items()}, **figures}


def _columns(rows: Sequence[Row], varied: Sequence[str]) -> list[str]:
    """The order of columns. `proven` and `gap` only where points were mapped, `why` only where one failed."""
    seen = dict.fromkeys(name for row in rows for name in row)
    ordered = [*_FIRST, *varied, *FIGURES]
    rest = [name for name in seen if name not in ordered and name not in _LAST]
    return [*ordered, *rest, *(name for name in _LAST if name in seen)]


def front(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[int]:
    """Numbers of the rows that no other beats: none is as low in all columns and lower in one. Of equal rows the first.

    A row that lacks one of the columns is not looked at.
    """
    usable = [n for n, row in enumerate(rows) if all(isinstance(row.get(c), (int, float)) for c in columns)]
    values = np.array([[float(rows[n][c]) for c in columns] for n in usable]).reshape(len(usable), len(columns))
    best = np.empty((0, len(columns)))
    found = []
    for at in np.lexsort(values.T[::-1]).tolist():  # by the first column, then the next: whoever beats it comes before
        if not (best <= values[at]).all(axis=1).any():
            best = np.vstack([best, values[at]])
            found.append(usable[at])
    return sorted(found)


# --- files --------------------------------------------------------------------------------------------------------


def check_format(name: str) -> str:
    """The format that a file's name asks for. Raises: SpecError for others, and where Parquet cannot be written."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if name == "-":
        return "csv"
    if ending not in FORMATS:
        raise SpecError([Fault(Where(name), f"the name must end in .{', .'.join(FORMATS[:-1])} or .{FORMATS[-1]}")])
    if ending == "parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            hint = "pip install 'sata[parquet]', or write a .csv"
            raise SpecError([Fault(Where(name), "Parquet needs pyarrow, which is not installed", hint)]) from None
    return ending


def table_bytes(rows: Sequence[Row], form: str) -> bytes:
    """The table as a file."""
    if form == "json":
        fine = [row for row in rows if row["status"] == "ok"]
        data = {
            "points": [{k: v for k, v in row.items() if k != "pareto"} for row in fine],
            "pareto": [n for n, row in enumerate(fine) if row["pareto"]],
            "failed": [{k: v for k, v in row.items() if v is not None} for row in rows if row["status"] != "ok"],
        }
        return json_text(data).encode("utf-8")
    if form == "parquet":
        return _parquet(rows)
    columns = list(rows[0]) if rows else [*_FIRST, *FIGURES]
    return csv_text([{k: _cell(v) for k, v in row.items()} for row in rows], columns).encode("utf-8")


def _cell(value: Cell) -> Cell:
    """As CSV has it: true and false as 1 and 0, whole floats as they are."""
    return int(value) if isinstance(value, bool) else value


def _parquet(rows: Sequence[Row]) -> bytes:
    """A column of several types is text."""
    import pyarrow
    import pyarrow.parquet

    columns: dict[str, list[Any]] = {}
    for name in rows[0] if rows else ():
        values = [row[name] for row in rows]
        kinds = {type(v) for v in values if v is not None}
        if kinds == {int, float}:
            values = [None if v is None else float(v) for v in values]
        elif len(kinds) > 1:
            values = [None if v is None else str(v) for v in values]
        columns[name] = values
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), out)
    return out.getvalue()
