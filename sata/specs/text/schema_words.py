"""What a user is told about an error that `jsonschema` finds: what was expected, what was found, the nearest right key.

Each keyword of our schemas has its sentence here. Of the alternatives of a `oneOf` only the one that was meant speaks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from sata.specs.text.alternatives import Schema, head_keys
from sata.specs.text.faults import did_you_mean
from sata.specs.text.includes import what
from sata.specs.text.source import Path_

Error = Any  # jsonschema.ValidationError, whose fields have wide types
_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_TRUE_FALSE = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


class Saying(NamedTuple):
    """A sentence about the value at `path`, below the value that was checked, or about its key."""

    path: Path_
    message: str
    hint: str = ""
    key: bool = False


def sayings(errors: Iterable[Error], value: Any, root: Schema) -> list[Saying]:
    """All that is said about the errors of a value, in the order of the data. root: the schema they come from."""
    return sorted(_all(errors, root), key=lambda saying: _order(value, saying.path))


def _order(value: Any, path: Path_) -> list[int]:
    """Sorts paths as their values stand in the data."""
    places = []
    for part in path:
        places.append(list(value).index(part) if isinstance(value, dict) else int(part))
        value = value[part]
    return places


def _all(errors: Iterable[Error], root: Schema) -> list[Saying]:
    """A value that is not a quantity, or of a wrong type, is told that and nothing else."""
    by_path: dict[Path_, list[Error]] = {}
    for error in errors:
        by_path.setdefault(tuple(error.absolute_path), []).append(error)
    found: list[Saying] = []
    for path, here in by_path.items():
        first = next((e for word in ("x-quantity", "type") for e in here if e.validator == word), None)
        for error in [first] if first else here:
            found += _choice(error, path, root) if error.validator in ("oneOf", "anyOf") else _said(error, path)
    return list(dict.fromkeys(found))


def _said(error: Error, path: Path_) -> list[Saying]:
    """What is said about one error, by the keyword that found it."""
    word, value, limit, schema = str(error.validator), error.instance, error.validator_value, error.schema
    if word in _ABOUT_KEYS:
        return _ABOUT_KEYS[word](value, limit, schema, path)
    if word in _ABOUT_VALUES:
        message, hint = _ABOUT_VALUES[word](value, limit)
        return [Saying(path, message, hint or _about(schema))]
    return [Saying(path, error.message)]  # x-quantity brings its sentence along


def _about(schema: Schema) -> str:
    return str(schema.get("description", ""))


# --- alternatives -------------------------------------------------------------------------------------------------


def _choice(error: Error, path: Path_, root: Schema) -> list[Saying]:
    """None fits, and no key says which was meant. Among other than mappings that which gets furthest speaks."""
    value, choices = error.instance, error.validator_value
    if isinstance(value, dict):
        heads = head_keys(choices, root)
        if len(heads) == len(choices):
            near = next((key for key in value if did_you_mean(key, heads)), None)
            at = path if near is None else (*path, near)
            hint = "" if near is None else did_you_mean(near, heads)
            return [Saying(at, f"expected one of the keys {', '.join(heads)}", hint, key=near is not None)]
    attempts: dict[int, list[Error]] = {}
    for below in error.context or ():
        attempts.setdefault(int(below.relative_schema_path[0]), []).append(below)
    said = [_all(errors, root) for _, errors in sorted(attempts.items())]
    alone = [Saying(path, error.message)]
    return max(said, key=lambda found: (max(len(s.path) for s in found), -len(found)), default=alone)


# --- keys ---------------------------------------------------------------------------------------------------------


def _unknown(value: Mapping[str, Any], _: Any, schema: Schema, path: Path_) -> list[Saying]:
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    expected = f", expected one of: {', '.join(known)}" if known else ""
    return [
        Saying((*path, key), f"unknown key '{_short(key)}'{expected}", _near(key, known), key=True)
        for key in value
        if key not in known and not any(re.search(pattern, key) for pattern in patterns)
    ]


# What other tools call it -> (our key, how to write it).
_ELSEWHERE: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("depth", "entries"), ("size", "`size: 64 KiB`, the rows times their width")),
    **dict.fromkeys(("capacity", "sizekb", "memorydepth"), ("size", "`size: 64 KiB`")),
    **dict.fromkeys(
        ("datawidth", "wordbits", "blocksize", "memorywidth", "buswidth"),
        ("width", "`width: 64 b`, what one access moves"),
    ),
    **dict.fromkeys(("readbandwidth", "readbw"), ("bandwidth", "`bandwidth: {read: 16 B/cycle}`")),
    **dict.fromkeys(("writebandwidth", "writebw"), ("bandwidth", "`bandwidth: {write: 16 B/cycle}`")),
    **dict.fromkeys(("meshx", "meshy", "instances", "lanes", "spatial"), ("shape", "`shape: {x: 4, y: 4}`")),
    **dict.fromkeys(("frequency", "globalcyclesecond", "freq"), ("clock", "`clock: 400 MHz`")),
    **dict.fromkeys(("technologynode", "node", "process"), ("technology", "`technology: 32 nm`")),
    "doublebuffered": ("buffers", "`buffers: 2`"),
    "bypass": ("keep", "`keep: [...]`, the kinds that stay; a mapping may bypass"),
    "dataspaces": ("tensors", "`tensors: {NAME: {kind: ...}}`"),
    **dict.fromkeys(("dimensions", "bounds", "instance"), ("ranks", "`ranks: {k: 4}`")),
}


def _near(key: str, known: Collection[str]) -> str:
    """The key for what other tools call so, if the mapping has it; else the one that is nearest by its letters."""
    ours, written = _ELSEWHERE.get(re.sub(r"[-_. ]", "", key.lower()), ("", ""))
    return f"here it is '{ours}': {written}" if ours in known else did_you_mean(key, known)


def _missing(value: Mapping[str, Any], required: Sequence[str], schema: Schema, path: Path_) -> list[Saying]:
    found = []
    for key in (key for key in required if key not in value):
        meaning = _about(schema.get("properties", {}).get(key, {}))
        found.append(Saying(path, f"missing key '{key}'" + (f" ({meaning})" if meaning else "")))
    return found


def _twice(value: Sequence[Any], _: Any, schema: Schema, path: Path_) -> list[Saying]:
    return [Saying((*path, i), f"{what(item)} is given twice") for i, item in enumerate(value) if item in value[:i]]


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:56] + "..."


_ABOUT_KEYS: Mapping[str, Callable[[Any, Any, Schema, Path_], list[Saying]]] = {
    "additionalProperties": _unknown,
    "required": _missing,
    "uniqueItems": _twice,
}

# --- values: (message, hint); without a hint the description of the schema is given ---------------------------------


def _type(value: Any, names: str | list[str]) -> tuple[str, str]:
    names = [names] if isinstance(names, str) else names
    hint = ""
    if "boolean" in names and isinstance(value, str) and value.lower() in _TRUE_FALSE:
        hint = f"write {_TRUE_FALSE[value.lower()]}"
    elif "array" in names and not {"number", "string"} & set(names) and isinstance(value, str):
        hint = f"write [{value}]"
    elif names == ["string"] and isinstance(value, (bool, int, float)):
        hint = f'write "{json.dumps(value)}" in quotes for text'
    return f"expected {' or '.join(_TYPES[name] for name in names)}, found {what(value)}", hint


def _enum(value: Any, words: Sequence[Any]) -> tuple[str, str]:
    expected = ", ".join(str(word) for word in words)
    return f"expected one of {expected}, found {what(value)}", did_you_mean(str(value), [str(w) for w in words])


def _limit(text: str, value: Any, limit: Any) -> tuple[str, str]:
    return f"{value} must be {text} {limit}", ""


def _number(text: str, unit: str, value: Any, limit: int) -> tuple[str, str]:
    """Too few or too many of something: values of a list, keys of a mapping, characters of a text."""
    if text == "at least" and not value:
        return "must not be empty", ""
    return f"expected {text} {limit} {unit}, found {len(value)}", ""


_ABOUT_VALUES: Mapping[str, Callable[[Any, Any], tuple[str, str]]] = {
    "type": _type,
    "enum": _enum,
    "const": lambda value, expected: _enum(value, [expected]),
    "pattern": lambda value, _: (f"{what(value)} does not fit", ""),
    "minimum": partial(_limit, "at least"),
    "maximum": partial(_limit, "at most"),
    "exclusiveMinimum": partial(_limit, "more than"),
    "exclusiveMaximum": partial(_limit, "less than"),
    **{
        f"{end}{noun}": partial(_number, text, unit)
        for end, text in (("min", "at least"), ("max", "at most"))
        for noun, unit in (("Items", "values"), ("Properties", "keys"), ("Length", "characters"))
    },
}
SENTENCES = frozenset({*_ABOUT_KEYS, *_ABOUT_VALUES, "oneOf", "anyOf", "x-quantity"})
