"""The figure of docs/search.md: one pass of the search, drawn as labels, bounds, dominance and beam width.

`python -m tests.docs.search_figure` writes docs/figures/search.svg. The figure carries a digest of what it shows, so that a
test can tell an old one.
"""

from __future__ import annotations

import hashlib
import io
from typing import Any, NamedTuple

from .figures import ROOT

FIGURE = ROOT / "docs" / "figures" / "search.svg"
PLACES = ("outermost\nmemory", "buffer", "array", "register", "compute")
COLOURS = {"kept": "#0072b2", "dominated": "#999999", "pruned": "#d55e00", "cut": "#e69f00"}
NAMES = {
    "kept": "label that the pass keeps", "dominated": "dominated by a label of the same state",
    "pruned": "pruned: lower bound not below the incumbent", "cut": "cut: beyond the beam width (here 3)",
}  # fmt: skip
INCUMBENT = 70.0


class Drawn(NamedTuple):
    """A label of the figure. place: number of PLACES; bound: pJ; parent: number of the label that it extends."""

    place: int
    bound: float
    parent: int
    fate: str


LABELS = (
    Drawn(0, 34.0, -1, "kept"),
    Drawn(1, 36.0, 0, "kept"), Drawn(1, 43.0, 0, "kept"), Drawn(1, 52.0, 0, "kept"), Drawn(1, 79.0, 0, "pruned"),
    Drawn(2, 40.0, 1, "kept"), Drawn(2, 46.5, 1, "kept"), Drawn(2, 50.5, 2, "dominated"), Drawn(2, 56.0, 3, "kept"),
    Drawn(2, 62.5, 3, "cut"),
    Drawn(3, 45.0, 5, "kept"), Drawn(3, 51.0, 6, "kept"), Drawn(3, 60.0, 8, "kept"), Drawn(3, 77.0, 8, "pruned"),
    Drawn(4, 57.0, 10, "kept"), Drawn(4, 64.0, 11, "kept"),
)  # fmt: skip


def digest() -> str:
    """Of all that the figure shows."""
    return hashlib.sha256(repr((PLACES, NAMES, COLOURS, INCUMBENT, LABELS)).encode()).hexdigest()


def _labels(axes: Any) -> None:
    for label in LABELS:
        if label.parent >= 0:
            parent = LABELS[label.parent]
            axes.plot([parent.place, label.place], [parent.bound, label.bound], color=COLOURS[label.fate], linewidth=1.0,
                      alpha=0.75, zorder=1)  # fmt: skip
    for fate, name in NAMES.items():
        chosen = [label for label in LABELS if label.fate == fate]
        axes.scatter([label.place for label in chosen], [label.bound for label in chosen], s=46, zorder=2, label=name,
                     facecolor=COLOURS[fate] if fate == "kept" else "white", edgecolor=COLOURS[fate], linewidth=1.4,
                     marker="o" if fate == "kept" else "X" if fate == "pruned" else "s")  # fmt: skip


def drawn() -> str:
    """The figure as SVG text."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "sata", "svg.fonttype": "none", "font.size": 9.0}):
        figure = Figure(figsize=(8.4, 4.4), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        _labels(axes)
        axes.axhline(INCUMBENT, color="#555555", linewidth=0.9, linestyle="--")
        axes.text(4.4, INCUMBENT + 0.8, "incumbent before the pass", ha="right", fontsize=8, color="#555555")
        best = min((label for label in LABELS if label.place == len(PLACES) - 1), key=lambda label: label.bound)
        axes.annotate("complete mapping,\nnew incumbent", (best.place, best.bound), (4.4, 46.5), ha="right",
                      fontsize=8, arrowprops={"arrowstyle": "-", "color": "#555555"})  # fmt: skip
        cut = next(label for label in LABELS if label.fate == "cut")
        axes.annotate("least bound that was cut:\na wider pass follows while\nit is below the incumbent",
                      (cut.place, cut.bound), (1.08, 65.3), fontsize=8, va="center",
                      arrowprops={"arrowstyle": "-", "color": "#555555"})  # fmt: skip
        arrow = {"arrowstyle": "->", "linewidth": 1.2}
        for start, end, height, text in (
            (0.0, 4.0, 28.5, "labels: partial mappings, extended inwards; costs so far are exact"),
            (4.0, 0.0, 23.5, "cost-to-go table: least cost of every inner part, worked out from the compute outwards"),
        ):
            axes.annotate("", (end, height), (start, height), arrowprops=arrow)
            axes.text(2.0, height + 0.6, text, ha="center", fontsize=8)
        axes.set_xticks(range(len(PLACES)), PLACES)
        axes.set_xlim(-0.3, 4.5)
        axes.set_ylim(21.5, 84)
        axes.set_yticks([])
        axes.set_ylabel("lower bound = cost so far + cost-to-go")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "sata", "Title": "A pass of the search",
                                                    "Description": f"figure {digest()}"})  # fmt: skip
    return out.getvalue()


def main() -> None:
    """Write the figure."""
    FIGURE.write_text(drawn(), encoding="utf-8")


if __name__ == "__main__":
    main()
