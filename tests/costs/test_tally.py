"""Energy, time and area of whole runs, by hand: a 4 x 6 x 8 matrix product on small machines."""

from __future__ import annotations

from typing import Any

import pytest

import sata

LIBRARY = """
library:
  name: hand
  source: round numbers
  components:
  - {class: far, energy: {read: 10 pJ, write: 20 pJ}, area: 0 um2, leakage: 0 mW}
  - {class: near, energy: {read: 1 pJ, write: 2 pJ}, area: 5 um2, leakage: 1 mW}
  - {class: pe, energy: {multiply_accumulate: 3 pJ}, cycles: {multiply_accumulate: 2}, area: 7 um2, leakage: 2 mW}
  - {class: wire, energy: {deliver: 0.5 pJ, hop: 0.25 pJ}, area: 1 um2, leakage: 0 mW}
"""

WORKLOAD = """
workload:
  name: product
  bits: {activation: 8, weight: 4, current: 16}
  ops:
  - name: mm
    action: multiply_accumulate
    ranks: {m: 4, n: 6, k: 8}
    compute: "Z[m,n] += A[m,k] * B[k,n]"
    tensors: {A: {kind: activation}, B: {kind: weight}, Z: {kind: current}}
"""


def small(nodes: str, clock: str = "1 GHz") -> str:
    """A machine with its library. nodes: YAML of a list; clock: none if empty."""
    clock = f"\n  clock: {clock}" if clock else ""
    return f"{LIBRARY}\narch:\n  name: small{clock}\n  libraries: [hand]\n  nodes: {nodes}\n"


def spads(number: int, more: str) -> str:
    """Spads side by side, each with a compute. more: keys of a spad."""
    return small(f"""
  - {{memory: DRAM, class: far}}
  - {{array: PEs, shape: {{x: {number}}}}}
  - {{memory: spad, class: near, {more}}}
  - {{compute: PE, class: pe}}
""")


def run(far: str = "", near: str = "", array: str = "", nest: str = "", clock: str = "100 MHz") -> sata.Result:
    arch = small(
        f"""
  - {{memory: DRAM, class: far{far}}}
  - {{array: PEs, shape: {{x: 4}}{array}}}
  - {{memory: spad, class: near, width: 8 b{near}}}
  - {{compute: PE, class: pe}}
""",
        clock,
    )
    nest = (
        nest or "[{memory: DRAM}, {for: 'm *'}, {array: PEs, x: n 3}, {memory: spad}, {for: 'n *, k *'}, {compute: PE}]"
    )
    return sata.evaluate(arch, WORKLOAD, f"mapping:\n- {{ops: mm, nest: {nest}}}\n")


def energy(result: sata.Result, *fields: str) -> dict[Any, float]:
    found: dict[Any, float] = result.energy_pj(by=fields)
    return found


def test_energy_by_hand() -> None:
    """m 4 over DRAM, n 3 in space, n 2 and k 8 in each PE. DRAM has no width: an access is an element.

    A: each of 4 steps brings 8 elements, shared by 3 PEs: 32 reads, 96 fills. B: stays, 48 reads and fills (n apart).
    Z: 24 results leave once. In the spads each of 192 operations reads A and B, and reads and writes Z but the first
    time of 24 elements.
    """
    result = run()
    found = energy(result, "component", "tensor", "action")
    assert found["DRAM", "A", "read"] == 32 * 10
    assert found["DRAM", "B", "read"] == 48 * 10
    assert found["DRAM", "Z", "write"] == 24 * 20
    assert found["spad", "A", "write"] == 96 * 2
    assert found["spad", "A", "read"] == 192 * 1
    assert found["spad", "B", "read"] == 192 * 0.5  # 4 b in accesses of 8 b
    assert found["spad", "Z", "read"] == (192 - 24 + 24) * 2  # 16 b; the last term is drains
    assert found["spad", "Z", "write"] == 192 * 2 * 2
    assert found["PE", "", "multiply_accumulate"] == 192 * 3


def test_unpacked_elements_take_whole_accesses() -> None:
    found = energy(run(near=", packed: false"), "component", "tensor", "action")
    assert found["spad", "B", "read"] == 192 * 1
    assert found["spad", "Z", "write"] == 192 * 2 * 2


def test_time_and_leakage() -> None:
    """64 steps of 2 cycles on 3 of 4 PEs; 128 cycles at 100 MHz; four spads of 1 mW and four PEs of 2 mW leak, used or
    not.
    """
    result = run()
    assert result.cycles == 128
    assert result.seconds == pytest.approx(1.28e-6)
    assert result.ops[0]["bound_by"] == "PE"
    assert result.ops[0]["utilization"] == pytest.approx(192 / (64 * 4))
    found = energy(result, "component", "action")
    assert found["spad", "leak"] == pytest.approx(4 * 1e-3 * 1.28e-6 * 1e12)
    assert found["PE", "leak"] == pytest.approx(4 * 2e-3 * 1.28e-6 * 1e12)
    assert result.area_um2 == 4 * 5 + 4 * 7
    assert result.leakage_mw == 4 * 1 + 4 * 2


