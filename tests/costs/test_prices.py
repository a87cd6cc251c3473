"""Prices equal hand computations; what cannot be priced is said, with the whole line."""

from __future__ import annotations

import math
from pathlib import Path
from textwrap import dedent, indent

import pytest

from sata.costs.evaluate import Price
from sata.costs.nodes import load_libraries
from sata.costs.prices import Prices, missing_action
from sata.specs.library.library import is_raw
from sata.specs.text.faults import Faults, SpecError, Where
from sata.specs.text.source import read

BOOK = """
- class: adder
  at: {width: 16 b}
  energy: {add: 2 pJ, gated_add: 0.5 pJ}
  area: 100 um2
  leakage: 4 uW
  scale: {width: {energy: linear, area: quadratic, leakage: constant}}
- class: lut
  at: {entries: 4}
  energy: {look: 1 pJ}
  cycles: {look: 3}
  scale: {entries: log}
- class: fixed
  at: {width: 8 b}
  energy: {op: 1 pJ}
- class: pe
  attributes: {width: 16 b}
  parts:
    a: {class: adder, width: "{{ width }}", count: 2}
    wide: {class: adder, width: "{{ 2 * width }}"}
    l: {class: lut, entries: 16}
  actions:
    go: {a.add: 3, wide.add: 1}
    look: {l.look: "{{ width / 8 }}"}
    rest: {}
- class: cluster
  attributes: {lanes: 4}
  parts: {pe: {class: pe, width: 8 b, count: "{{ lanes }}"}}
  actions: {go: {pe.go: "{{ lanes }}"}}
"""


def prices(components: str, technology_nm: float | None = None, folder: Path | None = None, head: str = "") -> Prices:
    text = f"library:\n  name: mine\n{head}  components:\n" + indent(dedent(components).strip("\n"), "  ") + "\n"
    if folder:
        (folder / "mine.yaml").write_text(text)
    faults = Faults()
    libraries = load_libraries([], [read(str(folder / "mine.yaml") if folder else text, raw=is_raw)], faults)
    faults.check()
    return Prices(libraries, technology_nm)


def refused(book: Prices, component: str, **attributes: object) -> str:
    with pytest.raises(SpecError) as error:
        book.price(component, attributes, at=lambda key: Where("arch.yaml", 3, 5, key))
    return str(error.value)


# --- numbers ------------------------------------------------------------------------------------------------------


def test_a_primitive_scales_by_hand() -> None:
    price = prices(BOOK).price("adder", {"width": "8 b"})
    assert price.energy_pj == {"add": 1.0, "gated_add": 0.25}
    assert (price.area_um2, price.leakage_mw) == (25.0, 0.004)
    assert price.cycles == {"add": 1, "gated_add": 1}
    assert price.origin["add"] == "mine: adder, 2 pJ, x 0.5 (linear in width from 16 b)"
    assert price.leakage_origin == "mine: adder, 0.004 mW"


def test_the_reference_point_is_the_default() -> None:
    assert prices(BOOK).price("adder").energy_pj["add"] == 2.0
    assert prices(BOOK).price("lut", {"entries": 64}).energy_pj["look"] == pytest.approx(3)  # log 64 / log 4
    assert prices(BOOK).price("lut").area_um2 is None
    assert prices(BOOK).price("lut").area_origin == "not priced by mine: lut"


def test_a_scaling_table() -> None:
    book = prices(
        "- {class: a, at: {width: 8 b}, energy: {op: 3 pJ}, scale: {width: {table: {4 b: 1, 8 b: 2, 16 b: 6}}}}"
    )
    assert book.price("a", {"width": "16 b"}).energy_pj["op"] == 9
    assert book.price("a", {"width": "12 b"}).energy_pj["op"] == 6  # half way between 2 and 6, over 2
    assert (
        refused(book, "a", width="32 b")
        == "arch.yaml:3:5: class: 'a': the scaling table goes from 4 to 16, 32 is outside"
    )


def test_a_compound_sums_by_hand() -> None:
    price = prices(BOOK).price("pe")
    assert price.energy_pj == {"go": 3 * 2 + 4, "look": 2 * 2.0, "rest": 0.0}
    assert price.cycles == {"go": 1, "look": 3, "rest": 1}
    assert price.area_um2 is None  # lut has none
    assert price.area_origin == "not priced by the parts l (lut)"
    assert price.origin["go"] == "mine: pe = 3 a.add 2 pJ + 1 wide.add 4 pJ"
    assert price.parts["wide"].origin["add"] == "mine: adder, 2 pJ, x 2 (linear in width from 16 b)"


