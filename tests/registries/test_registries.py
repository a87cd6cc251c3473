"""Every row of every registry has a test, a line in the documentation and a listing; what is wrong with one is one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sata.cli.extensions import REGISTRIES, extensions, registry_of
from sata.counts.density import MODELS
from sata.counts.density.interface import Model
from sata.specs.encodings import FORMATS, Format
from sata.specs.registry import OWN, NotRunError, Registry, class_like, instance_of
from sata.specs.text.access import FileAccess, granting
from sata.specs.text.faults import SpecError
from sata.specs.workload.template_file import load_template
from tests.cli.test_run import ok

ROOT = Path(__file__).resolve().parents[2]
# kind -> (command that lists its rows, folders of its tests, pages that have a row for each)
WHERE = {
    "density model": (("models",), ("tests/counts",), "docs/sparsity.md"),
    "format": (("formats",), ("tests/counts",), "docs/sparsity.md"),
    "rule": (("list", "--extensions"), ("tests/counts", "tests/oracle"), "docs/architecture.md"),
    "strategy": (("map", "--help"), ("tests/search",), "docs/search.md"),
    "picture": (("plot", "--help"), ("tests/report", "tests/cli"), "docs/reports.md"),
    "exporter": (("export", "--help"), ("tests/interchange", "tests/cli"), "docs/cli.md"),
    "importer": (("import", "--help"), ("tests/interchange", "tests/cli"), "docs/cli.md"),
    "template": (("templates",), ("tests/templates",), "docs/templates.md"),
}
ROWS = [(kind, row.name) for kind, _, rows in extensions() for row in rows if row.owner == OWN]


def test_every_registry_is_listed_and_looked_after() -> None:
    assert {*REGISTRIES, "template"} == set(WHERE)
    made = {match[1] for path in (ROOT / "sata").rglob("*.py")
            for match in re.finditer(r"^(\w+): Registry\[", path.read_text(encoding="utf-8"), re.MULTILINE)}  # fmt: skip
    assert made == {target.partition(":")[2] for target in REGISTRIES.values()}
    page = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")
    assert all(f"`{group}`" in page for _, group, _ in extensions())


@pytest.mark.parametrize(("kind", "name"), ROWS)
def test_a_row_has_a_test_a_page_and_a_listing(kind: str, name: str) -> None:
    command, folders, page = WHERE[kind]
    word = re.compile(rf"\b{re.escape(name)}\b")
    assert word.search(ok(*command)), f"{' '.join(command)} does not list {name}"
    assert word.search(ok("list", "--extensions"))
    assert word.search((ROOT / page).read_text(encoding="utf-8")), f"{page} does not have {name}"
    tests = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert any(word.search(path.read_text(encoding="utf-8")) for path in tests), f"no test of {folders} names {name}"


@pytest.mark.parametrize("kind", REGISTRIES)
def test_every_object_can_be_loaded_and_is_called_as_its_row(kind: str) -> None:
    registry = registry_of(kind)
    assert registry.kind == kind
    for name in registry.own:
        assert getattr(registry[name], "name", name) == name
        assert registry.owner(name) == OWN


def test_what_the_search_relies_on_is_declared() -> None:
    assert [name for name, model in MODELS.items() if not model.monotone] == ["blocks"]
    assert [name for name, one in FORMATS.items() if not one.drops_empty] == ["uncompressed"]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Installs a package `NAME 1.0` with code and an entry point `thing` of the group `sata.things`."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(name: str, code: str, group: str = "sata.things", entry: str = "thing", target: str = "THING") -> None:
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
        value = f"{name}:{target}" if target else f"{name}.folder"
        (info / "entry_points.txt").write_text(f"[{group}]\n{entry} = {value}\n", encoding="utf-8")
        from sata.specs import registry

        registry._points.cache_clear()

    yield make


def things() -> Registry[Format]:
    return Registry("thing", "sata.things", {"bitmask": "sata.specs.encodings:BITMASK"}, instance_of(Format))


GOOD = "from sata.specs.encodings import Format, bitmask\nTHING = Format('thing', 'a thing', bitmask)\n"


def test_a_thing_of_a_package_is_loaded_when_it_is_asked_for(install: Callable[..., None]) -> None:
    install("pack_good", GOOD)
    found = things()
    assert list(found) == ["bitmask", "thing"]
    assert [(row.name, row.owner, row.fault) for row in found.rows()] == [
        ("bitmask", "sata", ""), ("thing", "pack_good 1.0", "")]  # fmt: skip
    with granting(FileAccess(code=False)) as access, pytest.raises(NotRunError):
        found["thing"]
    assert access.unloaded == {"the thing 'thing' of pack_good 1.0"}
    assert found["thing"].about == "a thing"
    assert found["thing"] is found["thing"]
    with pytest.raises(KeyError):
        found["other"]


WRONG = {
    "no_thing": ("", "pack_no_thing 1.0 (pack_no_thing:THING) cannot be loaded: AttributeError: module 'pack_no_thing' "
                     "has no attribute 'THING'"),
    "raises": ("raise ValueError('a\\nb')", "pack_raises 1.0 (pack_raises:THING) cannot be loaded: ValueError: a"),
    "exits": ("raise SystemExit(3)", "pack_exits 1.0 (pack_exits:THING) cannot be loaded: SystemExit: 3"),
    "number": ("THING = 3", "pack_number 1.0 (pack_number:THING) is not one: found an object of int, expected an instance "
                            "of sata.specs.encodings.Format"),
    "name": (GOOD.replace("'thing'", "'other'"), "pack_name 1.0 (pack_name:THING) is not one: its name is 'other', "
                                                 "expected 'thing'"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_one_line(name: str, install: Callable[..., None]) -> None:
    code, message = WRONG[name]
    install(f"pack_{name}", code)
    with pytest.raises(SpecError) as error:
        things()["thing"]
    assert str(error.value) == f"thing 'thing': {message}"


def test_two_packages_of_one_name_are_named(install: Callable[..., None]) -> None:
    install("pack_one", GOOD)
    install("pack_two", GOOD)
    with pytest.raises(SpecError) as error:
        things()["thing"]
    assert str(error.value) == (
        "thing 'thing': is defined twice: by pack_one 1.0 (pack_one:THING) and pack_two 1.0 (pack_two:THING); uninstall "
        "one of them (entry points of the group sata.things)"
    )
    assert [bool(row.fault) for row in things().rows()] == [False, True, True]


def test_a_name_of_sata_cannot_be_taken(install: Callable[..., None]) -> None:
    install("pack_own", GOOD, entry="bitmask")
    found = things()
    assert list(found) == ["bitmask"]
    assert found["bitmask"].about.startswith("one bit a position")
    assert found.rows()[1].fault == "the name is sata's own, which is used"


def test_a_class_must_have_what_a_protocol_asks_for() -> None:
    class Half:
        name = "half"

    with pytest.raises(
        ValueError, match="does not have monotone, about, .* which sata.counts.density.interface.Model asks"
    ):
        class_like(Model)("half", Half)
    with pytest.raises(ValueError, match="found an object of str, expected a class such as"):
        class_like(Model)("half", "half")
    assert class_like(Model)("uniform", MODELS["uniform"]) is MODELS["uniform"]


def test_a_template_whose_file_is_missing_is_one_line(install: Callable[..., None]) -> None:
    install("pack_template", "", group="sata.templates", target="")
    with pytest.raises(
        SpecError, match="template 'thing': pack_template 1.0 does not have the file pack_template.folder/thing"
    ):
        load_template("thing", Path())
