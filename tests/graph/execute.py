"""Fused nests run on numbers, turn by turn, and the same ops run one after the other. Shares no code with sata/.

An op here is a list of references and what it does with their values: `sum` adds the product of the inputs to the
output (which begins from nothing unless the op says initialised), `map` puts a function of them there, `scan` has a
state along t beside. What nobody has made yet is 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

Index = tuple[tuple[tuple[str, int], ...], int]  # (rank, coefficient)..., offset
Loop = tuple[str, int, bool]  # rank, factor, in lanes
Store = dict[tuple[str, tuple[int, ...]], float]


@dataclass(frozen=True)
class Ref:
    """A tensor and its indices; what lies beyond `shape` does not exist."""

    name: str
    index: tuple[Index, ...]
    shape: tuple[int, ...]

    def place(self, point: Mapping[str, int]) -> tuple[int, ...] | None:
        """The element that is meant at a point; None if there is none."""
        at = tuple(offset + sum(c * point[r] for r, c in terms) for terms, offset in self.index)
        return at if all(0 <= i < n for i, n in zip(at, self.shape, strict=True)) else None

    def text(self) -> str:
        """As statements write it."""
        parts = []
        for terms, offset in self.index:
            own = "+".join(r if c == 1 else f"{c}*{r}" for r, c in terms)
            parts.append(own + (f"{offset:+d}" if offset else ""))
        return f"{self.name}[{','.join(parts)}]"


@dataclass(frozen=True)
class Action:
    """An op. state: a tensor that a `scan` carries along t. more: what tensors say beside kind and shape."""

    name: str
    sort: str  # sum | map | scan
    ranks: Mapping[str, int]
    output: Ref
    inputs: tuple[Ref, ...]
    state: Ref | None = None
    down: bool = False  # a scan that runs along t from the end
    more: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """In op form."""
        left = self.output.text() if self.state is None else f"{self.state.text()}, {self.output.text()}"
        right = " * ".join(r.text() for r in self.inputs)
        if self.sort != "sum":
            right = f"f({', '.join(r.text() for r in self.inputs)})"
        refs = [self.output, *self.inputs, *([self.state] if self.state else [])]
        tensors = {r.name: {"kind": "current", "shape": list(r.shape), **self.more.get(r.name, {})} for r in refs}
        data = {"name": self.name, "layer": "h", "action": "a", "ranks": dict(self.ranks), "tensors": tensors}
        data["compute"] = f"{left} {'+=' if self.sort == 'sum' else '='} {right}"
        order = {"t": "descending"} if self.down else ["t"]
        return data | ({"sequential": order} if self.sort == "scan" else {})

    def at(self, point: Mapping[str, int], store: Store) -> None:
        """What happens at one point."""
        values = [store.get((r.name, place), 0.0) if (place := r.place(point)) else 0.0 for r in self.inputs]
        target = self.output.place(point)
        if target is None:
            return
        key = self.output.name, target
        if self.sort == "sum":  # what is there before counts only where the op says so
            begun = self.more.get(self.output.name, {}).get("initialised") or ("begun " + self.name, target) in store
            store["begun " + self.name, target] = 1.0
            store[key] = (store.get(key, 0.0) if begun else 0.0) + math.prod(values)
            return
        if self.state is None:
            store[key] = math.sin(sum((n + 1) * v for n, v in enumerate(values)) + 0.3)
            return
        own = self.state.place(point)
        assert own is not None
        before = store.get((self.state.name, own), 0.0)
        now = 0.7 * before + sum(values)
        store[self.state.name, own], store[key] = math.cos(now), math.sin(now + 0.2)


def points(
    ranks: Mapping[str, int], loops: Sequence[Loop], above: Mapping[int, int], back: bool, down: bool
) -> Iterator[dict[str, int]]:
    """The points that loops reach, in order; above: number of a loop -> its turn, for those that are fixed. back: lanes
    in the other order, since nothing says which is first. down: t from the end."""
    turns = []
    for n, (_, factor, lanes) in enumerate(loops):
        every = [above[n]] if n in above else list(range(factor))
        turns.append(every[::-1] if lanes and back else every)
    strides = [math.prod(f for r, f, _ in loops[n + 1 :] if r == rank) for n, (rank, _, _) in enumerate(loops)]
    for chosen in product(*turns):
        point = dict.fromkeys(ranks, 0)
        for turn, stride, (rank, _, _) in zip(chosen, strides, loops, strict=True):
            point[rank] += turn * stride
        if all(point[r] < bound for r, bound in ranks.items()):
            yield {**point, "t": ranks["t"] - 1 - point["t"]} if down and "t" in ranks else point


def fused(
    group: Sequence[Action], shared: Sequence[Loop], own: Sequence[Sequence[Loop]], store: Store, back: bool
) -> None:
    """Every turn of the shared loops: one op after the other, each with its own loops. Lanes work side by side: each
    step of theirs is done in all of them, so all ops of one lane come before those of the next."""
    down = any(action.down for action in group)
    turns = [list(range(f))[::-1] if lanes and back else list(range(f)) for _, f, lanes in shared]
    for chosen in product(*turns):
        for action, inner in zip(group, own, strict=True):
            for point in points(action.ranks, [*shared, *inner], dict(enumerate(chosen)), back, down):
                action.at(point, store)


def in_order(blocks: Sequence[Sequence[Action]], store: Store) -> None:
    """One op after the other; those of a block of several (a cycle) one step of t after the other."""
    for block in blocks:
        down = any(action.down for action in block)
        for step in _steps(block[0].ranks["t"], down) if len(block) > 1 else [None]:
            for action in block:
                ranks = ["t", *(r for r in action.ranks if r != "t")] if "t" in action.ranks else list(action.ranks)
                turns = [_steps(action.ranks[r], down and r == "t") for r in ranks]
                for values in product(*turns):
                    point = dict(zip(ranks, values, strict=True))
                    if step is None or point["t"] == step:
                        action.at(point, store)


def _steps(bound: int, down: bool) -> list[int]:
    return list(range(bound))[::-1] if down else list(range(bound))


def equal(one: Store, other: Store) -> bool:
    """Whether all that was made is the same, up to rounding."""
    return one.keys() == other.keys() and all(
        math.isclose(v, other[k], rel_tol=1e-9, abs_tol=1e-12) for k, v in one.items()
    )
