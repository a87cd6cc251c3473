"""`sata map`: the best mapping of every op, with proof."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from sata.cli.options import access_options, json_option, memory_option, ops_option, set_option

if TYPE_CHECKING:
    from sata.report.text import Block

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
    raise click.BadParameter(f"'{given}' is not a time; write 60s, 5min or 1h")


def _shard(_ctx: click.Context, _param: click.Parameter, given: str | None) -> tuple[int, int] | None:
    """`2/4` as (2, 4)."""
    if given is None:
        return None
    from sata.search.run.shards import MOST

    part, _, parts = (text.strip() for text in given.partition("/"))
    if part.isascii() and part.isdigit() and parts.isascii() and parts.isdigit() and len(part) + len(parts) < 20:
        found = int(part), int(parts)
        if 1 <= found[0] <= found[1] <= MOST:
            return found
    raise click.BadParameter(f"'{given[:40]}' is not a part; write I/N, such as 1/4, with N up to {MOST}")


def _fuse(_ctx: click.Context, _param: click.Parameter, given: str | None) -> int | None:
    """`auto` as more than there are."""
    if given is None or given.strip().lower() == "auto":
        return None if given is None else sys.maxsize
    if given.isascii() and given.isdigit() and int(given[:9]) > 0 and len(given) < 9:
        return int(given)
    raise click.BadParameter(f"'{given[:40]}' is not a number of ops; write 1, 2, 3, ... or auto")


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
@click.option("--imperfect", is_flag=True, help="Also imperfect factors, which do not divide. A far larger space.")
@click.option("--ragged", is_flag=True, hidden=True, help="The old name of --imperfect.")
@click.option(
    "--fuse",
    metavar="N",
    callback=_fuse,
    help="Fuse up to N neighbours that may share a nest, where that is better; auto: however many. Without it 2.",
)
@click.option("--no-fuse", is_flag=True, help="Every op by itself, as with --fuse 1.")
@click.option(
    "--strategy",
    default="exact",
    show_default=True,
    metavar="NAME",
    help="How to search: exact, with proof; random or evolution, without; or one of an installed package.",
)
@click.option("--workers", type=click.IntRange(1, 1024), metavar="N", help="Processes; without it, one for each core.")
@click.option(
    "--shard",
    metavar="I/N",
    callback=_shard,
    help="Search only the I-th of N parts; -o then takes its answers, as JSON for sata merge.",
)
@click.option(
    "--mapping", "mapping_file", metavar="FILE", help="Start from this mapping, not from the shipped one of ARCH."
)
@click.option("--verify", is_flag=True, help="Prove again what an earlier search has proven and the cache holds.")
@click.option("--no-cache", is_flag=True, help="Search again what has been found before, and keep nothing.")
@click.option("--scheduler", metavar="ADDRESS", help="Search on a Dask cluster instead: tcp://HOST:PORT.")
@click.option("--space", is_flag=True, help="Only print how large the space is, and what each constraint removes.")
@click.option("-o", "--output", metavar="FILE", help="Write the mapping to FILE; - is standard output.")
@ops_option
@set_option
@access_options
@memory_option
@json_option
def map_(
    arch: str, workload: str | None, objective: str, budget: float | None, constraints_file: str | None,
    imperfect: bool, ragged: bool, workers: int | None, shard: tuple[int, int] | None, mapping_file: str | None,
    verify: bool, no_cache: bool, scheduler: str | None, strategy: str, fuse: int | None, no_fuse: bool,
    space: bool, output: str | None, ops: str | None, variables: dict[str, Any], json_file: str | None,
) -> None:  # fmt: skip
    """The best mapping of every op of WORKLOAD on ARCH, and how sure that is.

    Ops are mapped by themselves, and fused where that is better. What is printed is what `sata run` says of the mapping
    that -o writes. The search starts from the mapping that the files hold, else from the shipped one of ARCH, and gives
    nothing worse.

    \b
    Examples:
      sata map arch/sata.yaml workloads/one_conv.yaml -o best.yaml
      sata map arch/eyeriss.yaml workloads/conv_layer.yaml --objective pareto
      sata map my_arch.yaml my_net.yaml --budget 60s --constraints mine.yaml
      sata map my_arch.yaml my_net.yaml --shard 1/4 -o part1.json
    """
    from sata.parallel.threads import one_blas_thread

    one_blas_thread()
    from sata.api.search import SearchOptions, planned, space_of
    from sata.api.spec import Spec
    from sata.cli.found import finish, tell
    from sata.cli.output import show_blocks, write
    from sata.cli.watch import ProgressDisplay
    from sata.parallel.dask import check_address
    from sata.report.files import check_targets, json_text
    from sata.search.answers.cache import Cache

    if ragged:
        click.echo("warning: --ragged is called --imperfect now; the old name goes with the next version", err=True)
        imperfect = True
    if no_fuse and fuse not in (None, 1):
        raise click.UsageError("--no-fuse is --fuse 1; give one of them")
    most = 1 if no_fuse else 2 if fuse is None else fuse
    if shard is not None and (space or (output is None and json_file is None)):
        raise click.UsageError("--shard needs -o FILE for the answers of its part, and does not go with --space")
    if scheduler is not None:
        check_address(scheduler)
        if workers is not None:
            raise click.UsageError("--workers are processes of this machine; --scheduler has workers of its own")
    targets = {option: name for option, name in (("--json", json_file), ("-o", output)) if name is not None}
    check_targets(targets, [name for name in (arch, workload, constraints_file, mapping_file) if name is not None])
    spec = Spec.of_sources(arch, workload, mapping_file, variables)
    asked = SearchOptions(objective, ops, budget, constraints_file, imperfect, most, workers, not no_cache,
                          verify, scheduler, strategy)  # fmt: skip
    if space:
        rows = list(space_of(spec, asked))
        check_targets(targets)  # includes, tables and recordings are known now
        if not write({json_file: lambda: json_text({"space": rows})}):
            show_blocks(_space_blocks(rows))
        return
    search = planned(spec, asked)
    check_targets(targets)
    cache = None if no_cache else Cache()
    with ProgressDisplay(len(search.tasks if shard is None else search.part(*shard)), budget) as watch:
        if shard is not None:
            text = search.run_part(*shard, watch, cache)
        else:
            found = search.run(watch, cache)
    if shard is not None:
        write({output: lambda: text, json_file: lambda: text})
    else:
        tell(found, output, json_file)
    finish(watch, cache)


def _space_blocks(rows: Sequence[Mapping[str, Any]]) -> list[Block]:
    from sata.report.text import TextTable

    cells = tuple((r["op"], f"{r['keeps']:,}", f"{r['nests']:.3g}", r["removed"]) for r in rows)
    return [TextTable("Size of the space", ("op", "keeps", "nests", "removed by constraints"), "lrrl", cells)]
