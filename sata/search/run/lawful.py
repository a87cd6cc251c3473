"""Answers scored by the buffers of the architecture, after a search under memories that stream (`space.law`).

What was proven is then a bound: an answer is proven only if its exact value is that bound, and else within the gap
between the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sata.search.answers.verify import recounted, with_figures
from sata.search.model.answer import Answer, MappingPoint, value_at
from sata.search.model.objective import SLACK
from sata.search.run.setup import SearchSetup
from sata.search.space.law import streams


def by_law(setting: SearchSetup, answers: Mapping[str, Answer]) -> dict[str, Answer]:
    """The answers by op with the figures that `sata run` gives them. Raises: SpecError as `recounted`."""
    arch = setting.loaded.arch
    assert arch is not None
    if streams(arch):
        return dict(answers)
    named = {op.name: op for op in setting.workload.ops}
    scored: dict[str, Answer] = {}
    for name, answer in answers.items():
        fusion = answer.fusion
        if fusion is None or not fusion.split:
            points = [
                with_figures([p], recounted(arch, [named[name]], setting.machine, [p], ""))[0] for p in answer.points
            ]
            scored[name] = _scored(answer, points)
        elif name == fusion.ops[0]:
            ops = [named[op] for op in fusion.ops]
            each = [answers[op].points[0] for op in fusion.ops]
            figures = recounted(arch, ops, setting.machine, each, fusion.split, fusion.loops)
            for op, point in zip(fusion.ops, with_figures(each, figures), strict=True):
                scored[op] = _scored(answers[op], [point])
    for answer in list(scored.values()):
        if answer.fusion is not None:
            scored = scored | _fusion(answers, scored, answer.fusion.ops)
    return {name: scored[name] for name in answers}


def _scored(answer: Answer, points: Sequence[MappingPoint]) -> Answer:
    """An answer with exact figures; of a front those that no other is better than in both."""
    if answer.objective == "pareto":
        points = [p for p in points if not any(_better(q, p) for q in points)]
    same = all((p.energy_pj, p.cycles) == (q.energy_pj, q.cycles) for p, q in zip(answer.points, points, strict=False))
    proven = answer.proven and (same if answer.objective == "pareto" else _sure(answer.objective, points, answer.bound))
    return replace(answer, points=tuple(points), proven=proven)


def _better(one: MappingPoint, other: MappingPoint) -> bool:
    return (one.energy_pj, one.cycles) != (other.energy_pj, other.cycles) and (
        one.energy_pj <= other.energy_pj and one.cycles <= other.cycles
    )


def _sure(objective: str, points: Sequence[MappingPoint], bound: float) -> bool:
    """Whether the exact value is the bound."""
    return all(value_at(objective, p) * (1.0 - SLACK) <= bound for p in points)


def _fusion(before: Mapping[str, Answer], found: Mapping[str, Answer], ops: Sequence[str]) -> dict[str, Answer]:
    """What is known of ops that were searched together, by their exact values."""
    if not set(ops) <= set(found):
        return {}
    fusion = before[ops[0]].fusion
    assert fusion is not None
    value = sum(value_at(found[op].objective, found[op].points[0]) for op in ops)
    proven = fusion.proven and value * (1.0 - SLACK) <= fusion.bound
    told = replace(fusion, value=value, proven=proven)
    return {op: replace(found[op], fusion=told, proven=found[op].proven and proven) for op in ops}
