"""`sata import` and `sata export`: to and from the files of other tools."""

from __future__ import annotations

from typing import Any

import click

from sata.cli.options import access_options, set_option
from sata.cli.price import priced


@click.group(name="import", short_help="Tables of prices from the output of other tools.")
def import_() -> None:
    """Make tables of prices from the output of other tools.

    \b
    Example:
      sata import cacti sram_32KiB.out sram_64KiB.out -o sram.csv
    """


@import_.command(short_help="CACTI's output as a CSV table.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("-o", "--output", required=True, metavar="FILE", help="The table to write; - is standard output.")
@click.option("--width", metavar="BITS", help="What one access moves, such as 64 b, where CACTI's output does not say.")
def cacti(files: tuple[str, ...], output: str, width: str | None) -> None:
    """Read results of CACTI and write the table that a library names with 'table:'.

    Read are the text that CACTI prints and its comma-separated .out files.

    \b
    Example:
      sata import cacti w_sram.cfg.out s_sram.cfg.out -o sram.csv
    """
    from dataclasses import replace

    from sata.cli.output import write
    from sata.interchange.cacti import cacti_table, read_cacti
    from sata.report.files import check_targets
    from sata.specs.text.faults import Faults
    from sata.specs.text.units import parse_quantity

    check_targets({"-o": output}, files)
    try:
        bits = None if width is None else int(parse_quantity(width, "bits"))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--width") from None
    faults = Faults()
    memories = [memory for name in files for memory in read_cacti(name, faults)]
    faults.check()
    if bits is not None:
        memories = [replace(memory, width_bits=bits) for memory in memories]
    text = cacti_table(memories, files)
    write({output: lambda: text})


@click.group(short_help="Prices in the files of other tools.")
def export() -> None:
    """Write prices in the form of other tools.

    \b
    Example:
      sata export accelergy arch/sata.yaml --ert ERT.yaml --art ART.yaml
    """


@export.command(short_help="Energy and area reference tables of Accelergy.")
@click.argument("arch")
@click.option("--ert", metavar="FILE", help="Write the energies to FILE; - is standard output.")
@click.option("--art", metavar="FILE", help="Write the areas to FILE; - is standard output.")
@access_options
@set_option
def accelergy(arch: str, ert: str | None, art: str | None, variables: dict[str, Any]) -> None:
    """Write the prices of all components of ARCH as Accelergy's ERT and ART, version 0.4.

    \b
    Example:
      sata export accelergy arch/sata.yaml --ert ERT.yaml --art ART.yaml
    """
    from sata.cli.output import write
    from sata.report.accelergy import art_text, ert_text
    from sata.report.files import check_targets

    if ert is None and art is None:
        raise click.UsageError("give --ert FILE, --art FILE or both")
    check_targets({o: name for o, name in (("--ert", ert), ("--art", art)) if name is not None}, [arch])
    parsed, prices = priced(arch, variables)
    write({ert: lambda: ert_text(parsed, prices), art: lambda: art_text(parsed, prices)})
