"""Tensor formats: what may be said of each in a file, and what a rank of it stores. One `Format` and one row each.

A rank is made of fibres, one under every entry of the rank above. What they occupy in a tile, in expectation, follows
from numbers of fibres, positions and entries: see `sata.counts.storage.formats`, which computes these for any format.
(Sparseloop's per-rank fibertree formats, Wu et al., MICRO 2022, are these: U, B, RLE, CP and UOP.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sata.specs.registry import Registry, instance_of


@dataclass(frozen=True, slots=True)
class Fibres:
    """All fibres of one rank, summed over the tiles they belong to; expected numbers.

    fibres: how many exist.
    span: their positions in all.
    kept: positions that hold something.
    bits: of one field.
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


@dataclass(frozen=True, slots=True)
class FieldSpace:
    """What a field of a rank may have to name.

    positions: of the rank in the whole tensor.
    elements: of the whole tensor.
    steps: time steps among the positions, 1 where the rank does not cover time.
    """

    positions: int
    elements: int
    steps: int


def coordinate_bits(space: FieldSpace) -> int:
    """As many bits as any position of the rank needs."""
    return (space.positions - 1).bit_length()


def offset_bits(space: FieldSpace) -> int:
    """As many bits as any number of elements of the tensor needs."""
    return space.elements.bit_length()


def event_bits(space: FieldSpace) -> int:
    """As many bits as an address and a time step need."""
    return (space.positions // space.steps - 1).bit_length() + (space.steps - 1).bit_length()


@dataclass(frozen=True, slots=True)
class Format:
    """A tensor format, for one rank.

    name: what `format:` of a memory calls it.
    about: what it stores, for `sata formats`.
    encode: what the fibres of a rank store. The lower bounds of the search call it with the fewest fibres, positions
        and entries, so entries and metadata must not fall when one of these rises.
    parameters: which of `bits` and `values` a file may state.
    place: any | outer (a rank must follow) | inner (none may follow).
    drops_empty: whether positions that hold nothing are left out, so that ranks further in have no fibre there.
    field_bits: bits of a field where the file does not state them.
    spike_is_entry: whether an element of one bit needs no value beside its entry.
    """

    name: str
    about: str
    encode: Callable[[Fibres], Encoded]
    parameters: tuple[str, ...] = ()
    place: str = "any"
    drops_empty: bool = True
    field_bits: Callable[[FieldSpace], int] = coordinate_bits
    spike_is_entry: bool = False


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


UNCOMPRESSED = Format("uncompressed", "every position is stored; no metadata", uncompressed, drops_empty=False)
BITMASK = Format("bitmask", "one bit a position, set where something is stored", bitmask, ("values",))
RUN_LENGTH = Format(
    "run_length",
    "per stored entry the number of empty positions before it; longer runs store a zero on the way",
    run_length,
    ("bits",),
)
COORDINATE = Format("coordinate", "per stored entry its position in the rank", coordinate, ("bits", "values"))
OFFSETS = Format(
    "offsets",
    "a pointer per position, and one more: where its fibre starts and ends",
    offsets,
    ("bits",),
    place="outer",
    field_bits=offset_bits,
)
EVENTS = Format(
    "events",
    "per non-zero its address and its time stamp (AER)",
    events,
    ("bits", "values"),
    place="inner",
    field_bits=event_bits,
    spike_is_entry=True,
)

FORMATS: Registry[Format] = Registry(
    "format",
    "sata.formats",
    {
        "uncompressed": "sata.specs.encodings:UNCOMPRESSED",
        "bitmask": "sata.specs.encodings:BITMASK",
        "run_length": "sata.specs.encodings:RUN_LENGTH",
        "coordinate": "sata.specs.encodings:COORDINATE",
        "offsets": "sata.specs.encodings:OFFSETS",
        "events": "sata.specs.encodings:EVENTS",
    },
    instance_of(Format),
)
