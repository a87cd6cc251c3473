"""A small machine with variables, and a sweep over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

STUDY = """\
variables: {glb: 64, lanes: 4, dram_pj: 100, spike_density: 0.2, k: 8, steps: 4, cycles: 1}
arch:
  name: small
  clock: 100 MHz
  libraries: [book]
  nodes:
  - {memory: DRAM, class: dram, bandwidth: {read: "{{ 4 * cycles }} B/cycle", write: 4 B/cycle}}
  - {memory: GLB, class: sram, size: "{{ glb }} B", keep: [weight]}
  - {array: PEs, shape: {x: "{{ lanes }}"}}
  - {memory: spad, class: spad, size: 16 B, keep: [current]}
  - {compute: PE, class: pe, gate: [spike]}
workload:
  name: fc
  bits: {weight: 8, spike: 1, current: 16}
  ops:
  - name: fc.forward
    stage: forward
    layer: fc
    action: accumulate
    ranks: {t: "{{ steps }}", k: "{{ k }}", c: 10}
    compute: "X[t,k] += W[k,c] * S[t,c]"
    tensors: {W: {kind: weight}, S: {kind: spike, density: "{{ spike_density }}"}, X: {kind: current}}
library:
  name: book
  components:
  - {class: dram, at: {width: 8 b}, energy: {read: "{{ dram_pj }} pJ", write: 100 pJ}, area: 0 um2, leakage: 0 mW}
  - {class: sram, energy: {read: 1 pJ, write: 1 pJ}, area: 500 um2, leakage: 0.01 mW}
  - {class: spad, energy: {read: 0.1 pJ, write: 0.1 pJ}, area: 100 um2, leakage: 0 mW}
  - {class: pe, energy: {accumulate: 0.1 pJ}, area: 500 um2, leakage: 0 mW}
"""
MAPPING = """\
mapping:
- ops: fc.forward
  nest:
  - {memory: DRAM}
  - {for: "k *"}
  - {memory: GLB}
  - {for: "t *"}
  - {array: PEs, x: "k {{ lanes_used }}"}
  - {memory: spad}
  - {for: "c *"}
  - {compute: PE}
variables: {lanes_used: 4}
"""


def write(folder: Path, **sweep: Any) -> Path:
    """The files of a study, and a sweep over them; its path."""
    (folder / "study.yaml").write_text(STUDY)
    (folder / "mapping.yaml").write_text(MAPPING)
    path = folder / "sweep.yaml"
    path.write_text(yaml.safe_dump({"sweep": {"arch": "study.yaml", **sweep}}, sort_keys=False))
    return path
