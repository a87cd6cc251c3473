"""Where the energy goes: by stage, component and kind of tensor; by layer. Where the time goes: by layer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sata.report.parts import leaks
from sata.report.pictures.kinds import PictureKind, of_a_result
from sata.report.pictures.style import (
    BARS,
    STAGES,
    WIDTH,
    Bar,
    Picture,
    colours,
    legend,
    legend_height,
    power_for,
    stacked,
    unit_for,
)  # fmt: skip
from sata.report.result import Record, Result
from sata.report.sums import sums

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_LAYERS = 48  # bars; further layers are summed up


def energy_picture(result: Result) -> Picture:
    """A panel a stage with a bar a component, stacked by kind of tensor; compute and leakage are kinds of their own.

    All panels have one scale, so that bars compare across stages. Components that take nothing are left out.
    """
    stages = list(dict.fromkeys(op["stage"] for op in result.ops))
    energy = sums(result.records, lambda r: (r["stage"], r["component"], part_of_bar(r)))
    order = [row["node"] for row in result.components]
    names = sorted({key[1] for key, pj in energy.items() if pj}, key=lambda n: order.index(n) if n in order else -1)
    parts = sorted({key[2] for key, pj in energy.items() if pj}, key=place)
    looks = colours(parts, BARS)
    below = legend_height(len(parts), 3)
    panel = 0.21 * max(len(names), 1) + 0.3
    height = panel * max(len(stages), 1) + below + 0.5

    def draw(figure: Figure) -> None:
        axes = figure.subplots(max(len(stages), 1), 1, sharex=True, squeeze=False)[:, 0]
        totals = [math.fsum(energy.get((s, n, p), 0.0) for p in parts) for s in stages for n in names]
        unit = unit_for(totals, "pj")
        for axis, stage in zip(axes, stages, strict=False):
            values = {p: [energy.get((stage, n, p), 0.0) for n in names] for p in parts}
            stacked(axis, names, values, unit, dimension="pj", looks=looks)
            axis.set_title(stage)
        for axis in axes:
            axis.set_xlim(0, max([*totals, 1e-30]) / unit.scale * 1.04)
        axes[-1].set_xlabel(f"energy in {unit.name}")
        legend(figure, looks, 3, below)
        figure.subplots_adjust(0.24, (below + 0.45) / height, 0.97, 1 - 0.28 / height, hspace=0.3 / (panel - 0.3) * 1.0)

    return Picture("Energy by stage, component and kind of tensor", (WIDTH, height), draw)


def part_of_bar(record: Record) -> Bar:
    """What a record is stacked as: its kind, or compute or leakage where it moves no tensor."""
    if leaks(record):
        return "part", "leakage"
    return ("kind", record["kind"]) if record["kind"] else ("part", "compute")


def place(part: Bar) -> tuple[int, Bar]:
    """Kinds that every workload knows in the order of their colours, then other kinds, then compute and leakage."""
    known = list(BARS)
    return (known.index(part) if part in known else len(known) - 2, part)


def layers_picture(result: Result) -> Picture:
    """Two bars a layer, stacked by stage: its energy and its cycles."""
    stages = list(dict.fromkeys(op["stage"] for op in result.ops))
    energy = sums(result.records, lambda r: (r["layer"], r["stage"]))
    cycles = sums(result.ops, lambda op: (op["layer"], op["stage"]), "cycles")
    layers = list(dict.fromkeys(op["layer"] for op in result.ops))
    rest: list[str] = []
    if len(layers) > MOST_LAYERS:
        by_energy = sorted(layers, key=lambda n: -math.fsum(energy.get((n, s), 0.0) for s in stages))
        rest = by_energy[MOST_LAYERS - 1 :]
        layers = [n for n in layers if n not in rest]
    names = layers + ([f"{len(rest)} more"] if rest else [])
    looks = colours(stages, STAGES)
    below = legend_height(len(stages), 3)
    height = 0.2 * max(len(names), 1) + below + 0.95

    def rows(of: Mapping[tuple[str, str], float], stage: str) -> list[float]:
        own = [of.get((n, stage), 0.0) for n in layers]
        return own + ([math.fsum(of.get((n, stage), 0.0) for n in rest)] if rest else [])

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        unit = unit_for([math.fsum(energy.get((n, s), 0.0) for s in stages) for n in layers], "pj")
        stacked(left, names, {s: rows(energy, s) for s in stages}, unit, dimension="pj", looks=looks, most=14)
        left.set_title(f"energy in {unit.name}")
        scale = power_for([math.fsum(cycles.get((n, s), 0.0) for s in stages) for n in layers])
        stacked(right, names, {s: rows(cycles, s) for s in stages}, scale, dimension="", looks=looks, most=14)
        right.set_title(f"cycles{f' in {scale.name}' if scale.name else ''}")
        legend(figure, looks, 3, below)
        figure.subplots_adjust(0.17, (below + 0.3) / height, 0.97, 1 - 0.3 / height, wspace=0.08)

    return Picture("Energy and cycles by layer", (WIDTH, height), draw)


ENERGY = PictureKind("energy", "by stage, component and kind of tensor", of_a_result(energy_picture))
LAYERS = PictureKind("layers", "energy and cycles by layer", of_a_result(layers_picture))
