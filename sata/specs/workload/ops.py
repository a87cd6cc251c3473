"""The op form of a workload: einsum-like statements with ranks and tensors -> `Op`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from sata.specs.model import Density, Dim, Op, Tensor
from sata.specs.text import schema
from sata.specs.text.faults import Faults, Where, did_you_mean
from sata.specs.text.memory import TooMuchMemory, need
from sata.specs.text.source import Path_
from sata.specs.workload.density import parse_density
from sata.specs.workload.einsum import EinsumError, Index, Ref, Statement, parse_compute

LARGEST_SPACE = 1 << 62  # points of an iteration space, elements of a tensor: counts must stay within 64 bits
# Points that are walked through, for 110 B and 0.3 us each, and places of an index, for a bit each.
POINT_BYTES = 110
LARGEST_WINDOW, LONGEST_WINDOW = 1 << 23, 1 << 27
_RANK = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class OpPlaces(Protocol):
    """Where a value of op `path[0]` stands; `offset` counts characters into a text."""

    def __call__(self, path: Path_, key: bool = False, offset: int | None = None) -> Where: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a workload says for all of its ops. `density` holds the defaults by kind, already checked on their own;
    `stated`: for each op that a template made, the density models of its layer, with their places."""

    kinds: Sequence[str]
    bits: Mapping[str, int]
    density: Mapping[str, Any]
    places: OpPlaces
    stated: Sequence[Sequence[Density]] = ()


def parse_ops(ops: Sequence[Mapping[str, Any]], around: Surroundings, faults: Faults,
              checked: bool = False) -> tuple[Op, ...]:  # fmt: skip
    """The ops of a list in op form; broken ones are left out, with faults. `checked`: the schema has been applied."""
    result: list[Op] = []
    names: dict[str, int] = {}
    for i, data in enumerate(ops):
        if not checked and not schema.validate_value(data, "workload", "op", (i,), around.places, faults):
            continue
        name = data["name"]
        if name in names:
            hint = f"the first is op {names[name] + 1}"
            faults.add(around.places((i, "name"), offset=0), f"the op name '{name}' is defined twice", hint)
        names.setdefault(name, i)
        op = _OpReader(data, i, around, faults).op()
        if op is not None:
            result.append(op)
    return tuple(result)


def _joined(groups: Iterable[set[str]]) -> list[set[str]]:
    """Sets that share an element, made one."""
    found: list[set[str]] = []
    for group in groups:
        apart = [other for other in found if not other & group]
        found = [*apart, group.union(*(other for other in found if other & group))]
    return found


