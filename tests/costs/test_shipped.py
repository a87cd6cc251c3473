"""The shipped libraries: the authors' ratios, sources of every number, and an architecture priced by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import sata.costs
from sata.costs.nodes import area_um2, check_priced, leakage_mw, load_libraries, price_nodes, price_table, prices_of
from sata.costs.prices import Prices
from sata.specs.arch import parse_arch
from sata.specs.library.components import Compound, Primitive
from sata.specs.model import Arch
from sata.specs.text.faults import Faults, SpecError, Where
from sata.specs.text.source import Doc, read

MAC_PJ = 0.69475  # (0.239 + 0.0389) mW x 2.5 ns


def shipped(name: str, technology_nm: float | None = None) -> Prices:
    faults = Faults()
    libraries = load_libraries([(name, Where())], [], faults)
    faults.check()
    return Prices(libraries, technology_nm)


@pytest.mark.parametrize(("library", "mac_pj"), [("sata_32nm", MAC_PJ), ("relative", 1.0)])
@pytest.mark.parametrize(("component", "action", "macs"), [
    ("sata_pe", "fire", "0.405"), ("sata_pe", "accumulate", "0.143"), ("sata_pgu", "gradient", "0.979"),
    ("sata_pe", "multiply_accumulate", "1.000"), ("sata_pe", "relu", "0.126"), ("regfile", "read", "1.000"), ("dram", "write", "200.000"),
])  # fmt: skip
def test_in_units_of_the_ann_mac(library: str, mac_pj: float, component: str, action: str, macs: str) -> None:
    """energy_tables.yaml, training_model.composites_16b, normalised_to_MAC."""
    assert f"{shipped(library).price(component).energy_pj[action] / mac_pj:.3f}" == macs


@pytest.mark.parametrize(("size", "banks", "read_pj", "write_pj", "leakage", "mm2"), [
    ("144 KiB", 16, 6.5292, 5.89278, 1.83923, 0.523663), ("144 KiB", 8, 6.76559, 5.42787, 3.06862, 0.498412),
    ("32 KiB", 16, 2.74961, 2.50566, 0.500408, 0.122022), ("256 KiB", 16, 8.99083, 7.88884, 3.15182, 0.871484),
    ("64 KiB", 16, 3.93635, 3.46167, 0.926132, 0.223867), ("8 KiB", 16, 1.17638, 1.12894, 0.142009, 0.0324569),
])  # fmt: skip
def test_srams_are_cacti_s(size: str, banks: int, read_pj: float, write_pj: float, leakage: float, mm2: float) -> None:
    price = shipped("sata_32nm").price("sram", {"size": size, "banks": banks})
    assert price.energy_pj == pytest.approx({"read": read_pj, "write": write_pj})
    assert price.leakage_mw == pytest.approx(leakage * banks)
    assert price.area_um2 == pytest.approx(mm2 * 1e6)
    wide = shipped("sata_32nm").price("sram", {"size": size, "banks": banks, "width": "64 b"})
    assert wide.energy_pj["read"] == pytest.approx(8 * read_pj)
    assert (wide.area_um2, wide.leakage_mw) == (price.area_um2, price.leakage_mw)


def test_multipliers_scale_with_the_square_of_the_width() -> None:
    book = shipped("sata_32nm")
    assert book.price("multiplier", {"width": "8 b"}).energy_pj["multiply"] == pytest.approx(0.5975 / 4)
    half = book.price("sata_pe", {"width": "8 b"})
    assert half.energy_pj["accumulate"] == pytest.approx((0.09725 + 0.001985) / 2)
    assert half.energy_pj["multiply_accumulate"] == pytest.approx(0.5975 / 4 + 0.09725 / 2)
    assert half.area_um2 == pytest.approx(2456.3018 / 4 + (487.61 + 305.71 + 3 * 176.418486) / 2)


@pytest.mark.parametrize("name", ["sata_32nm", "relative"])
def test_every_number_has_a_source_and_every_class_all_prices(name: str) -> None:
    book = shipped(name)
    for component in book.libraries[0].components.values():
        assert component.source, component.name
        if isinstance(component, (Primitive, Compound)):
            price = book.price(component.name)
            assert price.area_um2 is not None and price.leakage_mw is not None, component.name
            assert set(price.origin) == set(price.energy_pj) and price.area_origin and price.leakage_origin


ACTIONS = {
    "accumulate", "multiply_accumulate", "fire", "gradient", "update", "add", "average", "max", "route", "relu", "relu_gradient", "quantise",
}  # fmt: skip


def test_all_actions_that_templates_ask_for_are_priced() -> None:
    found = set()
    for file in (Path(sata.costs.__file__).parent.parent / "templates").rglob("*.yaml"):
        for line in re.findall(r"action: *(.*)", file.read_text()):
            found |= set(re.findall(r'"(\w+)"', line)) if "{{" in line else {line.split()[0]}
    assert found <= ACTIONS
    relative, nm = shipped("relative"), shipped("sata_32nm")
    assert set(relative.price("mac").energy_pj) >= ACTIONS
    for book in (relative, nm):
        assert set(book.price("sata_pe").energy_pj) | {"gradient"} >= ACTIONS
    for name, energy in relative.price("sata_pe").energy_pj.items():  # the two libraries tell the same ratios
        assert energy == pytest.approx(nm.price("sata_pe").energy_pj[name] / MAC_PJ, rel=1e-5)
        assert energy == relative.price("mac").energy_pj[name]


ARCH = """
arch:
  name: small
  technology: 32 nm
  libraries: [sata_32nm]
  nodes:
  - {memory: DRAM, class: dram}
  - {memory: W_GLB, class: sram, size: 144 KiB, width: 64 b}
  - {array: PEs, shape: {x: 4, y: 2}}
  - {memory: spad, class: regfile, size: 1152 B, width: 8 b}
  - {compute: PE, class: sata_pe, attributes: {width: 16 b}}
