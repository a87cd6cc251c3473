"""`sata merge`: the parts of a search as one again."""

from __future__ import annotations

import click

from sata.cli.options import json_option


@click.command(short_help="The parts of a search, from sata map --shard, as one.")
@click.argument("files", nargs=-1, required=True, metavar="PART.json...")
@click.option("-o", "--output", metavar="FILE", help="Write the mapping to FILE; - is standard output.")
@json_option
def merge(files: tuple[str, ...], output: str | None, json_file: str | None) -> None:
    """Put together what `sata map --shard I/N` wrote, in any order: the same tables and files that one run would give.

    Parts of different searches, parts that are there twice and parts that are missing are named.

    \b
    Example:
      sata merge part1.json part2.json -o best.yaml
    """
    from sata.api.search import merge as merged
    from sata.cli.found import tell
    from sata.report.files import check_targets

    targets = {option: name for option, name in (("--json", json_file), ("-o", output)) if name is not None}
    check_targets(targets, files)
    tell(merged(*files), output, json_file)
