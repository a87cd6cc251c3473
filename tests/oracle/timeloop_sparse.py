"""Read the cases of tests/data/timeloop/sparse, and compare them with the sparse oracle's averages.

``python -m tests.oracle.timeloop_sparse [case ...]`` prints every number that differs.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from .averages import Averages, Cell, average
from .problem import Problem, Tensor
from .sparse import OUTCOMES, Rule, Sparsity, Walk
from .timeloop import problem_of

SPARSE = Path(__file__).resolve().parents[1] / "data" / "timeloop" / "sparse"
EFFECTS = {"gating": "gate", "skipping": "skip"}
READS, FILLS, UPDATES = "reads", "fills", "updates"


@dataclass(frozen=True)
class TimeloopCase:
    """A case: what is counted, the densities, and what timeloop-model says, in elements over all instances.

    expected: (memory, tensor, event, outcome) -> number, computes under ("", "", "computes", outcome). Its reads
    include merge reads. dense: the same without outcome.
    """

    name: str
    problem: Problem
    sparsity: Sparsity
    densities: dict[str, float]
    expected: dict[Cell, int]
    dense: dict[tuple[str, str, str], int]


def cases(folder: Path = SPARSE) -> list[Path]:
    """Return the files of all cases, sorted."""
    return sorted(folder.glob("*.yaml"))


def load(path: Path) -> TimeloopCase:
    """Read a case."""
    case = yaml.safe_load(path.read_text())
    problem = problem_of(case)
    densities = {}
    for name, model in case["problem"]["densities"].items():
        if model["distribution"] != "hypergeometric":
            raise ValueError(f"{path.name}: {name} is {model['distribution']}")
        densities[name] = model["density"]
    rules = tuple(
        Rule(entry["level"], entry["target"], tuple(entry["condition_on"]), EFFECTS[entry["type"]])
        for entry in case["sparse"]["actions"]
    )
    operands = tuple(t.name for t in problem.tensors if t.role == "input" and t.name in densities)
    at_compute = [EFFECTS[effect] for effect in case["sparse"]["compute"]]
    sparsity = Sparsity(rules, operands if "skip" in at_compute else (), operands if "gate" in at_compute else ())
    expected: dict[Cell, int] = {}
    dense: dict[tuple[str, str, str], int] = {("", "", "computes"): case["expected"]["compute"]["algorithmic"]}
    for outcome in OUTCOMES:
        expected["", "", "computes", outcome] = case["expected"]["compute"][outcome]
    for memory, level in case["expected"]["levels"].items():
        for tensor, row in level["tensors"].items():
            for event in (READS, FILLS, UPDATES):
                numbers, instances = row[f"{event}_per_instance"], row["utilized_instances_max"]
                dense[memory, tensor, event] = numbers["algorithmic"] * instances
                for outcome in OUTCOMES:
                    expected[memory, tensor, event, outcome] = numbers[outcome] * instances
    return TimeloopCase(path.stem, problem, sparsity, densities, expected, dense)


def rounded_up(tensor: Tensor, density: float, rng: np.random.Generator) -> Any:
    """Draw as timeloop-model does: ceil(density * size) non-zeros."""
    shape = tuple(dim.size for dim in tensor.dims)
    flat = np.zeros(prod(shape), dtype=np.uint8)
    flat[rng.permutation(flat.size)[: ceil(density * flat.size)]] = 1
    return flat.reshape(shape)


def averaged(case: TimeloopCase, draws: int, seed: int = 0) -> Averages:
    """Average the oracle over draws with timeloop-model's number of non-zeros."""
    walk = Walk(case.problem, case.sparsity)
    return average(
        walk, lambda rng: {n: rounded_up(walk.tensors[n], d, rng) for n, d in case.densities.items()}, draws, seed
    )


def as_timeloop(found: dict[Cell, float]) -> dict[Cell, float]:
    """Return our numbers as timeloop-model says them: merge reads are reads, drains are not counted."""
    table: dict[Cell, float] = {}
    for (memory, tensor, event, outcome), number in found.items():
        if event == "drains":
            continue
        key = (memory, tensor, READS if event == "merge_reads" else event, outcome)
        table[key] = table.get(key, 0) + number
    return table


def compared(case: TimeloopCase) -> list[Cell]:
    """Return the cells that can be compared: `actual` everywhere, gated and skipped where a rule stands."""
    where = {(rule.memory, rule.follower) for rule in case.sparsity.rules}
    return [
        cell for cell in case.expected if cell[3] == "actual" or (cell[:2] in where and cell[2] in (READS, UPDATES))
    ]


def main(names: list[str]) -> None:
    """Print what differs by more than a unit, case by case."""
    for path in cases():
        if names and not any(path.stem.startswith(name) for name in names):
            continue
        case = load(path)
        found = averaged(case, 300)
        ours, error = as_timeloop(found.mean), as_timeloop({cell: found.error(cell) for cell in found.mean})
        print(f"{case.name}: {case.sparsity.rules or 'no rules'} {case.sparsity.skip} {case.sparsity.gate}")
        for cell in compared(case):
            if abs(ours[cell] - case.expected[cell]) > 1:
                print(f"   {' '.join(cell):32} ours {ours[cell]:9.2f} +- {error[cell]:6.2f}   {case.expected[cell]:6d}")


if __name__ == "__main__":
    main(sys.argv[1:])
