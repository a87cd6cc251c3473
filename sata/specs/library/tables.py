"""CSV tables of components: `size_B,banks,read_pj,write_pj,leakage_mw,area_mm2,source` -> `Row`s in inner units.

Columns are told apart by name. `<action>_pj` (fj, nj) is the energy of an action, `leakage_mw` (uw, nw, w) and
`area_um2` (mm2) are of one instance, `source` and `note` are text for people; every other column is an attribute, whose
unit is its ending (`size_B`, `size_KiB`, `width_b`, `pitch_nm`), or a plain number or word (`banks`). Lines that start
with `#` and empty lines are skipped. Every cell must be filled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from sata.specs.library.components import Scalar, TableRow
from sata.specs.text.faults import Faults, Where, did_you_mean
from sata.specs.text.units import DIMENSIONS, parse_quantity

LARGEST_TABLE = 4 << 20  # bytes
MOST_ROWS = 20_000

_NUMBER = re.compile(r"[-+]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][-+]?\d{1,3})?")
_FOR_PEOPLE = ("source", "note")
_NAME = re.compile(r"[A-Za-z_]\w*")
# Quantities are written in lower case in headers by habit (read_pj); no two units of one differ in case only.
_ENERGY, _POWER, _AREA = ({unit.lower(): unit for unit in DIMENSIONS[kind].units} for kind in ("pj", "mw", "um2"))


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `role`: attribute | value | text. `name`: of the attribute or quantity (`energy.read`, `area`).

    `kind` of an attribute: a dimension of `units.DIMENSIONS`, number or text; `unit` is what its cells are in.
    """

    header: str
    role: str
    name: str
    kind: str = ""
    unit: str = ""


def column(header: str) -> Column:
    """What a header means. Raises: ValueError for one that means nothing."""
    if header in _FOR_PEOPLE:
        return Column(header, "text", header)
    if not _NAME.fullmatch(header):
        raise ValueError(f"'{header}' is not a name for a column; use letters, digits and '_'")
    stem, _, unit = header.rpartition("_")
    lower = unit.lower()
    if stem and lower in _ENERGY:
        return Column(header, "value", f"energy.{stem}", "pj", _ENERGY[lower])
    for quantity, units, kind in (("leakage", _POWER, "mw"), ("area", _AREA, "um2")):
        if stem == quantity and lower in units:
            return Column(header, "value", quantity, kind, units[lower])
        if quantity in (stem, header):
            ending = ", ".join(f"{quantity}_{u}" for u in units)
            raise ValueError(f"the column '{header}' has no unit of {quantity}; expected one of {ending}")
    for kind in ("bits", "hz", "nm", "seconds"):
        if stem and unit in DIMENSIONS[kind].units:
            return Column(header, "attribute", stem, kind, unit)
    return Column(header, "attribute", header, "number")


def read_table(content: bytes, label: str, faults: Faults) -> tuple[list[Column], list[TableRow]]:
    """The columns and rows of a table; with faults at line, column and header, what could be read of them."""
    if len(content) > LARGEST_TABLE:
        faults.add(Where(label), f"larger than {LARGEST_TABLE >> 20} MiB")
        return [], []
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        faults.add(Where(label, content.count(b"\n", 0, error.start) + 1, 1), "not UTF-8 text")
        return [], []
    lines = [(i, t) for i, t in enumerate(text.splitlines(), 1) if t.strip() and not t.startswith("#")]
    if not lines:
        faults.add(Where(label), "is empty; expected a line of column names and rows of numbers")
        return [], []
    if len(lines) > MOST_ROWS:
        faults.add(Where(label), f"more than {MOST_ROWS} rows")
        return [], []
    columns = _columns(lines[0], label, faults)
    rows = [row for at, line in lines[1:] if (row := _row(at, line, columns, label, faults))] if columns else []
    if columns and len(lines) == 1:
        faults.add(Where(label, lines[0][0], 1), "there are no rows below the column names")
    columns, rows = _words(columns, rows, label, faults)
    _check_duplicates(rows, label, faults)
    return columns, rows