def test_compounds_nest_and_hand_attributes_down() -> None:
    assert prices(BOOK).price("cluster").energy_pj["go"] == 4 * (3 * 1 + 2)
    assert prices(BOOK).price("cluster", {"lanes": 2}).energy_pj["go"] == 2 * (3 * 1 + 2)
    assert prices(BOOK).price("cluster", {"lanes": 2}).cycles == {"go": 1}


def test_area_and_leakage_of_a_compound() -> None:
    book = prices(
        BOOK.split("- class: lut", maxsplit=1)[0]
        + "- {class: two, parts: {a: {class: adder, count: 2}, b: {class: adder, width: 32 b}}, actions: {}}"
    )
    price = book.price("two")
    assert price.area_um2 == 2 * 100 + 400
    assert price.leakage_mw == pytest.approx(3 * 0.004)
    assert price.energy_pj == {}


def test_prices_are_cached_by_value() -> None:
    book = prices(BOOK)
    assert book.price("adder", {"width": "2 B"}) is book.price("adder", {"width": "16 b"}) is book.price("adder")


def test_structural_attributes_are_left_aside_by_classes_that_take_none() -> None:
    book = prices(BOOK)
    assert book.price("adder", offered={"width": 32, "size": 4096}).energy_pj["add"] == 4.0
    assert book.price("lut", offered={"width": 32, "size": 4096}).energy_pj["look"] == 1.0


# --- tables -------------------------------------------------------------------------------------------------------

CSV = "size_B,banks,read_pj,leakage_mw\n1024,1,2,1\n4096,1,8,3\n16384,1,32,9\n4096,2,10,5\n"
SRAM = "- {class: sram, table: t.csv, interpolate: {size: HOW}, attributes: {banks: 1}}"


def sram(folder: Path, how: str = "log", csv: str = CSV, more: str = "") -> Prices:
    (folder / "t.csv").write_text(csv)
    return prices(
        SRAM.replace("HOW", how).replace("}}", "}" + more + "}") if more else SRAM.replace("HOW", how), folder=folder
    )


@pytest.mark.parametrize(("how", "read_pj", "leakage"), [
    ("log", 5.0, 2.0), ("power", 4.0, math.sqrt(3)), ("linear", 2 + 6 / 3, 1 + 2 / 3),
])  # fmt: skip
def test_between_two_rows_by_hand(tmp_path: Path, how: str, read_pj: float, leakage: float) -> None:
    price = sram(tmp_path, how).price("sram", {"size": "2 KiB"})
    assert price.energy_pj["read"] == pytest.approx(read_pj)
    assert price.leakage_mw == pytest.approx(leakage)
    assert price.origin["read"].endswith(f"t.csv lines 2 and 3, {how} in size")


def test_on_a_row(tmp_path: Path) -> None:
    price = sram(tmp_path).price("sram", {"size": "4 KiB", "banks": 2})
    assert (price.energy_pj["read"], price.leakage_mw, price.area_um2) == (10, 5, None)
    assert price.origin["read"].endswith("t.csv line 5")


def test_two_interpolated_attributes(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,y,read_pj\n0,0,1\n0,2,3\n4,0,5\n4,2,11\n")
    book = prices("- {class: t, table: t.csv, interpolate: {x: linear, y: linear}}", folder=tmp_path)
    assert book.price("t", {"x": 2, "y": 1}).energy_pj["read"] == pytest.approx((1 + 3 + 5 + 11) / 4)


def test_outside_the_rows(tmp_path: Path) -> None:
    book, name = sram(tmp_path), f"{tmp_path.as_posix()}/t.csv"
    assert refused(book, "sram", size="64 KiB") == (
        f"arch.yaml:3:5: size: 'sram': size 64 KiB is outside the rows of {name} with banks 1, which have 1 KiB to 16 KiB"
    )
    assert refused(book, "sram", size="1 KiB", banks=2) == (
        f"arch.yaml:3:5: size: 'sram': size 1 KiB is outside the rows of {name} with banks 2, which have 4 KiB only"
    )
    assert (
        refused(book, "sram", size="4 KiB", banks=4)
        == f"arch.yaml:3:5: banks: 'sram': banks 4 is in no row of {name}, which has 1, 2"
    )
    assert refused(book, "sram") == "arch.yaml:3:5: class: 'sram' needs 'size'; its attributes are size, banks"


def test_extrapolation_is_asked_for(tmp_path: Path) -> None:
    price = sram(tmp_path, "power", more=", extrapolate: true").price("sram", {"size": "64 KiB"})
    assert price.energy_pj["read"] == pytest.approx(128)
    assert price.origin["read"].endswith("lines 3 and 4, power in size (extrapolated)")
    line = sram(
        tmp_path,
        "linear",
        "size_B,read_pj\n1024,1\n2048,9\n",
        ", extrapolate: true".replace(", attributes: {banks: 1}", ""),
    )
    assert "extrapolation makes read negative (-3)" in refused(line, "sram", size="512 B")


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("component", "attributes", "expected"), [
    ("addr", {}, "class: 'addr' is in no library; did you mean 'adder'? (libraries searched: mine)"),
    ("zzz", {}, "class: 'zzz' is in no library; libraries searched: mine"),
    ("adder", {"widht": "8 b"}, "widht: 'adder' has no attribute 'widht'; did you mean 'width'? (accepted: width)"),
    ("fixed", {"width": "16 b"}, "width: 'fixed': width 16 b has no price, which holds at 8 b only: no scaling is given for it"),
    ("lut", {"entries": "many"}, "entries: expected a number, not 'many'"),
    ("lut", {"entries": 0.5}, "class: 'lut': 'log' scaling needs a value of at least 1, not 0.5"),
])  # fmt: skip
def test_what_cannot_be_priced(component: str, attributes: dict[str, object], expected: str) -> None:
    assert refused(prices(BOOK), component, **attributes) == f"arch.yaml:3:5: {expected}"


