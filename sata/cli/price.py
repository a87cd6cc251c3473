"""`sata price`: what everything costs, and where each number comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sata.cli.options import access_options, json_option, set_option

if TYPE_CHECKING:
    from sata.report.text import Block


@click.command(short_help="Prices and where they come from; price given counts.")
@click.argument("arch", required=False)
@click.option("--counts", metavar="FILE", help="Price the action counts that FILE gives instead.")
@click.option("--explain", metavar="COMPONENT", help="Only this component of ARCH, with its parts and all derivations.")
@click.option("--diff", nargs=2, metavar="A B", help="Print what differs between the prices of two architectures.")
@set_option
@access_options
@json_option
def price(
    arch: str | None, counts: str | None, explain: str | None, diff: tuple[str, str] | None,
    variables: dict[str, Any], json_file: str | None,
) -> None:  # fmt: skip
    """Print the prices of all components of ARCH, with their origins; or price given action counts.

    \b
    Examples:
      sata price arch/sata.yaml
      sata price arch/sata.yaml --explain PE
      sata price --diff arch/sata.yaml my_arch.yaml
      sata price --counts my_counts.yaml --json priced.json
    """
    from sata.cli.output import show_blocks, write
    from sata.report.files import check_targets, json_text

    if sum(given is not None for given in (arch, counts, diff)) != 1:
        raise click.UsageError("give either ARCH, --diff A B or --counts FILE")
    if explain is not None and arch is None:
        raise click.UsageError("--explain needs ARCH, whose component it explains")
    sources = [name for name in (arch, counts, *(diff or ())) if name is not None]
    check_targets({"--json": json_file} if json_file is not None else {}, sources)
    if diff is not None:
        blocks, data = _diff(diff, variables)
    elif counts is not None:
        blocks, data = _counts(counts, variables)
    else:
        assert arch is not None
        blocks, data = _arch(arch, variables) if explain is None else _explain(arch, explain, variables)
    if not write({json_file: lambda: json_text(data)}):
        show_blocks(blocks)


def _counts(source: str, variables: dict[str, Any]) -> tuple[list[Block], dict[str, Any]]:
    from sata.api.tools import price_counts
    from sata.report.prices_text import counts_blocks, counts_data

    result = price_counts(source, **variables)
    return counts_blocks(result), counts_data(result)


def _arch(source: str, variables: dict[str, Any]) -> tuple[list[Block], dict[str, Any]]:
    from sata.api.prices import priced
    from sata.costs.nodes import area_um2, leakage_mw, price_table
    from sata.report.prices_text import price_blocks, price_data

    arch, nodes = priced(source, variables)
    rows = price_table(arch, nodes)
    sums = area_um2(arch, nodes), leakage_mw(arch, nodes)
    return price_blocks(arch.name, rows, *sums), price_data(rows, *sums)


def _explain(source: str, component: str, variables: dict[str, Any]) -> tuple[list[Block], dict[str, Any]]:
    from sata.api.prices import priced
    from sata.costs.nodes import all_nodes
    from sata.report.explain_text import explain_blocks, explain_data
    from sata.specs.text.faults import did_you_mean

    arch, nodes = priced(source, variables)
    if component not in nodes:
        hint = did_you_mean(component, nodes) or f"it has: {', '.join(nodes)}"
        message = f"no component '{component}' of {arch.name} has a price; {hint}"
        raise click.BadParameter(message, param_hint="--explain")
    instances = next(number for node, number in all_nodes(arch) if node.name == component)
    price = nodes[component]
    data = {"node": component, "instances": instances, "price": explain_data(price)}
    return explain_blocks(component, instances, price), data


def _diff(sources: tuple[str, str], variables: dict[str, Any]) -> tuple[list[Block], dict[str, Any]]:
    from sata.api.prices import priced
    from sata.costs.nodes import price_table
    from sata.report.explain_text import diff_blocks, differences

    old, new = (price_table(*priced(source, variables)) for source in sources)
    found = differences(old, new)
    equal = len({(r.node, r.quantity, r.unit) for r in (*old, *new)}) - len(found)
    return diff_blocks(sources, found, equal), {"a": sources[0], "b": sources[1], "equal": equal, "differences": found}
