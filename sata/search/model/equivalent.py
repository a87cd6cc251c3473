"""Storage templates that need not be searched, because another has a nest that is as good for each of theirs.

- *Alike*: two that differ in the names of their memories only.
- *Passed through*: a memory keeps a tensor below one that is no dearer and never in the way, with no array between.
  Whoever is served by the inner one may be served by the outer one as often: what arrives at a child does not depend on
  what its parent is, and the link between the two is saved.
- *Crowded*: a memory keeps several tensors while one beside it, of the same kind, is empty. With nothing looped over
  between the two, one of the tensors may move over at the same costs, and there is more room.

A storage template of the second sort keeps one tensor more than the one it is left for, and one of the third sort
fills one memory less, so some storage template that is as good is always left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sata.search.model.problem import Level, SearchProblem, is_limited
from sata.specs.model import Memory

Keeps = frozenset[tuple[str, frozenset[str]]]


def without_equivalents(problems: Sequence[SearchProblem]) -> list[SearchProblem]:
    """Those of one op that are to be searched."""
    every = {_key(problem.template.way, dict(problem.template.keeps)): problem for problem in problems}
    kept: dict[Any, SearchProblem] = {}
    for problem in problems:
        if not _comparable(problem):
            kept[id(problem)] = problem
        elif not any(other in every for other in (*_passed_through(problem), *_crowded(problem, every))):
            kept.setdefault(_likeness(problem), problem)
    return list(kept.values())


def _comparable(problem: SearchProblem) -> bool:
    """Costs follow from counts, and no memory is asked for by name."""
    return problem.linear and not problem.constraints.factors and not problem.constraints.order


def _likeness(problem: SearchProblem) -> Any:
    """What the costs of a linear problem's nests depend on."""
    nodes = tuple(
        (i.size_bits, i.buffers, i.bandwidth) if isinstance(i, Memory) else i.name for i in problem.template.items
    )
    levels = tuple(
        tuple((s.item, *s.energy.items(), *s.own.items(), *s.bits.items(), s.fitting_bits) for s in operand.levels)
        for operand in problem.operands
    )
    return nodes, levels


def _key(way: Sequence[Any], keeps: dict[str, tuple[str, ...]]) -> Any:
    chosen = frozenset((name, frozenset(kept)) for name, kept in keeps.items() if kept)
    return tuple(node.name for node in way), chosen


def _passed_through(problem: SearchProblem) -> Iterator[Any]:
    """Keys of storage templates that leave a tensor out of one memory and are no worse."""
    keeps = dict(problem.template.keeps)
    for operand in problem.operands:
        for parent, child in zip(operand.levels, operand.levels[1:], strict=False):
            if parent.arrays == child.arrays and not is_limited(parent.memory.bandwidth) and _no_dearer(parent, child):
                name = child.memory.name
                kept = tuple(t for t in keeps[name] if t != operand.tensor.name)
                yield _key(problem.template.way, {**keeps, name: kept})


def _no_dearer(parent: Level, child: Level) -> bool:
    """Whether to serve someone from the parent costs no more: what an element read, written or merged there takes."""
    return all(parent.own[event] <= child.own[event] for event in ("reads", "updates", "merge_reads"))


def _crowded(problem: SearchProblem, every: dict[Any, SearchProblem]) -> Iterator[Any]:
    """Keys of storage templates in which a tensor has moved to a memory of its own beside where it was."""
    keeps, way = dict(problem.template.keeps), problem.template.way
    for number, operand in enumerate(problem.operands):
        for position, level in enumerate(operand.levels):
            old = level.memory
            if len(keeps[old.name]) < 2:
                continue
            for new in _beside(way, old.name, keeps):
                kept = tuple(t for t in keeps[old.name] if t != operand.tensor.name)
                key = _key(way, {**keeps, old.name: kept, new.name: (operand.tensor.name,)})
                other = every.get(key)
                # the other may have rules or formats, so that its prices are only the least ones
                if other is None or not _comparable(other) or not _same(old, new):
                    continue
                if _as_dear(level, other.operands[number].levels[position]):
                    yield key


def _beside(way: Sequence[Any], name: str, keeps: dict[str, tuple[str, ...]]) -> Iterator[Memory]:
    """Empty memories between which and a named one stands nothing but empty ones."""
    position = next(n for n, node in enumerate(way) if node.name == name)
    for nodes in (way[position + 1 :], way[:position][::-1]):
        for node in nodes:
            if not isinstance(node, Memory) or keeps.get(node.name):
                break
            yield node


def _same(old: Memory, new: Memory) -> bool:
    return (old.size_bits, old.buffers, old.bandwidth) == (new.size_bits, new.buffers, new.bandwidth)


def _as_dear(old: Level, new: Level) -> bool:
    alike = ("arrays", "energy", "bits", "fitting_bits")
    return all(getattr(old, name) == getattr(new, name) for name in alike)
