"""Labels of partial mappings, as columns: the state that completions depend on, and the cost so far.

left      [R, B] values of each rank still to be looped over (the extent of a tile); entry [R, B]: the same where the
                 block began, if the user asks for loops of it, else 1
lanes     [B]    product of all spatial loops
steps     [T, B] product of the temporal loops over ranks regular for the tensor; `moved`: up to the last that moves
                 its tile as a whole; `gap`: how many entries of its history are outside that one
spread    [T, B] product of the spatial loops over ranks regular for the tensor
since     [T, B] the same, below the parent of the tensor's open link
share     [T, B] of those the ones over ranks the tensor lacks that share a delivery (inputs) or meet (results);
added     [T, B] of results, those that an array adds on the way out
history   [T, B] numbers of histories; valueless [T, B]: results that arrived at the parent without an old value
energy    [B] pJ; bits [M, 2, B] read and written so far by an instance of each limited memory;
instances [M, B] of that memory, as far as arrays above it have been passed
node      [B] where the loops are told (`LoopTrail`)
tag       [B] what labels belong to that are searched side by side, each with its own: none prunes another
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from sata.search.model.problem import SearchProblem

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass
class PartialMappings:
    """See the module; all share their last axis."""

    left: Ints
    entry: Ints
    lanes: Ints
    steps: Ints
    moved: Ints
    gap: Ints
    spread: Ints
    since: Ints
    share: Ints
    added: Ints
    history: Ints
    valueless: Floats
    energy: Floats
    bits: Floats
    instances: Ints
    floor: Floats
    unrolling: Ints
    node: Ints
    tag: Ints

    def __len__(self) -> int:
        return int(self.lanes.shape[0])

    def take(self, chosen: NDArray[np.generic]) -> PartialMappings:
        """The chosen ones (numbers or a mask), copied."""
        if chosen.dtype == np.bool_:
            chosen = np.flatnonzero(chosen)
        return PartialMappings(*(getattr(self, f.name).take(chosen, axis=-1) for f in fields(self)))


def concatenated(parts: list[PartialMappings]) -> PartialMappings:
    """All labels of several lists."""
    if len(parts) == 1:
        return parts[0]
    return PartialMappings(
        *(np.concatenate([getattr(p, f.name) for p in parts], axis=-1) for f in fields(PartialMappings))
    )


def root_label(problem: SearchProblem, unrollings_first: bool = False) -> PartialMappings:
    """The empty nest. Its unrolling for the arrays is -1 until the first of them is reached (see `beam`); plans_first:
    once with every unrolling instead."""
    ranks, tensors, limited = len(problem.ranks), len(problem.operands), len(problem.bandwidths)

    def ones(n: int) -> Ints:
        return np.ones((n, 1), dtype=np.int64)

    label = PartialMappings(
        np.array(problem.bounds, dtype=np.int64).reshape(ranks, 1), ones(ranks), np.ones(1, dtype=np.int64),
        ones(tensors), ones(tensors),
        np.zeros((tensors, 1), dtype=np.int64), ones(tensors), ones(tensors), ones(tensors), ones(tensors),
        np.zeros((tensors, 1), dtype=np.int64), np.zeros((tensors, 1)), np.full(1, problem.compute_pj),
        np.zeros((limited, 2, 1)), ones(limited), np.zeros((tensors, 3, 1)), np.zeros(1, dtype=np.int64),
        np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64),
    )  # fmt: skip
    if unrollings_first:
        labels = label.take(np.zeros(problem.unrollings.factors.shape[1], dtype=np.int64))
        labels.unrolling = np.arange(len(labels), dtype=np.int64)
        return labels
    if problem.fanouts and not problem.ragged:
        label.unrolling = label.unrolling - 1
    return label


class LoopTrail:
    """How every label came about: its parent and the loop that was added, found again from the last to the first."""

    def __init__(self) -> None:
        self.parents: list[Ints] = [np.zeros(1, dtype=np.int64)]
        self.loops: list[tuple[int, str, int, Ints]] = [(0, "", 0, np.ones(1, dtype=np.int64))]
        self.starts: list[int] = [0]
        self.size = 1

    def add(self, parents: Ints, item: int, axis: str, rank: int, factors: Ints) -> Ints:
        """Numbers of new nodes: children of `parents` by a loop of these factors."""
        start = self.size
        self.parents.append(parents.copy())
        self.loops.append((item, axis, rank, factors.copy()))
        self.starts.append(start)
        self.size += len(parents)
        return np.arange(start, self.size, dtype=np.int64)

    def loops_of(self, node: int) -> list[tuple[int, str, int, int]]:
        """(item, axis, rank, factor) of the loops that led to a node, outermost first."""
        loops_outwards = []
        starts = np.array(self.starts)
        while node > 0:
            piece = int(np.searchsorted(starts, node, side="right")) - 1
            index = node - self.starts[piece]
            item, axis, rank, factors = self.loops[piece]
            loops_outwards.append((item, axis, rank, int(factors[index])))
            node = int(self.parents[piece][index])
        return loops_outwards[::-1]
