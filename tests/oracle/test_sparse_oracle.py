"""The sparse oracle against small examples worked out by hand, and against laws that hold for every case."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest

from .averages import average, cells, draw_tensor, draw_uniform, drawer
from .brute import count
from .expected import expected
from .problem import Dim, Node, Problem, Tensor
from .random_sparse import Case, random_sparse
from .sparse import EVENTS, OUTCOMES, Rule, Sparsity, Walk, count_sparse

VARIANTS: list[dict[str, Any]] = [
    {},
    {"inner_homes": True},
    {"negative": True, "idle": False},
    {"outputs_lead": True},
    {"sharing": False},
]


def plain(name: str, role: str, **ranks: int) -> Tensor:
    """Return a tensor with one dimension per rank."""
    return Tensor(name, role, tuple(Dim({rank: 1}, 0, bound) for rank, bound in ranks.items()))


def window(name: str, size: int, offset: int = 0) -> Tensor:
    """Return an input indexed by p + r."""
    return Tensor(name, "input", (Dim({"p": 1, "r": 1}, offset, size),))


def split(actual: int = 0, gated: int = 0, skipped: int = 0) -> dict[str, int]:
    """Return an outcome."""
    return {"actual": actual, "gated": gated, "skipped": skipped}


def happened(problem: Problem, sparsity: Sparsity, **values: Any) -> dict[Any, Any]:
    """Return (memory, tensor, event) -> outcome for all that has a dense count, and "computes"."""
    result = count_sparse(problem, sparsity, {name: np.array(v) for name, v in values.items()})
    rows = {(*key, e): row[e] for key, row in result["counts"].items() for e in EVENTS if any(row[e].values())}
    return rows | {"computes": result["computes"]}


def matvec(nest: tuple[Node, ...], m: int, k: int) -> Problem:
    """Return Z[m] += A[m,k] * W[k]."""
    tensors = (plain("A", "input", m=m, k=k), plain("W", "input", k=k), plain("Z", "output", m=m))
    return Problem({"m": m, "k": k}, tensors, nest)


ALL = ("A", "W", "Z")


def test_next_to_the_compute() -> None:
    """One memory, point by point. A has two non-zeros among the six points; W is zero at k = 2.

    W moves where A is not zero: 2 of 6. Of these two points, (0,0) has W = 1 and (1,2) has W = 0: gated at the
    compute, which moves no less for it. Z moves as ever: 6 writes, and old values but for the first of each of 2.
    """
    problem = matvec((("memory", "DRAM", ALL), ("loop", "m", 2), ("loop", "k", 3), ("compute",)), 2, 3)
    sparsity = Sparsity((Rule("DRAM", "W", ("A",), "skip"),), gate=("W",))
    assert happened(problem, sparsity, A=[[1, 0, 0], [0, 0, 1]], W=[1, 1, 0]) == {
        ("DRAM", "A", "reads"): split(6),
        ("DRAM", "W", "reads"): split(2, 0, 4),
        ("DRAM", "Z", "updates"): split(6),
        ("DRAM", "Z", "reads"): split(4),
        "computes": split(1, 1, 4),
    }


def test_whole_tiles_and_what_lies_further_in() -> None:
    """W comes to GLB in two steps of two elements; the leader's tiles are A[0:2, 0:2] (empty) and A[0:2, 2:4] (not).

    So 2 of 4 elements come. The 4 operations under the first step do not take place, and read nothing. Of those
    under the second, only (0, 2) has a non-zero A: with a gate at GLB the other 3 reads and operations are gated.
    """
    nest = (("memory", "DRAM", ALL), ("loop", "k", 2), ("memory", "GLB", ("W",)), ("loop", "m", 2), ("loop", "k", 2))
    problem = matvec((*nest, ("compute",)), 2, 4)
    outer, inner = Rule("DRAM", "W", ("A",), "skip"), Rule("GLB", "W", ("A",), "gate")
    values = {"A": [[0, 0, 1, 0], [0, 0, 0, 0]]}
    one = happened(problem, Sparsity((outer,)), **values)
    assert one["DRAM", "W", "reads"] == one["GLB", "W", "fills"] == split(2, 0, 2)
    assert one["GLB", "W", "reads"] == one["computes"] == split(4, 0, 4)
    assert one["DRAM", "A", "reads"] == one["DRAM", "Z", "updates"] == split(8)
    both = happened(problem, Sparsity((inner, outer)), **values)
    assert both["DRAM", "W", "reads"] == both["GLB", "W", "fills"] == split(2, 0, 2)
    assert both["GLB", "W", "reads"] == both["computes"] == split(1, 3, 4)


def test_the_step_at_hand_decides_not_the_one_of_the_arrival() -> None:
    """I slides by one: {0, 1} come for p = 0, then {2} for p = 1. D is zero at p = 0.

    The first two do not come. The two reads under p = 1, of 1 and of 2, happen, though 1 was due under p = 0.
    """
    tensors = (window("I", 3), plain("D", "input", p=2), plain("Z", "output", r=2))
    nest = (("memory", "DRAM", ("I", "D", "Z")), ("loop", "p", 2), ("memory", "GLB", ("I",)), ("loop", "r", 2))
    problem = Problem({"p": 2, "r": 2}, tensors, (*nest, ("compute",)))
    found = happened(problem, Sparsity((Rule("DRAM", "I", ("D",), "skip"),)), D=[0, 1])
    assert found["DRAM", "I", "reads"] == found["GLB", "I", "fills"] == split(1, 0, 2)
    assert found["GLB", "I", "reads"] == found["computes"] == split(2, 0, 2)


@pytest.mark.parametrize(("multicast", "reads"), [("tile", split(2)), ("element", split(2)), ("none", split(2, 0, 2))])
def test_a_shared_read_happens_if_any_child_needs_it(multicast: str, reads: dict[str, int]) -> None:
    """Both lanes take W[0:2]. Lane 0 has only zeros of A and takes nothing; lane 1 needs both elements."""
    nest = (("memory", "DRAM", ALL), ("array", "PE", multicast, True, (("m", 2),)), ("memory", "spad", ("W",)))
    problem = matvec((*nest, ("loop", "k", 2), ("compute",)), 2, 2)
    found = happened(problem, Sparsity((Rule("DRAM", "W", ("A",), "skip"),)), A=[[0, 0], [0, 1]])
    assert found["DRAM", "W", "reads"] == reads
    assert found["spad", "W", "fills"] == split(2, 0, 2)
    assert found["spad", "W", "reads"] == found["computes"] == split(2, 0, 2)


def test_each_leader_has_its_own_union() -> None:
    """Lane 0 has A but not B, lane 1 B but not A. Neither takes W; yet for the two together neither leader is empty."""
    tensors = (plain("A", "input", m=2), plain("B", "input", m=2), plain("W", "input", k=2), plain("Z", "output", m=2))
    nest = (("memory", "DRAM", ("A", "B", "W", "Z")), ("array", "PE", "tile", True, (("m", 2),)))
    problem = Problem({"m": 2, "k": 2}, tensors, (*nest, ("memory", "spad", ("W",)), ("loop", "k", 2), ("compute",)))
    found = happened(problem, Sparsity((Rule("DRAM", "W", ("A", "B"), "skip"),)), A=[1, 0], B=[0, 1])
    assert found["DRAM", "W", "reads"] == split(2)
    assert found["spad", "W", "fills"] == found["computes"] == split(0, 0, 4)


def test_an_element_is_read_for_all_lanes_that_hold_it() -> None:
    """Two lanes with windows of three: {0 1 2} and {1 2 3}, then {2 3 4} and {3 4 5}. D is zero for lane 0 then.

    The second step reads 3, 4 and 5 once each. 3 is new only to lane 0, which does not need it, but lane 1, which
    does, holds it: it is read. Lane 0's two arrivals of that step, 3 and 4, do not come.
    """
    tensors = (window("I", 6), plain("D", "input", p=4), plain("Z", "output", p=4))
    nest: tuple[Node, ...] = (("memory", "DRAM", ("I", "D", "Z")), ("loop", "p", 2))
    nest = (*nest, ("array", "PE", "element", True, (("p", 2),)), ("memory", "spad", ("I",)), ("loop", "r", 3))
    problem = Problem({"p": 4, "r": 3}, tensors, (*nest, ("compute",)))
    rule = Sparsity((Rule("DRAM", "I", ("D",), "skip"),))
    found = happened(problem, rule, D=[1, 1, 0, 1])
    assert found["DRAM", "I", "reads"] == split(7)
    assert found["spad", "I", "fills"] == split(8, 0, 2)
    assert found["spad", "I", "reads"] == found["computes"] == split(9, 0, 3)
    # with D zero for lane 1 instead, 3 (new to lane 0, which needs it) and 4 are read, 5 is not
    assert happened(problem, rule, D=[1, 1, 1, 0])["DRAM", "I", "reads"] == split(6, 0, 1)


@pytest.mark.parametrize(("effect", "lost"), [("gate", split(0, 1)), ("skip", split(0, 0, 1))])
def test_results_that_meet(effect: str, lost: dict[str, int]) -> None:
    """Two lanes write to Z[0], then to Z[1]: 4 writes, the second of each pair with a merge read.

    For Z[0] only lane 0 has a non-zero: one write is lost, and the merge read with it. For Z[1] both write.
    Operations take place as ever: Z is a result. Added up on the way there are two writes, both needed.
    """
    tensors = (plain("A", "input", m=2, k=2), plain("Z", "output", m=2))
    for reduce in (False, True):
        nest = (("memory", "DRAM", ("A", "Z")), ("loop", "m", 2), ("array", "PE", "tile", reduce, (("k", 2),)))
        problem = Problem({"m": 2, "k": 2}, tensors, (*nest, ("compute",)))
        found = happened(problem, Sparsity((Rule("DRAM", "Z", ("A",), effect),)), A=[[1, 0], [1, 1]])
        assert found["computes"] == split(4)
        if reduce:
            assert found["DRAM", "Z", "updates"] == split(2)
            assert ("DRAM", "Z", "merge_reads") not in found
        else:
            assert found["DRAM", "Z", "updates"] == {o: lost[o] + split(3)[o] for o in OUTCOMES}
            assert found["DRAM", "Z", "merge_reads"] == {o: lost[o] + split(1)[o] for o in OUTCOMES}


@pytest.mark.parametrize(
    ("d", "updates", "drains", "returning"),
    [
        # step 0 writes 0, 1, 2: 2 leaves lane 1 only, but lane 0, which has something to add, holds it too
        ([1, 0, 1, 1], split(7), split(8, 0, 2), split(1)),
        ([0, 1, 1, 1], split(6, 0, 1), split(8, 0, 2), split(1)),  # 0 is lane 0's alone
        # step 1 writes 2, 3, 4, 5, 2 for lane 0 alone; 3 arrives at lane 0 again, but lane 1 has held it all along
        ([1, 1, 0, 1], split(6, 0, 1), split(7, 0, 3), split(1)),
        ([1, 1, 0, 0], split(3, 0, 4), split(4, 0, 6), split(0, 0, 1)),
    ],
)
def test_results_of_lanes_that_overlap(
    d: list[int], updates: dict[str, int], drains: dict[str, int], returning: dict[str, int]
) -> None:
    """O[p+r] += D[p] * W[r]: lanes with {0 1 2} and {1 2 3}, then {2 3 4} and {3 4 5}, added up on the way.

    Departures: {0 1} and {1 2}, then everything: 10 drains, 3 + 4 writes. 3 is the one element that comes to a child
    twice. What leaves, or comes back, is decided by all lanes that hold it in the step.
    """
    result = Tensor("O", "output", (Dim({"p": 1, "r": 1}, 0, 6),))
    nest: tuple[Node, ...] = (("memory", "DRAM", ("D", "W", "O")), ("loop", "p", 2))
    nest = (*nest, ("array", "PE", "none", True, (("p", 2),)), ("memory", "spad", ("O",)), ("loop", "r", 3))
    tensors = (plain("D", "input", p=4), plain("W", "input", r=3), result)
    problem = Problem({"p": 4, "r": 3}, tensors, (*nest, ("compute",)))
    found = happened(problem, Sparsity((Rule("DRAM", "O", ("D",), "skip"),)), D=d)
    assert found["DRAM", "O", "updates"] == updates
    assert found["spad", "O", "drains"] == drains
    assert found["DRAM", "O", "reads"] == found["spad", "O", "fills"] == returning
    assert found["computes"] == split(12)


def test_old_values_come_back_for_what_is_needed() -> None:
    """k outside m: Z[0] and Z[1] are written three times, and need their old value for k = 1 and 2.

    A is non-zero at (0,0), (0,2) and (1,2): three writes. Of the old values those for k = 2 are fetched, that of
    Z[1] too: that its first write was lost changes nothing.
    """
    tensors = (plain("A", "input", m=2, k=3), plain("Z", "output", m=2))
    nest = (("memory", "DRAM", ("A", "Z")), ("loop", "k", 3), ("loop", "m", 2), ("compute",))
    problem = Problem({"m": 2, "k": 3}, tensors, nest)
    found = happened(problem, Sparsity((Rule("DRAM", "Z", ("A",), "skip"),)), A=[[1, 0, 1], [0, 0, 1]])
    assert found["DRAM", "Z", "updates"] == split(3, 0, 3)
    assert found["DRAM", "Z", "reads"] == split(2, 0, 2)


def test_what_does_not_exist_is_zero() -> None:
    """I[p+r-1] has 2 elements: of the 6 points, (0,0) and (1,2) lie in the padding."""
    tensors = (window("I", 2, -1), plain("W", "input", r=3), plain("Z", "output", p=2))
    nest = (("memory", "DRAM", ("I", "W", "Z")), ("loop", "p", 2), ("loop", "r", 3), ("compute",))
    problem = Problem({"p": 2, "r": 3}, tensors, nest)
    led = happened(problem, Sparsity((Rule("DRAM", "W", ("I",), "gate"),)))
    assert led["DRAM", "W", "reads"] == led["computes"] == split(4, 2)
    assert led["DRAM", "I", "reads"] == split(4)
    assert happened(problem, Sparsity(skip=("I",)))["computes"] == split(4, 0, 2)


def test_local_tensors_and_the_follower_itself_may_lead() -> None:
    """G[k] is made inside the compute. W[0:2] comes if G[0:2] has a non-zero; A[m, k] by itself, element by element."""
    nest = (("memory", "DRAM", ALL), ("loop", "k", 2), ("memory", "GLB", ("W",)), ("loop", "m", 1), ("loop", "k", 2))
    problem = matvec((*nest, ("compute",)), 1, 4)
    local = (plain("G", "input", k=4),)
    led = Sparsity((Rule("DRAM", "W", ("G",), "skip"), Rule("DRAM", "A", ("A",), "gate")), local=local)
    found = happened(problem, led, G=[0, 1, 0, 0], A=[[1, 0, 1, 0]])
    assert found["DRAM", "W", "reads"] == split(2, 0, 2)
    assert found["DRAM", "A", "reads"] == split(2, 2)
    assert found["computes"] == split(1, 1, 2)


# --- laws, on random cases ----------------------------------------------------------------------------------------


def drawn(number: int, **options: Any) -> list[tuple[Case, dict[str, Any]]]:
    """Return the same random cases every time, each with values."""
    found = []
    for seed in range(number):
        case = random_sparse(random.Random(seed), **options)
        found.append((case, dict(drawer(case.tensors, case.densities)(np.random.default_rng(seed)))))
    return found


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_outcomes_sum_to_the_dense_counts(options: dict[str, Any]) -> None:
    """For every row, event and the computes, with the dense oracle's own numbers."""
    for case, values in drawn(80, **options):
        dense = count(case.problem)
        result = count_sparse(case.problem, case.sparsity, values)
        assert sum(result["computes"].values()) == dense["computes"]
        assert result["counts"].keys() == dense["counts"].keys()
        for key, row in result["counts"].items():
            assert {event: sum(row[event].values()) for event in EVENTS} == {e: dense["counts"][key][e] for e in EVENTS}
            assert all(n >= 0 for event in EVENTS for n in row[event].values())


