"""What fused ops cost, alone and together, by the functions that `sata run` counts with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sata.costs.energy import leakage_energy_pj
from sata.costs.group import group_time
from sata.costs.tally import Tally, tally
from sata.counts.op.capacity import occupancies
from sata.counts.op.results import OpCounts
from sata.nest.model import NestLevel, OpNest
from sata.search.model.exact import Machine, single_counts
from sata.search.model.lagrangian import PricedPort
from sata.search.model.objective import Objective
from sata.search.space.nests import PlacedLoop, loops_in_order, nest_of, shape_of
from sata.search.space.storage_templates import StorageTemplate
from sata.specs.text.faults import Faults, SpecError


@dataclass(frozen=True)
class MemberNest:
    """A storage template and its loops."""

    template: StorageTemplate
    loops: tuple[PlacedLoop, ...]


@dataclass(frozen=True)
class FusedGroup:
    """Fused nests, whose items down to the home are the same, and (energy in pJ, cycles) of each of them."""

    nests: tuple[MemberNest, ...]
    home: str
    each: tuple[tuple[float, float], ...]

    @property
    def energy_pj(self) -> float:
        return sum(energy for energy, _ in self.each)

    @property
    def cycles(self) -> float:
        return sum(cycles for _, cycles in self.each)

    def value(self, objective: str) -> float:
        """Of an objective, of all ops together."""
        return Objective(objective).of(self.energy_pj, self.cycles)


def shared_nest(nested: MemberNest, home: str) -> OpNest:
    """The resolved nest, shared down to its home. Raises: ValueError as `nest_of`."""
    nest = nest_of(nested.template, nested.loops)
    last = next(n for n, i in enumerate(nest.items) if isinstance(i, NestLevel) and i.memory.name == home)
    return replace(nest, shared=last + 1)


def group_figures(nests: Sequence[OpNest], on: Machine) -> tuple[tuple[float, float], ...] | None:
    """(energy in pJ with leakage, cycles) of each of a group, or None if it does not fit or is uncountable."""
    counts = _counts(nests)
    if counts is None or not all(o.fits for o in occupancies(counts, on.bits)):
        return None
    tallies = _tallies(counts, on)
    cycles = group_time([t.time for t in tallies]).each
    return tuple((_energy(t, c, on), c) for t, c in zip(tallies, cycles, strict=True))


def bound_by(group: FusedGroup, on: Machine) -> tuple[PricedPort, ...] | None:
    """The memory that bounds a group, for each op in the direction that takes it longer; None if none does."""
    counts = _counts([shared_nest(n, group.home) for n in group.nests]) or []
    name = group_time([t.time for t in _tallies(counts, on)]).bound_by
    memory = next((i for i in group.nests[0].template.memories if i.name == name), None)
    if memory is None:
        return None
    directions = PricedPort(memory, False), PricedPort(memory, True)
    return tuple(max(directions, key=lambda port: port.cycles(c, on.bits)) for c in counts)


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


def alone(
    nested: MemberNest, on: Machine, computes: bool, port: PricedPort | None = None
) -> tuple[float, float] | None:
    """(energy, cycles) of a nest as far as they are sure to be among those of any group that has it: cycles of its
    compute (where they count), or of a port instead, and what leaks meanwhile. None if it does not fit."""
    nest = nest_of(nested.template, nested.loops)
    counts = _counts([nest])
    if counts is None or not all(o.fits for o in occupancies(counts, on.bits)):
        return None
    found = _tallies(counts, on)[0]
    cycles = 0.0
    if port is not None:
        cycles = port.cycles(counts[0], on.bits)
    elif computes:
        cycles = found.time.totals[nest.compute.name]
    return _energy(found, cycles, on), cycles


def ordered(nested: MemberNest) -> MemberNest:
    """With its loops in order, as they are printed."""
    return MemberNest(nested.template, tuple(loops_in_order(nested.template, nested.loops)))
