"""`sata components`, `sata price --explain` and `--diff`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sata.cli import main
from sata.specs.text.find import shipped

SMALL = str(Path(__file__).with_name("small.yaml"))


def said(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == code, done.output
    return done.output


def test_components_lists_all_libraries() -> None:
    out = said("components")
    for path in shipped("components").glob("*.yaml"):
        assert path.stem in out


@pytest.mark.parametrize("name", sorted(p.stem for p in shipped("components").glob("*.yaml")))
def test_components_of_every_library_in_80_columns(name: str) -> None:
    out = said("components", name)
    assert max(map(len, out.splitlines())) <= 80
    assert "actions" in out


def test_components_say_what_they_take_and_reach() -> None:
    out = " ".join(said("components", "sata_32nm").split())
    assert "multiplier (primitive) attribute width in b, default 16 b, scales quadratic actions multiply" in out
    assert "sram (table) attribute size in b, needed, 8 KiB to 256 KiB (power between)" in out
    data = json.loads(said("components", "sata_32nm", "--json", "-"))["libraries"][0]
    assert data["library"] == "sata_32nm"
    assert {"class", "is", "attributes", "actions", "source"} <= set(data["classes"][0])


def test_components_of_no_library() -> None:
    assert "no such file" in said("components", "sata_33nm", code=2)


def test_explain_goes_down_to_the_parts() -> None:
    out = " ".join(said("price", "arch/sata.yaml", "--explain", "PE").split())
    assert "PE: 128 instances of sata_pe (width 16 b)" in out
    assert (
        "accumulate 99.235 fJ sata_32nm: sata_pe = 1 accumulator.accumulate 0.09725 pJ + 1 gate.op 0.001985 pJ" in out
    )
    assert "PE.multiplier: a part, multiplier (width 16 b)" in out
    data = json.loads(said("price", "arch/sata.yaml", "--explain", "PE", "--json", "-"))
    assert data["price"]["parts"]["multiplier"]["energy_pj"] == {"multiply": 0.5975}


def test_explain_of_what_is_not_there() -> None:
    out = said("price", "arch/sata.yaml", "--explain", "PEE", code=2)
    assert "no component 'PEE' of sata has a price; did you mean 'PE'?" in " ".join(out.split())
    assert "--explain needs ARCH" in said("price", "--diff", SMALL, SMALL, "--explain", "PE", code=2)


def test_diff(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    text = Path(SMALL).read_text().replace("energy: {read: 6 pJ, write: 6 pJ}", "energy: {read: 9 pJ, write: 6 pJ}")
    other.write_text(text.replace("shape: {x: 4}", "shape: {x: 8}"))
    assert said("price", "--diff", SMALL, SMALL).startswith("no differences in ")
    data = json.loads(said("price", "--diff", SMALL, str(other), "--json", "-"))
    changed = {(d["node"], d["quantity"]): d for d in data["differences"]}
    assert changed["GLB", "read"]["ratio"] == 1.5
    assert ("GLB", "write") not in changed
    assert (changed["PE", "fire"]["instances_a"], changed["PE", "fire"]["instances_b"]) == (4, 8)
    out = said("price", "--diff", SMALL, str(other))
    assert "6 pJ" in out
    assert "9 pJ" in out
    assert "1.500" in out


def test_rules_that_the_mapping_leaves_idle_are_named(tmp_path: Path) -> None:
    """GLB keeps no weights here, so that its rule decides nothing; the rule of DRAM acts."""
    text = """
library: {name: l, components: [{class: m, energy: {read: 1 pJ, write: 1 pJ}}, {class: pe, energy: {mac: 1 pJ}}]}
arch:
  libraries: [l]
  nodes:
  - {memory: DRAM, class: m, skip: {weight: spike}}
  - {memory: GLB, class: m, skip: {weight: spike, current: spike}}
  - {memory: IDLE, class: m, gate: {either: [weight, spike]}}
  - {compute: PE, class: pe}
workload:
  bits: {weight: 8, spike: 1, current: 8}
  ops:
  - {name: a.forward, action: mac, ranks: {k: 2, c: 2}, compute: "X[k] += W[k,c] * S[c]",
     tensors: {W: {kind: weight}, S: {kind: spike, density: 0.5}, X: {kind: current}}}
mapping: [{ops: "*", nest: [{memory: DRAM}, {memory: GLB, bypass: [W]}, {for: "k *, c *"}, {compute: PE}]}]
"""
    (tmp_path / "idle.yaml").write_text(text)
    out = CliRunner().invoke(main, ["run", str(tmp_path / "idle.yaml"), "--explain-sparsity"]).output
    assert out.partition("Idle rules\n")[2].splitlines()[:2] == [
        "  GLB: skip weight by spike  (the mapping keeps no W in GLB)",
        "  IDLE: gate either of weight, spike  (no nest has IDLE)",
    ]
