"""The frozen values that specs become: architecture, workload, mapping. Numbers are in the units their names say.

Everything behind `sata.specs` works on these; text, positions and expressions end here, but for the `Where` that
each value keeps so that later cross-checks can name its place. Places are no part of what is equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sata.specs.nest_nodes import Loop, MapArray, MapCompute, MapLoops, MapMemory, MapSplit, NestNode
from sata.specs.nodes import Array, Bandwidth, Branch, Compute, Memory, Node, Rule
from sata.specs.text.faults import Where

__all__ = [
    "Arch", "Array", "Bandwidth", "Branch", "Compute", "Density", "Dim", "Entry", "KeptRule", "Loop", "MapArray",
    "MapCompute", "MapLoops", "MapMemory", "MapSplit", "MappingSpec", "Memory", "NestNode", "Node", "Op", "Rule",
    "Tensor", "Workload",
]  # fmt: skip

# --- architecture -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Arch:
    """An architecture; `nodes` outermost first. `kinds`: every kind that a node speaks of, and where.

    `scaling`: the published table that brings prices of other technology nodes to this one; None: they are an error.
    """

    name: str
    nodes: tuple[Node, ...]
    technology_nm: float | None = None
    clock_hz: float | None = None
    libraries: tuple[str, ...] = ()
    where: Where = field(default=Where(), compare=False)
    kinds: tuple[tuple[str, Where], ...] = field(default=(), compare=False)
    scaling: str | None = None

    def ways(self) -> Iterator[tuple[Memory | Array | Compute, ...]]:
        """Every way down, from the outermost node to one compute, branches resolved, in the order of the file."""
        yield from _ways(self.nodes)

    def _repr_html_(self) -> str:
        """A row a node, as a notebook shows it."""
        from sata.specs.notebook import arch_html

        return arch_html(self)


def _ways(nodes: tuple[Node, ...]) -> Iterator[tuple[Memory | Array | Compute, ...]]:
    for i, node in enumerate(nodes):
        if isinstance(node, Branch):
            head = tuple(n for n in nodes[:i] if not isinstance(n, Branch))
            for way in node.ways:
                for rest in _ways(way):
                    yield (*head, *rest)
            return
    yield tuple(n for n in nodes if not isinstance(n, Branch))


# --- workload ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dim:
    """One dimension of a tensor: coordinate = offset + sum of coefficient * rank; exists in [0, size)."""

    terms: tuple[tuple[str, int], ...]
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Density:
    """A density model as written. `parameters`: (key, value) in the order of the file, lists as tuples.

    Values are checked by the model itself. `where`, `places` (key -> its place) and `folder` (of the file that says it,
    which its file names start from) are not part of what is equal.
    """

    model: str
    parameters: tuple[tuple[str, Any], ...] = ()
    where: Where = field(default=Where(), compare=False)
    places: Mapping[str, Where] = field(default_factory=dict, compare=False, repr=False)
    folder: str = field(default="", compare=False, repr=False)

    def given(self) -> dict[str, Any]:
        """The parameters by name."""
        return dict(self.parameters)

    def data(self) -> dict[str, Any]:
        """As it stands in YAML."""
        return {"model": self.model} | {key: _plain(value) for key, value in self.parameters}

    def place(self, key: str) -> Where:
        """The place of a parameter's name; of the whole where it is not there."""
        return self.places.get(key, self.where)


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of an op. `density`: share of non-zeros, one per index of its `t` dimension, or a model; None is dense.

    `role`: "input" or "output". `initialised`: an output whose first read is real. `local`: made inside the
    compute; no storage, no traffic, its zeros still gate and skip. `of`: "LAYER.TENSOR" that it is, "input" for what
    comes from outside, empty for the tensor of this name of the op's own layer. `stated`: the density is said of the
    tensor itself, not of its kind.
    """

    name: str
    kind: str
    dims: tuple[Dim, ...]
    role: str
    initialised: bool = False
    local: bool = False
    density: float | tuple[float, ...] | Density | None = None
    where: Where = field(default=Where(), compare=False)
    of: str = ""
    stated: bool = field(default=False, compare=False, repr=False)

    def ranks(self) -> frozenset[str]:
        """The ranks that index it."""
        return frozenset(rank for dim in self.dims for rank, _ in dim.terms)


@dataclass(frozen=True, slots=True)
class Op:
    """An einsum-like statement. `sequential`: rank -> "ascending" | "descending", the ranks that carry state.

    `function` is None for a product of the inputs (`=` or `+=`), else the name called on the right-hand side.
    """

    name: str
    layer: str
    stage: str
    action: str
    ranks: Mapping[str, int]
    tensors: tuple[Tensor, ...]
    sequential: Mapping[str, str] = field(default_factory=dict)
    function: str | None = None
    compute: str = ""
    where: Where = field(default=Where(), compare=False)

    def tensor(self, name: str) -> Tensor:
        """Raises: KeyError if the op has no such tensor."""
        for t in self.tensors:
            if t.name == name:
                return t
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class KeptRule:
    """What back-propagation through time keeps of one tensor of one layer from the forward to the backward pass."""

    layer: str
    tensor: str
    kind: str
    bits: int  # in total: elements of all time steps times bits of the kind


@dataclass(frozen=True, slots=True)
class Workload:
    """Ops in the order they run. `bits`: kind -> bits of an element. `kept`: the memory that BPTT keeps.

    `kinds`: all that its tensors may have, used or not: the built-in ones, its own and those of its template.
    """

    name: str
    ops: tuple[Op, ...]
    bits: Mapping[str, int]
    timesteps: int = 1
    batch: int = 1
    kept: tuple[KeptRule, ...] = ()
    where: Where = field(default=Where(), compare=False)
    kinds: tuple[str, ...] = field(default=(), compare=False)


# --- mapping ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a mapping. `fused`: the patterns were a list, so matching ops of one layer share the nest.

    `omit` is the reason an op is left out, in which case `nest` is empty. `only`: rank -> (least, most) bound that the
    op's layer must have for the entry to apply; most None is not a limit, a rank that no op of the layer has is 1.
    """

    patterns: tuple[str, ...]
    nest: tuple[NestNode, ...]
    fused: bool = False
    omit: str | None = None
    only: Mapping[str, tuple[int, int | None]] = field(default_factory=dict)
    where: Where = field(default=Where(), compare=False)


@dataclass(frozen=True, slots=True)
class MappingSpec:
    """A mapping: the first entry whose pattern matches an op wins."""

    entries: tuple[Entry, ...]
    where: Where = field(default=Where(), compare=False)

    def _repr_html_(self) -> str:
        """Its nests, as a notebook shows them."""
        from sata.specs.notebook import mapping_html

        return mapping_html(self)