def test_no_libraries() -> None:
    assert refused(Prices([]), "adder") == "arch.yaml:3:5: class: 'adder' is in no library; no libraries are named"


def test_another_technology() -> None:
    book = prices(BOOK, 28, head="  technology: 32 nm\n")
    expected = ("arch.yaml:3:5: technology: 'adder' is priced for 32 nm (library mine), not for 28 nm; "
                "say 'technology: 32 nm', name a library for 28 nm, or scale by a published table: "
                "'scale_technology: stillmaker2017'")  # fmt: skip
    assert refused(book, "adder") == expected
    assert expected in refused(book, "pe")
    assert prices(BOOK, 28).price("adder").energy_pj["add"] == 2  # a library without a node is for any


def refused_library(components: str) -> str:
    with pytest.raises(SpecError) as error:
        prices(components)
    return str(error.value)


def test_a_circle_of_compounds() -> None:
    text = refused_library("""
        - {class: a, parts: {x: {class: b}}, actions: {}}
        - {class: b, parts: {x: {class: c}}, actions: {}}
        - {class: c, parts: {x: {class: a}}, actions: {}}
        """)
    assert text == "<text>:4:13: library.components[0].class: 'a' is made of itself: a -> b -> c -> a"


def test_unknown_parts_and_part_actions() -> None:
    text = refused_library("""
        - {class: adder, energy: {add: 1 pJ}}
        - {class: p, parts: {m: {class: ader}, n: {class: adder}}, actions: {go: {m.add: 1, n.ad: 1}}}
        """)
    assert text.splitlines() == [
        "<text>:5:35: library.components[1].parts.m.class: 'ader' is in no library; did you mean 'adder'? (libraries searched: mine)",
        "<text>:5:87: library.components[1].actions.go.n.ad: the part 'n' (class adder) has no action 'ad'; did you mean 'add'? (it has: add)",
    ]


def test_faults_inside_a_compound_stand_in_the_library() -> None:
    book = prices("""
        - {class: adder, at: {width: 8 b}, energy: {add: 1 pJ}, scale: {width: linear}}
        - {class: p, attributes: {width: 8 b}, parts: {m: {class: adder, width: "{{ widht }}"}}, actions: {go: {m.add: 1}}}
        - {class: q, parts: {m: {class: adder, wide: 8 b}}, actions: {go: {m.add: 1}}}
        - {class: r, parts: {m: {class: adder}}, actions: {go: {m.add: "{{ 0 - 1 }}"}}}
        """)
    where = "library.components"
    assert refused(book, "p") == (
        f"<text>:5:75: {where}[1].parts.m.width: 'widht' is undefined; did you mean 'width'? (variables: width)"
    )
    assert (
        refused(book, "q")
        == f"<text>:6:48: {where}[2].parts.m.wide: 'adder' has no attribute 'wide'; did you mean 'width'? (accepted: width)"
    )
    assert refused(book, "r") == f"<text>:7:59: {where}[3].actions.go.m.add: expected a number of times, found -1"


def test_a_missing_price_names_op_component_and_action() -> None:
    price: Price = prices(BOOK).price("adder")
    fault = missing_action("conv1.forward", "PE", price, "accumulate", Where("a.yaml", 1, 2, "arch.nodes[3].class"))
    assert str(fault) == ("a.yaml:1:2: arch.nodes[3].class: op conv1.forward needs 'accumulate' of PE (class adder), "
                          "which no library prices; it has: add, gated_add")  # fmt: skip
