"""Which groups of ops to fuse, where an op may be in several: the partition of least value over what was found.

Groups are runs of neighbours, so that the best partition of a chain of ops is a shortest path over its ops in order
(dynamic programming). The same over the lower bounds of the groups is what no partition is below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sata.search.model.answer import Answer, value_at
from sata.search.model.objective import SLACK

Unit = tuple[str, ...]


def best_partition(names: Sequence[Unit], answers: Sequence[Answer]) -> list[tuple[Unit, Answer]]:
    """Units that hold each op once, with their answers, in the order of their first ops: those of the least sum, and
    of such the fewest. What is proven of a group whose alternatives are not is taken back.

    names: by answer the ops of its unit, those of several as they are run; each op is a unit of its own, too, if it is
    in several.
    """
    found: list[tuple[Unit, Answer]] = []
    for cluster in _clusters(names):
        units = [(unit, answer) for unit, answer in zip(names, answers, strict=True) if unit[0] in cluster]
        found += units if len(units) == 1 else _chosen(cluster, units)
    return found


def _clusters(names: Sequence[Unit]) -> list[list[str]]:
    """The ops of units that overlap, in order; units as they come."""
    found: list[list[str]] = []
    for unit in names:
        touched = [c for c in found if set(c) & set(unit)]
        if not touched:
            found.append(list(unit))
            continue
        first = touched[0]
        for other in (*touched[1:], unit):
            first += [op for op in other if op not in first]
        found = [c for c in found if c not in touched[1:]]
    return found


def _chosen(ops: Sequence[str], units: Sequence[tuple[Unit, Answer]]) -> list[tuple[Unit, Answer]]:
    values = [_value(answer) for _, answer in units]
    chosen, value = _shortest(ops, units, values)
    _, bound = _shortest(ops, units, [answer.bound for _, answer in units])
    if bound >= value * (1.0 - SLACK):
        return [units[n] for n in chosen]
    return [(units[n][0], _unproven(units[n][1], values[n], bound / value)) for n in chosen]


def _shortest(
    ops: Sequence[str], units: Sequence[tuple[Unit, Answer]], values: Sequence[float]
) -> tuple[list[int], float]:
    """(numbers of the units of the least sum, the sum)."""
    place = {op: n for n, op in enumerate(ops)}
    best: list[tuple[float, int, list[int]]] = [(0.0, 0, [])]
    for end in range(1, len(ops) + 1):
        ways = []
        for n, (unit, _) in enumerate(units):
            if place[unit[-1]] == end - 1:
                before, number, taken = best[place[unit[0]]]
                ways.append((before + values[n], number + 1, [*taken, n]))
        least = min((value for value, _, _ in ways), default=float("inf"))
        near = [way for way in ways if way[0] <= least * (1.0 + SLACK)]
        best.append(min(near, key=lambda way: (way[1], way[0]), default=(float("inf"), 0, [])))
    return best[-1][2], best[-1][0]


def _value(answer: Answer) -> float:
    return sum(
        value_at(answer.objective, m.points[0]) if m.points else float("inf") for m in answer.members or (answer,)
    )


def _unproven(answer: Answer, value: float, share: float) -> Answer:
    """An answer of which only so much is proven: its share of what no partition is below."""
    bound = min(answer.bound, value * share)
    fusion = answer.fusion
    if fusion is not None:
        fusion = replace(fusion, proven=False, bound=min(fusion.bound, bound))
    members = tuple(
        replace(m, proven=False, fusion=fusion, bound=min(m.bound, value_at(m.objective, m.points[0]) * share))
        for m in answer.members
    )
    return replace(answer, proven=False, bound=bound, fusion=fusion, members=members)
