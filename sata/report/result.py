"""The result of an evaluation: tidy records, grouped as asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, overload

from sata.report.frames import frame_of
from sata.report.frozen import frozen, frozen_rows, thawed
from sata.report.record import Record
from sata.specs.text.faults import did_you_mean

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Record", "Result"]

TABLES = (
    "records", "ops", "traffic", "occupancy", "kept", "omitted", "components", "uncertainty", "prices", "architecture",
    "nests", "tensors",
)  # fmt: skip


_UNCERTAIN = ("op", "layer", "stage", "component", "class")


@dataclass(frozen=True, repr=False)
class Result:
    """What one run says. All lists hold flat dicts, so that they make tables as they are. Nothing of it can be changed.

    records: one per (op, component, tensor, action, outcome, part): op, layer, stage, component, class, tensor, kind,
        action, outcome (actual | gated | skipped | metadata), count (elements, bits of metadata, operations, links, or
        cycles of leakage), price_pj (of one of them), energy_pj (their product), part (compute | memories | wires |
        leakage).
        Energies add up: any total is a sum over records.
    ops: per op: op, layer, stage, action, group, cycles, bound_by, streams (memories at which elements stream, so that
        the time is a lower bound), seconds, computes, actual, gated, skipped, steps, instances, utilization. Cycles of
        ops add up to those of the run.
    traffic: per op, memory and tensor: instances, tile, fills, reads, updates, drains, merge_reads (dense, elements);
        format (empty: stored in full), metadata_read_bits, metadata_write_bits.
    occupancy: per group and memory: bits held at once, metadata_bits among them, limit_bits (None: unlimited).
    kept: what back-propagation keeps from the forward to the backward pass: layer, tensor, kind, bits.
    components: per node: node, class, library, instances, area_um2 and leakage_mw of all its instances (None: its class
        does not price it, and the total is None), energy_pj.
    uncertainty: per op, component and class whose numbers are uncertain: pj, standard; see `uncertainty_pj`.
    prices: every price used, with its origin. meta: version, command, inputs with their hashes, names, clock.
    architecture: a row a node, see `sata.specs.tree.arch_rows`. nests: the loop nest of every group, see
        `sata.report.nest_rows.nest_record`. tensors: a row a tensor of an op, see `sata.report.described.tensor_rows`.
    """

    records: list[Record]
    ops: list[Record]
    traffic: list[Record]
    occupancy: list[Record] = field(default_factory=list)
    kept: list[Record] = field(default_factory=list)
    omitted: list[Record] = field(default_factory=list)
    prices: list[Record] = field(default_factory=list)
    area_um2: float | None = None
    leakage_mw: float | None = None
    meta: Record = field(default_factory=dict)
    components: list[Record] = field(default_factory=list)
    uncertainty: list[Record] = field(default_factory=list)
    architecture: list[Record] = field(default_factory=list)
    nests: list[Record] = field(default_factory=list)
    tensors: list[Record] = field(default_factory=list)

    def __repr__(self) -> str:
        name, arch = self.meta.get("workload", ""), self.meta.get("arch", "")
        cycles = sum(op["cycles"] for op in self.ops)
        return f"<Result of {name} on {arch}: {len(self.ops)} ops, {self.energy_pj():.4g} pJ, {cycles:,.0f} cycles>"

    def __post_init__(self) -> None:
        """Nothing of it can be changed afterwards."""
        for name in TABLES:
            deep = name in ("nests", "architecture", "tensors")
            object.__setattr__(self, name, frozen(getattr(self, name)) if deep else frozen_rows(getattr(self, name)))
        object.__setattr__(self, "meta", frozen(self.meta))

    @property
    def total_pj(self) -> float:
        """Energy of the whole run in pJ: `energy_pj()`."""
        return self.energy_pj()

    @overload
    def energy_pj(self) -> float: ...
    @overload
    def energy_pj(self, by: str | Sequence[str]) -> dict[tuple[str, ...], float]: ...

    def energy_pj(self, by: str | Sequence[str] = ()) -> float | dict[tuple[str, ...], float]:
        """Energy in pJ: the total, or {(value of each field of `by`): pJ} in order of first appearance.

        by: a field of the records, or several: `"layer"` and `["layer"]` are the same, and give {("conv1",): pJ, ..}.
        Raises: KeyError if a field is none of a record's.
        """
        by = fields_of(by, self.records[0] if self.records else None)
        if not by:
            return float(sum(r["energy_pj"] for r in self.records))
        sums: dict[tuple[str, ...], float] = {}
        for r in self.records:
            key = tuple(r[name] for name in by)
            sums[key] = sums.get(key, 0.0) + r["energy_pj"]
        return sums

    @overload
    def uncertainty_pj(self) -> float: ...
    @overload
    def uncertainty_pj(self, by: str | Sequence[str]) -> dict[tuple[str, ...], float]: ...

    def uncertainty_pj(self, by: str | Sequence[str] = ()) -> float | dict[tuple[str, ...], float]:
        """Standard uncertainty of the energy in pJ: of the total, or {(value of each field of `by`): pJ}.

        by: a field or several: op, layer, stage, component (the node), class (whose numbers are uncertain). Numbers of
        one class err alike, so that their uncertainties add up; those of different classes are independent and add in
        quadrature. Nothing uncertain: 0.0 or {}. Raises: KeyError if a field is none of these.
        """
        by = fields_of(by, dict.fromkeys(("op", "layer", "stage", "component", "class")))
        sums: dict[tuple[str, ...], dict[str, float]] = {}
        for r in self.uncertainty:
            own = sums.setdefault(tuple(r[name] for name in by), {})
            own[r["class"]] = own.get(r["class"], 0.0) + r["pj"]
        found = {key: math.hypot(*own.values()) for key, own in sums.items()}
        return found if by else found.get((), 0.0)

    def unpriced(self, quantity: str) -> list[Record]:
        """The rows of `components` whose class does not price "area" or "leakage", for which there is no total."""
        return [c for c in self.components if c[{"area": "area_um2", "leakage": "leakage_mw"}[quantity]] is None]

    @property
    def cycles(self) -> float:
        """Cycles of the whole run: groups follow each other."""
        return float(sum(op["cycles"] for op in self.ops))

    @property
    def seconds(self) -> float | None:
        """Time of the whole run; None where the architecture has no clock."""
        clock = self.meta.get("clock_hz")
        return self.cycles / clock if clock else None

    def to_dict(self) -> Record:
        """The JSON that `--json` writes."""
        return {
            "meta": thawed(self.meta),
            "totals": {
                "energy_pj": self.energy_pj(),
                "uncertainty_pj": self.uncertainty_pj() if self.uncertainty else None,
                "cycles": self.cycles,
                "seconds": self.seconds,
                "area_um2": self.area_um2,
                "leakage_mw": self.leakage_mw,
                "kept_bits": sum(k["bits"] for k in self.kept),
            },
            **{name: thawed(getattr(self, name)) for name in TABLES},
        }

    def _repr_html_(self) -> str:
        """The totals and the tables by stage and component, as a notebook shows them."""
        from sata.report.notebook import result_html

        return result_html(self)

    def frame(self, table: str = "records") -> DataFrame:
        """One of the tables as a pandas DataFrame.

        table: "records", "ops", "traffic", "occupancy", "kept", "omitted", "components", "uncertainty", "prices",
            "architecture", "nests" or "tensors".
        Raises: KeyError for another name; ImportError, which says how to install it, if pandas, an optional dependency,
        is missing.
        """
        if table not in TABLES:
            hint = did_you_mean(table, TABLES) or f"tables: {', '.join(TABLES)}"
            raise KeyError(f"no table '{table}' in a result; {hint}")
        return frame_of(getattr(self, table), instead=f"pandas.DataFrame(result.{table})")

    def to_dataframe(self) -> DataFrame:
        """The records as a pandas DataFrame: `frame("records")`.

        Raises: ImportError, which says how to install it, if pandas, an optional dependency, is missing.
        """
        return frame_of(self.records, who="to_dataframe", instead="pandas.DataFrame(result.records)")


def fields_of(by: str | Sequence[str], known: Iterable[str] | None) -> tuple[str, ...]:
    """`"layer"`, `["layer"]`, `("op", "component")` as a tuple. known: fields that records have; None: not known.

    Raises: KeyError for a field that is not among them, with the nearest that is.
    """
    names = (by,) if isinstance(by, str) else tuple(by)
    there = None if known is None else list(known)
    for name in names:
        if there is not None and name not in there:
            hint = did_you_mean(name, there)
            raise KeyError(f"no field '{name}' in records; they have: {', '.join(there)}{'; ' if hint else ''}{hint}")
    return names
