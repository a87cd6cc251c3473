"""Random nests, and machines whose ports matter to them: what the execution and the closed form of time are held against.

Every nest has a home and one or two memories further in; a port takes between 0.15 and 2.5 times as long as the
computes do, or has no limit.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from math import ceil, exp, log, prod

from .brute import count
from .execution import Machine, Store
from .problem import Dim, Node, Problem, Tensor
from .transfers import existing_steps

SMALLEST, LARGEST = 20, 900  # index combinations of all loops
BITS = 2400  # of an element: many divisors, so that rates are whole
READS, WRITES = ("reads", "drains", "merge_reads"), ("fills", "updates")


def random_case(
    rng: random.Random, buffers: int | None, spatial: float, wanted: Callable[[Problem], bool] = lambda _: True
) -> tuple[Problem, Machine]:
    """A nest and a machine. buffers: of every memory but the home, or None: 1 or 2, each by itself. spatial: the chance
    of a loop to be spatial."""
    while True:
        problem = _problem(rng, spatial)
        if SMALLEST <= problem.combinations <= LARGEST and wanted(problem) and len(existing_steps(problem)) >= 4:
            return problem, _machine(rng, problem, buffers)


def is_regular(problem: Problem) -> bool:
    """Whether factors are exact and no dimension has two ranks or a border."""
    covered = dict.fromkeys(problem.ranks, 1)
    for loop in problem.loops:
        covered[loop.rank] *= loop.factor
    dims = [dim for tensor in problem.tensors for dim in tensor.dims]
    return covered == problem.ranks and all(
        len(d.ranks) == 1 and d.span(problem.ranks) == (0, d.size - 1) for d in dims
    )


def _problem(rng: random.Random, spatial: float) -> Problem:
    if rng.random() < 0.5:
        ranks = {"m": rng.randint(1, 12), "n": rng.randint(1, 10), "k": rng.randint(1, 10)}
        tensors = [_tensor(ranks, name, *own) for name, *own in (("A", "m", "k"), ("B", "k", "n"), ("Z", "m", "n"))]
        output = "Z"
    else:
        stride, padding = rng.choice([1, 1, 2]), rng.choice([0, 0, 1])
        ranks = {"k": rng.randint(1, 5), "c": rng.randint(1, 5), "p": rng.randint(2, 10), "r": rng.randint(1, 3)}
        size = max(1, (ranks["p"] - 1) * stride + ranks["r"] - 2 * padding)
        window = Dim({"p": stride, "r": 1}, -padding, size)
        tensors = [
            Tensor("I", "input", (Dim({"c": 1}, 0, ranks["c"]), window)),
            _tensor(ranks, "W", "k", "c", "r"),
            _tensor(ranks, "O", "k", "p"),
        ]
        output = rng.choice(["O", "I"])
    roles = tuple(Tensor(t.name, "output" if t.name == output else "input", t.dims) for t in tensors)
    return Problem(ranks, roles, tuple(_nest(rng, ranks, [t.name for t in roles], spatial)))


def _tensor(ranks: dict[str, int], name: str, *own: str) -> Tensor:
    return Tensor(name, "input", tuple(Dim({rank: 1}, 0, ranks[rank]) for rank in own))


def _nest(rng: random.Random, ranks: dict[str, int], names: list[str], spatial: float) -> list[Node]:
    factors: dict[str, list[int]] = {}
    for rank, bound in ranks.items():
        own: list[int] = []
        for _ in range(rng.randint(0, 2)):
            left = ceil(bound / prod(own))
            exact = [f for f in range(1, left + 1) if left % f == 0]
            own.append(rng.choice(exact) if rng.random() < 0.7 else rng.randint(1, left))
        factors[rank] = [ceil(bound / prod(own)), *reversed(own)]
    order = [rank for rank, own in factors.items() for _ in own]
    rng.shuffle(order)
    loops: list[Node] = []
    for rank in order:
        factor = factors[rank].pop(0)
        if rng.random() < spatial:
            multicast = rng.choice(["none", "tile", "element"])
            loops.append(("array", f"A{len(loops)}", multicast, rng.random() < 0.7, ((rank, factor),)))
        else:
            loops.append(("loop", rank, factor))
    nest: list[Node] = [("memory", "L0", tuple(names))]
    at = 0
    for number, place in enumerate(sorted(rng.randint(0, len(loops)) for _ in range(rng.choice([1, 1, 2])))):
        nest += loops[at:place]
        at = place
        kept = [name for name in names if rng.random() < 0.8] or [rng.choice(names)]
        nest.append(("memory", f"L{number + 1}", tuple(kept)))
    return [*nest, *loops[at:], ("compute",)]


def _machine(rng: random.Random, problem: Problem, buffers: int | None) -> Machine:
    cycles = rng.choice([1, 1, 2])
    compute = len(existing_steps(problem)) * cycles
    whole = count(problem)["counts"]
    stores = {}
    for node in problem.nest:
        if node[0] != "memory":
            continue
        own = {tensor: events for (memory, tensor), events in whole.items() if memory == node[1]}
        lanes = max((events["instances"] for events in own.values()), default=1)
        read, write = (
            sum(events[name] for events in own.values() for name in names) / max(lanes, 1) for names in (READS, WRITES)
        )
        places = 1 if node[1] == "L0" else buffers or rng.choice([1, 2])
        if rng.random() < 0.3:
            both = _rate(rng, read + write, compute)
            stores[node[1]] = Store(both, both, both is not None, places)
        else:
            stores[node[1]] = Store(_rate(rng, read, compute), _rate(rng, write, compute), False, places)
    return Machine(stores, dict.fromkeys((t.name for t in problem.tensors), BITS), cycles)


def _rate(rng: random.Random, elements: float, compute: int) -> int | None:
    """Bits per cycle with which some elements take a random part of the time of the computes."""
    part = exp(rng.uniform(log(0.15), log(2.5))) if rng.random() < 0.85 else None
    return max(1, round(elements * BITS / (compute * part))) if part and elements else None
