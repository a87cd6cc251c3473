"""The nodes of a nest as a mapping writes it: memories, loops, arrays, computes, splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sata.specs.text.faults import Where


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop as written: `factor` None is `*`, whatever the other loops of the rank leave of it. `axis`: spatial."""

    rank: str
    factor: int | None
    axis: str | None = None
    where: Where = field(default=Where(), compare=False)


@dataclass(frozen=True, slots=True)
class MapMemory:
    """A memory in a nest; `keep` None is all that the architecture allows, () is nothing; what is in `bypass` is not
    kept in any case. Kinds or tensor names."""

    name: str
    keep: tuple[str, ...] | None = None
    where: Where = field(default=Where(), compare=False)
    bypass: tuple[str, ...] = ()
    places: Mapping[str, Where] = field(default_factory=dict, compare=False)  # of the names in `keep` and `bypass`


@dataclass(frozen=True, slots=True)
class MapLoops:
    """`for:` temporal loops, outermost first."""

    loops: tuple[Loop, ...]
    where: Where = field(default=Where(), compare=False)


@dataclass(frozen=True, slots=True)
class MapArray:
    """`array:` with its spatial loops, in the order written."""

    name: str
    loops: tuple[Loop, ...]
    where: Where = field(default=Where(), compare=False)


@dataclass(frozen=True, slots=True)
class MapCompute:
    """`compute:` at the bottom of a nest."""

    name: str
    where: Where = field(default=Where(), compare=False)


@dataclass(frozen=True, slots=True)
class MapSplit:
    """`split:` from here each fused op goes its own way, in the order of the entry's patterns."""

    ways: tuple[tuple[NestNode, ...], ...]
    where: Where = field(default=Where(), compare=False)


NestNode = MapMemory | MapLoops | MapArray | MapCompute | MapSplit
