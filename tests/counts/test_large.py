"""Bounds near the legal limits: one mapping, a batch and integers of any size agree, and cost does not grow with bounds.

`SATA_LARGE_PROBLEMS` sets how many random problems (default 40; a long check runs 5000).
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from math import prod
from pathlib import Path

import numpy as np
import pytest

from sata.counts.dense import running, windows
from sata.counts.dense.closed_form import count
from sata.counts.dense.memory_counts import FIELDS
from sata.evaluation import prepare
from sata.nest.structure import Axis, Fanout, Operand, Slot, Structure
from sata.search.model.exact import figures, score
from sata.search.run.setup import setup_of
from sata.search.space.factors import divisors, is_prime, prime_factors, prime_weight
from tests.oracle.brute import count as brute
from tests.oracle.product import product_counts
from tests.oracle.random_problems import random_problem

PROBLEMS = int(os.environ.get("SATA_LARGE_PROBLEMS", "40"))
LARGEST = 1 << 62


def matmul(rng: random.Random) -> tuple[Structure, list[list[int]]]:
    """Z[m,n] += A[m,k] B[k,n] with ranks up to 1e9 and as many points as are legal, and factors, exact or not."""
    while prod(bounds := tuple(rng.choice([1, 2, 7, rng.randint(2, 10**9), 10**9]) for _ in range(3))) > LARGEST:
        pass
    slots = [Slot(r) for r in (0, 1, 2)] + [Slot(rng.randrange(3), 0)] + [Slot(r) for r in (2, 0, 1)]
    one = tuple(Axis((r,), (1,), 0, b) for r, b in enumerate(bounds))
    operands = (
        Operand((one[0], one[2]), False, (0, 1)),
        Operand((one[2], one[1]), False, (0,)),
        Operand((one[0], one[1]), True, (0, 1)),
    )
    structure = Structure(bounds, tuple(slots), (0, 4), (Fanout(rng.choice(["none", "tile"]), True),), operands)
    members = []
    for _ in range(4):
        factors = [1] * len(slots)
        for rank, own in enumerate(structure.slots_of):
            stride = 1
            for slot in reversed(own[1:]):
                left = -(-bounds[rank] // stride)
                most = min(left, 64) if structure.slots[slot].array == 0 else left
                factors[slot] = rng.choice([1, rng.randint(1, most), most])
                stride *= factors[slot]
            factors[own[0]] = -(-bounds[rank] // stride)
        members.append(factors)
    return structure, members


@pytest.mark.parametrize("block", range(4))
def test_batch_and_single_agree(block: int) -> None:
    """One mapping is counted in integers of any size, a batch in 64 bits."""
    for seed in range(block, PROBLEMS, 4):
        structure, members = matmul(random.Random(seed))
        batch = count(structure, np.array(members).T)
        for b, member in enumerate(members):
            alone = count(structure, member)
            for t, row in enumerate(alone.tensors):
                for m, found in enumerate(row):
                    for field in FIELDS:
                        assert getattr(found, field) == int(getattr(batch.tensors[t][m], field)[b]), (seed, t, m, field)
                        assert 0 <= getattr(found, field) <= LARGEST


ARCH = """
arch:
  clock: 1 GHz
  libraries: [book]
  nodes:
  - {memory: DRAM, class: dram, bandwidth: {read: 16 B/cycle, write: 16 B/cycle}}
  - {array: PEs, shape: {x: 4, y: 1}}
  - {memory: BUF, class: buf, size: 1 MiB, bandwidth: {read: 16 B/cycle, write: 16 B/cycle}}
  - {compute: PE, class: pe, skip: [spike]}
library:
  name: book
  components:
  - {class: dram, at: {width: 16 b}, energy: {read: 100 pJ, write: 100 pJ}, area: 0 um2, leakage: 1 mW}
  - {class: buf, at: {width: 16 b}, energy: {read: 1 pJ, write: 1 pJ}, area: 0 um2, leakage: 1 mW}
  - {class: pe, energy: {accumulate: 0.1 pJ}, area: 500 um2, leakage: 1 mW}
"""


@pytest.mark.parametrize("ranks", ["t: 254, k: 1056, c: 1099511627700", "t: 16, k: 262144, c: 1099511627776"])
def test_bits_of_a_batch_do_not_wrap(ranks: str) -> None:
    """The bits of 2**58 and 2**62 operands of 32 b are beyond 64-bit integers."""
    workload = f"""
workload:
  bits: {{weight: 32, spike: 1, current: 16}}
  ops:
  - {{name: big, action: accumulate, ranks: {{{ranks}}}, compute: "X[t,k] += W[k,c] * S[t,c]",
     tensors: {{W: {{kind: weight}}, S: {{kind: spike}}, X: {{kind: current}}}}}}
