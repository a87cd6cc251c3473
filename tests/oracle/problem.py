"""What the oracle counts: ranks, tensors and one nest, in plain frozen dataclasses.

Nothing here depends on the product. A nest is a tuple, outermost first, of

- ``("memory", name, (tensor names kept, ...))``
- ``("loop", rank, factor)``: a temporal loop
- ``("array", name, multicast, reduce, ((rank, factor), ...))``: spatial loops, outermost first;
  multicast is ``none``, ``tile`` or ``element``, reduce a bool
- ``("compute",)``: last, exactly once

Factors are literal; the outermost loop of a rank must have factor ``ceil(bound / stride)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Node = tuple[Any, ...]


@dataclass(frozen=True)
class Dim:
    """One dimension of a tensor: ``sum(coef * rank) + offset``, existing where it lies in ``[0, size)``."""

    ranks: dict[str, int]
    offset: int = 0
    size: int = 1

    def span(self, bounds: dict[str, int]) -> tuple[int, int]:
        """Return the smallest and the largest index the ranks reach, before clipping."""
        low = self.offset + sum(min(0, c * (bounds[r] - 1)) for r, c in self.ranks.items())
        high = self.offset + sum(max(0, c * (bounds[r] - 1)) for r, c in self.ranks.items())
        return low, high


@dataclass(frozen=True)
class Tensor:
    """A tensor of the op: its role (``input`` or ``output``) and how the ranks index it."""

    name: str
    role: str
    dims: tuple[Dim, ...]
    initialised: bool = False

    @property
    def ranks(self) -> frozenset[str]:
        """The ranks that index this tensor."""
        return frozenset(r for d in self.dims for r in d.ranks)


@dataclass(frozen=True)
class Loop:
    """One loop of a nest, temporal or spatial, with its stride in the mixed radix number of its rank."""

    rank: str
    factor: int
    stride: int
    node: int  # index of its node in the nest
    array: int | None = None  # the same, if the node is an array: the loop is spatial


@dataclass(frozen=True)
class Problem:
    """One op and one nest."""

    ranks: dict[str, int]
    tensors: tuple[Tensor, ...]
    nest: tuple[Node, ...]
    loops: tuple[Loop, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Lay the loops out flat, outermost first, and refuse what is not a legal nest."""
        flat: list[tuple[str, int, int, int | None]] = []
        for at, node in enumerate(self.nest):
            if node[0] == "loop":
                flat.append((node[1], node[2], at, None))
            elif node[0] == "array":
                flat += [(rank, factor, at, at) for rank, factor in node[4]]
        stride = dict.fromkeys(self.ranks, 1)
        loops = []
        outermost: dict[str, Loop] = {}
        for rank, factor, at, array in reversed(flat):
            outermost[rank] = Loop(rank, factor, stride[rank], at, array)
            loops.append(outermost[rank])
            stride[rank] *= factor
        object.__setattr__(self, "loops", tuple(reversed(loops)))
        for rank, bound in self.ranks.items():
            loop = outermost.get(rank, Loop(rank, 1, 1, -1))
            if loop.factor != -(-bound // loop.stride):
                raise ValueError(f"outermost loop of {rank} (bound {bound}, stride {loop.stride}) has {loop.factor}")
        if [n[0] for n in self.nest].count("compute") != 1 or self.nest[-1][0] != "compute":
            raise ValueError("a nest ends in its one compute")
        for tensor in self.tensors:
            indexing = [r for d in tensor.dims for r in d.ranks]
            if len(indexing) != len(set(indexing)):
                raise ValueError(f"a rank indexes two dimensions of {tensor.name}")
            if not self.chain(tensor.name)[:-1]:
                raise ValueError(f"no memory keeps {tensor.name}")

    def chain(self, tensor: str) -> list[int]:
        """Return the positions in the nest of the memories that keep a tensor, outermost first, then the compute."""
        keeping = [at for at, n in enumerate(self.nest) if n[0] == "memory" and tensor in n[2]]
        return [*keeping, len(self.nest) - 1]

    @property
    def combinations(self) -> int:
        """Number of index combinations of all loops, existing points or not."""
        product = 1
        for loop in self.loops:
            product *= loop.factor
        return product