def test_no_rules_or_nothing_zero_is_dense() -> None:
    """Without rules everything happens, whatever is zero; with rules too if all leaders are there and not zero."""
    whole = 0
    for case, values in drawn(150):
        nothing_lost(count_sparse(case.problem, Sparsity(local=case.sparsity.local), values))
        walk = Walk(case.problem, case.sparsity)
        leaders = {name for rule in case.sparsity.rules for name in rule.leaders}
        leaders |= {*case.sparsity.skip, *case.sparsity.gate}
        if not any(None in walk.elements[name] for name in leaders):
            nothing_lost(walk.outcomes({}))
            whole += 1
    assert whole > 50


def nothing_lost(result: dict[str, Any]) -> None:
    """Every event is actual."""
    assert all(n == 0 for cell, n in cells(result).items() if cell[3] != "actual")


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_an_empty_leader_stops_everything_below(options: dict[str, Any]) -> None:
    """Where a leader is all zeros, nothing of the follower happens on the link of the rule or further in."""
    stopped: Counter[str] = Counter()
    for case, values in drawn(80, **options):
        roles = {t.name: t.role for t in case.problem.tensors}
        for rule in case.sparsity.rules:
            leader = rule.leaders[-1]
            shape = [dim.size for dim in case.tensors[leader].dims]
            result = count_sparse(case.problem, case.sparsity, values | {leader: np.zeros(shape)})
            chain = [case.problem.nest[at][1] for at in case.problem.chain(rule.follower)[:-1]]
            if rule.memory not in chain:
                continue
            above = chain.index(rule.memory)
            rows = [(chain[above], event) for event in ("reads", "updates", "merge_reads")]
            rows += [(memory, event) for memory in chain[above + 1 :] for event in EVENTS]
            for memory, event in rows:
                assert result["counts"][memory, rule.follower][event]["actual"] == 0
                stopped[event] += sum(result["counts"][memory, rule.follower][event].values()) > 0
            assert roles[rule.follower] == "output" or result["computes"]["actual"] == 0
    assert all(stopped[event] > 0 for event in EVENTS), stopped