def test_bandwidth_bounds() -> None:
    """DRAM reads 32 x 8 b of A and 48 x 4 b of B: 448 b at 2 b a cycle."""
    result = run(far=", bandwidth: {read: 2 b/cycle, write: 64 b/cycle}")
    assert result.cycles == 448 / 2
    assert result.ops[0]["bound_by"] == "DRAM"


def test_shared_bandwidth_carries_both_ways() -> None:
    result = run(far=", bandwidth: {read: 4 b/cycle}, shared_bandwidth: true")
    assert result.cycles == (448 + 24 * 16) / 4


def test_every_instance_has_its_own_bandwidth() -> None:
    """A spad is filled with 32 x 8 b of A, 16 x 4 b of B and takes 64 x 16 b of Z: 1344 b at 8 b a cycle."""
    result = run(near=", bandwidth: {read: 1 KiB/cycle, write: 8 b/cycle}")
    assert result.cycles == (32 * 8 + 16 * 4 + 64 * 16) / 8
    assert result.ops[0]["bound_by"] == "spad"


def test_the_busiest_instance_counts() -> None:
    """n 6 over 4 PEs, two passes, the second with 2: the first PE has two columns, the last one."""
    nest = "[{memory: DRAM}, {for: 'm *, n *'}, {array: PEs, x: n 4}, {memory: spad}, {for: 'k *'}, {compute: PE}]"
    result = run(near=", bandwidth: {read: 1 KiB/cycle, write: 1 b/cycle}", nest=nest)
    writes = (
        2 * (4 * 8 * 4) + 4 * 8 * 8 + 4 * 16 * 16
    )  # B both columns at each m, A once for both, Z: 4 x 2 x 8 updates
    assert result.cycles == writes


def test_the_busiest_instance_has_its_share_of_old_values() -> None:
    """O[k,p] += W[k,r] I[p+r-1], two of k and two of p side by side: a border cuts some windows off, so that instances are
    counted one by one. Each has 4 of the 16 sums: 12 updates, 8 of which read what is there, and 4 drains."""
    near = "keep: [current], size: 16 b, bandwidth: {read: 1 b/cycle, write: 1 b/cycle}"
    arch = spads(4, near)
    workload = """
workload:
  bits: {weight: 8, activation: 8, current: 16}
  ops:
  - {name: conv, action: multiply_accumulate, ranks: {k: 4, p: 4, r: 3}, compute: "O[k,p] += W[k,r] * I[p+r-1]",
     tensors: {O: {kind: current}, W: {kind: weight}, I: {kind: activation, shape: [5]}}}
"""
    nest = (
        "[{memory: DRAM}, {for: 'k 2, p *'}, {array: PEs, x: 'k 2, p 2'}, {memory: spad}, {for: 'r *'}, {compute: PE}]"
    )
    result = sata.evaluate(arch, workload, f"mapping:\n- {{ops: conv, nest: {nest}}}\n")
    assert result.ops[0]["bound_by"] == "spad"
    assert result.cycles == (8 + 4) * 16


def test_each_direction_has_its_own_busiest_instance() -> None:
    """Z[p,k] += A[p+r-1,k] B[2p+r], p over two PEs. Of r the first has 3 in A (a border) and 4 in B, the second 4 and 2.
    Each is read for every k, but B is filled once: the first reads 12 + 16 and writes 12 + 4, the second 16 + 8 and
    16 + 2. So the first moves most in all and reads most, and the second writes most."""
    near = "keep: [activation, weight], size: 1 KiB, bandwidth: {read: 4 b/cycle, write: 1 b/cycle}"
    arch = spads(2, near)
    workload = """
workload:
  bits: {activation: 8, weight: 8, current: 16}
  ops:
  - {name: odd, action: multiply_accumulate, ranks: {p: 2, r: 4, k: 4}, compute: "Z[p,k] += A[p+r-1,k] * B[2*p+r]",
     tensors: {Z: {kind: current}, A: {kind: activation, shape: [5, 4]}, B: {kind: weight, shape: [4]}}}
"""
    nest = "[{memory: DRAM}, {array: PEs, x: p 2}, {memory: spad}, {for: 'r *, k *'}, {compute: PE}]"
    result = sata.evaluate(arch, workload, f"mapping:\n- {{ops: odd, nest: {nest}}}\n")
    assert result.ops[0]["bound_by"] == "spad"
    assert result.cycles == (16 + 2) * 8


