"""Plug-ins: found, asked and priced; the template of the documentation in a fresh environment; two for one class."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sata.costs import plugin
from sata.costs.nodes import load_libraries
from sata.costs.prices import Prices
from sata.specs.text.access import allow
from sata.specs.text.faults import Faults, SpecError, Where
from sata.specs.text.source import read

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "docs" / "plugin_template"


def book(components: str, technology_nm: float | None = None) -> Prices:
    text = f"library:\n  name: mine\n  components:\n{components}\n"
    faults = Faults()
    libraries = load_libraries([], [read(text)], faults)
    faults.check()
    return Prices(libraries, technology_nm)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on Python's path, whose modules are forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def package(folder: Path, name: str, function: str, cls: str = "cell") -> None:
    """An installed package `name` 1.2 whose module of the same name has the plug-in `price`."""
    (folder / f"{name}.py").write_text(f"from sata.plugins import Estimate\n\n{function}\n")
    info = folder / f"{name}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[sata.components]\n{cls} = {name}:price\n")


GOOD = """def price(size_bits: int, ways: int = 2, technology_nm: float = 32) -> Estimate:
    pj = size_bits * ways * technology_nm
    return Estimate({"read": pj}, area_um2=1.0, cycles={"read": 3}, uncertainty=0.1, source="a book")"""


def test_an_installed_plugin_answers_a_class_that_no_library_has(folder: Path) -> None:
    package(folder, "cells", GOOD)
    price = book("  - {class: other, energy: {go: 1 pJ}}", 10).price(
        "cell", {"ways": 3}, offered={"size": 8, "width": 4}
    )
    assert price.energy_pj == {"read": 8 * 3 * 10}
    assert (price.area_um2, price.leakage_mw, price.cycles) == (1.0, None, {"read": 3})
    assert price.uncertainty == {"read": {"cell": pytest.approx(24.0)}}
    assert price.library == "cells 1.2"
    assert price.origin["read"] == "plug-in cells 1.2 (cells:price) at 10 nm, a book"
    assert price.leakage_origin == "not priced by plug-in cells 1.2 (cells:price)"
    assert price.attributes_text() == "size 8 b, ways 3"


def test_a_library_goes_before_plugins(folder: Path) -> None:
    package(folder, "cells", GOOD)
    assert book("  - {class: cell, energy: {read: 7 pJ}}").price("cell").energy_pj["read"] == 7


def test_unknown_attributes_are_refused_with_the_accepted_ones(folder: Path) -> None:
    package(folder, "cells", GOOD)
    with pytest.raises(SpecError) as error:
        book("  - {class: other, energy: {go: 1 pJ}}").price(
            "cell", {"wasy": 3}, offered={"size": 8}, at=lambda _: Where("a")
        )
    assert str(error.value) == "a: 'cell' has no attribute 'wasy'; did you mean 'ways'? (accepted: size, ways)"


def test_two_packages_for_one_class(folder: Path) -> None:
    package(folder, "cells", GOOD)
    package(folder, "more_cells", GOOD.replace("32", "45"))
    with pytest.raises(SpecError) as error:
        book("  - {class: other, energy: {go: 1 pJ}}").price("cell", {"size": "8 b"}, at=lambda _: Where("a"))
    assert str(error.value) == (
        "a: 'cell': 2 installed plug-ins price it: cells 1.2 and more_cells 1.2; "
        "pick one in a library: {class: cell, plugin: cells}"
    )
    picked = book("  - {class: cell, plugin: more_cells, attributes: {size: 2 B}}").price("cell")
    assert picked.energy_pj["read"] == 16 * 2 * 45
    assert picked.library == "mine"
    with allow(plugins=True):
        by_function = book('  - {class: cell, estimator: "cells:price", attributes: {size: 1 B}}').price("cell")
    assert by_function.energy_pj["read"] == 8 * 2 * 32
    assert by_function.origin["read"].startswith("plug-in cells 1.2 (cells:price)")


def test_a_part_may_be_a_plugin(folder: Path) -> None:
    package(folder, "cells", GOOD)
    pe = "  - {class: pe, parts: {c: {class: cell, size: 4 b}}, actions: {go: {c.read: 2}}}"
    price = book(pe).price("pe")
    assert price.energy_pj["go"] == 2 * 4 * 2 * 32
    assert price.uncertainty["go"] == {"cell": pytest.approx(0.1 * price.energy_pj["go"])}


def test_a_plugin_is_asked_once_for_each_set_of_attributes(folder: Path) -> None:
    package(folder, "cells", "ASKED = []\n\n" + GOOD.replace("    pj =", "    ASKED.append(size_bits)\n    pj ="))
    prices = book("  - {class: other, energy: {go: 1 pJ}}")
    for size in (8, 16, 8, 16, 8):
        prices.price("cell", offered={"size": size})
    assert sys.modules["cells"].ASKED == [8, 16]


def test_a_module_that_cannot_be_imported(folder: Path) -> None:
    package(folder, "cells", "import no_such_module_anywhere")
    with pytest.raises(SpecError) as error:
        book("  - {class: other, energy: {go: 1 pJ}}").price("cell", at=lambda _: Where("a"))
    assert str(error.value) == (
        "a: 'cell': plug-in cells 1.2 (cells:price) cannot be imported: No module named 'no_such_module_anywhere'"
    )


def test_packages_are_looked_through_only_when_a_class_is_in_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise AssertionError("looked for plug-ins")

    monkeypatch.setattr(plugin, "entry_points_of", refuse)
    assert book("  - {class: a, energy: {go: 1 pJ}}").price("a").energy_pj == {"go": 1}


def test_the_template_is_short() -> None:
    lines = (TEMPLATE / "sata_plugin_template.py").read_text().splitlines()
    assert len(lines) < 30


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A fresh place into which pip has installed the template, as variables of the environment."""
    target, source = tmp_path_factory.mktemp("environment"), tmp_path_factory.mktemp("source") / "template"
    shutil.copytree(TEMPLATE, source)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check",
               "--target", str(target), str(source)]  # fmt: skip
    for how in (["--no-index", "--no-build-isolation"], []):  # without a network, else as a user would
        done = subprocess.run([*command, *how], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
    else:
        pytest.skip(f"pip has neither wheel and setuptools here nor a network: {done.stderr[-200:]}")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(target), str(ROOT)])}