def test_more_zeros_never_more_actual() -> None:
    """Turning non-zeros into zeros, or adding a rule, can only lose events; and what is skipped stays skipped."""
    fewer = 0
    for number, (case, values) in enumerate(drawn(150)):
        rng = np.random.default_rng(number)
        result = cells(count_sparse(case.problem, case.sparsity, values))
        more_zeros = {name: array * (rng.random(array.shape) < 0.6) for name, array in values.items()}
        some = Sparsity(case.sparsity.rules[:-1], (), case.sparsity.gate, case.sparsity.local)
        pairs = [
            (result, cells(count_sparse(case.problem, case.sparsity, more_zeros))),
            (cells(count_sparse(case.problem, some, values)), result),
        ]
        for before, after in pairs:
            assert all(after[cell] <= n for cell, n in before.items() if cell[3] == "actual")
            assert all(after[cell] >= n for cell, n in before.items() if cell[3] == "skipped")
            fewer += after != before
    assert fewer > 120


def test_ways_to_say_the_same() -> None:
    """A list of leaders is a rule for each; order does not matter; a gate loses what a skip loses, otherwise."""
    for case, values in drawn(120):
        result = cells(count_sparse(case.problem, case.sparsity, values))
        rules, skip, gate, local = (getattr(case.sparsity, f) for f in ("rules", "skip", "gate", "local"))
        single = tuple(Rule(r.memory, r.follower, (leader,), r.effect) for r in rules for leader in r.leaders)
        again = Sparsity(single[::-1], skip[::-1], gate, local)
        assert cells(count_sparse(case.problem, again, values)) == result
        assert cells(count_sparse(case.problem, Sparsity(rules[::-1], skip, gate, local), values)) == result
        gates = tuple(Rule(r.memory, r.follower, r.leaders, "gate") for r in rules)
        gated = cells(count_sparse(case.problem, Sparsity(gates, (), (*skip, *gate), local), values))
        assert all(gated[cell] == n for cell, n in result.items() if cell[3] == "actual")
        assert not any(n for cell, n in gated.items() if cell[3] == "skipped")


