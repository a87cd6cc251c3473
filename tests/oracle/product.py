"""Give the oracle's problems to the product: as integers, for counting alone, or as YAML, the way users do."""

from __future__ import annotations

from typing import Any

from sata.counts.dense.closed_form import count
from sata.counts.dense.memory_counts import FIELDS
from sata.nest.structure import Axis, Fanout, Operand, Slot, Structure

from .brute import FIELDS as ORACLE_FIELDS
from .problem import Problem
from .wires import Axes, one_axis_each

assert set(FIELDS) == set(ORACLE_FIELDS)
Table = dict[tuple[str, str], dict[str, int]]


def structure_of(problem: Problem, axes: Axes | None = None) -> tuple[Structure, list[int], list[str]]:
    """Return the structure, the factor of every slot, and the names of the memories by number. axes: of the arrays'
    loops, the trunk first; else each has one of its own.
    """
    axes = one_axis_each(problem) if axes is None else axes
    number = {rank: i for i, rank in enumerate(problem.ranks)}
    slots: list[Slot] = []
    factors: list[int] = []
    depths: dict[str, int] = {}
    keeps: dict[str, tuple[str, ...]] = {}
    fanouts: list[Fanout] = []
    for at, node in enumerate(problem.nest):
        if node[0] == "memory":
            depths[node[1]], keeps[node[1]] = len(slots), node[2]
        elif node[0] == "loop":
            slots.append(Slot(number[node[1]]))
            factors.append(node[2])
        elif node[0] == "array":
            fanouts.append(Fanout(node[2], node[3], len(depths)))
            for n, (rank, factor) in enumerate(node[4]):
                axis = next(i for i, own in enumerate(axes[at]) if n in own)
                slots.append(Slot(number[rank], len(fanouts) - 1, axis))
                factors.append(factor)
    operands = tuple(
        Operand(
            tuple(Axis(tuple(number[r] for r in d.ranks), tuple(d.ranks.values()), d.offset, d.size) for d in t.dims),
            t.role == "output",
            tuple(i for i, name in enumerate(depths) if t.name in keeps[name]),
            t.initialised,
        )
        for t in problem.tensors
    )
    bounds = tuple(problem.ranks.values())
    return Structure(bounds, tuple(slots), tuple(depths.values()), tuple(fanouts), operands), factors, list(depths)


def product_counts(problem: Problem) -> Table:
    """Return the product's counts of one problem, named as the oracle names its own."""
    structure, factors, memories = structure_of(problem)
    return named(problem, structure, memories, count(structure, factors))


def named(problem: Problem, structure: Structure, memories: list[str], counts: Any, entry: int | None = None) -> Table:
    """Return counts under (memory, tensor); `entry` takes one of a batch."""
    return {
        (memories[m], tensor.name): {
            f: int(getattr(found, f) if entry is None else getattr(found, f)[entry]) for f in FIELDS
        }
        for tensor, operand, row in zip(problem.tensors, structure.operands, counts.tensors, strict=True)
        for m, found in zip(operand.chain, row, strict=True)
    }


def yaml_counts(texts: tuple[str, str, str]) -> tuple[Table, int]:
    """Return the counts and the computes of a run on architecture, workload and mapping as users write them."""
    import sata

    result = sata.evaluate(*texts)
    table = {(row["memory"], row["tensor"]): {f: row[f] for f in FIELDS} for row in result.traffic}
    return table, result.ops[0]["computes"]
