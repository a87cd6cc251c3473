"""Several results side by side: energy and cycles as shares of the first one's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sata.report.pictures.energy import part_of_bar, place
from sata.report.pictures.kinds import PictureKind, Shown
from sata.report.pictures.style import (
    BARS,
    STAGES,
    WIDTH,
    Bar,
    Picture,
    Unit,
    colours,
    legend,
    legend_height,
    stacked,
)
from sata.report.read import read_result
from sata.report.result import Result
from sata.report.sums import sums

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def compare_picture(names: Sequence[str], results: Sequence[Result]) -> Picture:
    """Two panels with a bar a result: energy by kind of tensor, cycles by stage. The first result is 1.

    A first result without energy or cycles leaves the others as they are.
    """
    energy = [sums(r.records, part_of_bar) for r in results]
    cycles = [sums(r.ops, lambda op: op["stage"], "cycles") for r in results]
    parts = sorted({p for own in energy for p, pj in own.items() if pj}, key=place)
    stages = list(dict.fromkeys(s for own in cycles for s in own))
    kinds = colours(parts, BARS)
    looks = colours(stages, STAGES)
    below = legend_height(len(parts), 3)
    between = legend_height(len(stages), 3) + 0.35
    bars = 0.27 * len(results)
    height = 2 * bars + below + between + 0.8

    def draw(figure: Figure) -> None:
        top, bottom = figure.subplots(2, 1)
        for axes, found, own, title, dimension in (
            (top, cycles, looks, "cycles, by stage", ""), (bottom, energy, kinds, "energy, by kind of tensor", "pj"),
        ):  # fmt: skip
            first = math.fsum(found[0].values()) or 1.0
            values = {p: [side.get(p, 0.0) for side in found] for p in own}
            stacked(axes, names, values, Unit(first, ""), dimension=dimension, looks=own)
            axes.axvline(1.0, color="#59636e", linewidth=0.8, linestyle=(0, (3, 2)))
            for row, side in enumerate(found):
                total = math.fsum(side.values()) / first
                axes.annotate(f"{total:.3g}", (total, row), xytext=(4, 0), textcoords="offset points", va="center",
                              fontsize=8)  # fmt: skip
            axes.set_xlim(0, max(math.fsum(side.values()) / first for side in found) * 1.13 or 1.0)
            axes.set_title(title)
        top.set_position((0.24, 1 - (0.3 + bars) / height, 0.73, bars / height))
        bottom.set_position((0.24, (below + 0.25) / height, 0.73, bars / height))
        _legends(figure, looks, kinds, height, 1 - (0.3 + bars + 0.25) / height, below)

    return Picture(f"{len(results)} results, as shares of the first", (WIDTH, height), draw)


def _legends(
    figure: Figure, stages: dict[str, str], kinds: dict[Bar, str], height: float, at: float, below: float
) -> None:
    legend(figure, stages, 3, at * height)
    legend(figure, kinds, 3, below)


def _compared(shown: Shown) -> Picture:
    return compare_picture([_stem(name) for name in shown.files], [read_result(name) for name in shown.files])


def _stem(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".json")


COMPARE = PictureKind("compare", "several results, as shares of the first", _compared, several=True)
