"""Checks data against the JSON Schemas of the package (draft 2020-12) and says each fault at its place.

What a schema means is left to the library `jsonschema`; what is said about an error stands in `schema_words`.
`jsonschema` is imported by the first check, not with this module: that takes longer than the checks of a small run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sata.specs.text.alternatives import Schema, told_apart
from sata.specs.text.faults import Fault, Faults, Where
from sata.specs.text.source import Doc, Path_, path_text
from sata.specs.text.units import parse_quantity

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

# Mappings that have been found sound, as text: in a sweep most of a file stays as it is. At most 2 MB.
_sound: set[tuple[str, str, str]] = set()
MOST_KEPT, LONGEST_KEPT = 2_000, 1_000  # mappings, characters

NAMES = ("arch", "workload", "mapping", "library", "counts", "sweep")


class WhereOf(Protocol):
    """Gives the place of the value at a path, or of its key."""

    def __call__(self, path: Path_, key: bool = False) -> Where: ...


@lru_cache(maxsize=len(NAMES))
def schema(name: str) -> Schema:
    """The JSON Schema of one of NAMES."""
    path = Path(__file__).resolve().parents[2] / "schemas" / f"{name}.json"
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
    errors = list(_validator(name, definition).iter_errors(value))
    if errors:
        from sata.specs.text.schema_words import sayings

        for saying in sayings(errors, value, schema(name)):
            faults.extend([Fault(where((*path, *saying.path), saying.key), saying.message, saying.hint)])
    return not errors


@lru_cache(maxsize=32)
def _validator(name: str, definition: str) -> Validator:
    """The validator of a schema or of one of its definitions. It knows this schema only, and fetches no other."""
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    root = {word: value for word, value in schema(name).items() if word != "$schema"}  # our language, not its parent
    registry: Registry[Any] = Registry().with_resource(root["$id"], DRAFT202012.create_resource(root))
    target = f"{root['$id']}#/$defs/{definition}" if definition else root["$id"]
    return _language(name)({"$ref": target}, registry=registry)


@lru_cache(maxsize=len(NAMES))
def _language(name: str) -> type[Validator]:
    """Draft 2020-12 as one of our schemas is read.

    `x-quantity`, a word of ours: the value is a quantity of this dimension, a unit included. `$ref`: what stands beside
    it describes the value better than what it points at. `oneOf`: mappings that a key tells apart are read as the
    alternative of that key alone, which is faster, and only what was meant speaks; what is valid stays the same.
    """
    from jsonschema import Draft202012Validator, ValidationError
    from jsonschema.validators import extend

    standard = Draft202012Validator.VALIDATORS

    def ref(validator: Validator, ref: str, value: Any, schema: Schema) -> Iterator[ValidationError]:
        key = (name, ref, repr(value)) if isinstance(value, dict) else None
        if key in _sound:
            return
        valid = True
        for error in standard["$ref"](validator, ref, value, schema):
            valid = False
            if "description" in schema and not error.path:
                error.schema = {**error.schema, "description": schema["description"]}
            yield error
        if valid and key is not None and len(key[2]) <= LONGEST_KEPT:
            if len(_sound) >= MOST_KEPT:
                _sound.clear()
            _sound.add(key)

    def one_of(validator: Any, choices: list[Schema], value: Any, schema: Schema) -> Iterator[ValidationError]:
        meant = told_apart(choices, value, root)
        if meant is None:
            yield from standard["oneOf"](validator, choices, value, schema)
        else:
            yield from validator.descend(value, choices[meant], schema_path=meant)

    def quantity(validator: Validator, dimension: str, value: Any, schema: Schema) -> Iterator[ValidationError]:
        try:
            parse_quantity(value, dimension)
        except ValueError as error:
            yield ValidationError(str(error))

    root = schema(name)
    words = {"$ref": ref, "oneOf": one_of, "x-quantity": quantity}
    language: type[Validator] = extend(Draft202012Validator, words)  # type: ignore[no-untyped-call]
    return language
