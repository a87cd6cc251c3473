"""The closed form of time on a problem of the oracle, from the product's counts."""

from __future__ import annotations

from sata.costs.exposed.law import exposed
from sata.costs.exposed.timing import TimedOp, timings
from sata.counts.op import count_op
from sata.counts.op.busiest import busiest_bits
from sata.evaluation import prepare

from .execution import Machine
from .problem import Problem
from .timed_product import specs_of


def closed_form(problem: Problem, machine: Machine) -> float:
    """Cycles of one op."""
    prepared = prepare(*specs_of(problem, machine))
    nest, (structure, factors) = prepared.program.groups[0].nests[0], prepared.shapes[0][0]
    counts, bits = count_op(nest, (structure, factors)), prepared.workload.bits
    busiest = {level.memory.name: busiest_bits(counts, level.memory, bits) for level in nest.levels}
    op = TimedOp(nest, structure, factors, counts.accesses, bits, float(counts.dense.steps), counts.busy_steps,
            float(machine.cycles), busiest)  # fmt: skip
    (timing,) = timings(op)
    return float(exposed(timing).cycles[0])
