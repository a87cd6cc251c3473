"""Tables of text, and numbers as people read them: `12.34 uJ`, `1,234,567`, `43.2%`, `144 KiB`.

Everything here is plain strings; the command line decides whether a terminal gets them in colour.
"""

from __future__ import annotations

import math
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sata.specs.text.said import escaped
from sata.specs.text.units import format_quantity

GAP = "  "
CUT = ".."  # stands for what does not fit; plain ASCII, so that every terminal and file can hold it
_NARROWEST = 6  # characters that a column of text keeps as long as numbers beside it fit


@dataclass(frozen=True, slots=True)
class TextTable:
    """Rows of cells below a head. align: one letter a column, `l` or `r`. closing: rows at the end that sum up the
    others."""

    title: str
    head: tuple[str, ...]
    align: str
    rows: tuple[tuple[str, ...], ...]
    closing: int = 0


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines below a title; long ones are wrapped, with what follows the first two blanks of a line set below itself."""

    title: str
    lines: tuple[str, ...]


Block = TextTable | Lines


def quantity(value: float | None, dimension: str, digits: int = 4) -> str:
    """A value in the inner unit of its dimension, with four digits: 2500 pJ is `2.5 nJ`. None is `not priced`."""
    if value is None:
        return "not priced"
    number, unit = format_quantity(value, dimension).split()
    shown = float(number)
    return f"{shown:,.0f} {unit}" if abs(shown) >= 10 ** (digits - 1) else f"{shown:.{digits}g} {unit}"


def whole_number(value: float) -> str:
    """`1,234,567`; small numbers that are not whole keep two digits: `9.75`."""
    return f"{value:,.2f}" if abs(value) < 1000 and value != round(value) else f"{value:,.0f}"


def percent(part: float, of: float, digits: int = 1) -> str:
    """`43.2%`; `-` of nothing."""
    return f"{100 * part / of:.{digits}f}%" if of else "-"


def clean(text: str) -> str:
    """One line; characters that could steer a terminal are written as escapes."""
    return escaped(text)


def fit(table: TextTable, width: int, gap: int = len(GAP)) -> TextTable:
    """The table no wider than `width` characters: names are cut first, then columns on the right go, then the rest."""
    rows = [tuple(clean(cell) for cell in row) for row in (table.head, *table.rows)]
    columns = [max(len(row[i]) for row in rows) for i in range(len(table.head))]

    def excess() -> int:
        return sum(columns) + gap * (len(columns) - 1) - width

    while excess() > 0:
        names = [i for i in range(len(columns)) if table.align[i] == "l" and columns[i] > _NARROWEST]
        if not names:
            break
        columns[max(names, key=lambda i: columns[i])] -= 1
    while excess() > 0 and len(columns) > 2:
        columns.pop()
    if excess() > 0:
        columns = [max(1, min(c, (width - gap * (len(columns) - 1)) // len(columns))) for c in columns]
    cut = [tuple(_cut(cell, size) for cell, size in zip(row, columns, strict=False)) for row in rows]
    return replace(table, head=cut[0], rows=tuple(cut[1:]), align=table.align[: len(columns)])


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - len(CUT), 0)] + CUT[:width]


def table_lines(table: TextTable, width: int | None) -> list[str]:
    """The table as lines of plain text, head and rows, none longer than `width`; None: as wide as they are."""
    table = fit(table, sys.maxsize if width is None else width)
    rows = [table.head, *table.rows]
    columns = [max(len(row[i]) for row in rows) for i in range(len(table.head))]
    lines = [_line(row, columns, table.align) for row in rows]
    rule = "-" * max(map(len, lines))
    lines.insert(1, rule)
    if 0 < table.closing < len(table.rows):
        lines.insert(len(lines) - table.closing, rule)
    return lines


def _line(row: Sequence[str], columns: Sequence[int], align: str) -> str:
    cells = [cell.rjust(w) if a == "r" else cell.ljust(w) for cell, w, a in zip(row, columns, align, strict=True)]
    return GAP.join(cells).rstrip()


def wrapped(lines: Sequence[str], width: int) -> list[str]:
    """Lines no longer than `width`; a line that goes on is set in, below what follows its first two blanks."""
    found: list[str] = []
    for line in map(clean, lines):
        if len(line) <= width:
            found.append(line)
            continue
        start = len(line) - len(line.lstrip())
        at = line.find(GAP, start)
        indent = at + len(line[at:]) - len(line[at:].lstrip()) if at > 0 else start + 2
        indent = min(indent, width // 2)
        head = line[:start] + line[start:].lstrip()
        found += textwrap.wrap(
            head, width, subsequent_indent=" " * indent, break_on_hyphens=False, drop_whitespace=True, tabsize=1
        ) or [""]
    return found


def block_lines(block: Block, width: int, cut: bool = True) -> list[str]:
    """A block as plain text: its title, what is below it, and no blank line. Lines are wrapped, tables cut at `width`,
    unless not to `cut` them."""
    title = wrapped([block.title], width) if block.title else []
    body = wrapped(block.lines, width) if isinstance(block, Lines) else table_lines(block, width if cut else None)
    return [*title, *body]


def plain(blocks: Sequence[Block], width: int, cut: bool = True) -> str:
    """All blocks as plain text with a blank line between them, ending with a line break."""
    return "\n\n".join("\n".join(block_lines(block, width, cut)) for block in blocks) + "\n"


def listed(names: Sequence[str], most: int = 6) -> str:
    """`a, b, c and 4 more`."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def plural(number: int, noun: str) -> str:
    """`1 op`, `3 ops`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def sum_of(values: Sequence[float]) -> float:
    """Sum without rounding on the way."""
    return math.fsum(values)
