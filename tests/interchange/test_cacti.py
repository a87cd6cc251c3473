"""CACTI's output as a table: both forms, DRAM, the command, and what is said of files that are none or broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sata.cli import main
from sata.costs.nodes import load_libraries
from sata.costs.prices import Prices
from sata.interchange.cacti import CactiMemory, cacti_table, read_cacti
from sata.specs.text.faults import Faults, SpecError, Where

TEXT = """\
Cache size                    : 147456
Block size                    : 1
Technology                    : 0.032
---------- CACTI (version 7.0.3DD Prerelease of Aug, 2012), Uniform Cache Access SRAM Model ----------

Cache Parameters:
    Total cache size (bytes): 147456
    Number of banks: 16
    Associativity: direct mapped
    Block size (bytes): 1
    Read/write Ports: 0
    Read ports: 1
    Write ports: 1
    Technology size (nm): 32

    Access time (ns): 0.935514
    Cycle time (ns):  0.362277
    Total dynamic read energy per access (nJ): 0.0065292
    Total dynamic write energy per access (nJ): 0.00589278
    Total leakage power of a bank (mW): 1.83923
    Cache height x width (mm): 0.5 x 1.047326

    Best Ndwl : 2

Power Components:

  Data array: Total dynamic read energy/access  (nJ): 0.0060
\tTotal leakage read/write power of a bank (mW): 1.7
"""
HEADER = (
    "Tech node (nm), Capacity (bytes), Number of banks, Associativity, Output width (bits), Access time (ns), "
    "Random cycle time (ns), Dynamic search energy (nJ), Dynamic read energy (nJ), Dynamic write energy (nJ), "
    "Standby leakage per bank(mW), Area (mm2), Ndwl\n"
)
ROW = "32, 32768, 16, 1, 8, 0.563493, 0.297886, N/A, 0.00274961, 0.00250566, 0.500408, 0.122022, 2\n"
DRAM = """\
    Total cache size (bytes): 536870912
    Number of banks: 16
    Block size (bytes): 4
    Technology size (nm): 32
    Activate Energy (nJ): 0.25
    Read Energy (nJ): 0.1
    Write Energy (nJ): 0.125
    Precharge Energy (nJ): 0.15
    Leakage Power Closed Page (mW): 2
    Leakage Power Open Page (mW): 3
    Leakage Power I/O (mW): 0.5
    Refresh power (mW): 0.25
    Cache height x width (mm): 4 x 5
"""


def read(text: str, folder: Path, name: str = "r.out") -> list[CactiMemory]:
    (folder / name).write_text(text)
    faults = Faults()
    found = read_cacti(str(folder / name), faults)
    faults.check()
    return found


def test_the_printed_form(tmp_path: Path) -> None:
    (found,) = read(TEXT, tmp_path)
    assert (found.size_bytes, found.banks, found.width_bits, found.technology_nm) == (147456, 16, 8, 32)
    assert (found.read_pj, found.write_pj) == (6.5292, 5.89278)
    assert (found.leakage_mw, found.area_mm2) == (pytest.approx(29.42768), pytest.approx(0.523663))
    assert found.source == "CACTI r.out line 7"


def test_gate_leakage_and_levels(tmp_path: Path) -> None:
    """CACTI-P prints the gate leakage apart and a level after each value; its own comma-separated form adds the two."""
    text = TEXT.replace("1.83923\n", "1.83923\n    Total gate leakage power of a bank (mW): 0.01\n")
    (found,) = read(text.replace("0.0065292", "0.0065292 (@DVS_Level0)"), tmp_path)
    assert found.read_pj == 6.5292
    assert found.leakage_mw == pytest.approx(16 * 1.84923)


def test_the_comma_separated_form(tmp_path: Path) -> None:
    small, large = read(HEADER + ROW + HEADER + ROW.replace("32768", "65536").replace(", 8,", ", 64,"), tmp_path)
    assert (small.size_bytes, small.banks, small.width_bits) == (32768, 16, 8)
    assert (small.read_pj, small.write_pj, small.area_mm2) == (2.74961, 2.50566, 0.122022)
    assert small.leakage_mw == pytest.approx(8.006528)
    assert large.width_bits == 64


def test_a_dram(tmp_path: Path) -> None:
    (found,) = read(DRAM, tmp_path)
    assert (found.read_pj, found.write_pj, found.width_bits) == (pytest.approx(500), pytest.approx(525), 32)
    assert (found.leakage_mw, found.area_mm2) == (2.75, 20)
    assert found.source.endswith("closed page")


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["import", "cacti", *args])


def test_the_command_writes_what_libraries_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The imported rows price as the shipped table does, which holds the same results."""
    monkeypatch.chdir(tmp_path)
    Path("w.cfg.out").write_text(TEXT)
    Path("s.csv").write_text(HEADER + ROW)
    result = run("w.cfg.out", "s.csv", "-o", "sram.csv")
    assert (result.exit_code, result.output) == (0, "")
    lines = Path("sram.csv").read_text().splitlines()
    assert lines[-3:] == [
        "size_B,banks,read_pj,write_pj,leakage_mw,area_mm2,source",
        '32768,16,2.74961,2.50566,8.006528,0.122022,"CACTI s.csv line 2"',
        '147456,16,6.5292,5.89278,29.42768,0.523663,"CACTI w.cfg.out line 7"',
    ]
    recipe = "".join(line.lstrip("# ") for line in lines if line.startswith("# ")).partition("- ")[2]
    Path("mine.yaml").write_text(f"library:\n  name: mine\n  components:\n  - {recipe.replace('THIS', 'sram')}\n")
    faults = Faults()
    mine, theirs = (Prices(load_libraries([(n, Where())], [], faults), 32) for n in ("mine.yaml", "sata_32nm"))
    faults.check()
    for size in ("32 KiB", "144 KiB"):
        one, two = (book.price("sram", {"size": size, "width": "16 b"}) for book in (mine, theirs))
        assert one.energy_pj == pytest.approx(two.energy_pj, rel=1e-12)
        assert (one.area_um2, one.leakage_mw) == (pytest.approx(two.area_um2), pytest.approx(two.leakage_mw))


