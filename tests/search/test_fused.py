"""Fused pairs against plain enumeration of all they could be, on tiny problems; and what is printed of them."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import sata
from sata.cli import main
from sata.search.answers.codec import data_of, decoded
from sata.search.answers.mapping_file import mapping_text
from sata.search.answers.reuse import still_holds
from sata.search.engine import fused as fused_search
from sata.search.engine.fused import FusedSearch
from sata.search.engine.group import GroupTask, solve_group
from sata.search.engine.solve import Answer
from sata.search.model.fusion import FusionProblem, pairs_of
from sata.search.model.lagrangian import PricedPort
from sata.search.run.setup import SearchSetup, setup_of
from sata.search.run.workload import search_units, tasks_of
from sata.search.space.constraints import ConstraintRule, read_constraints
from tests.search.pairs import MOST, busy_pair, deep_pair, enumerated, random_pair, random_rules, small_problem

PROBLEMS = int(os.environ.get("SATA_FUSED_PROBLEMS", "12"))


def group(setting: SearchSetup, objective: str, rules: Sequence[ConstraintRule] = ()) -> GroupTask:
    tasks, _ = tasks_of(setting, search_units(setting, setting.workload.ops, fuse=2), objective, rules, ragged=False)
    assert len(tasks) == 1
    assert isinstance(tasks[0], GroupTask)
    return tasks[0]


def figures(arch: Any, workload: Any, setting: SearchSetup, answer: Answer) -> None:
    """A run of the mapping that is written has the figures of the answer, to the last bit."""
    answers = {op.name: m for op, m in zip(setting.workload.ops, answer.members, strict=True)}
    ran = sata.evaluate(arch, workload, mapping_text(answers, setting.arch, ["test"]))
    energy = ran.energy_pj(by=("op",))
    for op in ran.ops:
        point = answers[op["op"]].points[0]
        assert energy[op["op"],] == point.energy_pj
        assert op["cycles"] == point.cycles
        assert op["group"] == ("l.a+l.b" if answer.fusion and answer.fusion.split else op["op"])


@pytest.mark.parametrize("make", [random_pair, deep_pair])
@pytest.mark.parametrize("seed", range(PROBLEMS))
def test_against_plain_enumeration(seed: int, make: Any) -> None:
    """What is found is the best of all, it is proven, and it runs."""
    arch, workload = small_problem(seed, make)
    setting = setup_of(arch, workload)
    points = enumerated(arch, workload)
    for n, objective in enumerate(("energy", "cycles")):
        answer = solve_group(group(setting, objective))
        fusion = answer.fusion
        assert fusion is not None
        incumbent = min((p[n] for p in points), default=float("inf"))
        assert fusion.proven
        assert fusion.value == pytest.approx(min(incumbent, fusion.apart), rel=1e-9)
        assert fusion.fused <= incumbent * (1 + 1e-9)
        assert fusion.bound == pytest.approx(fusion.value, rel=1e-9)
        assert decoded(Answer, data_of(answer)) == answer
        if answer.points:
            figures(arch, workload, setting, answer)


@pytest.mark.parametrize("seed", range(PROBLEMS))
def test_what_is_asked_of_loops_holds_in_pairs(seed: int) -> None:
    """Above the split for both ops, below it for each, as plain enumeration has it."""
    rng = random.Random(seed)
    arch, workload = small_problem(seed, rng.choice([random_pair, deep_pair]), MOST // 2)
    asked = random_rules(rng, arch, workload)
    setting = setup_of(arch, workload)
    rules = read_constraints({"constraints": asked}, setting.arch, setting.workload)
    points = enumerated(arch, workload, asked)
    for n, objective in enumerate(("energy", "cycles")):
        task = group(setting, objective, rules)
        answer = solve_group(task)
        assert answer.fusion is not None
        incumbent = min((p[n] for p in points), default=float("inf"))
        assert answer.fusion.proven
        assert answer.fusion.value == pytest.approx(min(incumbent, answer.fusion.apart), rel=1e-9)
        if answer.points:
            assert still_holds(task, answer)
            figures(arch, workload, setting, answer)


@pytest.mark.parametrize("seed", [44, 54, 66, 80, 102, 166, 198])
def test_paying_for_a_port_leaves_nothing_out(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever direction of a memory is paid for: the best pair is found, a little below a limit, as it is without."""
    setting = setup_of(*busy_pair(random.Random(seed)))
    choice = group(setting, "energy").choice()
    monkeypatch.setattr(fused_search, "priced_ports", lambda *_: None)
    incumbent = FusedSearch(choice, "energy", float("inf"), lambda: False).run()
    monkeypatch.undo()
    assert incumbent.group is not None
    memory = next(m for m in incumbent.group.nests[0].template.memories if m.name == "M1")
    for directions in ((True, True), (True, False), (False, True)):
        for over in (1e-6, 1e-3, 1e-2):
            search = FusedSearch(choice, "energy", incumbent.bound * (1 + over), lambda: False)
            ports = tuple(PricedPort(memory, writes) for writes in directions)
            search.bound_by = ports
            found = search.run()
            assert found.group is not None
            assert found.bound == pytest.approx(incumbent.bound, rel=1e-9)


