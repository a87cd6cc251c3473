"""Our reading of the JSON Schemas against the `jsonschema` package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import sata.specs.schema as schemas
from sata.specs import SpecError
from sata.specs.faults import Faults
from sata.specs.source import read

NAMES = ("arch", "workload", "mapping", "library")
BAD = sorted((Path(__file__).parent.parent / "bad").glob("*.yaml"))


def objects(schema: Any) -> list[dict[str, Any]]:
    """Every schema of mappings in a schema."""
    below = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []
    own = [schema] if isinstance(schema, dict) and (schema.get("type") == "object" or "properties" in schema) else []
    return own + [found for item in below for found in objects(item) if isinstance(item, (dict, list))]


@pytest.mark.parametrize("name", NAMES)
def test_is_a_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schemas.schema(name))


@pytest.mark.parametrize("name", NAMES)
def test_unknown_keys_are_refused_everywhere(name: str) -> None:
    """Every mapping either names its keys, or gives a schema for free ones; only attributes take anything."""
    anything = schemas.schema(name)["$defs"].get("attributes")
    for schema in objects(schemas.schema(name)["$defs"]):
        if schema != anything and ("object" in schema.get("type", "") or "required" in schema):
            assert schema.get("additionalProperties", True) is not True, schema


@pytest.mark.parametrize("name", NAMES)
def test_uses_only_words_that_are_read(name: str) -> None:
    text = Path(schemas.__file__).read_text(encoding="utf-8")
    known = {"$schema", "$id", "title", "$defs", "description"}

    def walk(schema: Any) -> None:
        for word, value in schema.items():
            assert word in known or f'"{word}"' in text, word
            if word in ("properties", "$defs", "patternProperties"):
                for item in value.values():
                    walk(item)
            elif word in ("oneOf", "anyOf"):
                for item in value:
                    walk(item)
            elif isinstance(value, dict):
                walk(value)

    walk(schemas.schema(name))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_agrees_with_jsonschema(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On every broken file that can be read at all; quantities are an extension, so those are left out."""
    monkeypatch.chdir(path.parent)
    try:
        doc = read(path.name)
    except SpecError:
        return
    for key in set(NAMES) & doc.data.keys():
        faults = Faults()
        schemas.validate(doc, key, faults)
        ours = [fault for fault in faults if "expected a" not in fault.message or "found" in fault.message]
        ours = [
            f for f in ours if not any(w in f.message for w in ("is negative;", "is zero;", "too large for", "of bits"))
        ]
        theirs = list(
            jsonschema.Draft202012Validator(json.loads(json.dumps(schemas.schema(key)))).iter_errors(doc.data[key])
        )
        assert bool(ours) == bool(theirs) or path.stem == "size_a_list"
