"""What users try first: two files for three, names of other templates in one mapping, kinds that nothing uses yet."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from sata.cli import main

ARCH = """
library:
  name: l
  components:
  - {class: m, energy: {read: 1 pJ, write: 1 pJ}}
  - {class: pe, energy: {accumulate: 1 pJ, fire: 1 pJ}}
arch: {name: a, libraries: [l], nodes: [{memory: DRAM, class: m}, {compute: PE, class: pe, skip: [match]}]}
"""
WORKLOAD = """
workload:
  name: w
  kinds: [match]
  bits: {weight: 8, spike: 1, current: 8}
  ops:
  - {name: l.forward, action: accumulate, ranks: {k: 2, c: 2}, compute: "X[k] += W[k,c] * S[c]",
     tensors: {W: {kind: weight}, S: {kind: spike}, X: {kind: current}}}
"""
MAPPING = """
mapping:
- {ops: "*.adapt", nest: [{memory: DRAM, bypass: [A, threshold]}, {for: "k *"}, {compute: PE}]}
- {ops: "*", nest: [{memory: DRAM, bypass: [A, threshold]}, {for: "k *, c *"}, {compute: PE}]}
"""
TEMPLATE = """# neurons that adapt
template:
  about: a test
  kinds: [threshold]
---
- name: "{{ layer.name }}.adapt"
  ranks: {{ layer.out_ranks }}
  compute: "A[{{ layer.U }}] = adapt(X[{{ layer.X }}])"
  tensors: {X: {kind: current}, A: {kind: threshold}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("both", ARCH + WORKLOAD), ("arch", ARCH), ("net", WORKLOAD), ("map", MAPPING)):
        (tmp_path / f"{name}.yaml").write_text(text)
    (tmp_path / "alif.yaml").write_text(TEMPLATE)
    return tmp_path


def said(*args: str, code: int = 0) -> str:
    found = CliRunner().invoke(main, list(args))
    assert found.exit_code == code, found.output
    return found.output


def test_a_file_of_architecture_and_workload_takes_a_mapping(folder: Path) -> None:
    assert said("run", "both.yaml", "map.yaml") == said("run", "arch.yaml", "net.yaml", "map.yaml")
    assert "PE" in said("show", "both.yaml", "map.yaml")


def test_without_a_mapping_the_architecture_is_shown(folder: Path) -> None:
    assert said("show", "both.yaml") == said("show", "arch.yaml")


def test_two_mappings_are_not_taken_for_a_workload(folder: Path) -> None:
    assert "map.yaml: holds no 'workload'" in said("run", "arch.yaml", "map.yaml", code=2)


def test_names_of_a_template_beside_the_mapping_may_be_idle(folder: Path) -> None:
    """Its op, its tensor and its kind; where the template is not there they are slips."""
    said("run", "both.yaml", "map.yaml")
    (folder / "alif.yaml").unlink()
    for word in ("pattern '*.adapt' matches no op", "'A' is neither", "'threshold' is neither"):
        assert word in said("run", "both.yaml", "map.yaml", code=2)


def test_only_templates_count(folder: Path) -> None:
    (folder / "alif.yaml").write_text("# template: no header\n" + TEMPLATE.replace("template:", "x:", 1))
    assert "'A' is neither" in said("run", "both.yaml", "map.yaml", code=2)


def test_a_declared_kind_may_be_used_by_no_op(folder: Path) -> None:
    said("run", "both.yaml", "map.yaml")
    (folder / "both.yaml").write_text((ARCH + WORKLOAD).replace("kinds: [match]", "kinds: [other]"))
    assert "unknown kind 'match'" in said("run", "both.yaml", "map.yaml", code=2)


def test_check_knows_constraints(folder: Path) -> None:
    """They are checked against the architecture and the workload that stand beside them."""
    (folder / "rules.yaml").write_text("constraints: [{ops: l.forward, keep: {DRAM: [weight]}}]\n")
    assert said("check", "arch.yaml", "net.yaml", "rules.yaml").startswith("3 files, no faults")
    assert "beside these alone; sata check ARCH WORKLOAD rules.yaml" in said("check", "rules.yaml", code=2)
    (folder / "rules.yaml").write_text("constraints: [{ops: l.forward, keep: {DRUM: [weight]}}]\n")
    assert "did you mean 'DRAM'?" in said("check", "both.yaml", "rules.yaml", code=2)
