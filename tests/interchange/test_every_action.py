"""Nothing of a foreign table is dropped: its actions are counted or named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import sata
from sata.costs.given import price_given
from sata.report.summary import left_out

SPEC: dict[str, Any] = yaml.safe_load("""
arch: {libraries: [ERT.yaml], nodes: [{memory: buf, class: buf, width: 8 b}, {compute: mac, class: mac}]}
workload:
  bits: {weight: 8, activation: 8, current: 8}
  ops:
  - {name: a, action: compute, ranks: {k: 4, m: 4}, compute: "Z[m] += A[m,k] * B[k]",
     tensors: {A: {kind: activation}, B: {kind: weight}, Z: {kind: current}}}
mapping:
- {ops: a, nest: [{memory: buf}, {for: "m 4, k 4"}, {compute: mac}]}
""")


def evaluated(folder: Path, actions: dict[str, float]) -> sata.Result:
    rows = [{"name": name, "arguments": {}, "energy": pj} for name, pj in actions.items()]
    mac = [{"name": "compute", "arguments": {}, "energy": 0}]
    tables = [{"name": "chip.buf", "actions": rows}, {"name": "chip.mac", "actions": mac}]
    (folder / "ERT.yaml").write_text(yaml.safe_dump({"ERT": {"version": "0.4", "tables": tables}}))
    (folder / "net.yaml").write_text(yaml.safe_dump(SPEC))
    return sata.evaluate(folder / "net.yaml")


def test_updates_have_a_price_of_their_own(tmp_path: Path) -> None:
    """32 inputs and 12 old values are read, 16 results updated; nothing is filled."""
    result = evaluated(tmp_path, {"read": 1.0, "write": 1.0, "update": 7.0})
    assert result.energy_pj() == 44 + 16 * 7
    assert result.energy_pj(by="action") == {("read",): 44.0, ("update",): 112.0, ("compute",): 0.0}


def test_without_one_they_are_writes(tmp_path: Path) -> None:
    result = evaluated(tmp_path, {"read": 1.0, "write": 2.0})
    assert result.energy_pj(by="action") == {("read",): 44.0, ("write",): 32.0, ("compute",): 0.0}


def test_what_nothing_asks_for_is_named(tmp_path: Path) -> None:
    result = evaluated(tmp_path, {"read": 1.0, "write": 1.0, "refresh": 3.0, "gated_read": 0.5})
    assert result.meta["unasked"] == ["buf refresh"]
    block = left_out(result)
    assert block is not None
    assert block.lines == ("1 price: no event asks for such an action (buf refresh)",)


def test_a_compute_has_no_fall_back(tmp_path: Path) -> None:
    """An op's action `update` or `metadata_read` is not a write or read."""
    for action in ("update", "metadata_read"):
        spec = yaml.safe_load(yaml.safe_dump(SPEC))
        spec["arch"]["libraries"] = ["book"]
        spec["workload"]["ops"][0]["action"] = action
        energy = {"read": "1 pJ", "write": "1 pJ"}
        spec["library"] = {"name": "book", "components": [{"class": name, "energy": energy} for name in ("buf", "mac")]}
        with pytest.raises(sata.SpecError, match=f"needs '{action}' of mac"):
            sata.evaluate(spec)


@pytest.mark.parametrize("layers", ["", "  layers: []\n"])
def test_counts_without_layers_count_once(layers: str) -> None:
    text = f"""
library: {{name: book, components: [{{class: m, energy: {{read: 2 pJ}}}}]}}
counts:
  libraries: [book]
{layers}  actions:
  - {{stage: forward, group: m, class: m, action: read, count: 20}}
  - {{stage: forward, group: m, class: m, action: read, count: 5, per: once}}
"""
    assert sum(record.energy_pj for record in price_given(text).records) == 50
