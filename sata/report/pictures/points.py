"""Points of a design space: energy against cycles with the Pareto front; energy against a density."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sata.report.pictures.kinds import PictureKind, Shown
from sata.report.pictures.style import (
    COLOURS,
    GROUND,
    LINES,
    QUIET,
    WIDTH,
    Picture,
    Unit,
    colours,
    cut,
    legend,
    legend_height,
    power_for,
    tip,
    unit_for,
)
from sata.report.points import Points, read_fronts, read_points
from sata.report.result import Record
from sata.report.text import listed, quantity, whole_number
from sata.specs.text.faults import Fault, SpecError, Where, did_you_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_FRONTS = 24  # panels of one picture

_MANY = 2000  # points beyond which they are pixels in the file
_WIDE = 20.0  # ratio from which on an axis is logarithmic


def pareto_picture(*found: Points) -> Picture:
    """Every point, and the front as steps: what lies above and right of it is beaten. A panel for each set of points,
    two side by side.
    """
    columns = min(len(found), 2)
    rows = -(-len(found) // 2)
    width, height = (WIDTH, 3.7) if columns == 1 else (1.6 * WIDTH, 2.9 * rows)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(rows, columns, squeeze=False).flatten()
        for axes, points in zip(panels, found, strict=False):
            _front(axes, points)
        for axes in panels[len(found) :]:
            axes.axis("off")
        figure.subplots_adjust(0.75 / width, 0.52 / height, 1 - 0.15 / width, 1 - 0.33 / height, 0.28,
                               0.85 / (2.9 - 0.85))  # fmt: skip
        for axes, points in zip(panels, found, strict=False):
            _names(axes, points)

    return Picture("Energy against cycles", (width, height), draw)


def _best(found: Points) -> list[Record]:
    """The front, from the fewest cycles on."""
    return sorted((found.points[n] for n in found.pareto), key=lambda p: float(p["cycles"]))


def _units(found: Points) -> tuple[Unit, Unit]:
    return power_for(p["cycles"] for p in found.points), unit_for((p["energy_pj"] for p in found.points), "pj")


def _front(axes: Axes, found: Points) -> None:
    front, (time, unit) = _best(found), _units(found)
    _scales(axes, found.points)
    best = set(found.pareto)
    others = [p for n, p in enumerate(found.points) if n not in best]
    if others:
        x, y = [p["cycles"] / time.scale for p in others], [p["energy_pj"] / unit.scale for p in others]
        axes.scatter(x, y, s=9, color=LINES, edgecolor=QUIET, linewidth=0.4, rasterized=len(others) > _MANY)
    x, y = [p["cycles"] / time.scale for p in front], [p["energy_pj"] / unit.scale for p in front]
    axes.step(x, y, where="post", color=COLOURS[0], linewidth=1.2, zorder=2)
    for p, u, v in zip(front, x, y, strict=True):
        dot = axes.plot([u], [v], "o", color=COLOURS[5], markersize=5, zorder=3, markeredgecolor=GROUND)
        name = " ".join(word for word in (found.op, str(p.get("label", ""))) if word)
        tip(dot[0], f"{name}: {quantity(p['energy_pj'], 'pj')}, {whole_number(p['cycles'])} cycles")
    axes.margins(0.12, 0.14)
    axes.grid()
    axes.set_xlabel(f"cycles in {time.name}" if time.name else "cycles")
    axes.set_ylabel(f"energy in {unit.name}")
    number = f"{len(found.points):,} points, {len(front):,} on the front"
    axes.set_title(f"{cut(found.op, 24)}: {number}" if found.op else number)


def _names(axes: Axes, found: Points) -> None:
    """The labels of the front, but for those that would lie on another: below and left of their points, where the
    front has no line; above and right of those at the left edge."""
    axes.autoscale_view()
    time, unit = _units(found)
    taken: list[tuple[float, float, float]] = []
    inches = axes.get_window_extent().width / axes.figure.dpi
    for p in _best(found):
        text = cut(str(p.get("label") or ""), 24)
        at = (p["cycles"] / time.scale, p["energy_pj"] / unit.scale)
        x, y = axes.transAxes.inverted().transform(axes.transData.transform(at))
        wide = (0.075 * len(text) + 0.06) / inches
        left = x - wide > 0
        begin = x - wide if left else x
        if not text or any(abs(y - v) < 0.07 and begin < end and start < begin + wide for start, end, v in taken):
            continue
        taken.append((begin, begin + wide, y))
        axes.annotate(text, at, fontsize=7.5, xytext=(-4, -4) if left else (5, 4), textcoords="offset points",
                      ha="right" if left else "left", va="top" if left else "bottom")  # fmt: skip


def _scales(axes: Axes, points: Sequence[Record]) -> None:
    """Logarithmic axes where values are positive and far apart; plain numbers on either."""
    for axis, column in ((axes.xaxis, "cycles"), (axes.yaxis, "energy_pj")):
        values = [p[column] for p in points]
        if min(values) > 0 and max(values) / min(values) > _WIDE:
            (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)("log")
            axis.set_minor_formatter(lambda value, _: "")
        else:
            axes.locator_params(axis="x" if axis is axes.xaxis else "y", nbins=6)
        axis.set_major_formatter(lambda value, _: f"{value:g}")


def density_column(points: Points) -> str | None:
    """The column that holds densities: `density`, else the first whose name has that word."""
    names = list(points.points[0])
    return "density" if "density" in names else next((n for n in names if "density" in n), None)


def sparsity_picture(found: Points, column: str) -> Picture:
    """Energy against a density; a line for each set of points that have all other columns but results in common."""
    groups = _lines(found.points, column)
    looks = colours(groups)
    named = len(groups) > 1
    columns = 2 if max(map(len, groups), default=0) > 14 else 3
    below = legend_height(len(groups), columns) if named else 0.0
    height = 3.5 + below

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        unit = unit_for((p["energy_pj"] for p in found.points), "pj")
        for name, rows in groups.items():
            rows = sorted(rows, key=lambda p: p[column])
            x, y = [p[column] for p in rows], [p["energy_pj"] / unit.scale for p in rows]
            axes.plot(x, y, color=looks[name], linewidth=1.3)
            for p in rows:
                dot = axes.plot([p[column]], [p["energy_pj"] / unit.scale], "o", color=looks[name], markersize=4.5)
                tip(dot[0], f"{name}: {column} {p[column]:g}, {quantity(p['energy_pj'], 'pj')}".removeprefix(": "))
        axes.set_xlabel(f"{column} (share of non-zeros)")
        axes.set_ylabel(f"energy in {unit.name}")
        axes.set_ylim(bottom=0)
        axes.grid()
        if named:
            legend(figure, {cut(name, 30): colour for name, colour in looks.items()}, columns, below)
        figure.subplots_adjust(0.13, (below + 0.5) / height, 0.97, 0.97)

    return Picture(f"Energy against {column}", (WIDTH, height), draw)


_RESULTS = ("energy_pj", "cycles", "seconds", "label", "edp", "area_um2", "leakage_mw", "utilization", "kept_bits",
            "leakage_pj", "point", "status", "pareto", "proven", "gap", "why")  # fmt: skip
_SUMS = (".energy_pj", ".cycles")  # endings of columns by stage, layer, ...


def _lines(points: Sequence[Record], column: str) -> dict[str, list[Record]]:
    """The points by what they have in common: the other columns whose values differ, but for what was computed."""
    varied = [
        n
        for n in points[0]
        if n not in (*_RESULTS, column) and not n.endswith(_SUMS) and len({str(p.get(n)) for p in points}) > 1
    ]
    varied = [n for n in varied if _is_setting(points, n, column)]
    found: dict[str, list[Record]] = {}
    for p in points:
        found.setdefault(", ".join(f"{n} {_short(p.get(n))}" for n in varied), []).append(p)
    return found


def _is_setting(points: Sequence[Record], name: str, column: str) -> bool:
    """A setting takes each of its values at several densities; what differs at every point was computed."""
    by: dict[str, set[Any]] = {}
    for p in points:
        by.setdefault(str(p.get(name)), set()).add(p[column])
    return all(len(densities) > 1 for densities in by.values())


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _fronts(shown: Shown) -> Picture:
    name = shown.files[0]
    found = read_fronts(name, shown.ops or "*")
    if len(found) > MOST_FRONTS:
        message = f"{len(found)} ops, at most {MOST_FRONTS} are drawn"
        raise SpecError([Fault(Where(name), message, f"choose some by --ops: {listed([one.op for one in found])}")])
    return pareto_picture(*found)


def _sparsity(shown: Shown) -> Picture:
    name, column = shown.files[0], shown.column
    found = read_points(name, ("energy_pj",))
    chosen = column or density_column(found)
    columns = list(found.points[0])
    if chosen is None or chosen not in columns:
        message = f"no column '{chosen}'" if chosen else "no column with 'density' in its name"
        hint = did_you_mean(chosen or "density", columns) or f"columns: {', '.join(columns)}"
        raise SpecError([Fault(Where(name), message, hint if chosen else f"{hint}; choose one by --column")])
    return sparsity_picture(read_points(name, ("energy_pj", chosen)), chosen)


PARETO = PictureKind("pareto", "points of sata map --json, or a sweep", _fronts, options=("--ops",))
SPARSITY = PictureKind("sparsity", "energy against a column of densities", _sparsity, options=("--column",))
