"""`sata formats`: the tensor formats that a memory may have."""

from __future__ import annotations

import click

from sata.cli.options import json_option


@click.command(short_help="Tensor formats: what they store, and their parameters.")
@json_option
def formats(json_file: str | None) -> None:
    """List the formats that `format:` of a memory takes, one for each rank of a tensor or one for all.

    \b
    Examples:
      sata formats
      sata formats --json formats.json
    """
    from sata.cli.output import show_blocks, write
    from sata.report.files import check_targets, json_text
    from sata.report.formats_text import format_blocks, format_data

    check_targets({"--json": json_file} if json_file is not None else {}, [])
    if not write({json_file: lambda: json_text({"formats": format_data()})}):
        show_blocks(format_blocks())
