"""The reference pages, made from the program itself: docs/cli.md from its commands, docs/python.md from its docstrings, behind
an opening that is written by hand.

`python -m tests.docs.reference` (or `python -m tests.docs.pages`, which does it too) writes them; a test says when they are old.
A new command, option or public name is on its page without any other edit.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

import sata
import sata.plugins
from sata.cli.group import main as cli

ROOT = Path(__file__).resolve().parents[2]
NOTE = "<!-- written by `python -m tests.docs.pages`; edit the docstrings instead -->"


# --- the command line ---------------------------------------------------------------------------------------------


def commands(group: click.Group = cli, path: str = "sata") -> Iterator[tuple[str, click.Command]]:
    """(`sata import cacti`, command) of all commands; of a group, the group first."""
    for name, command in group.commands.items():
        full = f"{path} {name}"
        yield full, command
        if isinstance(command, click.Group):
            yield from commands(command, full)


def examples(command: click.Command) -> list[str]:
    """The lines `sata ...` of a command's help."""
    return [line.strip() for line in (command.help or "").splitlines() if line.strip().startswith("sata ")]


def cli_page() -> str:
    parts = [
        "# Command line",
        NOTE,
        "Every command, as `sata COMMAND --help` prints it. Files are looked up in the current folder, then among those "
        "that sata ships. `-` as a file to write is standard output. Exit codes: 0; 1 where a command says so, or if the reader of a pipe "
        "has left; 2 for bad input, with one line for each fault, and for what cannot be written or needs too much memory; 70 for a mistake of "
        "sata, one line, whose traceback `SATA_DEBUG=1` shows; 130 when interrupted (Ctrl-C); 143 when terminated (SIGTERM).",
        *(part for path, command in commands() for part in _command(path, command)),
    ]
    return "\n\n".join(parts) + "\n"


def _command(path: str, command: click.Command) -> Iterator[str]:
    arguments = [p for p in command.params if isinstance(p, click.Argument)]
    options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    yield f"## {path}"
    words = [path, *(_argument(a) for a in arguments), *(["[OPTIONS]"] if options else [])]
    yield f"`{' '.join([*words, 'COMMAND ...'] if isinstance(command, click.Group) else words)}`"
    yield from _help(command.help or "")
    if options:
        rows = [f"| {_option(o)} | {_cell(o.help or '')}{_default(o)} |" for o in options]
        yield "\n".join(["| option | meaning |", "|---|---|", *rows])


def _argument(argument: click.Argument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    many = name if argument.nargs == 1 or name.rstrip("]").endswith("...") else f"{name}..."
    return many if argument.required or many.startswith("[") else f"[{many}]"


def _option(option: click.Option) -> str:
    flags = ", ".join([*option.opts, *option.secondary_opts])
    value = option.metavar or ("" if option.is_flag else _choices(option))
    return f"`{flags}{' ' + value if value else ''}`".replace("|", "\\|")


def _choices(option: click.Option) -> str:
    return (
        "|".join(str(c) for c in option.type.choices)
        if isinstance(option.type, click.Choice)
        else option.type.name.upper()
    )


def _default(option: click.Option) -> str:
    shown = option.show_default and not option.is_flag and isinstance(option.default, (str, int, float))
    return f" (default: {option.default})" if shown else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _help(text: str) -> Iterator[str]:
    """Paragraphs; those behind click's mark for "as it is" are indented, their first line a sentence of its own."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if not paragraph.startswith("\b\n"):
            yield " ".join(paragraph.split())
            continue
        lines = paragraph.removeprefix("\b\n").splitlines()
        if lines[0].startswith("Example"):
            yield lines.pop(0)
        yield textwrap.indent(textwrap.dedent("\n".join(lines)), "    ")


# --- Python -------------------------------------------------------------------------------------------------------


def python_page() -> str:
    opening = (ROOT / "docs" / "python.md").read_text(encoding="utf-8").split(NOTE)[0].rstrip()  # written by hand
    parts = [
        opening,
        NOTE,
        "## sata",
        *(
            part
            for name in sorted(sata.__all__, key=str.lower)
            if not name.startswith("_")
            for part in _member(sata, name)
        ),
        "## sata.plugins",
        *(part for name in sorted(_own(sata.plugins), key=str.lower) for part in _member(sata.plugins, name)),
    ]
    return "\n\n".join(parts) + "\n"


def _own(module: Any) -> list[str]:
    """Public classes and functions that a module defines."""
    found = {n: v for n, v in vars(module).items() if not n.startswith("_")}
    return [
        n
        for n, v in found.items()
        if getattr(v, "__module__", "") == module.__name__ and (inspect.isclass(v) or inspect.isfunction(v))
    ]


def _member(module: Any, name: str) -> Iterator[str]:
    value = getattr(module, name)
    full = f"{module.__name__}.{name}"
    if inspect.isfunction(value) or inspect.isclass(value):
        yield f"### {full}"
        yield f"`{name}{_signature(value)}`"
        yield _doc(value)
    if inspect.isclass(value):
        yield from _methods(name, value)


def _methods(owner: str, value: type) -> Iterator[str]:
    for name, member in vars(value).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            yield f"#### {owner}.{name}"
            yield f"Property: `{_annotation(inspect.signature(member.fget or len).return_annotation)}`"
            yield _doc(member)
        elif inspect.isfunction(member := getattr(member, "__func__", member)):
            yield f"#### {owner}.{name}"
            yield f"`{name}{_signature(member)}`"
            yield _doc(member)


def _signature(value: Callable[..., Any]) -> str:
    """As written in the source: annotations are not evaluated, so every Python prints the same."""
    signature = inspect.signature(value)
    parameters = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
    shown = re.sub(r"<factory>|<dataclasses\..*?>", "...", str(signature.replace(parameters=parameters)))
    shown = re.sub(r"'([^']+)'", r"\1", shown)
    return shown.removesuffix(" -> None") if inspect.isclass(value) else shown


def _annotation(value: Any) -> str:
    return value if isinstance(value, str) else getattr(value, "__name__", str(value))


def _doc(value: Any) -> str:
    """A docstring as it is: its lines are laid out for reading."""
    text = inspect.getdoc(value)
    assert text, f"{value} is public and has no docstring"
    return textwrap.indent(text, "    ")


PAGES = {"docs/cli.md": cli_page, "docs/python.md": python_page}


def write() -> None:
    for name, page in PAGES.items():
        path, text = ROOT / name, page()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{name}: new text")
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
