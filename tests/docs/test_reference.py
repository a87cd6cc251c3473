"""The reference pages are those of today's program, and the examples in the help are commands that exist."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from sata.cli.group import main as cli

from .reference import PAGES, ROOT, cli_page, commands, examples

COMMANDS = dict(commands())


@pytest.mark.parametrize("name", PAGES)
def test_up_to_date(name: str) -> None:
    """Refresh with `python -m tests.docs.pages`."""
    assert (ROOT / name).read_text(encoding="utf-8") == PAGES[name]()


def test_every_command_and_option_is_there() -> None:
    page = cli_page()
    for path, command in COMMANDS.items():
        section = page.split(f"\n## {path}\n")[1].split("\n## ")[0]
        for option in (p for p in command.params if isinstance(p, click.Option) and not p.hidden):
            assert all(re.search(rf"[` ]{re.escape(flag)}[`, ]", section) for flag in option.opts), (path, option.opts)


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_has_an_example(path: str) -> None:
    lines = examples(COMMANDS[path])
    assert lines
    assert all(line.startswith(f"{path} ") or line == path for line in lines)


@pytest.mark.parametrize("line", [line for command in COMMANDS.values() for line in examples(command)])
def test_examples_parse(line: str) -> None:
    """Words and options of every example in a help text are accepted, without running it."""
    words = shlex.split(re.split(r" [|>] ", line)[0])[1:]
    command: click.Command = cli
    while isinstance(command, click.Group):
        name, *words = words
        command = command.commands[name]
    command.make_context(name, words)


def test_a_new_command_appears_by_itself() -> None:
    @click.command("fly")
    @click.option("--height", type=click.Choice(["low", "high"]), default="low", show_default=True, help="How | high.")
    @click.argument("birds", nargs=-1)
    def fly(height: str, birds: tuple[str, ...]) -> None:
        """Let BIRDS fly.

        \b
        Example:
          sata fly gull
        """

    cli.add_command(fly)
    try:
        section = cli_page().split("## sata fly\n")[1]
    finally:
        del cli.commands["fly"]
    assert "`sata fly [BIRDS...] [OPTIONS]`" in section
    assert "| `--height low\\|high` | How \\| high. (default: low) |" in section
    assert "    sata fly gull" in section
