"""`sata map` from outside: its figures are those of `sata run`, workers do not matter, and what it says of failures."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import sata
from sata.cli import main
from sata.search.answers.mapping_file import mapping_text
from sata.search.engine.solve import Task, solve
from sata.search.run.setup import setup_of
from sata.search.run.workload import map_workload
from sata.search.space.constraints import read_constraints
from sata.search.space.storage_templates import Constraints
from sata.specs import SpecError

ARCH: dict[str, Any] = yaml.safe_load("""
arch:
  name: small
  clock: 100 MHz
  libraries: [relative]
  nodes:
  - {memory: DRAM, class: dram, bandwidth: {read: 4 B/cycle, write: 4 B/cycle}}
  - {memory: GLB, class: sram, size: 256 B, may_keep: [weight, activation, current]}
  - {array: PEs, shape: {x: 4}, multicast: tile, reduce: true}
  - {memory: spad, class: regfile, size: 16 B, keep: [current], may_keep: [weight]}
  - {compute: PE, class: mac}
""")
WORKLOAD: dict[str, Any] = yaml.safe_load("""
workload:
  name: two
  bits: {weight: 8, activation: 8, current: 16}
  ops:
  - {name: a, stage: forward, action: multiply_accumulate, ranks: {k: 8, c: 4, p: 6, r: 3}, compute: "O[k,p] += W[k,c,r] * I[c,p+r-1]",
     tensors: {O: {kind: current}, W: {kind: weight}, I: {kind: activation, shape: [4, 6]}}}
  - {name: b, stage: forward, action: multiply_accumulate, ranks: {m: 8, k: 8, n: 4}, compute: "Z[m,n] += A[m,k] * B[k,n]",
     tensors: {Z: {kind: current}, A: {kind: weight}, B: {kind: activation}}}
