"""Columns of integers as single numbers, so that equal columns are found by sorting numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def column_codes(rows: Ints) -> Ints:
    """For each column of [rows, B] a number that equal columns share, and different ones do not."""
    code = np.zeros(rows.shape[1], dtype=np.int64)
    size = 1
    for row in rows:
        low, high = int(row.min(initial=0)), int(row.max(initial=0))
        if low == high:
            continue
        if size * (high - low + 1) >= 1 << 62:
            code = np.unique(code, return_inverse=True)[1].reshape(-1)
            size = len(code)
        code = code * (high - low + 1) + (row - low)
        size *= high - low + 1
    return code


def distinct_columns(rows: Ints) -> tuple[Ints, Ints]:
    """(distinct columns [rows, D], for each of the B columns the number of its distinct one)."""
    _, first, inverse = np.unique(column_codes(rows), return_index=True, return_inverse=True)
    return rows[:, first], inverse.reshape(-1)
