"""Strategies without proof: never better than what is proven, always a mapping, the same each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from sata.search.engine import propose
from sata.search.engine.propose import EVOLUTION, RANDOM, STRATEGIES, Strategy, proposing, strategy_named
from sata.search.engine.solve import solve
from sata.search.engine.strategies import Proposals, random_nest
from sata.search.model.answer import value_at
from sata.search.model.problem import SearchProblem
from sata.specs.text.faults import SpecError
from tests.cli.test_commands import fails
from tests.cli.test_run import ok

from .test_cache import task


@pytest.mark.parametrize("objective", ["energy", "cycles", "edp"])
@pytest.mark.parametrize("strategy", [RANDOM, EVOLUTION], ids=["random", "evolution"])
def test_no_strategy_is_better_than_the_proof(
    strategy: Strategy, objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(propose, "TRIES", 120)
    one = replace(task(objective=objective), strategy=strategy.name)
    best, found = solve(task(objective=objective)), strategy.solve(one, None)
    optimum, value = (value_at(objective, answer.points[0]) for answer in (best, found))
    assert best.proven
    assert not found.proven
    assert found.bound * (1 - 1e-9) <= optimum <= value * (1 + 1e-9)
    assert strategy.solve(one, None).points == found.points


def test_what_is_not_in_the_space_is_worth_nothing() -> None:
    values = []

    def proposals(problems: Sequence[SearchProblem], seed: int) -> Proposals:
        import random

        values.append((yield problems[0], ()))  # no loops: not a mapping
        values.append((yield replace(problems[0]), random_nest(problems[0], random.Random(seed))))  # of another problem

    found = proposing("mine", "", proposals).solve(task(), None)
    assert values == [float("inf"), float("inf")]
    assert found.points  # nothing of it fits: the first mapping of the exact search


def test_a_strategy_of_a_package_that_raises_is_one_line() -> None:
    def proposals(problems: Sequence[SearchProblem], seed: int) -> Proposals:
        raise ZeroDivisionError("oh")
        yield problems[0], ()

    with pytest.raises(SpecError, match="^strategy 'mine' of .* raised ZeroDivisionError: oh$"):
        proposing("mine", "", proposals).solve(task(), None)


def test_names_of_strategies() -> None:
    assert [name for name in STRATEGIES.own if STRATEGIES[name].groups] == ["exact"]
    with pytest.raises(SpecError, match="there is no strategy 'evolutoin'; did you mean 'evolution'"):
        strategy_named("evolutoin")
    with pytest.raises(SpecError, match="strategy 'random' is for exact factors; leave out --imperfect"):
        strategy_named("random", imperfect=True)


def test_map_takes_a_strategy() -> None:
    args = ("map", "tests/cli/small.yaml", "--ops", "fc.weight", "--no-cache", "--workers", "1", "--budget", "0.2s")
    assert "0 ops proven optimal, 1 not" in ok(*args, "--strategy", "random")
    assert fails(*args, "--strategy", "randon") == ["there is no strategy 'randon'; did you mean 'random'?"]
