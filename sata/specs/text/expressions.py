"""Jinja2 expressions inside values: `out: "{{ 2 * channels }}"`. Sandboxed, bounded, and numbers stay numbers.

A value takes expressions only: `{% ... %}` (loops, conditions) belongs to templates. There are no attributes of
objects, no methods and no loops in an expression, and results are bounded, so one value cannot hang or fill memory.
jinja2 is imported when the first expression is met; most files have none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sata.specs.text.faults import did_you_mean
from sata.specs.text.python_words import plain_words

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST_EXPRESSION = 1000  # characters of a value that holds an expression
LONGEST_RESULT = 10_000  # characters of a text, or elements of a list, that an expression may make
LARGEST_NUMBER = 10**30

_INT = re.compile(r"[-+]?[0-9]{1,40}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_FILTERS = ("abs", "float", "int", "length", "lower", "max", "min", "string", "sum", "upper")
_ONLY_NAME = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")

_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": abs, "ceil": math.ceil, "float": float, "floor": math.floor, "int": int, "log2": math.log2, "max": max,
    "min": min, "round": lambda value, digits=0: round(value, min(max(digits, -30), 30) or None), "sqrt": math.sqrt,
    "sum": sum,
}  # fmt: skip

RESERVED = _FUNCTIONS.keys() | {"true", "false", "none", "True", "False", "None", "and", "or", "not", "in", "is", "if",
                                "else", "self", "loop", "caller"}  # fmt: skip
"""Words that mean something in an expression, so no names for variables."""


def has_expression(text: str) -> bool:
    """Does rendering change this text at all?"""
    return "{{" in text or "{%" in text


def number_or_text(text: str) -> int | float | str:
    """`"12"` is 12, `"1e3"` is 1000.0, everything else stays text. Also how `--set NAME=VALUE` reads a number."""
    if _INT.fullmatch(text):
        return int(text)
    if len(text) < 60 and _FLOAT.fullmatch(text):
        return float(text)
    return text


def names_in(text: str) -> frozenset[str]:
    """The variables that the text asks for. Raises: ValueError if it is not an expression."""
    simple = _ONLY_NAME.fullmatch(text)
    if simple and simple[1] not in RESERVED:
        return frozenset(simple.groups())
    return _compiled(text).names - _FUNCTIONS.keys()


def render_value(text: str, names: Mapping[str, Any]) -> Any:
    """The value of a text with expressions. `"{{ 2 * n }}"` alone keeps its type; text around it makes text again,

    or a number if that text reads as one. A text without expressions comes back as it is.
    Raises: ValueError that says which name is undefined (with the nearest one) or what else is wrong.
    """
    if not has_expression(text):
        return text
    wanted = names_in(text)
    for name in sorted(wanted - names.keys()):
        known = f"(variables: {', '.join(names)})" if names else "(there are no variables)"
        hint = did_you_mean(name, [*names, *_FUNCTIONS] if names else [])
        raise ValueError(f"'{name}' is undefined; {hint + ' ' if hint else ''}{known}")
    simple = _ONLY_NAME.fullmatch(text)
    if simple and simple[1] in wanted:
        return _bounded(names[simple[1]])
    expression = _compiled(text)
    try:
        result = expression.call({name: names[name] for name in wanted})
    except ZeroDivisionError:
        raise ValueError(f"division by zero in {_shown(text)}") from None
    except Exception as error:  # noqa: BLE001 -- whatever sandbox or operator says, the user gets it as a sentence
        raise ValueError(f"{_shown(text)} cannot be computed: {plain_words(error)}") from None
    result = _bounded(result)
    return result if expression.native or not isinstance(result, str) else number_or_text(result)


@dataclass(frozen=True, slots=True)
class _Expression:
    names: frozenset[str]
    native: bool
    call: Callable[[Mapping[str, Any]], Any]


@lru_cache(maxsize=1024)
def _compiled(text: str) -> _Expression:
    if len(text) > LONGEST_EXPRESSION:
        raise ValueError(f"a value with expressions has at most {LONGEST_EXPRESSION} characters, this has {len(text)}")
    if "{%" in text:
        raise ValueError("a value takes expressions '{{ ... }}' only; statements '{% ... %}' belong to templates")
    from jinja2 import TemplateError, meta, nodes

    env = _environment()
    try:
        tree = env.parse(text)
        names = frozenset(meta.find_undeclared_variables(tree))
        out = tree.body[0] if len(tree.body) == 1 else None
        parts = out.nodes if isinstance(out, nodes.Output) else []
        stripped = text.strip()
        native = len(parts) == 1 and not isinstance(parts[0], nodes.TemplateData) and stripped == text
        if native:
            expression = env.compile_expression(text[2:-2], undefined_to_none=False)
            return _Expression(names, True, lambda known: expression(**known))
        template = env.from_string(text)
        return _Expression(names, False, lambda known: template.render(**known))
    except TemplateError as error:
        raise ValueError(f"{_shown(text)} is not an expression: {plain_words(error)}") from None
    except (RecursionError, MemoryError, SyntaxError):
        raise ValueError("the expression is nested too deeply") from None


def _shown(text: str) -> str:
    """The expression in one line, and not all of a long one."""
    line = " ".join(text.split())
    return f"'{line}'" if len(line) <= 100 else f"'{line[:96]}...'"


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.exceptions import SecurityError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    operators = {"+": _add, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
                 "//": lambda a, b: a // b, "%": lambda a, b: a % b, "**": _power}  # fmt: skip

    class Sandbox(ImmutableSandboxedEnvironment):
        """No attributes of Python objects and no calls but ours; operators are bounded, also while compiling."""

        intercepted_binops = frozenset(operators)

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            return False

        def is_safe_callable(self, obj: Any) -> bool:
            return any(obj is function for function in _FUNCTIONS.values())

        def call(self, context: Any, function: Any, *args: Any, **kwargs: Any) -> Any:
            if not self.is_safe_callable(function):
                raise SecurityError(f"only {', '.join(_FUNCTIONS)} can be called")
            return function(*args, **kwargs)

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if not (_is_number(left) and _is_number(right)) and operator != "+":
                raise SecurityError(f"'{operator}' works on numbers only")
            return _bounded(operators[operator](left, right))

    env = Sandbox(undefined=StrictUndefined, autoescape=False)
    env.filters = {name: env.filters[name] for name in _FILTERS} | {"round": _FUNCTIONS["round"]}
    env.globals = dict(_FUNCTIONS)
    return env


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def _add(left: Any, right: Any) -> Any:
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return [*left, *right]
    return left + right


def _power(base: Any, exponent: Any) -> Any:
    if abs(exponent) > 1024:
        raise ValueError(f"the exponent {exponent} is too large")
    whole = isinstance(base, int) and isinstance(exponent, int) and abs(base) > 1
    if whole and base.bit_length() * exponent > 4096:
        raise ValueError("the result of '**' is too large")
    result = base**exponent
    if isinstance(result, complex):
        raise ValueError("the result of '**' is not a real number")
    return result


def _bounded(value: Any) -> Any:
    """The value as plain data. Raises: ValueError if it is too large, not finite, or not data at all."""
    room = [LONGEST_RESULT]
    return _plain(value, room, 0)


def _plain(value: Any, room: list[int], depth: int) -> Any:
    room[0] -= 1
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) > LARGEST_NUMBER:
            raise ValueError("the number is too large")
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"the result is {value}, not a finite number")
        return value
    if isinstance(value, str):
        room[0] -= len(value)
    if room[0] < 0 or depth > 20:
        raise ValueError(f"the result is longer than {LONGEST_RESULT} characters or elements")
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item, room, depth + 1) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item, room, depth + 1) for key, item in value.items()}
    if getattr(value, "_undefined_name", None) is not None:
        raise ValueError(f"there is no '{value._undefined_name}' in it")
    raise ValueError("the result is not a number, text, list or mapping")
