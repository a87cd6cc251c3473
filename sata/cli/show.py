"""`sata show` and `sata ops`: what is going to be counted."""

from __future__ import annotations

from typing import Any

import click

from sata.cli.options import access_options, ops_option, set_option


@click.command(short_help="Print or draw an architecture or loop nests.")
@click.argument("arch")
@click.argument("workload", required=False)
@click.argument("mapping", required=False)
@ops_option
@click.option("--svg", "svg_file", metavar="FILE", help="Draw the nest as SVG; - is standard output.")
@access_options
@set_option
def show(
    arch: str,
    workload: str | None,
    mapping: str | None,
    ops: str | None,
    svg_file: str | None,
    variables: dict[str, Any],
) -> None:
    """Print the loop nests of WORKLOAD on ARCH: memories and how full they are, loops, arrays, computes.

    A memory that overflows is shown as such; `sata run` refuses it. ARCH alone, where it holds no workload or there is
    no mapping, is printed as a tree of its nodes. A workload alone is printed as a graph: its ops in order, what each
    waits for, what is made by no op, and what training keeps.

    \b
    Examples:
      sata show arch/sata.yaml
      sata show workloads/vgg5_cifar10.yaml
      sata show arch/sata.yaml workloads/vgg5_cifar10.yaml --ops 'conv2.*'
      sata show arch/sata.yaml workloads/vgg5_cifar10.yaml --ops conv2.forward --svg nest.svg
    """
    from sata.cli.output import show_blocks, width, write
    from sata.counts.op import count_op
    from sata.counts.op.capacity import occupancies
    from sata.evaluation import prepare
    from sata.report.files import check_targets
    from sata.report.nest_text import nest_block
    from sata.report.pictures.nest import nest_svg
    from sata.report.text import listed
    from sata.specs.text.faults import Faults

    alone = workload is None and mapping is None and ops is None and svg_file is None
    if alone and (_graph(arch, variables) or _tree(arch, variables)):
        return
    check_targets({"--svg": svg_file} if svg_file is not None else {}, [n for n in (arch, workload, mapping) if n])
    prepared = prepare(arch, workload, mapping, ops=ops, variables=variables)
    groups = list(zip(prepared.program.groups, prepared.graphs, prepared.shapes, strict=True))
    if svg_file is not None and len(groups) != 1:
        names = listed([group.name for group, *_ in groups])
        raise click.UsageError(f"--svg draws one nest, and there are {len(groups)}; choose one by --ops: {names}")
    faults = Faults()
    blocks = []
    for group, graph, shapes in groups:
        counts = [count_op(nest, shape) for nest, shape in zip(group.nests, shapes, strict=True)]
        blocks.append(nest_block(group, graph, occupancies(counts, prepared.workload.bits), width()))
    faults.check()
    if not write({svg_file: lambda: nest_svg(*groups[0][:2])}):
        show_blocks(blocks)


def _graph(source: str, variables: dict[str, Any]) -> bool:
    """Print the graph of a workload that stands alone; False: it does not."""
    from sata.cli.output import show_blocks
    from sata.graph import graph_of_workload
    from sata.report.graph_text import graph_blocks
    from sata.specs import SpecError, load
    from sata.specs.text.faults import Faults
    from sata.specs.text.source import read

    try:
        held = read(source, raw=lambda path: True).data
    except SpecError:
        return False  # said again where it is read in whole
    if "workload" not in held or "arch" in held:
        return False
    loaded = load(workload=source, variables=variables)
    assert loaded.workload is not None
    faults = Faults()
    graph = graph_of_workload(loaded.workload, faults)
    faults.check()
    show_blocks(graph_blocks(graph))
    return True


def _tree(source: str, variables: dict[str, Any]) -> bool:
    """Print an architecture that stands alone, or for whose workload there is no mapping; False: there are nests."""
    from sata.cli.output import show_blocks
    from sata.report.arch_text import arch_block
    from sata.specs import load

    loaded = load(source, variables=variables, shipped_mapping=True)
    if loaded.arch is None or (loaded.workload is not None and loaded.mapping is not None):
        return False
    show_blocks([arch_block(loaded.arch)])
    return True


@click.command(short_help="Print the ops of a workload, as YAML to use again.")
@click.argument("workload")
@set_option
def ops(workload: str, variables: dict[str, Any]) -> None:
    """Print the ops of WORKLOAD in op form, as YAML that can be used as a workload again.

    \b
    Example:
      sata ops workloads/vgg5_cifar10.yaml > my_ops.yaml
    """
    from sata.cli.output import say
    from sata.report.ops_text import ops_yaml
    from sata.specs import load

    loaded = load(workload=workload, variables=variables)
    assert loaded.workload is not None
    say(ops_yaml(loaded.workload))
