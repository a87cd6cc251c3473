"""Mapping search against random search and evolution: `python -m tests.benchmarks.search [SECONDS]`; asserts nothing.

Every strategy gets the same op, the same scores and the same time on one core; the search also says what it proves. And how many
mappings a batch scores in a second, energy and cycles included.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np

from sata.nest.model import NestLevel
from sata.search.engine.solve import Task, solve
from sata.search.engine.strategies import Proposals, evolution, random_nest, random_search
from sata.search.model.enumerate import legal
from sata.search.model.exact import score
from sata.search.model.problem import SearchProblem, problem_of
from sata.search.partial.incumbent import score_mapping
from sata.search.run.setup import SearchSetup, setup_of
from sata.search.space.nests import slotted_nest
from sata.search.space.storage_templates import Constraints, storage_templates
from sata.specs.model import Op

CASES = (
    ("arch/eyeriss.yaml", "workloads/conv_layer.yaml", "conv.forward"),
    ("arch/sata.yaml", "workloads/vgg5_cifar10.yaml", "conv2.forward"),
    ("arch/sata.yaml", "workloads/vgg5_cifar10.yaml", "conv2.backward"),
)
BATCH = 200_000


def main(seconds: float) -> None:
    rate()
    for arch, workload, name in CASES:
        setting = setup_of(arch, workload)
        op = next(o for o in setting.workload.ops if o.name == name)
        frames = frames_of(setting, op)
        row = [f"{strategy(frames, make, seconds):.5g}" for make in (random_search, evolution)]
        answer = solve(Task(setting.arch, op, setting.machine, "energy", Constraints(), budget=seconds))
        sure = "proven" if answer.proven else f"gap {answer.gap:.2%}"
        print(
            f"| {setting.arch.name} | {name} | {' | '.join(row)} | {answer.points[0].energy_pj:.5g} | {sure}, {answer.seconds:.0f} s |",
            flush=True,
        )


def frames_of(setting: SearchSetup, op: Op) -> list[SearchProblem]:
    nothing = Constraints()
    return [
        problem_of(s, setting.machine, nothing, False)
        for s in storage_templates(setting.arch, op, setting.machine.prices, nothing)
    ]


def strategy(frames: list[SearchProblem], make: Any, seconds: float) -> float:
    """The least energy that a strategy finds in the time."""
    run: Proposals = make(frames, 1)
    frame, loops = next(run)
    best, end = float("inf"), time.monotonic() + seconds
    while time.monotonic() < end:
        found = score_mapping(frame, loops) if legal(frame, loops) else None
        value = float("inf") if found is None else found.energy_pj
        best = min(best, value)
        frame, loops = run.send(value)
    return best


def rate() -> None:
    """Mappings of one structure scored in a second, on one core: a convolution with a window."""
    import random

    setting = setup_of("arch/eyeriss.yaml", "workloads/conv_layer.yaml")
    op = setting.workload.ops[0]
    frame = frames_of(setting, op)[0]
    slots = [(n, "", r) for n, item in enumerate(frame.template.items[:-1]) for r in frame.ranks]
    nest, (structure, _) = slotted_nest(frame.template, slots)
    rng = random.Random(0)
    factors = np.ones((len(slots), BATCH), dtype=np.int64)
    for b in range(BATCH):
        for loop in random_nest(frame, rng) if b < 2000 else ():
            if not loop.axis:
                factors[slots.index((loop.item, "", loop.rank)), b] *= loop.factor
    factors[:, 2000:] = factors[:, rng.choices(range(2000), k=BATCH - 2000)]
    for rank, bound in zip(frame.ranks, frame.bounds, strict=True):  # what stood on the array goes outside
        own = [i for i, s in enumerate(slots) if s[2] == rank]
        factors[own[0]] *= bound // np.prod(factors[own], axis=0)
    buffered = replace(nest, items=tuple(replace(i, memory=replace(i.memory, stream=False)) if isinstance(i, NestLevel) else i
                                         for i in nest.items))  # fmt: skip
    for each, what in ((nest, "memories stream"), (buffered, "one buffer in each")):
        score(each, structure, factors[:, :5000], frame.on)
        start = time.process_time()
        score(each, structure, factors, frame.on)
        print(
            f"{what}: {BATCH / (time.process_time() - start):,.0f} mappings in a second: energy, cycles, fit; one core"
        )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0)
