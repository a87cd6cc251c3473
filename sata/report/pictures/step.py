"""The learning step: the memory that back-propagation keeps, and how dense tensors are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sata.report.derived import densities, kept_curve
from sata.report.pictures.kinds import PictureKind, of_a_result
from sata.report.pictures.style import (
    COLOURS,
    GROUND,
    KINDS,
    LINES,
    QUIET,
    WIDTH,
    Picture,
    colours,
    cut,
    legend,
    legend_height,
    tip,
    unit_for,
)  # fmt: skip
from sata.report.result import Record, Result
from sata.report.text import quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANEL = 0.52  # inches between panels: a title and the numbers of an axis


def kept_picture(result: Result) -> Picture:
    """Bits kept for the backward pass over forward and backward, stacked by kind. See `kept_curve`."""
    curve = kept_curve(result)
    looks = colours(sorted(curve.kinds, key=lambda k: list(KINDS).index(k) if k in KINDS else 99), KINDS)
    clock = result.meta.get("clock_hz")
    below = legend_height(len(looks), 3)
    height = 2.9 + below

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        over = [c / clock for c in curve.cycles] if clock else list(curve.cycles)
        time = unit_for(over, "seconds") if clock else None
        size = unit_for([curve.peak], "bits")
        x = [value / (time.scale if time else 1.0) for value in over]
        floor = [0.0] * len(x)
        for kind, colour in looks.items():
            top = [f + bits / size.scale for f, bits in zip(floor, curve.kinds[kind], strict=True)]
            area = axes.fill_between(x, floor, top, color=colour, linewidth=0)
            tip(area, f"{kind}: at most {quantity(max(curve.kinds[kind]), 'bits')}")
            floor = top
        turn = (curve.turn / clock if clock else curve.turn) / (time.scale if time else 1.0)
        axes.axvline(turn, color=QUIET, linewidth=0.9, linestyle=(0, (3, 2)))
        axes.set_xlim(0, x[-1] or 1.0)
        axes.set_ylim(0, (curve.peak / size.scale or 1.0) * 1.16)
        for offset, side, text in (-4, "right", "forward"), (4, "left", "backward"):
            axes.annotate(text, (turn, 1.0), xycoords=("data", "axes fraction"), xytext=(offset, -9), ha=side,
                          textcoords="offset points", color=QUIET, fontsize=8)  # fmt: skip
        axes.grid(axis="y")
        axes.set_xlabel(f"time in {time.name}" if time else "cycles")
        axes.set_ylabel(f"kept, in {size.name}")
        axes.set_title(f"at most {quantity(curve.peak, 'bits')}")
        legend(figure, looks, 3, below)
        figure.subplots_adjust(0.13, (below + 0.47) / height, 0.97, 1 - 0.3 / height)

    return Picture("Memory kept for the backward pass, over the step", (WIDTH, height), draw)


def density_picture(result: Result) -> Picture:
    """A panel a kind: the share of non-zeros of what each layer reads; over the time steps where they differ."""
    found = {kind: _alike(tensors) for kind, tensors in densities(result).items()}
    heights = [0.19 * len(tensors) + 0.05 for tensors in found.values()]
    height = sum(heights) + _PANEL * max(len(found), 1) + 0.25

    def draw(figure: Figure) -> None:
        if not found:
            axes = figure.add_axes((0, 0, 1, 1))
            axes.axis("off")
            axes.text(0.5, 0.5, "no tensor of this result has a density", ha="center", va="center")
            return
        top = height
        for (kind, tensors), inches in zip(found.items(), heights, strict=True):
            top -= _PANEL + inches
            axes = figure.add_axes((0.18, (top + 0.25) / height, 0.72, inches / height))
            over_time = any(t.get("steps") for t in tensors)
            if over_time:
                _over_time(axes, tensors)
            else:
                _bars(axes, tensors, KINDS.get(kind, COLOURS[0]))
            axes.set_title(f"{kind}, by time step" if over_time else kind)
            axes.set_yticks(range(len(tensors)), [cut(t["layer"], 14) for t in tensors])
            axes.set_ylim(len(tensors) - 0.45, -0.55)
            axes.tick_params(axis="y", length=0)
        axes.set_xlabel("time step; the darker, the denser" if over_time else "share of non-zeros")

    return Picture("Density of what each layer reads", (WIDTH, height), draw)


def _alike(tensors: list[Record]) -> list[Record]:
    """One row where all layers have the same density."""
    if len(tensors) < 3 or len({(t["density"], str(t.get("steps")), t.get("model")) for t in tensors}) > 1:
        return tensors
    return [tensors[0] | {"layer": f"all {len(tensors)} layers"}]


def _said(t: Record) -> str:
    model = f", {t['model']}" if t.get("model") not in (None, "uniform") else ""
    return f"{t['layer']}, {t['tensor']} ({t['kind']}{model}): {t['density']:.3g}"


def _bars(axes: Axes, tensors: list[Record], colour: str) -> None:
    bars = axes.barh(range(len(tensors)), [float(t["density"]) for t in tensors], 0.7, color=colour)
    for bar, t in zip(bars, tensors, strict=True):
        tip(bar, _said(t))
        axes.annotate(f"{t['density']:.3g}", (t["density"], bar.get_y() + 0.35), xytext=(3, 0), va="center",
                      textcoords="offset points", fontsize=7.5)  # fmt: skip
    axes.set_xlim(0, max(t["density"] for t in tensors) * 1.12 or 1.0)
    axes.locator_params(axis="x", nbins=6)
    axes.grid(axis="x")


def _over_time(axes: Axes, tensors: list[Record]) -> None:
    """A cell a layer and time step: the denser, the darker; a density of a layer as a whole fills its row."""
    longest = max(len(t.get("steps") or ()) for t in tensors)
    top = max(max(t.get("steps") or [t["density"]]) for t in tensors) or 1.0
    from matplotlib.patches import Rectangle

    for row, t in enumerate(tensors):
        steps = t.get("steps") or [t["density"]] * longest
        for step, value in enumerate(steps):
            cell = Rectangle((step - 0.5, row - 0.42), 1, 0.84, facecolor=COLOURS[0], alpha=0.06 + 0.94 * value / top,
                             edgecolor=GROUND, linewidth=0.5)  # fmt: skip
            tip(cell, f"{_said(t)}; step {step + 1}: {value:.3g}")
            axes.add_patch(cell)
        axes.annotate(f"{t['density']:.3g}", (1.0, row), xycoords=("axes fraction", "data"), xytext=(4, 0), va="center",
                      textcoords="offset points", fontsize=7.5)  # fmt: skip
    axes.set_xlim(-0.5, longest - 0.5)
    every = max(1, longest // 8)
    axes.set_xticks(range(0, longest, every), [str(n + 1) for n in range(0, longest, every)])
    axes.spines["bottom"].set_color(LINES)


KEPT = PictureKind("kept", "memory that BPTT keeps, over the step", of_a_result(kept_picture, "kept"))
DENSITY = PictureKind("density", "share of non-zeros by layer and time step", of_a_result(density_picture, "tensors"))
