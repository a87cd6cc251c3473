"""Read the cases of tests/data/timeloop/sparse, and compare them with what the sparse oracle expects.

``python -m tests.oracle.timeloop_sparse [case ...]`` prints every number that differs.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from .averages import Cell
from .expected import expected
from .problem import Problem
from .sparse import OUTCOMES, Rule, Sparsity, Walk
from .timeloop import problem_of

SPARSE = Path(__file__).resolve().parents[1] / "data" / "timeloop" / "sparse"
EFFECTS = {"gating": "gate", "skipping": "skip"}
READS, FILLS, UPDATES = "reads", "fills", "updates"

FORMAT = (
    "Stored compressed, A (or Z) moves only its non-zeros; ours are counts of events, which formats then shorten. Theirs "
    "is ceil(n * density / P(tile not empty)): they average over non-empty tiles but count the empty ones as well."
)
VANISHED = (
    "What vanishes because of a rule further out is in none of their outcomes at the inner memory; ours are skipped "
    "there too. Theirs is what is left of the link, less what still happens."
)
ROUNDED = (
    "They round up what outer rules leave (255.2 reads are 256, 683.4 are 684), round down what is lost of it, and call "
    "the difference actual: up to two too many."
)
LANES = (
    "Dense already: they give a partial sum that comes back to every one of the four lanes that reduce into it; here "
    "one lane gets it and the others start from zero (counting.md, section 6)."
)
BLOCK = (
    "block_size 4: one decision for four words along K. Here the unit of decision is what moves to the next keeper; with "
    "a latch of four W below BUF the numbers agree (``latched``)."
)
# case -> (memory, tensor, event, outcome), with * for any -> why ours differs by one or more
DIFFERENCES: dict[str, dict[tuple[str, str, str, str], str]] = {
    "s05_gate_WZ_on_A_rf": {},
    "s07_skip_W_on_A_rf_bitmask": {("*", "A", "*", "actual"): FORMAT},
    "s09_gate_glb_tile": {},
    "s11_gate_double_sided": {},
    "s12_hierarchical_skip": {
        ("GLB", "W", "reads", "*"): ROUNDED,
        ("RF", "W", "reads", "actual"): ROUNDED,
        ("RF", "W", "reads", "skipped"): VANISHED,
    },
    "s17_fmt_bitmask": {("*", "A", "*", "actual"): FORMAT},
    "s18_fmt_cp": {("*", "A", "*", "actual"): FORMAT},
    "s19_fmt_rle": {("*", "A", "*", "actual"): FORMAT},
    "s20_fmt_csr": {("*", "A", "*", "actual"): FORMAT},
    "s23_fmt_bitmask_gate": {("*", "A", "*", "actual"): FORMAT},
    "s25_spatial_k_gate": {("RF", "Z", "reads", "actual"): LANES, ("RF", "Z", "fills", "actual"): LANES},
    "s27_snn_spike_gate": {},
    "s30_conv_skip_outputs": {},
    "s31_block_gate": {("BUF", "W", "reads", "*"): BLOCK, ("", "", "computes", "actual"): ROUNDED},
    "s32_block_cp_vector": {("*", "A", "*", "actual"): FORMAT},
    "s33_output_density": {("DRAM", "Z", "updates", "actual"): FORMAT},
    "s35_bw_bound_skip": {
        ("RF", "W", "reads", "actual"): ROUNDED,
        ("RF", "W", "reads", "skipped"): VANISHED,
    },
}


@dataclass(frozen=True)
class TimeloopCase:
    """A case: what is counted, the densities, and what timeloop-model says, in elements over all instances.

    theirs: (memory, tensor, event, outcome) -> number, computes under ("", "", "computes", outcome). Its reads
    include merge reads. dense: the same without outcome.
    """

    name: str
    problem: Problem
    sparsity: Sparsity
    densities: dict[str, float]
    theirs: dict[Cell, int]
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
    theirs: dict[Cell, int] = {}
    dense: dict[tuple[str, str, str], int] = {("", "", "computes"): case["expected"]["compute"]["algorithmic"]}
    for outcome in OUTCOMES:
        theirs["", "", "computes", outcome] = case["expected"]["compute"][outcome]
    for memory, level in case["expected"]["levels"].items():
        for tensor, row in level["tensors"].items():
            for event in (READS, FILLS, UPDATES):
                numbers, instances = row[f"{event}_per_instance"], row["utilized_instances_max"]
                dense[memory, tensor, event] = numbers["algorithmic"] * instances
                for outcome in OUTCOMES:
                    theirs[memory, tensor, event, outcome] = numbers[outcome] * instances
    return TimeloopCase(path.stem, problem, sparsity, densities, theirs, dense)


def ours(case: TimeloopCase) -> dict[Cell, float]:
    """Return what the oracle expects of a case with timeloop-model's number of non-zeros, said as it says things."""
    return as_timeloop(expected(Walk(case.problem, case.sparsity), case.densities, rounded_up=True))


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
    return [cell for cell in case.theirs if cell[3] == "actual" or (cell[:2] in where and cell[2] in (READS, UPDATES))]


def differing(case: TimeloopCase) -> dict[Cell, tuple[float, int, str | None]]:
    """Return what differs by one or more: cell -> (ours, theirs, why or None)."""
    found, why = ours(case), DIFFERENCES.get(case.name, {})
    return {
        cell: (
            found[cell],
            case.theirs[cell],
            next((t for p, t in why.items() if all(a in ("*", b) for a, b in zip(p, cell, strict=True))), None),
        )
        for cell in compared(case)
        if abs(found[cell] - case.theirs[cell]) >= 1
    }


def latched(case: TimeloopCase) -> TimeloopCase:
    """Return the case with block_size 4 said our way: K in fours, and a latch for four of W around the inner loop."""
    *outer, (_, rank, factor), compute = case.problem.nest
    nest = (*outer, ("loop", rank, factor // 4), ("memory", "LATCH", ("W",)), ("loop", rank, 4), compute)
    return replace(case, problem=Problem(case.problem.ranks, case.problem.tensors, nest))


def main(names: list[str]) -> None:
    """Print what differs by more than a unit, case by case."""
    for path in cases():
        if names and not any(path.stem.startswith(name) for name in names):
            continue
        case = load(path)
        print(case.name)
        for cell, (mine, theirs, why) in differing(case).items():
            print(f"   {' '.join(cell):32} ours {mine:9.2f}, timeloop-model {theirs:6d}: {why}")


if __name__ == "__main__":
    main(sys.argv[1:])
