"""What a search is given to start from and what it finds: mappings as points, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sata.search.model.objective import Objective
from sata.search.space.nests import PlacedLoop


@dataclass(frozen=True)
class MappingPoint:
    """One mapping: its figures as `sata run` has them, the memories' keeps, its loops (item numbers of `items`)."""

    energy_pj: float
    cycles: float
    items: tuple[str, ...]
    keeps: Mapping[str, tuple[str, ...]]
    loops: tuple[PlacedLoop, ...]


@dataclass(frozen=True)
class Start:
    """A mapping that is known already: of one op, or of several, which part below the memory `split` (""
    where each has a nest of its own). origin: whose it is, such as the name of a file."""

    ops: tuple[str, ...]
    points: tuple[MappingPoint, ...]
    split: str
    origin: str

    def value(self, objective: str) -> float:
        """Of all its ops together."""
        return sum(value_at(objective, point) for point in self.points)


@dataclass(frozen=True)
class FusionCertificate:
    """What is known of ops that were searched together (`groups`). split: the memory below which they part, "" where
    they are better apart. value, bound: of the objective, of the ops together; apart: of the best unfused ones that
    were found; fused: what no fused nests are below. kinds: ways to fuse. loops: (rank, factor) of loops right below
    the split's memory that are shared, too: of the ops of a cycle (`cycles`)."""

    ops: tuple[str, ...]
    split: str
    value: float
    bound: float
    proven: bool
    apart: float
    fused: float
    kinds: int
    loops: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Answer:
    """What was found. points: the optimum, or the Pareto front by energy; empty: nothing fits.

    proven: nothing in the space is better. bound: what no mapping of the space is below (of the objective; for a
    Pareto front of the product of energy and cycles). interrupted: by the user or the budget. members: of a group the
    answers of its ops; fusion: of those and of the group. origin: of a nest that was there before the search, whose it
    is. cached: found by an earlier search, its proof too.
    """

    op: str
    objective: str
    points: tuple[MappingPoint, ...]
    proven: bool
    bound: float
    skeletons: int
    seconds: float
    ragged: bool
    interrupted: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)
    members: tuple[Answer, ...] = ()
    fusion: FusionCertificate | None = None
    origin: str = ""
    cached: bool = field(default=False, compare=False)

    @property
    def gap(self) -> float:
        """How far the best may be above the optimum, as a share of the bound; 0 where it is proven."""
        if self.proven or not self.points:
            return 0.0
        best = min(value_at(self.objective, p) for p in self.points)
        return best / self.bound - 1.0 if self.bound > 0 else float("inf")


def value_at(objective: str, point: MappingPoint) -> float:
    """Of an objective; for a Pareto front the product."""
    return Objective(objective).of(point.energy_pj, point.cycles)
