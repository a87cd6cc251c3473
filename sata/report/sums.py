"""Records grouped and summed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sata.report.record import Record


def sums(records: Iterable[Record], key: Callable[[Record], Any], field: str = "energy_pj") -> dict[Any, float]:
    """Sums of a field by what `key` gives, in order of first appearance."""
    found: dict[Any, list[float]] = {}
    for r in records:
        found.setdefault(key(r), []).append(r[field])
    return {k: math.fsum(values) for k, values in found.items()}


def grouped(records: Iterable[Record], field: str) -> Iterator[tuple[str, list[Record]]]:
    """(value of a field, its records), in order of first appearance."""
    yield from kept_apart(records, lambda r: r[field])


def kept_apart(records: Iterable[Record], key: Callable[[Record], Any]) -> Iterator[tuple[Any, list[Record]]]:
    """Records that `key` tells apart, in order of first appearance."""
    found: dict[Any, list[Record]] = {}
    for r in records:
        found.setdefault(key(r), []).append(r)
    yield from found.items()
