"""timeloop-model's sparse cases (Sparseloop) through the product, from architecture, workload and mapping as YAML.

`actual` is compared everywhere, gated and skipped where a rule stands (``compared``): equal to within one, or explained,
and the explanation says how much. With formats, `actual` of the tensor that has one is its non-zeros. What differs:

- Timeloop takes the next whole number of non-zeros: it is given to the product as the density.
- ``COMPRESSED``: its numbers of a tensor with a format are per tile that is not empty; ours are plain means. (BUF of s33
  holds one element of Z at a time, half of them zero: 960 accesses of 960 are theirs, 480 ours.)
- the notes of tests/oracle/timeloop_sparse.py but FORMAT, and no others; each of them is still needed.

Metadata and what is stored: test_formats_timeloop.py. What Timeloop aborts on stands at the end, against the oracle.
"""

from __future__ import annotations

from math import ceil, prod
from pathlib import Path

import pytest
import yaml

from sata.counts.op.results import OpCounts
from tests.oracle.averages import Cell
from tests.oracle.expected import expected
from tests.oracle.random_sparse import Case
from tests.oracle.sparse import OUTCOMES, Rule, Sparsity, Walk
from tests.oracle.sparse_product import Texts, compare, op_counts, product_cells, sparse_yaml
from tests.oracle.test_timeloop_sparse import left_by_outer_rules, not_empty
from tests.oracle.timeloop_sparse import (
    BLOCK,
    DIFFERENCES,
    FORMAT,
    LANES,
    ROUNDED,
    SPARSE,
    VANISHED,
    TimeloopCase,
    as_timeloop,
    cases,
    compared,
    latched,
    load,
    ours,
)

from .test_formats_timeloop import OURS

EACH = pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
COMPRESSED = "Theirs is the mean over tiles that are not empty, rounded up; ours the mean over all."


def whole(case: TimeloopCase) -> Case:
    """The case with densities that make timeloop-model's whole numbers of non-zeros."""
    tensors = {t.name: prod(dim.size for dim in t.dims) for t in case.problem.tensors}
    densities = {n: ceil(d * tensors[n] - 1e-9) / tensors[n] for n, d in case.densities.items()}
    return Case(case.problem, case.sparsity, dict(densities))


def formats(path: Path) -> dict[str, dict[str, list[object]]]:
    """Memory -> tensor -> our format: one for each dimension, the innermost of theirs (they have one per loop)."""
    given = yaml.safe_load(path.read_text())
    dims = {t["name"]: len(t["ranks"]) for t in given["problem"]["tensors"]}
    found: dict[str, dict[str, list[object]]] = {}
    for entry in given["sparse"]["formats"]:
        ranks = [OURS[rank["format"]] for rank in entry["ranks"]][-dims[entry["tensor"]] :]
        found.setdefault(entry["level"], {})[entry["tensor"]] = ranks
    return found


def texts(path: Path, case: Case) -> Texts:
    """Architecture, workload and mapping, with formats."""
    arch_text, workload, mapping = sparse_yaml(case)
    arch = yaml.safe_load(arch_text)
    stored = formats(path)
    for node in arch["arch"]["nodes"]:
        if node.get("memory") in stored:
            node["format"] = {f"kind_{tensor}": ranks for tensor, ranks in stored[node["memory"]].items()}
    return yaml.safe_dump(arch, sort_keys=False), workload, mapping


def counted(path: Path) -> OpCounts:
    return op_counts(whole(load(path)), texts(path, whole(load(path))))


def in_format(path: Path) -> set[tuple[str, str]]:
    """(memory, tensor) with a format."""
    return {(memory, tensor) for memory, tensors in formats(path).items() for tensor in tensors}


def differing(path: Path) -> dict[Cell, tuple[float, int]]:
    """What differs by one or more: cell -> (ours, theirs)."""
    case, found = load(path), as_timeloop(product_cells(counted(path)))
    return {c: (found[c], case.theirs[c]) for c in compared(case) if abs(found[c] - case.theirs[c]) >= 1}


