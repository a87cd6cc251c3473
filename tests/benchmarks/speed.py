"""How fast it is: `python -m tests.benchmarks.speed`. Prints medians, ratios and rates; asserts nothing, so it cannot flake.

Whole processes are compared with `python -c "import numpy"` in turn, which is steadier than seconds on a busy machine.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np

import sata
from sata.counts.dense.closed_form import CHUNK, count
from sata.counts.density import shared
from sata.counts.density.uniform import Uniform
from sata.counts.sparse.outcomes import count_all
from sata.counts.sparse.rules import Decision, Leader, Rules
from sata.nest.structure import Axis, Fanout, Operand, Slot, Structure
from sata.specs.model import Rule

BATCH = 100_000
BOUNDS = {"t": 8, "k": 128, "c": 64, "p": 16, "q": 16, "r": 3, "s": 3}  # the second layer of VGG5


def main() -> None:
    numpy = [sys.executable, "-c", "import numpy"]
    whole = [sys.executable, "-m", "sata", "run", "arch/sata.yaml", "workloads/vgg5_cifar10.yaml"]
    ratio("sata run, VGG5 training, whole process", whole, numpy)
    ratio("import sata, whole process", [sys.executable, "-c", "import sata"], numpy)
    warm = median(lambda: sata.evaluate("arch/sata.yaml", "workloads/vgg5_cifar10.yaml", ops="conv2.backward"), 200)
    print(f"warm evaluate of one convolution: {warm * 1e3:.2f} ms")
    batch()


def ratio(name: str, command: Sequence[str], reference: Sequence[str], runs: int = 7) -> None:
    """Two commands in turn: median seconds of the first, and the median of the ratios pair by pair."""
    pairs = [(seconds(command), seconds(reference)) for _ in range(runs)]
    middle = statistics.median(a for a, _ in pairs)
    times = statistics.median(a / b for a, b in pairs)
    print(f"{name}: {middle:.3f} s, {times:.1f} times `import numpy`")


def seconds(command: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def median(call: Callable[[], object], runs: int) -> float:
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def convolution() -> Structure:
    """A 3x3 convolution on four memories: every rank has a temporal loop at each, k and p a spatial one above the
    last.
    """
    orders = ("tkcpqrs", "kctpqrs", "ptqkcrs", "crspqtk")
    number = {rank: i for i, rank in enumerate(BOUNDS)}
    slots: list[Slot] = []
    depths: list[int] = []
    for level, order in enumerate(orders):
        if level == 3:
            slots += [Slot(number[rank], 0) for rank in "kp"]
        depths.append(len(slots))
        slots += [Slot(number[rank]) for rank in order]

    def one(rank: str) -> Axis:
        return Axis((number[rank],), (1,), 0, BOUNDS[rank])

    def window(p: str, r: str) -> Axis:
        return Axis((number[p], number[r]), (1, 1), -1, BOUNDS[p])

    operands = (
        Operand((one("k"), one("c"), one("r"), one("s")), False, (0, 1, 2, 3)),
        Operand((one("t"), one("c"), window("p", "r"), window("q", "s")), False, (0, 1, 2, 3)),
        Operand((one("t"), one("k"), one("p"), one("q")), True, (0, 1, 2, 3)),
    )
    return Structure(tuple(BOUNDS.values()), tuple(slots), tuple(depths), (Fanout("tile", True),), operands)


def exact_factors(structure: Structure, mappings: int, seed: int = 1) -> np.ndarray:
    """Random ordered factorisations of every bound over the slots of its rank: [slots, mappings]."""
    rng = random.Random(seed)
    factors = np.ones((len(structure.slots), mappings), dtype=np.int64)
    for bound, slots in zip(structure.bounds, structure.slots_of, strict=True):
        primes = [p for p in (2, 3) for _ in range(20) if bound % p == 0]
        for b in range(mappings):
            rest = bound
            for p in dict.fromkeys(primes):
                while rest % p == 0:
                    factors[rng.choice(slots), b] *= p
                    rest //= p
    return factors


def rules(structure: Structure, memory: bool) -> Rules:
    """Spikes gate operations; with `memory`, they also skip the weights of every tile at the third memory."""
    spikes = structure.operands[1].axes
    model = shared(Uniform(tuple(axis.size for axis in spikes), None, (0.142,)))
    decisions = (Decision(0, 2, (0,), True, Rule("skip", "weight", ("spike",))),) if memory else ()
    return Rules((Leader("S", spikes, model),), decisions, (), (0,))


def batch() -> None:
    structure = convolution()
    factors = exact_factors(structure, BATCH)
    start = time.perf_counter()
    count(structure, factors)
    first = time.perf_counter() - start
    again = median(lambda: count(structure, factors), 5)
    print(f"batch of {BATCH:,} mappings of one convolution, 4 memories, one core, pieces of {CHUNK}:")
    print(f"  {BATCH / first:,.0f} mappings/s the first time, {BATCH / again:,.0f} mappings/s with its tables made")
    for memory, name in ((False, "a gate at the compute"), (True, "a skip of weight tiles too")):
        zeros = rules(structure, memory)
        count_all(structure, factors, zeros)
        pairs = [
            (median(lambda: count(structure, factors), 1), median(lambda z=zeros: count_all(structure, factors, z), 1))
            for _ in range(5)
        ]
        ratio_ = statistics.median(dense / sparse for dense, sparse in pairs)
        print(f"  {BATCH / statistics.median(s for _, s in pairs):,.0f} mappings/s with {name}: {ratio_:.2f} of dense")


if __name__ == "__main__":
    main()
