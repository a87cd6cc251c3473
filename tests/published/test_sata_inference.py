"""The inference figures of SATA's authors, 28 nm, from their recorded counts and components/sata_28nm_inference.yaml.

Source: recorded runs of SATA_Sim inference-energy-cal (tests/data/sata/inference_runs.yaml says how they were copied), which
are those of ICASSP 2024 (arXiv 2309.03388). Tolerance: 0.5 % for each part and each total. It is needed for the roundings of
the recorded powers only: the leakage of a LIF unit is recorded as 84 nW, its parts have 83.5 nW. Measured: 0.03 % at most.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from sata.cli import main
from sata.costs.given import GivenResult, price_given

HERE = Path(__file__).resolve().parent
RUNS: dict[str, Any] = yaml.safe_load((HERE.parent / "data/sata/inference_runs.yaml").read_text(encoding="utf-8"))[
    "runs"
]
TOLERANCE = 0.005
UNITS = {"spike-mac": "PE", "mac": "PE", "lif": "LIF", "relu": "LIF", "spad": "spads"}


@pytest.fixture(scope="module")
def priced() -> GivenResult:
    return price_given(str(HERE / "sata_inference.yaml"))


def test_all_recorded_runs_are_priced(priced: GivenResult) -> None:
    assert {run for (run,) in priced.energy_pj(by=("run",))} == set(RUNS)
    assert len(RUNS) == 24


@pytest.mark.parametrize("run", RUNS)
def test_every_part_of_every_run(priced: GivenResult, run: str) -> None:
    groups = {g: e / 1000 for (r, g), e in priced.energy_pj(by=("run", "group")).items() if r == run}
    recorded = {UNITS[unit]: nj for unit, nj in RUNS[run]["compute"].items()}
    for level in ("SRAM", "DRAM"):
        recorded |= {f"{level}_{data}": nj for data, nj in RUNS[run][level.lower()].items()}
    assert groups == pytest.approx(recorded, rel=TOLERANCE)
    assert sum(groups.values()) == pytest.approx(RUNS[run]["total"], rel=TOLERANCE)


def test_worst_error(priced: GivenResult) -> None:
    totals = priced.energy_pj(by=("run",))
    assert max(abs(totals[(run,)] / 1000 / RUNS[run]["total"] - 1) for run in RUNS) < 0.0003


def test_the_counts_are_the_recorded_ones() -> None:
    """The file that is priced and the data have the same numbers, and most of these owe nothing to energies."""
    text = yaml.safe_load((HERE / "sata_inference.yaml").read_text(encoding="utf-8"))
    assert text["counts"]["runs"] == {run: item["counts"] for run, item in RUNS.items()}
    assert sum(item["from_energy"] for item in RUNS.values()) == 4


def test_the_command_line_says_the_same(priced: GivenResult) -> None:
    done = CliRunner().invoke(main, ["price", "--counts", str(HERE / "sata_inference.yaml"), "--json", "-"])
    assert done.exit_code == 0
    records = json.loads(done.stdout)["records"]
    assert math.fsum(r["energy_pj"] for r in records) == pytest.approx(math.fsum(r.energy_pj for r in priced.records))
