"""Gate and skip rules of memories, by the key that states them. A new one is a `RuleKind` and a row of `RULES`.

Counts know two effects: `skip` saves energy and cycles, `gate` energy alone. A rule says which of these it means for
its follower and its leaders; one that couples several tensors means several of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sata.specs.registry import Registry, instance_of

EFFECTS = ("skip", "gate")


@dataclass(frozen=True, slots=True)
class RuleStep:
    """One effect of a rule.

    effect: `skip` or `gate`.
    follower: the kind (or tensor) whose accesses are saved.
    leaders: the kinds (or tensors) whose zeros save them.
    """

    effect: str
    follower: str
    leaders: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.effect not in EFFECTS:
            raise ValueError(f"the effect is {self.effect!r}, expected 'skip' or 'gate'")


@dataclass(frozen=True, slots=True)
class RuleKind:
    """A rule that a memory may state, as `NAME: {follower: leaders}`.

    name: the key.
    about: what it does, in a few words.
    steps: follower and leaders -> what it means.
    """

    name: str
    about: str
    steps: Callable[[str, tuple[str, ...]], tuple[RuleStep, ...]]


def skipped(follower: str, leaders: tuple[str, ...]) -> tuple[RuleStep, ...]:
    """Zeros of the leaders save energy and cycles of the follower."""
    return (RuleStep("skip", follower, leaders),)


def gated(follower: str, leaders: tuple[str, ...]) -> tuple[RuleStep, ...]:
    """Zeros of the leaders save energy of the follower."""
    return (RuleStep("gate", follower, leaders),)


SKIP = RuleKind("skip", "zeros of the leaders save energy and cycles of the follower", skipped)
GATE = RuleKind("gate", "zeros of the leaders save energy of the follower", gated)

RULES: Registry[RuleKind] = Registry(
    "rule",
    "sata.rules",
    {"skip": "sata.specs.rules:SKIP", "gate": "sata.specs.rules:GATE"},
    instance_of(RuleKind),
)
