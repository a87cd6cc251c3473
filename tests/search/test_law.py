"""Every law of time against enumeration: what is proven while memories stream bounds the exact values, and answers have them."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

import sata
from sata.search.answers.mapping_file import mapping_text
from sata.search.answers.scope import gap_of, is_proven
from sata.search.model.answer import value_at
from sata.search.model.enumerate import enumerate_scores
from sata.search.model.problem import problem_of
from sata.search.run.setup import SearchSetup, setup_of
from sata.search.run.workload import map_workload
from sata.search.space.storage_templates import Constraints, storage_templates
from sata.specs.text.faults import SpecError

from .pairs import random_pair
from .problems import few_nests, random_problem

LAWS = ("stream", 1, 2)


def with_buffers(arch: dict[str, Any], buffers: int | str) -> dict[str, Any]:
    found = copy.deepcopy(arch)
    for node in found["arch"]["nodes"]:
        if "size" in node:
            node["buffers"] = buffers
    return found


def best_of(setting: SearchSetup, objective: str) -> float:
    """The least exact value of all mappings of the only op, each scored under the buffers that were given."""
    arch = setting.loaded.arch
    assert arch is not None
    problems = [
        problem_of(s, setting.machine, Constraints(), False)
        for s in storage_templates(arch, setting.workload.ops[0], setting.machine.prices, Constraints())
    ]
    scores = [score for problem in problems for score in enumerate_scores(problem)]
    return min(energy if objective == "energy" else cycles for _, energy, cycles in scores)


def small_problem(seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """One with few nests."""
    rng = random.Random(seed)
    while True:
        arch, workload = random_problem(rng, False)
        setting = setup_of(arch, workload)
        problems = [
            problem_of(s, setting.machine, Constraints(), False)
            for s in storage_templates(setting.arch, setting.workload.ops[0], setting.machine.prices, Constraints())
        ]
        if problems and few_nests(problems, 400):
            return arch, workload


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("buffers", LAWS)
def test_one_op(seed: int, buffers: int | str) -> None:
    arch, workload = small_problem(seed)
    arch = with_buffers(arch, buffers)
    setting = setup_of(arch, workload)
    for objective in ("energy", "cycles"):
        try:
            (answer,) = map_workload(setting, objective, workers=1).values()
        except SpecError:
            return  # nothing fits
        (point,) = answer.points
        ran = sata.evaluate(arch, workload, mapping_text({"op": answer}, setting.arch, ["test"]))
        assert (ran.energy_pj(), ran.cycles) == pytest.approx((point.energy_pj, point.cycles), rel=1e-12)
        incumbent = best_of(setting, objective)
        assert answer.bound <= incumbent * (1 + 1e-9)
        assert answer.gap >= 0
        if answer.proven:
            assert value_at(objective, point) == pytest.approx(incumbent, rel=1e-9)
        if buffers == "stream":
            assert answer.proven


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("buffers", (1, 2))
def test_a_pair(seed: int, buffers: int) -> None:
    """Figures are those of a run; nothing is called proven that is above its bound."""
    arch, workload = random_pair(random.Random(seed))
    arch = with_buffers(arch, buffers)
    setting = setup_of(arch, workload)
    try:
        answers = map_workload(setting, "cycles", workers=1)
    except SpecError:
        return
    ran = sata.evaluate(arch, workload, mapping_text(answers, setting.arch, ["test"]))
    cycles = {op["op"]: op["cycles"] for op in ran.ops}
    for name, answer in answers.items():
        assert cycles[name] == pytest.approx(answer.points[0].cycles, rel=1e-12)
        fusion = answer.fusion
        if fusion is not None and is_proven(answer):
            assert fusion.value <= fusion.bound * (1 + 1e-9)
        assert gap_of(answer) >= 0
