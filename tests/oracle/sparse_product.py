"""Give the sparse oracle's cases to the product as users write them, and compare what it counts with the oracle.

``compare(case, op_counts(case))`` lists every number that differs from the exact expectation under ``uniform``; with
``values``, from what happens for these values (the product being told so by a trace). An empty list is agreement.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

from sata.counts.op import count_op
from sata.counts.op.results import OpCounts
from sata.evaluation import prepare
from sata.specs.text.faults import Faults

from .averages import Cell, cells
from .expected import expected
from .problem import Problem
from .random_problems import to_yaml
from .random_sparse import Case
from .sparse import EVENTS, OUTCOMES, Values, Walk

Texts = tuple[str, str, str]


class Difference(NamedTuple):
    """A number that is not the oracle's."""

    cell: Cell
    product: float
    oracle: float


def sparse_yaml(case: Case, densities: Mapping[str, Any] | None = None) -> Texts:
    """Return architecture, workload and mapping. densities: as YAML says them, instead of the case's own."""
    arch, _, mapping = to_yaml(case.problem)
    return _arch(case, arch), _workload(case, case.densities if densities is None else densities), mapping


def _arch(case: Case, text: str) -> str:
    """Add the rules. Rules of one memory, follower and effect are one, with the leaders of all."""
    arch = yaml.safe_load(text)
    nodes = {node.get("memory"): node for node in arch["arch"]["nodes"]}
    for rule in case.sparsity.rules:
        leaders = nodes[rule.memory].setdefault(rule.effect, {}).setdefault(f"kind_{rule.follower}", [])
        leaders += [f"kind_{name}" for name in rule.leaders if f"kind_{name}" not in leaders]
    compute = arch["arch"]["nodes"][-1]
    for effect, names in (("skip", case.sparsity.skip), ("gate", case.sparsity.gate)):
        if names:
            compute[effect] = [f"kind_{name}" for name in names]
    return yaml.safe_dump(arch, sort_keys=False)


def _workload(case: Case, densities: Mapping[str, Any]) -> str:
    """Write the op with its local tensors, and all densities."""
    problem, local = case.problem, case.sparsity.local
    first = next(at for at, node in enumerate(problem.nest) if node[0] == "memory")
    kept = ("memory", problem.nest[first][1], (*problem.nest[first][2], *(t.name for t in local)))
    nest = (*problem.nest[:first], kept, *problem.nest[first + 1 :])
    workload = yaml.safe_load(to_yaml(Problem(problem.ranks, (*problem.tensors, *local), nest))[1])
    tensors = workload["workload"]["ops"][0]["tensors"]
    for name, density in densities.items():
        tensors[name]["density"] = list(density) if isinstance(density, tuple) else density
    for tensor in local:
        tensors[tensor.name]["local"] = True
        del workload["workload"]["bits"][f"kind_{tensor.name}"]
    return yaml.safe_dump(workload, sort_keys=False, width=1000)


def op_counts(case: Case, texts: Texts | None = None) -> OpCounts:
    """Return the product's counts of a case.

    Raises: SpecError if the product refuses it.
    """
    prepared = prepare(*(texts or sparse_yaml(case)))
    faults = Faults()
    (group,), ((shape,),) = prepared.program.groups, prepared.shapes
    counts = count_op(group.nests[0], shape)
    faults.check()
    return counts


def product_cells(counts: OpCounts) -> dict[Cell, float]:
    """Return the product's numbers as the oracle names them."""
    found = {("", "", "computes", outcome): float(getattr(counts.computes, outcome)) for outcome in OUTCOMES}
    for access in counts.accesses:
        for event in EVENTS:
            for outcome in OUTCOMES:
                cell = (access.memory.name, access.tensor.name, event, outcome)
                found[cell] = float(getattr(access.events[event], outcome))
    return found


def compare(
    case: Case, counts: OpCounts, values: Values | None = None, tolerance: float = 1e-9, walk: Walk | None = None
) -> list[Difference]:
    """Return what differs by more than the tolerance, relative to the dense count (or to one).

    Without `values`: from the exact expectation under the case's densities. Raises: TooMany if that is out of reach.
    """
    walk = walk or Walk(case.problem, case.sparsity)
    oracle: dict[Cell, float] = expected(walk, case.densities) if values is None else dict(cells(walk.outcomes(values)))
    product = product_cells(counts)
    if product.keys() != oracle.keys():
        raise AssertionError(f"other rows: {sorted(product.keys() ^ oracle.keys())}")
    dense = {cell: sum(oracle[*cell[:3], outcome] for outcome in OUTCOMES) for cell in oracle}
    return [
        Difference(cell, product[cell], number)
        for cell, number in oracle.items()
        if abs(product[cell] - number) > tolerance * max(1.0, dense[cell])
    ]
