"""How far the closed form of time is from an execution: `python -m tests.benchmarks.time [NESTS] [--write]`.

Prints, for one buffer, two, and either at each memory by itself, the distribution of (closed form / execution - 1) over so many
random nests (500), by what they have, with what `stream` says beside it. `--write` puts table and picture into docs/costs.md.
"""

from __future__ import annotations

import io
import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import sata
from tests.oracle.execution import Machine, Store, execute
from tests.oracle.problem import Problem
from tests.oracle.random_machines import is_regular, random_case
from tests.oracle.timed_product import specs_of
from tests.oracle.transfers import transfers

ROOT = Path(__file__).resolve().parents[2]
PAGE, FIGURE = ROOT / "docs" / "costs.md", ROOT / "docs" / "figures" / "time.svg"
MODES = (("1", 1), ("2", 2), ("1 or 2", None))
HEAD = ("`buffers`", "nests", "n", "mean error", "5 %", "95 %", "smallest", "largest", "exact", "within 5 %")
NEAR = 1e-9


class Case(NamedTuple):
    """One nest: the share by which the closed form, and `stream`, are off; what it has."""

    error: float
    stream: float
    memories: int
    regular: bool
    returns: bool


def case(seed: int, buffers: int | None) -> Case:
    rng = random.Random(seed)
    problem, machine = random_case(rng, buffers, rng.choice([0.0, 0.25]))
    truth = float(execute(problem, machine).cycles)
    cycles = (sata.evaluate(*specs_of(problem, each)).cycles for each in (machine, streaming(machine)))
    error, stream = (found / truth - 1.0 for found in cycles)
    memories = sum(node[0] == "memory" for node in problem.nest) - 1
    return Case(error, stream, memories, is_regular(problem), returns(problem))


def streaming(machine: Machine) -> Machine:
    """The same with memories that stream: no number of buffers."""
    stores = {name: Store(s.read, s.write, s.shared, 0) for name, s in machine.stores.items()}
    return Machine(stores, machine.bits, machine.cycles)


def returns(problem: Problem) -> bool:
    """Whether old values come back to a memory."""
    links = (link for own in transfers(problem).values() for link in own[:-1])
    return any(link.tensor.role == "output" and moves.back for link in links for moves in link.moves)


def rows(mode: str, cases: Sequence[Case]) -> list[tuple[str, ...]]:
    """All nests of a mode, then some of them."""
    parts = [("all", cases), ("regular, nothing returns", [c for c in cases if c.regular and not c.returns]),
             ("ragged or windows", [c for c in cases if not c.regular]), ("old values return", [c for c in cases if c.returns]),
             ("two memories", [c for c in cases if c.memories == 2])]  # fmt: skip
    found = [row(mode, name, [c.error for c in own]) for name, own in parts if own]
    return [*found, row(mode, "`stream` instead", [c.stream for c in cases])]


def row(mode: str, name: str, errors: Sequence[float]) -> tuple[str, ...]:
    e = 100 * np.array(errors)
    low, high = np.percentile(e, (5, 95))
    shares = np.mean(abs(e) < 100 * NEAR), np.mean(abs(e) <= 5)
    numbers = [f"{x:.1f} %" for x in (low, high, e.min(), e.max())] + [f"{100 * s:.0f} %" for s in shares]
    return (mode, name, str(len(e)), f"{abs(e).mean():.2f} %", *(n.replace("-0.0 %", "0.0 %") for n in numbers))


def table(found: Sequence[tuple[str, ...]]) -> str:
    lines = [HEAD, ("---",) * len(HEAD), *found]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def picture(modes: dict[str, list[Case]]) -> str:
    """The error of nine tenths and more of all nests, as SVG text."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "sata", "svg.fonttype": "none", "font.size": 9.0}):
        figure = Figure(figsize=(8.4, 2.6), layout="constrained")
        FigureCanvasSVG(figure)
        for axes, (mode, cases) in zip(figure.subplots(1, len(modes), sharey=True), modes.items(), strict=True):
            bins = np.arange(-40.5, 16, 1.0)
            for name, colour, errors in (("stream instead", "#bbbbbb", [c.stream for c in cases]),
                                         ("closed form", "#0072b2", [c.error for c in cases])):  # fmt: skip
                shown = np.clip(100 * np.array(errors), bins[0], bins[-1] - 1e-9)
                axes.hist(shown, bins=bins, weights=np.full(len(shown), 100 / len(shown)), color=colour, label=name)
            axes.set_title(f"buffers: {mode}", fontsize=10)
            axes.set_xlabel("too short <  error in %  > too long")
            axes.set_yscale("log")
            axes.set_ylim(0.1, 100)
            axes.spines[["top", "right"]].set_visible(False)
        figure.axes[0].set_ylabel("share of nests in %")
        figure.axes[0].legend(frameon=False, fontsize=8, loc="upper left")
        out = io.StringIO()
        figure.savefig(
            out, format="svg", metadata={"Date": None, "Creator": "sata", "Title": "Error of the closed form of time"}
        )
    return out.getvalue()


def main(arguments: Sequence[str]) -> None:
    nests = next((int(a) for a in arguments if a.isdigit()), 500)
    modes: dict[str, list[Case]] = {}
    found = []
    for number, (mode, buffers) in enumerate(MODES):
        modes[mode] = [case(1_000_000 * number + seed, buffers) for seed in range(nests)]
        found += rows(mode, modes[mode])
        print(table(found[-len(rows(mode, modes[mode])) :]), flush=True)
    if "--write" in arguments:
        page, start, end = PAGE.read_text(encoding="utf-8"), "<!-- table -->\n\n", "\n\n<!-- end of table -->"
        PAGE.write_text(
            re.sub(f"{start}.*?{end}", lambda _: start + table(found) + end, page, flags=re.DOTALL), encoding="utf-8"
        )
        FIGURE.write_text(picture(modes), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
