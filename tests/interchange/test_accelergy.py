"""Accelergy's tables: read as libraries, written from prices, and there and back again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import sata
from sata.costs.nodes import PriceRow, load_libraries, price_nodes, price_table, prices_of
from sata.costs.prices import Prices
from sata.report.accelergy import art_text, ert_text
from sata.specs import load
from sata.specs.text.faults import Faults, SpecError, Where
from sata.specs.text.find import shipped

HERE = Path(__file__).resolve().parent
EYERISS = "eyeriss_ERT.yaml"
SIMBA = ["simba_ERT.yaml", "simba_ART.yaml"]


@pytest.fixture(autouse=True)
def _in_their_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries are named relative to a folder: here the current one."""
    monkeypatch.chdir(HERE)


def book(*files: str, clock_hz: float | None = None) -> Prices:
    faults = Faults()
    libraries = load_libraries([(file, Where("arch.yaml", 1, 1)) for file in files], [], faults, clock_hz)
    faults.check()
    return Prices(libraries)


def test_energies_and_areas_in_one_file() -> None:
    prices = book(EYERISS, clock_hz=200e6)
    assert list(prices.libraries[0].components) == ["DRAM", "shared_glb", "weights_spad", "mac"]
    glb = prices.price("shared_glb")
    assert glb.energy_pj == {"read": 21.5, "write": 24.25}
    assert glb.area_um2 == 774388.0
    assert glb.leakage_mw == pytest.approx(0.125 * 0.2)  # 0.125 pJ every 5 ns are 25 uW
    assert glb.origin["read"] == "eyeriss_ERT: shared_glb, 21.5 pJ"
    assert prices.price("mac").energy_pj == {"compute": 1.2}


def test_without_a_clock_leak_stays_an_action() -> None:
    price = book(EYERISS).price("mac")
    assert price.energy_pj == {"compute": 1.2, "leak": 0.01}
    assert price.leakage_mw is None


def test_two_files_and_arguments() -> None:
    prices = book(*SIMBA, clock_hz=1e9)
    buffer = prices.price("InputBuffer")
    assert buffer.energy_pj == {
        "write": 0.237, "write(address_delta=0, data_delta=0)": 0.055, "write(address_delta=1, data_delta=1)": 0.237,
        "read": 0.193, "read(address_delta=0, data_delta=1)": 0.193, "read(address_delta=1, data_delta=0)": 0.098,
    }  # fmt: skip
    assert (buffer.area_um2, buffer.leakage_mw) == (379.68, pytest.approx(0.018))
    lmac = prices.price("LMAC")
    assert (lmac.area_um2, lmac.leakage_mw) == (1239.5, None)
    source = prices.libraries[0].components["LMAC"].source
    assert source.startswith("ERT System.PE[0..15].LMAC[0..15] of ")
    assert ", ART System.PE[0..15].LMAC[0..15] of " in source


ARCH: dict[str, Any] = {
    "name": "eyeriss_like", "clock": "200 MHz", "libraries": [EYERISS],
    "nodes": [
        {"memory": "DRAM", "class": "DRAM", "width": "64 b"},
        {"memory": "GLB", "class": "shared_glb", "size": "100 KiB", "width": "64 b"},
        {"array": "PEs", "shape": {"x": 4}, "multicast": "tile"},
        {"memory": "spad", "class": "weights_spad", "size": "384 B", "width": "16 b"},
        {"compute": "MAC", "class": "pe"},
    ],
}  # fmt: skip
PE = {"name": "mine", "components": [
    {"class": "pe", "parts": {"mac": {"class": "mac"}}, "actions": {"multiply_accumulate": {"mac.compute": 1}}},
]}  # fmt: skip
OP = {"name": "mm", "bits": {"weight": 16, "activation": 16, "current": 32}, "ops": [
    {"name": "mm", "stage": "forward", "action": "multiply_accumulate", "ranks": {"m": 8, "n": 4, "k": 4},
     "compute": "Z[m,n] += A[m,k] * B[k,n]",
     "tensors": {"A": {"kind": "activation"}, "B": {"kind": "weight"}, "Z": {"kind": "current"}}},
]}  # fmt: skip
MAPPING = [{"ops": "*", "nest": [
    {"memory": "DRAM"}, {"for": "m *"}, {"memory": "GLB"}, {"array": "PEs", "x": "n 4"}, {"memory": "spad"}, {"for": "k *"},
    {"compute": "MAC"},
]}]  # fmt: skip


