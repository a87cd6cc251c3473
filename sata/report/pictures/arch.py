"""The architecture as a picture: boxes from the outermost memory inwards, the ways of a branch side by side.

In each box: name and instances, size, energy and its share of the whole, and a bar for how much of it is used at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sata.report.derived import NodeUse, uses
from sata.report.pictures.kinds import PictureKind, of_a_result
from sata.report.pictures.style import COLOURS, INK, LINES, QUIET, WIDTH, Picture, cut, tip
from sata.report.result import Record, Result
from sata.report.text import percent, quantity
from sata.specs.tree import row_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT, _GAP, _INSET = 0.46, 0.12, 0.09  # inches
_BAR = 0.055
_COLUMN = 2.35


def arch_picture(result: Result) -> Picture:
    """Sizes and rates of the architecture, energies and use of the run."""
    rows = result.architecture
    found = uses(result)
    columns = _columns(rows)
    tops = _tops(rows)
    width = max(WIDTH, _COLUMN * len(columns) + 0.1)
    depth = max(tops, default=0) + 1
    height = depth * (_HEIGHT + _GAP) + 0.55

    def draw(figure: Figure) -> None:
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        axes.axis("off")
        each = (width - 0.1) / len(columns)
        for row, top in zip(rows, tops, strict=True):
            own = [n for n, way in enumerate(columns) if _within(way, row["way"])]
            left, right = 0.05 + own[0] * each, 0.05 + (own[-1] + 1) * each - 0.06
            inset = _INSET * row["depth"]
            y = 0.06 + top * (_HEIGHT + _GAP)
            if row["is"] == "array":
                inside = [t for r, t in zip(rows, tops, strict=True) if _within(r["way"], row["way"]) and t > top]
                _array(axes, row, left + inset, right - inset, y, max(inside, default=top))
            else:
                _box(axes, row, found.get(row["node"]), left + inset, right - inset, y)
        _key(axes, height)

    return Picture("Architecture: sizes, energy and use", (width, height), draw)


def _columns(rows: list[Record]) -> list[str]:
    """The ways that have no ways of their own."""
    ways = list(dict.fromkeys(row["way"] for row in rows))
    return [way for way in ways if not any(other != way and _within(other, way) for other in ways)] or [""]


def _within(way: str, outer: str) -> bool:
    return way == outer or not outer or way.startswith(f"{outer}.")


def _tops(rows: list[Record]) -> list[int]:
    """The line of each node: below the last of its own way, or of the way around it."""
    found: list[int] = []
    for number, row in enumerate(rows):
        before = [top for r, top in zip(rows[:number], found, strict=True) if _within(row["way"], r["way"])]
        found.append(max(before, default=-1) + 1)
    return found


def _array(axes: Axes, row: Record, left: float, right: float, y: float, last: int) -> None:
    """A frame around all that is inside."""
    from matplotlib.patches import FancyBboxPatch

    top = y
    bottom = 0.06 + last * (_HEIGHT + _GAP) + _HEIGHT + 0.05
    frame = FancyBboxPatch((left, top), right - left, bottom - top, boxstyle="round,pad=0,rounding_size=0.08",
                           facecolor="none", edgecolor=QUIET, linewidth=1.0, linestyle=(0, (3, 2)))  # fmt: skip
    axes.add_patch(frame)
    words = row_words(row)
    axes.text(left + 0.1, y + 0.16, cut(row["node"], 20), fontweight="bold", va="center")
    axes.text(left + 0.1, y + 0.34, cut(", ".join(words), int((right - left) * 16)), fontsize=7.5, va="center")


def _box(axes: Axes, row: Record, use: NodeUse | None, left: float, right: float, y: float) -> None:
    from matplotlib.patches import FancyBboxPatch, Rectangle

    use = use or NodeUse(0.0, 0.0, None)
    shape = "round,pad=0,rounding_size=0.06"
    box = FancyBboxPatch((left, y), right - left, _HEIGHT, boxstyle=shape, facecolor=COLOURS[0], edgecolor=INK,
                         linewidth=0.9, alpha=None)  # fmt: skip
    box.set_facecolor((*_rgb(COLOURS[0]), 0.04 + 0.66 * min(use.share, 1.0)))
    words = row_words(row)
    used = "" if use.used is None else f", used {percent(use.used, 1)}"
    tip(box, f"{row['node']} ({row.get('class') or 'no class'}): {', '.join(words) or 'no rules'}; "
             f"{quantity(use.energy_pj, 'pj')}, {percent(use.share, 1)} of the energy{used}")  # fmt: skip
    axes.add_patch(box)
    many = f" x{row['instances']:,}" if row["instances"] > 1 else ""
    size = words[0] if row["is"] == "memory" else ""
    axes.text(left + 0.1, y + 0.14, f"{cut(row['node'], 18)}{many}", fontweight="bold", va="center")
    axes.text(right - 0.1, y + 0.14, size, fontsize=8, va="center", ha="right")
    axes.text(
        left + 0.1, y + 0.31, f"{quantity(use.energy_pj, 'pj')}, {percent(use.share, 1)}", fontsize=8, va="center"
    )
    if use.used is not None:
        axes.text(right - 0.1, y + 0.31, f"used {percent(use.used, 1, 0)}", fontsize=8, va="center", ha="right")
        length = right - left - 0.12
        axes.add_patch(Rectangle((left + 0.06, y + _HEIGHT - _BAR), length, _BAR * 0.6, facecolor=LINES))
        axes.add_patch(Rectangle((left + 0.06, y + _HEIGHT - _BAR), length * min(use.used, 1.0), _BAR * 0.6,
                                 facecolor=COLOURS[5]))  # fmt: skip


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _key(axes: Axes, height: float) -> None:
    from matplotlib.patches import Rectangle

    y = height - 0.22
    for number, level in enumerate((0.04, 0.37, 0.7)):
        axes.add_patch(Rectangle((0.08 + 0.2 * number, y), 0.2, 0.12, facecolor=(*_rgb(COLOURS[0]), level),
                                 edgecolor=QUIET, linewidth=0.5))  # fmt: skip
    axes.text(0.75, y + 0.06, "share of the energy, 0 to 100%", fontsize=7.5, va="center", color=QUIET)
    axes.add_patch(Rectangle((3.0, y + 0.03), 0.3, 0.05, facecolor=COLOURS[5]))
    axes.text(3.38, y + 0.06, "used at most", fontsize=7.5, va="center", color=QUIET)


ARCH = PictureKind("arch", "the architecture, its energies and use", of_a_result(arch_picture, "architecture"))
