"""Workloads with faults in them: how the tests make them."""

from __future__ import annotations

from sata.specs.text import source
from sata.specs.text.faults import Faults, SpecError
from sata.specs.workload.workload import parse_workload

HEAD = """workload:
  name: bad
  timesteps: 2
  template: lif_bptt
  bits: {weight: 8, spike: 1, current: 16, potential: 8, spike_gradient: 8, potential_gradient: 8, weight_gradient: 8}
  layers:
"""
FIRST = "- {name: a, conv2d: {input: [4, 8, 8], out: 6, kernel: 3}}\n"


def faults_of(text: str) -> list[str]:
    try:
        faults = Faults()
        assert parse_workload(source.read(text), faults) is None
    except SpecError as error:
        return [str(fault) for fault in error.faults]
    return [str(fault) for fault in faults]
