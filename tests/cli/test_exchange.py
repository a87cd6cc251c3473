"""`sata import` and `sata export`: what they print and write, and how they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.test_commands import fails
from tests.cli.test_run import invoke, ok


@pytest.mark.parametrize(("args", "example"), [
    (("import",), "sata import cacti sram_32KiB.out sram_64KiB.out -o sram.csv"),
    (("import", "cacti"), "sata import cacti w_sram.cfg.out s_sram.cfg.out -o sram.csv"),
    (("export",), "sata export accelergy arch/sata.yaml --ert ERT.yaml --art ART.yaml"),
    (("export", "accelergy"), "sata export accelergy arch/sata.yaml --ert ERT.yaml --art ART.yaml"),
])  # fmt: skip
def test_help(args: tuple[str, ...], example: str) -> None:
    assert example in ok(*args, "--help")
    assert args[0] in ok("--help")


def test_export_and_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert ok("export", "accelergy", "arch/sata.yaml", "--ert", "E.yaml", "--art", "A.yaml") == ""
    arch = {"arch": {"name": "again", "clock": "400 MHz", "libraries": ["E.yaml", "A.yaml"], "nodes": [
        {"memory": "DRAM", "class": "DRAM"}, {"compute": "PE", "class": "PE"}]}}  # fmt: skip
    Path("again.yaml").write_text(yaml.safe_dump(arch))
    out = ok("price", "again.yaml", "--json", "-")
    assert '"value": 0.69475' in out.replace("energy_pj", "value")
    assert "E: PE, 0.69475 pJ" in out


def test_export_to_standard_output() -> None:
    assert ok("export", "accelergy", "sata", "--art", "-").startswith(
        "ART:\n  version: '0.4'\n  tables:\n  - name: sata.DRAM\n"
    )
    relative = ok("export", "accelergy", "sata", "--ert", "-", "--set", "library=relative")
    assert "energy: 1600.0" in relative


def test_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert invoke("export", "accelergy", "sata").stderr.endswith("Error: give --ert FILE, --art FILE or both\n")
    assert fails("export", "accelergy", "sata", "--ert", "x", "--art", "x") == [
        "--ert and --art have the same target; give each a file of its own"
    ]
    assert fails("export", "accelergy", "sataa", "--ert", "x")[0].startswith("sataa: no such file")
    assert "no command" in invoke("import", "cactii").stderr or "No such command" in invoke("import", "cactii").stderr
    assert list(tmp_path.iterdir()) == []
