"""What is said of mappings that were found: tables, the JSON, and how the search went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from sata.search.answers.scope import (
    gap_of,
    gap_text,
    group_words,
    is_proven,
    largest_group,
    not_searched,
    proven_text,
    total_text,
)

if TYPE_CHECKING:
    from sata.api.search import MapResult
    from sata.cli.watch import ProgressDisplay
    from sata.report.text import Block
    from sata.search.answers.cache import Cache
    from sata.search.engine.solve import Answer, MappingPoint

INTERRUPTED = 130  # exit code: the user ended the search; what was found is written


def tell(found: MapResult, output: str | None, json_file: str | None) -> None:
    """Write the mapping and the JSON, and print the tables unless one of them took standard output."""
    from sata.cli.output import show_blocks, write
    from sata.report.files import json_text

    if not write({output: found.to_yaml, json_file: lambda: json_text(found.to_dict())}):
        show_blocks(_blocks(found.answers, found.cached))


def finish(watch: ProgressDisplay, cache: Cache | None) -> None:
    """What is to be said of how a search went, on standard error; ends with INTERRUPTED if the user ended it."""
    from sata.cli.ending import say_error
    from sata.report.text import plural
    from sata.search.run.scheduler import OUT_OF_MEMORY

    if cache is not None and cache.trouble:
        say_error(cache.trouble)
    short = sum(bool(answer.counts.get(OUT_OF_MEMORY)) for answer in watch.answers)
    if short:
        many = "1 search" if short == 1 else f"{short} searches"
        say_error(f"{many} ended early, --memory has no room for more: what is given is the best so far")
    if watch.killed:
        click.echo(f"{plural(watch.killed, 'worker')} killed, the work done again", err=True)
    if watch.stopped:
        click.echo("interrupted: what is given is the best so far", err=True)
        raise SystemExit(INTERRUPTED)


def _blocks(answers: Mapping[str, Answer], kept: int) -> list[Block]:
    from sata.report.text import Lines, TextTable, plural, quantity, whole_number
    from sata.search.answers.mapping_file import chosen
    from sata.search.run.workload import totals

    rows = []
    for op, answer in answers.items():
        point = chosen(answer)
        rows.append((op, quantity(point.energy_pj, "pj"), cycles_of(answer, point), _sure(answer)))
    energy, cycles = totals(answers)
    rows.append(("total", quantity(energy, "pj"), whole_number(cycles), total_text(answers)))
    blocks: list[Block] = [TextTable("Best mappings", ("op", "energy", "cycles", "optimum"), "lrrl", tuple(rows), 1)]
    sums = {
        name: sum(a.counts[name] for a in answers.values())
        for name in ("generated", "pruned", "dominated", "too_large")
    }
    unproven = sum(not is_proven(a) for a in answers.values())
    first = next(iter(answers.values()))
    factors = "exact and imperfect factors" if first.ragged else "exact factors"
    fusions = {a.fusion.ops: a.fusion for a in answers.values() if a.fusion is not None}
    together = sum(bool(f.split) for f in fusions.values())
    kind, all_of_it = ("pair", "both use") if largest_group(answers.values()) < 3 else ("group", "they use")
    how = (
        f"fused in {group_words(answers.values())} or not: {together} of {plural(len(fusions), kind)} fused"
        if fusions
        else "each op by itself"
    )
    origins = dict.fromkeys(a.origin for a in answers.values() if a.origin)
    lines = [
        f"scope      every order of loops, {factors}, every choice of what memories keep, {how}; memories in the order "
        f"of the file, each at one height. Not searched: {', '.join(not_searched(answers.values()))}",
        f"labels     {sums['generated']:,} partial mappings; {sums['pruned']:,} pruned by bound, "
        f"{sums['dominated']:,} dominated, {sums['too_large']:,} too large",
        f"result     {plural(len(answers) - unproven, 'op')} proven optimal, {unproven} not",
        *([f"start      {plural(sum(bool(a.origin) for a in answers.values()), 'nest')} as before the search: "
           f"{', '.join(origins)}"] if origins else []),
        *([f"cache      {plural(kept, 'answer')} found there, the figures computed again; --verify proves again"]
          if kept else []),
        *([f"overlaps   ops of a {kind} run at once: what {all_of_it} adds up, and cycles "
           f"count where that bounds the {kind}"]
          if any(OVERLAPS in row[2] for row in rows) else []),
    ]  # fmt: skip
    return [*blocks, Lines("Certificate", tuple(lines))]


OVERLAPS = "overlaps"


def cycles_of(answer: Answer, point: MappingPoint) -> str:
    """The cycles of an op; `overlaps` for one that adds none to those of the op it is fused with."""
    from sata.report.text import whole_number

    return (
        OVERLAPS
        if answer.fusion is not None and answer.fusion.split and not point.cycles
        else whole_number(point.cycles)
    )


def _sure(answer: Answer) -> str:
    """How sure the answer of an op is."""
    from sata.report.text import plural

    if answer.objective == "pareto":
        return plural(len(answer.points), "point") + (f", {proven_text(answer)}" if answer.proven else ", open")
    sure = proven_text(answer) if is_proven(answer) else gap_text(gap_of(answer))
    if answer.fusion is not None and answer.fusion.split:
        where = ", ".join([answer.fusion.split, *(f"{rank} {factor}" for rank, factor in answer.fusion.loops)])
        return f"fused below {where}, {sure}"
    return sure
