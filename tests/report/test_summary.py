"""The summary of results that are made by hand: what is missing, unpriced, long or alone."""

from __future__ import annotations

from typing import Any

from sata.report.parts import leaks, part_of
from sata.report.result import Result
from sata.report.summary import LARGEST, bounds, layers, left_out, overview, stages, summary
from sata.report.text import plain


def record(op: str, component: str, action: str, energy_pj: float, kind: str = "") -> dict[str, Any]:
    layer, stage = op.split(".")
    return {"op": op, "layer": layer, "stage": stage, "component": component, "class": "c", "tensor": kind[:1],
            "kind": kind, "action": action, "outcome": "actual", "count": 1, "energy_pj": energy_pj}  # fmt: skip


def op(name: str, cycles: float = 10, bound_by: str = "PE") -> dict[str, Any]:
    layer, stage = name.split(".")
    return {"op": name, "layer": layer, "stage": stage, "compute": "PE", "cycles": cycles, "bound_by": bound_by,
            "computes": 8, "actual": 6, "gated": 2, "skipped": 0, "steps": 4, "instances": 4}  # fmt: skip


def test_parts_of_the_energy() -> None:
    """As a record says itself; of a result without that field, as older versions told them apart."""
    found = [part_of(record("a.f", c, action, 1), ["PE"]) for c, action in
             (("PE", "fire"), ("PE", "leak"), ("DRAM", "read"), ("PEs", "deliver"))]  # fmt: skip
    assert found == ["compute", "leakage", "memories", "wires"]
    own = {**record("a.f", "PE", "leak", 1), "part": "compute"}
    assert part_of(own) == "compute" and not leaks(own)


def test_wires_have_a_column_where_there_are_any() -> None:
    records = [
        record("a.f", "PE", "add", 2),
        record("a.f", "PEs", "deliver", 1, "spike"),
        record("a.f", "M", "leak", 1),
    ]
    table = stages(Result(records, [op("a.f")], []))
    assert table.head == ("stage", "energy", "share", "compute", "memories", "wires", "leakage")
    assert table.rows == (
        ("f", "4 pJ", "100.0%", "2 pJ", "0 pJ", "1 pJ", "1 pJ"),
        ("share", "", "", "50.0%", "0.0%", "25.0%", "25.0%"),
    )


def test_many_layers_are_summed_up() -> None:
    ops = [op(f"l{i}.f") for i in range(LARGEST + 3)]
    table = layers(Result([record(o["op"], "PE", "add", 10 + i) for i, o in enumerate(ops)], ops, []))
    assert table is not None
    assert table.title == f"Largest of {LARGEST + 3} layers"
    assert table.rows[0][:2] == (f"l{LARGEST + 2}", f"{10 + LARGEST + 2} pJ")
    assert table.rows[-1][:4] == ("3 more", "33 pJ", "15.9%", "30")  # 10 + 11 + 12 of 208


def test_what_bounds() -> None:
    ops = [op("a.f", 80, "PE"), op("b.f", 15, "DRAM"), op("c.f", 5, "GLB")]
    assert bounds(ops) == "PE 80%, DRAM 15%"
    assert bounds(ops[:1]) == "PE"


def test_without_clock_area_or_leakage() -> None:
    lines = overview(Result([record("a.f", "PE", "add", 1)], [op("a.f")], [])).lines
    assert lines == ("energy    1 pJ", "time      10 cycles (no clock: no time)", "area      not priced",
                     "leakage   not priced")  # fmt: skip


def test_reasons_are_said_once() -> None:
    omitted = [{"op": f"pool{i}.forward", "why": "not counted"} for i in range(9)] + [{"op": "x.f", "why": "other"}]
    block = left_out(Result([], [], [], omitted=omitted, meta={"unselected": ["y.f"]}))
    assert block is not None
    names = ", ".join(f"pool{i}.forward" for i in range(6))
    assert block.lines == (
        f"9 ops: not counted ({names} and 3 more)",
        "1 op: other (x.f)",
        "1 op: not selected by --ops (y.f)",
    )


def test_a_result_of_nothing() -> None:
    text = plain(summary(Result([], [], [], meta={"workload": "w", "arch": "a"})), 80)
    assert text.startswith("w on a: 0 ops, batch 1, 1 time step\nenergy    0 pJ\ntime      0 cycles")
