"""A few seconds of the fuzzer; SATA_FUZZ=1 runs the long form: 20,000 specs and 1,500 recordings."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.cli.test_run import invoke
from tests.fuzz.mutate import mutants
from tests.fuzz.run import PYTHON, Tally, fuzz, judge, write
from tests.fuzz.seeds import Seed, seeds

LONG = bool(os.environ.get("SATA_FUZZ"))
RATE = 0.97


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def report(tally: Tally) -> str:
    return "\n".join(f"{s.kind} {s.name}: {what}; {m.what}: {out[:400]}" for what, s, m, out in tally.wrong[:20])


def test_every_format_has_a_seed() -> None:
    kinds = {
        "study",
        "arch",
        "workload",
        "mapping",
        "library",
        "sweep",
        "counts",
        "constraints",
        "template",
        "table",
        "trace",
    }
    assert {s.kind for s in seeds()} == kinds


def test_seeds_are_right() -> None:
    """What is broken one thing of is whole before."""
    chosen = seeds() if LONG else random.Random(3).sample(seeds(), 12)
    for n, seed in enumerate(chosen):
        Path(str(n)).mkdir()
        os.chdir(str(n))
        write(seed, seed.content)
        for command in seed.commands:
            done = invoke(*command)
            assert done.exit_code == 0, (seed.kind, command, done.output)
        os.chdir("..")


def test_specs() -> None:
    chosen = [s for s in seeds() if s.kind != "trace"]
    tally = fuzz(chosen, 20_000 if LONG else 150, 7)
    assert tally.wrong == [], report(tally)
    if LONG:
        assert {kind: rate for kind, rate in tally.rates().items() if rate < RATE and tally.said[kind] > 200} == {}


def test_traces() -> None:
    chosen = [s for s in seeds() if s.kind == "trace"]
    tally = fuzz(chosen, 1_500 if LONG else 40, 7)
    assert tally.wrong == [], report(tally)
    assert all(rate >= RATE for rate in tally.rates().values())


def test_the_same_seed_makes_the_same_mutants() -> None:
    for seed in seeds()[::7]:
        one, other = (mutants(seed.kind, seed.content, random.Random(5)) for _ in range(2))
        assert [next(one).content for _ in range(5)] == [next(other).content for _ in range(5)]


def test_the_judge_finds_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fuzzer that cannot fail would say nothing."""
    seed = next(s for s in seeds() if s.kind == "study")
    mutant = next(mutants(seed.kind, seed.content, random.Random(1)))

    def broken(*_: object, **__: object) -> None:
        raise TypeError("unsupported operand type(s) for +: 'int' and 'str'")

    monkeypatch.setattr("sata.specs.text.includes.load_tree", broken)
    monkeypatch.setattr("sata.specs.text.source.load_tree", broken)
    tally = Tally()
    judge(seed, mutant, tally)
    assert [what.split()[0] for what, *_ in tally.wrong] == ["exit", "exit"]
    assert PYTHON.search("x: math domain error")


def test_places_that_are_wrong_are_counted() -> None:
    seed = Seed("study", "s.yaml", b"arch: {}\n", (("check", "s.yaml"),))
    from tests.fuzz.mutate import Mutant

    tally = Tally()
    judge(seed, Mutant(b"arch:\n  nodes: 3\n", "x", frozenset((2,))), tally)
    judge(seed, Mutant(b"arch:\n  nodes: 3\n", "x", frozenset((7,))), tally)
    assert (tally.said["study"], tally.named["study"]) == (2, 1)
