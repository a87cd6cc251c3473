"""Tensor formats: what a tile occupies in a memory, data and metadata, in expectation or at a quantile.

A format has one entry per rank of the tile, outermost first; the last covers all dimensions that remain, as one rank
of their flattened positions. A rank is made of fibres: one at the top of each tile, and one more under every entry of
the rank above. What each of the formats stores is its row of `sata.specs.encodings.FORMATS`.

A rank of a format with `drops_empty` drops positions that hold nothing. So a fibre exists if its sub-tile holds a
non-zero, as far as a rank above drops: its probability is one minus `p_empty` of the sub-tile under the tensor's
density model, which makes sums over fibres exact in expectation, whatever the formats above. (Sparseloop's per-rank
fibertree formats, Wu et al., MICRO 2022, are these: U, B, RLE, CP and UOP, with the same expectation.)

Assumptions: tiles stand side by side from coordinate 0 (windows that overlap are taken as if they did); of a rank of
several dimensions, runs of zeros under a random model other than `uniform` fall as independent elements of the same
density do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from math import prod
from typing import Any

from sata.counts.density import Model, model_of
from sata.counts.density.interface import time_dimension
from sata.counts.density.uniform import Uniform
from sata.counts.sparse.subtiles import SubtileGrid, tiles_of
from sata.specs.encodings import FORMATS, Encoded, Fibres, FieldSpace
from sata.specs.formats import RankFormat, TensorFormat
from sata.specs.model import Tensor


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
        form = FORMATS[rank.name]
        found.append(form.encode(fibres))
        above = number if form.drops_empty else above
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
        steps = sizes[time] if time is not None and time in own else 1
        space = FieldSpace(prod(sizes[d] for d in own), prod(sizes), steps)
        found.append(rank.bits if rank.bits is not None else FORMATS[rank.name].field_bits(space))
    return found


def value_bits(form: TensorFormat, element_bits: int) -> int:
    """Bits of a stored element beside its metadata: none where the entry says it all (`values: false`), and none of a
    one-bit element whose entry is the value (`spike_is_entry`)."""
    last = form.ranks[-1]
    values = last.values if last.values is not None else not (element_bits == 1 and FORMATS[last.name].spike_is_entry)
    return element_bits if values else 0


__all__ = [
    "FormatLayout",
    "Stored",
    "encoded",
    "field_bits",
    "layout",
    "stored_bits",
    "value_bits",
]
