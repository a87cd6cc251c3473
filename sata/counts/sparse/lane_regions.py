"""Coordinates that share deliveries, told apart by the lanes that hold them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sata.counts.dense.lane_sharing import Lane


def class_regions(
    sets: Sequence[Sequence[tuple[int, int]]], lanes: Sequence[Sequence[Lane]]
) -> Iterator[tuple[int, list[int], list[list[Lane]]]]:
    """(coordinates that share deliveries; of every holder what it held before; the lanes that each holder stands for).

    sets: per `tile` index and `element` index the coordinates now and before, as masks. Children whose windows coincide
    now and before are one class; within it coordinates are told apart by who holds them.
    """
    found: dict[tuple[tuple[int, int], ...], list[Sequence[Lane]]] = {}
    for windows, own in zip(sets, lanes, strict=True):
        found.setdefault(tuple(windows), []).append(own)
    for windows, members in found.items():
        for covered, holders in _regions([have for have, _ in windows]):
            yield covered, [windows[n][1] for n in holders], [[m[n] for m in members] for n in holders]


def _regions(sets: Sequence[int]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """(coordinates, numbers of the sets that hold just these), for every combination that occurs."""
    if len(sets) == 1:
        if sets[0]:
            yield sets[0], (0,)
        return
    regions: dict[tuple[int, ...], int] = {}
    rest = 0
    for number, one in enumerate(sets):
        split: dict[tuple[int, ...], int] = {}
        for holders, mask in regions.items():
            if mask & one:
                split[(*holders, number)] = mask & one
            if mask & ~one:
                split[holders] = mask & ~one
        if one & ~rest:
            split[(number,)] = one & ~rest
        regions, rest = split, rest | one
    for holders, mask in regions.items():
        yield mask, holders
