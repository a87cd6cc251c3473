"""What fused ops cost, alone and together, by the functions that `sata run` counts with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sata.costs.energy import leakage_energy_pj
from sata.costs.tally import FILLING, Tally, tally
from sata.counts.capacity import occupancies
from sata.counts.op import OpCounts
from sata.evaluation import group_cycles
from sata.nest.model import Level, OpNest
from sata.search.fused_space import joint, number_of
from sata.search.nests import PlacedLoop, loops_in_order, nest_of, shape_of
from sata.search.score import Machine, single_counts
from sata.search.space import Skeleton
from sata.specs.faults import Faults, SpecError
from sata.specs.model import Op


@dataclass(frozen=True)
class Nested:
    """A skeleton and its loops."""

    skeleton: Skeleton
    loops: tuple[PlacedLoop, ...]


@dataclass(frozen=True)
class Pair:
    """Two fused nests, whose items down to the home are the same, and (energy in pJ, cycles) of each of them."""

    nests: tuple[Nested, Nested]
    home: str
    each: tuple[tuple[float, float], ...]

    @property
    def energy_pj(self) -> float:
        return sum(energy for energy, _ in self.each)

    @property
    def cycles(self) -> float:
        return sum(cycles for _, cycles in self.each)

    def value(self, objective: str) -> float:
        """Of energy or cycles."""
        return self.energy_pj if objective == "energy" else self.cycles


def paired(maker: Nested, taker: Nested, prefix: Sequence[str], on: Machine) -> Pair | None:
    """Two nests with the same loops down to the end of the prefix as a pair, or None if they do not fit together.

    Items that only one of them has are put into the other. The taker has the items of both already.
    """
    taker_first = _outer(taker, prefix)
    skeleton = joint(maker.skeleton, taker.skeleton, prefix)
    moved = _moved(maker, skeleton, prefix)
    both = (Nested(skeleton, (*taker_first, *moved)), taker)
    each = together([shared_nest(n, prefix[-1]) for n in both], on)
    return None if each is None else Pair(both, prefix[-1], each)


def _outer(nested: Nested, prefix: Sequence[str]) -> tuple[PlacedLoop, ...]:
    """The loops above the home."""
    home = number_of(nested.skeleton, prefix[-1])
    return tuple(p for p in nested.loops if p.item < home)


def _moved(nested: Nested, to: Skeleton, prefix: Sequence[str]) -> tuple[PlacedLoop, ...]:
    """The loops below the home, for a skeleton with other items above it."""
    home = number_of(nested.skeleton, prefix[-1])
    further = number_of(to, prefix[-1]) - home
    return tuple(replace(p, item=p.item + further) for p in nested.loops if p.item >= home)


def shared_nest(nested: Nested, home: str) -> OpNest:
    """The resolved nest, shared down to its home. Raises: ValueError as `nest_of`."""
    nest = nest_of(nested.skeleton, nested.loops)
    last = next(n for n, i in enumerate(nest.items) if isinstance(i, Level) and i.memory.name == home)
    return replace(nest, shared=last + 1)


def together(nests: Sequence[OpNest], on: Machine) -> tuple[tuple[float, float], ...] | None:
    """(energy in pJ with leakage, cycles) of each of a group, or None if it does not fit or is uncountable."""
    counts = _counts(nests)
    if counts is None or not all(o.fits for o in occupancies(counts, on.bits)):
        return None
    tallies = _tallies(counts, on)
    _, cycles = group_cycles(tallies)
    return tuple((_energy(t, c, on), c) for t, c in zip(tallies, cycles, strict=True))


def _counts(nests: Sequence[OpNest]) -> list[OpCounts] | None:
    try:
        return [single_counts(nest, *shape_of(nest)) for nest in nests]
    except SpecError:
        return None


def _tallies(counts: Sequence[OpCounts], on: Machine) -> list[Tally]:
    faults = Faults()
    found = [tally(c, on.prices, on.bits, faults) for c in counts]
    faults.check()
    return found


def _energy(found: Tally, cycles: float, on: Machine) -> float:
    """Summed as `sata run` sums."""
    energies = [r["energy_pj"] for r in found.records]
    if on.clock_hz is not None and cycles:
        energies += [float(leakage_energy_pj(mw, cycles / on.clock_hz, n)) for mw, n in on.leaks]
    return float(sum(energies))


def alone(nested: Nested, on: Machine, computes: bool) -> tuple[float, float] | None:
    """(energy, cycles) of a nest as far as they are sure to be among those of any group that has it: cycles of its
    compute (where they count) and of filling, and what leaks meanwhile. None if it does not fit."""
    nest = nest_of(nested.skeleton, nested.loops)
    counts = _counts([nest])
    if counts is None or not all(o.fits for o in occupancies(counts, on.bits)):
        return None
    found = _tallies(counts, on)[0]
    cycles = found.cycles.get(FILLING, 0.0) + (found.cycles[nest.compute.name] if computes else 0.0)
    return _energy(found, cycles, on), cycles


def held(nested: Nested, other: Op, names: Sequence[str], on: Machine) -> dict[str, float]:
    """Bits that each of the named memories holds of the nest's tensors, but those that the other op has too."""
    counts = _counts([nest_of(nested.skeleton, nested.loops)])
    common = {t.name for t in other.tensors}
    found = {
        o.memory.name: float(sum(tile.bits for name, tile in o.tiles.items() if name not in common))
        for o in occupancies(counts or [], on.bits)
    }
    return {name: bits for name, bits in found.items() if name in names}


def ordered(nested: Nested) -> Nested:
    """With its loops in order, as they are printed."""
    return Nested(nested.skeleton, tuple(loops_in_order(nested.skeleton, nested.loops)))
