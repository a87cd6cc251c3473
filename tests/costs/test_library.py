"""`library:` files and their CSV tables: what is read, and every fault with its whole line."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from sata.specs.library.components import Compound, Library, Primitive, Table
from sata.specs.library.library import is_raw, parse_library
from sata.specs.text.faults import Faults
from sata.specs.text.source import read
from sata.specs.text.units import parse_quantity


def library(components: str, folder: Path | None = None) -> tuple[Library | None, list[str]]:
    text = "library:\n  name: mine\n  components:\n" + indent(dedent(components).strip("\n"), "  ") + "\n"
    source = text
    if folder is not None:
        (folder / "mine.yaml").write_text(text)
        source = str(folder / "mine.yaml")
    faults = Faults()
    found = parse_library(read(source, raw=is_raw), faults)
    where = f"{folder.as_posix()}/" if folder else ""
    return found, [str(f).replace(where, "") for f in faults]


def said(value: object, dimension: str) -> str:
    """What `parse_quantity` says about a value; its own tests pin the words."""
    with pytest.raises(ValueError) as error:
        parse_quantity(value, dimension)
    return str(error.value)


def test_a_primitive_is_read_in_inner_units() -> None:
    found, faults = library("""
        - class: adder
          at: {width: 16 b, technology: 45 nm}
          energy: {add: 0.0242 pJ, gated_add: 1 fJ}
          area: 305.71 um2
          leakage: 4.95 uW
          cycles: {add: 2}
          scale: {width: {energy: linear, area: quadratic, leakage: {table: {8 b: 1, 16 b: 3}}}}
          source: a book
        """)
    assert faults == []
    assert found is not None
    adder = found.components["adder"]
    assert isinstance(adder, Primitive)
    assert adder.energy_pj == {"add": 0.0242, "gated_add": 0.001}
    assert (adder.area_um2, adder.leakage_mw, adder.technology_nm, adder.cycles) == (305.71, 0.00495, 45, {"add": 2})
    assert adder.reference.at == {"width": 16}
    assert adder.reference.scales["width"]["leakage"].points == ((8, 1), (16, 3))
    assert (adder.actions, adder.source) == (("add", "gated_add"), "a book")


def test_expressions_of_parts_belong_to_the_compound() -> None:
    found, faults = library("""
        - class: pe
          attributes: {width: 16 b}
          parts: {a: {class: adder, width: "{{ width }}", count: 2}}
          actions: {go: {a.add: "{{ width / 8 }}"}, rest: {}}
        """)
    assert faults == []
    assert found is not None
    pe = found.components["pe"]
    assert isinstance(pe, Compound)
    assert pe.parts["a"].attributes == {"width": "{{ width }}"}
    assert pe.bags["go"][0].count == "{{ width / 8 }}"
    assert pe.actions == ("go", "rest")


@pytest.mark.parametrize(("components", "expected"), [
    ("- {class: a, energy: {add: 3}}", f"<text>:4:30: library.components[0].energy.add: {said(3, 'pj')}"),
    ("- {class: a, enrgy: {add: 3 pJ}}",
     "<text>:4:16: library.components[0].enrgy: expected one of the keys energy, table, actions, estimator, plugin; did you mean 'energy'?"),
    ("- {class: a, energy: {add: 3 pJ}, aria: 1 um2}",
     ("<text>:4:37: library.components[0].aria: unknown key 'aria', expected one of: class, at, attributes, energy, area, leakage, "
     "scale, cycles, uncertainty, source; did you mean 'area'?")),
    ("- {class: a, energy: {add: 3 pJ}}\n- {class: a, energy: {add: 3 pJ}}",
     "<text>:5:13: library.components[1].class: the class 'a' is defined twice; the first is in line 4"),
    ("- {class: a, at: {width: 16 b}, energy: {add: 3 pJ}, scale: {widht: linear}}",
     "<text>:4:64: library.components[0].scale.widht: 'widht' has no reference point in 'at'; did you mean 'width'?"),
    ("- {class: a, at: {width: 16 b}, energy: {add: 3 pJ}, area: 1 um2, scale: {width: {energy: linear}}}",
     "<text>:4:84: library.components[0].scale.width: does not say how area scales; add 'area: constant' if it does not"),
    ("- {class: a, at: {width: 16 b}, energy: {add: 3 pJ}, scale: {width: {table: {1 b: 1, 8 b: 2}}}}",
     "<text>:4:79: library.components[0].scale.width.table: the factors do not reach the reference point 16 b"),
    ("- {class: a, at: {width: 1 b}, energy: {add: 3 pJ}, scale: {width: log}}",
     "<text>:4:70: library.components[0].scale.width: 'log' needs a reference above 1, not 1 b"),
    ("- {class: a, at: {n: 0}, energy: {add: 3 pJ}, scale: {n: linear}}",
     "<text>:4:60: library.components[0].scale.n: 'linear' needs a reference above 0, not 0"),
    ("- {class: a, at: {width: 16 b}, energy: {add: 3 pJ}, scale: {width: {table: {2 B: 1, 16 b: 2}}}}",
     "<text>:4:79: library.components[0].scale.width.table: one value is given twice"),
    ("- {class: a, at: {width: 16 b}, energy: {add: 3 pJ}, scale: {width: {table: {2 pJ: 1, 16 b: 2}}}}",
     "<text>:4:80: library.components[0].scale.width.table.2 pJ: '2 pJ' is an energy; expected a size in b, B, kB, MB, GB, TB, "
     "KiB, MiB, GiB, TiB, such as '144 KiB'"),
    ("- {class: a, at: {kind: lop}, energy: {add: 3 pJ}, scale: {kind: linear}}",
     "<text>:4:62: library.components[0].scale.kind: 'kind' is not a number and cannot scale"),
    ("- {class: a, energy: {add: 3 pJ}, cycles: {ad: 2}}",
     "<text>:4:46: library.components[0].cycles.ad: 'ad' is not an action of 'a'; did you mean 'add'?"),
    ("- {class: p, parts: {m: {class: adder}}, actions: {go: {n.add: 1}}}",
     "<text>:4:59: library.components[0].actions.go.n.add: there is no part 'n'; parts: m"),
    ("- {class: p, parts: {m: {class: adder}}, actions: {go: {m: 1}}}",
     "<text>:4:59: library.components[0].actions.go.m: 'm' is not an action of a part; expected 'part.action: count'"),
    ("- {class: p, parts: {m: {class: adder}}, actions: {go: {m.add: twice}}}",
     "<text>:4:66: library.components[0].actions.go.m.add: expected a number or an expression, found 'twice'"),
    ("- {class: t, table: none.csv}",
     "<text>:4:23: library.components[0].table: there is no table 'none.csv'; looked in ."),
])  # fmt: skip
def test_faults_of_a_library(components: str, expected: str) -> None:
    _, faults = library(components)
    assert faults == [expected]


GOOD = 'size_B,banks,read_pj,write_fj,leakage_uw,area_mm2,source\n1024,1,2,1000,5,0.5,a\n\n# comment\n4096,1,4,3000,7,1,"b, c"\n'
TABLE = "- {class: t, table: t.csv, interpolate: {size: log}}"


def test_a_table_is_read_in_inner_units(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(GOOD)
    found, faults = library(TABLE, tmp_path)
    assert faults == []
    assert found is not None
    table = found.components["t"]
    assert isinstance(table, Table)
    assert [row.line for row in table.rows] == [2, 5]
    assert table.rows[1].keys == {"size": 32768, "banks": 1}
    assert table.rows[1].values == {"energy.read": 4, "energy.write": 3, "leakage": 0.007, "area": 1e6}
    assert table.rows[1].source == "b, c"
    assert {a.name: a.kind for a in table.attributes.values()} == {"size": "bits", "banks": "number"}


@pytest.mark.parametrize(("csv", "expected"), [
    ("size_B,read_pj\n1024,nan\n", "t.csv:2:6: read_pj: expected a number in pJ, found 'nan'"),
    ("size_B,read_pj\n1024,abc\n", "t.csv:2:6: read_pj: expected a number in pJ, found 'abc'"),
    ("size_B,read_pj\n1024, -1\n", f"t.csv:2:7: read_pj: {said('-1 pJ', 'pj')}"),
    ("size_B,read_pj\n1024,\n", "t.csv:2:6: read_pj: the cell is empty"),
    ("size_B,read_pj\n1024\n", "t.csv:2:1: 1 cells under 2 columns; every cell must be filled"),
    ("size_B,read_pj\n1024,1,2\n", "t.csv:2:1: 3 cells under 2 columns; text with a comma needs quotes"),
    ("size_B,read_pj\n1024,1\n512,2\n1024,3\n", "t.csv:4:1: the row repeats line 2 (size 8192)"),
    ("size_B,read_pj\n", "t.csv:1:1: there are no rows below the column names"),
    ("", "t.csv: is empty; expected a line of column names and rows of numbers"),
    ("size_B,read_pj,read_fj\n1,2,3\n", "t.csv:1:16: read_fj: the column 'read_fj' says the same as 'read_pj'"),
    ("size_B,area\n1,2\n", "t.csv:1:8: area: the column 'area' has no unit of area; expected one of area_um2, area_mm2"),
    ("size_B,read pj\n1,2\n", "t.csv:1:8: read pj: 'read pj' is not a name for a column; use letters, digits and '_'"),
    ("size_B,banks\n1,2\n", "t.csv:1:1: there is no column of energy, area or leakage, such as read_pj"),
    ("size_B,mode,read_pj\n1,fast,2\n2,3,4\n", "t.csv:2:1: mode: expected a number, found 'fast'"),
    ('size_B,read_pj,note\n1,2,"x\n', "t.csv:2:1: a quote opened in column 5 is not closed before the next comma or line end"),
])  # fmt: skip
def test_faults_of_a_table(tmp_path: Path, csv: str, expected: str) -> None:
    (tmp_path / "t.csv").write_text(csv)
    _, faults = library("- {class: t, table: t.csv}", tmp_path)
    assert faults == [expected]


def test_a_missing_column_is_a_fault_of_what_needs_it(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("bytes,read_pj\n1,2\n")
    _, faults = library(TABLE, tmp_path)
    assert faults == [
        "mine.yaml:4:44: library.components[0].interpolate.size: 'size' is not a column of t.csv; it has: bytes"
    ]


def test_a_logarithm_needs_positive_numbers(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("size_B,read_pj\n1,0\n2,2\n")
    _, faults = library("- {class: t, table: t.csv, interpolate: {size: power}}", tmp_path)
    assert faults == ["t.csv:2:1: energy.read: 'power', which the library asks for, needs numbers above zero"]


def test_a_large_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"x" * (5 << 20))
    _, faults = library(TABLE, tmp_path)
    assert faults == ["t.csv: larger than 4 MiB"]


def test_the_hash_covers_the_tables(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(GOOD)
    before, _ = library(TABLE, tmp_path)
    (tmp_path / "t.csv").write_text(GOOD.replace(",2,", ",3,"))
    after, _ = library(TABLE, tmp_path)
    assert before is not None and after is not None
    assert before.text_hash != after.text_hash


def test_the_schema_is_what_jsonschema_says_it_is() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    from sata.specs.text.schema import schema

    for name in ("library", "counts"):
        jsonschema.Draft202012Validator.check_schema(schema(name))