""")


@pytest.fixture(scope="module")
def setting() -> Any:
    return setup_of(ARCH, WORKLOAD)


@pytest.mark.parametrize("objective", ["energy", "cycles", "edp", "pareto"])
def test_figures_are_those_of_a_run(setting: Any, objective: str) -> None:
    """To the last bit, for every point."""
    answers = map_workload(setting, objective, workers=1)
    assert all(a.proven for a in answers.values())
    for number in range(max(len(a.points) for a in answers.values())):
        from dataclasses import replace

        chosen = {
            op: replace(a, objective="energy", points=(a.points[min(number, len(a.points) - 1)],))
            for op, a in answers.items()
        }
        result = sata.evaluate(ARCH, WORKLOAD, mapping_text(chosen, setting.arch, ["test"]))
        energy = result.energy_pj(by=("op",))
        for op in result.ops:
            point = chosen[op["op"]].points[0]
            assert energy[op["op"],] == point.energy_pj
            assert op["cycles"] == point.cycles


def test_a_front_has_the_ends_of_both_objectives(setting: Any) -> None:
    front = map_workload(setting, "pareto", workers=1)
    for objective, incumbent in (("energy", 0), ("cycles", -1)):
        for op, answer in map_workload(setting, objective, workers=1).items():
            point = front[op].points[incumbent]
            value = point.energy_pj if objective == "energy" else point.cycles
            have = answer.points[0].energy_pj if objective == "energy" else answer.points[0].cycles
            assert value == pytest.approx(have, rel=1e-9)


def test_workers_change_nothing(setting: Any) -> None:
    def figures(workers: int) -> Any:
        return {op: (a.points, a.proven, a.bound) for op, a in map_workload(setting, workers=workers).items()}

    assert figures(1) == figures(2)


def test_out_of_time_has_a_mapping_and_a_gap() -> None:
    setting = setup_of("arch/sata.yaml", "workloads/one_conv.yaml")
    task = Task(setting.arch, setting.workload.ops[0], setting.machine, "energy", Constraints(), budget=0.01)
    answer = solve(task)
    assert answer.interrupted
    assert answer.points
    assert not answer.proven
    assert answer.gap > 0
    assert answer.bound < answer.points[0].energy_pj


def test_the_best_found_is_no_worse_than_the_shipped_mapping() -> None:
    """Of a single op, even with little time."""
    setting = setup_of("arch/sata.yaml", "workloads/vgg5_cifar10.yaml")
    found = map_workload(setting, ops="fc5.backward", workers=1)["fc5.backward"]
    shipped = sata.evaluate("arch/sata.yaml", "workloads/vgg5_cifar10.yaml", ops="fc5.backward").energy_pj()
    assert found.proven
    assert found.points[0].energy_pj <= shipped


def test_constraints_narrow_the_space(setting: Any, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "constraints:\n- {ops: a, keep: {GLB: [weight]}, bypass: {GLB: [current]}, spatial: {PEs: {x: [c]}}}\n"
    )
    rules = read_constraints(str(path), setting.arch, setting.workload)
    point = map_workload(setting, ops="a", rules=rules, workers=1)["a"].points[0]
    free = map_workload(setting, ops="a", workers=1)["a"].points[0]
    assert "W" in point.keeps["GLB"]
    assert "O" not in point.keeps["GLB"]
    assert {p.rank for p in point.loops if p.axis} <= {"c"}
    assert free.energy_pj <= point.energy_pj


def test_factors_and_orders_are_kept(setting: Any, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("constraints:\n- {ops: a, factors: {DRAM: {k: 2, c: '>=2'}}, order: {DRAM: [c, k]}}\n")
    rules = read_constraints(str(path), setting.arch, setting.workload)
    loops = [p for p in map_workload(setting, ops="a", rules=rules, workers=1)["a"].points[0].loops if p.item == 0]
    assert math.prod(p.factor for p in loops if p.rank == "k") == 2
    assert math.prod(p.factor for p in loops if p.rank == "c") >= 2
    named = [p.rank for p in loops if p.rank in "ck"]
    assert named == sorted(named)
    with pytest.raises(SpecError, match="are for exact factors, not with --imperfect"):
        map_workload(setting, ops="a", rules=rules, ragged=True, workers=1)


def test_factors_that_cannot_be_are_named(setting: Any, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("constraints:\n- {ops: a, factors: {DRAM: {k: 7}}}\n")
    rules = read_constraints(str(path), setting.arch, setting.workload)
    with pytest.raises(SpecError, match="'factors' and 'order' of its constraints leave no nest that fits"):
        map_workload(setting, ops="a", rules=rules, workers=1)


@pytest.mark.parametrize(("text", "lines"), [
    ("constraints:\n- {ops: x}\n", ["c.yaml:2:9: constraints[0].ops: pattern 'x' matches no op of workload 'two'"]),
    ("constraints:\n- {ops: a, keep: {GBL: [weight]}}\n",
     ["c.yaml:2:19: constraints[0].keep.GBL: 'GBL' is not a memory of the architecture; expected one of: DRAM, GLB, spad; did you mean 'GLB'?"]),
    ("constraints:\n- {ops: a, utilization: 2}\n",
     ["c.yaml:2:25: constraints[0].utilization: the least share of lanes is 2; it must be from 0 to 1"]),
    ("constraints:\n- {ops: a, factors: {GLB: {k: 2, c: =4}, PE: {k: 2}}}\n",
     ["c.yaml:2:37: constraints[0].factors.GLB.c: '=4' is not a factor; write 4, <=4 or >=4",
      "c.yaml:2:42: constraints[0].factors.PE: 'PE' is not a memory or array of the architecture; expected one of: "
      "DRAM, GLB, PEs, spad; did you mean 'PEs'?"]),
    ("constraints:\n- {ops: a, order: {DRAM: [k, k], GLB: k}}\n",
     ["c.yaml:2:30: constraints[0].order.DRAM[1]: rank 'k' is named twice",
      "c.yaml:2:39: constraints[0].order.GLB: expected lists of ranks, outermost first: {GLB: [k, c]}"]),
    ("constraints: 3\n", ["c.yaml:1:14: constraints: expected a list of entries under 'constraints', each with 'ops'"]),
])  # fmt: skip
def test_bad_constraints(
    setting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, lines: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(text)
    with pytest.raises(SpecError) as error:
        read_constraints("c.yaml", setting.arch, setting.workload)
    assert str(error.value).splitlines() == lines


def test_infeasible_names_the_memory() -> None:
    arch = json.loads(json.dumps(ARCH))
    arch["arch"]["nodes"][3]["size"] = "1 B"
    with pytest.raises(
        SpecError,
        match=r"no mapping of 'a' fits: spad holds 8 b, one element of each of O take 16 b, 8 b more; give spad 16 b",
    ):
        map_workload(setup_of(arch, WORKLOAD), ops="a", workers=1)


def test_the_command(tmp_path: Path) -> None:
    """Writes a mapping that runs, JSON that says what is known, and the size of the space."""
    for name, data in (("arch.yaml", ARCH), ("work.yaml", WORKLOAD)):
        (tmp_path / name).write_text(yaml.safe_dump(data))
    files = [str(tmp_path / n) for n in ("arch.yaml", "work.yaml")]
    out, told = str(tmp_path / "best.yaml"), str(tmp_path / "best.json")
    ran = CliRunner().invoke(main, ["map", *files, "-o", out, "--json", told, "--workers", "1"])
    assert ran.exit_code == 0, ran.output
    assert "2 ops proven optimal, 0 not" in ran.output
    known = json.loads(Path(told).read_text())
    assert sum(op["points"][0]["energy_pj"] for op in known["ops"]) == pytest.approx(
        sata.evaluate(*files, out).energy_pj()
    )
    assert "proven optimal" in Path(out).read_text()
    sized = CliRunner().invoke(main, ["map", *files, "--space", "--json", "-"])
    assert [row["op"] for row in json.loads(sized.output)["space"]] == ["a", "b"]
    assert CliRunner().invoke(main, ["map", *files, "--budget", "soon"]).exit_code == 2


@pytest.mark.parametrize("each", [0, 0.125, 0.1])
def test_fractions_of_a_cycle_are_those_of_a_run(each: float) -> None:
    """Of an action of the compute: run, batch and search agree to the last bit, where it bounds and where it does not."""
    mac = {"class": "mac", "energy": {"multiply_accumulate": "1 pJ"}, "cycles": {"multiply_accumulate": each}}
    prices = (("dram", "99 pJ"), ("sram", "6 pJ"), ("regfile", "1 pJ"))
    plain = [{"class": c, "energy": {"read": pj, "write": pj}} for c, pj in prices]
    library = {"library": {"name": "fractions", "components": [mac, *plain]}}
    bounds = "read: 4 B/cycle, write: 4 B/cycle" if each == 0.125 else ""
    nodes = yaml.safe_load(yaml.safe_dump(ARCH["arch"]["nodes"]))
    if not bounds:
        nodes[0].pop("bandwidth")
    arch = {**library, "arch": {**ARCH["arch"], "libraries": ["fractions"], "nodes": nodes}}
    one = {"workload": {**WORKLOAD["workload"], "ops": WORKLOAD["workload"]["ops"][1:]}}
    found = setup_of(arch, one)
    for objective in ("cycles", "energy"):
        answers = map_workload(found, objective, workers=1)
        result = sata.evaluate(arch, one, mapping_text(answers, found.arch, ["test"]))
        for op in result.ops:
            assert op["cycles"] == answers[op["op"]].points[0].cycles
            if not bounds:
                assert op["cycles"] == round(op["steps"] * each, 6)
