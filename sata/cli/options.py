"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar, cast

import click

from sata.specs.text.access import FileAccess, checked_folder, granted, granting
from sata.specs.text.expressions import number_or_text

F = TypeVar("F", bound=Callable[..., Any])
Value = int | float | str
_MEMORY = "sata.memory"  # of the context of a command: bytes, or None
TAKEN = ("arch", "workload", "mapping", "ops")  # arguments of sata.evaluate, which takes variables beside them


def _parse(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> dict[str, Value]:
    """`NAME=VALUE` texts as variables: numbers are numbers, everything else is text."""
    variables: dict[str, Value] = {}
    for text in given:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise click.BadParameter(f"'{text}' is not of the form NAME=VALUE, such as --set timesteps=4")
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


def access_options(command: F) -> F:
    """`--data FOLDER` and `--allow-plugins`, for commands that read recordings and price; they grant it themselves."""
    command = click.option(
        "--allow-plugins", is_flag=True, expose_value=False, callback=_plugins,
        help="Let libraries run the code that they name by 'estimator:'.",
    )(command)  # fmt: skip
    return data_option(command)


def data_option(command: F) -> F:
    """`--data FOLDER`, any number of times."""
    return click.option(
        "--data", metavar="FOLDER", multiple=True, expose_value=False, callback=_data,
        help="A further folder in which recordings may lie; may be repeated.",
    )(command)  # fmt: skip


def memory_option(command: F) -> F:
    """`--memory SIZE`; the limit holds while the command runs, not while options are read: one may be refused."""

    @wraps(command)
    def within(*args: Any, **values: Any) -> Any:
        from sata.specs.text.memory import limited

        with limited(click.get_current_context().meta[_MEMORY]):
            return command(*args, **values)

    return click.option(
        "--memory", metavar="SIZE", expose_value=False, callback=_memory, is_eager=True,
        help="The most memory to take, such as 4 GiB; without it, half of what is free.",
    )(cast(F, within))  # fmt: skip


def _memory(ctx: click.Context, _param: click.Parameter, given: str | None) -> None:
    from sata.specs.text.memory import LEAST, default, memory_text
    from sata.specs.text.units import parse_quantity

    if given is None:
        ctx.meta[_MEMORY] = default()
        return
    try:
        number = int(float(parse_quantity(given.strip(), "bits")) / 8)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if number < LEAST:
        raise click.BadParameter(f"{given} is too little to do anything; at least {memory_text(LEAST)}")
    ctx.meta[_MEMORY] = number


def _plugins(ctx: click.Context, _param: click.Parameter, given: bool) -> None:
    if given:
        _grant(ctx, replace(granted(), plugins=True))


def _data(ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> None:
    if given:
        _grant(ctx, replace(granted(), data=(*granted().data, *map(checked_folder, given))))


def _grant(ctx: click.Context, access: FileAccess) -> None:
    """Until the command ends."""
    ctx.with_resource(granting(access))


def json_option(command: F) -> F:
    """`--json FILE`."""
    return click.option("--json", "json_file", metavar="FILE", help="Write JSON to FILE; - is standard output.")(
        command
    )
