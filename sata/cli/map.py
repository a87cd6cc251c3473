"""`sata map`: the best mapping of every op, with proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sata.cli.options import json_option, ops_option, set_option

if TYPE_CHECKING:
    from sata.cli.watch import Shown
    from sata.report.text import Block
    from sata.search.cache import Cache
    from sata.search.solve import Answer

INTERRUPTED = 130  # exit code: the user ended the search; what was found is written
SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}


def _budget(_ctx: click.Context, _param: click.Parameter, given: str | None) -> float | None:
    """`60s`, `5 min`, `1h` in seconds."""
    if given is None:
        return None
    text = given.strip().lower()
    for unit, seconds in sorted(SECONDS.items(), key=lambda pair: -len(pair[0])):
        if text.endswith(unit):
            try:
                value = float(text.removesuffix(unit)) * seconds
            except ValueError:
                break
            if 0 < value < 1e9:
                return value
    raise click.BadParameter(f"'{given}' is no time; write 60s, 5min or 1h")


@click.command("map", short_help="The best mapping of every op, with proof.")
@click.argument("arch")
@click.argument("workload", required=False)
@click.option(
    "--objective",
    type=click.Choice(["energy", "cycles", "edp", "pareto"]),
    default="energy",
    show_default=True,
    help="What is made least: energy (with leakage), cycles, their product; or the Pareto front of both.",
)
@click.option(
    "--budget",
    metavar="TIME",
    callback=_budget,
    help="Stop after about this long, such as 60s, with the best so far and its gap.",
)
@click.option(
    "--constraints", "constraints_file", metavar="FILE", help="Narrow the space; docs/search.md has the format."
)
@click.option("--ragged", is_flag=True, help="Also factors that do not divide. The space is far larger.")
@click.option("--workers", type=click.IntRange(1, 1024), metavar="N", help="Processes; without it, one for each core.")
@click.option("--no-cache", is_flag=True, help="Search again what has been found before, and keep nothing.")
@click.option("--space", is_flag=True, help="Only print how large the space is, and what each constraint removes.")
@click.option("-o", "--output", metavar="FILE", help="Write the mapping to FILE; - is standard output.")
@ops_option
@set_option
@json_option
def map_(
    arch: str, workload: str | None, objective: str, budget: float | None, constraints_file: str | None, ragged: bool,
    workers: int | None, no_cache: bool, space: bool, output: str | None, ops: str | None, variables: dict[str, Any],
    json_file: str | None,
) -> None:  # fmt: skip
    """The best mapping of every op of WORKLOAD on ARCH, and how sure that is.

    Every op is mapped by itself. What is printed is what `sata run` says of the mapping that -o writes.

    \b
    Examples:
      sata map arch/sata.yaml workloads/one_conv.yaml -o best.yaml
      sata map arch/eyeriss.yaml workloads/one_conv.yaml --objective pareto
      sata map my_arch.yaml my_net.yaml --budget 60s --constraints mine.yaml
    """
    from sata.cli.output import show_blocks, write
    from sata.cli.watch import Shown
    from sata.report.files import check_targets, json_text
    from sata.search.cache import Cache
    from sata.search.constraints import read_constraints
    from sata.search.setting import setting_of
    from sata.search.workers import How, solve_all
    from sata.search.workload import selected, spread, tasks_of
    from sata.search.write import mapping_text

    targets = {option: name for option, name in (("--json", json_file), ("-o", output)) if name is not None}
    check_targets(targets, [name for name in (arch, workload, constraints_file) if name is not None])
    setting = setting_of(arch, workload, variables)
    rules = read_constraints(constraints_file, setting.arch, setting.workload) if constraints_file is not None else []
    chosen = selected(setting, ops)
    if space:
        from sata.search.size import space_rows

        rows = space_rows(setting, chosen, rules)
        if not write({json_file: lambda: json_text({"space": rows})}):
            show_blocks(_space_blocks(rows))
        return
    cache = None if no_cache else Cache()
    tasks, number = tasks_of(setting, chosen, objective, rules, ragged=ragged)
    with Shown(len(tasks), budget) as watch:
        answers = spread(chosen, number, tasks, solve_all(tasks, How(workers, cache, watch=watch), budget=budget))
    header = [f"The best mapping of {setting.workload.name} on {setting.arch.name} for {objective}, found by sata map.",
              "What is known of each op stands above it; docs/search.md says what it means."]  # fmt: skip
    texts = {
        output: lambda: mapping_text(answers, setting.arch, header),
        json_file: lambda: json_text(_data(answers)),
    }
    if not write(texts):
        show_blocks(_blocks(answers, watch.kept))
    finish(watch, cache)


def finish(watch: Shown, cache: Cache | None) -> None:
    """What is to be said of how a search went, on standard error; ends with INTERRUPTED if the user ended it."""
    from sata.report.text import plural

    if cache is not None and cache.trouble:
        click.echo(f"nothing is kept for another time: {cache.trouble}", err=True)
    if watch.killed:
        click.echo(f"{plural(watch.killed, 'worker')} killed, the work done again", err=True)
    if watch.stopped:
        click.echo("interrupted: what is given is the best so far", err=True)
        raise SystemExit(INTERRUPTED)


def _blocks(answers: dict[str, Answer], kept: int) -> list[Block]:
    from sata.report.text import Lines, Table, plural, quantity, whole
    from sata.search.workload import totals
    from sata.search.write import chosen

    rows = []
    for op, answer in answers.items():
        point = chosen(answer)
        sure = ("proven" if answer.proven else f"gap {answer.gap:.2%}") if answer.objective != "pareto" else (
            f"{len(answer.points)} points" + ("" if answer.proven else ", open"))  # fmt: skip
        rows.append((op, quantity(point.energy_pj, "pj"), whole(point.cycles), sure))
    energy, cycles = totals(answers)
    rows.append(("total", quantity(energy, "pj"), whole(cycles), ""))
    blocks: list[Block] = [Table("Best mappings", ("op", "energy", "cycles", "optimum"), "lrrl", tuple(rows), 1)]
    sums = {
        name: sum(a.counts[name] for a in answers.values()) for name in ("generated", "hopeless", "merged", "unfit")
    }
    unproven = sum(not a.proven for a in answers.values())
    scope = "exact and ragged factors" if next(iter(answers.values())).ragged else "exact factors"
    lines = [
        f"scope      every order of loops, {scope}, every choice of what memories keep, each op by itself",
        f"looked at  {sums['generated']:,} partial nests; left out {sums['hopeless']:,} by bound, "
        f"{sums['merged']:,} by one at least as good, {sums['unfit']:,} too large",
        f"result     {plural(len(answers) - unproven, 'op')} proven optimal, {unproven} not",
        *([f"cache      {plural(kept, 'answer')} found there, the figures computed again"] if kept else []),
    ]
    return [*blocks, Lines("Certificate", tuple(lines))]


def _data(answers: dict[str, Answer]) -> dict[str, Any]:
    """The JSON: per op its certificate and points, in the form that `sata plot` reads of one op."""
    ops = []
    for op, a in answers.items():
        points = [{"label": f"{op} {n}", "energy_pj": p.energy_pj, "cycles": p.cycles} for n, p in enumerate(a.points)]
        ops.append({
            "op": op, "objective": a.objective, "proven": a.proven, "gap": a.gap, "bound": a.bound,
            "interrupted": a.interrupted, "seconds": a.seconds, "choices_of_keeps": a.skeletons,
            "counts": dict(a.counts),
            "points": points,
            "pareto": list(range(len(points))) if a.objective == "pareto" else [],
        })  # fmt: skip
    found: dict[str, Any] = {"ops": ops}
    if len(ops) == 1:
        found |= {"points": ops[0]["points"], "pareto": ops[0]["pareto"]}
    return found


def _space_blocks(rows: list[dict[str, Any]]) -> list[Block]:
    from sata.report.text import Table

    cells = tuple((r["op"], f"{r['keeps']:,}", f"{r['nests']:.3g}", r["removed"]) for r in rows)
    return [Table("Size of the space", ("op", "keeps", "nests", "removed by constraints"), "lrrl", cells)]
