"""The files of templates and of their parts: where they are found, what faults call them, and their text."""

from __future__ import annotations

import re
from pathlib import Path

from sata.specs.text.faults import Fault, SpecError, Where
from sata.specs.text.find import is_within, roots_of

SHIPPED = Path(__file__).resolve().parents[2] / "templates"
LARGEST_TEMPLATE = 1 << 20  # bytes
DEEPEST_BRACKETS = 60
_OPEN = "([{"


def part_path(name: str, folder: Path, shown: str) -> tuple[Path | None, str]:
    """The file of a part that a template names and how faults call it; None and a sentence where it has none."""
    if not name or Path(name).is_absolute() or "\0" in name or len(name) > 1000:
        return None, f"'{name}' must be a relative file name"
    own = folder / name
    try:
        if own.is_file():
            if not is_within(own, [*roots_of(folder), SHIPPED]):
                return None, f"'{name}' lies outside the folder of the template, the current one and the shipped ones"
            return own, part_label(name, str(own), shown)
        ships = SHIPPED / name
        if ships.is_file() and is_within(ships, [SHIPPED]):
            return ships, part_label(name, str(ships), shown)
        if not is_within(own, [*roots_of(folder), SHIPPED]):
            return None, f"'{name}' lies outside the folder of the template, the current one and the shipped ones"
    except (OSError, ValueError):
        pass
    return None, f"there is no part '{name}' beside the template or among the shipped ones"


def part_label(name: str, filename: str, shown: str) -> str:
    """How faults call a part, or the template itself, whose name is its label already."""
    path = Path(filename)
    if path.is_relative_to(SHIPPED):
        return f"templates/{path.relative_to(SHIPPED).as_posix()}"
    return name if not shown or name.startswith(f"{shown}/") else f"{shown}/{name}"


def read_template(path: Path, label: str) -> str:
    """The text of a template or of a part. Raises: SpecError."""
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_TEMPLATE + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SpecError([Fault(Where(label), f"cannot be read: {reason}", passing=True)]) from None
    if len(content) > LARGEST_TEMPLATE:
        raise SpecError([Fault(Where(label), f"is larger than {LARGEST_TEMPLATE} bytes")])
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SpecError([Fault(Where(label, line, 1), "is not UTF-8 text")]) from None


def check_brackets(source: str, label: str) -> None:
    """Raises: SpecError where brackets stand in more brackets than anybody needs: a parser would go as deep."""
    deep = 0
    for found in re.finditer(r"[(\[{)\]}]", source):
        deep = deep + 1 if found[0] in _OPEN else max(deep - 1, 0)
        if deep > DEEPEST_BRACKETS:
            line = source.count("\n", 0, found.start()) + 1
            column = found.start() - source.rfind("\n", 0, found.start())
            message = f"more than {DEEPEST_BRACKETS} brackets inside each other"
            raise SpecError([Fault(Where(label, line, column), message)])
