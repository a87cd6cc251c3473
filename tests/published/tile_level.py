"""The tile-level result on arch/sata.yaml beside the paper's accounting: the tables of docs/published.md.

`python -m tests.published.tile_level` prints them. Words are of 8 bits; energies in units of one ANN MAC (library
`relative`), so that both sides are priced alike.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sata
from sata.costs.given import price_given
from sata.report.result import Result

HERE = Path(__file__).parent
STAGES = ("forward", "backward", "weight_gradient")
LEVELS = ("DRAM", "buffers", "scratch-pads")
BITS = {"spike": 1, "current": 16}  # all other kinds: 8
COMPUTE = ("PE", "PGU", "acc_reg", "U_reg")  # registers are in the bills of the PE and free
Words = dict[tuple[str, str], float]


def ours() -> Result:
    return sata.evaluate("arch/sata.yaml", "workloads/vgg5_cifar10.yaml", library="relative")


def paper() -> Any:
    return price_given(str(HERE / "sata_tcad.yaml"))


def level(component: str) -> str:
    if component in ("DRAM", "dram"):
        return "DRAM"
    return "buffers" if component.endswith("GLB") or component == "sram" else "scratch-pads"


def our_words(result: Result) -> Words:
    """Reads and writes in words of 8 bits, by stage and level."""
    found: Words = {}
    for r in result.records:
        if r["action"] in ("read", "write") and r["component"] not in COMPUTE:
            key = (r["stage"], level(r["component"]))
            found[key] = found.get(key, 0.0) + r["count"] * BITS.get(r["kind"], 8) / 8
    return found


def paper_words(given: Any) -> Words:
    found: Words = {}
    for r in given.records:
        if r.run == "SNN" and r.group == "memory":
            key = (r.stage, level(r.component))
            found[key] = found.get(key, 0.0) + r.count
    return found


def our_energy(result: Result) -> dict[tuple[str, str], float]:
    """By stage: compute, and memory."""
    found: dict[tuple[str, str], float] = {}
    for (stage, component), energy in result.energy_pj(by=("stage", "component")).items():
        key = (stage, "compute" if component in COMPUTE else "memory")
        found[key] = found.get(key, 0.0) + energy
    return found


def tables() -> str:
    """The two tables of docs/published.md, as Markdown."""
    result, given = ours(), paper()
    mine, theirs = our_words(result), paper_words(given)
    lines = ["| words of 8 b | paper | tile level | ratio |", "|---|---|---|---|"]
    for stage in STAGES:
        for name in LEVELS:
            a, b = theirs[stage, name], mine[stage, name]
            lines.append(f"| {stage}, {name} | {a:,.0f} | {b:,.0f} | {b / a:.3f} |")
    mine, given_energy = our_energy(result), given.energy_pj()
    lines += ["", "| energy, MAC | paper | tile level | ratio |", "|---|---|---|---|"]
    for stage in STAGES:
        for group in ("compute", "memory"):
            a, b = given_energy["spa_SNN", stage, group], mine[stage, group]
            lines.append(f"| {stage}, {group} | {a:,.0f} | {b:,.0f} | {b / a:.3f} |")
    lines += ["", "| words of 8 b, tile level | by tensor |", "|---|---|"]
    for (stage, name), tensors in by_tensor(result).items():
        largest = sorted(tensors.items(), key=lambda item: -item[1])
        lines.append(f"| {stage}, {name} | {', '.join(f'{t} {n:,.0f}' for t, n in largest)} |")
    return "\n".join(lines)


def by_tensor(result: Result) -> dict[tuple[str, str], dict[str, float]]:
    """Words by stage and level, and tensor."""
    found: dict[tuple[str, str], dict[str, float]] = {(s, n): {} for s in STAGES for n in LEVELS}
    for r in result.records:
        if r["action"] in ("read", "write") and r["component"] not in COMPUTE:
            tensors = found[r["stage"], level(r["component"])]
            tensors[r["tensor"]] = tensors.get(r["tensor"], 0.0) + r["count"] * BITS.get(r["kind"], 8) / 8
    return found


if __name__ == "__main__":
    print(tables())
