"""`sata price`: what everything costs, and where each number comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sata.cli.options import json_option, set_option

if TYPE_CHECKING:
    from sata.report.text import Block


@click.command(short_help="Prices and where they come from; price given counts.")
@click.argument("arch", required=False)
@click.option("--counts", metavar="FILE", help="Price the action counts that FILE gives instead.")
@set_option
@json_option
def price(arch: str | None, counts: str | None, variables: dict[str, Any], json_file: str | None) -> None:
    """Print the prices of all components of ARCH, with their origins; or price given action counts.

    \b
    Examples:
      sata price arch/sata.yaml
      sata price --counts my_counts.yaml --json priced.json
    """
    from sata.cli.output import show_blocks, write
    from sata.report.files import check_targets, json_text

    if (arch is None) == (counts is None):
        raise click.UsageError("give either ARCH or --counts FILE")
    source = arch if arch is not None else counts
    assert source is not None
    check_targets({"--json": json_file} if json_file is not None else {}, [source])
    blocks, data = _counts(source, variables) if arch is None else _arch(source, variables)
    if not write({json_file: lambda: json_text(data)}):
        show_blocks(blocks)


def _counts(source: str, variables: dict[str, Any]) -> tuple[list[Block], dict[str, Any]]:
    from sata.costs.given import price_counts
    from sata.report.prices_text import counts_blocks, counts_data

    result = price_counts(source, variables)
    return counts_blocks(result), counts_data(result)


def _arch(source: str, variables: dict[str, Any]) -> tuple[list[Block], dict[str, Any]]:
    from sata.costs.nodes import area_um2, leakage_mw, price_nodes, price_table, prices_of
    from sata.report.prices_text import price_blocks, price_data
    from sata.specs import load
    from sata.specs.faults import Faults

    loaded = load(source, variables=variables)
    assert loaded.arch is not None
    faults = Faults()
    prices = prices_of(loaded.arch, loaded.docs, faults)
    nodes = price_nodes(loaded.arch, prices, faults, loaded.docs[0]) if prices is not None else {}
    faults.check()
    rows = price_table(loaded.arch, nodes)
    sums = area_um2(loaded.arch, nodes), leakage_mw(loaded.arch, nodes)
    return price_blocks(loaded.arch.name, rows, *sums), price_data(rows, *sums)
