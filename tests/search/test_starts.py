"""What was there before a search: read from mappings, carried over to ops of the same form, and never beaten downwards."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import sata
from sata.cli import main
from sata.search.answers.mapping_file import mapping_data
from sata.search.answers.scope import total_text
from sata.search.answers.verify import flaws
from sata.search.engine.solve import solve
from sata.search.model.answer import Start, value_at
from sata.search.run.scheduler import Resources, solve_all
from sata.search.run.setup import setup_of
from sata.search.run.starts import form_of, no_worse, start_from, starts_of
from sata.search.run.workload import map_workload, tasks_of
from tests.search.pairs import small_problem

ARCH: dict[str, Any] = yaml.safe_load("""
arch:
  name: own
  clock: 100 MHz
  libraries: [book]
  nodes:
  - {memory: DRAM, class: dram}
  - {memory: GLB, class: sram, size: 64 b, may_keep: [weight, activation, current]}
  - {array: PEs, shape: {x: 4}}
  - {compute: PE, class: pe}
library:
  name: book
  source: made up
  components:
  - {class: dram, energy: {read: 50 pJ, write: 50 pJ}, leakage: 0.1 mW}
  - {class: sram, energy: {read: 1 pJ, write: 1 pJ}}
  - {class: pe, energy: {mac: 0.1 pJ}}
""")
WORKLOAD: dict[str, Any] = yaml.safe_load("""
workload:
  name: net
  bits: {weight: 8, activation: 8, current: 8}
  ops:
  - {name: a, action: mac, ranks: {m: 7, n: 3, k: 6}, compute: "Z[m,n] += A[m,k] * B[k,n]",
     tensors: {Z: {kind: current}, A: {kind: weight}, B: {kind: activation}}}
  - {name: b, action: mac, ranks: {i: 7, j: 3, l: 6}, compute: "Y[i,j] += V[i,l] * X[l,j]",
     tensors: {Y: {kind: current}, V: {kind: weight}, X: {kind: activation, density: 0.5}}}