class _OpReader:
    """Reads one op whose data has passed the schema."""

    def __init__(self, data: Mapping[str, Any], number: int, around: Surroundings, faults: Faults) -> None:
        self.data, self.number, self.around, self.faults = data, number, around, faults
        self.ranks = {rank: int(bound) for rank, bound in data["ranks"].items()}

    def at(self, *path: str | int, key: bool = False, offset: int | None = None) -> Where:
        return self.around.places((self.number, *path), key, offset)

    def op(self) -> Op | None:
        before = len(self.faults)
        self.check_ranks()
        try:
            statement = parse_compute(self.data["compute"])
        except EinsumError as error:
            self.faults.add(self.at("compute", offset=error.column), str(error))
            return None
        self.check_statement(statement)
        sequential = self.sequential()
        if len(self.faults) > before:
            return None
        tensors = tuple(self.tensors(statement))
        self.check_windows(tensors)
        if len(self.faults) > before:
            return None
        name = self.data["name"]
        layer = self.data.get("layer") or name.rpartition(".")[0] or name
        return Op(name, layer, self.data.get("stage", "forward"), self.data["action"], self.ranks, tensors, sequential,
                  statement.function, self.data["compute"], self.at("name"))  # fmt: skip

    def check_ranks(self) -> None:
        for rank in self.ranks:
            if not _RANK.fullmatch(rank):
                where = self.at("ranks", rank, key=True)
                self.faults.add(where, f"'{rank}' is not a name for a rank", "use letters, digits and '_'")
        points = math.prod(self.ranks.values())
        if points > LARGEST_SPACE:
            self.faults.add(
                self.at("ranks"), f"the iteration space has {_about(points)} points; at most 2**62 are counted"
            )

    def check_statement(self, statement: Statement) -> None:
        """Names of tensors and ranks, in both directions."""
        described = self.data["tensors"]
        refs = {ref.name: ref for ref in statement.outputs + statement.inputs}
        for name, ref in refs.items():
            if name not in described:
                self.faults.add(self.at("compute", offset=ref.column), f"tensor '{name}' is not under 'tensors'",
                                did_you_mean(name, described.keys() - refs.keys()))  # fmt: skip
            self.check_indices(ref)
        for name in described:
            if name not in refs:
                self.faults.add(self.at("tensors", name, key=True), f"tensor '{name}' is not in 'compute'",
                                did_you_mean(name, refs.keys() - described.keys()))  # fmt: skip
            if name in self.around.kinds:
                self.faults.add(self.at("tensors", name, key=True), f"tensor '{name}' is named like a kind",
                                "mappings could not tell them apart")  # fmt: skip
        used = {rank for ref in refs.values() for index in ref.indices for rank, _ in index.terms}
        for rank, bound in self.ranks.items():
            if rank not in used:
                self.faults.add(self.at("ranks", rank, key=True), f"no tensor is indexed by rank '{rank}'",
                                f"it would repeat the op {bound} times")  # fmt: skip

    def check_indices(self, ref: Ref) -> None:
        seen: set[str] = set()
        for index in ref.indices:
            for (rank, _), column in zip(index.terms, index.columns, strict=True):
                where = self.at("compute", offset=column)
                if rank not in self.ranks:
                    hint = did_you_mean(rank, self.ranks) or f"ranks: {', '.join(self.ranks)}"
                    self.faults.add(where, f"'{rank}' is not a rank of this op", hint)
                elif rank in seen:
                    message = f"rank '{rank}' stands in two dimensions of tensor '{ref.name}'"
                    self.faults.add(where, message, "a rank indexes one dimension of a tensor")
            seen |= {rank for rank, _ in index.terms}

    def sequential(self) -> dict[str, str]:
        given = self.data.get("sequential", {})
        order = given if isinstance(given, dict) else dict.fromkeys(given, "ascending")
        for i, rank in enumerate(given):
            if rank not in self.ranks:
                where = self.at("sequential", rank, key=True) if isinstance(given, dict) else self.at("sequential", i)
                self.faults.add(where, f"'{rank}' is not a rank of this op", did_you_mean(rank, self.ranks))
        return dict(order)

    def tensors(self, statement: Statement) -> Iterator[Tensor]:
        """In the order of `tensors:`."""
        refs = {ref.name: ref for ref in statement.outputs + statement.inputs}
        outputs = {ref.name for ref in statement.outputs}
        for name, data in self.data["tensors"].items():
            role = "output" if name in outputs else "input"
            self.check_kind(name, data)
            if data.get("initialised") and role == "input":
                where = self.at("tensors", name, "initialised")
                self.faults.add(where, f"'{name}' is an input, which always has values", "initialised is for outputs")
            dims = tuple(self.dims(refs[name], data))
            if math.prod(dim.size for dim in dims) > LARGEST_SPACE:
                self.faults.add(self.at("tensors", name, key=True), f"tensor '{name}' has more than 2**62 elements")
            yield Tensor(name, data["kind"], dims, role, data.get("initialised", False), data.get("local", False),
                         self.density(name, data, dims), self.at("tensors", name, key=True), data.get("of", ""),
                         "density" in data)  # fmt: skip

    def check_kind(self, name: str, data: Mapping[str, Any]) -> None:
        kind, where = data["kind"], self.at("tensors", name, "kind")
        if kind not in self.around.kinds:
            hint = did_you_mean(kind, self.around.kinds) or f"kinds: {', '.join(self.around.kinds)}"
            self.faults.add(where, f"unknown kind '{kind}'", f"{hint} (a workload declares more with 'kinds: [...]')")
        elif kind not in self.around.bits and not data.get("local", False):
            hint = f"write such as 'bits: {{{kind}: 8}}' in the workload"
            self.faults.add(where, f"kind '{kind}' of tensor '{name}' has no bits", hint)

    def dims(self, ref: Ref, data: Mapping[str, Any]) -> Iterator[Dim]:
        shape = data.get("shape")
        if shape is not None and len(shape) != len(ref.indices):
            message = f"the shape needs one size for each index of '{ref.name}': {len(ref.indices)}, not {len(shape)}"
            self.faults.add(self.at("tensors", ref.name, "shape"), message)
            return
        for i, index in enumerate(ref.indices):
            low, high = self.span(index)
            if shape is None:
                if low < 0:
                    hint = f"give its shape: 'tensors: {{{ref.name}: {{shape: [...]}}}}'"
                    where = self.at("compute", offset=index.column)
                    self.faults.add(where, f"this index of '{ref.name}' runs from {low}", hint)
                yield Dim(index.terms, index.offset, max(high + 1, 1))
                continue
            size = int(shape[i])
            if high < 0 or low >= size:
                where = self.at("tensors", ref.name, "shape", i)
                self.faults.add(where, f"the index runs from {low} to {high}, never inside a size of {size}")
            yield Dim(index.terms, index.offset, size)

    def check_windows(self, tensors: Sequence[Tensor]) -> None:
        """Indices of several ranks and those that a shape clips are walked through when counting: refuse what is too
        much.
        """
        dims = [(t, dim) for t in tensors for dim in t.dims if len(dim.terms) > 1 or self.clipped(dim)]
        for ranks in _joined({rank for rank, _ in dim.terms} for _, dim in dims):
            points = math.prod(self.ranks[rank] for rank in ranks)
            try:
                over = ", ".join(rank for rank in self.ranks if rank in ranks)
                need(points * POINT_BYTES, f"walking through the indices over {over}")
            except TooMuchMemory as error:
                self.faults.add(self.at("compute"), str(error))
            if points > LARGEST_WINDOW:
                which = ", ".join(f"{rank} {bound}" for rank, bound in self.ranks.items() if rank in ranks)
                self.faults.add(self.at("compute"), f"the indices over {which} walk through {_about(points)} points; "
                                f"at most 2**{LARGEST_WINDOW.bit_length() - 1} are counted")  # fmt: skip
        for t, dim in dims:
            low, high = self.span(dim)
            if high - low > LONGEST_WINDOW:
                self.faults.add(self.at("compute"), f"an index of '{t.name}' runs from {low} to {high}; "
                                f"at most 2**{LONGEST_WINDOW.bit_length() - 1} places are counted")  # fmt: skip

    def clipped(self, dim: Dim) -> bool:
        low, high = self.span(dim)
        return low < 0 or high >= dim.size

    def span(self, index: Index | Dim) -> tuple[int, int]:
        """The least and the largest value of an index."""
        ends = [(c * (self.ranks[rank] - 1)) for rank, c in index.terms]
        return index.offset + sum(min(e, 0) for e in ends), index.offset + sum(max(e, 0) for e in ends)

    def density(
        self, name: str, data: Mapping[str, Any], dims: tuple[Dim, ...]
    ) -> float | tuple[float, ...] | Density | None:
        own = "density" in data
        given = data["density"] if own else self.around.density.get(data["kind"])
        if given is None:
            return None
        where = self.at("tensors", name, "density") if own else self.at("tensors", name, key=True)

        def at(key: str | None = None) -> Where:
            return where if key is None else self.at("tensors", name, "density", key, key=True)

        value = parse_density(given, at, self.faults) if own else given
        if isinstance(value, Density) and self.around.stated:
            return next((d for d in self.around.stated[self.number] if d == value), value)
        if not isinstance(value, tuple):
            return value
        steps = next((dim.size for dim in dims if any(rank == "t" for rank, _ in dim.terms)), None)
        source = "" if own else f" of kind '{data['kind']}'"
        if steps is None:
            self.faults.add(where, f"the density{source} is a list over time, but tensor '{name}' has no rank t")
        elif steps != len(value):
            message = f"the density{source} has {len(value)} values, but tensor '{name}' has {steps} time steps"
            self.faults.add(where, message)
        return value


def _about(number: int) -> str:
    """Three digits of a number, however large: beyond what a float holds too."""
    return f"{number:.3g}" if number < 1 << 1000 else f"{Decimal(number):.2e}"
