"""Printing: coloured tables in a terminal, plain text anywhere else, whose tables nothing cuts; files."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from sata.report.files import STDOUT, write_files
from sata.report.text import Block, TextTable, block_lines, fit, plain
from sata.specs.text.said import escaped_lines

if TYPE_CHECKING:
    from rich.table import Table as RichTable

PIPED = 80  # columns where there is no terminal
_PADDING = 2  # blanks between the columns of a table in a terminal


def width() -> int:
    """Columns of a line: those of the terminal, or 80 in files and pipes."""
    if not sys.stdout.isatty():
        return PIPED
    return max(shutil.get_terminal_size((PIPED, 24)).columns, 20)


def colourful() -> bool:
    """Is this a terminal whose user wants colours? https://no-color.org"""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def show_blocks(blocks: Sequence[Block]) -> None:
    """Print blocks, none wider than the terminal. In files and pipes tables are as wide as they are."""
    if not colourful():
        click.echo(plain(blocks, width(), cut=sys.stdout.isatty()), nl=False)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(width=width(), highlight=False, markup=False, emoji=False)
    for number, block in enumerate(blocks):
        if number:
            console.print()
        if isinstance(block, TextTable):
            console.print(Text(block.title, style="bold cyan"))
            console.print(_rich(fit(block, width(), _PADDING)))
        else:
            title, *lines = block_lines(block, width()) if block.title else ["", *block_lines(block, width())]
            console.print(Text(title, style="bold cyan"))
            for line in lines:
                console.print(Text(line), soft_wrap=True)


def _rich(table: TextTable) -> RichTable:
    """A table that already fits, for the terminal."""
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(box=None, pad_edge=False, padding=(0, _PADDING, 0, 0), header_style="dim")
    for name, align in zip(table.head, table.align, strict=True):
        shown.add_column(Text(name), justify="right" if align == "r" else "left", no_wrap=True)
    for number, row in enumerate(table.rows):
        closing = number >= len(table.rows) - table.closing
        shown.add_row(*(Text(cell) for cell in row), style="bold" if closing else "")
    return shown


def say(text: str) -> None:
    """Print data as it is; in a terminal without characters that could steer it."""
    click.echo(escaped_lines(text) if sys.stdout.isatty() else text, nl=False)


def write_bytes(files: Mapping[str, bytes]) -> None:
    """Write pictures, each whole."""
    write_files(files)


def write(texts: Mapping[str | None, Callable[[], str]]) -> bool:
    """Write each text to its file, or print it for `-`; None is not a file. True if standard output was taken."""
    wanted = {name: text() for name, text in texts.items() if name is not None}
    write_files({name: text for name, text in wanted.items() if name != STDOUT})
    if STDOUT in wanted:
        say(wanted[STDOUT])
    return STDOUT in wanted
