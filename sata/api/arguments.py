"""Arguments that are checked before anything is done: names of keywords, and words of which only some are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import Parameter, signature
from typing import ParamSpec, TypeVar

from sata.specs.text.faults import Fault, SpecError, Where, did_you_mean

P = ParamSpec("P")
R = TypeVar("R")
_NAMED = (Parameter.KEYWORD_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def suggesting(function: Callable[P, R]) -> Callable[P, R]:
    """The function, which names the nearest argument where a keyword is misspelt.

    Raises: TypeError for a keyword that the function does not have.
    """
    known = [p.name for p in signature(function).parameters.values() if p.kind in _NAMED and p.name != "self"]

    @wraps(function)
    def checked(*args: P.args, **named: P.kwargs) -> R:
        for name in named:
            if name not in known:
                hint = did_you_mean(name, known) or f"it has: {', '.join(known)}"
                called = function.__qualname__.removesuffix(".__init__")
                raise TypeError(f"{called}() does not have an argument '{name}'; {hint}")
        return function(*args, **named)

    return checked


def one_of(what: str, given: str, known: Sequence[str]) -> str:
    """A word among those that are known. Raises: SpecError with the nearest."""
    if given not in known:
        message = f"unknown {what} '{given}', expected one of: {', '.join(known)}"
        raise SpecError([Fault(Where(), message, did_you_mean(str(given), known))])
    return given
