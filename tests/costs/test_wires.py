"""Wires by hand: the tree of a word, who receives it, and that every record is a count times a price."""

from __future__ import annotations

import random
from typing import Any

import pytest
import yaml

import sata
from tests.oracle.random_sparse import random_sparse
from tests.oracle.sparse_product import sparse_yaml
from tests.oracle.wires import tree

LIBRARY = """
library:
  name: book
  components:
  - {class: m, energy: {read: 0 pJ, write: 0 pJ}}
  - {class: wire, energy: {deliver: 0 pJ, hop: 1 pJ}}
  - {class: p, energy: {mac: 0 pJ}}
"""
MATRIX = """
workload:
  name: matrix
  bits: {weight: 8, activation: 8, current: 8}
  ops:
  - {name: a, action: mac, ranks: {k: K, m: M}, compute: "Z[m] += A[m] * B[k,m]",
     tensors: {A: {kind: activation}, B: {kind: weight}, Z: {kind: current}}}
"""


def links(shape: str, lanes: str, k: int, m: int, more: str = "", array: str = "multicast: tile") -> dict[str, float]:
    """Links passed, by tensor, of a product of A[m] and B[k,m] below one memory."""
    arch = f"""
arch:
  name: wires
  libraries: [book]
  nodes:
  - {{memory: M, class: m}}
  - {{array: X, shape: {shape}, {array}, hop: wire{more}}}
  - {{compute: P, class: p}}
"""
    workload = MATRIX.replace("K", str(k)).replace(" M}", f" {m}}}")
    mapping = f"mapping:\n- {{ops: a, nest: [{{memory: M}}, {{array: X, {lanes}}}, {{compute: P}}]}}\n"
    result = sata.evaluate(arch + LIBRARY, workload, mapping)
    return {r["tensor"]: r["count"] for r in result.records if r["action"] == "hop"}


def test_a_line_of_four() -> None:
    """A is shared and Z added up: 4 links each. A word of B passes 1, 2, 3 or 4."""
    assert links("{x: 4}", "x: k 4", 4, 1, array="reduce: true") == {"A": 4, "B": 10, "Z": 4}


def test_a_trunk_and_its_branches() -> None:
    """All lanes of 2 x 3: one link in, 2 along the trunk y, 1 from each of its 3 places; along x 1, and 2 from each."""
    assert links("{x: 2, y: 3}", "x: k 2, y: k 3", 6, 1, ", trunk: y")["A"] == 1 + 2 + (1 + 1 + 1)
    assert links("{x: 2, y: 3}", "x: k 2, y: k 3", 6, 1)["A"] == 1 + 1 + (2 + 2)
    assert links("{y: 3, x: 2}", "x: k 2, y: k 3", 6, 1)["A"] == 6


def test_one_row_of_lanes() -> None:
    """The four lanes at y 0, 1, 2 of 4 x 3 share a word of A[m]: with the trunk along y the one at y = 2 passes 6 links,
    along x 12."""
    assert links("{x: 4, y: 3}", "x: k 4, y: m 3", 4, 3, ", trunk: y")["A"] == 4 + 5 + 6
    assert links("{x: 4, y: 3}", "x: k 4, y: m 3", 4, 3, ", trunk: x")["A"] == 4 + 8 + 12
    assert len(tree([(2, x) for x in range(4)])) == 6
    assert len(tree([(x, 2) for x in range(4)])) == 12


def test_words_of_one_lane() -> None:
    """1 + x + y each, whatever the trunk is, and where nothing is shared."""
    each = sum(1 + x + y for x in range(2) for y in range(3))
    for more in ("", ", trunk: y"):
        found = links("{x: 2, y: 3}", "x: k 2, y: k 3", 6, 1, more, array="multicast: none, reduce: false")
        assert found == {"A": each, "B": each, "Z": each}


