"""Strategies without proof: random nests, and evolution by small changes. Baselines, and good first guesses.

Each is a generator of nests that is told what the last one was worth: `value = generator.send(value)` in the manner of
ask and tell, so that whoever runs it decides how nests are scored, and for how long.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence
from dataclasses import replace

from sata.search.model.problem import SearchProblem
from sata.search.space.factors import prime_factors, primes_of
from sata.search.space.nests import PlacedLoop
from sata.specs.model import Array, Compute

Nest = tuple[SearchProblem, tuple[PlacedLoop, ...]]
Proposals = Generator[Nest, float, None]
PATIENCE = 400  # tries without success after which evolution starts again from somewhere else


def random_nest(problem: SearchProblem, rng: random.Random) -> tuple[PlacedLoop, ...]:
    """A nest whose prime factors stand at random places, in random order."""
    loops: tuple[PlacedLoop, ...] = ()
    pieces = [(rank, p) for rank, bound in enumerate(problem.bounds) for p in prime_factors(bound)]
    rng.shuffle(pieces)
    for rank, prime in pieces:
        loops = _placed(problem, loops, rank, prime, rng)
    return loops


def random_search(problems: Sequence[SearchProblem], seed: int) -> Proposals:
    """Random nests of random skeletons, for ever."""
    rng = random.Random(seed)
    while True:
        problem = rng.choice(problems)
        yield problem, random_nest(problem, rng)


def evolution(
    problems: Sequence[SearchProblem], seed: int, start: Nest | None = None, value: float = float("inf")
) -> Proposals:
    """Small changes to the best so far, kept where they are no worse; a new start when nothing helps for long."""
    rng = random.Random(seed)
    best, best_value = start, value
    idle = 0
    while True:
        if best is None or idle > PATIENCE:
            problem = rng.choice(problems)
            best, best_value, idle = (problem, random_nest(problem, rng)), float("inf"), 0
            best_value = yield best
            continue
        changed = best
        for _ in range(rng.choice((1, 1, 2, 3))):
            changed = mutated(changed, problems, rng)
        found = yield changed
        idle = 0 if found < best_value else idle + 1
        if found <= best_value:
            best, best_value = changed, found


def mutated(nest: Nest, problems: Sequence[SearchProblem], rng: random.Random) -> Nest:
    """A nest with one thing changed: where a factor stands, the order of two loops, or what the memories keep."""
    problem, loops = nest
    kind = rng.random()
    if kind < 0.15 and len(problems) > 1:
        return _moved(nest, rng.choice(problems), rng)
    if not loops:
        return nest
    at = rng.randrange(len(loops))
    if kind < 0.4:
        same = [
            n for n, p in enumerate(loops) if p.item == loops[at].item and not p.axis and not loops[at].axis and n != at
        ]
        if same:
            other = rng.choice(same)
            order = list(loops)
            order[at], order[other] = order[other], order[at]
            return problem, tuple(order)
    rank = problem.ranks.index(loops[at].rank)
    prime = rng.choice(primes_of(loops[at].factor))
    rest = loops[at].factor // prime
    kept = loops[:at] + ((replace(loops[at], factor=rest),) if rest > 1 else ()) + loops[at + 1 :]
    return problem, _placed(problem, kept, rank, prime, rng)


def _moved(nest: Nest, to: SearchProblem, rng: random.Random) -> Nest:
    """The loops on another skeleton: at the items of the same names, else somewhere."""
    problem, loops = nest
    names = {item.name: n for n, item in enumerate(to.template.items)}
    kept: tuple[PlacedLoop, ...] = ()
    for loop in loops:
        item = names.get(problem.template.items[loop.item].name)
        if item is None:
            kept = _placed(to, kept, to.ranks.index(loop.rank), loop.factor, rng)
        else:
            kept = (*kept, replace(loop, item=item))
    return to, kept


def _placed(
    problem: SearchProblem, loops: tuple[PlacedLoop, ...], rank: int, factor: int, rng: random.Random
) -> tuple[PlacedLoop, ...]:
    """The loops with one more, at a random place where it may stand."""
    items = problem.template.items
    while True:
        item = rng.randrange(len(items))
        node = items[item]
        if isinstance(node, Compute):
            continue
        axis = ""
        if isinstance(node, Array) and rng.random() < 0.7:
            axis = rng.choice(list(node.shape))
            names = problem.constraints.ranks.get((node.name, axis))
            used = factor
            for p in loops:
                used *= p.factor if (p.item, p.axis) == (item, axis) else 1
            if (
                used > node.shape[axis]
                or rank in problem.temporal_only
                or (names is not None and problem.ranks[rank] not in names)
            ):
                continue
        at = rng.randint(0, len(loops))
        return (*loops[:at], PlacedLoop(item, axis, problem.ranks[rank], factor), *loops[at:])
