"""How many nests there are: counted, not enumerated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from math import factorial, prod
from typing import Any

from sata.search.run.setup import SearchSetup
from sata.search.space.constraints import ConstraintRule, constraints_of
from sata.search.space.storage_templates import Constraints, StorageTemplate, storage_templates
from sata.search.space.unrolling import all_unrollings
from sata.specs.model import Array, Compute, Op


def space_rows(setting: SearchSetup, ops: Sequence[Op], rules: Sequence[ConstraintRule]) -> list[dict[str, Any]]:
    """Per op: op, keeps (choices of what memories keep), nests (of exact factors, every order of one loop a rank and
    block), removed: what each constraint takes away of the nests, in the order they are given."""
    rows = []
    for op in ops:
        own = constraints_of(rules, op)
        bare = Constraints()
        steps = [("compute", replace(bare, compute=own.compute))] if own.compute else []
        for memory in own.keep:
            steps.append(
                (
                    f"keep {memory}",
                    replace(steps[-1][1] if steps else bare, keep={**_last(steps).keep, memory: own.keep[memory]}),
                )
            )
        for memory in own.bypass:
            before = _last(steps)
            steps.append((f"bypass {memory}", replace(before, bypass={**before.bypass, memory: own.bypass[memory]})))
        for key, ranks in own.ranks.items():
            before = _last(steps)
            steps.append((f"{key[0]}.{key[1]}", replace(before, ranks={**before.ranks, key: ranks})))
        if own.utilization:
            steps.append((f"utilization {own.utilization:g}", replace(_last(steps), utilization=own.utilization)))
        for name, spans in own.factors.items():
            before = _last(steps)
            steps.append((f"factors {name}", replace(before, factors={**before.factors, name: spans})))
        for name, order in own.order.items():
            before = _last(steps)
            steps.append((f"order {name}", replace(before, order={**before.order, name: order})))
        jointly = bool(own.utilization)
        total = _nests(setting, op, bare, jointly)
        have, told = total, []
        for name, constraints in steps:
            now = _nests(setting, op, constraints, jointly)
            told.append(f"{name}: {1 - now[1] / have[1]:.1%}" if have[1] else f"{name}: -")
            have = now
        rows.append({"op": op.name, "keeps": have[0], "nests": float(have[1]), "removed": ", ".join(told) or "none"})
    return rows


def _last(steps: Sequence[tuple[str, Constraints]]) -> Constraints:
    return steps[-1][1] if steps else Constraints()


def _nests(setting: SearchSetup, op: Op, constraints: Constraints, jointly: bool) -> tuple[int, int]:
    """(storage templates, nests of all of them). jointly: with the lanes of each array together, as `utilization`
    needs it."""
    number = total = 0
    known: dict[Any, int] = {}
    for template in storage_templates(setting.arch, op, setting.machine.prices, constraints):
        number += 1
        named = {*constraints.factors, *constraints.order}
        key = tuple(
            (type(i).__name__, i.name if isinstance(i, Array) or i.name in named else "") for i in template.items
        )
        if key not in known:
            known[key] = (nests_with_lanes if jointly else nests_of)(template, constraints)
        total += known[key]
    return number, total


def nests_of(template: StorageTemplate, constraints: Constraints) -> int:
    """Nests of a storage template, an upper bound in two ways: the lanes of an array are not checked jointly, and all
    ranks are given their place in every order of a block.

    Per rank the ordered factorisations over its places; times the orders of the ranks in each block.
    """
    op = template.op
    total = 1
    ranks = [r for r, b in op.ranks.items() if b > 1]
    for rank in ranks:
        spatial = [
            size
            for item in template.items if isinstance(item, Array) and rank not in op.sequential
            for axis, size in item.shape.items()
            if rank in constraints.ranks.get((item.name, axis), (rank,))
        ]  # fmt: skip
        spans = [
            constraints.factors.get(item.name, {}).get(rank, (1, op.ranks[rank]))
            for item in template.items
            if not isinstance(item, Compute)
        ]
        total *= _factorisations(op.ranks[rank], spans, spatial)
    return total * _orders(template, constraints)


def _orders(template: StorageTemplate, constraints: Constraints) -> int:
    """Orders of all ranks in each block."""
    ranks = [r for r, b in template.op.ranks.items() if b > 1]
    total = 1
    for item in template.items:
        if not isinstance(item, Compute):
            ordered = sum(rank in ranks for rank in constraints.order.get(item.name, ()))
            total *= factorial(len(ranks)) // factorial(ordered)
    return total


def nests_with_lanes(template: StorageTemplate, constraints: Constraints) -> int:
    """The same, with the lanes of every array checked jointly, and for the share of them that is asked for."""
    op = template.op
    ranks = [r for r, b in op.ranks.items() if b > 1]
    bounds = [op.ranks[r] for r in ranks]
    arrays = [i for i in template.items if isinstance(i, Array)]
    fixed = frozenset(n for n, r in enumerate(ranks) if r in op.sequential)
    unrollings = all_unrollings(arrays, ranks, bounds, fixed, constraints.ranks, True, constraints.least_lanes)
    places = [i for i in template.items if not isinstance(i, Compute)]

    @cache
    def in_time(rank: str, left: int) -> int:
        spans = [constraints.factors.get(i.name, {}).get(rank, (1, op.ranks[rank])) for i in places]
        return _factorisations(left, spans, ())

    number = 0
    for lanes, times in Counter(map(tuple, unrollings.inner[0].T.tolist())).items():
        number += times * prod(in_time(r, bound // own) for r, bound, own in zip(ranks, bounds, lanes, strict=True))
    return number * _orders(template, constraints)


def _factorisations(bound: int, spans: Sequence[tuple[int, int]], lanes: Sequence[int]) -> int:
    """Ways to write a bound as a product over blocks (each from a least to a most) and axes (of so many lanes)."""
    ways = {bound: 1}
    for least, most in (*((1, limit) for limit in lanes), *spans):
        after: dict[int, int] = {}
        for left, number in ways.items():
            for f in range(least, min(left, most) + 1):
                if left % f == 0:
                    after[left // f] = after.get(left // f, 0) + number
        ways = after
    return ways.get(1, 0)
