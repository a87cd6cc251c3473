"""Legal is what gives the same numbers: random fused groups, recurrent ones too, run turn by turn and op by op."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sata.nest.build import build
from sata.specs import load
from sata.specs.text.faults import Faults
from tests.graph.execute import Action, Loop, Ref, Store, equal, fused, in_order

CASES = int(os.environ.get("SATA_FUSED_CASES", "150"))  # of each family; the long form: 5000
ARCH = {
    "arch": {
        "name": "a",
        "nodes": [
            {"memory": "DRAM", "class": "m"},
            {"array": "A", "shape": {"x": 64}},
            {"array": "B", "shape": {"x": 64}},
            {"compute": "PE", "class": "pe"},
        ],
    }
}
T, K = 4, 4


def ref(name: str, *dims: tuple[str, int, int]) -> Ref:
    """dims: (rank, offset, size)."""
    return Ref(name, tuple((((rank, 1),), offset) for rank, offset, _ in dims), tuple(size for *_, size in dims))


def forward(rng: random.Random) -> list[list[Action]]:
    """Blocks of ops in the order in which they run: a layer with neurons, perhaps recurrent, and a reader of its spikes.
    Blocks of several ops are cycles."""
    bound = rng.choice([4, 4, 4, 5])
    tk, more = {"t": T, "k": bound}, {"X": {"initialised": True}}
    x, weights = ref("X", ("t", 0, T), ("k", 0, bound)), ref("V", ("k", 0, bound), ("c", 0, bound))
    given = ref("W", ("k", 0, bound), ("c", 0, 2)), ref("I", ("t", 0, T), ("c", 0, 2))
    ff = Action("h.ff", "sum", {**tk, "c": 2}, x, given)
    fire = Action("h.fire", "scan", tk, ref("S", ("t", 0, T), ("k", 0, bound)), (x,), ref("U", ("k", 0, bound)))
    mid = Action("h.mid", "map", tk, ref("Y", ("t", 0, T), ("k", 0, bound)), (ref("S", ("t", 0, T), ("k", 0, bound)),))

    def rec(source: str, steps: int, rank: str) -> Action:
        ranks = {**tk, rank: bound}
        own = weights if rank == "c" else ref("V", ("k", 0, bound))
        return Action("h.rec", "sum", ranks, x, (own, ref(source, ("t", -steps, T), (rank, 0, bound))), more=more)

    turning = {
        "none": [fire],
        "all": [rec("S", rng.choice([1, 1, 2]), "c"), fire],  # every neuron listens to all
        "self": [rec("S", rng.choice([1, 2, 3]), "k"), fire],
        "between": [rec("Y", 1, "c"), fire, mid],
    }[rng.choice(["none", "all", "all", "self", "between"])]
    return [[ff], turning, *reader(rng, turning[-1].output.name, bound)]


def reader(rng: random.Random, source: str, bound: int) -> list[list[Action]]:
    """Perhaps an op that reads a step before, the same or a later one, of the same neuron or another."""
    if rng.random() < 0.4:
        return []
    rank = rng.choice("kc")
    ranks, taken = {"t": T, rank: bound}, ref(source, ("t", rng.choice([0, 0, -1, 1]), T), (rank, 0, bound))
    if rng.random() < 0.5:
        return [[Action("h.out", "map", ranks, ref("Z", ("t", 0, T), (rank, 0, bound)), (taken,))]]
    return [[Action("h.out", "sum", ranks, ref("Z", rng.choice([("t", 0, T), (rank, 0, bound)])), (taken,))]]


def backward(rng: random.Random) -> list[list[Action]]:
    """The backward pass of a recurrent layer: t from the end."""
    tk, kk = {"t": T, "k": K}, (("k", 0, K), ("c", 0, K))
    ds = ref("D", ("t", 0, T), ("k", 0, K))
    loss = Action("h.loss", "sum", tk, ds, (ref("L", ("t", 0, T), ("k", 0, K)),))
    du = ref("E", ("t", 0, T), ("k", 0, K))
    grad = Action("h.grad", "scan", tk, du, (ds,), ref("G", ("k", 0, K)), down=True)
    steps = rng.choice([1, 1, 2])
    back = Action("h.back", "sum", {**tk, "c": K}, ref("D", ("t", -steps, T), ("c", 0, K)), (ref("V", *kk), du),
                  more={"D": {"initialised": True}})  # fmt: skip
    weight = Action("h.weight", "sum", {**tk, "c": K}, ref("M", *kk), (du, ref("S", ("t", -1, T), ("c", 0, K))))
    return [[loss], [grad, back], [weight]]


def windows(rng: random.Random) -> list[list[Action]]:
    """A convolution, neurons, and something that reads windows of them, or adds up into windows."""
    size, tp = 4, {"t": 3, "p": 4}
    x = ref("X", ("t", 0, 3), ("p", 0, size))
    sliding = Ref("I", (((("t", 1),), 0), ((("p", 1), ("r", 1)), -1)), (3, size))
    conv = Action("h.conv", "sum", {**tp, "r": 3}, x, (ref("W", ("r", 0, 3)), sliding))
    fire = Action("h.fire", "scan", tp, ref("S", ("t", 0, 3), ("p", 0, size)), (x,), ref("U", ("p", 0, size)))
    step, width = rng.choice([(1, 2), (2, 2), (1, 1), (2, 1)])
    taken = Ref("S", (((("t", 1),), 0), ((("p", step), ("r", 1)), rng.choice([0, 0, -1]))), (3, size))
    ranks = {"t": 3, "p": 4 if step == 1 else 2, "r": width}
    if rng.random() < 0.5:
        return [[conv], [fire], [Action("h.out", "sum", ranks, ref("Z", ("t", 0, 3), ("p", 0, ranks["p"])), (taken,))]]
    spread = Ref("Z", taken.index, (3, size))
    gives = Action("h.out", "sum", ranks, spread, (ref("S", ("t", 0, 3), ("p", 0, size)),))
    last = Action("h.last", "map", tp, ref("Q", ("t", 0, 3), ("p", 0, size)), (ref("Z", ("t", 0, 3), ("p", 0, size)),))
    same = {"t": 3, "p": size, "r": width}
    reads = Action("h.same", "sum", same, ref("Q", ("t", 0, 3), ("p", 0, size)), (Ref("Z", taken.index, (3, size)),))
    return [[conv], [fire], [gives], [rng.choice([last, reads])]]


def splits(rng: random.Random, bound: int) -> list[int]:
    """Factors of a rank, outermost first; of two the first may leave the second a rest."""
    if bound == 1:
        return []
    first = rng.choice([f for f in range(2, bound + 1) if -(-bound // -(-bound // f)) == f])
    return [first, *splits(rng, -(-bound // first))]


def nest(rng: random.Random, group: Sequence[Action]) -> tuple[list[Loop], list[list[Loop]]]:
    """(shared loops, own loops of each op) of a group: the outer loops of ranks that all have are shared or not, in any
    order, some of them in lanes."""
    common = [r for r in group[0].ranks if all(r in op.ranks for op in group)]
    shared: list[Loop] = []
    below: list[dict[str, list[int]]] = [{} for _ in group]
    for rank in common:
        bounds = {op.ranks[rank] for op in group}
        factors = splits(rng, min(bounds))
        above = rng.choice([0, 0, 1, len(factors), len(factors)]) if rng.random() < 0.9 else 0
        stride = -(-min(bounds) // factors[0]) if len(bounds) > 1 else 0
        if len(bounds) > 1 and (above != 1 or any(-(-b // factors[0]) * factors[0] != b for b in bounds)):
            above = 0
        del stride
        shared += [(rank, f, False) for f in factors[:above]]
        for own, op in zip(below, group, strict=True):
            rest = factors[above:]
            if len(bounds) > 1:
                left = op.ranks[rank] // factors[0] if above else op.ranks[rank]
                rest = splits(rng, left) if left > 1 else []
            own[rank] = rest
    order = rng.sample(range(len(shared)), len(shared))
    shared = _in_turn(shared, order)
    if shared and rng.random() < 0.3:
        n = rng.randrange(len(shared))
        shared[n] = (shared[n][0], shared[n][1], shared[n][0] != "t")
    own_loops = []
    for own, op in zip(below, group, strict=True):
        each = [
            (r, f, False) for r in op.ranks for f in own.get(r, splits(rng, op.ranks[r]) if op.ranks[r] > 1 else [])
        ]
        own_loops.append(_in_turn(each, rng.sample(range(len(each)), len(each))))
    return shared, own_loops


def _in_turn(loops: list[Loop], order: Sequence[int]) -> list[Loop]:
    """Loops in another order, those of one rank in the order they had: the outer one leaves the rest."""
    queue = {rank: [loop for loop in loops if loop[0] == rank] for rank, *_ in loops}
    return [queue[loops[n][0]].pop(0) for n in order]


def nodes(loops: Sequence[Loop]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for rank, factor, lanes in loops:
        found.append({"array": "A", "x": f"{rank} {factor}"} if lanes else {"for": f"{rank} {factor}"})
    return found


def faults_of(
    ops: Sequence[Action], group: Sequence[Action], shared: Sequence[Loop], own: Sequence[Sequence[Loop]]
) -> list[str]:
    """What the program says of a group; the other ops have nests of their own."""
    split = [[*nodes(loops), {"compute": "PE"}] for loops in own]
    entries: list[dict[str, Any]] = [
        {"ops": [op.name for op in group], "nest": [{"memory": "DRAM"}, *nodes(shared), {"split": split}]}
    ]
    inside = {op.name for op in group}
    for op in ops:
        if op.name not in inside:
            every = ", ".join(f"{r} *" for r in op.ranks)
            entries.append({"ops": op.name, "nest": [{"memory": "DRAM"}, {"for": every}, {"compute": "PE"}]})
    loaded = load(ARCH, {"workload": {"bits": {"current": 16}, "ops": [op.data() for op in ops]}}, {"mapping": entries})
    assert loaded.arch and loaded.workload and loaded.mapping
    faults = Faults()
    build(loaded.arch, loaded.workload, loaded.mapping, faults)
    return [fault.message for fault in faults]


def inputs(rng: random.Random, ops: Sequence[Action]) -> Store:
    store: Store = {}
    made = {op.output.name for op in ops}
    for op in ops:
        for r in op.inputs:
            if r.name not in made:
                for n in range(r.shape[0]):
                    for m in range(r.shape[1] if len(r.shape) > 1 else 1):
                        store.setdefault((r.name, (n, m)[: len(r.shape)]), rng.uniform(-1, 1))
    return store


def same_numbers(blocks: Sequence[Sequence[Action]], group: Sequence[Action], shared: Sequence[Loop],
                 own: Sequence[Sequence[Loop]], store: Store) -> bool:  # fmt: skip
    """Whether the program with the fused nest gives what its ops give in order. The group runs where its first op would,
    behind all that is not in it and must be before."""
    right = dict(store)
    in_order(blocks, right)
    inside = {op.name for op in group}
    for back in (False, True):
        found, done = dict(store), False
        for block in blocks:
            rest = [op for op in block if op.name not in inside]
            if len(rest) == len(block):
                in_order([block], found)
            elif not done:
                fused(group, shared, own, found, back)
                done = True
        if not equal(right, found):
            return False
    return True


def case(rng: random.Random, family: Callable[[random.Random], list[list[Action]]]) -> tuple[bool, bool, list[str]]:
    """(refused?, the same numbers?, messages) of a random group: neighbours in the order in which they run, a cycle as a
    whole, the members of the split sometimes in another order."""
    blocks = family(rng)
    ops = [op for block in blocks for op in block]
    first = rng.randrange(len(blocks))
    last = rng.randrange(first, len(blocks))
    if sum(len(block) for block in blocks[first : last + 1]) == 1:
        first, last = 0, len(blocks) - 1
    group = [op for block in blocks[first : last + 1] for op in block]
    if rng.random() < 0.2:
        rng.shuffle(group)
    shared, own = nest(rng, group)
    said = faults_of(ops, group, shared, own)
    return bool(said), same_numbers(blocks, group, shared, own, inputs(rng, ops)), said


@pytest.mark.parametrize("family", [forward, backward])
def test_legal_is_what_gives_the_same_numbers(family: Callable[[random.Random], list[list[Action]]]) -> None:
    rng = random.Random(family.__name__)
    seen: Counter[tuple[bool, bool]] = Counter()
    for _ in range(CASES):
        refused, same, said = case(rng, family)
        assert refused or same, "a nest is accepted that changes the numbers"
        assert not (refused and same) or all(map(conservative, said)), said
        seen[refused, same] += 1
    assert seen[False, True] > CASES // 8  # both happen
    assert seen[True, False] > CASES // 8
    assert seen[True, True] < CASES // 8


def conservative(said: str) -> bool:
    """Refused although nothing goes wrong: sums that add to one tensor in another order (docs/mapping.md)."""
    return "adds to what" in said


def test_windows_change_no_number_either() -> None:
    """Over windows more is refused than must be: a loop over elements that the two ops index otherwise."""
    rng = random.Random(7)
    seen: Counter[tuple[bool, bool]] = Counter()
    for _ in range(CASES):
        refused, same, said = case(rng, windows)
        assert refused or same, "a nest is accepted that changes the numbers"
        if refused and same:
            assert any("takes other elements" in m or "adds to what" in m for m in said), said
        seen[refused, same] += 1
    assert min(seen[False, True], seen[True, False]) > CASES // 8
