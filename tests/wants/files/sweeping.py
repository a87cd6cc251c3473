"""`sweeping`: random mappings of one storage template after the other."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import cycle

from sata.search.engine.propose import proposing
from sata.search.engine.strategies import Proposals, random_nest
from sata.search.model.problem import SearchProblem


def sweeping(problems: Sequence[SearchProblem], seed: int) -> Proposals:
    rng = random.Random(seed)
    for problem in cycle(problems):
        yield problem, random_nest(problem, rng)


SWEEPING = proposing("sweeping", "random mappings, storage template by storage template", sweeping)
