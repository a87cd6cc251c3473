"""Groups of three ops against plain enumeration of all they could be, on tiny chains; and the best partition of one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import sata
from sata.cli import main
from sata.search.answers.reuse import still_holds
from sata.search.engine.group import GroupTask, solve_group
from sata.search.engine.solve import Answer
from sata.search.model.answer import MappingPoint
from sata.search.model.fusion import fusible_groups, pairs_of
from sata.search.run.partition import best_partition
from sata.search.run.setup import SearchSetup, setup_of
from sata.search.run.workload import map_workload
from sata.search.space.storage_templates import Constraints
from tests.search.triples import enumerated, small_chain

PROBLEMS = int(os.environ.get("SATA_CHAIN_PROBLEMS", "8"))  # 60 and more in the long check
MOST = int(os.environ.get("SATA_CHAIN_NESTS", "300"))


def group(setting: SearchSetup, objective: str) -> GroupTask:
    """All three ops of a chain as one task."""
    (ops,) = (g for g in fusible_groups(setting.graph, 3) if len(g) == 3)
    return GroupTask(setting.arch, ops[0], setting.machine, objective, Constraints(), ops=ops)


@pytest.mark.parametrize("seed", range(PROBLEMS))
def test_against_plain_enumeration(seed: int) -> None:
    """What is found of three ops is the best of all, it is proven, and scored again it holds."""
    arch, workload = small_chain(seed, MOST)
    setting = setup_of(arch, workload)
    points = enumerated(arch, workload)
    for n, objective in enumerate(("energy", "cycles")):
        task = group(setting, objective)
        answer = solve_group(task)
        fusion = answer.fusion
        assert fusion is not None
        best = min((p[n] for p in points), default=float("inf"))
        assert fusion.proven
        assert fusion.value == pytest.approx(min(best, fusion.apart), rel=1e-9)
        assert fusion.fused <= best * (1 + 1e-9)
        assert fusion.bound == pytest.approx(fusion.value, rel=1e-9)
        if answer.points:
            assert still_holds(task, answer)


def test_up_to_three_ops_are_no_worse_than_pairs() -> None:
    """The best partition of a chain runs with the figures that are said; of some chains three are better than two."""
    better = 0
    for seed in range(12):
        arch, workload = small_chain(seed, MOST)
        value = {}
        for fuse in (1, 2, 3):
            setting = setup_of(arch, workload)
            answers = map_workload(setting, workers=1, fuse=fuse)
            value[fuse] = sum(a.points[0].energy_pj for a in answers.values())
        assert value[3] <= value[2] * (1 + 1e-9)
        assert value[2] <= value[1] * (1 + 1e-9)
        better += value[3] < value[2] * (1 - 1e-9)
    assert better


def test_the_command_fuses_three(tmp_path: Path) -> None:
    """With --fuse 3 and auto alike; --no-fuse is --fuse 1; what is written runs."""
    arch, workload = next(
        problem
        for problem in (small_chain(seed, MOST) for seed in range(12))
        if any(len(a.fusion.ops) == 3 and a.fusion.split for a in _mapped(*problem) if a.fusion is not None)
    )
    for name, data in (("a.yaml", arch), ("w.yaml", workload)):
        (tmp_path / name).write_text(yaml.safe_dump(data))
    files = [str(tmp_path / n) for n in ("a.yaml", "w.yaml")]
    texts = []
    for n, options in enumerate((["--fuse", "3"], ["--fuse", "auto"], ["--fuse", "1"], ["--no-fuse"])):
        out = str(tmp_path / f"{n}.yaml")
        ran = CliRunner().invoke(main, ["map", *files, "-o", out, "--workers", "1", "--no-cache", *options])
        assert ran.exit_code == 0, ran.output
        texts.append(yaml.safe_load(Path(out).read_text()))
    assert texts[0] == texts[1]
    assert texts[2] == texts[3]
    assert [len(text["mapping"]) for text in texts] == [1, 1, 3, 3]
    assert sata.evaluate(arch, workload, texts[0]).energy_pj() < sata.evaluate(arch, workload, texts[2]).energy_pj()


def _mapped(arch: Any, workload: Any) -> list[Answer]:
    return list(map_workload(setup_of(arch, workload), workers=1, fuse=3).values())


@pytest.mark.parametrize("given", ["0", "-1", "two", "1.5", ""])
def test_how_many_is_a_number_or_auto(given: str) -> None:
    said = CliRunner().invoke(main, ["map", "a.yaml", "--fuse", given])
    assert said.exit_code == 2
    assert "is not a number of ops; write 1, 2, 3, ... or auto" in " ".join(said.output.split())


def test_one_way_to_say_that_nothing_is_fused() -> None:
    said = CliRunner().invoke(main, ["map", "a.yaml", "--fuse", "3", "--no-fuse"])
    assert said.exit_code == 2
    assert "--no-fuse is --fuse 1; give one of them" in said.output


def test_groups_come_from_the_graph() -> None:
    """Pairs are groups of two; a tensor that an op outside takes holds no group together."""
    setting = setup_of("arch/sata.yaml", "workloads/vgg5_cifar10.yaml")
    names = [tuple(op.name for op in ops) for ops in fusible_groups(setting.graph, 3)]
    assert {tuple(op.name for op in ops) for ops in pairs_of(setting.graph)} <= set(names)
    both = [group for group in names if {"conv2.gradient", "conv2.weight"} <= set(group)]
    assert both == [("conv2.gradient", "conv2.backward", "conv2.weight")]  # `backward` takes what passes, too


def answer(value: float, bound: float | None = None) -> Answer:
    point = MappingPoint(value, 1.0, ("M",), {"M": ()}, ())
    least = value if bound is None else bound
    return Answer("x", "energy", (point,), least == value, least, 1, 0.0, False)


def test_the_best_partition_is_a_shortest_path() -> None:
    """Of the least sum; at the same sum of the fewest groups; open alternatives take the proof back."""
    names = [("a",), ("a", "b"), ("b",), ("b", "c"), ("c",), ("a", "b", "c")]

    def chosen(*values: float, bounds: dict[int, float] | None = None) -> list[tuple[tuple[str, ...], bool]]:
        answers = [answer(v, (bounds or {}).get(n)) for n, v in enumerate(values)]
        return [(unit, own.proven) for unit, own in best_partition(names, answers)]

    assert chosen(3, 4, 3, 5, 3, 8) == [(("a", "b"), True), (("c",), True)]
    assert [unit for unit, _ in chosen(3, 5, 3, 4, 3, 8)] == [("a",), ("b", "c")]
    assert chosen(3, 6, 3, 6, 3, 9) == [(("a", "b", "c"), True)]
    assert chosen(1, 5, 1, 5, 1, 4) == [(("a",), True), (("b",), True), (("c",), True)]
    assert chosen(1, 5, 1, 5, 1, 4, bounds={5: 2.0}) == [(("a",), False), (("b",), False), (("c",), False)]