ARCH = """\
include: {small}
arch:
  name: mine
  technology: 16 nm
  clock: 100 MHz
  libraries: [book]
  nodes:
  - {{memory: DRAM, class: store}}
  - {{memory: GLB, class: template_sram, size: 1 KiB, width: 8 b, attributes: {{banks: 2}}, keep: [weight, spike]}}
  - {{array: PEs, shape: {{x: 4}}}}
  - {{memory: spad, class: spad, size: 16 B, keep: [current, potential]}}
  - {{compute: PE, class: pe, gate: [spike]}}
"""


def test_the_template_prices_a_memory(environment: dict[str, str], tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests/cli/small.yaml", tmp_path / "small.yaml")
    (tmp_path / "mine.yaml").write_text(ARCH.format(small="small.yaml"))

    def said(*words: str) -> str:
        command = [sys.executable, "-m", "sata", *words]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    explained = said("price", "mine.yaml", "--explain", "GLB")
    assert "template_sram (size 1 KiB, width 8 b, banks 2)" in explained
    assert "plug-in sata-plugin-template 1.0 (sata_plugin_template:template_sram)" in " ".join(explained.split())
    assert "read  28.2843 fJ +- template_sram 8.485 fJ" in explained  # 0.01 * 8 * sqrt(8192 / 2 / 8192) * 16 / 32
    ran = said("run", "mine.yaml")
    assert "template_sram" in ran
    assert "Uncertainty of the energy" in ran
    assert "template_sram  sata_plugin_template:template_sram" in said("components")
