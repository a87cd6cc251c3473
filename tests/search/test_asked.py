"""Constraints in every mode against plain enumeration that filters by their words: fused or not, uneven factors, every
objective; what is asked of lanes that cannot be had is a sentence."""

from __future__ import annotations

import json
import os
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import sata
from sata.cli import main
from sata.search.answers.verify import flaws
from sata.search.engine.group import solve_group
from sata.search.run.setup import setup_of
from sata.search.run.workload import map_workload
from sata.search.space.constraints import read_constraints
from sata.search.space.storage_templates import Constraints
from sata.specs import SpecError
from tests.search.pairs import deep_pair, mappings, random_pair, small_problem
from tests.search.test_fused import figures, group

PROBLEMS = int(os.environ.get("SATA_ASKED_PROBLEMS", "5"))
RANKS = {"m": (1, 2, 3, 4, 5), "n": (1, 2, 3), "k": (1, 2, 3, 4)}
KINDS = {"A": "weight", "B": "activation", "Z": "current"}


def problem(rng: random.Random) -> dict[str, Any]:
    """A matrix product on two memories and one or two arrays."""
    while True:
        ranks = {r: rng.choice(bounds) for r, bounds in RANKS.items()}
        if 4 <= prod(ranks.values()) <= 24:
            break
    shape = {"x": rng.choice([2, 3, 4])} | ({"y": 2} if rng.random() < 0.3 else {})
    inner = {"memory": "M1", "class": "sram", "size": f"{rng.choice([24, 40, 96])} b"}
    if rng.random() < 0.5:
        inner |= {"keep": ["current"], "may_keep": ["weight"]}
    else:
        inner |= {"keep": ["weight"], "may_keep": ["activation"]}
    nodes: list[dict[str, Any]] = [{"memory": "M0", "class": "dram", "bandwidth": {"read": "8 b/cycle"}}, inner]
    nodes.insert(rng.choice([1, 2]), {"array": "A", "shape": shape, "reduce": rng.random() < 0.5})
    nodes.append({"compute": "PE", "class": "pe"})
    op = {"name": "mm", "action": "mac", "ranks": ranks, "compute": "Z[m,n] += A[m,k] * B[k,n]",
          "tensors": {name: {"kind": kind} for name, kind in KINDS.items()}}  # fmt: skip
    components = [
        {"class": c, "energy": {"read": f"{e} pJ", "write": f"{e + 1} pJ"}} for c, e in (("dram", 50), ("sram", 3))
    ]
    components.append({"class": "pe", "energy": {"mac": "1 pJ"}})
    return {
        "arch": {"name": "tiny", "libraries": ["lib"], "nodes": nodes},
        "workload": {"name": "w", "bits": dict.fromkeys(KINDS.values(), 8), "ops": [op]},
        "library": {"name": "lib", "source": "made up", "components": components},
    }  # fmt: skip


def asked(rng: random.Random, data: Mapping[str, Any], ragged: bool) -> dict[str, Any]:
    """One entry of constraints with a few keys."""
    ranks = list(data["workload"]["ops"][0]["ranks"])
    shape = next(n["shape"] for n in data["arch"]["nodes"] if "array" in n)
    choices = ["utilization", "spatial", "keep", "bypass", *([] if ragged else ["factors", "order"])]
    entry: dict[str, Any] = {"ops": "*"}
    for key in {"utilization" if rng.random() < 0.6 else rng.choice(choices), rng.choice(choices)}:
        if key == "utilization":
            entry[key] = rng.choice([0.3, 0.5, 0.67, 0.75, 1.0])
        elif key == "spatial":
            entry[key] = {"A": {rng.choice(list(shape)): rng.sample(ranks, rng.choice([1, 2]))}}
        elif key in ("keep", "bypass"):
            entry[key] = {"M1": [rng.choice([*KINDS, *KINDS.values()])]}
        elif key == "factors":
            entry[key] = {rng.choice(["M0", "M1", "A"]): {rng.choice(ranks): rng.choice(["<=1", 2, ">=2", "<=2"])}}
        else:
            entry[key] = {rng.choice(["M0", "M1", "A"]): rng.sample(ranks, 2)}
    return entry


