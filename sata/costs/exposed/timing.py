"""What the closed form needs of an op's counts: cycles of every port, link by link and increment by increment.

Assumptions: a link's events cost the same bits at every increment (what zeros leave of them, what a format moves with
them, on average); a memory's busiest instance has the same share of each event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sata.costs.exposed.law import Direction, Floats, Ints, PortWork, Stage, Timing
from sata.costs.time import Amount
from sata.counts.dense.closed_form import batch_of
from sata.counts.dense.increments import LinkMoves, Moved, increments_of
from sata.counts.dense.tables import Tables
from sata.counts.op.results import READS, WRITES, Access
from sata.nest.graph import stored_tensors
from sata.nest.model import OpNest
from sata.nest.structure import Structure
from sata.specs.model import Memory

Port = tuple[str, str]  # memory, "read" or "write"; "read" where both share it
Busiest = Mapping[str, tuple[Amount, Amount]]  # bits that the busiest instance of a memory reads, and writes
INWARD = (("reads", "read", True), ("fills", "write", False))  # event, way of the port, whether at the parent
OUTWARD = (("drains", "read", False), ("updates", "write", True), ("merge_reads", "read", True))


@dataclass(frozen=True, slots=True)
class TimedOp:
    """An op's counts, of one mapping or of a batch (factors [slots] or [slots, B]).

    steps: that exist; busy: how many of them are not skipped; cycles: of one in the compute; busiest: of every memory.
    """

    nest: OpNest
    structure: Structure
    factors: Any
    accesses: Sequence[Access]
    bits: Mapping[str, int]
    steps: Amount
    busy: Amount
    cycles: float
    busiest: Busiest


def timings(op: TimedOp) -> Iterator[Timing]:
    """The timing of an op; of a batch piece by piece."""
    batch, pieces = batch_of(op.structure, op.factors)
    moved = {
        (a.memory.name, a.tensor.name, event): a.moved_bits(event, op.bits)
        for a in op.accesses
        for event in (*READS, *WRITES)
    }
    for piece in pieces:
        yield _TimedPiece(op, moved, Tables(batch, piece), piece).timing()


class _TimedPiece:
    """One piece of a batch, or one mapping (piece None). moved: bits by memory, tensor and event."""

    def __init__(
        self, op: TimedOp, moved: Mapping[tuple[str, str, str], Any], tables: Tables, piece: slice | None
    ) -> None:
        self.op, self.moved, self.piece = op, moved, piece
        self.size = 1 if piece is None else piece.stop - piece.start
        self.at = {(a.memory.name, a.tensor.name): a for a in op.accesses}
        self.tensors = [t.name for t in stored_tensors(op.nest.op)]
        self.ports: dict[Port, int] = {}
        self.memories = {level.memory.name: level.memory for level in op.nest.levels}
        for name, memory in self.memories.items():
            if name not in op.busiest:
                continue  # it keeps nothing, or no port of it is limited
            for way, rate in (("read", memory.bandwidth.read_bits), ("write", memory.bandwidth.write_bits)):
                if rate:
                    self.ports.setdefault(self.port(name, way), len(self.ports))
        self.scale = {name: self._scale(number, name) for number, name in enumerate(self.memories)}
        dense = [[self.dense(name, tensor, "reads") for name in op.nest.chains[tensor]] for tensor in self.tensors]
        self.increments = increments_of(tables, dense)

    # --- numbers of this piece ------------------------------------------------------------------------------------

    def of(self, number: Amount) -> Floats:
        """A number of the whole batch, here."""
        here = number if self.piece is None or np.ndim(number) == 0 else np.asarray(number)[self.piece]
        return np.broadcast_to(np.asarray(here, dtype=np.float64).reshape(-1), self.size)

    def dense(self, memory: str, tensor: str, event: str) -> Any:
        """A dense count; of one mapping a number."""
        found = getattr(self.at[memory, tensor].dense, event)
        return found if self.piece is None or np.ndim(found) == 0 else found[self.piece]

    def port(self, memory: str, way: str) -> Port:
        return memory, "read" if self.memories[memory].bandwidth.shared else way

    def _rate(self, memory: str, way: str) -> float | None:
        bandwidth = self.memories[memory].bandwidth
        return bandwidth.read_bits if way == "read" or bandwidth.shared else bandwidth.write_bits

    def _moved(self, memory: str, events: Sequence[str]) -> Floats:
        """Bits that all instances of a memory move."""
        own = (self.of(bits) for (at, _, event), bits in self.moved.items() if at == memory and event in events)
        return sum(own, start=np.zeros(self.size))

    def _scale(self, number: int, memory: str) -> dict[str, Floats]:
        """Per way, what the busiest instance has of each bit that all of them move."""
        read, write = (self.of(bits) for bits in self.op.busiest.get(memory, (0.0, 0.0)))
        of_all = self._moved(memory, READS), self._moved(memory, WRITES)
        if self.memories[memory].bandwidth.shared:
            read = write = read + write
            of_all = of_all[0] + of_all[1], of_all[0] + of_all[1]
        return {way: _share(busiest, all_) for way, busiest, all_ in
                (("read", read, of_all[0]), ("write", write, of_all[1]))}  # fmt: skip

    def cost(self, memory: str, tensor: str, event: str, way: str) -> Floats | None:
        """Cycles that one element of a dense count of an event takes of its port, on average; None without a limit."""
        rate, access = self._rate(memory, way), self.at[memory, tensor]
        if not rate:
            return None
        each = _share(self.of(self.moved[memory, tensor, event]), self.of(getattr(access.dense, event)))
        return each * self.scale[memory][way] / rate

    # --- the parts of a timing ------------------------------------------------------------------------------------

    def timing(self) -> Timing:
        moves = self.increments
        increments = np.array([self._here(n) for n in moves.increments]).reshape(-1, self.size)
        passes = np.array([self._here(n) for n in moves.passes]).reshape(-1, self.size)
        step, core = self._core()
        stages = tuple(self._stage(link) for link in moves.links if not self._memory(link).stream)
        totals = np.zeros((len(self.ports), self.size))
        for (memory, way), number in self.ports.items():
            read, write = (self.of(bits) for bits in self.op.busiest[memory])
            shared = self.memories[memory].bandwidth.shared
            bits = read + write if shared else read if way == "read" else write
            totals[number] = bits / (self._rate(memory, way) or np.inf)
        return Timing(stages, increments, passes, step, core, totals, self.of(self.op.busy) * self.op.cycles)

    def _here(self, number: Any) -> Floats:
        """A number that is of this piece already."""
        return np.broadcast_to(np.asarray(number, dtype=np.float64).reshape(-1), self.size)

    def _memory(self, link: LinkMoves) -> Memory:
        return self.memories[self.op.nest.chains[self.tensors[link.operand]][link.place]]

    def _stage(self, link: LinkMoves) -> Stage:
        operand, tensor = self.op.structure.operands[link.operand], self.tensors[link.operand]
        chain = self.op.nest.chains[tensor]
        parent, own = chain[link.place - 1], chain[link.place]
        inner = [o for o in self.increments.links if (o.operand, o.place) == (link.operand, link.place + 1)]
        return Stage(
            link.operand, operand.chain[link.place], operand.output, self.memories[own].buffers, self._steps(link),
            self._steps(inner[0]) if inner else None,
            self._direction(link, tensor, INWARD, parent, own), self._direction(link, tensor, OUTWARD, parent, own),
            link.at_once, link.after_two,
        )  # fmt: skip

    def _steps(self, link: LinkMoves) -> Ints:
        return np.broadcast_to(np.asarray(link.steps, dtype=np.int64).reshape(-1), self.size)

    def _direction(
        self, link: LinkMoves, tensor: str, events: Sequence[tuple[str, str, bool]], parent: str, own: str
    ) -> Direction:
        found: dict[int, list[tuple[Floats, Moved]]] = {}  # by port, of every event its cost and what moves
        for event, way, above in events:
            memory = parent if above else own
            cost = self.cost(memory, tensor, event, way) if event in link.events else None
            if cost is not None:
                found.setdefault(self.ports[self.port(memory, way)], []).append((cost, link.events[event]))
        return tuple(
            PortWork(port, sum((self._here(m.edge) * c for c, m in parts), start=np.zeros(self.size)),
                     tuple(c for c, _ in parts), tuple(m.each for _, m in parts))
            for port, parts in found.items()
        )  # fmt: skip

    def _core(self) -> tuple[Floats, Floats]:
        """(time of a mean step, work of each port in it): a step takes the longest of its cycles and of its ports.

        Steps are of up to four classes: skipped or not, with old values or without. What zeros leave of an access is
        first in the steps that are not skipped.
        """
        steps = self.of(self.op.steps)
        busy = np.minimum(_share(self.of(self.op.busy), steps), 1.0)
        old = self._old_values()
        loads = [[np.zeros((len(self.ports), self.size)) for _ in range(2)] for _ in range(2)]
        for event, way, memory, tensor in self._core_events():
            access = self.at[memory, tensor]
            cost = self.cost(memory, tensor, event, way)
            dense = self.of(getattr(access.dense, event))
            if cost is None:
                continue
            number = self.ports[self.port(memory, way)]
            mean = cost * dense / steps
            left = _share(dense - self.of(access.events[event].skipped), dense)
            working = _share(mean, np.maximum(left, busy))
            idle = _share(np.maximum(mean - busy * working, 0.0), 1.0 - busy)
            comes_back = event == "reads" and access.tensor.role == "output"
            for skipped, own in enumerate((working, idle)):
                for back in range(2):
                    loads[skipped][back][number] += own if not comes_back else _share(own, old) * back
        step, core = np.zeros(self.size), np.zeros((len(self.ports), self.size))
        for skipped, chance in enumerate((busy, 1.0 - busy)):
            for back, with_old in enumerate((1.0 - old, old)):
                load = loads[skipped][back]
                longest = np.max(load, axis=0, initial=0.0)
                step += chance * with_old * np.maximum(longest, 0.0 if skipped else self.op.cycles)
                core += chance * with_old * load
        return step, core

    def _core_events(self) -> Iterator[tuple[str, str, str, str]]:
        """(event, way, memory, tensor) of what the compute moves."""
        for tensor in self.tensors:
            memory = self.op.nest.chains[tensor][-1]
            output = self.at[memory, tensor].tensor.role == "output"
            for event, way in (("reads", "read"), ("updates", "write"), ("merge_reads", "read")):
                if output or event == "reads":
                    yield event, way, memory, tensor

    def _old_values(self) -> Floats:
        """The share of steps in which results need their old values."""
        found = np.zeros(self.size)
        for tensor in self.tensors:
            access = self.at[self.op.nest.chains[tensor][-1], tensor]
            if access.tensor.role == "output":
                arrivals = self.of(access.dense.updates) - self.of(access.dense.merge_reads)
                found = np.maximum(found, np.minimum(_share(self.of(access.dense.reads), arrivals), 1.0))
        return found


def _share(part: Floats, whole: Floats) -> Floats:
    """part / whole; 0 where there is nothing."""
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=np.asarray(whole) > 0)
