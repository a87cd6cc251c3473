"""Reading: the YAML that is accepted, places, includes, variables, and bounds."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from sata.specs.text.faults import SpecError
from sata.specs.text.source import fingerprint, path_text, read

TEXT = """\
variables: {channels: 64, out: "{{ 2 * channels }}"}
arch:
  name: x{{ channels }}
  y: on
  n: y
  list: [1e3, 0.1, 010, "{{ out }}", true, ~, 'k 4, c *', 0x10, -7]
"""


def says(source: Any, **options: Any) -> list[str]:
    with pytest.raises(SpecError) as error:
        read(source, **options)
    return str(error.value).splitlines()


def test_core_schema() -> None:
    doc = read(TEXT)
    assert doc.data["arch"] == {
        "name": "x64", "y": "on", "n": "y", "list": [1000.0, 0.1, 10, 128, True, None, "k 4, c *", 16, -7],
    }  # fmt: skip
    assert set(doc.declared) == {"channels", "out"}
    assert doc.used == {"channels", "out"}


def test_places_of_values_keys_and_characters() -> None:
    doc = read(TEXT)
    at = doc.where(("arch", "list", 3))
    assert (at.file, at.line, at.column, at.path) == ("<text>", 6, 25, "arch.list[3]")
    assert doc.where(("arch", "list"), key=True).column == 3
    assert doc.where(("arch", "list", 3, "nowhere")).column == 25  # the nearest ancestor
    inside = doc.inside(("arch", "list", 6), 5)
    assert TEXT.splitlines()[inside.line - 1][inside.column - 1] == "c"
    assert doc.inside(("arch", "list", 3), 5).column == 25  # rendered: the columns are not those of the file


@pytest.mark.parametrize(
    ("text", "value"),
    [("yes", "yes"), ("off", "off"), ("y", "y"), ("true", True), ("False", False), ("null", None), ("12:30", "12:30"),
     ("2024-01-01", "2024-01-01"), ("1_000", "1_000"), ("0o17", 15), ("+3", 3), ("1.", 1.0), ("'12'", "12"),
     ("e3", "e3"),
     ("=", "="), ("!!str 12", "12"), ("!!int '12'", 12), ("a{#b", "a{#b")],
)  # fmt: skip
def test_scalars(text: str, value: Any) -> None:
    assert read(f"arch: {text}\nworkload: 1\n").data["arch"] == value


def test_keys_are_text() -> None:
    assert read("arch: {y: 1, 3: 2, true: 4, null: 5}\n").data["arch"] == {"y": 1, "3": 2, "true": 4, "null": 5}


def test_aliases_and_merge_keys() -> None:
    doc = read("arch:\n  a: &a {p: 1, q: 2}\n  b: *a\n  c: {<<: *a, q: 3}\n")
    assert doc.data["arch"] == {"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 2}, "c": {"q": 3, "p": 1}}
    doc.data["arch"]["a"]["p"] = 9
    assert doc.data["arch"]["b"]["p"] == 1


def test_same_values_as_pyyaml_where_the_schemas_agree() -> None:
    """Random plain data, written by PyYAML in both styles, reads back as it was."""
    chance = random.Random(0)

    def value(depth: int) -> Any:
        kind = chance.randrange(6 if depth else 4)
        if kind == 4:
            return [value(depth - 1) for _ in range(chance.randrange(4))]
        if kind == 5:
            return {f"k{i}": value(depth - 1) for i in range(chance.randrange(4))}
        text = "".join(chance.choices("ab :#'\"[]},-&*!|>%\n\té", k=chance.randrange(12)))
        return (chance.randrange(-99, 99), chance.random(), chance.choice([True, False, None]), text)[kind]

    for flow in (True, False):
        for _ in range(100):
            data = {"arch": value(4)}
            assert read(yaml.safe_dump(data, default_flow_style=flow, allow_unicode=True) + "\n").data == data


def test_set_overrides_a_variable() -> None:
    doc = read(TEXT, variables={"channels": 3, "of_another_file": 1})
    assert doc.data["arch"]["list"][3] == 6


def test_raw_keeps_expressions() -> None:
    doc = read('library:\n  parts: ["{{ width }}"]\n', raw=lambda path: path == ("library", "parts"))
    assert doc.data["library"]["parts"] == ["{{ width }}"]


def test_dict_source_is_not_changed() -> None:
    source = {"variables": {"n": 2}, "arch": {"size": "{{ n }}", "t": (1, 2)}}
    doc = read(source)
    assert doc.data == {"arch": {"size": 2, "t": [1, 2]}}
    assert source["arch"]["size"] == "{{ n }}"
    assert str(doc.where(("arch", "size")).path) == "arch.size"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**40, object(), b"x", {1.5: 2}])
def test_dict_with_impossible_values(value: object) -> None:
    assert len(says({"arch": value})) == 1


def test_dict_that_contains_itself() -> None:
    loop: dict[str, Any] = {}
    loop["arch"] = loop
    assert says(loop) == ["<dict>: nested more than 60 levels deep, or a value contains itself"]


# --- includes ------------------------------------------------------------------------------------------------------


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_include_merges_and_the_includer_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(
        tmp_path,
        main="include: parts/base.yaml\nvariables: {n: 5}\narch: {name: mine, sub: {a: 1}, list: [9]}\n",
        parts__base="variables: {n: 4, spare: 1}\narch: {name: base, sub: {b: '{{ n }}'}, list: [1, 2], more: 3}\n",
    )
    doc = read("main.yaml")
    assert doc.data["arch"] == {"name": "mine", "sub": {"b": 5, "a": 1}, "list": [9], "more": 3}
    assert doc.where(("arch", "more")).file == "parts/base.yaml"
    assert doc.where(("arch", "name")).file == "main.yaml"
    assert [path.name for path in doc.files] == ["main.yaml", "base.yaml"]


def test_include_inside_a_mapping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, main="arch:\n  bits: {include: bits.yaml, spike: 1}\n", bits="weight: 8\nspike: 2\n")
    assert read("main.yaml").data["arch"]["bits"] == {"weight": 8, "spike": 1}


def test_include_does_not_follow_links_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    write(inside, main="include: link.yaml\n")
    write(outside, secret="arch: {name: secret}\n")
    os.symlink(outside / "secret.yaml", inside / "link.yaml")
    monkeypatch.chdir(inside)
    assert says("main.yaml") == [
        "main.yaml:1:10: 'link.yaml' lies outside the including file's folder, the current folder and the shipped ones"
    ]


def test_chain_of_includes_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    deep = "  " + "{a: " * 50 + "{include: %s.yaml}" + "}" * 50
    write(tmp_path, **{f"f{i}": "arch:\n" + deep % f"f{i + 1}" + "\n" for i in range(30)}, f30="a: 1\n")
    assert all("nested" in line or "chain" in line for line in says("f0.yaml"))


def test_large_file(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (9 << 20))
    assert says(str(path)) == [f"{path}: larger than 8 MiB"]


def test_fingerprint_depends_on_includes_and_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, main="include: base.yaml\n", base="arch: {name: a}\n")
    first = fingerprint("main.yaml")
    assert first == fingerprint("main.yaml")
    assert first != fingerprint("main.yaml", {"n": 1})
    write(tmp_path, base="arch: {name: b}\n")
    assert first != fingerprint("main.yaml")
    assert read("main.yaml").data["arch"]["name"] == "b"


# --- bounds --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["arch: " + "[" * 100_000, "arch: " + "{a: " * 100_000, "- " * 100_000 + "\n", "? " * 100_000 + "\n",
     "".join(" " * i + "a:\n" for i in range(2000)), "arch: " + "&a [" * 5000, "arch:\n" + "  - &a [*a]\n" * 10],
)  # fmt: skip
def test_deep_or_recursive_text_is_refused_at_once(text: str) -> None:
    start = time.perf_counter()
    assert says(text + "\n")
    assert time.perf_counter() - start < 2


def test_path_text() -> None:
    assert path_text(("arch", "nodes", 1, "class")) == "arch.nodes[1].class"
