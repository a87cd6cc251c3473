"""Outcomes under every density model against the walk: means over draws, exact laws, and tensors that are known.

A configuration is a random problem with random rules whose leaders have random parameters of one model; it counts if
chance has a say in it. Tensors are drawn literally (``draws``), the nest is walked for every draw (``Many``), and each
number of the closed form is compared with the mean: within 4 standard errors. So many numbers are compared that a few
sound ones lie beyond (6 of 100,000 if means were normal, more for rare events), so a number beyond is drawn again, with
16 times as many draws and another seed, and then must be within: a difference that is real is by then beyond 16. A
deviation that the draws show too small (nothing happened) is raised to the least that an integer of that mean can have.

``banded`` and ``trace`` are compared exactly. So are ``uniform``, ``temporal``, ``structured`` and ``blocks``, a second
time, with expectations by inclusion and exclusion over single elements (``expected_under``). `blocks` is given a table
of all extents, of a law under which tiles of one size are alike: there it is exact.

``SATA_CONFIGURATIONS=300`` takes that many of each model, in about two minutes; without it, 30.

Left out, all of them said in docs/sparsity.md:

- what tests/oracle/undecided.py names;
- ``runs``: numbers that depend on a tile of several rows and columns with gaps between them;
- operations under two tiles of one leader, for two followers, that cross, neither containing the other. They are taken
  to be independent given what they share. It takes an array above the one follower's memory and a loop that only the
  other one sees: 1 of 6000 random problems. Exact for traces, and (``test_tiles_that_cross``) for models of independent
  elements or blocks unless the leader is a window; elsewhere, on tensors of a few dozen elements, off by 0.5 % of the
  operations on average and 9 % at most, in either direction.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations, count, islice
from typing import Any

import numpy as np
import pytest

from sata.counts.density import Model, build_model, shared
from sata.counts.density.interface import Subject
from sata.counts.density.trace import Trace
from sata.counts.sparse.outcomes import Outcome, count_all, split
from sata.specs.model import Density
from tests.oracle.averages import Cell, cells
from tests.oracle.expected import Tiles, TooMany, deciding, expected_under
from tests.oracle.many import Many
from tests.oracle.problem import Dim, Problem, Tensor
from tests.oracle.product import structure_of
from tests.oracle.random_models import Law, law, random_models
from tests.oracle.random_sparse import Case
from tests.oracle.sparse import EVENTS, OUTCOMES, Rule, Sparsity, Walk
from tests.oracle.undecided import undecided

from .test_outcomes_oracle import rules_of

NUMBER = int(os.environ.get("SATA_CONFIGURATIONS", "30"))  # configurations of each model
DRAWS, AGAIN, SIGMAS = 300, 16, 4
DRAWN = ("uniform", "structured", "temporal", "runs", "blocks")
COMPUTES = ("", "", "computes")


@dataclass(frozen=True)
class Configuration:
    """A random problem, its rules, and the laws of the tensors that decide."""

    seed: int
    case: Case
    laws: dict[str, Law]

    @cached_property
    def walk(self) -> Walk:
        return Walk(self.case.problem, self.case.sparsity)

    def draw(self, number: int, seed: int) -> dict[str, Any]:
        rng = np.random.default_rng([self.seed, seed])
        return {name: law.values(number, rng) for name, law in self.laws.items()}

    @cached_property
    def left_out(self) -> set[tuple[str, str, str]]:
        """(memory, tensor, event) that is not compared."""
        found = undecided(self.case, *structure_of(self.case.problem))
        if crossing(self.walk):
            found.add(COMPUTES)
        gapped = {name: law.given["along"] for name, law in self.laws.items() if law.model == "runs"}
        for memory, tensor, event, unit in self.walk.events:
            if gaps(deciding(self.walk, unit)[1], gapped):
                found.add((memory, tensor, event))
        for memory, tensor, units in self.walk.merges:
            if any(gaps(deciding(self.walk, unit)[1], gapped) for unit in units):
                found.add((memory, tensor, "merge_reads"))
        follower_tiles = [
            (leader, frozenset(elements))
            for tensor in self.case.problem.tensors if tensor.role == "input"
            for covering in self.walk.coverings[tensor.name]
            for leader, tiles in covering.tiles.items()
            for elements in tiles.values()
        ]  # fmt: skip
        if gaps(frozenset(follower_tiles), gapped):
            found.add(COMPUTES)
        return found


def crossing(walk: Walk) -> bool:
    """Whether an operation lies under tiles of one leader of which neither contains the other."""
    inputs = walk._on_inputs()
    for point in walk.operations:
        tiles = [(leader, frozenset(found.get(place, ())))
                 for covering, place in zip(inputs, point.places, strict=True)
                 for leader, found in covering.tiles.items()]  # fmt: skip
        if any(n == m and not (a <= b or b <= a) for (n, a), (m, b) in combinations(tiles, 2)):
            return True
    return False


def gaps(tiles: Tiles, along: dict[str, tuple[int, int]]) -> bool:
    """Whether a tile of a tensor in `along` has several rows and columns, and a gap between some of them."""
    for name, elements in tiles:
        if name in along:
            lines = [sorted({element[d] for element in elements}) for d in along[name]]
            if all(len(line) > 1 for line in lines) and any(line[-1] - line[0] >= len(line) for line in lines):
                return True
    return False


def model(law: Law) -> Model:
    subject = Subject(law.shape, law.time, tuple((f"r{n}",) for n in range(len(law.shape))))
    return shared(build_model(Density(law.model, tuple(law.given.items())), subject))


def product(case: Case, models: dict[str, Any]) -> dict[Cell, float]:
    """The closed form, in the oracle's names."""
    structure, factors, memories = structure_of(case.problem)
    dense, decided = count_all(structure, factors, rules_of(case, models))
    found: dict[Cell, float] = {}

    def add(key: tuple[str, str, str], outcome: Outcome) -> None:
        found.update({(*key, name): float(getattr(outcome, name)) for name in OUTCOMES})

    add(COMPUTES, split(dense.computes, decided.computes))
    for o, (tensor, operand, row) in enumerate(
        zip(case.problem.tensors, structure.operands, dense.tensors, strict=True)
    ):
        for place, (memory, counts) in enumerate(zip(operand.chain, row, strict=True)):
            for event in EVENTS:
                left = decided.events.get((o, place, event))
                add((memories[memory], tensor.name, event), split(getattr(counts, event), left))
    return found