def test_pairs_come_from_the_workload() -> None:
    """What passes is taken by nobody else, and an op is in one pair."""
    setting = setup_of("arch/sata.yaml", "workloads/vgg5_cifar10.yaml")
    names = [(a.name, b.name) for a, b in pairs_of(setting.graph)]
    assert ("conv2.forward", "conv2.fire") in names
    assert ("conv2.weight", "conv2.update") in names
    assert ("conv2.gradient", "conv2.weight") not in names  # `backward` takes dU too
    flat = [name for pair in names for name in pair]
    assert len(flat) == len(set(flat))


@pytest.fixture(scope="module")
def fused() -> tuple[Any, Any, GroupTask, Answer]:
    """The first random problem that is best fused."""
    for seed in range(100):
        arch, workload = small_problem(seed)
        setting = setup_of(arch, workload)
        task = group(setting, "energy")
        answer = solve_group(task)
        if answer.fusion is not None and answer.fusion.split:
            return arch, workload, task, answer
    raise AssertionError("none of them is best fused")


def test_an_answer_from_elsewhere_is_scored_again(fused: tuple[Any, Any, GroupTask, Answer]) -> None:
    *_, task, answer = fused
    assert still_holds(task, answer)
    wrong = replace(answer.members[0].points[0], energy_pj=answer.members[0].points[0].energy_pj * 0.5)
    members = (replace(answer.members[0], points=(wrong,)), answer.members[1])
    assert not still_holds(task, replace(answer, members=members))
    assert answer.fusion is not None
    assert not still_holds(task, replace(answer, fusion=replace(answer.fusion, split="M0")))


def test_the_command_fuses_unless_it_is_told_not_to(fused: tuple[Any, Any, GroupTask, Answer], tmp_path: Path) -> None:
    """Whole, in parts and from the cache: one entry, which runs; apart it costs more."""
    arch, workload, _, answer = fused
    for name, data in (("a.yaml", arch), ("w.yaml", workload)):
        (tmp_path / name).write_text(yaml.safe_dump(data))
    files = [str(tmp_path / n) for n in ("a.yaml", "w.yaml")]
    outs = [str(tmp_path / f"{n}.yaml") for n in range(4)]
    part = str(tmp_path / "part.json")
    for args in (
        ["map", *files, "-o", outs[0], "--workers", "1"],
        ["map", *files, "-o", outs[1], "--workers", "1"],
        ["map", *files, "-o", part, "--workers", "1", "--shard", "1/1"],
        ["merge", part, "-o", outs[2]],
        ["map", *files, "-o", outs[3], "--workers", "1", "--no-fuse"],
    ):
        ran = CliRunner().invoke(main, args)
        assert ran.exit_code == 0, ran.output
    texts = [Path(out).read_text() for out in outs]
    assert yaml.safe_load(texts[0]) == yaml.safe_load(texts[1]) == yaml.safe_load(texts[2])
    assert texts[1].replace("(cache)", "(pairs)") == texts[0]
    assert len(yaml.safe_load(texts[0])["mapping"]) == 1
    assert len(yaml.safe_load(texts[3])["mapping"]) == 2
    assert sata.evaluate(arch, workload, texts[0]).energy_pj() == pytest.approx(answer.points[0].energy_pj, rel=1e-12)
    assert sata.evaluate(arch, workload, texts[3]).energy_pj() > answer.points[0].energy_pj


def test_better_than_the_shipped_mapping() -> None:
    """Forward and fire of VGG5's second layer, proven."""
    setting = setup_of("arch/sata.yaml", "workloads/vgg5_cifar10.yaml")
    pair = next(p for p in pairs_of(setting.graph) if p[0].name == "conv2.forward")
    found = FusedSearch(FusionProblem(pair, setting.arch, setting.machine), "energy", 969.2e6, lambda: False).run()
    assert found.group is not None
    assert found.bound == found.group.energy_pj
    shipped = sata.evaluate("arch/sata.yaml", "workloads/vgg5_cifar10.yaml", ops="conv2.f*").energy_pj()
    assert found.group.energy_pj < 0.95 * shipped
