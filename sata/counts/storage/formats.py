"""Tensor formats: what a tile occupies in a memory, data and metadata, in expectation or at a quantile.

A format has one entry per rank of the tile, outermost first; the last covers all dimensions that remain, as one rank
of their flattened positions. A rank is made of fibres: one at the top of each tile, and one more under every entry of
the rank above. What each of the encodings stores is one function below and one row of ENCODINGS (its name and its
parameters are a row of `sata.specs.formats.FORMATS`).

Every rank but an `uncompressed` one drops positions that hold nothing. So a fibre exists if its sub-tile holds a
non-zero, as far as a rank above drops: its probability is one minus `p_empty` of the sub-tile under the tensor's
density model, which makes sums over fibres exact in expectation, whatever the formats above. (Sparseloop's per-rank
fibertree formats, Wu et al., MICRO 2022, are these: U, B, RLE, CP and UOP, with the same expectation.)

Assumptions: tiles stand side by side from coordinate 0 (windows that overlap are taken as if they did); of a rank of
several dimensions, runs of zeros under a random model other than `uniform` fall as independent elements of the same
density do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from math import prod
from typing import Any

from sata.counts.density import Model, model_of
from sata.counts.density.interface import time_dimension
from sata.counts.density.uniform import Uniform
from sata.counts.sparse.subtiles import SubtileGrid, tiles_of
from sata.specs.formats import RankFormat, TensorFormat
from sata.specs.model import Tensor


@dataclass(frozen=True, slots=True)
class Fibres:
    """All fibres of one rank, summed over the tiles they belong to; expected numbers.

    fibres: how many exist; span: their positions in all; kept: those of them that hold something; bits: of one field;
    cuts: longest run of empty positions -> entries that cut longer ones.
    """

    fibres: float
    span: float
    kept: float
    bits: int
    cuts: Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Encoded:
    """What a rank stores: entries (of the last rank: elements), and its own metadata in bits."""

    entries: float
    metadata_bits: float


def uncompressed(rank: Fibres) -> Encoded:
    """Every position, empty or not: a position needs no name."""
    return Encoded(rank.span, 0.0)


def bitmask(rank: Fibres) -> Encoded:
    """A bit for each position of each fibre."""
    return Encoded(rank.kept, rank.span)


def run_length(rank: Fibres) -> Encoded:
    """Before each entry the length of the run of empty positions, up to 2^bits - 1. A longer run is cut by an entry
    that holds a zero: it names 2^bits - 1 empty positions and is one itself (EIE, Han et al., ISCA 2016). What is
    empty behind the last entry is not stored."""
    entries = rank.kept + rank.cuts((1 << rank.bits) - 1)
    return Encoded(entries, entries * rank.bits)


def coordinate(rank: Fibres) -> Encoded:
    """The position of each entry in its fibre."""
    return Encoded(rank.kept, rank.kept * rank.bits)


def offsets(rank: Fibres) -> Encoded:
    """For each position where its fibre starts, and for the last one where it ends: one pointer more than positions.
    An empty position starts where it ends, and has no fibre further in."""
    return Encoded(rank.kept, (rank.span + rank.fibres) * rank.bits)


def events(rank: Fibres) -> Encoded:
    """Address and time stamp of each non-zero (address-event representation)."""
    return Encoded(rank.kept, rank.kept * rank.bits)


ENCODINGS: Mapping[str, Callable[[Fibres], Encoded]] = {
    "uncompressed": uncompressed,
    "bitmask": bitmask,
    "run_length": run_length,
    "coordinate": coordinate,
    "offsets": offsets,
    "events": events,
}
DROPS_NOTHING = frozenset(("uncompressed",))


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of a tile, or of several: elements (zeros that a format stores included), metadata in bits."""

    elements: float
    metadata_bits: float


@dataclass(frozen=True, slots=True)
class FormatLayout:
    """How a memory holds a tensor. tile: its largest tile, in expectation; fitting: what has to fit of it (the same, or
    at a quantile); share: of the tensor's elements, those that are stored; metadata_bits: per element, stored or not.
    """

    format: TensorFormat
    tile: Stored
    fitting: Stored
    share: float
    metadata_bits: float


def layout(form: TensorFormat, tensor: Tensor, extents: Sequence[int], fit: float | None = None) -> FormatLayout:
    """How a memory holds a tensor of which it holds tiles of `extents` coordinates per dimension.

    fit: the share of the tiles that must stay within `fitting`, given their density model; None: the expected one. At a
    quantile it is the expected size of a tile with that quantile of non-zeros: of formats that drop fibres further out
    an estimate, of all others exact.
    """
    model: Any = model_of(tensor)  # hashable, as all of them are
    return _layout(form, tuple(d.size for d in tensor.dims), time_dimension(tensor), model,
                   tuple(int(n) for n in extents), fit)  # fmt: skip


