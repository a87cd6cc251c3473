"""`sata plot`: pictures of results."""

from __future__ import annotations

from pathlib import PurePath

import click


@click.command(short_help="Draw pictures of results.")
@click.argument("kind", metavar="KIND")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("-o", "--output", required=True, metavar="FILE", help="The picture: FILE.svg, FILE.png or FILE.pdf.")
@click.option(
    "--ops", metavar="PATTERN", help="Of 'nest' and 'pareto': the ops that are drawn, such as conv2.forward, or a+b."
)
@click.option("--column", metavar="NAME", help="Of 'sparsity': the column that holds the densities.")
def plot(kind: str, files: tuple[str, ...], output: str, ops: str | None, column: str | None) -> None:
    """Draw a picture of KIND from what `sata run --json` or a search wrote.

    \b
    energy    by stage, component and kind of tensor    arch      the architecture, its energies and use
    layers    energy and cycles by layer                kept      memory that BPTT keeps, over the step
    roofline  computes per cycle against per byte       density   share of non-zeros by layer and time step
    nest      a loop nest (--ops chooses it)            compare   several results, as shares of the first
    pareto    points of sata map --json, or a sweep     sparsity  energy against a column of densities

    \b
    Examples:
      sata plot energy result.json -o energy.svg
      sata plot nest result.json --ops conv2.forward -o nest.pdf
      sata plot compare before.json after.json -o compare.png
    """
    from sata.api.tools import plot as draw
    from sata.cli.output import write_bytes
    from sata.report.files import check_targets
    from sata.report.pictures.kinds import PICTURES
    from sata.report.pictures.style import FORMATS
    from sata.specs.text.faults import did_you_mean

    if kind not in PICTURES:
        message = f"no picture '{kind}', expected one of: {', '.join(PICTURES)}"
        hint = did_you_mean(kind, PICTURES)
        raise click.UsageError(f"{message}; {hint}" if hint else message)
    one = PICTURES[kind]
    if len(files) > 1 and not one.several:
        raise click.UsageError(f"'{kind}' shows one file, and there are {len(files)}; 'compare' shows several")
    for option, value in (("--ops", ops), ("--column", column)):
        if value is not None and option not in one.options:
            owners = [name for name, other in PICTURES.items() if option in other.options]
            raise click.UsageError(f"{option} is of {' and '.join(repr(owner) for owner in owners)} only")
    form = PurePath(output).suffix.lower().removeprefix(".")
    if form not in FORMATS:
        raise click.UsageError(f"-o {output}: the name must end in .{', .'.join(FORMATS[:-1])} or .{FORMATS[-1]}")
    check_targets({"-o": output}, files)
    write_bytes({output: draw(kind, *files, ops=ops, column=column, form=form)})
