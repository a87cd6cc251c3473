"""Checks data against the JSON Schemas of the package and says each fault at its place, in words.

The schemas in `sata/schemas` are plain JSON Schema (draft 2020-12), for editors and other tools. They are checked
here, and not by a general validator, for two reasons: every fault must point at a key or value and name the nearest
right one, and the start of the program must not wait for an import. Tests hold this file against `jsonschema`.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from sata.specs.faults import Fault, Faults, Where, did_you_mean
from sata.specs.includes import what
from sata.specs.source import Doc, Path_, path_text
from sata.specs.units import parse_quantity

Schema = Mapping[str, Any]

_TYPES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "string": ("text", lambda v: isinstance(v, str)),
    "integer": ("a whole number", lambda v: not isinstance(v, bool) and isinstance(v, (int, float)) and v == int(v)),
    "number": ("a number", lambda v: not isinstance(v, bool) and isinstance(v, (int, float))),
    "boolean": ("true or false", lambda v: isinstance(v, bool)),
    "array": ("a list", lambda v: isinstance(v, list)),
    "object": ("a mapping", lambda v: isinstance(v, dict)),
    "null": ("nothing", lambda v: v is None),
}
_LIMITS: Mapping[str, tuple[Callable[[Any, Any], bool], str]] = {
    "minimum": (operator.lt, "at least"),
    "maximum": (operator.gt, "at most"),
    "exclusiveMinimum": (operator.le, "more than"),
    "exclusiveMaximum": (operator.ge, "less than"),
}
_TRUE_FALSE = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


class WhereOf(Protocol):
    """Gives the place of the value at a path, or of its key."""

    def __call__(self, path: Path_, key: bool = False) -> Where: ...


@lru_cache(maxsize=16)
def schema(name: str) -> Schema:
    """The JSON Schema `arch`, `workload`, `mapping` or `library`."""
    path = Path(__file__).resolve().parent.parent / "schemas" / f"{name}.json"
    loaded: Schema = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def validate(doc: Doc, top_key: str, faults: Faults) -> bool:
    """Check `doc.data[top_key]` against the schema of that name. False, with faults, if it breaks it."""
    return validate_value(doc.data[top_key], top_key, "", (top_key,), doc.where, faults)


def sound(doc: Doc, path: Path_, faults: Faults) -> bool:
    """Is there a value at `path`, and no fault at or below it? So the rest of a broken file can still be read."""
    value: Any = doc.data
    for part in path:
        if not (isinstance(value, list) if isinstance(part, int) else isinstance(value, dict) and part in value):
            return False
        value = value[part]
    text = path_text(path)
    return not any(f.path == text or f.path.startswith((f"{text}.", f"{text}[")) for f in faults)


def validate_value(value: Any, name: str, definition: str, path: Path_, where: WhereOf, faults: Faults) -> bool:
    """Check a value against `#/$defs/definition` of schema `name` (or the whole of it)."""
    root = schema(name)
    found = _Checker(root, where).check(value, root["$defs"][definition] if definition else root, path)
    faults.extend(found)
    return not found


class _Checker:
    """Walks a value and its schema together. Each method gives the faults of one group of keywords."""

    def __init__(self, root: Schema, where: WhereOf) -> None:
        self.root, self.where = root, where

    def resolve(self, schema: Schema) -> Schema:
        """The schema with `$ref` replaced by what it points at; words beside `$ref` are kept."""
        if "$ref" not in schema:
            return schema
        target: Any = self.root
        for part in schema["$ref"].removeprefix("#").strip("/").split("/"):
            target = target[part] if part else target
        rest = {key: value for key, value in schema.items() if key not in ("$ref", "$defs")}
        return {**self.resolve(target), **rest}

    def fault(self, path: Path_, message: str, hint: str = "", key: bool = False) -> list[Fault]:
        return [Fault(self.where(path, key), message, hint)]

    def check(self, value: Any, schema: Schema, path: Path_) -> list[Fault]:
        schema = self.resolve(schema)
        for word in ("oneOf", "anyOf"):
            if word in schema:
                return self.choice(value, [self.resolve(s) for s in schema[word]], path)
        if "x-quantity" in schema:
            return self.quantity(value, schema["x-quantity"], path)
        if wrong := self.type(value, schema, path):
            return wrong
        if isinstance(value, dict):
            return self.object(value, schema, path)
        if isinstance(value, list):
            return self.array(value, schema, path)
        return self.single(value, schema, path)

    def choice(self, value: Any, choices: list[Schema], path: Path_) -> list[Fault]:
        """Alternatives: mappings are told apart by the first key that only one requires; others by how far they get."""
        if isinstance(value, dict):
            mappings = [s for s in choices if s.get("type") == "object"]
            shared = set.intersection(*(set(s.get("required", [])) for s in mappings)) if len(mappings) > 1 else set()
            own = [(next((key for key in s.get("required", []) if key not in shared), ""), s) for s in mappings]
            heads = {head: s for head, s in own if head}
            head = next((key for key in value if key in heads), None)
            if head is not None:
                return self.check(value, heads[head], path)
            if heads and len(heads) == len(choices):
                near = next((hint for key in value if (hint := did_you_mean(key, heads))), "")
                first = next(iter(value), None)
                at = (*path, first) if first is not None and not shared else path
                return self.fault(at, f"expected one of the keys {', '.join(heads)}", near, key=True)
        attempts = [self.check(value, choice, path) for choice in choices]
        if not all(attempts):
            return []
        return max(attempts, key=lambda faults: (max(len(f.where.path) for f in faults), -len(faults)))

    def quantity(self, value: Any, dimension: str, path: Path_) -> list[Fault]:
        """Our one keyword of our own, an annotation for others: the text is a quantity of this dimension."""
        try:
            parse_quantity(value, dimension)
        except ValueError as error:
            return self.fault(path, str(error))
        return []

    def type(self, value: Any, schema: Schema, path: Path_) -> list[Fault]:
        allowed = schema.get("type")
        if allowed is None:
            return []
        names = [allowed] if isinstance(allowed, str) else allowed
        if any(_TYPES[name][1](value) for name in names):
            return []
        words = " or ".join(_TYPES[name][0] for name in names)
        hint = ""
        if "boolean" in names and isinstance(value, str) and value.lower() in _TRUE_FALSE:
            hint = f"write {_TRUE_FALSE[value.lower()]}"
        elif names == ["array"] and isinstance(value, str):
            hint = f"write [{value}]"
        elif names == ["string"] and isinstance(value, (bool, int, float)):
            hint = f'write "{json.dumps(value)}" in quotes for text'
        else:
            hint = schema.get("description", "")
        return self.fault(path, f"expected {words}, found {what(value)}", hint)

    def object(self, value: Mapping[str, Any], schema: Schema, path: Path_) -> list[Fault]:
        known: Mapping[str, Schema] = schema.get("properties", {})
        patterns: Mapping[str, Schema] = schema.get("patternProperties", {})
        more = schema.get("additionalProperties", True)
        found: list[Fault] = []
        for key, item in value.items():
            below = [known[key]] if key in known else [s for p, s in patterns.items() if re.search(p, key)]
            if not below and more is False:
                expected = f", expected one of: {', '.join(known)}" if known else ""
                hint = did_you_mean(key, known)
                found += self.fault((*path, key), f"unknown key '{_short(key)}'{expected}", hint, key=True)
            elif not below and isinstance(more, Mapping):
                below = [more]
            for sub in below:
                found += self.check(item, sub, (*path, key))
        for key in schema.get("required", []):
            if key not in value:
                meaning = known.get(key, {}).get("description", "")
                found += self.fault(path, f"missing key '{key}'" + (f" ({meaning})" if meaning else ""))
        if len(value) < schema.get("minProperties", 0):
            found += self.fault(path, "must not be empty", schema.get("description", ""))
        if len(value) > schema.get("maxProperties", len(value)):
            found += self.fault(path, f"takes at most {schema['maxProperties']} keys", schema.get("description", ""))
        return found

    def array(self, value: list[Any], schema: Schema, path: Path_) -> list[Fault]:
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        if len(value) < least or (most is not None and len(value) > most):
            if least == 1 and not value:
                return self.fault(path, "must not be empty", schema.get("description", ""))
            count = str(least) if least == most else f"at least {least}" if len(value) < least else f"at most {most}"
            return self.fault(path, f"expected {count} values, found {len(value)}", schema.get("description", ""))
        found: list[Fault] = []
        for i, item in enumerate(value):
            found += self.check(item, schema.get("items", {}), (*path, i))
            if schema.get("uniqueItems") and item in value[:i]:
                found += self.fault((*path, i), f"{what(item)} stands twice")
        return found

    def single(self, value: Any, schema: Schema, path: Path_) -> list[Fault]:
        if "enum" in schema and value not in schema["enum"]:
            words = ", ".join(str(word) for word in schema["enum"])
            hint = did_you_mean(str(value), schema["enum"])
            return self.fault(path, f"expected one of {words}, found {what(value)}", hint)
        if "const" in schema and value != schema["const"]:
            return self.fault(path, f"expected {schema['const']!r}, found {what(value)}")
        if isinstance(value, str):
            if len(value) < schema.get("minLength", 0):
                return self.fault(path, "must not be empty", schema.get("description", ""))
            if "pattern" in schema and not re.search(schema["pattern"], value):
                return self.fault(path, f"{what(value)} does not fit", schema.get("description", ""))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            return self.number(value, schema, path)
        return []

    def number(self, value: float, schema: Schema, path: Path_) -> list[Fault]:
        for word, (broken, text) in _LIMITS.items():
            if word in schema and broken(value, schema[word]):
                return self.fault(path, f"{value} must be {text} {schema[word]}", schema.get("description", ""))
        return []


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:56] + "..."