def test_same_seed_same_case() -> None:
    """Cases are reproducible, and draws too; other seeds give other draws with the same mean."""
    assert [random_sparse(random.Random(7)) for _ in range(2)] == [random_sparse(random.Random(7))] * 2
    nest = (("memory", "DRAM", ALL), ("loop", "k", 3), ("memory", "GLB", ("W",)), ("loop", "m", 4), ("loop", "k", 2))
    walk = Walk(matvec((*nest, ("compute",)), 4, 6), Sparsity((Rule("DRAM", "W", ("A",), "skip"),)))
    one, same, other = (average(walk, {"A": 0.1}, 400, seed) for seed in (1, 1, 2))
    assert one == same
    assert one.mean != other.mean
    cell = ("DRAM", "W", "reads", "actual")
    # 2.4 non-zeros of 24 in tiles of 8: 6 * (1 - (0.6 C(16,2)/C(24,2) + 0.4 C(16,3)/C(24,3)))
    expected = 6 * (1 - (0.6 * 120 / 276 + 0.4 * 560 / 2024))
    assert all(abs(found.mean[cell] - expected) < 4 * found.error(cell) for found in (one, other))


def test_expectations_by_enumeration() -> None:
    """All placements of 2 or 3 non-zeros among 6 (a density of 0.4), weighed: exactly what is expected.

    Three results meet in a memory per step: zeros of A skip their writes, and gate the reads of A and the operations.
    """
    tensors = (plain("A", "input", m=2, k=3), plain("Z", "output", m=2))
    nest = (("memory", "DRAM", ("A", "Z")), ("loop", "m", 2), ("array", "PE", "tile", False, (("k", 3),)))
    rules = (Rule("DRAM", "Z", ("A",), "skip"), Rule("DRAM", "A", ("A",), "gate"))
    walk = Walk(Problem({"m": 2, "k": 3}, tensors, (*nest, ("compute",))), Sparsity(rules))
    mean: Counter[Any] = Counter()
    for nonzeros, weight in ((2, 0.6), (3, 0.4)):
        placements = list(combinations(range(6), nonzeros))
        for chosen in placements:
            values = np.isin(np.arange(6), chosen).reshape(2, 3)
            for cell, number in cells(walk.outcomes({"A": values})).items():
                mean[cell] += weight * number / len(placements)
    assert expected(walk, {"A": 0.4}) == pytest.approx(dict(mean), abs=1e-12)
    assert mean["DRAM", "Z", "merge_reads", "actual"] > 0


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_expectations_are_the_means_of_draws(options: dict[str, Any]) -> None:
    """Within five standard errors; what no draw showed must be rare."""
    number, off = 150, []
    for seed in range(16):
        case = random_sparse(random.Random(seed), **options)
        walk = Walk(case.problem, case.sparsity)
        exact, found = expected(walk, case.densities), average(walk, case.densities, number, seed)
        assert exact.keys() == found.mean.keys()
        for cell, value in exact.items():
            dense = sum(exact[*cell[:3], outcome] for outcome in OUTCOMES)
            error = found.error(cell) or 6 * dense / number
            off.append(abs(found.mean[cell] - value) / error if error else abs(value))
    assert max(off) < 5
    assert sum(one > 0.1 for one in off) > 10  # there is something to be off


