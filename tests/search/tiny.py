"""Two ops so small that their searches take no time: for tests of what stands around a search."""

from __future__ import annotations

from typing import Any

import yaml

from tests.search.test_map import ARCH

__all__ = ["ARCH", "WORKLOAD"]

WORKLOAD: dict[str, Any] = yaml.safe_load("""
workload:
  name: tiny
  bits: {weight: 8, activation: 8, current: 16}
  ops:
  - {name: a, stage: forward, action: multiply_accumulate, ranks: {i: 3, k: 2, n: 1}, compute: "Z[i,n] += A[i,k] * B[k,n]",
     tensors: {Z: {kind: current}, A: {kind: weight}, B: {kind: activation}}}
  - {name: b, stage: forward, action: multiply_accumulate, ranks: {m: 4, k: 3, n: 1}, compute: "Z[m,n] += A[m,k] * B[k,n]",
     tensors: {Z: {kind: current}, A: {kind: weight}, B: {kind: activation}}}
""")
