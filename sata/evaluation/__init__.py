"""From sources to a result: load, build nests, count, price. What is behind `sata run` and `sata.evaluate`.

`prepared` is all that stands before the first count, `assemble` makes the records of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sata.costs.explain import explain_op
from sata.costs.tally import Tally, tally
from sata.counts.density import check_densities
from sata.counts.op import count_op
from sata.counts.op.capacity import Occupancy, occupancies
from sata.counts.op.results import OpCounts
from sata.counts.sparse.idle import left_idle
from sata.evaluation.assemble import result_of
from sata.evaluation.prepared import Prepared, check_faults, check_gated_actions, prepare
from sata.graph import check_graph
from sata.nest.model import Group
from sata.report.result import Record, Result
from sata.specs import check_specs
from sata.specs.model import Workload
from sata.specs.shipped import how_to_change
from sata.specs.text.faults import Fault, Faults, SpecError

__all__ = [
    "Fault", "Prepared", "SpecError", "check", "check_gated_actions", "evaluate", "evaluate_prepared",
    "explain_sparsity", "idle_rules", "prepare",
]  # fmt: skip


def idle(_done: int, _of: int) -> None:
    """Tell nobody how far it is."""


def evaluate(
    arch: Any, workload: Any = None, mapping: Any = None, *, ops: str | None = None, **variables: Any
) -> Result:
    """What the workload costs on the architecture under the mapping.

    arch, workload, mapping: each a path, YAML text or a dict; one that holds several of them serves for all. Without a
    mapping the shipped one of the architecture's name is taken. ops: a shell pattern; only ops that match are
    evaluated. variables: override those the files declare.
    Raises: SpecError with all faults of the input.
    """
    return evaluate_prepared(prepare(arch, workload, mapping, ops=ops, variables=variables), variables)


def evaluate_prepared(
    prepared: Prepared, variables: Mapping[str, Any], done: Callable[[int, int], None] = idle
) -> Result:
    """The rest of `evaluate`. done: called after every group with the number of those done and of all.

    Raises: SpecError with all faults.
    """
    faults = Faults()
    tallies: list[tuple[Group, list[OpCounts], list[Tally]]] = []
    held: list[tuple[Group, Occupancy]] = []
    groups = prepared.program.groups
    for number, (group, shapes) in enumerate(zip(groups, prepared.shapes, strict=True), 1):
        counts = [count_op(nest, shape) for nest, shape in zip(group.nests, shapes, strict=True)]
        tallies.append((group, counts, [tally(c, prepared.prices, prepared.workload.bits, faults) for c in counts]))
        for occupancy in occupancies(counts, prepared.workload.bits):
            held.append((group, occupancy))
            if not occupancy.fits:
                change = "" if len(faults) else how_to_change(occupancy.where.file)  # said once
                hint = f"make its tiles smaller, or keep less in it{'; ' if change else ''}{change}"
                faults.add(occupancy.where, occupancy.why(), hint)
        done(number, len(groups))
    check_faults(faults, prepared.loaded)
    return result_of(prepared, tallies, held, variables)


def explain_sparsity(
    arch: Any, workload: Any = None, mapping: Any = None, *, ops: str | None = None, **variables: Any
) -> list[Record]:
    """What zeros save, op by op and rule by rule: records as `sata.costs.explain.explain_op` makes them.

    Arguments and errors are those of `evaluate`.
    """
    prepared = prepare(arch, workload, mapping, ops=ops, variables=variables)
    faults = Faults()
    found: list[Record] = []
    for group, shapes in zip(prepared.program.groups, prepared.shapes, strict=True):
        for nest, shape in zip(group.nests, shapes, strict=True):
            found += explain_op(nest, shape, prepared.prices, prepared.workload.bits, faults)
    check_faults(faults, prepared.loaded)
    order = {op.name: n for n, op in enumerate(prepared.workload.ops)}
    return sorted(found, key=lambda r: order[r["op"]])


def idle_rules(prepared: Prepared) -> list[tuple[str, str]]:
    """Rules of memories that the mapping leaves idle in all ops of a run: (the rule, why)."""
    return list(left_idle(prepared.arch, (nest for group in prepared.program.groups for nest in group.nests)))


def check(*sources: Any, variables: Mapping[str, Any] | None = None) -> list[Fault]:
    """The faults of each source on its own, for whatever top keys it holds. Nothing is raised for bad input."""
    return check_specs(*sources, variables=variables, further=_further)


def _further(workload: Workload, faults: Faults) -> None:
    """What is checked of workloads that have no fault by themselves."""
    check_densities(workload, faults)
    check_graph(workload, faults)