def test_draws() -> None:
    """Exactly so many non-zeros; where that is not whole, floor or ceiling such that the mean is right."""
    rng = np.random.default_rng(0)
    assert {int(draw_uniform((4, 5), 0.25, rng).sum()) for _ in range(50)} == {5}
    sums = Counter(int(draw_uniform((3, 5), 0.25, rng).sum()) for _ in range(2000))  # 3.75
    assert set(sums) == {3, 4}
    assert abs(sums[4] / 2000 - 0.75) < 0.05
    steps = draw_tensor(plain("S", "input", k=4, t=3), (0.0, 0.5, 1.0), rng)
    assert steps.sum(axis=0).tolist() == [0, 2, 4]
    places = np.mean([draw_uniform((2, 3), 0.5, rng) for _ in range(3000)], axis=0)
    assert np.abs(places - 0.5).max() < 0.05


FEATURES = [
    "outer rule",
    "rule between memories",
    "rule at the compute",
    "input follower",
    "output follower",
    "leader is an input",
    "leader is local",
    "leader is the follower",
    "two leaders",
    "two rules on one chain",
    "either",
    "skip and gate",
    "rule where nothing is kept",
    "compute skips",
    "compute gates",
    "per-step density",
    "none",
    "tile",
    "element",
    "reduce",
    "lanes that differ share a read",
    "lanes that differ share a write",
    "merge reads partly lost",
    "old values partly lost",
    "leader in the padding",
    "ragged",
    "computes of all outcomes",
]


