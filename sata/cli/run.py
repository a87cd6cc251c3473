"""`sata run`: evaluate and report."""

from __future__ import annotations

from typing import Any

import click

from sata.cli.options import access_options, json_option, memory_option, ops_option, set_option


@click.command(short_help="Energy, time and area of a workload on an architecture.")
@click.argument("arch")
@click.argument("workload", required=False)
@click.argument("mapping", required=False)
@ops_option
@set_option
@access_options
@memory_option
@json_option
@click.option("--csv", "csv_file", metavar="FILE", help="Write one record a line as CSV to FILE; - is standard output.")
@click.option("--html", "html_file", metavar="FILE", help="Write a report to look at, one file with pictures.")
@click.option("--explain-sparsity", "explain", is_flag=True, help="Print what zeros save, op by op and rule by rule.")
@click.option("--traffic", is_flag=True, help="Print fills, reads, updates and drains of every op too.")
def run(
    arch: str, workload: str | None, mapping: str | None, ops: str | None, variables: dict[str, Any],
    json_file: str | None, csv_file: str | None, html_file: str | None, explain: bool, traffic: bool,
) -> None:  # fmt: skip
    """Energy, time and area of WORKLOAD on ARCH under MAPPING.

    WORKLOAD and MAPPING may be left out where ARCH holds them; without a mapping, the one that sata ships for the
    architecture (mappings/NAME.yaml) is taken.

    \b
    Examples:
      sata run arch/sata.yaml workloads/vgg5_cifar10.yaml
      sata run arch/sata.yaml workloads/vgg5_cifar10.yaml --ops 'conv*' --json result.json
      sata run arch/sata.yaml workloads/vgg5_cifar10.yaml --html report.html
      sata run my_study.yaml --set timesteps=4 --csv - | head
    """
    from sata.api.spec import Spec
    from sata.cli.output import show_blocks, write
    from sata.cli.progress import progress
    from sata.evaluation import idle_rules
    from sata.report.files import check_targets, result_csv, result_json
    from sata.report.sparsity_text import idle_block, sparsity_blocks
    from sata.report.summary import summary
    from sata.report.traffic import traffic_blocks

    given = {"--json": json_file, "--csv": csv_file, "--html": html_file}
    targets = {option: name for option, name in given.items() if name is not None}
    check_targets(targets, [name for name in (arch, workload, mapping) if name is not None])
    spec = Spec.of_sources(arch, workload, mapping, variables)
    with progress("evaluating") as done:
        prepared = spec.prepared(ops)
        check_targets(targets)  # includes, tables and recordings are known now
        result = spec.evaluate(ops=ops, progress=done)
    texts = {json_file: lambda: result_json(result), csv_file: lambda: result_csv(result)}
    if html_file is not None:
        from sata.report.html import result_page

        with progress("drawing") as done:
            page = result_page(result, done, [dict(row) for row in spec.explain(ops=ops)])
        texts[html_file] = lambda: page
    if not write(texts):
        blocks = [*summary(result), *(traffic_blocks(result) if traffic else [])]
        if explain:
            blocks += sparsity_blocks([dict(row) for row in spec.explain(ops=ops)])
            blocks += idle_block(idle_rules(prepared))
        show_blocks(blocks)
