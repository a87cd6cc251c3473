"""What "proven" speaks of: the space that was searched, by a short name, and what is not in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sata.search.model.answer import Answer, value_at
from sata.search.model.objective import SLACK

FILE_ORDER, PAIRS, GROUPS, CYCLE, CACHE = "file order", "pairs", "groups", "cycle", "cache"
NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


def largest_group(answers: Iterable[Answer]) -> int:
    """Of how many ops the largest group is that was searched as one, fused or not."""
    return max((len(a.fusion.ops) for a in answers if a.fusion is not None and not a.fusion.loops), default=1)


def group_words(answers: Iterable[Answer]) -> str:
    """Of how many ops groups are, in words."""
    size = largest_group(answers)
    return "pairs" if size < 3 else f"groups of up to {size}"


def not_searched(answers: Iterable[Answer]) -> tuple[str, ...]:
    """What else a nest could be."""
    more = max(largest_group(answers), 2) + 1
    groups = f"groups of {NUMBERS[more] if more < len(NUMBERS) else more} or more ops"
    return "other orders of memories", "a height of its own for each tensor", groups


def scope_of(answer: Answer) -> str:
    """`pairs`: among all nests of the op alone and fused with the other of its pair (`groups`: with all others of its
    group); `file order`: alone only; `cycle`: of the ops of a cycle among nests that share one loop, nothing else."""
    if answer.fusion is None:
        return FILE_ORDER
    if answer.fusion.loops:
        return CYCLE
    return PAIRS if len(answer.fusion.ops) == 2 else GROUPS


def scope_data(answer: Answer) -> dict[str, Any]:
    """The same for JSON."""
    return {
        "memories": "in the order of the file, each at one height",
        "groups": _groups(answer),
        "factors": "exact and imperfect" if answer.ragged else "exact",
        "not_searched": list(not_searched([answer])),
    }


def _groups(answer: Answer) -> str:
    size = largest_group([answer])
    if answer.fusion is None:
        return "single ops"
    return "pairs of ops" if size <= 2 else f"groups of up to {size} ops"


def is_proven(answer: Answer) -> bool:
    """Of an op in a group: whether that of the group is."""
    return answer.proven if answer.fusion is None else answer.fusion.proven


def gap_of(answer: Answer) -> float:
    """How far the best may be above the optimum, as a share of the bound; of an op in a group that of the group."""
    fusion = answer.fusion
    if fusion is None:
        return answer.gap
    if fusion.proven:
        return 0.0
    return fusion.value / fusion.bound - 1.0 if fusion.bound > 0 else float("inf")


def proven_text(answer: Answer) -> str:
    """`proven (pairs)`, `proven (file order)`; `proven (cache)` if an earlier search has shown it."""
    return f"proven ({CACHE if answer.cached else scope_of(answer)})"


def gap_text(gap: float) -> str:
    return f"gap {gap:.2%}"


def total_text(answers: Mapping[str, Answer]) -> str:
    """How sure the total of all ops is: proven if all of them are, else its gap. Of Pareto fronts nothing."""
    first = next(iter(answers.values()))
    if first.objective == "pareto":
        return ""
    if all(is_proven(a) for a in answers.values()):
        weakest = max(answers.values(), key=lambda a: (a.cached, a.fusion is not None))
        return proven_text(weakest)
    have, bound = 0.0, 0.0
    for op, answer in answers.items():
        have += value_at(answer.objective, answer.points[0])
        fusion = answer.fusion
        if fusion is None or not set(fusion.ops) <= set(answers):
            bound += answer.bound
        elif op == fusion.ops[0]:
            bound += fusion.bound
    gap = have / bound - 1.0 if bound > 0 else float("inf")
    return gap_text(max(gap, 0.0) if gap > SLACK else 0.0)
