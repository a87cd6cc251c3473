"""One rule of `scale:`: `linear`, `{table: {8 b: 1, 16 b: 2.1}}`, `{power: 0.57, from: 4 KiB, to: 1 MiB}`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any, Protocol

from sata.specs.library.components import Scalar, Scale, convert, quantity_text
from sata.specs.text.source import Path_
from sata.specs.text.units import DIMENSIONS


class Report(Protocol):
    """Takes a fault at a place below the rule."""

    def __call__(self, below: Path_, message: str, key: bool = False) -> None: ...


def read_rule(rule: Any, at: Scalar, kind: str, fault: Report) -> Scale:
    """A rule that has passed the schema, of an attribute of `kind` whose reference is `at` in inner units."""
    if isinstance(rule, dict):
        return _law(rule, at, kind, fault) if "power" in rule else _table(rule["table"], at, kind, fault)
    if rule == "log" and float(at) <= 1:
        fault((), f"'log' needs a reference above 1, not {quantity_text(at, kind)}")
    if rule in ("linear", "quadratic") and float(at) <= 0:
        fault((), f"'{rule}' needs a reference above 0, not {quantity_text(at, kind)}")
    return Scale(rule)


def _table(factors: Mapping[Any, Any], at: Scalar, kind: str, fault: Report) -> Scale:
    points: list[tuple[float, float]] = []
    for key, factor in factors.items():
        try:
            unit = key if kind in DIMENSIONS else float(key)
            points.append((float(convert(unit, kind)), float(factor)))
        except ValueError as error:
            fault(("table", key), str(error), key=True)
    points.sort()
    if points and not points[0][0] <= float(at) <= points[-1][0]:
        fault(("table",), f"the factors do not reach the reference point {quantity_text(at, kind)}")
    if any(a[0] == b[0] for a, b in itertools.pairwise(points)):
        fault(("table",), "one value is given twice")
    return Scale("table", tuple(points))


def _law(rule: Mapping[str, Any], at: Scalar, kind: str, fault: Report) -> Scale:
    ends = {"from": 0.0, "to": math.inf}
    for key in [key for key in ends if key in rule]:
        try:
            ends[key] = float(convert(rule[key], kind))
        except ValueError as error:
            fault((key,), str(error))
    if float(at) <= 0:
        fault(("power",), f"'power' needs a reference above 0, not {quantity_text(at, kind)}")
    elif not ends["from"] <= float(at) <= ends["to"]:
        fault((), f"the law does not hold at the reference point {quantity_text(at, kind)}")
    return Scale("power", (), float(rule["power"]), ends["from"], ends["to"])
