"""Random small problems with rules about zeros, for the sparse oracle and for the product against it.

``random_sparse(rng)`` takes a problem of ``random_problems`` and adds one to three rules at any memories, what the
compute does about zeros, tensors local to the compute, and densities. Same seed, same case.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from .averages import Density, time_dimension
from .problem import Dim, Problem, Tensor
from .random_problems import random_problem
from .sparse import Rule, Sparsity

SHARES = (0.0, 0.1, 0.25, 0.3, 0.5, 0.5, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class Case:
    """A problem, what is done about its zeros, and how many there are; tensors without a density are dense."""

    problem: Problem
    sparsity: Sparsity
    densities: dict[str, Density]

    @property
    def tensors(self) -> dict[str, Tensor]:
        """All tensors, local ones too."""
        return {t.name: t for t in (*self.problem.tensors, *self.sparsity.local)}


def random_sparse(
    rng: random.Random,
    *,
    points: int = 200,
    sharing: bool = True,
    selves: bool = True,
    outputs_lead: bool = False,
    per_step: bool = True,
    **options: Any,
) -> Case:
    """Draw a case. `sharing` False: every array is ``none`` and adds nothing up; `selves`: a leader may be the follower
    itself; `outputs_lead`: results may lead; `per_step`: a tensor may have a density for each time step. The rest goes
    to ``random_problem``.
    """
    while True:
        problem = random_problem(rng, points=points, **options)
        problem = _arrays(rng, problem, sharing)
        local = tuple(_local(rng, problem, n) for n in range(rng.choice([0, 0, 0, 1, 2])))
        leaders = [t.name for t in (*problem.tensors, *local) if outputs_lead or t.role == "input"]
        rules = []
        for _ in range(rng.choice([1, 1, 2, 2, 3])):
            rules += _rules(rng, problem, leaders, selves)
        if not rules:
            continue
        operands = [t.name for t in (*problem.tensors, *local) if t.role == "input"]
        skip = tuple(name for name in operands if rng.random() < 0.15)
        gate = tuple(name for name in operands if name not in skip and rng.random() < 0.15)
        sparsity = Sparsity(tuple(rules), skip, gate, local)
        densities = _densities(rng, (*problem.tensors, *local), per_step, outputs_lead)
        return Case(problem, sparsity, densities)


def _arrays(rng: random.Random, problem: Problem, sharing: bool) -> Problem:
    """Let no array share, or, every third time, none add up (so that results meet in a memory)."""
    apart = rng.random() < 0.35
    nest = tuple(
        n if n[0] != "array" else (*n[:2], n[2] if sharing else "none", n[3] and sharing and not apart, n[4])
        for n in problem.nest
    )
    return Problem(problem.ranks, problem.tensors, nest)


def _local(rng: random.Random, problem: Problem, number: int) -> Tensor:
    """Draw a tensor that is made inside the compute: indexed like another one, or by any ranks."""
    if rng.random() < 0.6:
        return Tensor(f"G{number}", "input", rng.choice(problem.tensors).dims)
    ranks = rng.sample(list(problem.ranks), rng.randint(1, min(3, len(problem.ranks))))
    return Tensor(f"G{number}", "input", tuple(Dim({rank: 1}, 0, problem.ranks[rank]) for rank in ranks))


def _rules(rng: random.Random, problem: Problem, leaders: list[str], selves: bool) -> list[Rule]:
    """Draw one rule (or the two that an `either` stands for), mostly where it has something to decide."""
    inputs = [t.name for t in problem.tensors if t.role == "input"]
    memories = {n[1]: n[2] for n in problem.nest if n[0] == "memory"}
    effect = rng.choice(["skip", "skip", "gate"])
    if len(inputs) > 1 and rng.random() < 0.1:
        one, two = rng.sample(inputs, 2)
        both = [name for name, kept in memories.items() if one in kept and two in kept]
        if both:
            memory = rng.choice(both)
            return [Rule(memory, one, (two,), effect), Rule(memory, two, (one,), effect)]
    follower = rng.choice(problem.tensors)
    if rng.random() < 0.2:
        follower = rng.choice([t for t in problem.tensors if t.role == "output"])
    keeping = [name for name, kept in memories.items() if follower.name in kept]
    choice = [name for name in leaders if name != follower.name or (selves and rng.random() < 0.3)]
    if not choice:
        return []
    chosen = tuple(rng.sample(choice, min(len(choice), rng.choice([1, 1, 1, 2]))))
    elsewhere = [name for name in memories if name not in keeping]
    memory = rng.choice(elsewhere if elsewhere and rng.random() < 0.1 else keeping)
    return [Rule(memory, follower.name, chosen, effect)]


def _densities(rng: random.Random, tensors: tuple[Tensor, ...], per_step: bool, outputs: bool) -> dict[str, Density]:
    """Draw a density for most tensors."""
    densities: dict[str, Density] = {}
    for tensor in tensors:
        if rng.random() < 0.15 or (tensor.role == "output" and not outputs):
            continue
        time = time_dimension(tensor)
        densities[tensor.name] = rng.choice(SHARES)
        if time is not None and per_step and rng.random() < 0.5:
            densities[tensor.name] = tuple(rng.choice(SHARES) for _ in range(tensor.dims[time].size))
    return densities