def test_idle_lanes() -> None:
    """5 of 8 places, in two passes of 4 and 1: a sum of the second pass comes from one lane."""
    text = "mapping:\n- {ops: a, nest: [{memory: M}, {for: 'k *'}, {array: X, x: k 4}, {compute: P}]}\n"
    arch = ("arch:\n  name: wires\n  libraries: [book]\n  nodes:\n  - {memory: M, class: m}\n"
            "  - {array: X, shape: {x: 8}, reduce: true, hop: wire}\n  - {compute: P, class: p}\n")  # fmt: skip
    result = sata.evaluate(arch + LIBRARY, MATRIX.replace("K", "5").replace(" M}", " 1}"), text)
    found = {(r["tensor"], r["action"]): r["count"] for r in result.records if r["component"] == "X"}
    assert found["A", "hop"] == 4 + 1
    assert found["A", "deliver"] == 5
    assert found["B", "hop"] == 1 + 2 + 3 + 4 + 1
    # Z: 4 lanes and 1 lane give, then the first lane gets the sum of the first pass back
    assert (found["Z", "hop"], found["Z", "deliver"]) == (4 + 1 + 1, 5 + 1)


def test_an_array_without_loops_is_passed_over_one_link() -> None:
    """As one whose loop has a factor of 1: words go to its first lane. One that no operand crosses is not passed."""
    for lanes in ("", ", x: k 1"):
        mapping = ("mapping:\n- {ops: a, nest: [{memory: M}, {for: 'k *'}, {array: X" + lanes + "}, {memory: S},"
                   " {array: Y, y: m 2}, {compute: P}]}\n")  # fmt: skip
        arch = ("arch:\n  name: wires\n  libraries: [book]\n  nodes:\n  - {memory: M, class: m}\n"
                "  - {array: X, shape: {x: 8}, hop: wire}\n  - {memory: S, class: m, keep: [current]}\n"
                "  - {array: Y, shape: {y: 2}, hop: wire}\n  - {compute: P, class: p}\n")  # fmt: skip
        result = sata.evaluate(arch + LIBRARY, MATRIX.replace("K", "3").replace(" M}", " 2}"), mapping)
        found = {(r["component"], r["tensor"], r["action"]): r["count"] for r in result.records if "hop" in r["action"]}
        assert found["X", "A", "hop"] == 6  # 3 steps, 2 elements
        assert found["X", "B", "hop"] == 6
        assert found["X", "Z", "hop"] == 2  # stays in S while k runs
        assert found["Y", "A", "hop"] == 3 * (1 + 2)
        assert found["Y", "Z", "hop"] == 3 * (1 + 2) + 2 * (1 + 2)  # and comes back twice


SPIKES = """
arch:
  name: hop
  libraries: [lib]
  nodes:
  - {memory: src, class: free, EFFECT: {spike: spike}}
  - {array: noc, shape: {x: 8}, hop: link}
  - {memory: synapses, class: free, keep: [weight, current]}
  - {compute: core, class: core, skip: [spike]}
mapping:
- ops: "*"
  nest: [{memory: src}, {for: "t *"}, {array: noc, x: "k 4"}, {memory: synapses}, {for: "k *, c *"}, {compute: core}]
workload:
  name: n
  bits: {weight: 4, spike: 1, current: 16}
  ops:
  - {name: f.forward, action: accumulate, ranks: {t: 5, k: 8, c: 10}, compute: "X[t,k] += W[k,c]*S[t,c]",
     tensors: {W: {kind: weight}, S: {kind: spike, density: 0.25}, X: {kind: current}}}
library:
  name: lib
  components:
  - {class: free, energy: {read: 0 pJ, write: 0 pJ}}
  - {class: link, energy: {deliver: 1 pJ, hop: 0.1 pJ, gated_hop: 0.01 pJ}}
  - {class: core, energy: {accumulate: 0 pJ}}
"""


