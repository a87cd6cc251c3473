"""Read the cases of tests/data/timeloop/dense into Problems, and turn our counts into timeloop-model's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .problem import Dim, Node, Problem, Tensor

DENSE = Path(__file__).resolve().parents[1] / "data" / "timeloop" / "dense"
Table = dict[tuple[str, str], dict[str, int]]


def cases(folder: Path = DENSE) -> list[Path]:
    """Return the files of all cases, sorted."""
    return sorted(folder.glob("*.yaml"))


def load(path: Path) -> tuple[Problem, Table, int]:
    """Return the problem, the expected counts per (memory, tensor), and the expected computes."""
    case = yaml.safe_load(path.read_text())
    expected = {
        (memory, tensor): numbers
        for memory, row in case["expected"]["levels"].items()
        for tensor, numbers in row.items()
    }
    return problem_of(case), expected, case["expected"]["computes"]


def problem_of(case: dict[str, Any]) -> Problem:
    """Return the problem of a case."""
    ranks = {name.lower(): bound for name, bound in case["problem"]["dims"].items()}
    tensors = []
    for entry in case["problem"]["tensors"]:
        dims = []
        for terms in entry["ranks"]:
            coefs = {term["dim"].lower(): term["coef"] for term in terms}
            dims.append(Dim(coefs, 0, 1 + sum(coef * (ranks[rank] - 1) for rank, coef in coefs.items())))
        tensors.append(Tensor(entry["name"], "output" if entry["read_write"] else "input", tuple(dims)))
    nest: list[Node] = []
    for level in case["mapping"]["levels"]:
        nest.append(("memory", level["level"], tuple(level["keep"])))
        loops = [(loop["kind"], loop["dim"].lower(), loop["factor"]) for loop in level["loops"]]
        nest += [("loop", rank, factor) for kind, rank, factor in loops if kind == "temporal"]
        spatial = tuple((rank, factor) for kind, rank, factor in loops if kind == "spatial")
        if spatial:
            nest.append(("array", f"below_{level['level']}", "tile", True, spatial))
    nest.append(("compute",))
    return Problem(ranks, tuple(tensors), tuple(nest))


def as_timeloop(counts: dict[tuple[str, str], dict[str, Any]]) -> Table:
    """Return our counts as timeloop-model says them: merge reads are reads, drains are not counted."""
    return {
        key: {
            "tile": row["tile"],
            "instances": row["instances"],
            "reads": row["reads"] + row["merge_reads"],
            "fills": row["fills"],
            "updates": row["updates"],
        }
        for key, row in counts.items()
    }
