"""Which alternative of a `oneOf` a mapping means: a key that one of them alone requires tells it apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]


def told_apart(choices: Sequence[Schema], value: Any, root: Schema) -> int | None:
    """The number of the alternative that a mapping means: by its first key that one of them alone requires."""
    if not isinstance(value, dict):
        return None
    heads = head_keys(choices, root)
    return next((heads[key] for key in value if key in heads), None)


def head_keys(choices: Sequence[Schema], root: Schema) -> dict[str, int]:
    """Key -> the alternative that it tells apart: the first that is required of these mappings and not of all."""
    required = [_resolved(choice, root).get("required", []) for choice in choices]
    found: dict[str, int] = {}
    for number, keys in enumerate(required):
        own = [key for key in keys if not all(key in other for other in required if other)]
        found.update({own[0]: number} if own else {})
    return found


def _resolved(choice: Schema, root: Schema) -> Schema:
    """The definition that a schema is a `$ref` to, or itself."""
    found: Schema = root["$defs"][choice["$ref"].removeprefix("#/$defs/")] if "$ref" in choice else choice
    return found


def is_one_of(value: Any, values: list[Any] | tuple[Any, ...]) -> bool:
    """`true` is not 1 here."""
    return any(type(value) is type(v) and value == v for v in values)
