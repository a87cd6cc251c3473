"""Values of a table between its rows, and the numbers of a component away from its reference point.

A table is a grid of rows. Attributes without an entry in `interpolate` must match exactly. Along the others, one
after the other in the order of `interpolate`, a value lies between its two neighbours a and b:

    linear   v = v_a + (v_b - v_a) (x - a) / (b - a)
    log      the same with log(x): a straight line on a logarithmic axis of the attribute
    power    the same with log(x) and log(v): v = v_a (x / a)^n, as sizes of memories behave

Units are those of the rows; nothing here knows them. Each function raises ValueError with a sentence for the user.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence

from sata.specs.library.components import Reference, Scalar, Scale, Table, TableRow, quantity_text

Values = Mapping[str, float]


def interpolated(table: Table, values: Mapping[str, Scalar]) -> tuple[Values, str]:
    """The quantities of `table` at attribute `values`, and which lines of the file they come from.

    Raises: ValueError outside the rows, unless the table extrapolates.
    """
    rows: Sequence[TableRow] = table.rows
    exact = [name for name in (rows[0].keys if rows else ()) if name not in table.interpolate]
    for name in exact:
        matching = [row for row in rows if row.keys[name] == values[name]]
        if not matching:
            kind = table.attributes[name].kind
            known = ", ".join(dict.fromkeys(quantity_text(row.keys[name], kind) for row in rows))
            given = _given(table, values, exact[: exact.index(name)])
            raise ValueError(
                f"{name} {quantity_text(values[name], kind)} is in no row of {table.file}{given}, which has {known}"
            )
        rows = matching
    lines: set[int] = set()
    steps: list[str] = []
    found = _along(table, rows, _grids(table, rows, values), values, {}, lines, steps)
    text = f"{table.file} line{'s' if len(lines) > 1 else ''} {' and '.join(str(line) for line in sorted(lines))}"
    return found, ", ".join([text, *dict.fromkeys(steps)])


def _grids(table: Table, rows: Sequence[TableRow], values: Mapping[str, Scalar]) -> dict[str, list[float]]:
    """The values along each attribute that is interpolated. Raises: ValueError outside them, or with none."""
    grids: dict[str, list[float]] = {}
    for name in table.interpolate:
        grid = grids[name] = sorted({float(row.keys[name]) for row in rows})
        x, kind = float(values[name]), table.attributes[name].kind
        if grid[0] <= x <= grid[-1] or (table.extrapolate and len(grid) > 1):
            continue
        exact = [n for n in rows[0].keys if n not in table.interpolate]
        first, last, value = (quantity_text(each, kind) for each in (grid[0], grid[-1], values[name]))
        span = f"{first} to {last}" if len(grid) > 1 else f"{first} only"
        raise ValueError(
            f"{name} {value} is outside the rows of {table.file}{_given(table, values, exact)}, which have {span}"
        )
    return grids


def _along(table: Table, rows: Sequence[TableRow], grids: Mapping[str, Sequence[float]], values: Mapping[str, Scalar],
           corner: Mapping[str, float], lines: set[int], steps: list[str]) -> Values:  # fmt: skip
    """Between the neighbours along the first attribute of `grids` that `corner` has not. `rows`: those at `corner`."""
    name = next((n for n in grids if n not in corner), None)
    if name is None:
        if not rows:
            first = next(iter(grids))
            said = f"{first} {quantity_text(values[first], table.attributes[first].kind)}"
            there = _given(table, corner, list(corner))
            raise ValueError(f"{said} lies beside a hole of {table.file}: there is no row{there}")
        lines.add(rows[0].line)
        return rows[0].values
    grid, x = grids[name], float(values[name])

    def at(point: float) -> Values:
        own = [row for row in rows if row.keys[name] == point]
        there = int(point) if point == int(point) else point
        return _along(table, own, grids, values, {**corner, name: there}, lines, steps)

    if x in grid:
        return at(x)
    right = min(max(bisect.bisect(grid, x), 1), len(grid) - 1)
    how = table.interpolate[name]
    outside = not grid[0] < x < grid[-1]
    if outside and how != "linear" and x <= 0:
        raise ValueError(f"{name} {x:g} has no logarithm, which '{how}' needs")
    steps.append(f"{how} in {name}{' (extrapolated)' if outside else ''}")
    return _line(at(grid[right - 1]), at(grid[right]), x, grid[right - 1], grid[right], how)


def _line(low: Values, high: Values, x: float, a: float, b: float, how: str) -> Values:
    weight = (x - a) / (b - a) if how == "linear" else math.log(x / a) / math.log(b / a)
    found = {}
    for quantity, v in low.items():
        w = high[quantity]
        try:
            value = v * (w / v) ** weight if how == "power" else v + (w - v) * weight
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise ValueError(f"extrapolation goes beyond all numbers for {quantity.removeprefix('energy.')}")
        if value < 0:
            raise ValueError(f"extrapolation makes {quantity.removeprefix('energy.')} negative ({value:.3g})")
        found[quantity] = value
    return found


def _given(table: Table, values: Mapping[str, Scalar], names: Sequence[str]) -> str:
    text = ", ".join(f"{name} {quantity_text(values[name], table.attributes[name].kind)}" for name in names)
    return f" with {text}" if text else ""


def factor(scale: Scale, value: float, reference: float) -> float:
    """What a quantity is multiplied by away from `reference`. Raises: ValueError where no rule reaches."""
    if scale.rule == "linear":
        return value / reference
    if scale.rule == "quadratic":
        return (value / reference) ** 2
    if scale.rule == "log":
        if value < 1:
            raise ValueError(f"'log' scaling needs a value of at least 1, not {value:g}")
        return math.log(value) / math.log(reference)
    if scale.rule == "table":
        there = _point(scale, reference)
        if there == 0:
            raise ValueError("the factor at the reference point is zero")
        return _point(scale, value) / there
    if scale.rule == "power":
        try:
            return float((value / reference) ** scale.exponent)
        except (OverflowError, ZeroDivisionError):
            raise ValueError(f"the law gives no number at {value:g}") from None
    return 1.0  # constant


def _point(scale: Scale, x: float) -> float:
    """The factor at x, on straight lines between the points."""
    xs = [p[0] for p in scale.points]
    if not xs[0] <= x <= xs[-1]:
        raise ValueError(f"the scaling table goes from {xs[0]:g} to {xs[-1]:g}, {x:g} is outside")
    right = min(max(bisect.bisect(xs, x), 1), len(xs) - 1)
    if len(xs) == 1:
        return scale.points[0][1]
    (a, v), (b, w) = scale.points[right - 1], scale.points[right]
    return v + (w - v) * (x - a) / (b - a)


def scaled_price(
    reference: Reference, kinds: Mapping[str, str], values: Mapping[str, Scalar], quantity: str
) -> tuple[float, str]:
    """The factor of `quantity` (energy | area | leakage) at attribute `values`, and a text that says so.

    Raises: ValueError if an attribute differs from its reference and no scale is given for it.
    """
    product, said = 1.0, []
    for name, at in reference.at.items():
        value = values[name]
        if name not in reference.scales:
            if value != at:
                raise ValueError(f"{name} {quantity_text(value, kinds[name])} has no price, which holds at "
                                 f"{quantity_text(at, kinds[name])} only: no scaling is given for it")  # fmt: skip
            continue
        scale = reference.scales[name].get(quantity)
        if scale is None:  # a quantity that the component does not price
            continue
        if not scale.low <= float(value) <= scale.high:
            ends = (("at least ", scale.low, scale.low > 0), ("at most ", scale.high, math.isfinite(scale.high)))
            span = " and ".join(f"{word}{quantity_text(end, kinds[name])}" for word, end, there in ends if there)
            raise ValueError(f"{name} {quantity_text(value, kinds[name])} is outside the range of its scaling, {span}")
        part = factor(scale, float(value), float(at))
        if part != 1:
            rule = f"power {scale.exponent:g}" if scale.rule == "power" else scale.rule
            said.append(f"x {part:.6g} ({rule} in {name} from {quantity_text(at, kinds[name])})")
        product *= part
    return product, "".join(f", {text}" for text in said)