def drawn(name: str) -> Iterator[Configuration]:
    """Configurations in which a leader of a rule has the model, the same ones every time."""
    for seed in count():
        found = random_models(name, seed)
        if found is not None:
            yield Configuration(seed, *found)


@cache
def telling(name: str) -> tuple[Configuration, ...]:
    """Those in which chance (of a law that knows none: a zero) has a say in what is compared."""

    def tells(one: Configuration) -> bool:
        many = Many(one.walk, one.draw(20, 0), 20)
        for cell, numbers in many.outcomes().items():
            if cell[:3] not in one.left_out and (np.ptp(numbers) or (name == "banded" and cell[3] != "actual"
                                                                     and numbers.any())):  # fmt: skip
                return True
        return False

    return tuple(islice((one for one in drawn(name) if tells(one)), NUMBER))


def errors(one: Configuration, wanted: dict[Cell, float], draws: int, seed: int) -> dict[Cell, float]:
    """Per number that chance has a say in, by how many standard errors the mean of draws differs."""
    averages = Many(one.walk, one.draw(draws, seed), draws).averages()
    found = {}
    for cell, number in wanted.items():
        difference = averages.mean[cell] - number
        least = (number % 1) * (1 - number % 1)  # the variance of an integer with this mean is at least that
        deviation = max(averages.deviation[cell] ** 2, least) ** 0.5
        if abs(difference) <= 1e-9 * max(1.0, abs(number)):
            difference = 0.0
        if deviation > 1e-6 or difference:
            found[cell] = difference / max(deviation, 1e-9) * draws**0.5
    return found


def beyond(one: Configuration, models: dict[str, Any]) -> tuple[list[float], dict[Cell, float]]:
    """(errors of the first draws, those that are too large with many draws as well)."""
    wanted = {c: n for c, n in product(one.case, models).items() if c[:3] not in one.left_out}
    first = errors(one, wanted, DRAWS, 1)
    suspect = {cell: wanted[cell] for cell, error in first.items() if abs(error) > SIGMAS}
    again = errors(one, suspect, AGAIN * DRAWS, 2) if suspect else {}
    return list(first.values()), {cell: error for cell, error in again.items() if abs(error) > SIGMAS}


@pytest.mark.parametrize("name", DRAWN)
def test_closed_forms_are_the_means_of_draws(name: str) -> None:
    all_errors: list[float] = []
    for one in telling(name):
        first, bad = beyond(one, {tensor: model(law) for tensor, law in one.laws.items()})
        assert not bad, (one.seed, bad)
        all_errors += first
    spread = np.abs(all_errors)
    print(f"{name}: {len(telling(name))} configurations, {len(spread)} numbers; beyond 2, 3, 4 standard errors: "
          f"{(spread > 2).mean():.2%}, {(spread > 3).mean():.2%}, {(spread > 4).sum()} at first")  # fmt: skip
    assert len(spread) > 3 * NUMBER
    assert 0.5 < float((spread**2).mean()) ** 0.5 < 1.5  # about 1: errors are neither too large nor washed out


@pytest.mark.parametrize("name", ["uniform", "structured", "temporal", "blocks", "banded"])
def test_closed_forms_are_the_exact_expectations(name: str) -> None:
    compared = 0
    for one in telling(name):
        dense = dict.fromkeys(one.case.tensors.keys() - one.laws.keys(), lambda elements: float(not elements))
        try:
            oracle = expected_under(one.walk, {n: law.p_empty() for n, law in one.laws.items()} | dense)  # type: ignore[arg-type]
        except TooMany:
            continue
        found = product(one.case, {tensor: model(law) for tensor, law in one.laws.items()})
        different = {
            cell: (found[cell], number)
            for cell, number in oracle.items()
            if cell[:3] not in one.left_out and abs(found[cell] - number) > 1e-9 * max(1.0, abs(number))
        }
        assert not different, one.seed
        compared += 1
    assert compared > 0.9 * NUMBER


