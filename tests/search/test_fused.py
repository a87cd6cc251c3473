"""Fused pairs against plain enumeration of all they could be, on tiny problems; and what is printed of them."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import sata
from sata.cli import main
from sata.search.again import holds
from sata.search.codec import data_of, value_of
from sata.search.fused import FusedSearch
from sata.search.fused_space import Choice, kinds_of, pairs_of
from sata.search.groups import GroupTask, solve_group
from sata.search.setting import Setting, setting_of
from sata.search.solve import Answer
from sata.search.workload import tasks_of, units_of
from sata.search.write import mapping_text
from sata.specs import SpecError

PROBLEMS = int(os.environ.get("SATA_FUSED_PROBLEMS", "12"))

WORKLOADS = (
    ({"k": 2, "c": 2, "t": 2}, {"k": 2, "t": 2}, "X[t,k] += W[k,c] * S[t,c]", "Y[t,k], U[k] = lif(X[t,k])"),
    ({"k": 2, "c": 2}, {"k": 2, "m": 2}, "X[k] += W[k,c] * S[c]", "Y[m] += X[k] * Z[k,m]"),
    ({"k": 2, "c": 3}, {"k": 2}, "X[k] += W[k,c] * S[c]", "Y[k] = lif(X[k])"),
)


def random_pair(rng: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    first, second, one, two = rng.choice(WORKLOADS)
    kinds = ["W", "S", "X", "Y", "U", "Z"]
    ops = []
    for name, ranks, compute, action in (("a", first, one, "mac"), ("b", second, two, "fire")):
        used = [n for n in kinds if f"{n}[" in compute]
        op: dict[str, Any] = {"name": f"l.{name}", "layer": "l", "stage": "forward", "action": action, "ranks": ranks,
                              "compute": compute, "tensors": {n: {"kind": f"k{n}"} for n in used}}  # fmt: skip
        if "U[" in compute:
            op["sequential"] = ["t"]
        ops.append(op)
    bits = {f"k{n}": rng.choice([1, 8, 16]) for n in kinds if any(n in op["tensors"] for op in ops)}
    workload = {"workload": {"name": "pair", "kinds": list(bits), "bits": bits, "ops": ops}}
    every = list(bits)
    inner = [k for k in every if k == "kX" or rng.random() < 0.25]
    nodes: list[dict[str, Any]] = [
        {"memory": "M0", "class": "dram", "bandwidth": {"read": f"{rng.choice([2, 8])} b/cycle", "write": "4 b/cycle"}},
        {"memory": "M1", "class": "sram", "size": f"{rng.choice([16, 24, 32, 64])} b", "may_keep": inner,
         "buffers": rng.choice([1, 2])},
    ]  # fmt: skip
    if rng.random() < 0.5:
        nodes[1]["bandwidth"] = {"read": "8 b/cycle", "write": "8 b/cycle"}
    if rng.random() < 0.6:
        nodes.insert(rng.choice([1, 2]), {"array": "A", "shape": {"x": 2}, "multicast": "tile", "reduce": False})
    nodes.append({"compute": "PE", "class": "pe"})
    leak = rng.choice([0, 0.01, 1])
    components = [
        {"class": c, "energy": {"read": f"{e} pJ", "write": f"{e + 1} pJ"}, "area": "0 um2", "leakage": f"{leak} mW"}
        for c, e in (("dram", rng.choice([20, 100])), ("sram", 3))
    ]
    components.append({"class": "pe", "energy": {"mac": "1 pJ", "fire": "2 pJ"}, "area": "0 um2", "leakage": "0 mW"})
    arch = {"name": "tiny", "clock": "100 MHz", "libraries": ["tiny_lib"], "nodes": nodes}
    return {"arch": arch, "library": {"name": "tiny_lib", "source": "made up", "components": components}}, workload


# --- plain enumeration, of mappings as text ---------------------------------------------------------------------------

Loops = tuple[tuple[str, int], ...]


def splits(bounds: dict[str, int], places: int) -> Iterator[tuple[dict[str, int], ...]]:
    """Exact factors of every rank in so many places."""

    def of(bound: int, n: int) -> Iterator[tuple[int, ...]]:
        if n == 1:
            yield (bound,)
            return
        for f in range(1, bound + 1):
            if bound % f == 0:
                for rest in of(bound // f, n - 1):
                    yield (f, *rest)

    for chosen in product(*(list(of(b, places)) for b in bounds.values())):
        yield tuple({r: own[p] for r, own in zip(bounds, chosen, strict=True)} for p in range(places))


def orders(factors: dict[str, int]) -> Iterator[Loops]:
    """Every order of loops (bounds here are primes: a rank is looped over once)."""
    yield from permutations([(r, f) for r, f in factors.items() if f > 1])


def mappings(arch: dict[str, Any], workload: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Every fused mapping with X at home in M1, legal or not."""
    one, two = workload["workload"]["ops"]
    nodes = arch["arch"]["nodes"]
    at = next(n for n, node in enumerate(nodes) if node.get("memory") == "M1")
    outer, inner = nodes[:at], nodes[at + 1 :]
    may = [k[1:] for k in nodes[at]["may_keep"]]
    free = [t for t in {**one["tensors"], **two["tensors"]} if t in may and t != "X"]
    states = [t for t in free if t == "U"]
    for kept in product(*[(False, True)] * len(free)):
        m1 = ["X", *(t for t, k in zip(free, kept, strict=True) if k)]
        for away in product(*[(False, True)] * len(states)):
            gone = ["X", *(t for t, g in zip(states, away, strict=True) if g and t in m1)]
            if sum(away) + 1 != len(gone):
                continue
            m0 = [t for t in {**one["tensors"], **two["tensors"]} if t not in gone]
            for above, left in cut(one["ranks"], two["ranks"], outer):
                head = written(outer, above, {"M0": m0, "M1": m1})
                ways = [list(inside(inner, rest)) for rest in left]
                for a, b in product(*ways):
                    yield [*head, {"memory": "M1", "keep": m1}, {"split": [a, b]}]