# --- every nest, and the words of a constraint -------------------------------------------------------------------------

Loop = tuple[str, int]  # rank, factor
Nest = list[tuple[str, str, list[Loop]]]  # (node, axis or "" in time, loops)


def nests(
    data: Mapping[str, Any], entry: Mapping[str, Any], ragged: bool
) -> Iterator[tuple[dict[str, list[str]], Nest]]:
    """(what memories keep, loops by place) of every nest; factors of each rank in all places, every order in time."""
    nodes, ranks = data["arch"]["nodes"], data["workload"]["ops"][0]["ranks"]
    inner = next(n for n in nodes if n.get("memory") == "M1")
    never = entry.get("bypass", {}).get("M1", ())
    must = [t for t, k in KINDS.items() if k in inner["keep"] and t not in never and k not in never]
    free = [t for t, k in KINDS.items() if k in inner["may_keep"]]
    for chosen in range(1 << len(free)):
        inside = must + [t for n, t in enumerate(free) if chosen >> n & 1]
        keeps = {"M0": list(KINDS), "M1": inside}
        places = [p for n in nodes for p in _places(n) if "compute" not in n and (inside or p[0] != "M1")]
        yield from ((keeps, nest) for nest in _loops(places, dict(ranks), dict(ranks), ragged))


def _places(node: Mapping[str, Any]) -> list[tuple[str, str]]:
    name = node.get("memory") or node.get("array") or ""
    return [*((name, axis) for axis in node.get("shape", ())), (name, "")]


def _loops(
    places: Sequence[tuple[str, str]], left: dict[str, int], whole: dict[str, int], ragged: bool
) -> Iterator[Nest]:
    if not places:
        if all(n == 1 for n in left.values()):
            yield []
        return
    (name, axis), rest = places[0], places[1:]
    for loops, after in _block(left, whole, ragged, [], bool(axis)):
        for below in _loops(rest, after, whole, ragged):
            yield [(name, axis, loops), *below]


def _block(left: dict[str, int], whole: dict[str, int], ragged: bool, loops: list[Loop], spatial: bool,
           ) -> Iterator[tuple[list[Loop], dict[str, int]]]:  # fmt: skip
    yield loops, left
    done = [r for r, _ in loops]
    for rank, n in left.items():
        if rank in done and (spatial or done[-1] == rank):
            continue
        if spatial and done and rank < done[-1]:
            continue  # the order of lanes does not matter
        for factor, rest in _factors(n, n == whole[rank] and ragged):
            yield from _block({**left, rank: rest}, whole, ragged, [*loops, (rank, factor)], spatial)


