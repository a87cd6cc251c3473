"""`sata import` and `sata export`: to and from the files of other tools. A command for every row of a registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from functools import partial
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

import click

from sata.cli.options import access_options, set_option

if TYPE_CHECKING:
    from sata.interchange.importers import Importer
    from sata.report.exporters import Exporter


class RegistryCommands(MutableMapping[str, click.Command]):
    """A command for each name of a registry, made when it is asked for."""

    def __init__(self, registry: Callable[[], Any], command: Callable[[Any], click.Command]) -> None:
        self._registry, self._command = registry, command
        self._more: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name in self._more:
            return self._more[name]
        return self._command(self._registry()[name])

    def __iter__(self) -> Iterator[str]:
        yield from self._registry()
        yield from self._more

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._more[name] = command

    def __delitem__(self, name: str) -> None:
        del self._more[name]


def _importers() -> Any:
    from sata.interchange.importers import IMPORTERS

    return IMPORTERS


def _exporters() -> Any:
    from sata.report.exporters import EXPORTERS

    return EXPORTERS


def _import_command(importer: Importer) -> click.Command:
    """`sata import NAME FILE... -o FILE`, with the options of the importer."""

    def run(files: tuple[str, ...], output: str, **given: str | None) -> None:
        from sata.cli.output import write
        from sata.interchange.importers import ImportOptionError
        from sata.report.files import check_targets

        check_targets({"-o": output}, files)
        options = {name: value for name in importer.options if (value := given[_parameter(name)]) is not None}
        try:
            text = importer.read(files, options)
        except ImportOptionError as error:
            raise click.BadParameter(str(error), param_hint=f"--{error.option}") from None
        write({output: lambda: text})

    params: list[click.Parameter] = [
        click.Argument(["files"], nargs=-1, required=True, metavar="FILE..."),
        click.Option(["-o", "--output"], required=True, metavar="FILE",
                     help="The table to write; - is standard output."),
        *(click.Option([f"--{name}", _parameter(name)], metavar=one.metavar, help=one.about)
          for name, one in importer.options.items()),
    ]  # fmt: skip
    text = cleandoc(importer.help or importer.about)
    return click.Command(importer.name, callback=run, params=params, help=text, short_help=importer.about)


def _export_command(exporter: Exporter) -> click.Command:
    """`sata export NAME ARCH`, with an option for each file that the exporter writes."""

    def run(arch: str, variables: dict[str, Any], **given: str | None) -> None:
        from sata.api.prices import priced
        from sata.cli.output import write
        from sata.report.files import check_targets

        asked = {name: file for name in exporter.files if (file := given[_parameter(name)]) is not None}
        if not asked:
            raise click.UsageError(_either([f"--{name} FILE" for name in exporter.files]))
        check_targets({f"--{name}": file for name, file in asked.items()}, [arch])
        parsed, prices = priced(arch, variables)
        write({file: partial(exporter.files[name].text, parsed, prices) for name, file in asked.items()})

    params: list[click.Parameter] = [
        click.Argument(["arch"]),
        *(click.Option([f"--{name}", _parameter(name)], metavar="FILE", help=one.about)
          for name, one in exporter.files.items()),
    ]  # fmt: skip
    text = cleandoc(exporter.help or exporter.about)
    make = click.command(exporter.name, params=params, help=text, short_help=exporter.about)
    return make(access_options(set_option(run)))


def _either(options: list[str]) -> str:
    """What to say where none of the options is given."""
    return f"give {options[0]}" if len(options) == 1 else f"give {', '.join(options)} or {_number(len(options))}"


def _number(count: int) -> str:
    return "both" if count == 2 else "several"


def _parameter(option: str) -> str:
    return option.replace("-", "_")


@click.group(name="import", commands=RegistryCommands(_importers, _import_command),
             short_help="Tables of prices from the output of other tools.")  # fmt: skip
def import_() -> None:
    """Make tables of prices from the output of other tools.

    \b
    Example:
      sata import cacti sram_32KiB.out sram_64KiB.out -o sram.csv
    """


@click.group(commands=RegistryCommands(_exporters, _export_command), short_help="Prices in the files of other tools.")
def export() -> None:
    """Write prices in the form of other tools.

    \b
    Example:
      sata export accelergy arch/sata.yaml --ert ERT.yaml --art ART.yaml
    """
