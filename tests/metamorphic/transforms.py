"""The same machine or mapping said in another way: each function returns a changed copy of a spec, or None where it says
nothing (no such construct). No number of the result may change.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from . import machines, mappings, workloads, zeros
from .random_specs import Spec

Transform = Callable[[Spec, random.Random], Spec | None]
TRANSFORMS: tuple[Transform, ...] = (
    mappings.loops_split, mappings.loops_of_one, mappings.loops_apart, mappings.stars, mappings.bypass_for_keep,
    mappings.kinds_for_tensors, mappings.one_pattern, mappings.arrays_named, machines.empty_memory,
    machines.empty_array, machines.one_lane, machines.axes_transposed, machines.axes_renamed,
    machines.way_of_branch, machines.ports_spelled, machines.defaults_stated, machines.defaults_absent,
    machines.units, machines.compound_of_one, machines.clock_and_leakage, machines.may_keep, zeros.rules_spelled,
    zeros.dense_leader, zeros.density_spelled, zeros.names_in_rules, zeros.formats_spelled,
    zeros.density_of_the_kind, zeros.time_reversed, workloads.shapes_stated, workloads.kinds_declared,
    workloads.orders, workloads.rank_of_one, workloads.variables, workloads.renamed,
)  # fmt: skip


def changed(spec: Spec, transform: Transform, seed: int) -> Spec | None:
    """A changed copy."""
    return transform(json.loads(json.dumps(spec)), random.Random(seed))
