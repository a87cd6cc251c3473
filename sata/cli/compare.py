"""`sata compare`: what changed between results."""

from __future__ import annotations

import click

from sata.cli.options import json_option

CHANGED = 1  # exit code: something is beyond the tolerance


def _tolerance(_ctx: click.Context, _param: click.Parameter, given: str | None) -> float | None:
    """A share such as `1%` as a number."""
    from sata.specs.text.units import parse_quantity

    if given is None or given.strip() == "0":
        return None if given is None else 0.0
    try:
        return float(parse_quantity(given, "share"))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command(short_help="What changed between results, and because of what.")
@click.argument("files", nargs=-1, required=True, metavar="A.json B.json...")
@click.option("--tolerance", metavar="SHARE", callback=_tolerance,
              help="End with 1 if a number changed by more, such as 1%; 0 allows no change.")  # fmt: skip
@click.option("--each", multiple=True, type=click.Choice(["stage", "layer", "op", "component", "kind"]),
              help="Hold the energy and cycles of each of these to the tolerance too; may be repeated.")  # fmt: skip
@json_option
def compare(files: tuple[str, ...], tolerance: float | None, each: tuple[str, ...], json_file: str | None) -> None:
    """Compare results that `sata run --json` wrote: B and all further ones against A.

    Said are the totals, what differs in what went in, and which components, by their counts or by their prices,
    changed the energy, and which ops the time. With --tolerance, the exit code is 1 if a total changed by more.

    \b
    Examples:
      sata compare before.json after.json
      sata compare main.json branch.json --tolerance 1% --each stage
    """
    from sata.api.tools import compare as compared
    from sata.cli.output import show_blocks, write
    from sata.report.compare_text import compare_blocks
    from sata.report.files import check_targets, json_text
    from sata.report.read import read_result
    from sata.specs.text.faults import SpecError

    if len(files) < 2:
        raise click.UsageError("give two results or more: sata compare A.json B.json")
    check_targets({"--json": json_file} if json_file is not None else {}, files)
    results, faults = [], []
    for name in files:
        try:
            results.append(read_result(name))
        except SpecError as error:
            faults += error.faults
    if faults:
        raise SpecError(faults)
    found = [compared(results[0], other, each=each) for other in results[1:]]
    beyond = [] if tolerance is None else [c for one in found for c in one.beyond(tolerance)]
    data = {
        "tolerance": tolerance,
        "results": [{"file": name, **one.data()} for name, one in zip(files[1:], found, strict=True)],
        "against": files[0],
        "beyond": [c.data() for c in beyond],
    }
    if not write({json_file: lambda: json_text(data)}):
        show_blocks(compare_blocks(files, found, tolerance))
    if beyond:
        raise SystemExit(CHANGED)
