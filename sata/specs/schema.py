"""Checks data against the JSON Schemas of the package (draft 2020-12) and says each fault at its place.

What a schema means is left to the library `jsonschema`; what is said about an error stands in `schema_words`.
`jsonschema` is imported by the first check, not with this module: that takes longer than the checks of a small run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sata.specs.faults import Fault, Faults, Where
from sata.specs.source import Doc, Path_, path_text
from sata.specs.units import parse_quantity

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

Schema = Mapping[str, Any]

NAMES = ("arch", "workload", "mapping", "library", "counts")


class WhereOf(Protocol):
    """Gives the place of the value at a path, or of its key."""

    def __call__(self, path: Path_, key: bool = False) -> Where: ...


@lru_cache(maxsize=len(NAMES))
def schema(name: str) -> Schema:
    """The JSON Schema of one of NAMES."""
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
    errors = list(_validator(name, definition).iter_errors(value))
    if errors:
        from sata.specs.schema_words import sayings

        for saying in sayings(errors, value, schema(name)):
            faults.extend([Fault(where((*path, *saying.path), saying.key), saying.message, saying.hint)])
    return not errors


@lru_cache(maxsize=32)
def _validator(name: str, definition: str) -> Validator:
    """The validator of a schema or of one of its definitions. It knows the package's schemas and fetches no other."""
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    resources = ((schema(n)["$id"], DRAFT202012.create_resource(schema(n))) for n in NAMES)
    registry: Registry[Any] = Registry().with_resources(resources)
    target = f"{schema(name)['$id']}#/$defs/{definition}" if definition else schema(name)["$id"]
    return _language()({"$ref": target}, registry=registry)


@lru_cache(maxsize=1)
def _language() -> type[Validator]:
    """Draft 2020-12 with a word of ours, `x-quantity`, and a `$ref` whose own description is the one that is said."""
    from jsonschema import Draft202012Validator, ValidationError
    from jsonschema.validators import extend

    follow = Draft202012Validator.VALIDATORS["$ref"]

    def ref(validator: Validator, ref: str, value: Any, schema: Schema) -> Iterator[ValidationError]:
        for error in follow(validator, ref, value, schema):
            if "description" in schema and not error.path:
                error.schema = {**error.schema, "description": schema["description"]}
            yield error

    def quantity(validator: Validator, dimension: str, value: Any, schema: Schema) -> Iterator[ValidationError]:
        """The value is a quantity of this dimension, a unit included; for others the word is an annotation."""
        try:
            parse_quantity(value, dimension)
        except ValueError as error:
            yield ValidationError(str(error))

    return extend(Draft202012Validator, {"$ref": ref, "x-quantity": quantity})