def test_random_cases_cover_the_features() -> None:
    """Every feature of the rules occurs often enough to be tested."""
    seen: Counter[str] = Counter()
    for case, values in drawn(400):
        seen.update(features(case, values))
    assert all(seen[feature] >= 10 for feature in FEATURES), {f: seen[f] for f in FEATURES}


def shared(case: Case) -> set[str]:
    """Name the kinds of events that several instances share while only some of them need it."""
    walk = Walk(case.problem, case.sparsity)
    places = {unit: event for _, _, event, unit in walk.events if len(unit.instances) > 1}
    found = set()
    for unit, event in places.items():
        for c in walk.coverings[unit.tensor]:
            where = {instance[: len(c.space)] for instance in unit.instances}
            tiles = [[t.get((unit.step[: len(c.time)], at), set()) for at in where] for t in c.tiles.values()]
            if c.member == unit.member and any(tile != some[0] for some in tiles for tile in some):
                found.add(event)
    return found


def features(case: Case, values: dict[str, Any]) -> set[str]:
    """Name the features a case has."""
    problem, rules = case.problem, case.sparsity.rules
    roles = {t.name: t.role for t in problem.tensors}
    walk = Walk(problem, case.sparsity)
    result = walk.outcomes(values)
    after = Counter(
        len(covering) - 1 - member
        for tensor, of in walk.coverings.items()
        for member, covering in ((c.member, problem.chain(tensor)) for c in of)
    )
    leaders = {name for rule in rules for name in rule.leaders}
    chains = Counter(rule.follower for rule in rules)
    kept = {n[1]: n[2] for n in problem.nest if n[0] == "memory"}
    loops: Counter[str] = Counter(dict.fromkeys(problem.ranks, 1))
    for loop in problem.loops:
        loops[loop.rank] *= loop.factor
    differ = shared(case)

    def partly(event: str) -> bool:
        return any(row[event]["actual"] and sum(row[event].values()) > row[event]["actual"] for row in rows)

    rows = [row for (_, tensor), row in result["counts"].items() if roles[tensor] == "output"]
    has = {
        "outer rule": any(n > 1 for n in after),
        "rule between memories": any(n > 0 for n in after),
        "rule at the compute": after[0] > 0,
        "input follower": any(roles[rule.follower] == "input" for rule in rules),
        "output follower": any(roles[rule.follower] == "output" for rule in rules),
        "leader is an input": any(roles.get(name) == "input" for name in leaders),
        "leader is local": bool(leaders - set(roles)),
        "leader is the follower": any(rule.follower in rule.leaders for rule in rules),
        "two leaders": any(len(rule.leaders) > 1 for rule in rules),
        "two rules on one chain": max(chains.values()) > 1,
        "either": any((a.follower,) == b.leaders and (b.follower,) == a.leaders for a, b in pairwise(rules)),
        "skip and gate": len({rule.effect for rule in rules}) == 2,
        "rule where nothing is kept": any(rule.follower not in kept[rule.memory] for rule in rules),
        "compute skips": bool(case.sparsity.skip),
        "compute gates": bool(case.sparsity.gate),
        "per-step density": any(isinstance(density, tuple) for density in case.densities.values()),
        "reduce": any(n[0] == "array" and n[3] for n in problem.nest),
        "lanes that differ share a read": "reads" in differ,
        "lanes that differ share a write": "updates" in differ,
        "merge reads partly lost": partly("merge_reads"),
        "old values partly lost": partly("reads"),
        "leader in the padding": any(None in walk.elements[name] for name in leaders),
        "ragged": any(loops[rank] > bound for rank, bound in problem.ranks.items()),
        "computes of all outcomes": all(result["computes"].values()),
    }
    return {name for name, there in has.items() if there} | {n[2] for n in problem.nest if n[0] == "array"}
