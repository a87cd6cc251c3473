"""Tensor formats, encoded and decoded literally: fields of bits, one stream of metadata per rank, and the data.

Shares no code with the product. A stream is a list of (value, bits); what is decoded must be what was encoded, so that
no format gets away with storing too little.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

Streams = tuple[list[list[tuple[int, int]]], list[int]]  # metadata per rank, data
Rank = tuple[str, int]  # name, bits of a field


def encode(tile: np.ndarray, ranks: Sequence[Rank]) -> Streams:
    """The streams of one tile, whose dimensions have been merged so that there is one for each rank."""
    streams: Streams = ([[] for _ in ranks], [])
    _encode(tile, ranks, 0, streams)
    return streams


def _encode(fibre: np.ndarray, ranks: Sequence[Rank], level: int, streams: Streams) -> None:
    name, bits = ranks[level]
    out, data = streams[0][level], streams[1]

    def store(position: int) -> None:
        if level + 1 == len(ranks):
            data.append(int(fibre[position]))
        else:
            _encode(fibre[position], ranks, level + 1, streams)

    if name == "uncompressed":
        for position in range(len(fibre)):
            store(position)
        return
    if name == "offsets":
        out.append((0, bits))  # where the first one starts
    at = 0
    run = 0
    for position in range(len(fibre)):
        there = bool(np.any(fibre[position]))
        if name == "bitmask":
            out.append((int(there), 1))
        elif name in ("coordinate", "events") and there:
            out.append((position, bits))
        elif name == "offsets":
            at += int(np.count_nonzero(fibre[position]))
            out.append((at, bits))
        elif name == "run_length":
            if not there and run < 2**bits - 1:
                run += 1
                continue
            if not there and not np.any(fibre[position:]):
                continue  # what follows the last entry is not stored
            out.append((run, bits))
            run = 0
            if not there and level + 1 == len(ranks):
                data.append(0)
        if there:
            store(position)


def decode(streams: Streams, shape: Sequence[int], ranks: Sequence[Rank]) -> np.ndarray:
    """The tile that was encoded. Pointers and empty padding of outer ranks are followed as a machine would."""
    metadata = [[value for value, _ in stream] for stream in streams[0]]
    tile = np.zeros(shape, dtype=int)
    _decode(tile, metadata, list(streams[1]), ranks, 0)
    return tile


def _decode(fibre: np.ndarray, metadata: list[list[int]], data: list[int], ranks: Sequence[Rank], level: int) -> None:
    name, _ = ranks[level]
    stream = metadata[level]

    def fetch(position: int) -> None:
        if level + 1 == len(ranks):
            fibre[position] = data.pop(0)
        else:
            _decode(fibre[position], metadata, data, ranks, level + 1)

    if name == "uncompressed":
        for position in range(len(fibre)):
            fetch(position)
    elif name == "bitmask":
        for position in range(len(fibre)):
            if stream.pop(0):
                fetch(position)
    elif name == "offsets":
        pointers = [stream.pop(0) for _ in range(len(fibre) + 1)]
        for position in range(len(fibre)):
            if pointers[position + 1] > pointers[position]:
                fetch(position)


def decode_flat(streams: Streams, length: int, rank: Rank) -> np.ndarray:
    """One fibre of elements: positions and run lengths say where each stored one goes."""
    tile = np.zeros(length, dtype=int)
    position = 0
    for (value, _), element in zip(streams[0][0], streams[1], strict=True):
        position = position + value if rank[0] == "run_length" else value
        tile[position] = element
        position += 1
    return tile


def bits_of(streams: Streams) -> int:
    """Bits of all metadata. Raises: AssertionError if a value does not fit its field."""
    total = 0
    for stream in streams[0]:
        for value, bits in stream:
            assert 0 <= value < 2**bits or (bits == 0 and value == 0), (value, bits)
            total += bits
    return total


def measured(tensor: np.ndarray, extents: Sequence[int], ranks: Sequence[Rank]) -> tuple[int, int]:
    """(elements, bits of metadata) of all tiles of a grid: the tensor cut into tiles, each encoded for itself."""
    elements = metadata = 0
    for tile in tiles(tensor, extents):
        streams = encode(merged(tile, len(ranks)), ranks)
        elements += len(streams[1])
        metadata += bits_of(streams)
    return elements, metadata


def tiles(tensor: np.ndarray, extents: Sequence[int]) -> list[np.ndarray]:
    starts = (range(0, n, extent) for n, extent in zip(tensor.shape, extents, strict=True))
    return [tensor[tuple(slice(i, i + e) for i, e in zip(at, extents, strict=True))] for at in product(*starts)]


def merged(tile: np.ndarray, ranks: int) -> np.ndarray:
    """The tile with its last dimensions flattened into the last rank."""
    return tile.reshape(*tile.shape[: ranks - 1], -1)


def mean(function: Callable[[Any], tuple[float, float]], draws: Sequence[Any]) -> tuple[float, float]:
    """The means of both numbers over all draws."""
    found = np.array([function(draw) for draw in draws], dtype=float)
    return float(found[:, 0].mean()), float(found[:, 1].mean())
