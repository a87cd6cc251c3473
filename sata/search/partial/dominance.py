"""Dominance between labels of the same state (label-setting).

A label that is no better in any cost than another of its state is dropped.

Two labels at the same place have the same future where the same is left of every rank, the loops that each tensor
still remembers are the same, and (where there are such) the lanes are. Then whatever completes one completes the
other, and everything it will cost grows with the columns compared here; docs/search.md has the argument.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sata.search.model.problem import SearchProblem
from sata.search.partial.columns import column_codes
from sata.search.partial.table import PartialMappings

ROUNDS = 24  # with how many better ones of its group each label is compared


def undominated(
    problem: SearchProblem, labels: PartialMappings, objective: NDArray[np.float64], passed: int
) -> NDArray[np.bool_]:
    """Which labels to keep. passed: arrays passed; objective: [B], the order in which candidates are compared."""
    if len(labels) < 2:
        return np.ones(len(labels), dtype=bool)
    return undominated_of(keys(problem, labels, passed), columns(problem, labels), objective)


def undominated_of(
    keys: NDArray[np.int64], columns: NDArray[np.float64], objective: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """[B]: none with the same keys [K, B] is as good in all columns [B, C]. objective: as `undominated` has it."""
    number = len(objective)
    group = column_codes(keys)
    total = columns.sum(axis=1)  # whoever is no worse in all is no worse in the sum
    order = np.lexsort((total, objective, group))
    group, columns = group[order], columns[order]
    alive = np.arange(number)
    keep = np.ones(number, dtype=bool)
    for _ in range(ROUNDS):
        # the best of each group that has not been compared with its group yet is kept, and compared with all after it
        if len(alive) == 0:
            break
        first = np.ones(len(alive), dtype=bool)
        first[1:] = group[alive[1:]] != group[alive[:-1]]
        leaders = alive[first]
        leader = leaders[np.cumsum(first) - 1]
        worse = np.all(columns[leader] <= columns[alive], axis=1) & ~first
        keep[alive[worse]] = False
        alive = alive[~worse & ~first]
    kept = np.zeros(number, dtype=bool)
    kept[order[keep]] = True
    return kept


def keys(problem: SearchProblem, labels: PartialMappings, passed: int) -> NDArray[np.int64]:
    """[K, B]: what labels of the same future have in common."""
    rows = [labels.left]
    if labels.tag.any():
        rows.append(labels.tag[None, :])
    if problem.constraints.factors or problem.constraints.order:
        rows.append(labels.entry)  # how far the block has come
    if not problem.ragged and 0 < passed < len(problem.fanouts):
        rows.append(labels.unrolling[None, :])  # arrays are still to come
    odd = [t for t, s in enumerate(problem.operands) if s.irregular]
    if odd:
        rows += [labels.history[odd], labels.lanes[None, :], labels.spread[odd]]
    return np.concatenate(rows)


def columns(problem: SearchProblem, labels: PartialMappings) -> NDArray[np.float64]:
    """[B, columns], smaller is better."""
    costs = [labels.energy, *labels.bits.reshape(-1, len(labels))]
    costs += [-labels.instances[n] for n in range(len(problem.bandwidths))]
    costs.append(-labels.lanes)
    fills = bool(problem.bandwidths)
    for t, operand in enumerate(problem.operands):
        costs.append(labels.moved[t] * labels.spread[t] * 64.0 + labels.gap[t])
        costs += [-labels.share[t]]
        if operand.output:
            costs += [-labels.added[t], -labels.valueless[t]]
        if fills:
            costs.append(labels.since[t] / labels.share[t])
            if operand.output:
                costs.append(labels.since[t] / labels.added[t])
    return np.stack([np.asarray(c, dtype=np.float64) for c in costs], axis=1)
