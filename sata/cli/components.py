"""`sata components`: what is in a library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from sata.cli.options import json_option

if TYPE_CHECKING:
    from sata.report.text import Block
    from sata.specs.library.components import Library


@click.command(short_help="Classes of component libraries, and what they take and do.")
@click.argument("library", required=False)
@json_option
def components(library: str | None, json_file: str | None) -> None:
    """List the classes of LIBRARY: attributes with units and defaults, actions, ranges of tables, sources.

    Without LIBRARY, the shipped libraries and the classes of installed plug-ins are listed by name.

    \b
    Examples:
      sata components
      sata components sata_32nm
      sata components my_library.yaml --json classes.json
    """
    from sata.api.tools import libraries_of
    from sata.cli.output import show_blocks, write
    from sata.report.components_text import class_data, library_blocks
    from sata.report.files import check_targets, json_text

    check_targets({"--json": json_file} if json_file is not None else {}, [library] if library is not None else [])
    found = libraries_of(library)
    data = [{"library": one.name, "source": one.source, "technology_nm": one.technology_nm,
             "classes": [class_data(c) for c in one.components.values()]} for one in found]  # fmt: skip
    if write({json_file: lambda: json_text({"libraries": data})}):
        return
    show_blocks([b for one in found for b in library_blocks(one)] if library is not None else _names(found))


def _names(libraries: Sequence[Library]) -> list[Block]:
    """The libraries and their classes by name, then those of plug-ins."""
    from sata.costs.plugin import known, named
    from sata.report.text import Lines

    blocks: list[Block] = []
    for one in libraries:
        node = f" ({one.technology_nm:g} nm)" if one.technology_nm is not None else ""
        blocks.append(Lines(f"{one.name}{node}", (f"  {', '.join(one.components)}",)))
    plugins = tuple(f"  {name}  {', '.join(f'{p.value}' for p in named(name))}" for name in known())
    return [*blocks, Lines("Plug-ins of installed packages", plugins)] if plugins else blocks
