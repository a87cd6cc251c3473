"""The result of an evaluation: tidy records, grouped as asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]


_UNCERTAIN = ("op", "layer", "stage", "component", "class")


@dataclass(frozen=True, repr=False)
class Result:
    """What one run says. All lists hold flat dicts, so that they make tables as they are.

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

    def energy_pj(self, by: Sequence[str] | str = ()) -> Any:
        """Energy in pJ: the total, or {(value of each field of `by`): pJ} in order of first appearance.

        Raises: KeyError if a field is none of a record's.
        """
        by = (by,) if isinstance(by, str) else by
        if not by:
            return sum(r["energy_pj"] for r in self.records)
        unknown = [name for name in by if self.records and name not in self.records[0]]
        if unknown:
            raise KeyError(f"no field '{unknown[0]}' in records; they have: {', '.join(self.records[0])}")
        sums: dict[tuple[Any, ...], float] = {}
        for r in self.records:
            key = tuple(r[name] for name in by)
            sums[key] = sums.get(key, 0.0) + r["energy_pj"]
        return sums

    def uncertainty_pj(self, by: Sequence[str] | str = ()) -> Any:
        """Standard uncertainty of the energy in pJ: of the total, or {(value of each field of `by`): pJ}.

        Fields: op, layer, stage, component (the node), class (whose numbers are uncertain). Numbers of one class err
        alike, so that their uncertainties add up; those of different classes are independent and add in quadrature.
        Nothing uncertain: 0.0 or {}. Raises: KeyError if a field is none of these.
        """
        by = (by,) if isinstance(by, str) else by
        unknown = [name for name in by if name not in _UNCERTAIN]
        if unknown:
            raise KeyError(f"no field '{unknown[0]}' in uncertainties; they have: {', '.join(_UNCERTAIN)}")
        sums: dict[tuple[Any, ...], dict[str, float]] = {}
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
            "meta": self.meta,
            "totals": {
                "energy_pj": self.energy_pj(),
                "uncertainty_pj": self.uncertainty_pj() if self.uncertainty else None,
                "cycles": self.cycles,
                "seconds": self.seconds,
                "area_um2": self.area_um2,
                "leakage_mw": self.leakage_mw,
                "kept_bits": sum(k["bits"] for k in self.kept),
            },
            "records": self.records,
            "ops": self.ops,
            "traffic": self.traffic,
            "occupancy": self.occupancy,
            "kept": self.kept,
            "omitted": self.omitted,
            "components": self.components,
            "uncertainty": self.uncertainty,
            "prices": self.prices,
            "architecture": self.architecture,
            "nests": self.nests,
            "tensors": self.tensors,
        }

    def _repr_html_(self) -> str:
        """The totals and the tables by stage and component, as a notebook shows them."""
        from sata.report.notebook import result_html

        return result_html(self)

    def to_dataframe(self) -> Any:
        """The records as a pandas DataFrame.

        Raises: ImportError, which says how to install it, if pandas, an optional dependency, is missing.
        """
        try:
            import pandas
        except ImportError as error:
            hint = "pip install 'sata[pandas]'; without it, pandas.DataFrame(result.records) or --csv elsewhere"
            raise ImportError(f"to_dataframe needs pandas: {hint}", name=error.name) from None

        return pandas.DataFrame(self.records)
