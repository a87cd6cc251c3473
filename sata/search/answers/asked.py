"""Does a nest hold what a user asked of it? Read from the resolved nest alone, loop by loop: the search narrows its
space by other code (`storage_templates`, `unrolling`, `asked`), so that a slip there is seen here."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import prod

import numpy as np

from sata.nest.model import BoundLoop, NestLevel, OpNest
from sata.search.space.busy_lanes import busy_lanes
from sata.search.space.storage_templates import Constraints
from sata.specs.model import Arch, Array, Compute, Memory, Tensor

MOST = 1 << 20  # indices of a rank that are looked at one by one


def unmet(nest: OpNest, arch: Arch, asked: Constraints) -> list[str]:
    """A sentence for everything that is asked of an op and that its nest does not hold; none if it holds all."""
    return [*_ends(nest, asked), *_kept(nest, arch, asked), *_lanes(nest, arch, asked), *_loops(nest, asked)]


def _ends(nest: OpNest, asked: Constraints) -> Iterator[str]:
    if asked.compute and nest.compute.name != asked.compute:
        yield f"it ends in {nest.compute.name}, and 'compute' asks for {asked.compute}"


def _way(nest: OpNest, arch: Arch) -> list[Memory | Array | Compute]:
    """The nodes that the architecture has on the way to the nest's compute, those that do nothing included."""
    return [node for way in arch.ways() if way[-1].name == nest.compute.name for node in way]


def _kept(nest: OpNest, arch: Arch, asked: Constraints) -> Iterator[str]:
    keeps = {level.memory.name: level.keeps for level in nest.levels}
    for memory in _way(nest, arch):
        if not isinstance(memory, Memory):
            continue
        must, never = asked.keep.get(memory.name, ()), asked.bypass.get(memory.name, ())
        for tensor in nest.op.tensors:
            if tensor.local:
                continue
            kept, names = tensor.name in keeps.get(memory.name, ()), {tensor.name, tensor.kind}
            if kept and names & set(never):
                yield f"{memory.name} keeps {tensor.kind} '{tensor.name}', which 'bypass' forbids"
            if not kept and names & set(must) and not names & set(never) and _may_keep(memory, tensor):
                yield f"{memory.name} does not keep {tensor.kind} '{tensor.name}', which 'keep' asks for"


def _may_keep(memory: Memory, tensor: Tensor) -> bool:
    """Whether the architecture lets a memory keep a tensor: any if it says nothing."""
    if memory.keep is None and memory.may_keep is None:
        return True
    return bool({tensor.name, tensor.kind} & {*(memory.keep or ()), *(memory.may_keep or ())})


def _lanes(nest: OpNest, arch: Arch, asked: Constraints) -> Iterator[str]:
    for loop in nest.loops:
        allowed = asked.ranks.get((str(loop.array), str(loop.axis)))
        if loop.factor > 1 and allowed is not None and loop.rank not in allowed:
            listed = ", ".join(allowed) or "none"
            yield f"{loop.array}.{loop.axis} unrolls rank {loop.rank}, and 'spatial' allows {listed}"
    least = Fraction(repr(asked.utilization))
    if not least:
        return
    for array in _way(nest, arch):
        for name, size in array.shape.items() if isinstance(array, Array) else ():
            lanes = Fraction(1)
            for rank in nest.op.ranks:
                lanes *= _working(nest, rank, (array.name, name))
            if lanes / size < least:
                said = f"{float(lanes):.6g} of {size} lanes"
                yield f"{array.name}.{name} uses {said}, and 'utilization' asks for {asked.utilization:g} of them"


def _working(nest: OpNest, rank: str, axis: tuple[str, str]) -> Fraction:
    """Lanes of an axis that a rank keeps busy on average: index by index, as long as these are few."""
    loops = [loop for loop in nest.loops if loop.rank == rank and loop.factor > 1]
    bound, places = nest.op.ranks[rank], [(str(p.array), str(p.axis)) if p.array else None for p in loops]
    if axis not in places:
        return Fraction(1)
    if prod(p.factor for p in loops) == bound:
        return Fraction(prod(p.factor for p, place in zip(loops, places, strict=True) if place == axis))
    if bound > MOST:
        return busy_lanes(
            bound, [(f"{place}" if place else "", p.factor) for p, place in zip(loops, places, strict=True)], f"{axis}"
        )
    indices = np.arange(bound)
    digits = [indices // p.stride % p.factor for p in loops]
    others = np.logical_or.reduce(
        [d > 0 for d, at in zip(digits, places, strict=True) if at not in (None, axis)] or [indices < 0]
    )
    idle = np.logical_or.reduce([d > 0 for d, at in zip(digits, places, strict=True) if at is not None])
    return Fraction(int(np.count_nonzero(~others)), int(np.count_nonzero(~idle)))


def _loops(nest: OpNest, asked: Constraints) -> Iterator[str]:
    """What is asked of the temporal loops right below a memory or an array."""
    below: dict[str, list[BoundLoop]] = {}
    node = ""
    for item in nest.items:
        if isinstance(item, BoundLoop):
            if item.array is None and item.factor > 1:
                below.setdefault(node, []).append(item)
        else:
            node = item.memory.name if isinstance(item, NestLevel) else item.name
    for name, ranks in asked.factors.items():
        for rank, (least, most) in ranks.items():
            product = prod(loop.factor for loop in below.get(name, ()) if loop.rank == rank)
            if rank in nest.op.ranks and not least <= product <= most:
                yield f"the loops over {rank} below {name} make {product}, which 'factors' does not allow"
    for name, order in asked.order.items():
        places = [order.index(loop.rank) for loop in below.get(name, ()) if loop.rank in order]
        if places != sorted(places):
            yield f"the loops below {name} do not stand in the order that 'order' asks for"