def _factors(n: int, uneven: bool) -> Iterator[tuple[int, int]]:
    for rest in range(1, n):
        if uneven or n % rest == 0:
            yield -(-n // rest), rest


def holds(entry: Mapping[str, Any], data: Mapping[str, Any], keeps: Mapping[str, list[str]], nest: Nest) -> bool:
    """Whether a nest is as its entry asks, read from its words."""
    array = next(n for n in data["arch"]["nodes"] if "array" in n)
    inner = next(n for n in data["arch"]["nodes"] if n.get("memory") == "M1")
    may = {*inner["keep"], *inner["may_keep"]}
    for name in entry.get("bypass", {}).get("M1", ()):
        if any(name in (t, KINDS[t]) for t in keeps["M1"]):
            return False
    for name in entry.get("keep", {}).get("M1", ()):
        if any(name in (t, k) and k in may and t not in keeps["M1"] for t, k in KINDS.items()):
            return False
    for axis, ranks in entry.get("spatial", {}).get("A", {}).items():
        if any(rank not in ranks for node, a, loops in nest if (node, a) == ("A", axis) for rank, _ in loops):
            return False
    for name, factors in entry.get("factors", {}).items():
        for rank, span in factors.items():
            product = prod(f for node, a, loops in nest if (node, a) == (name, "") for r, f in loops if r == rank)
            if not {"<=1": product <= 1, "<=2": product <= 2, ">=2": product >= 2}.get(span, product == span):
                return False
    for name, order in entry.get("order", {}).items():
        stand = [order.index(r) for node, a, loops in nest if (node, a) == (name, "") for r, _ in loops if r in order]
        if stand != sorted(stand):
            return False
    least = Fraction(str(entry.get("utilization", 0)))
    return all(lanes(data, nest, axis) >= least * size for axis, size in array["shape"].items()) if least else True


def lanes(data: Mapping[str, Any], nest: Nest, axis: str) -> Fraction:
    """Lanes of an axis that work on average: rank by rank, index by index."""
    total = Fraction(1)
    for rank, bound in data["workload"]["ops"][0]["ranks"].items():
        own = [(f"{node}.{a}" if a else "", f) for node, a, loops in nest for r, f in loops if r == rank]
        busy = defaultdict(set)
        for index in range(bound):
            digits, rest = [], index
            for place, factor in reversed(own):
                rest, digit = divmod(rest, factor)
                digits.append((place, digit))
            if not any(digit for place, digit in digits if place not in ("", f"A.{axis}")):
                step = tuple(digit for place, digit in digits if not place)
                busy[step].add(tuple(digit for place, digit in digits if place == f"A.{axis}"))
        total *= Fraction(sum(map(len, busy.values())), len(busy))
    return total


def written(keeps: Mapping[str, list[str]], nest: Nest) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name, axis, loops in nest:
        text = ", ".join(f"{r} {f}" for r, f in loops)
        if name in keeps:
            found.append({"memory": name, "keep": keeps[name]})
        elif not found or found[-1].get("array") != name:
            found.append({"array": name})
        if text:
            found += [{"for": text}] if not axis else []
            found[-1].update({axis: text} if axis else {})
    return [*(n for n in found if n.get("keep", True)), {"compute": "PE"}]


MOST = 250  # nests that are run of a problem


def small(seed: int, ragged: bool) -> tuple[dict[str, Any], dict[str, Any], list[list[dict[str, Any]]]]:
    """The first problem of a seed with few nests that hold what is asked: (problem, entry, nests)."""
    rng = random.Random(f"{seed} {ragged}")
    while True:
        data = problem(rng)
        entry = asked(rng, data, ragged)
        every = list(islice(nests(data, entry, ragged), 20_000))
        found = [written(keeps, nest) for keeps, nest in every if fits(data, nest) and holds(entry, data, keeps, nest)]
        if len(every) < 20_000 and len(found) <= MOST and (found or rng.random() < 0.2):
            return data, entry, found


def fits(data: Mapping[str, Any], nest: Nest) -> bool:
    """Whether no axis has more lanes than it is long."""
    shape = next(n["shape"] for n in data["arch"]["nodes"] if "array" in n)
    return all(prod(f for _, f in loops) <= shape[axis] for _, axis, loops in nest if axis)


def ran(data: dict[str, Any], every: Sequence[list[dict[str, Any]]]) -> list[tuple[float, float]]:
    """(energy, cycles) of the nests that fit."""
    found = []
    for nest in every:
        try:
            result = sata.evaluate(data, None, {"mapping": [{"ops": "mm", "nest": nest}]})
        except SpecError:
            continue
        found.append((result.energy_pj(), float(result.cycles)))
    return found


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("seed", range(PROBLEMS))
def test_what_is_asked_holds(seed: int, ragged: bool) -> None:
    """Every objective finds the best of all nests that hold it; where there is none, that is said."""
    data, entry, every = small(seed, ragged)
    points = ran(data, every)
    setting = setup_of(data)
    rules = read_constraints({"constraints": [entry]}, setting.arch, setting.workload)
    for objective in ("energy", "cycles", "edp"):
        incumbent = min((_value(objective, *p) for p in points), default=None)
        if incumbent is None:
            with pytest.raises(SpecError, match="no mapping of 'mm'"):
                map_workload(setting, objective, rules=rules, ragged=ragged, workers=1)
            continue
        answer = map_workload(setting, objective, rules=rules, ragged=ragged, workers=1)["mm"]
        assert answer.proven
        point = answer.points[0]
        assert _value(objective, point.energy_pj, point.cycles) == pytest.approx(incumbent, rel=1e-9), entry


def _value(objective: str, energy: float, cycles: float) -> float:
    return {"energy": energy, "cycles": cycles, "edp": energy * cycles}[objective]


# --- fused ------------------------------------------------------------------------------------------------------------


def of_pairs(rng: random.Random, arch: Mapping[str, Any], workload: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is asked of lanes and of what memories keep, of one op or of both."""
    nodes, rules = arch["arch"]["nodes"], []
    for op in rng.sample(workload["workload"]["ops"], rng.choice([1, 2])):
        entry: dict[str, Any] = {"ops": op["name"]}
        arrays = [n["array"] for n in nodes if "array" in n]
        if arrays and rng.random() < 0.5:
            entry["utilization"] = rng.choice([0.4, 1.0])
        elif arrays and rng.random() < 0.6:
            entry["spatial"] = {rng.choice(arrays): {"x": rng.sample(list(op["ranks"]), 1)}}
        else:
            memory = rng.choice([n for n in nodes if n.get("may_keep")])
            entry[rng.choice(["keep", "bypass"])] = {memory["memory"]: [rng.choice(memory["may_keep"])]}
        rules.append(entry)
    return rules


def pair_holds(arch: Mapping[str, Any], workload: Mapping[str, Any], rules: Sequence[Mapping[str, Any]],
               nest: list[dict[str, Any]]) -> bool:  # fmt: skip
    """Whether the ways of both ops of a fused mapping are as asked."""
    nodes = {n.get("memory") or n.get("array"): n for n in arch["arch"]["nodes"][:-1]}
    for entry in rules:
        at = "ab".index(entry["ops"][-1])
        tensors = workload["workload"]["ops"][at]["tensors"]
        own = {n.get("memory") or n.get("array"): n for n in [*nest[:-1], *nest[-1]["split"][at]] if "for" not in n}
        for name, node in nodes.items():
            if "array" in node:
                unrolled = [loop.split() for loop in own.get(name, {}).get("x", "").split(", ") if loop]
                if prod(int(f) for _, f in unrolled) < entry.get("utilization", 0) * 2:
                    return False
                allowed = entry.get("spatial", {}).get(name, {}).get("x")
                if allowed is not None and any(rank not in allowed for rank, _ in unrolled):
                    return False
                continue
            kept = [t for t in own.get(name, {}).get("keep", ()) if t in tensors]
            if any(f"k{t}" in entry.get("bypass", {}).get(name, ()) for t in kept):
                return False
            if any(k[1:] in tensors and k[1:] not in kept for k in entry.get("keep", {}).get(name, ())):
                return False
    return True


@pytest.mark.parametrize("seed", range(PROBLEMS // 2))
def test_what_is_asked_holds_in_pairs(seed: int) -> None:
    rng = random.Random(seed)
    arch, workload = small_problem(seed, rng.choice([random_pair, deep_pair]), 400)
    rules_ = of_pairs(rng, arch, workload)
    points = [p for nest in mappings(arch, workload) if pair_holds(arch, workload, rules_, nest)
              for p in _fused(arch, workload, nest)]  # fmt: skip
    setting = setup_of(arch, workload)
    rules = read_constraints({"constraints": rules_}, setting.arch, setting.workload)
    for n, objective in enumerate(("energy", "cycles")):
        task = group(setting, objective, rules)
        answer = solve_group(task)
        assert answer.fusion is not None
        incumbent = min((p[n] for p in points), default=float("inf"))
        assert answer.fusion.value == pytest.approx(min(incumbent, answer.fusion.apart), rel=1e-9), rules_
        if answer.points:
            assert flaws(task, answer) == []
            figures(arch, workload, setting, answer)


def _fused(arch: Any, workload: Any, nest: Any) -> list[tuple[float, float]]:
    try:
        result = sata.evaluate(arch, workload, {"mapping": [{"ops": ["l.a", "l.b"], "nest": nest}]})
    except SpecError:
        return []
    return [(result.energy_pj(), sum(op["cycles"] for op in result.ops))]


# --- sentences --------------------------------------------------------------------------------------------------------

ARCH = """
arch:
  name: s
  libraries: [book]
  nodes:
  - {memory: DRAM, class: m}
  - {array: A, shape: {x: 4, y: 3}}
  - {compute: PE, class: pe}
workload:
  name: w
  bits: {weight: 8, activation: 8, current: 8}
  ops:
  - {name: mm, action: mac, ranks: {m: 3, k: 4}, compute: "Z[m] += A[m,k] * B[k]",
     tensors: {A: {kind: weight}, B: {kind: activation}, Z: {kind: current}}}
library:
  name: book
  components:
  - {class: m, energy: {read: 1 pJ, write: 1 pJ}}
  - {class: pe, energy: {mac: 1 pJ}}
"""


@pytest.mark.parametrize(
    ("asked_", "said"),
    [
        ("{ops: mm, utilization: 1, spatial: {A: {x: [m]}}}",
         "no mapping of 'mm' uses 4 of the 4 lanes of A.x, as 'utilization: 1' asks: its ranks can fill 1, 3; "
         "ask for 0.75 at most"),
        ("{ops: mm, utilization: 1, spatial: {A: {x: [k], y: [k]}}}",
         "no mapping of 'mm' uses 3 of the 3 lanes of A.y, as 'utilization: 1' asks: its ranks can fill 1; "
         "ask for 0.3333 at most"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("more", [[], ["--imperfect"], ["--objective", "pareto"]])
def test_lanes_that_cannot_be_had_are_a_sentence(tmp_path: Path, asked_: str, said: str, more: list[str]) -> None:
    """Array, axis, and the lanes that the ranks can fill."""
    (tmp_path / "all.yaml").write_text(ARCH)
    (tmp_path / "asked.yaml").write_text(f"constraints: [{asked_}]")
    common = ["map", str(tmp_path / "all.yaml"), "--constraints", str(tmp_path / "asked.yaml"), "--no-cache"]
    done = CliRunner().invoke(main, [*common, "--workers", "1", *more])
    assert done.exit_code == 2
    if not more or more[0] != "--imperfect":
        assert said in done.output
    else:
        assert "no mapping of 'mm' uses" in done.output


def test_the_old_name_of_imperfect_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(ARCH)
    common = ["map", str(tmp_path / "all.yaml"), "--no-cache", "--workers", "1", "--budget", "1s"]
    old, new = (CliRunner().invoke(main, [*common, option]) for option in ("--ragged", "--imperfect"))
    assert old.exit_code == new.exit_code == 0
    assert "--ragged is called --imperfect now" in old.stderr
    assert "--ragged" not in new.stderr
    assert "exact and imperfect factors" in old.stdout
    assert "exact and imperfect factors" in new.stdout


def test_the_size_of_the_space_knows_the_share_of_lanes(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(ARCH)
    (tmp_path / "asked.yaml").write_text("constraints: [{ops: mm, utilization: 0.75}]")
    common = [
        "map",
        str(tmp_path / "all.yaml"),
        "--constraints",
        str(tmp_path / "asked.yaml"),
        "--space",
        "--json",
        "-",
    ]
    done = CliRunner().invoke(main, common)
    row = json.loads(done.output)["space"][0]
    nests_ = 0
    for x in ({}, {"m": 3}, {"k": 2}, {"k": 4}):
        for y in ({}, {"m": 3}, {"k": 2}):
            used = {r: x.get(r, 1) * y.get(r, 1) for r in "mk"}
            enough = prod(x.values()) >= 3 and prod(y.values()) >= 2.25
            if enough and 3 % used["m"] == 0 and 4 % used["k"] == 0:
                rest = 4 // used["k"]
                nests_ += (2 if used["m"] == 1 else 1) * {1: 1, 2: 2, 4: 3}[rest]
    assert row["nests"] == nests_ * 4, "two blocks, two orders each"
    assert row["removed"].startswith("utilization 0.75: ")


def test_a_share_of_lanes_is_not_a_float() -> None:
    """0.7 of 10 lanes are 7, though 0.7 * 10 is a little more."""
    assert Constraints(utilization=0.7).least_lanes(10) == 7
    assert Constraints(utilization=0.1).least_lanes(3) == 1
    assert Constraints().least_lanes(5) == 0
