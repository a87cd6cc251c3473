"""The JSON Schemas: that they are some, that every word in them is understood, and that our reading is the standard
one.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest
import yaml

import sata.specs.text.schema as schemas
from sata.specs import SpecError
from sata.specs.text.faults import Faults, Where
from sata.specs.text.schema_words import SENTENCES
from sata.specs.text.source import path_text, read
from sata.specs.workload.template_file import shipped_templates
from sata.specs.workload.templates import expand

NAMES = ("arch", "workload", "mapping", "library", "sweep")
BAD = sorted((Path(__file__).parent.parent / "bad").glob("*.yaml"))


def nowhere(path: Any, key: bool = False) -> Where:
    return Where("", 0, 0, path_text(path))


def objects(schema: Any) -> list[dict[str, Any]]:
    """Every schema of mappings in a schema."""
    below = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []
    own = [schema] if isinstance(schema, dict) and (schema.get("type") == "object" or "properties" in schema) else []
    return own + [found for item in below for found in objects(item) if isinstance(item, (dict, list))]


@pytest.mark.parametrize("name", schemas.NAMES)
def test_is_a_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schemas.schema(name))


@pytest.mark.parametrize("name", NAMES)
def test_unknown_keys_are_refused_everywhere(name: str) -> None:
    """Every mapping either names its keys, or gives a schema for free ones; only attributes take anything."""
    anything = schemas.schema(name)["$defs"].get("attributes")
    for schema in objects(schemas.schema(name)["$defs"]):
        if schema != anything and ("object" in schema.get("type", "") or "required" in schema):
            assert schema.get("additionalProperties", True) is not True, schema


def words_of(schema: Any) -> Iterator[str]:
    """The keywords of a schema and of all schemas in it."""
    for word, value in schema.items():
        yield word
        for below in value.values() if word in ("properties", "$defs", "patternProperties") else [value]:
            for item in below if isinstance(below, list) else [below]:
                if isinstance(item, dict):
                    yield from words_of(item)


@pytest.mark.parametrize("name", schemas.NAMES)
def test_every_word_is_understood(name: str) -> None:
    """By `jsonschema` or by us, and an error of each has a sentence."""
    annotations = {"$schema", "$id", "$defs", "title", "description"}
    passing_on = {"$ref", "properties", "patternProperties", "items"}
    words = set(words_of(schemas.schema(name))) - annotations
    assert words <= {*jsonschema.Draft202012Validator.VALIDATORS, "x-quantity"}
    assert words - passing_on <= SENTENCES


def good_values() -> Iterator[tuple[str, str, Any]]:
    """(file, key, value) of every shipped file and of the good parts of the broken ones."""
    root = Path(schemas.__file__).parents[3]
    for folder in ("arch", "workloads", "mappings", "components", "sweeps", "tests/bad/parts"):
        for path in sorted((root / folder).glob("*.yaml")):
            data = next(yaml.safe_load_all(path.read_text(encoding="utf-8")), None)  # of a template: its header
            for key in set(NAMES) & (data.keys() if isinstance(data, dict) else set()):
                if "{{" not in str(data[key]):
                    yield path.name, key, data[key]


GOOD = list(good_values())


def standard(key: str) -> Any:
    """What any program that knows JSON Schema makes of ours: the words of our own are annotations to it."""
    return jsonschema.Draft202012Validator(json.loads(json.dumps(schemas.schema(key))))


def agree(key: str, value: Any, where: Any) -> None:
    """Our reading finds a fault where the standard one does; besides, only quantities and their units."""
    faults = Faults()
    schemas.validate_value(value, key, "", (key,), where, faults)
    theirs = {path_text((key, *e.absolute_path)) for e in standard(key).iter_errors(value)}
    ours = {f.path for f in faults} - set(quantities(value, schemas.schema(key), (key,)))
    assert bool(ours) == bool(theirs), (ours, theirs)


def quantities(value: Any, schema: Any, path: Any, root: Any = None) -> Iterator[str]:
    """The paths of all texts and numbers that a schema may read as quantities."""
    root = root or schema
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    if "x-quantity" in schema and isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield path_text(path)
    for choice in schema.get("oneOf", []):
        yield from quantities(value, choice, path, root)
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        below = schema.get("items") if isinstance(value, list) else schema.get("properties", {}).get(key)
        if isinstance(below, dict):
            yield from quantities(item, below, (*path, key), root)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_agrees_with_the_standard_on_broken_files(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On every broken file that can be read at all."""
    monkeypatch.chdir(path.parent)
    try:
        doc = read(path.name)
    except SpecError:
        return
    for key in set(NAMES) & doc.data.keys():
        agree(key, doc.data[key], doc.where)


def broken(value: Any, random: Random) -> Any:
    """A copy with one thing wrong, or not: a key renamed, left out or added, a value of another kind or size."""
    value = copy.deepcopy(value)
    spots: list[tuple[Any, Any]] = []

    def walk(at: Any) -> None:
        for key, item in at.items() if isinstance(at, dict) else enumerate(at) if isinstance(at, list) else ():
            spots.append((at, key))
            walk(item)

    walk(value)
    at, key = random.choice(spots)
    change = random.randrange(4)
    if change == 0 and isinstance(at, dict):
        at[f"{key}x"] = at.pop(key)
    elif change == 1:
        del at[key]
    elif change == 2 and isinstance(at, dict):
        at[random.choice(("memory", "energy", "for", "name", "class", "x"))] = 1
    else:
        at[key] = random.choice((None, True, 0, -1, 2.5, 1 << 41, "", "x", "1 KiB", [], [[]], {}, {"x": 1}, at))
    return value if not contains_itself(value) else None


def contains_itself(value: Any) -> bool:
    try:
        json.dumps(value)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("seed", range(300))
def test_agrees_with_the_standard_on_anything(seed: int) -> None:
    random = Random(seed)
    _, key, value = random.choice(GOOD)
    agree(key, value, nowhere)
    for _ in range(random.randrange(1, 4)):
        value = broken(value, random) or value
    agree(key, value, nowhere)


def test_shipped_templates_make_sound_ops() -> None:
    """They are not checked when a workload is read (sata/specs/workload/workload.py)."""
    root = Path(schemas.__file__).parents[3]
    for path in sorted((root / "workloads").glob("*.yaml")):
        doc = read(str(path))
        if "layers" not in doc.data.get("workload", {}):
            continue
        for template in shipped_templates():
            doc.data["workload"] = {**doc.data["workload"], "template": template}
            expanded = expand(doc, Faults())
            for op in expanded.ops if expanded is not None else ():
                faults = Faults()
                assert schemas.validate_value(op, "workload", "op", (), nowhere, faults), list(faults)


def test_nothing_is_imported_or_fetched_before_the_first_check() -> None:
    code = "import sys, sata.specs, sata.specs.text.schema; assert 'jsonschema' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(schemas.__file__).parents[3])
