"""Results as a notebook shows them: the totals and tables of the summary, as plain HTML without scripts or pictures."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from sata.report.summary import component_table, overview, stages, times
from sata.report.text import Block, TextTable

if TYPE_CHECKING:
    from sata.report.result import Result


def result_html(result: Result) -> str:
    """The head of the summary, and energy and time by stage, energy by component."""
    blocks: list[Block | None] = [overview(result), stages(result), component_table(result), times(result)]
    return "\n".join(["<div>", *(block_html(block) for block in blocks if block is not None), "</div>"])


def block_html(block: Block) -> str:
    """A block of text as HTML: a table as a table, lines as preformatted text."""
    title = f"<b>{escape(block.title)}</b>" if block.title else ""
    if not isinstance(block, TextTable):
        return f"<p>{title}</p><pre>{escape(chr(10).join(block.lines))}</pre>"
    head = "".join(f"<th{_align(a)}>{escape(cell)}</th>" for cell, a in zip(block.head, block.align, strict=True))
    rows = "".join(
        "<tr>" + "".join(f"<td{_align(a)}>{escape(c)}</td>" for c, a in zip(row, block.align, strict=True)) + "</tr>"
        for row in block.rows
    )
    return f"<p>{title}</p><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _align(letter: str) -> str:
    return ' style="text-align:right"' if letter == "r" else ' style="text-align:left"'
