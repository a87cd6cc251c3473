"""Rows about components: area, leakage, energy; uncertainties by hand; one class of many libraries replaced."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import sata
from sata.costs.evaluate import combined
from sata.report.summary import summary
from sata.report.text import plain

SMALL = Path(__file__).resolve().parents[1] / "cli" / "small.yaml"


def small(*changes: tuple[str, str]) -> str:
    text = SMALL.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def printed(result: sata.Result) -> str:
    return plain(summary(result), 80)


STORE = ("  - class: store\n", "  - class: store\n    uncertainty: 10 %\n")
BUFFER = (
    "    attributes: {size: 64 B}\n    energy",
    "    attributes: {size: 64 B}\n    uncertainty: {read: 20 %, leakage: 50 %}\n    energy",
)


def test_nothing_uncertain_says_nothing() -> None:
    result = sata.evaluate(small())
    assert result.uncertainty == []
    assert (result.uncertainty_pj(), result.uncertainty_pj(by=("class",))) == (0.0, {})
    assert result.to_dict()["totals"]["uncertainty_pj"] is None
    assert "+-" not in printed(result)


def test_one_class_adds_up_and_two_are_independent() -> None:
    result = sata.evaluate(small(STORE, BUFFER))
    energy = result.energy_pj(by=("component", "action"))
    store = 0.1 * (energy["DRAM", "read"] + energy["DRAM", "write"])
    buffer = 0.2 * energy["GLB", "read"] + 0.5 * energy["GLB", "leak"]
    assert result.uncertainty_pj(by=("class",)) == {
        ("store",): pytest.approx(store),
        ("buffer",): pytest.approx(buffer),
    }
    assert result.uncertainty_pj() == pytest.approx(math.hypot(store, buffer))
    stages = result.uncertainty_pj(by=("stage",))
    assert set(stages) == {("forward",), ("weight_gradient",)}
    text = printed(result)
    assert "energy    " in text
    assert " +- " in text.splitlines()[1]
    assert "Uncertainty of the energy" in text


def test_two_nodes_of_one_class_err_alike() -> None:
    both = ("class: spad\n    size: 16 B", "class: buffer\n    size: 64 B")
    buffer = ("    attributes: {size: 64 B}\n", "    attributes: {size: 64 B}\n    uncertainty: 30 %\n")
    result = sata.evaluate(small(both, buffer))
    energy = result.energy_pj(by=("class",))
    assert len({u["component"] for u in result.uncertainty}) == 2
    assert result.uncertainty_pj() == pytest.approx(0.3 * energy[("buffer",)])


def test_parts_of_a_compound() -> None:
    """Two adders err alike, the multiplier on its own; the class that carries the uncertainty is the part's."""
    pe = (
        "  - class: pe\n    energy: {accumulate: 1 pJ, gated_accumulate: 0.5 pJ, fire: 3 pJ, update: 2 pJ}\n"
        "    area: 50 um2\n    leakage: 0 mW\n"
    )
    compound = (
        "  - {class: adder, energy: {add: 1 pJ}, uncertainty: 10 %}\n"
        "  - {class: mult, energy: {mul: 2 pJ}, uncertainty: 20 %}\n"
        "  - class: pe\n    parts: {a: {class: adder}, b: {class: adder}, m: {class: mult}}\n"
        "    actions: {accumulate: {a.add: 1, b.add: 2, m.mul: 1}, fire: {a.add: 1}, update: {}}\n"
    )
    result = sata.evaluate(small((pe, compound)))
    done = {"accumulate": 0.0, "fire": 0.0}
    for r in result.records:
        if r["component"] == "PE" and r["outcome"] == "actual":
            done[r["action"]] += r["count"]
    found = result.uncertainty_pj(by=("class",))
    assert found["mult",] == pytest.approx(0.2 * 2 * done["accumulate"])
    assert found["adder",] == pytest.approx(0.1 * (3 * done["accumulate"] + done["fire"]))
    assert result.uncertainty_pj() == pytest.approx(math.hypot(*found.values()))
    assert "not priced by pe (PE)" in printed(result)


def test_sums_of_uncertainties() -> None:
    assert combined([(2, {"a": 1.0}), (3, {"a": 1.0, "b": 2.0}), (0, {"c": 1.0})]) == {"a": 5.0, "b": 6.0}


def test_rows_of_components() -> None:
    result = sata.evaluate(small())
    rows = {c["node"]: c for c in result.components}
    assert list(rows) == ["DRAM", "GLB", "spad", "PE"]
    assert (rows["PE"]["instances"], rows["PE"]["area_um2"], rows["GLB"]["leakage_mw"]) == (4, 200.0, 1.0)
    assert sum(c["energy_pj"] for c in result.components) == pytest.approx(result.energy_pj())
    assert sum(c["area_um2"] for c in result.components) == result.area_um2 == 1600
    assert result.to_dict()["components"] == result.components
    assert result.unpriced("area") == []


def test_what_is_not_priced_is_said() -> None:
    result = sata.evaluate(small(("    area: 1000 um2\n    leakage: 1 mW\n", "")))
    assert (result.area_um2, result.leakage_mw) == (None, None)
    assert [c["node"] for c in result.unpriced("leakage")] == ["GLB"]
    text = printed(result)
    assert "area      not priced by buffer (GLB)" in text
    assert "leakage   not priced by buffer (GLB)" in text


def test_a_table_of_one_row_replaces_one_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's spreadsheet of one row goes before the shipped library, and the result says so."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text("size_B,read_pj,write_pj,leakage_mw,area_um2,source\n64,7,8,1,1000,my chip\n")
    (tmp_path / "mine.yaml").write_text("library: {name: mine, components: [{class: buffer, table: mine.csv}]}\n")
    book = "library:" + SMALL.read_text().split("library:", 1)[1]
    (tmp_path / "book.yaml").write_text(book)
    study = SMALL.read_text().split("library:", 1)[0].replace("libraries: [book]", "libraries: [mine, book]")
    result = sata.evaluate(study)
    by = {(p["node"], p["quantity"]): p for p in result.prices}
    assert (by["GLB", "read"]["value"], by["GLB", "read"]["library"]) == (7, "mine")
    assert by["GLB", "read"]["origin"] == "mine: buffer, mine.csv line 2"
    assert {p["library"] for p in result.prices if p["node"] != "GLB"} == {"book"}


def test_a_library_is_swapped_by_set() -> None:
    sums = {
        name: sata.evaluate("arch/sata.yaml", "workloads/one_conv.yaml", library=name)
        for name in ("sata_32nm", "relative")
    }
    for name, result in sums.items():
        assert name in {p["library"] for p in result.prices}
    assert sums["sata_32nm"].energy_pj() != sums["relative"].energy_pj()
