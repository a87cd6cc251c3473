"""The nodes of an architecture as frozen values: memories, arrays, computes, branches. Numbers are in the units their
names say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sata.specs.formats import TensorFormat
from sata.specs.text.faults import Where

if TYPE_CHECKING:
    from sata.specs.model import Tensor


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Bits per cycle and instance; None is unlimited. `shared`: reads and writes together stay below one number, which
    both fields then hold, however it was said.
    """

    read_bits: float | None = None
    write_bits: float | None = None
    shared: bool = False

    def __post_init__(self) -> None:
        if self.shared:
            both = self.read_bits if self.read_bits is not None else self.write_bits
            object.__setattr__(self, "read_bits", both)
            object.__setattr__(self, "write_bits", both)


@dataclass(frozen=True, slots=True)
class Rule:
    """`skip` or `gate` at a memory: `follower` kind (or tensor) saved by zeros of all `leaders`; `either`: each by the
    other.
    """

    effect: str  # "skip" | "gate"
    follower: str  # empty when `either`
    leaders: tuple[str, ...]
    either: bool = False
    where: Where = field(default=Where(), compare=False)


@dataclass(frozen=True, slots=True)
class Memory:
    """A storage level. `size_bits` None is unlimited; `keep`/`may_keep` None (both) means any kind.

    `format`: kind (or tensor) -> how it is stored; others in full. `fit`: the share of tiles that must fit, of those
    whose size depends on their zeros; None: the expected one must. `buffers`: places of tiles that share the size;
    `stream`: places are used again element by element, so that transfers hide as far as ports let them.
    """

    name: str
    component: str
    size_bits: int | None = None
    width_bits: int | None = None
    buffers: int = 1
    packed: bool = True
    keep: tuple[str, ...] | None = None
    may_keep: tuple[str, ...] | None = None
    bandwidth: Bandwidth = Bandwidth()
    format: Mapping[str, TensorFormat] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    where: Where = field(default=Where(), compare=False)
    fit: float | None = None
    stream: bool = True

    def format_of(self, tensor: Tensor) -> TensorFormat | None:
        """How it stores a tensor: what is said of its name, or of its kind; None: in full."""
        return self.format.get(tensor.name) or self.format.get(tensor.kind)


@dataclass(frozen=True, slots=True)
class Array:
    """A fan-out. `shape`: axis name -> size, in order. `multicast`: none | tile | element. `hop`: component class or
    None. `trunk`: the axis along which wires run first; "": the first.
    """

    name: str
    shape: Mapping[str, int]
    multicast: str = "tile"
    reduce: bool = False
    hop: str | None = None
    lockstep: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict)
    where: Where = field(default=Where(), compare=False)
    trunk: str = ""

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes in the order in which wires run."""
        return tuple(sorted(self.shape, key=lambda axis: axis != self.trunk))


@dataclass(frozen=True, slots=True)
class Compute:
    """What ends every way down. `gate`, `skip`: action -> kinds whose zeros save energy, or energy and cycles; the
    action "" stands for all.
    """

    name: str
    component: str
    gate: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    skip: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    where: Where = field(default=Where(), compare=False)

    def gates(self, action: str) -> tuple[str, ...]:
        """Kinds whose zeros gate an action."""
        return (*self.gate.get("", ()), *self.gate.get(action, ()))

    def skips(self, action: str) -> tuple[str, ...]:
        """Kinds whose zeros skip an action."""
        return (*self.skip.get("", ()), *self.skip.get(action, ()))


@dataclass(frozen=True, slots=True)
class Branch:
    """Several ways down; each ends in a compute (or in a further branch)."""

    ways: tuple[tuple[Node, ...], ...]
    where: Where = field(default=Where(), compare=False)


Node = Memory | Array | Compute | Branch
