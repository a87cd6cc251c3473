"""`sata formats`, and formats in what `sata run` and `sata show` print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sata.specs.encodings import FORMATS
from tests.cli.test_run import ok

SPEC = """
arch:
  name: small
  nodes:
  - {memory: DRAM, class: m}
  - {memory: GLB, class: m, size: 64 B, keep: [spike], format: {spike: events}}
  - {compute: PE, class: pe}
workload:
  name: w
  bits: {weight: 8, spike: 1, current: 16}
  ops:
  - name: fc
    action: add
    ranks: {t: 4, k: 3, c: 16}
    compute: "X[t,k] += W[k,c] * S[t,c]"
    tensors: {W: {kind: weight}, S: {kind: spike, density: 0.25}, X: {kind: current}}
mapping:
- ops: fc
  nest: [{memory: DRAM}, {memory: GLB}, {for: "k 3, t 4, c 16"}, {compute: PE}]
library:
  name: l
  source: made up
  components:
  - {class: m, energy: {read: 1 pJ, write: 1 pJ}}
  - {class: pe, energy: {add: 1 pJ}}
"""


def test_lists_all_formats() -> None:
    out = ok("formats")
    for name, words in FORMATS.items():
        assert f"\n{name}  (" in out
        assert words.about.split()[0] in out
    assert "csr  (alone)\n  [offsets, coordinate]" in out
    assert max(map(len, out.splitlines())) <= 80


def test_as_json(tmp_path: Path) -> None:
    target = tmp_path / "f.json"
    ok("formats", "--json", str(target))
    rows = json.loads(target.read_text())["formats"]
    assert [row["format"] for row in rows] == [*FORMATS, "csr"]
    assert rows[2]["parameters"] == ["bits"]


def test_a_run_shows_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """16 events of 4 + 2 b come in once and are read three times."""
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text(SPEC)
    out = ok("run", "a.yaml", "--traffic", "--json", "r.json")
    assert "Metadata of formats\nmemory  kind   read  written  energy" in out
    assert "GLB     spike  36 B     12 B" in out
    assert "Formats of fc" in out
    assert "GLB     S       events          288 b              96 b" in out
    result = json.loads(Path("r.json").read_text())
    found = {(r["action"], r["count"]) for r in result["records"] if r["outcome"] == "metadata"}
    assert found == {("metadata_read", 288.0), ("metadata_write", 96.0)}
    assert {"memory": "GLB", "bits": 96, "metadata_bits": 96}.items() <= result["occupancy"][1].items()
    assert "memory GLB: S 12 B metadata of 64 B (18.8%)\n" in ok("show", "a.yaml")