def test_a_run_with_an_ert() -> None:
    """A compound gives the action of the ERT the name that the op asks for."""
    result = sata.evaluate({"arch": ARCH, "library": PE}, {"workload": OP}, {"mapping": MAPPING})
    macs = [r for r in result.records if r["component"] == "MAC" and r["action"] == "multiply_accumulate"]
    assert sum(r["energy_pj"] for r in macs) == pytest.approx(8 * 4 * 4 * 1.2)
    assert result.area_um2 == pytest.approx(774388.0 + 4 * (3634.68 + 1239.5))


def rows(arch: Any) -> list[PriceRow]:
    loaded = load(arch)
    assert loaded.arch is not None
    faults = Faults()
    prices = prices_of(loaded.arch, loaded.docs, faults)
    faults.check()
    assert prices is not None
    nodes = price_nodes(loaded.arch, prices, faults, loaded.docs[0])
    faults.check()
    return price_table(loaded.arch, nodes)


def renamed(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same nodes, each of the class that an export names after it."""
    found = []
    for node in nodes:
        if "branch" in node:
            found.append({"branch": [renamed(way) for way in node["branch"]]})
            continue
        node = {key: value for key, value in node.items() if key != "attributes"}
        name = next(node[key] for key in ("memory", "array", "compute") if key in node)
        if "class" in node:
            node["class"] = name
        if "hop" in node:
            node["hop"] = name
        found.append(node)
    return found


@pytest.mark.parametrize("library", ["sata_32nm", "relative"])
@pytest.mark.parametrize("hop", [False, True])
def test_round_trip(library: str, hop: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = yaml.safe_load((shipped("arch") / "sata.yaml").read_text(encoding="utf-8"))
    text["variables"]["library"] = library
    if hop:
        text["arch"]["nodes"][-1]["branch"][0][0]["hop"] = "noc_link"
        text["arch"]["libraries"] = ["{{ library }}", *({"relative"} - {library})]
    loaded = load(text)
    assert loaded.arch is not None
    faults = Faults()
    prices = prices_of(loaded.arch, loaded.docs, faults)
    assert prices is not None
    nodes = price_nodes(loaded.arch, prices, faults, loaded.docs[0])
    (tmp_path / "ERT.yaml").write_text(ert_text(loaded.arch, nodes))
    (tmp_path / "ART.yaml").write_text(art_text(loaded.arch, nodes))
    switches = {name: value for name, value in text["variables"].items() if name not in ("library", "technology")}
    tables = ["ERT.yaml", "ART.yaml"]
    nodes_back = renamed(text["arch"]["nodes"])
    back = {
        "variables": switches,
        "arch": {**text["arch"], "technology": "32 nm", "libraries": tables, "nodes": nodes_back},
    }
    before, after = rows(text), rows(back)
    assert [(r.node, r.quantity, r.unit, r.instances) for r in before] == [
        (r.node, r.quantity, r.unit, r.instances) for r in after
    ]
    for one, two in zip(before, after, strict=True):
        if one.quantity == "leakage":  # by way of the energy of a cycle: equal up to the last bit of a product
            assert two.value == pytest.approx(one.value, rel=1e-15)
        else:
            assert two.value == one.value
    names = [table["name"] for table in yaml.safe_load((tmp_path / "ERT.yaml").read_text())["ERT"]["tables"]]
    assert names[0] == "sata.DRAM"
    assert "sata.PEs[0..127].filter_spad" in names


def test_leakage_needs_a_clock() -> None:
    text = {"arch": {"name": "a", "libraries": ["memory_32nm", "relative"], "nodes": [
        {"memory": "M", "class": "sram_model", "size": "32 KiB", "width": "8 b"}, {"compute": "C", "class": "mac"},
    ]}}  # fmt: skip
    loaded = load(text)
    assert loaded.arch is not None
    faults = Faults()
    prices = prices_of(loaded.arch, loaded.docs, faults)
    assert prices is not None
    nodes = price_nodes(loaded.arch, prices, faults)
    with pytest.raises(
        SpecError, match="the leakage of M is written as the energy of a cycle; say 'clock' in the architecture"
    ):
        ert_text(loaded.arch, nodes)


HEAD = "ERT:\n  version: '0.4'\n  tables:\n"


@pytest.mark.parametrize(("text", "expected"), [
    ("ERT: []\n", "x.yaml:1:6: ERT: expected a mapping with tables"),
    ("ERT: {version: '0.4'}\n", "x.yaml:1:6: ERT: the key 'tables' is missing"),
    ("ERT: {version: '0.2', tables: []}\n", "x.yaml:1:16: ERT.version: version 0.2 is not read; expected one of: 0.3, 0.4"),
    ("ERT: {tables: {a.b: {read: {energy: 1}}}}\n",
     "x.yaml:1:15: ERT.tables: expected a list of tables; a mapping is the form before version 0.3; let a newer Accelergy write it"),
    (HEAD + "  - {name: a, actoins: []}\n",
     "x.yaml:4:15: ERT.tables[0].actoins: unknown key 'actoins', expected one of: name, actions; did you mean 'actions'?\n"
     "x.yaml:4:5: ERT.tables[0]: the key 'actions' is missing"),
    (HEAD + "  - {name: a..b, actions: []}\n",
     "x.yaml:4:12: ERT.tables[0].name: 'a..b' is not a name of a component, such as system.chip.PE[0..127].mac"),
    (HEAD + "  - {name: a, actions: []}\n  - {name: a, actions: []}\n",
     "x.yaml:5:12: ERT.tables[1].name: the table 'a' is defined twice; the first is in line 4"),
    (HEAD + "  - {name: a, actions: [{name: read, energy: -1}]}\n",
     "x.yaml:4:46: ERT.tables[0].actions[0].energy: expected a number of at least 0 in pJ, found -1"),
    (HEAD + "  - {name: a, actions: [{name: read, energy: 1 pJ}]}\n",
     "x.yaml:4:46: ERT.tables[0].actions[0].energy: expected a number of at least 0 in pJ, found '1 pJ'"),
    (HEAD + "  - {name: a, actions: [{name: read, energy: 1}, {name: read, energy: 2}]}\n",
     "x.yaml:4:57: ERT.tables[0].actions[1].name: the action 'read' is defined twice"),
    (HEAD + "  - {name: a, actions: [{name: r, energy: 1, arguments: {x: 1}}, {name: r, energy: 2}]}\n",
     "x.yaml:4:73: ERT.tables[0].actions[1].name: the action 'r' is defined twice; with and without arguments"),
    (HEAD + "  - {name: p.a, actions: [{name: r, energy: 1}]}\n  - {name: 'p[1].a', actions: [{name: r, energy: 2}]}\n",
     "x.yaml:5:12: ERT.tables[1].name: two tables of 'p.a' have different prices; the first is in line 4"),
    ("ART: {tables: []}\n", "arch.yaml:1:1: 'x.yaml' holds areas (ART) for no energies; name the file with the ERT before it"),
    ("ERT_summary: {}\n", "arch.yaml:1:1: 'x.yaml' holds no library; its keys are ERT_summary"),
    ("ERT: {tables: []}\nERTT: 1\n", "x.yaml:2:1: ERTT: unknown key 'ERTT', expected one of: ERT, ART"),
])  # fmt: skip
def test_faults(text: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.yaml").write_text(text)
    with pytest.raises(SpecError) as caught:
        book("x.yaml")
    assert str(caught.value) == expected


def test_same_ends_keep_their_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "x.yaml"
    file.write_text(HEAD + "".join(
        f"  - {{name: '{name}', actions: [{{name: op, energy: {pj}}}]}}\n"
        for name, pj in (("s.PE[0..3].mac", 1), ("s.SIMD.mac", 2), ("s.PE[0..3].reg", 3), ("s.SIMD.reg", 3))
    ))  # fmt: skip
    prices = book(file.name)
    assert list(prices.libraries[0].components) == ["PE.mac", "SIMD.mac", "reg"]
    assert prices.price("SIMD.mac").energy_pj == {"op": 2}


def test_libraries_keep_their_order(tmp_path: Path) -> None:
    names = [lib.name for lib in book("relative", EYERISS, "sata_32nm", *SIMBA).libraries]
    assert names == ["relative", "eyeriss_ERT", "sata_32nm", "simba_ERT"]
