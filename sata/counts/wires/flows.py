"""What passes the wires of an array: dense counts, and what zeros leave of them; of one mapping, or of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sata.counts.sparse.outcomes import Left

Number = Any  # a number, or an array [B]


@dataclass(frozen=True, slots=True)
class Flow:
    """A dense count, and what zeros leave of it (None: all)."""

    dense: Number
    left: Left | None


@dataclass(frozen=True, slots=True)
class Wires:
    """One operand through one array. received: words by lanes that get (or give) them; links: links passed."""

    received: Flow
    links: Flow


def summed(a: Flow, b: Flow) -> Flow:
    """Both together."""
    if a.left is None or b.left is None:
        return Flow(a.dense + b.dense, None)
    return Flow(a.dense + b.dense, Left(a.left.unskipped + b.left.unskipped, a.left.actual + b.left.actual))


def joined(each: Sequence[tuple[Wires, int]], single: bool) -> Wires:
    """Consecutive pieces of a batch as one; one mapping as numbers."""

    def flow(flows: Sequence[Flow]) -> Flow:
        if single:
            (one,) = flows
            left = None if one.left is None else Left(_number(one.left.unskipped), _number(one.left.actual))
            whole = _number(one.dense)
            return Flow(round(whole), left)
        lefts = [f.left for f in flows if f.left is not None]
        left = Left(join([x.unskipped for x in lefts]), join([x.actual for x in lefts])) if lefts else None
        return Flow(join([f.dense for f in flows]), left)

    def join(numbers: Sequence[Number]) -> Any:
        return np.concatenate([np.broadcast_to(n, (size,)) for n, (_, size) in zip(numbers, each, strict=True)])

    return Wires(flow([w.received for w, _ in each]), flow([w.links for w, _ in each]))


def _number(value: Number) -> float:
    return float(np.asarray(value).reshape(-1)[0])
