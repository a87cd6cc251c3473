"""`sata list` and `sata templates`: what ships, to look at and to begin with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sata.cli.options import json_option

if TYPE_CHECKING:
    from sata.specs.shipped import ShippedFile


@click.command(name="list", short_help="What ships: architectures, workloads, mappings, libraries, sweeps, templates.")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--copy", "folder", metavar="FOLDER", help="Copy the files of these names into FOLDER, to change them.")
@click.option("--extensions", is_flag=True, help="List what packages may add to: density models, formats, and so on.")
@json_option
def list_(names: tuple[str, ...], folder: str | None, extensions: bool, json_file: str | None) -> None:
    """List what ships with sata, or print the files of these names.

    NAME is a file such as arch/sata.yaml, or a folder of the list such as arch. Copies keep their folders below FOLDER:
    mappings/sata.yaml in the current folder goes before the shipped one. --extensions lists what is known by name, and
    who registers it: sata, or an installed package.

    \b
    Examples:
      sata list
      sata list workloads
      sata list arch/sata.yaml
      sata list mappings/sata.yaml --copy .
      sata list --extensions
    """
    from sata.cli.output import show_blocks, write
    from sata.report.files import check_targets, json_text
    from sata.report.shipped_text import list_blocks, list_data, use_block
    from sata.specs.shipped import LIST_FOLDERS, find_shipped, list_shipped_files, users

    check_targets({"--json": json_file} if json_file is not None else {})
    if extensions:
        from sata.cli.extensions import extension_blocks, extension_data

        if names or folder is not None:
            raise click.UsageError("--extensions lists everything; it takes no names and no --copy")
        if not write({json_file: lambda: json_text({"extensions": extension_data()})}):
            show_blocks(extension_blocks())
        return
    if folder is not None and not names:
        raise click.UsageError("--copy needs the names of what to copy: sata list arch/sata.yaml --copy FOLDER")
    whole = all(name in LIST_FOLDERS for name in names)
    files = [file for name in names or LIST_FOLDERS
             for file in (list_shipped_files([name]) if name in LIST_FOLDERS else [find_shipped(name)])]  # fmt: skip
    if folder is not None:
        _copy(files, Path(folder))
    elif not write({json_file: lambda: json_text({"files": list_data(files, users())})}):
        if whole:
            show_blocks([*list_blocks(files, users()), *([] if names else [use_block()])])
        else:
            click.echo("\n".join(file.path.read_text(encoding="utf-8") for file in files), nl=False)


def _copy(files: Sequence[ShippedFile], folder: Path) -> None:
    from sata.report.files import write_files
    from sata.specs.shipped import copies
    from sata.specs.text.faults import Fault, SpecError, Where

    if not folder.is_dir():
        raise SpecError([Fault(Where(str(folder)), "is not a folder")])
    found = copies(files, folder)
    for parent in {target.parent for target in found}:
        parent.mkdir(exist_ok=True)
    write_files({str(target): source.read_bytes() for target, source in found.items()})
    for target in found:
        click.echo(target.as_posix())


@click.command(short_help="Templates: options, ops, and the actions they ask for.")
@click.argument("names", nargs=-1, metavar="[TEMPLATE...]")
@json_option
def templates(names: tuple[str, ...], json_file: str | None) -> None:
    """List what templates make of layers: options, ops, and the action that each op asks of the class of its compute.

    TEMPLATE is a shipped one's name or a file of your own; without it, all shipped ones are listed.

    \b
    Examples:
      sata templates lif_bptt
      sata templates my_rule.yaml --json actions.json
    """
    from sata.cli.output import show_blocks, write
    from sata.report.files import check_targets, json_text
    from sata.report.shipped_text import template_blocks, template_data
    from sata.specs.workload.template_actions import template_requests
    from sata.specs.workload.template_file import shipped_templates

    check_targets({"--json": json_file} if json_file is not None else {}, names)
    found = [(name, *template_requests(name)) for name in names or shipped_templates()]
    if not write({json_file: lambda: json_text({"templates": [template_data(*one) for one in found]})}):
        show_blocks([block for one in found for block in template_blocks(*one)])
