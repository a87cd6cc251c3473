"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from sata.specs.expressions import number_or_text

F = TypeVar("F", bound=Callable[..., Any])
Value = int | float | str
TAKEN = ("arch", "workload", "mapping", "ops")  # arguments of sata.evaluate, which takes variables beside them


def _parse(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> dict[str, Value]:
    """`NAME=VALUE` texts as variables: numbers are numbers, everything else is text."""
    variables: dict[str, Value] = {}
    for text in given:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise click.BadParameter(f"'{text}' is no NAME=VALUE, such as --set timesteps=4")
        if name in variables:
            raise click.BadParameter(f"'{name}' is set twice: to {variables[name]} and to {value}")
        if name in TAKEN:
            raise click.BadParameter(f"'{name}' cannot be a variable: it is an argument of sata.evaluate")
        variables[name] = number_or_text(value.strip())
    return variables


def set_option(command: F) -> F:
    """`--set NAME=VALUE`, any number of times; gives a dict `variables`."""
    return click.option(
        "--set", "variables", metavar="NAME=VALUE", multiple=True, callback=_parse,
        help="Override a variable that a file declares; may be repeated.",
    )(command)  # fmt: skip


def ops_option(command: F) -> F:
    """`--ops PATTERN`."""
    return click.option("--ops", metavar="PATTERN", help="Only ops whose names match, such as 'conv*.forward'.")(
        command
    )


def json_option(command: F) -> F:
    """`--json FILE`."""
    return click.option("--json", "json_file", metavar="FILE", help="Write JSON to FILE; - is standard output.")(
        command
    )