"""


def arch(text: str) -> tuple[Arch, Doc]:
    doc, faults = read(text), Faults()
    found = parse_arch(doc, faults)
    faults.check()
    assert found is not None
    return found, doc


def test_an_architecture_s_table() -> None:
    small, doc = arch(ARCH)
    faults = Faults()
    book = prices_of(small, [doc], faults)
    assert book is not None
    found = price_nodes(small, book, faults, doc)
    check_priced(small, found, "area", faults, doc)
    check_priced(small, found, "leakage", faults, doc)
    faults.check()
    rows = {(r.node, r.quantity): r for r in price_table(small, found)}
    assert rows["W_GLB", "read"].value == pytest.approx(8 * 6.5292)
    assert rows["W_GLB", "read"].origin == (
        "sata_32nm: sram 32 nm, components/sram_32nm.csv line 9, x 8 (linear in width from 8 b)"
    )
    assert rows["W_GLB", "read"].attributes == "size 144 KiB, banks 16, width 64 b"
    assert (rows["PE", "fire"].instances, rows["DRAM", "read"].instances, rows["PE", "fire"].cycles) == (8, 1, 1)
    pe_area = 2456.3018 + 487.61 + 305.71 + 3 * 176.418486
    assert area_um2(small, found) == pytest.approx(523663 + 8 * (4564.2516 + pe_area))
    pe_leak = 0.057968 + 0.00973555 + 0.00495076 + 3 * 0.0045801
    assert leakage_mw(small, found) == pytest.approx(16 * 1.83923 + 8 * (0.31952025 + pe_leak))


def node_faults(text: str) -> list[str]:
    small, doc = arch(text)
    faults = Faults()
    book = prices_of(small, [doc], faults)
    if book:
        found = price_nodes(small, book, faults, doc)
        check_priced(small, found, "area", faults, doc)
    return [str(f) for f in faults]


def test_faults_stand_where_the_class_or_attribute_does() -> None:
    assert node_faults(ARCH.replace("class: sram", "class: srma")) == [
        "<text>:8:28: arch.nodes[1].class: 'srma' is in no library; did you mean 'sram'? (libraries searched: sata_32nm)"
    ]
    assert node_faults(ARCH.replace("{width: 16 b}", "{widht: 16 b}")) == [
        "<text>:11:55: arch.nodes[4].attributes.widht: 'sata_pe' has no attribute 'widht'; did you mean 'width'? (accepted: width)"
    ]
    assert node_faults(ARCH.replace("size: 144 KiB", "size: 1 MiB")) == [
        (
            "<text>:8:40: arch.nodes[1].size: 'sram': size 1 MiB is outside the rows of components/sram_32nm.csv with banks 16, "
            "which have 8 KiB to 256 KiB"
        )
    ]
    assert node_faults(ARCH.replace("64 b}", "64 b, attributes: {width: 8 b}}")) == [
        "<text>:8:82: arch.nodes[1].attributes.width: 'width' is given twice; a memory says it beside its class"
    ]
    assert node_faults(ARCH.replace("y: 2}", "y: 2}, hop: link")) == [
        "<text>:9:44: arch.nodes[2].hop: 'link' is in no library; libraries searched: sata_32nm"
    ]
    assert node_faults(ARCH.replace("y: 2}", "y: 2}, attributes: {length: 3}")) == [
        "<text>:9:51: arch.nodes[2].attributes: array 'PEs' has attributes and no 'hop' class to take them"
    ]
    assert node_faults(ARCH.replace("[sata_32nm]", "[sata_32mn]")) == [
        (
            "<text>:5:15: arch.libraries[0]: library 'sata_32mn': no such file; did you mean 'components/sata_32nm.yaml'? "
            "(looked in the current folder and the shipped components)"
        )
    ]
    assert len(node_faults(ARCH.replace("32 nm", "28 nm"))) > 3


def test_an_inline_library_is_seen_first() -> None:
    text = ARCH + "library:\n  name: own\n  components:\n  - {class: dram, energy: {read: 7 pJ, write: 8 pJ}}\n"
    small, doc = arch(text)
    book = prices_of(small, [doc], Faults())
    assert book is not None
    assert book.price("dram").energy_pj == {"read": 7, "write": 8}
    assert node_faults(text) == [
        "<text>:7:27: arch.nodes[0].class: area of DRAM is not priced by own: dram; say 'area: 0 um2' in the library to leave it out"
    ]


def test_a_shipped_library_may_be_swapped() -> None:
    assert node_faults(ARCH.replace("sata_32nm", "relative")) == []


def test_a_file_without_a_library() -> None:
    faults = Faults()
    assert load_libraries(
        [("sata_tcad", Where("a.yaml", 1, 1))], [read("library: {name: sata_tcad, components: []}")], faults
    )
    assert not len(faults)
    with pytest.raises(SpecError):
        load_libraries([("nowhere", Where("a.yaml", 1, 1))], [], faults)
        faults.check()
