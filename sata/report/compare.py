"""Two results side by side: what changed, by how much, and which counts or prices made it so.

The energy of a record is its count times an energy per count. Between two results the change of a record splits into
(count_b - count_a) x each_a, because of counts, and count_b x (each_b - each_a), because of prices; the two add up to
the change. A record that only one result has is a change of counts. Leakage counts cycles: more time is more counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sata.report.parts import LEAKAGE, leaks
from sata.report.result import Record, Result
from sata.report.sums import sums

TOTALS = ("energy_pj", "cycles", "seconds", "area_um2", "leakage_mw", "kept_bits")
EACH = ("stage", "layer", "op", "component", "kind")  # what `--each` may name
_RECORD = ("op", "component", "tensor", "action", "outcome")  # what tells records apart, with whether they are leakage
_PART = ("component", "kind", "action", "outcome")  # what changes are summed by
_ROUNDING = 1e-12  # a smaller share of an energy is a float's last digits, and no price


@dataclass(frozen=True, slots=True)
class Change:
    """A number in both results; None: one has none. what: `energy_pj`, of: `stage forward`, or "" of the whole run."""

    what: str
    of: str
    a: float | None
    b: float | None

    @property
    def relative(self) -> float:
        """(b - a) / a; infinite from nothing, or where only one has the number."""
        if self.a == self.b:
            return 0.0
        return (self.b - self.a) / abs(self.a) if self.a and self.b is not None else math.inf

    def data(self) -> Record:
        relative = self.relative
        return {"what": self.what, "of": self.of, "a": self.a, "b": self.b,
                "relative": relative if math.isfinite(relative) else None}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """totals: of the run. each: further numbers that were asked for. inputs: what went in and differs: what, a, b.

    causes: changes of energy by component, kind, action and outcome, the largest first: change_pj, counts_pj,
    prices_pj, count_a, count_b, a, b (pJ). times: changes of cycles by op, the largest first: a, b, bound_a, bound_b
    (None: only one result has the op).
    """

    totals: tuple[Change, ...]
    each: tuple[Change, ...]
    causes: tuple[Record, ...]
    times: tuple[Record, ...]
    inputs: tuple[Record, ...]

    def beyond(self, tolerance: float) -> list[Change]:
        """The changes larger than a share of the first result's number."""
        return [c for c in (*self.totals, *self.each) if abs(c.relative) > tolerance]

    def data(self) -> Record:
        """The same as plain data, for JSON."""
        return {
            "totals": [c.data() for c in self.totals],
            "each": [c.data() for c in self.each],
            "causes": list(self.causes),
            "times": list(self.times),
            "inputs": list(self.inputs),
        }


def compare(a: Result, b: Result, each: Sequence[str] = ()) -> Comparison:
    """The second result against the first. each: fields of `EACH` by which energy and cycles are compared too."""
    totals = [_total(r) for r in (a, b)]
    changes = tuple(Change(name, "", totals[0][name], totals[1][name]) for name in TOTALS
                    if any(t[name] is not None for t in totals))  # fmt: skip
    return Comparison(
        changes,
        tuple(change for field in each for change in _each(field, a, b)),
        tuple(_causes(a, b)),
        tuple(_times(a, b)),
        tuple(_inputs(a, b)),
    )


def _total(result: Result) -> dict[str, float | None]:
    found = {name: result.to_dict()["totals"].get(name) for name in TOTALS}
    if not result.kept:
        found["kept_bits"] = None
    found["energy_pj"] = math.fsum(r["energy_pj"] for r in result.records)  # independent of the order of records
    return found


def _each(field: str, a: Result, b: Result) -> list[Change]:
    """Energy, and where ops have the field cycles, of every value of a field that either result has."""
    found = []
    for what, rows in (("energy_pj", [a.records, b.records]), ("cycles", [a.ops, b.ops])):
        if what == "cycles" and field in ("component", "kind"):
            continue
        both = [sums(side, lambda r: r[field], what) for side in rows]
        for name in dict.fromkeys((*both[0], *both[1])):
            label = f"{field} {name or '(none)'}"
            found.append(Change(what, label, both[0].get(name), both[1].get(name)))
    return found