def test_widths_that_differ_are_a_column(tmp_path: Path) -> None:
    text = cacti_table(read(HEADER + ROW + ROW.replace(", 8,", ", 64,"), tmp_path), ["r.out"])
    assert "size_B,banks,width_b,read_pj" in text
    assert "\n32768,16,64," in text


def test_a_width_given(tmp_path: Path) -> None:
    (tmp_path / "w.out").write_text(TEXT)
    result = run(str(tmp_path / "w.out"), "-o", "-", "--width", "64 b")
    assert "# An access moves 64 b." in result.output
    assert "'seven' is not a quantity" in run(str(tmp_path / "w.out"), "-o", "-", "--width", "seven").output


@pytest.mark.parametrize(("text", "expected"), [
    ("", "r.out: holds no result of CACTI; expected 'Total cache size (bytes): ...' or a first line 'Tech node (nm), ...'"),
    ("ERROR: no valid tag organizations found\n",
     "r.out: holds no result of CACTI; CACTI says: ERROR: no valid tag organizations found"),
    (TEXT[: TEXT.index("    Total leakage")],
     "r.out:7:1: the result has no line 'Total leakage power of a bank (mW): ...'; is the output cut short?\n"
     "r.out:7:1: the result has no line 'Cache height x width (mm): ...'; is the output cut short?"),
    (TEXT.replace("0.0065292", "-nan"),
     "r.out:18:1: 'Total dynamic read energy per access (nJ)': expected a number of at least 0, found '-nan'"),
    (TEXT.replace("0.0065292", "N/A"),
     "r.out:18:1: 'Total dynamic read energy per access (nJ)': expected a number of at least 0, found 'N/A'"),
    (TEXT.replace("0.5 x 1.047326", "0.5"),
     "r.out:21:1: 'Cache height x width (mm)': expected two numbers with ' x ' between them, found '0.5'"),
    (TEXT.replace("banks: 16", "banks: 0"), "r.out:8:1: 'Number of banks' is zero"),
    (TEXT.replace("banks: 16", "banks: 1.5"), "r.out:8:1: 'Number of banks': expected a whole number, found '1.5'"),
    (HEADER, "r.out: holds no result of CACTI; expected 'Total cache size (bytes): ...' or a first line 'Tech node (nm), ...'"),
    (HEADER + ROW[:40], "r.out:2:1: 7 cells under 13 columns; a run of CACTI that was cut short leaves half a line"),
    (HEADER + ROW.replace("0.00274961", "inf"),
     "r.out:2:1: 'Dynamic read energy (nJ)': expected a number of at least 0, found 'inf'"),
    (HEADER.replace("Area (mm2)", "Area (mm^2)") + ROW,
     "r.out:1:1: there is no column 'Area (mm2)'; did you mean 'Area (mm^2)'?"),
])  # fmt: skip
def test_broken_files(text: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("r.out").write_text(text)
    result = run("r.out", "-o", "table.csv")
    assert result.exit_code == 2
    assert result.stderr == expected + "\n"
    assert not Path("table.csv").exists()


def test_other_things_that_are_no_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("b.out").write_bytes(b"line\n\xff\xfe")
    Path("a.out").write_text(TEXT)
    Path("n.out").write_text(TEXT.replace("(nm): 32", "(nm): 22").replace("147456", "8192"))
    assert run("b.out", "-o", "t.csv").stderr == "b.out:2:1: not UTF-8 text\n"
    assert run("gone.out", "-o", "t.csv").stderr == "gone.out: cannot be opened: no such file or directory\n"
    assert run("a.out", "a.out", "-o", "t.csv").stderr == (
        "a.out:7:1: 147456 B in 16 banks are given twice; also in a.out line 7\n"
    )
    assert run("a.out", "n.out", "-o", "t.csv").stderr == (
        "n.out:7:1: is for 22 nm, the first result for 32 nm; import each technology into a table of its own\n"
    )
    assert run("a.out", "-o", "a.out").stderr == "a.out: is an input of this run; -o would overwrite it\n"
    assert not Path("t.csv").exists()


def test_no_results_are_a_fault_of_the_caller_only(tmp_path: Path) -> None:
    with pytest.raises(SpecError):
        read("nothing\n", tmp_path)