def test_buffers_expose_transfers() -> None:
    """Tiles: 8 x 8 b of A, which the three PEs share, come 4 times; 16 x 4 b of B for each stay; 2 x 16 b of Z from each
    leave 4 times. All through one DRAM port of 16 b a cycle each way: 4, 12 and 6 cycles. Each m computes 32 cycles."""
    far = ", bandwidth: {read: 16 b/cycle, write: 16 b/cycle}"
    single, double, stream = (run(far, f", size: 1 KiB, buffers: {n}") for n in (1, 2, "stream"))
    assert stream.cycles == 4 * 32
    assert double.cycles == 4 + 12 + 4 * 32 + 6
    assert single.cycles == 4 + 12 + 4 * 32 + 3 * max(4, 6) + 6
    assert run(far).cycles == stream.cycles  # absent is stream
    assert [r.ops[0]["streams"] for r in (single, double, stream)] == ["", "", "spad"]


def test_what_is_exposed_bounds() -> None:
    """A comes at 1 b a cycle: 64 cycles for each of 4 m of 32 cycles; one buffer hides nothing, two hide 32 thrice."""
    far = ", bandwidth: {read: 64 b/cycle, write: 64 b/cycle}"
    near = ", bandwidth: {read: 1 KiB/cycle, write: 1 b/cycle}, size: 1 KiB, keep: [activation]"
    single, double = (run(far, f"{near}, buffers: {n}") for n in (1, 2))
    assert (single.cycles, single.ops[0]["bound_by"]) == (4 * (64 + 32), "exposed transfers of A at spad")
    assert (double.cycles, double.ops[0]["bound_by"]) == (64 + 3 * 64 + 32, "spad")


def test_wires() -> None:
    """A word that three PEs in a row share passes 3 links; one of its own 1, 2 or 3."""
    result = run(array=", hop: wire")
    found = energy(result, "component", "tensor")
    assert found["PEs", "A"] == 96 * 0.5 + 32 * 3 * 0.25
    assert found["PEs", "B"] == 48 * (0.5 + 2 * 0.25)
    assert found["PEs", "Z"] == 24 * (0.5 + 2 * 0.25)
    assert result.area_um2 == 4 * 5 + 4 * 7 + 4 * 1


def test_without_a_clock_there_is_no_time_and_no_leakage() -> None:
    arch = small("[{memory: DRAM, class: far}, {compute: PE, class: pe}]", clock="")
    nest = "mapping:\n- {ops: mm, nest: [{memory: DRAM}, {for: 'm *, n *, k *'}, {compute: PE}]}\n"
    result = sata.evaluate(arch, WORKLOAD, nest)
    assert result.seconds is None
    assert result.cycles == 384
    assert "leak" not in {r["action"] for r in result.records}


def test_fused_ops_share_what_they_share() -> None:
    """Two ops on one compute add up; each takes its own part of the group's time."""
    workload = """
workload:
  name: two
  timesteps: 2
  bits: {spike: 1, weight: 8, current: 8, potential: 8}
  ops:
  - name: l.forward
    action: multiply_accumulate
    ranks: {t: 2, k: 3, c: 5}
    compute: "X[t,k] += W[k,c] * S[t,c]"
    tensors: {W: {kind: weight}, S: {kind: spike}, X: {kind: current}}
  - name: l.fire
    action: multiply_accumulate
    sequential: [t]
    ranks: {t: 2, k: 3}
    compute: "U[k], Y[t,k] = lif(X[t,k])"
    tensors: {X: {kind: current}, U: {kind: potential}, Y: {kind: spike}}
"""
    arch = small("[{memory: DRAM, class: far}, {memory: spad, class: near}, {compute: PE, class: pe}]")
    nest = """
mapping:
- ops: ["l.forward", "l.fire"]
  nest:
  - {memory: DRAM, bypass: [X]}
  - for: k *
  - {memory: spad, keep: [X]}
  - split: [[{for: 't *, c *'}, {compute: PE}], [{for: t *}, {compute: PE}]]
"""
    result = sata.evaluate(arch, workload, nest)
    assert [op["cycles"] for op in result.ops] == [60, 12]
    assert {op["group"] for op in result.ops} == {"l.forward+l.fire"}
    rows = {(r["op"], r["memory"], r["tensor"]): r for r in result.traffic}
    assert rows["l.forward", "spad", "X"]["updates"] == 30
    assert rows["l.forward", "spad", "X"]["reads"] == 24
    assert rows["l.fire", "spad", "X"]["reads"] == 6
    assert not [r for r in result.traffic if r["memory"] == "DRAM" and r["tensor"] == "X"]
