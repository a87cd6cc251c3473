"""A small study as objects and as text, the same machine and op in both. No files."""

from __future__ import annotations

import sata

LIBRARY: dict[str, object] = {
    "name": "book",
    "components": [
        {"class": "store", "energy": {"read": "2 pJ", "write": "3 pJ"}, "leakage": "0 mW", "area": "1 um2"},
        {"class": "pe", "energy": {"accumulate": "0.5 pJ"}, "leakage": "0 mW", "area": "2 um2"},
    ],
}
ARCH = sata.Arch(
    name="little",
    clock_hz=1e8,
    libraries=("book",),
    nodes=(
        sata.Memory("DRAM", "store", bandwidth=sata.Bandwidth(read_bits=64.0)),
        sata.Memory("GLB", "store", size_bits=4096, keep=("weight",),
                    rules=(sata.Rule("skip", "weight", ("spike",)),)),
        sata.Array("PEs", {"x": 2}, reduce=True),
        sata.Compute("PE", "pe", gate={"": ("spike",)}),
    ),
)  # fmt: skip


def dim(rank: str, size: int) -> sata.Dim:
    """A dimension that a rank indexes by itself."""
    return sata.Dim(((rank, 1),), 0, size)


def workload(density: float | None = 0.25) -> sata.Workload:
    """A linear layer of 4 inputs and 6 neurons."""
    tensors = (
        sata.Tensor("W", "weight", (dim("k", 6), dim("c", 4)), "input"),
        sata.Tensor("S", "spike", (dim("c", 4),), "input", density=density),
        sata.Tensor("X", "current", (dim("k", 6),), "output"),
    )
    op = sata.Op("fc", "fc", "forward", "accumulate", {"k": 6, "c": 4}, tensors, compute="X[k] += W[k,c] * S[c]")
    return sata.Workload("step", (op,), {"weight": 8, "spike": 1, "current": 16})


TEXT = """
arch:
  name: little
  clock: 100 MHz
  libraries: [book]
  nodes:
  - {memory: DRAM, class: store, bandwidth: {read: 8 B/cycle}}
  - {memory: GLB, class: store, size: 512 B, keep: [weight], skip: {weight: spike}}
  - {array: PEs, shape: {x: 2}, reduce: true}
  - {compute: PE, class: pe, gate: [spike]}
variables:
  density: 0.25
workload:
  name: step
  bits: {weight: 8, spike: 1, current: 16}
  ops:
  - name: fc
    stage: forward
    action: accumulate
    ranks: {k: 6, c: 4}
    compute: "X[k] += W[k,c] * S[c]"
    tensors: {W: {kind: weight}, S: {kind: spike, density: "{{ density }}"}, X: {kind: current}}
mapping:
- ops: fc
  nest: [{memory: DRAM}, {memory: GLB}, {for: k *}, {array: PEs, x: c 2}, {for: c *}, {compute: PE}]
library:
  name: book
  components:
  - {class: store, energy: {read: 2 pJ, write: 3 pJ}, leakage: 0 mW, area: 1 um2}
  - {class: pe, energy: {accumulate: 0.5 pJ}, leakage: 0 mW, area: 2 um2}
"""
