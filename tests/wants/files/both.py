"""`both`: zeros of the leaders skip the follower, and zeros of the follower gate the leaders."""

from sata.specs.rules import RuleKind, RuleStep


def steps(follower: str, leaders: tuple[str, ...]) -> tuple[RuleStep, ...]:
    return (RuleStep("skip", follower, leaders), *(RuleStep("gate", leader, (follower,)) for leader in leaders))


BOTH = RuleKind("both", "skips the follower and gates the leaders", steps)