@lru_cache(maxsize=1 << 12)
def _layout(
    form: TensorFormat, sizes: tuple[int, ...], time: int | None, model: Model, extents: tuple[int, ...],
    fit: float | None,
) -> FormatLayout:  # fmt: skip
    fields = field_bits(form.ranks, sizes, time)
    whole = SubtileGrid(model, [tiles_of(n, extent) for n, extent in zip(sizes, extents, strict=True)])
    mean = stored_bits(form.ranks, fields, whole)
    total = max(prod(sizes), 1)
    tile = stored_bits(form.ranks, fields, SubtileGrid(model, [[span] for span in whole.fullest(None)]))
    fitting = tile if fit is None else _at_quantile(form, fields, whole, fit)
    return FormatLayout(form, tile, fitting, mean.elements / total, mean.metadata_bits / total)


def _at_quantile(form: TensorFormat, fields: Sequence[int], whole: SubtileGrid, fit: float) -> Stored:
    """The tile with the quantile's number of non-zeros, anywhere in it."""
    spans = whole.fullest(fit)
    counts = tuple(high - low for low, high in spans)
    nonzeros = SubtileGrid(whole.model, [[span] for span in spans]).quantile(fit)
    placed = Uniform(counts, None, (nonzeros / max(prod(counts), 1),))
    return stored_bits(form.ranks, fields, SubtileGrid(placed, [[(0, n)] for n in counts]))


def stored_bits(ranks: Sequence[RankFormat], fields: Sequence[int], grid: SubtileGrid) -> Stored:
    """What the tiles of a grid occupy in all, in expectation. fields: bits of one field per rank."""
    found = encoded(ranks, fields, grid)
    return Stored(found[-1].entries, sum(e.metadata_bits for e in found))


def encoded(ranks: Sequence[RankFormat], fields: Sequence[int], grid: SubtileGrid) -> list[Encoded]:
    """The same, rank by rank."""
    owner = owners(len(ranks), len(grid.tiles))
    found = []
    above = -1  # the innermost rank so far that drops what is empty
    for number, (rank, bits) in enumerate(zip(ranks, fields, strict=True)):
        fibres = Fibres(
            grid.existing(owner, above, number, span=False),
            grid.existing(owner, above, number, span=True),
            grid.nonzeros() if number + 1 == len(ranks) else grid.occupied(owner, number),
            bits,
            partial(grid.cuts, owner, number),
        )
        found.append(ENCODINGS[rank.name](fibres))
        above = above if rank.name in DROPS_NOTHING else number
    return found


def owners(ranks: int, dims: int) -> tuple[int, ...]:
    """Per dimension of the tensor, the number of the format's rank that covers it."""
    return tuple(min(d, ranks - 1) for d in range(dims))


def field_bits(ranks: Sequence[RankFormat], sizes: Sequence[int], time: int | None) -> list[int]:
    """Bits of one field per rank: those given, else as many as the bounds need, so that what is stored keeps its name
    on its way through the memories: a coordinate (or the longest run) any position of the rank in the whole tensor, an
    offset any number of elements of the tensor, an event its address and its time step."""
    owner = owners(len(ranks), len(sizes))
    found = []
    for number, rank in enumerate(ranks):
        own = [d for d, o in enumerate(owner) if o == number]
        positions = prod(sizes[d] for d in own)
        default = {"offsets": prod(sizes).bit_length(), "events": _event_bits(own, sizes, time)}
        bits = rank.bits if rank.bits is not None else default.get(rank.name, (positions - 1).bit_length())
        found.append(bits)
    return found


def _event_bits(own: Sequence[int], sizes: Sequence[int], time: int | None) -> int:
    address = prod(sizes[d] for d in own if d != time)
    stamp = sizes[time] if time is not None and time in own else 1
    return (address - 1).bit_length() + (stamp - 1).bit_length()


def value_bits(form: TensorFormat, element_bits: int) -> int:
    """Bits of a stored element beside its metadata: none where the entry says it all (`values: false`), and none of a
    one-bit element that is an event."""
    last = form.ranks[-1]
    values = last.values if last.values is not None else not (last.name == "events" and element_bits == 1)
    return element_bits if values else 0


__all__ = [
    "ENCODINGS",
    "Fibres",
    "FormatLayout",
    "Stored",
    "encoded",
    "field_bits",
    "layout",
    "stored_bits",
    "value_bits",
]