def why(case: TimeloopCase, cell: Cell, compressed: set[tuple[str, str]]) -> str | None:
    """The note about a number."""
    if cell[:2] in compressed and cell[3] == "actual":
        return COMPRESSED
    notes = [(key, note) for key, note in DIFFERENCES[case.name].items() if note != FORMAT]
    return next((note for key, note in notes if all(a in ("*", b) for a, b in zip(key, cell, strict=True))), None)


@EACH
def test_equal_or_explained(path: Path) -> None:
    case, differences, compressed = load(path), differing(path), in_format(path)
    blocks = as_timeloop(product_cells(op_counts(whole(latched(case))))) if case.name == "s31_block_gate" else {}
    for cell, (mine, theirs) in differences.items():
        note = why(case, cell, compressed)
        if note == COMPRESSED:
            assert abs(theirs * not_empty(case, *cell[:2]) - mine) <= 1, cell
        elif note == ROUNDED:
            assert abs(theirs - mine) < 2, cell
        elif note == VANISHED:
            assert theirs == int(left_by_outer_rules(case, cell[0]) - ours(case)[*cell[:3], "actual"]), cell
        elif note == LANES:
            assert theirs - mine == pytest.approx(192), cell
        elif note == BLOCK:
            assert abs(blocks[cell] - theirs) < 2, cell
        else:
            pytest.fail(f"{cell}: ours {mine}, timeloop-model's {theirs}")
    assert set(DIFFERENCES[case.name].values()) - {FORMAT} <= {why(case, cell, compressed) for cell in differences}


@EACH
def test_formats_move_the_non_zeros_of_what_is_moved_without(path: Path) -> None:
    """Everything else is the oracle's number, to the last digit."""
    case, given = load(path), whole(load(path))
    found, oracle = as_timeloop(product_cells(counted(path))), ours(case)
    for (memory, tensor, event, outcome), number in oracle.items():
        mine = found[memory, tensor, event, outcome]
        if (memory, tensor) not in in_format(path):
            assert mine == pytest.approx(number, abs=1e-6)
        elif outcome == "actual":
            assert mine == pytest.approx(number * given.densities[tensor], abs=1e-6)
    rows = {cell[:3] for cell in oracle}
    for row in rows:  # and the three outcomes make the dense count
        assert sum(found[*row, o] for o in OUTCOMES) == pytest.approx(sum(oracle[*row, o] for o in OUTCOMES), abs=1e-6)


def test_half_of_the_cases_have_formats() -> None:
    assert sum(bool(formats(path)) for path in cases()) == 8


# --- what timeloop-model aborts on ------------------------------------------------------------------------------------


@pytest.mark.parametrize("density", [0.05, 1 / 128, 0.001, 0.0])
def test_nested_skipping_at_any_density(density: float) -> None:
    """s12 skips W by A at three memories; 0.05 makes 6.4 non-zeros of 128."""
    case = load(SPARSE / "s12_hierarchical_skip.yaml")
    given = Case(case.problem, case.sparsity, {"A": density})
    counts = op_counts(given)
    assert not compare(given, counts)
    assert counts.computes.actual == pytest.approx(1024 * density)


@pytest.mark.parametrize("effect", ["skip", "gate"])
@pytest.mark.parametrize("memory", ["DRAM", "GLB", "RF"])
def test_a_rule_on_the_tensor_itself(memory: str, effect: str) -> None:
    """Tiles of A that are empty do not move, and what needs them does not take place."""
    case = load(SPARSE / "s12_hierarchical_skip.yaml")
    given = Case(case.problem, Sparsity((Rule(memory, "A", ("A",), effect),)), {"A": 0.05})
    assert not compare(given, op_counts(given))
    cell = (memory, "A", "reads", "skipped" if effect == "skip" else "gated")
    assert expected(Walk(given.problem, given.sparsity), given.densities)[cell] > 0.5
