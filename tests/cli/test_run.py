"""`sata run`: what it prints and writes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sata import evaluate
from sata.cli import main

SMALL = str(Path(__file__).with_name("small.yaml"))
VGG5 = ("arch/sata.yaml", "workloads/vgg5_cifar10.yaml")

# By hand, in pJ. Forward: DRAM reads W 24 and S 8, takes S' 12: 44 x 100. GLB: fills 24 + 8, reads W 48 and S 16 (one
# for all lanes), S' in and out 24: 120 x 6. Spad: X 48 updates, 36 old values, 12 reads; U 12 updates, 6 reads: 114 x
# 1. PE: 12 + 36 x 0.5 + 12 x 3 = 66. Weight: DRAM dU 48, dW 48 updates and 24 old values, S 8: 128 x 100; GLB 8 + 16:
# 24 x 6; PE 12 + 36 x 0.5. Cycles, all of DRAM's 8 b: forward reads 200 b: 25; S' 12 b out: 1.5. Weight reads 584 b:
# 73. GLB leaks 1 mW for 995 ns.
FORWARD_PJ = 4400 + 720 + 114 + 66 + 265
WEIGHT_PJ = 12800 + 144 + 30 + 730
SUMMARY = """\
step on small: 3 ops of 4, batch 1, 2 time steps, 100 MHz
energy    19.27 nJ
time      99.50 cycles = 995 ns (lower bound)
power     19.37 mW on average
area      1,600 um2
leakage   1 mW
"""


def invoke(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


def ok(*args: str) -> str:
    result = invoke(*args)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout


def test_summary_says_what_ran_and_what_it_cost() -> None:
    out = ok("run", SMALL)
    assert out.startswith(SUMMARY)
    for title in ("Energy by stage", "Energy by component", "Energy of moving tensors, by kind", "Time by stage",
                  "Computes and sparsity", "By op", "Not in these numbers"):  # fmt: skip
        assert f"\n\n{title}\n" in out
    assert "\n2 ops: elements stream at GLB, spad; transfers hide as far as ports let them\n" in out
    assert "\n1 op: the optimiser is not part of this study (fc.update)\n" in out


def test_numbers_are_those_counted_by_hand() -> None:
    result = evaluate(SMALL)
    assert list(result.energy_pj(by=("stage",)).values()) == pytest.approx([FORWARD_PJ, WEIGHT_PJ])
    assert result.cycles == 25 + 1.5 + 73
    out = ok("run", SMALL)
    assert "forward          5.565 nJ   28.9%    66 pJ  5.234 nJ   265 pJ\n" in out
    assert "weight_gradient   13.7 nJ   71.1%    30 pJ  12.94 nJ   730 pJ\n" in out
    assert "forward                60   40.0%  60.0%     0.0%\n" in out  # (48 * 0.25 + 12) / 60


def test_ops_pattern_leaves_the_rest_out() -> None:
    out = ok("run", SMALL, "--ops", "fc.weight")
    assert out.startswith("step on small: 1 op of ")
    assert "\n3 ops: not selected by --ops (fc.forward, fc.fire, fc.update)\n" in out


def test_set_changes_the_run() -> None:
    assert "4 time steps, 100 MHz, steps = 4\n" in ok("run", SMALL, "--set", "steps=4")


def test_what_backpropagation_keeps() -> None:
    out = ok("run", *VGG5)
    kept = evaluate(*VGG5).to_dict()["totals"]["kept_bits"]
    assert f"BPTT      keeps {kept / 8 / 1024:,.0f} KiB from the forward to the backward pass\n" in out
    assert "\n\nKept from the forward to the backward pass\nkind " in out


@pytest.mark.parametrize("args", [(SMALL,), VGG5])
def test_no_line_is_wider_than_80(args: tuple[str, ...]) -> None:
    lines = ok("run", *args).splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() and line.isascii() for line in lines)


def test_json_is_the_result(tmp_path: Path) -> None:
    out = ok("run", SMALL, "--json", str(tmp_path / "r.json"))
    assert out.startswith("step on small")
    expected = evaluate(SMALL).to_dict()
    written = json.loads((tmp_path / "r.json").read_text())
    assert set(written) == set(expected)
    written["meta"].pop("command")
    expected["meta"].pop("command")
    assert written == expected
    assert list(tmp_path.iterdir()) == [tmp_path / "r.json"]


def test_csv_is_the_records(tmp_path: Path) -> None:
    ok("run", SMALL, "--csv", str(tmp_path / "r.csv"))
    text = (tmp_path / "r.csv").read_text()
    assert (
        text.splitlines()[0]
        == "op,layer,stage,component,class,tensor,kind,action,outcome,count,price_pj,energy_pj,part"
    )
    records = evaluate(SMALL).records
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [{k: str(v) for k, v in r.items()} for r in records] == rows


def test_dash_is_standard_output_alone() -> None:
    assert json.loads(ok("run", SMALL, "--json", "-"))["meta"]["workload"] == "step"
    assert ok("run", SMALL, "--csv", "-").startswith("op,layer,")


def test_same_input_same_bytes() -> None:
    assert ok("run", *VGG5) == ok("run", *VGG5)
    assert ok("run", SMALL, "--json", "-") == ok("run", SMALL, "--json", "-")