@pytest.mark.parametrize("effect", ["skip", "gate"])
def test_what_a_rule_keeps_back_does_not_travel(effect: str) -> None:
    """100 spikes of 400 are delivered, in 25 words that pass 4 links each: 100 pJ and 10 pJ. Gated links have a price."""
    result = sata.evaluate(SPIKES.replace("EFFECT", effect))
    mine = [r for r in result.records if r["component"] == "noc" and r["tensor"] == "S"]
    found = {(r["action"], r["outcome"]): r["count"] for r in mine}
    other = "skipped" if effect == "skip" else "gated"
    assert found == {("deliver", "actual"): pytest.approx(100), ("deliver", other): pytest.approx(300),
                     ("hop", "actual"): pytest.approx(100), ("hop", other): pytest.approx(300)}  # fmt: skip
    assert sum(r["energy_pj"] for r in mine) == pytest.approx(110 + (3 if effect == "gate" else 0))


def priced(texts: tuple[str, str, str], rng: random.Random) -> sata.Result:
    """A random case with wires that have a price, and accesses of some width."""
    arch = yaml.safe_load(texts[0])
    for node in arch["arch"]["nodes"]:
        if "array" in node:
            node["hop"] = "wire"
        if "memory" in node and rng.random() < 0.5:
            node |= {"width": f"{rng.choice([4, 16, 24])} b", "packed": rng.random() < 0.5}
    arch["arch"]["libraries"] = ["some"]
    arch["arch"]["clock"] = "1 GHz"
    classes = [{"class": c, "energy": {"read": f"{rng.random():.3f} pJ", "write": f"{rng.random():.3f} pJ",
                                       "gated_read": "0.01 pJ"}, "leakage": "0.3 mW"}
               for c in ("dram", "sram", "regfile")]  # fmt: skip
    classes += [{"class": "mac", "energy": {"multiply_accumulate": "0.7 pJ", "gated_multiply_accumulate": "0.1 pJ"}},
                {"class": "wire", "energy": {"deliver": "0.3 pJ", "hop": "0.07 pJ", "gated_hop": "0.01 pJ"}}]  # fmt: skip
    library: dict[str, Any] = {"library": {"name": "some", "components": classes}}
    return sata.evaluate(arch | library, *texts[1:])


@pytest.mark.parametrize("block", range(4))
def test_every_record_is_a_count_times_a_price(block: int) -> None:
    seen: set[str] = set()
    for seed in range(block * 15, block * 15 + 15):
        rng = random.Random(seed)
        for r in priced(sparse_yaml(random_sparse(rng, idle=False)), rng).records:
            assert r["count"] * r["price_pj"] == pytest.approx(r["energy_pj"], rel=1e-12)
            seen.add(f"{r['action']} {r['outcome']}")
    assert {"deliver actual", "hop actual", "hop skipped", "read actual", "leak actual"} <= seen


def test_what_a_rule_keeps_back_fills_no_port() -> None:
    """Tiles of one spike of 8 b through a port of 1 b a cycle, one buffer: each of the 4 steps waits for its tile, 4 x 8
    cycles and 4 of the compute. A quarter of the spikes is there: 4 x 0.25 x 8 cycles, and one operation is left."""
    text = """
arch:
  name: ports
  libraries: [lib]
  nodes:
  - {memory: far, class: free, RULE keep: [spike, current]}
  - {memory: near, class: free, keep: [spike], bandwidth: {write: 1 b/cycle}, buffers: 1}
  - {compute: core, class: core}
mapping:
- {ops: "*", nest: [{memory: far}, {for: "t *"}, {memory: near}, {compute: core}]}
workload:
  name: n
  bits: {spike: 8, current: 16}
  ops:
  - {name: f, action: accumulate, ranks: {t: 4}, compute: "X[t] += S[t]",
     tensors: {S: {kind: spike, density: 0.25}, X: {kind: current}}}
library:
  name: lib
  components:
  - {class: free, energy: {read: 0 pJ, write: 0 pJ}}
  - {class: core, energy: {accumulate: 0 pJ}}
"""
    dense = sata.evaluate(text.replace("RULE", ""))
    sparse = sata.evaluate(text.replace("RULE", "skip: {spike: spike},"))
    assert (dense.cycles, sparse.cycles) == (pytest.approx(4 * 8 + 4), pytest.approx(8 + 1))
