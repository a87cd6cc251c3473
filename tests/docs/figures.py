"""SATA's three zeros: the tables and the figure of docs/three_zeros.md.

`python -m tests.docs.figures` counts again, writes both tables into the page and draws docs/figures/three_zeros.svg. The
figure carries a digest of the numbers that it shows, so that a test can tell an old one.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

import sata

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "three_zeros.md"
FIGURE = ROOT / "docs" / "figures" / "three_zeros.svg"
ZEROS = ("spike", "potential_gradient", "surrogate")
NAMES = {"spike": "spike", "potential_gradient": "potential gradient", "surrogate": "surrogate derivative"}
COMPUTES = ("PE", "PGU")
DENSITIES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
SWITCHES: Mapping[str, tuple[str, ...]] = {
    "none": (), "spike": ("spike",), "potential gradient": ("potential_gradient",),
    "surrogate derivative": ("surrogate",), "spike and potential gradient (SATA)": ("spike", "potential_gradient"),
    "all three": ZEROS,
}  # fmt: skip
STAGES = ("forward", "backward", "weight_gradient")


class Energy(NamedTuple):
    """Of one training step, in multiply-accumulates of an ANN. compute: by stage."""

    compute: dict[str, float]
    total: float


def workload(densities: Mapping[str, float]) -> dict[str, Any]:
    """VGG5, with one density for the inputs of all layers with weights, or for all tensors of the other kinds."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "workloads" / "vgg5_cifar10.yaml").read_text(encoding="utf-8"))
    found["workload"]["density"].update(densities)
    if "spike" in densities:
        for layer in found["workload"]["layers"]:
            if (
                "density" in layer or "linear" in layer
            ):  # all layers with weights: a pool's output is not said by its input
                layer["density"] = {"spike": densities["spike"]}
    return found


def energy_of(gated: tuple[str, ...], densities: Mapping[str, float]) -> Energy:
    """Energy with these zeros gated. densities: instead of the workload's own."""
    switches = {f"gate_{zero}": int(zero in gated) for zero in ZEROS}
    result = sata.evaluate("arch/sata.yaml", workload(densities), library="relative", **switches)
    dynamic = [r for r in result.records if r["action"] != "leakage"]
    compute = {stage: sum(r["energy_pj"] for r in dynamic if r["component"] in COMPUTES and r["stage"] == stage)
               for stage in STAGES}  # fmt: skip
    return Energy(compute, sum(r["energy_pj"] for r in dynamic))


@cache
def switched() -> dict[str, Energy]:
    """With the workload's own densities, some zeros gated."""
    return {name: energy_of(gated, {}) for name, gated in SWITCHES.items()}


@cache
def swept() -> dict[str, list[Energy]]:
    """All three gated; one density at a time, in all layers, the others as the workload has them."""
    return {zero: [energy_of(ZEROS, {zero: d}) for d in DENSITIES] for zero in ZEROS}


def tables() -> str:
    """Both tables, as Markdown."""
    whole = switched()["none"]
    lines = ["| zeros gated | forward | backward | weight gradient | compute | gain | all, with memories | gain |",
             "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for name, found in switched().items():
        compute = sum(found.compute.values())
        cells = [*(f"{n / 1e6:.2f}" for n in (*found.compute.values(), compute)),
                 f"{sum(whole.compute.values()) / compute:.3f}", f"{found.total / 1e6:,.1f}",
                 f"{whole.total / found.total:.4f}"]  # fmt: skip
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", f"| density | {' | '.join(f'{NAMES[z]}: compute | all' for z in ZEROS)} |", f"|---|{'---|---|' * 3}"]
    for n, density in enumerate(DENSITIES):
        pairs = [f"{sum(swept()[z][n].compute.values()) / 1e6:.2f} | {swept()[z][n].total / 1e6:,.1f}" for z in ZEROS]
        lines.append(f"| {density:g} | {' | '.join(pairs)} |")
    return "\n".join(lines)


def digest() -> str:
    """Of the numbers, as the tables round them."""
    return hashlib.sha256(tables().encode()).hexdigest()


def drawn() -> str:
    """The figure as SVG text."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "sata", "svg.fonttype": "none", "font.size": 9.0}):
        figure = Figure(figsize=(8.4, 3.5), layout="constrained")
        FigureCanvasSVG(figure)
        left, right = figure.subplots(1, 2)
        styles = zip(ZEROS, ("#0072b2", "#d55e00", "#009e73"), ("o", "s", "^"), strict=True)
        for zero, colour, marker in styles:
            points = swept()[zero]
            for axes, values in ((left, [sum(p.compute.values()) for p in points]), (right, [p.total for p in points])):
                axes.plot(DENSITIES, [v / 1e6 for v in values], color=colour, marker=marker, markersize=3.5, linewidth=1.3,
                          label=NAMES[zero])  # fmt: skip
        none, all_ = switched()["none"], switched()["all three"]
        ends = ((left, sum(none.compute.values()), sum(all_.compute.values())), (right, none.total, all_.total))
        for axes, dense, sparse in ends:
            axes.axhline(dense / 1e6, color="#555555", linewidth=0.9, linestyle="--", label="no zero gated")
            axes.axhline(sparse / 1e6, color="#555555", linewidth=0.9, linestyle=":", label="VGG5's own densities")
            axes.set_xlabel("density, in all layers")
            axes.set_xlim(0, 1.03)
            axes.set_ylim(0, dense / 1e6 * 1.08)
            axes.spines[["top", "right"]].set_visible(False)
        left.set_ylabel("energy of a training step\n(million 16-bit MACs)")
        left.set_title("compute", fontsize=10)
        right.set_title("compute and memories", fontsize=10)
        left.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0.02, 0.92))
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "sata", "Title": "SATA's three zeros",
                                                    "Description": f"numbers {digest()}"})  # fmt: skip
    return out.getvalue()


def refreshed(page: str) -> str:
    """The page with today's tables."""
    start, end = "<!-- tables -->\n\n", "\n\n<!-- end of tables -->"
    return re.sub(f"{start}.*?{end}", lambda _: start + tables() + end, page, flags=re.DOTALL)


def main() -> None:
    """Write page and figure."""
    PAGE.write_text(refreshed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    FIGURE.write_text(drawn(), encoding="utf-8")


if __name__ == "__main__":
    main()