""")
POOR = {"mapping": [{"ops": ["a"], "nest": [{"memory": "DRAM"}, {"for": "m 7, n 3, k 6"}, {"compute": "PE"}]},
                    {"ops": ["b"], "nest": [{"memory": "DRAM"}, {"for": "i 7, j 3, l 6"}, {"compute": "PE"}]}]}  # fmt: skip
UNEVEN = {"mapping": [{"ops": "a", "nest": [
    {"memory": "DRAM"}, {"for": "m 2"}, {"array": "PEs", "x": "m 4"}, {"for": "k 6, n 3"},
    {"compute": "PE"}]}]}  # fmt: skip


def evaluated(mapping: Any, op: str = "*") -> tuple[float, float]:
    ran = sata.evaluate(ARCH, WORKLOAD, mapping, ops=op)
    return ran.energy_pj(), float(ran.cycles)


def test_a_shipped_mapping_is_read_whole() -> None:
    """All of its nests, fused ones too, with the figures that a run has; loops longer than their rank are no longer."""
    for variables in ({}, {"timesteps": 4}):
        setting = setup_of("sata", "vgg5_cifar10", variables)
        ran = sata.evaluate("sata", "vgg5_cifar10", **variables)
        starts = starts_of(setting, [])
        assert {op for s in starts for op in s.ops} == {op["op"] for op in ran.ops}
        assert sum(s.value("energy") for s in starts) == pytest.approx(ran.energy_pj(), rel=1e-12)
        assert sum(s.value("cycles") for s in starts) == pytest.approx(ran.cycles, rel=1e-12)
        assert any(len(s.ops) == 2 and s.split for s in starts)


def test_nothing_is_worse_than_the_mapping_given() -> None:
    """However little time there is; and it is said whose nest an answer is."""
    setting = setup_of(ARCH, WORKLOAD)
    incumbent = map_workload(setting, workers=1)
    given = setup_of(ARCH, WORKLOAD, None, {"mapping": mapping_data(incumbent, setting.arch)})
    hurried = map_workload(given, workers=1, budget=1e-6)
    assert {op: a.points[0].energy_pj for op, a in hurried.items()} == {
        op: a.points[0].energy_pj for op, a in incumbent.items()
    }
    poor = map_workload(setup_of(ARCH, WORKLOAD, None, POOR), workers=1)
    assert {op: a.points for op, a in poor.items()} == {op: a.points for op, a in incumbent.items()}


def test_a_nest_outside_of_the_space_counts_too() -> None:
    """Uneven factors are not searched, and fewer cycles all the same: 7 rows in 2 passes of 4 lanes."""
    setting = setup_of(ARCH, WORKLOAD, None, UNEVEN)
    answer = map_workload(setting, "cycles", ops="a", workers=1)["a"]
    exact = map_workload(setup_of(ARCH, WORKLOAD), "cycles", ops="a", workers=1)["a"]
    assert (answer.points[0].energy_pj, answer.points[0].cycles) == evaluated(UNEVEN, "a")
    assert answer.points[0].cycles < exact.points[0].cycles
    assert answer.origin == "<dict>"
    assert answer.proven
    assert not exact.origin


def test_what_is_asked_goes_before_what_was_there(tmp_path: Path) -> None:
    """A mapping that breaks a constraint is not a start."""
    files = {
        "arch": {**ARCH, **WORKLOAD},
        "map": UNEVEN,
        "asked": {"constraints": [{"ops": "a", "spatial": {"PEs": {"x": ["n"]}}}]},
    }
    for name, data in files.items():
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(data))
    common = ["map", str(tmp_path / "arch.yaml"), "--mapping", str(tmp_path / "map.yaml"), "--objective", "cycles",
              "--ops", "a", "--no-cache", "--workers", "1", "--json", "-"]  # fmt: skip
    free, bound = (json.loads(CliRunner().invoke(main, [*common, *more]).output)["ops"][0]
                   for more in ([], ["--constraints", str(tmp_path / "asked.yaml")]))  # fmt: skip
    assert free["origin"].endswith("map.yaml")
    assert bound["origin"] == ""
    assert bound["points"][0]["cycles"] > free["points"][0]["cycles"]


def test_a_fused_start_of_a_hurried_pair() -> None:
    """A pair that time does not let the search find is that of the mapping given."""
    for seed in range(30):
        arch, workload = small_problem(seed)
        setting = setup_of(arch, workload)
        whole = map_workload(setting, workers=1)
        fusion = whole["l.a"].fusion
        if fusion is not None and fusion.split:
            break
    given = setup_of(arch, workload, None, {"mapping": mapping_data(whole, setting.arch)})
    starts = starts_of(given, [])
    assert [s.ops for s in starts] == [("l.a", "l.b")]
    tasks, _ = tasks_of(given, [given.workload.ops], "energy", (), ragged=False, starts=starts)
    alone = map_workload(setting, workers=1, fuse=1)
    points = [alone[name].points[0] for name in ("l.a", "l.b")]
    poor = solve_all([replace(tasks[0], starts=())], Resources(1))[0]
    assert poor.fusion is not None
    apart = sum(p.energy_pj for p in points)
    open_ = replace(poor.fusion, split="", value=apart, proven=False, bound=apart / 2)
    members = tuple(replace(m, points=(p,), fusion=open_) for m, p in zip(poor.members, points, strict=True))
    poor = replace(poor, members=members, fusion=open_, proven=False, bound=apart / 2)
    mended = no_worse(tasks[0], poor)
    assert mended.fusion is not None
    assert mended.fusion.split == starts[0].split
    assert sum(m.points[0].energy_pj for m in mended.members) == pytest.approx(starts[0].value("energy"), rel=1e-12)
    assert starts[0].value("energy") == pytest.approx(fusion.value, rel=1e-12)
    assert flaws(tasks[0], mended) == []
    assert not mended.fusion.proven
    other = setup_of(arch, workload, None, {"mapping": mapping_data(whole, setting.arch)})
    unfused = map_workload(other, workers=1, fuse=1)
    assert all(a.fusion is None for a in unfused.values())
    assert {op: a.points for op, a in unfused.items()} == {op: a.points for op, a in alone.items()}
    product = map_workload(other, "edp", workers=1)
    assert sum(value_at("edp", a.points[0]) for a in product.values()) <= starts[0].value("edp") * (1 + 1e-12)


def test_the_answer_to_an_op_of_the_same_form() -> None:
    """Names and densities apart, a nest of one is a nest of the other."""
    setting = setup_of(ARCH, WORKLOAD)
    tasks, _ = tasks_of(setting, setting.workload.ops, "energy", (), ragged=False)
    a, b = tasks
    assert form_of([a.op]) == form_of([b.op])
    start = start_from(b, a, solve(a))
    assert isinstance(start, Start)
    assert start.ops == ("b",)
    assert {loop.rank for loop in start.points[0].loops} <= {"i", "j", "l"}
    poor = solve(replace(b, widths=()))
    worse = replace(poor, points=(replace(poor.points[0], energy_pj=start.value("energy") * 2),), proven=False)
    assert no_worse(replace(b, starts=(start,)), worse).points == start.points


def test_the_total_shows_its_gap() -> None:
    setting = setup_of(ARCH, WORKLOAD)
    incumbent = map_workload(setting, workers=1)
    assert total_text(incumbent) == "proven (file order)"
    open_ = {op: replace(a, proven=False, bound=a.bound * 0.8) for op, a in incumbent.items()}
    assert total_text(open_) == "gap 25.00%"
    assert total_text({op: replace(a, cached=True) for op, a in incumbent.items()}) == "proven (cache)"


# --- the last check ---------------------------------------------------------------------------------------------------


def test_what_is_wrong_with_an_answer_is_seen() -> None:
    """Figures, factors, keeps, sizes: each is found by counting the nest again, each with a sentence."""
    setting = setup_of(ARCH, WORKLOAD)
    tasks, _ = tasks_of(setting, setting.workload.ops, "energy", (), ragged=False)
    task, answer = tasks[0], solve(tasks[0])
    assert flaws(task, answer) == []
    point = answer.points[0]
    last = point.loops[-1]

    def said(**changes: Any) -> str:
        return " ".join(flaws(task, replace(answer, points=(replace(point, **changes),))))

    assert "it costs" in said(energy_pj=point.energy_pj * 0.99)
    assert "it costs" in said(cycles=point.cycles + 1)
    assert "cover" in said(loops=point.loops[:-1])
    assert said(loops=(*point.loops, replace(last, factor=2))) != ""
    assert "overflows" in said(items=("DRAM", "GLB", "PEs", "PE"), keeps={"DRAM": ("A", "B", "Z"), "GLB": ("A", "B", "Z")},
                               loops=tuple(replace(p, item=2, axis="") for p in point.loops))  # fmt: skip
    assert "no memory" in said(keeps={**point.keeps, "DRAM": ("A", "B")}) or "home" in said(
        keeps={**point.keeps, "DRAM": ("A", "B")}
    )


def test_second_objectives() -> None:
    """Among mappings of least cycles, one of little energy: here the least of all that fill the lanes."""
    setting = setup_of(ARCH, WORKLOAD)
    answer = map_workload(setting, "cycles", ops="a", workers=1)["a"]
    front = map_workload(setting, "pareto", ops="a", workers=1)["a"]
    fastest = min(front.points, key=lambda p: (p.cycles, p.energy_pj))
    assert value_at("cycles", answer.points[0]) == fastest.cycles
    assert answer.points[0].energy_pj == pytest.approx(fastest.energy_pj, rel=1e-9)