"""
    inner = "{array: PEs, x: k 4}, {memory: BUF}, {for: 'k 2, c 100'}, {compute: PE}"
    nest = f"[{{memory: DRAM}}, {{for: 't *, k *, c *'}}, {inner}]"
    program = prepare(ARCH, workload, f"mapping:\n- {{ops: big, nest: {nest}}}\n")
    (group,), ((shape,),) = program.program.groups, program.shapes
    machine = setup_of(ARCH, workload).machine
    structure, factors = shape
    energy, cycles, fits = score(group.nests[0], structure, np.array(factors).reshape(-1, 1), machine)
    alone = figures(group.nests[0], structure, factors, machine)
    assert (energy[0], cycles[0]) == pytest.approx(alone[:2], rel=1e-12)
    assert fits[0] == alone[2]


@pytest.mark.parametrize("seed", range(0, PROBLEMS, 4))
def test_steps_put_together_are_all_steps(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small windows and imperfect ranks, counted as large ones are."""
    monkeypatch.setattr(running, "FEW", 0)
    for cached in (windows._sums, windows._every, windows.window_sums):
        cached.cache_clear()
    for negative in (False, True):
        problem = random_problem(random.Random(seed), negative=negative, inner_homes=negative)
        assert product_counts(problem) == brute(problem)["counts"]


def test_factors_of_large_bounds() -> None:
    for number in (10**9 + 7, 10**18, 999999937 * 999999929, 2**61 - 1, 2**62 - 57, 2**62):
        assert prod(prime_factors(number)) == number
        assert all(is_prime(p) for p in prime_factors(number))
    for number in range(1, 600):
        assert divisors(number) == tuple(d for d in range(1, number + 1) if number % d == 0)
    for bound in (720, 5040 * 9973):
        numbers = np.array(divisors(bound))
        assert prime_weight(bound, numbers).tolist() == [len(prime_factors(n)) for n in numbers.tolist()]


COST = """
import time
from pathlib import Path
import sata
from tests.counts.test_large import run_of

for rules in ("dense", "gate"):
    for lanes in (10, 14):  # exact, imperfect
        sata.evaluate(*run_of(rules, lanes, 540))
        start = time.process_time()
        small = sata.evaluate(*run_of(rules, lanes, 600))
        middle = time.process_time()
        large = sata.evaluate(*run_of(rules, lanes, 600_000_000))
        assert time.process_time() - middle < middle - start + 1.0, (rules, lanes)
        assert large.ops[0]["computes"] == 1_000_000 * small.ops[0]["computes"]
status = Path("/proc/self/status")  # the peak since this program began; ru_maxrss is at least that of who started it
if status.exists():
    peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    assert int(peak.split()[1]) < 200 * 1024, peak  # KiB
"""


def run_of(rules: str, lanes: int, bound: int) -> tuple[str, str, str]:
    """A product over a rank that lanes share, under no rule or a gate at the compute."""
    at_dram, at_compute = {
        "dense": ("", ""), "gate": ("", ", gate: [spike]"),
    }[rules]  # fmt: skip
    arch = f"""
arch:
  clock: 100 MHz
  libraries: [book]
  nodes:
  - {{memory: DRAM, class: m, bandwidth: {{read: 64 b/cycle}}{at_dram}}}
  - {{memory: GLB, class: m, keep: [spike, current]}}
  - {{array: A, shape: {{x: {lanes}}}, multicast: tile, reduce: true}}
  - {{memory: spad, class: m, keep: [weight, current], bandwidth: {{read: 64 b/cycle}}}}
  - {{compute: PE, class: pe{at_compute}}}
library:
  name: book
  components:
  - {{class: m, energy: {{read: 1 pJ, write: 1 pJ}}, leakage: 0 mW, area: 0 um2}}
  - {{class: pe, energy: {{mac: 1 pJ}}, leakage: 0 mW, area: 0 um2}}
"""
    workload = f"""
workload:
  bits: {{weight: 8, spike: 1, current: 16}}
  ops:
  - {{name: mm, action: mac, ranks: {{k: 6, c: {bound}, t: 4}}, compute: "X[t,k] += W[k,c] * S[t,c]",
     tensors: {{W: {{kind: weight}}, S: {{kind: spike, density: 0.2}}, X: {{kind: current}}}}}}
"""
    mapping = f"""
mapping:
- ops: mm
  nest: [{{memory: DRAM}}, {{for: "k 2, c *"}}, {{memory: GLB}}, {{for: "t *, c 3"}}, {{array: A, x: c {lanes}}},
         {{memory: spad}}, {{for: "k *, c 2"}}, {{compute: PE}}]
"""
    return arch, workload, mapping


def test_cost_does_not_grow_with_bounds() -> None:
    """A rank of 6e8 takes no more than a second beyond one of 600, and little memory."""
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", COST], check=True, cwd=root, env={**os.environ, "PYTHONPATH": str(root)})
