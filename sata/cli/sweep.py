"""`sata sweep`: a table of many designs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from sata.cli.options import access_options, set_option

if TYPE_CHECKING:
    from sata.api.sweeps import SweepTable
    from sata.report.text import Block
    from sata.sweep.rows import Row
    from sata.sweep.spec import Sweep

INTERRUPTED = 130
ALL_FAILED = 1  # exit code: no point has figures
MOST_SHOWN = 40  # rows of a table that is printed
MOST_REASONS = 5


@click.command(short_help="A table of many designs, evaluated or mapped.")
@click.argument("file", metavar="SWEEP.yaml")
@click.option("-o", "--output", metavar="FILE", help="The table: FILE.csv, FILE.json or FILE.parquet; - prints CSV.")
@click.option("--pareto", "pareto_file", metavar="FILE", help="Write the rows of the Pareto set alone to FILE too.")
@click.option("--workers", type=click.IntRange(1, 1024), metavar="N", help="Processes; without it, one for each core.")
@click.option("--fresh", is_flag=True, help="Begin again, whatever the journal beside -o has.")
@click.option("--no-cache", is_flag=True, help="Search again what other searches have found, and keep nothing.")
@access_options
@set_option
def sweep(
    file: str, output: str | None, pareto_file: str | None, workers: int | None, fresh: bool, no_cache: bool,
    variables: dict[str, Any],
) -> None:  # fmt: skip
    """Evaluate or map every point of SWEEP.yaml, which says what is varied: files and variables.

    With -o FILE, finished points are kept in FILE.journal at once: after an interruption, or when points are added, the
    same command goes on. A point that does not fit is a row with the reason.

    \b
    Examples:
      sata sweep sweeps/gates.yaml -o gates.csv
      sata sweep mine.yaml -o all.parquet --pareto best.csv --workers 8
    """
    from pathlib import Path

    from sata.api.sweeps import swept
    from sata.cli.output import say, show_blocks, write_bytes
    from sata.cli.progress import progress
    from sata.report.files import check_targets
    from sata.sweep.journal import Journal
    from sata.sweep.spec import read_sweep
    from sata.sweep.table import check_format, table_bytes

    targets = {option: name for option, name in (("-o", output), ("--pareto", pareto_file)) if name is not None}
    forms = {name: check_format(name) for name in targets.values()}
    given = read_sweep(file, variables)
    kept = Path(f"{output}.journal") if output not in (None, "-") else None
    sources = [file, *given.sources]
    check_targets(targets, sources)
    check_targets({} if kept is None else {"the journal of -o": str(kept)}, sources)
    journal = Journal(kept)
    journal.check()
    if fresh:
        journal.clear()
    with progress("sweeping") as tell:
        found = swept(given, journal, workers, not no_cache, tell, lambda: check_targets(targets, sources))
    rows = found.cells()
    files = {output: rows, pareto_file: [row for row in rows if row["pareto"]]}
    made = {name: table_bytes(some, forms[name]) for name, some in files.items() if name is not None}
    write_bytes({name: content for name, content in made.items() if name != "-"})
    if "-" in made:
        say(made["-"].decode("utf-8"))
    else:
        show_blocks(_blocks(given, found, rows))
    if found.interrupted:
        hint = "; the same command goes on" if journal.path is not None else ""
        click.echo(f"interrupted after {len(rows)} of {len(given.points)} points{hint}", err=True)
        raise SystemExit(INTERRUPTED)
    if rows and all(row["status"] == "failed" for row in rows):
        raise SystemExit(ALL_FAILED)


def _blocks(given: Sweep, found: SweepTable, rows: Sequence[Row]) -> list[Block]:
    from sata.report.text import Lines, plural

    failed = [row for row in rows if row["status"] == "failed"]
    front = [row for row in rows if row["pareto"]]
    lines = [f"points  {plural(len(rows), 'point')}, {len(failed)} failed"
             + (f", {found.resumed} known from before" if found.resumed else "")]  # fmt: skip
    if front:
        lines.append(f"front   {plural(len(front), 'point')} that no other beats in {' and '.join(given.pareto)}")
    blocks: list[Block] = [Lines(given.name, tuple(lines))]
    if front:
        blocks.append(_front(front, given))
    if failed:
        blocks.append(_reasons(failed))
    return blocks


def _front(rows: Sequence[Row], given: Sweep) -> Block:
    from sata.report.text import TextTable, quantity, whole_number

    shown = rows[:MOST_SHOWN]
    more = [n for n in given.pareto if n not in ("energy_pj", "cycles")]
    cells = [
        (str(r["point"]), str(r["label"]), quantity(_number(r, "energy_pj"), "pj"), whole_number(_number(r, "cycles")),
         *(f"{_number(r, n):.6g}" for n in more))
        for r in shown
    ]  # fmt: skip
    title = "Pareto set" + (f", the first {len(shown)} of {len(rows)}" if len(rows) > len(shown) else "")
    return TextTable(title, ("", "point", "energy", "cycles", *more), "rlrr" + "r" * len(more), tuple(cells))


def _number(row: Row, name: str) -> float:
    value = row[name]
    return float(value) if isinstance(value, (int, float)) else float("nan")


def _reasons(failed: Sequence[Row]) -> Block:
    """Why points failed, the most frequent reasons first, each with one point."""
    from sata.report.text import Lines

    by: dict[str, list[str]] = {}
    for row in failed:
        by.setdefault(str(row["why"]), []).append(str(row["label"]))
    ordered = sorted(by.items(), key=lambda item: -len(item[1]))
    lines = []
    for why, labels in ordered[:MOST_REASONS]:
        others = f" (and {len(labels) - 1} more)" if len(labels) > 1 else ""
        lines.append(f"{labels[0] or 'the point'}{others}: {why}")
    if len(ordered) > MOST_REASONS:
        lines.append(f"and {len(ordered) - MOST_REASONS} other reasons: the column 'why' has them")
    return Lines("Failed", tuple(lines))
