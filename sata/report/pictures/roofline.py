"""Roofline: computes per cycle against computes per byte of the outermost memory, a dot an op (a group of fused ops).

After Williams, Waterman and Patterson, "Roofline: an insightful visual performance model", CACM 52(4), 2009.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sata.report.derived import Dot, bandwidth, dots, outermost_memory, peaks
from sata.report.pictures.kinds import PictureKind, of_a_result
from sata.report.pictures.style import GROUND, INK, QUIET, STAGES, WIDTH, Picture, colours, cut, tip
from sata.report.result import Result
from sata.report.text import listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKS = ("o", "s", "^", "D", "v")  # shapes tell stages apart where colours do not


def roofline_picture(result: Result) -> Picture:
    """Ops that move nothing to or from the outermost memory are not drawn."""
    points, tops, rate, memory = dots(result), peaks(result), bandwidth(result), outermost_memory(result)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        low, high = _limits(points, tops, rate)
        _roofs(axes, tops, rate, memory or "memory", low, high)
        stages = list(dict.fromkeys(op["stage"] for op in result.ops))
        looks = colours(stages, STAGES)
        for number, stage in enumerate(stages):
            own = [p for p in points if p.stage == stage]
            look = {"color": looks[stage], "marker": _MARKS[number % len(_MARKS)]}
            for p in own:
                line = axes.plot([p.intensity], [p.rate], **look, markersize=5.5, linestyle="none",  # type: ignore[arg-type]
                                 markeredgecolor=GROUND, markeredgewidth=0.5, zorder=3)  # fmt: skip
                name, where = p.op.replace("+", " + "), f"{p.intensity:.4g} computes/byte"
                tip(line[0], f"{name}: {p.rate:.4g} computes/cycle, {where}, bound by {p.bound_by}")
            if own:
                axes.plot([], [], **look, linestyle="none", label=stage)  # type: ignore[arg-type]
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(low, high)
        for axis in (axes.xaxis, axes.yaxis):  # plain numbers: powers would be mathematics, which names must not start
            axis.set_major_formatter(lambda value, _: f"{value:g}")
            axis.set_minor_formatter(lambda value, _: "")
        axes.grid(which="major")
        axes.set_xlabel(f"computes per byte of {memory or 'memory'}")
        axes.set_ylabel("computes per cycle")
        if points:
            axes.legend(loc="lower right")
        figure.subplots_adjust(0.12, 0.13, 0.97, 0.96)

    return Picture("Roofline: a dot an op", (WIDTH, 3.7), draw)


def _limits(points: list[Dot], tops: dict[str, float], rate: float | None) -> tuple[float, float]:
    found = [p.intensity for p in points] + ([max(tops.values()) / rate] if tops and rate else [])
    return (min(found, default=0.1) / 3, max(found, default=10.0) * 3)


def _roofs(axes: Axes, tops: dict[str, float], rate: float | None, memory: str, low: float, high: float) -> None:
    """The slope of the bandwidth up to the highest of the level roofs."""
    by_top: dict[float, list[str]] = {}
    for node, top in tops.items():
        by_top.setdefault(top, []).append(node)
    for top, nodes in by_top.items():
        start = max(low, top / rate) if rate else low
        axes.plot([start, high], [top, top], color=INK, linewidth=1.2, zorder=2)
        axes.annotate(f"{cut(listed(nodes, 3), 30)}: {top:.4g} computes/cycle", (high, top), xytext=(-2, 4),
                      textcoords="offset points", ha="right", fontsize=8)  # fmt: skip
    if rate and tops:
        end = min(max(tops.values()) / rate, high)
        axes.plot([low, end], [low * rate, end * rate], color=INK, linewidth=1.2, zorder=2)
        axes.annotate(f"{memory}: {rate:.4g} B/cycle", (low, low * rate), xytext=(8, 0), textcoords="offset points",
                      va="bottom", fontsize=8, color=QUIET)  # fmt: skip


ROOFLINE = PictureKind("roofline", "computes per cycle against per byte", of_a_result(roofline_picture, "tensors"))
