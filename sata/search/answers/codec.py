"""Answers as plain data for JSON, and back: nothing is taken that does not have the type its place asks for."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
DEEPEST = 12


class Misfit(ValueError):
    """Data that is not what was asked for."""


def data_of(value: Any) -> Any:
    """Dataclasses as mappings, tuples as lists, numbers that JSON lacks as text. Raises: TypeError for other things."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: data_of(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): data_of(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [data_of(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "item"):
        return data_of(value.item())
    raise TypeError(f"{type(value).__name__} is not data")


def decoded(kind: type[T], data: Any) -> T:
    """The value of a dataclass from data that `data_of` made. Raises: Misfit."""
    value: T = _value(kind, data, 0)
    return value


@lru_cache(maxsize=64)
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _value(kind: Any, data: Any, depth: int) -> Any:
    if depth > DEEPEST:
        raise Misfit("nested too deep")
    origin = get_origin(kind)
    if is_dataclass(kind):
        return _dataclass(kind, data, depth)
    if origin is tuple:
        return _tuple(get_args(kind), data, depth)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        _check(isinstance(data, dict), kind, data)
        return {key: _value(get_args(kind)[1], item, depth + 1) for key, item in data.items()}
    if origin in (Union, types.UnionType):
        return _either(get_args(kind), data, depth)
    if kind is float:
        if data in ("inf", "-inf"):
            return float(data)
        _check(isinstance(data, (int, float)) and not isinstance(data, bool), kind, data)
        return float(data)
    _check(kind in (int, bool, str, type(None)) and type(data) is kind, kind, data)
    return data


def _dataclass(kind: Any, data: Any, depth: int) -> Any:
    names = {field.name for field in fields(kind)}
    _check(isinstance(data, dict) and set(data) == names, kind, data)
    return kind(**{name: _value(_hints(kind)[name], data[name], depth + 1) for name in names})


def _tuple(kinds: tuple[Any, ...], data: Any, depth: int) -> tuple[Any, ...]:
    _check(isinstance(data, list), tuple, data)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_value(kinds[0], item, depth + 1) for item in data)
    _check(len(kinds) == len(data), tuple, data)
    return tuple(_value(kind, item, depth + 1) for kind, item in zip(kinds, data, strict=True))


def _either(kinds: tuple[Any, ...], data: Any, depth: int) -> Any:
    for kind in kinds:
        try:
            return _value(kind, data, depth + 1)
        except Misfit:
            continue
    raise Misfit(f"none of {len(kinds)} types fits {str(data)[:40]!r}")


def _check(good: bool, kind: Any, data: Any) -> None:
    if not good:
        raise Misfit(f"expected {getattr(kind, '__name__', kind)}, found {str(data)[:40]!r}")