def _causes(a: Result, b: Result) -> list[Record]:
    """The change of energy by part, split into what counts and what prices did; parts without a change are left out."""
    sides = [_records(result) for result in (a, b)]
    parts: dict[tuple[tuple[str, ...], bool], list[tuple[float, float, float, float, float, float]]] = {}
    for key in dict.fromkeys((*sides[0], *sides[1])):
        (count_a, energy_a, part_a), (count_b, energy_b, part_b) = (s.get(key, (0.0, 0.0, ())) for s in sides)
        part, leaking = part_a or part_b, key[-1] == LEAKAGE
        if leaking and not (part_a and part_b):
            counts, prices = 0.0, energy_b - energy_a  # it leaks for as long as the run takes; only one prices that
        else:
            counts, prices = _split(count_a, energy_a, count_b, energy_b)
        parts.setdefault((part, leaking), []).append((energy_a, energy_b, counts, prices, count_a, count_b))
    found = []
    for (part, _), rows in parts.items():
        energy_a, energy_b, counts, prices, count_a, count_b = (math.fsum(column) for column in zip(*rows, strict=True))
        if all(row[0] == row[1] and row[4] == row[5] for row in rows):
            continue
        found.append({**dict(zip(_PART, part, strict=True)), "a": energy_a, "b": energy_b,
                      "change_pj": energy_b - energy_a, "counts_pj": counts, "prices_pj": prices,
                      "count_a": count_a, "count_b": count_b})  # fmt: skip
    return sorted(found, key=lambda row: -abs(row["change_pj"]))


def _split(count_a: float, energy_a: float, count_b: float, energy_b: float) -> tuple[float, float]:
    """(pJ because of counts, pJ because of prices) of one record's change. A record without a count has no price."""
    if count_a == count_b:
        return 0.0, energy_b - energy_a
    if not count_a or not count_b:
        return energy_b - energy_a, 0.0
    counts = (count_b - count_a) * (energy_a / count_a)
    prices = energy_b - energy_a - counts
    rounding = _ROUNDING * max(abs(energy_a), abs(energy_b))
    return (counts, prices) if abs(prices) > rounding else (energy_b - energy_a, 0.0)


def _records(result: Result) -> dict[tuple[str, ...], tuple[float, float, tuple[str, ...]]]:
    """(count, energy, part) by what tells records apart. Numbers of the same record twice add up."""
    found: dict[tuple[str, ...], tuple[float, float, tuple[str, ...]]] = {}
    for r in result.records:
        key = (*(r[name] for name in _RECORD), LEAKAGE if leaks(r) else "")
        count, energy, _ = found.get(key, (0.0, 0.0, ()))
        found[key] = count + r["count"], energy + r["energy_pj"], tuple(r[name] for name in _PART)
    return found


def _times(a: Result, b: Result) -> list[Record]:
    sides = [{op["op"]: op for op in result.ops} for result in (a, b)]
    found = []
    for name in dict.fromkeys((*sides[0], *sides[1])):
        first, second = (side.get(name) for side in sides)
        x, y = (op["cycles"] if op else None for op in (first, second))
        if x != y:
            bounds = [op["bound_by"] if op else None for op in (first, second)]
            found.append({"op": name, "a": x, "b": y, "change": (y or 0) - (x or 0), "bound_a": bounds[0],
                          "bound_b": bounds[1]})  # fmt: skip
    return sorted(found, key=lambda row: -abs(row["change"]))


def _inputs(a: Result, b: Result) -> list[Record]:
    """Versions, names, variables and files that differ. Files by name: a hash of their contents stands for them."""
    names = ("sata", "arch", "workload", "timesteps", "batch", "technology_nm", "clock_hz")
    found: list[tuple[str, Any, Any]] = [(what, a.meta.get(what), b.meta.get(what)) for what in names]
    for what in ("variables", "files"):
        x, y = (dict(_named(r.meta.get(what, {}))) for r in (a, b))
        found += [(f"{what[:-1]} {name}", x.get(name), y.get(name)) for name in sorted({*x, *y})]
    return [{"what": what, "a": x, "b": y} for what, x, y in found if x != y]


def _named(entries: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(entries, dict):
        return [(str(name), value) for name, value in entries.items()]
    rows = [e for e in entries if isinstance(e, dict)]
    return [(str(e.get("file")), str(e.get("sha256"))[:12]) for e in rows]