@pytest.mark.parametrize("name", [*DRAWN, "banded"])
def test_recorded_draws_agree_to_the_last_event(name: str) -> None:
    """A trace of a draw of any model; also where the model itself is left out, as nothing is assumed of a trace."""
    for one in telling(name):
        values = {tensor: array[..., 0] for tensor, array in one.draw(1, 3).items()}
        traces = {n: shared(Trace(v.shape, None, f"{n} {name} {one.seed}", v != 0)) for n, v in values.items()}
        oracle, found = cells(one.walk.outcomes(values)), product(one.case, traces)
        left_out = undecided(one.case, *structure_of(one.case.problem))
        assert not {c: (found[c], n) for c, n in oracle.items() if found[c] != n and c[:3] not in left_out}, one.seed


def test_many_draws_are_many_walks() -> None:
    for name in DRAWN:
        for one in telling(name)[:8]:
            values = one.draw(4, 4)
            many = Many(one.walk, values, 4).outcomes()
            for n in range(4):
                assert {cell: numbers[n] for cell, numbers in many.items()} == cells(
                    one.walk.outcomes({tensor: array[..., n] for tensor, array in values.items()})
                )


@pytest.mark.parametrize("name", ["structured", "temporal", "runs", "blocks"])
def test_another_model_of_the_same_density_is_noticed(name: str) -> None:
    """What the comparison with draws is worth: uniform numbers do not pass for these."""
    noticed = 0
    for one in telling(name):
        models = {tensor: model(law) for tensor, law in one.laws.items()}
        uniform = {n: model(Law(one.laws[n].tensor, ("", {}), "uniform", {"density": m.density}))
                   for n, m in models.items()}  # fmt: skip
        noticed += bool(beyond(one, uniform)[1])
    assert noticed > NUMBER / 15, noticed


def crossed(rng: random.Random, form: str) -> Case:
    """Z[t,b] += A[t,c] * B[b,c]: A follows L by lanes of t for all b, B by steps of b for all t."""
    ranks = {"t": rng.choice([2, 3, 4, 6]), "b": rng.choice([2, 3, 4, 6]), "c": rng.choice([1, 2])}

    def plain(name: str, role: str, *names: str) -> Tensor:
        return Tensor(name, role, tuple(Dim({rank: 1}, 0, ranks[rank]) for rank in names))

    leader = plain("L", "input", "t", "b")
    if form == "window":
        leader = Tensor(
            "L", "input", (Dim({"t": 1, "b": 1}, 0, ranks["t"] + ranks["b"] - 1), Dim({"c": 1}, 0, ranks["c"]))
        )
    inner = {rank: rng.choice([n for n in range(1, ranks[rank] + 1) if ranks[rank] % n == 0]) for rank in "tb"}
    nest = (("memory", "M0", ("A", "B", "Z")), ("loop", "b", ranks["b"] // inner["b"]), ("memory", "M1", ("B",)),
            ("array", "X", "tile", True, (("t", ranks["t"] // inner["t"]),)), ("memory", "M2", ("A",)),
            ("loop", "t", inner["t"]), ("loop", "b", inner["b"]), ("loop", "c", ranks["c"]), ("compute",))  # fmt: skip
    problem = Problem(ranks, (plain("A", "input", "t", "c"), plain("B", "input", "b", "c"), plain("Z", "output", "t", "b")),
                      nest)  # fmt: skip
    return Case(
        problem, Sparsity((Rule("M0", "A", ("L",), "skip"), Rule("M0", "B", ("L",), "skip")), local=(leader,)), {}
    )


@pytest.mark.parametrize(
    ("name", "form", "exact"),
    [("temporal", "plain", True), ("structured", "plain", True), ("banded", "plain", True), ("banded", "window", True),
     ("uniform", "plain", False), ("uniform", "window", False), ("structured", "window", False)],
)  # fmt: skip
def test_tiles_that_cross(name: str, form: str, exact: bool) -> None:
    """Where the one assumption about tiles of one leader is exact, and how far off it is elsewhere."""
    found = []
    for seed in range(100):
        rng = random.Random(seed)
        case = crossed(rng, form)
        one = Configuration(seed, case, {"L": law(name, case.tensors["L"], rng)})
        if one.laws["L"].model != name or not crossing(one.walk):
            continue
        p_empty = dict.fromkeys(case.tensors, lambda elements: float(not elements)) | {"L": one.laws["L"].p_empty()}
        oracle = expected_under(one.walk, p_empty)  # type: ignore[arg-type]
        actual = product(case, {"L": model(one.laws["L"])})[*COMPUTES, "actual"]
        found.append((actual - oracle[*COMPUTES, "actual"]) / sum(oracle[*COMPUTES, o] for o in OUTCOMES))
    assert len(found) > 15
    if exact:
        assert max(map(abs, found)) < 1e-12
    else:
        assert sum(map(abs, found)) / len(found) < 0.01 and 0.01 < max(map(abs, found)) < 0.1
