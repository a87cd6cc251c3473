"""`sata`: its commands, and what happens when one fails. Bad input is said in a line each and ends with 2."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

import click

from sata.cli.check import check, schema
from sata.cli.compare import compare
from sata.cli.components import components
from sata.cli.density import density, models
from sata.cli.ending import (
    BAD_INPUT,
    INTERRUPTED,
    TERMINATED,
    Terminated,
    end,
    flushed,
    no_memory,
    output_failed,
    terminable,
    unexpected,
    usage,
)
from sata.cli.exchange import export, import_
from sata.cli.formats import formats
from sata.cli.map import map_
from sata.cli.merge import merge
from sata.cli.plot import plot
from sata.cli.price import price
from sata.cli.run import run
from sata.cli.shipped import list_, templates
from sata.cli.show import ops, show
from sata.cli.sweep import sweep
from sata.specs.text.access import FileAccess, granting
from sata.specs.text.faults import SpecError, did_you_mean
from sata.specs.text.files import watching
from sata.version import __version__


class Sata(click.Group):
    """The group of all commands; turns every way to fail into a message and an exit code."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run a command and exit: with 0; 1 where a command says so, or if the reader of a pipe has left; 2 for bad
        input; 70 for a mistake of sata; 130 when interrupted; 143 when terminated."""
        _say_what_we_can()
        try:
            with terminable(), watching(), granting(FileAccess()):
                super().main(*args, **{**options, "standalone_mode": False})
                flushed()
        except SpecError as error:
            end(str(error), BAD_INPUT)
        except click.ClickException as error:
            _show(error)
            sys.exit(error.exit_code)
        except SystemExit:
            flushed()
            raise
        except (KeyboardInterrupt, click.Abort):
            end("interrupted", INTERRUPTED)
        except Terminated:
            end("terminated", TERMINATED)
        except MemoryError:
            no_memory()
        except OSError as error:
            output_failed(error) if error.filename is None else unexpected(error)
        except Exception as error:  # noqa: BLE001 - the last net
            unexpected(error)
        sys.exit(0)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first argument names."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            names = self.list_commands(ctx)
            hint = did_you_mean(args[0], names) or f"commands: {', '.join(names)}"
            raise click.UsageError(f"no command '{args[0]}'; {hint}", ctx)
        return super().resolve_command(ctx, args)


def _show(error: click.ClickException) -> None:
    vars(error)["message"] = usage(error.message)
    with suppress(OSError):  # standard error is closed or full
        error.show()


def _say_what_we_can() -> None:
    """A character that the terminal's encoding lacks is written as an escape, not answered with an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


@click.group(cls=Sata, name="sata", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "--version", message="sata %(version)s")
def main() -> None:
    """What training a spiking neural network costs on an accelerator.

    \b
    Energy, time and area of a workload on an architecture under a mapping, all
    written in YAML. Files are looked up in the current folder, then among those
    that sata ships: arch/sata.yaml and arch/sata mean the same, and so does sata
    where an architecture is expected.

    \b
    Example:
      sata run arch/sata.yaml workloads/vgg5_cifar10.yaml
    """


for command in (
    run, map_, merge, sweep, show, compare, plot, list_, ops, check, price, components, templates, models, density,
    formats, schema, export, import_,
):  # fmt: skip
    main.add_command(command)