def _cells(line: str) -> list[tuple[int, str]]:
    """The cells of a line with their columns in the text, from 1. Raises: ValueError for a quote that is not closed."""
    cells, at = [], 0
    while True:
        start = at + len(line[at:]) - len(line[at:].lstrip(" \t"))
        if line[start : start + 1] == '"':
            match = re.compile(r'"((?:[^"]|"")*)"[ \t]*(?=,|$)').match(line, start)
            if match is None:
                raise ValueError(
                    f"a quote opened in column {start + 1} is not closed before the next comma or line end"
                )
            cells.append((start + 1, match[1].replace('""', '"')))
            end = match.end()
        else:
            end = line.find(",", start)
            end = len(line) if end < 0 else end
            cells.append((start + 1, line[start:end].strip()))
        if end >= len(line):
            return cells
        at = end + 1


def _columns(line: tuple[int, str], label: str, faults: Faults) -> list[Column]:
    number, text = line
    columns: list[Column] = []
    before = len(faults)
    try:
        cells = _cells(text)
    except ValueError as error:
        faults.add(Where(label, number, 1), str(error))
        return []
    for at, header in cells:
        where = Where(label, number, at, header)
        try:
            found = column(header)
        except ValueError as error:
            faults.add(where, str(error))
            continue
        twin = next((c for c in columns if (c.role, c.name) == (found.role, found.name)), None)
        if twin:
            faults.add(where, f"the column '{header}' says the same as '{twin.header}'")
        columns.append(found)
    if not any(c.role == "value" for c in columns) and len(faults) == before:
        near = did_you_mean("read_pj", [c.header for c in columns])
        faults.add(Where(label, number, 1), "there is no column of energy, area or leakage, such as read_pj", near)
    return columns if len(faults) == before else []


def _row(number: int, line: str, columns: list[Column], label: str, faults: Faults) -> TableRow | None:
    try:
        cells = _cells(line)
    except ValueError as error:
        faults.add(Where(label, number, 1), str(error))
        return None
    if len(cells) != len(columns):
        hint = "text with a comma needs quotes" if len(cells) > len(columns) else "every cell must be filled"
        faults.add(Where(label, number, 1), f"{len(cells)} cells under {len(columns)} columns", hint)
        return None
    keys: dict[str, Scalar] = {}
    values: dict[str, float] = {}
    source = ""
    before = len(faults)
    for col, (at, text) in zip(columns, cells, strict=True):
        where = Where(label, number, at, col.header)
        if col.role == "text":
            source = text if col.name == "source" else source
            continue
        try:
            value = _value(text, col)
        except ValueError as error:
            faults.add(where, str(error))
            continue
        if col.role == "attribute":
            keys[col.name] = value
        else:
            values[col.name] = float(value)
    return TableRow(number, keys, values, source) if len(faults) == before else None


def _value(text: str, col: Column) -> Scalar:
    if not text:
        raise ValueError("the cell is empty")
    if not col.unit:  # a number, or a word if the whole column has words: settled in _words
        return _plain(text)
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"expected a number in {col.unit}, found '{text[:60]}'")
    return parse_quantity(f"{text} {col.unit}", col.kind)


def _plain(text: str) -> Scalar:
    if text.lower() in ("nan", "inf", "-inf", "+inf"):
        raise ValueError(f"expected a number or a word, found '{text}'")
    if not _NUMBER.fullmatch(text):
        return text
    number = Fraction(text)
    return int(number) if number.denominator == 1 else float(number)


def _words(
    columns: list[Column], rows: list[TableRow], label: str, faults: Faults
) -> tuple[list[Column], list[TableRow]]:
    """Settle columns without a unit: numbers throughout, or words throughout."""
    settled = []
    for col in columns:
        if col.role == "attribute" and not col.unit:
            texts = [row for row in rows if isinstance(row.keys[col.name], str)]
            if texts and len(texts) == len(rows):
                col = Column(col.header, col.role, col.name, "text")
            for row in texts if col.kind == "number" else []:
                faults.add(Where(label, row.line, 1, col.header), f"expected a number, found '{row.keys[col.name]}'")
        settled.append(col)
    return settled, rows


def _check_duplicates(rows: list[TableRow], label: str, faults: Faults) -> None:
    first: dict[tuple[tuple[str, Scalar], ...], int] = {}
    for row in rows:
        key = tuple(row.keys.items())
        if key in first:
            shown = ", ".join(f"{name} {value}" for name, value in key) or "no attributes"
            faults.add(Where(label, row.line, 1), f"the row repeats line {first[key]} ({shown})")
        first.setdefault(key, row.line)
