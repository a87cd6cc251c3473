"""How two ops see one tensor: dimension by dimension, which elements both can mean, and how many steps lie between."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd, prod

from sata.specs.model import Dim, Op, Tensor


def paired(made: Tensor, taken: Tensor) -> Iterator[tuple[tuple[Dim, ...], tuple[Dim, ...]]]:
    """Dimensions of both that are the same part of the tensor: one by one; where one op merges neighbouring dimensions
    or splits them, those on each side (row-major, the same number of elements)."""
    if len(made.dims) == len(taken.dims):
        yield from (((a,), (b,)) for a, b in zip(made.dims, taken.dims, strict=True))
        return
    ours, theirs = list(made.dims), list(taken.dims)
    while ours or theirs:
        left, right = _take(ours), _take(theirs)
        while prod(d.size for d in left) != prod(d.size for d in right):
            smaller, rest = (
                (left, ours) if prod(d.size for d in left) < prod(d.size for d in right) else (right, theirs)
            )
            if not rest:
                left, right = [*left, *ours], [*right, *theirs]
                ours, theirs = [], []
                break
            smaller.append(rest.pop(0))
        yield tuple(left), tuple(right)


def _take(dims: list[Dim]) -> list[Dim]:
    return [dims.pop(0)] if dims else []


def same_elements(made: Tensor, taken: Tensor) -> bool:
    """Whether both see a tensor of the same dimensions, or of neighbouring ones merged or split."""
    if len(made.dims) == len(taken.dims):
        return True
    return all(prod(d.size for d in a) == prod(d.size for d in b) for a, b in paired(made, taken))


def disjoint(one: Op, made: Tensor, other: Op, taken: Tensor) -> bool:
    """Whether no element is both what `made` of one op and `taken` of another mean. True only where that is sure."""
    if len(made.dims) != len(taken.dims):
        return False
    return any(_never_meet(one, a, other, b) for a, b in zip(made.dims, taken.dims, strict=True))


def _never_meet(one: Op, a: Dim, other: Op, b: Dim) -> bool:
    """Whether two indices never have the same value: their ranges are apart, or their remainders are (2*p, 2*p+1)."""
    (low, high), (least, most) = span(one, a), span(other, b)
    if high < least or most < low:
        return True
    step = gcd(*(c for _, c in (*a.terms, *b.terms)))
    return step > 1 and (a.offset - b.offset) % step != 0


def span(op: Op, dim: Dim) -> tuple[int, int]:
    """The least and the largest value of an index, inside the tensor or not."""
    ends = [c * (op.ranks[rank] - 1) for rank, c in dim.terms]
    return dim.offset + sum(e for e in ends if e < 0), dim.offset + sum(e for e in ends if e > 0)


def distance(one: Op, made: Tensor, other: Op, taken: Tensor, rank: str) -> int | None:
    """By how much the index of `rank` is larger where `other` means an element than where `one` does; None: the element
    does not fix that (one of them lacks the rank, or they index it otherwise)."""
    for left, right in paired(made, taken):
        if any(rank == r for dim in (*left, *right) for r, _ in dim.terms):
            if len(left) != 1 or len(right) != 1:
                return None
            return _steps(one, left[0], other, right[0], rank)
    return None


def _steps(one: Op, a: Dim, other: Op, b: Dim, rank: str) -> int | None:
    if dict(a.terms) != dict(b.terms):
        return None
    if len(a.terms) > 1:
        return 0 if a.offset == b.offset and _one_to_one(one, other, a) else None
    steps, rest = divmod(a.offset - b.offset, dict(a.terms)[rank])
    return None if rest else steps


def _one_to_one(one: Op, other: Op, dim: Dim) -> bool:
    """Whether an index of several ranks has each value once: `2*p+r` with r below 2, but not `p+r`."""
    reach = 0
    for rank, c in sorted(dim.terms, key=lambda term: abs(term[1])):
        if abs(c) <= reach:
            return False
        reach += abs(c) * (max(one.ranks[rank], other.ranks[rank]) - 1)
    return True