def cut(one: dict[str, int], two: dict[str, int], outer: list[dict[str, Any]]) -> Iterator[tuple[Any, Any]]:
    """(loops in each place above the split: an order below every node, and lanes), what is left of both ops."""
    common = {r: b for r, b in one.items() if two.get(r) == b}
    places = len(outer) + sum("array" in n for n in outer)
    for chosen in splits(common, places + 1):
        left = [{**ranks, **chosen[-1]} for ranks in (one, two)]
        for above in product(*(list(orders(c)) for c in chosen[:-1])):
            yield above, left


def inside(inner: list[dict[str, Any]], left: dict[str, int]) -> Iterator[list[dict[str, Any]]]:
    """The way of one op below M1."""
    places = 1 + len(inner) - 1 + sum("array" in n for n in inner)
    for chosen in splits(left, places):
        for loops in product(*(list(orders(c)) for c in chosen)):
            head = [{"for": text(loops[0])}] if loops[0] else []
            yield [*head, *written(inner, loops[1:], {})]


def written(nodes: list[dict[str, Any]], loops: Any, keeps: dict[str, list[str]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    rest = list(loops)
    for node in nodes:
        if "compute" in node:
            found.append({"compute": node["compute"]})
            continue
        if "array" in node:
            lanes = rest.pop(0)
            found += [{"array": node["array"], "x": text(lanes)}] if lanes else []
        else:
            found.append({"memory": node["memory"], "keep": keeps[node["memory"]]})
        own = rest.pop(0)
        found += [{"for": text(own)}] if own else []
    return found


def text(loops: Loops) -> str:
    return ", ".join(f"{r} {f}" for r, f in loops)


def enumerated(arch: dict[str, Any], workload: dict[str, Any]) -> list[tuple[float, float]]:
    found = []
    for nest in mappings(arch, workload):
        try:
            ran = sata.evaluate(arch, workload, {"mapping": [{"ops": ["l.a", "l.b"], "nest": nest}]})
        except SpecError:
            continue
        found.append((ran.energy_pj(), sum(op["cycles"] for op in ran.ops)))
    return found


def small_problem(seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    rng = random.Random(seed)
    while True:
        arch, workload = random_pair(rng)
        number = sum(1 for _ in zip(range(1501), mappings(arch, workload), strict=False))
        if number <= 1500:
            return arch, workload


def group(setting: Setting, objective: str) -> GroupTask:
    tasks, _ = tasks_of(setting, units_of(setting, setting.workload.ops, fuse=True), objective, (), ragged=False)
    assert len(tasks) == 1
    assert isinstance(tasks[0], GroupTask)
    return tasks[0]


def figures(arch: Any, workload: Any, setting: Setting, answer: Answer) -> None:
    """A run of the mapping that is written has the figures of the answer, to the last bit."""
    answers = {op.name: m for op, m in zip(setting.workload.ops, answer.members, strict=True)}
    ran = sata.evaluate(arch, workload, mapping_text(answers, setting.arch, ["test"]))
    energy = ran.energy_pj(by=("op",))
    for op in ran.ops:
        point = answers[op["op"]].points[0]
        assert energy[op["op"],] == point.energy_pj
        assert op["cycles"] == point.cycles
        assert op["group"] == ("l.a+l.b" if answer.fusion and answer.fusion.split else op["op"])


@pytest.mark.parametrize("seed", range(PROBLEMS))
def test_against_plain_enumeration(seed: int) -> None:
    """Nothing is below the bounds, nothing proven is beaten, nothing found is worse than apart, and it runs."""
    arch, workload = small_problem(seed)
    setting = setting_of(arch, workload)
    points = enumerated(arch, workload)
    for n, objective in enumerate(("energy", "cycles")):
        answer = solve_group(group(setting, objective))
        fusion = answer.fusion
        assert fusion is not None
        best = min((p[n] for p in points), default=float("inf"))
        assert fusion.fused <= best * (1 + 1e-9)
        assert fusion.bound <= min(best, fusion.apart) * (1 + 1e-9)
        assert fusion.value <= fusion.apart
        if fusion.split:
            assert fusion.value >= best * (1 - 1e-9)
        if fusion.proven:
            assert fusion.value == pytest.approx(min(best, fusion.apart), rel=1e-9)
        assert value_of(Answer, data_of(answer)) == answer
        if answer.points:
            figures(arch, workload, setting, answer)


def test_pairs_come_from_the_workload() -> None:
    """What passes is taken by nobody else, and an op is in one pair."""
    setting = setting_of("arch/sata.yaml", "workloads/vgg5_cifar10.yaml")
    names = [(a.name, b.name) for a, b in pairs_of(setting.workload)]
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
        setting = setting_of(arch, workload)
        task = group(setting, "energy")
        answer = solve_group(task)
        if answer.fusion is not None and answer.fusion.split:
            return arch, workload, task, answer
    raise AssertionError("none of them is best fused")


def test_an_answer_from_elsewhere_is_scored_again(fused: tuple[Any, Any, GroupTask, Answer]) -> None:
    *_, task, answer = fused
    assert holds(task, answer)
    wrong = replace(answer.members[0].points[0], energy_pj=answer.members[0].points[0].energy_pj * 0.5)
    members = (replace(answer.members[0], points=(wrong,)), answer.members[1])
    assert not holds(task, replace(answer, members=members))
    assert answer.fusion is not None
    assert not holds(task, replace(answer, fusion=replace(answer.fusion, split="M0")))


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
    assert texts[0] == texts[1] == texts[2]
    assert len(yaml.safe_load(texts[0])["mapping"]) == 1
    assert len(yaml.safe_load(texts[3])["mapping"]) == 2
    assert sata.evaluate(arch, workload, texts[0]).energy_pj() == pytest.approx(answer.points[0].energy_pj, rel=1e-12)
    assert sata.evaluate(arch, workload, texts[3]).energy_pj() > answer.points[0].energy_pj


def test_better_than_the_shipped_mapping() -> None:
    """Forward and fire of VGG5's second layer, from guesses alone."""
    setting = setting_of("arch/sata.yaml", "workloads/vgg5_cifar10.yaml")
    pair = next(p for p in pairs_of(setting.workload) if p[0].name == "conv2.forward")
    search = FusedSearch(Choice(pair, setting.arch, setting.machine), "energy", 969.2e6, lambda: False)
    kinds = [k for k in kinds_of(search.choice) if k.home == "acc_reg"]
    for kind in kinds:
        search._guess(kind)
    assert search.pair is not None
    assert search.pair.energy_pj < 900e6
    shipped = sata.evaluate("arch/sata.yaml", "workloads/vgg5_cifar10.yaml", ops="conv2.f*").energy_pj()
    assert search.pair.energy_pj < shipped
