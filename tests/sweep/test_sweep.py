"""Sweeps: every row is what a run of its point gives, failures are rows, and the Pareto set is that of all pairs."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import sata
from sata.cli import main
from sata.report.points import read_points
from sata.search.run.setup import setup_of
from sata.search.run.workload import map_workload
from sata.sweep.spec import MOST, read_sweep
from sata.sweep.table import front
from tests.sweep.made import write


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["sweep", *arguments])


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def swept(folder: Path, *more: str, **sweep: Any) -> list[dict[str, str]]:
    ran = run(str(write(folder, **sweep)), "-o", str(folder / "t.csv"), "--workers", "1", *more)
    assert ran.exit_code == 0, ran.output
    return rows_of(folder / "t.csv")


def test_rows_are_runs(tmp_path: Path) -> None:
    """Grid times list, fixed variables, a given mapping; sums by stage and component."""
    rows = swept(
        tmp_path, mapping="mapping.yaml", set={"lanes": 4}, grid={"glb": [64, 128], "spike_density": [0.1, 0.5]},
        list=[{"dram_pj": 10}, {"dram_pj": 200, "k": 16}], by=["stage", "component"],
    )  # fmt: skip
    assert len(rows) == 8
    assert [(r["dram_pj"], r["k"], r["glb"], r["spike_density"]) for r in rows][:5] == [
        ("10", "", "64", "0.1"), ("10", "", "64", "0.5"), ("10", "", "128", "0.1"), ("10", "", "128", "0.5"), ("200", "16", "64", "0.1"),
    ]  # fmt: skip
    study, mapping = str(tmp_path / "study.yaml"), str(tmp_path / "mapping.yaml")
    for row in rows:
        given = {
            n: float(row[n]) if "." in row[n] else int(row[n])
            for n in ("dram_pj", "k", "glb", "spike_density")
            if row[n]
        }
        result = sata.evaluate(study, None, mapping, lanes=4, **given)
        assert float(row["energy_pj"]) == result.energy_pj()
        assert float(row["cycles"]) == result.cycles
        assert float(row["seconds"]) == result.seconds
        assert float(row["edp"]) == result.energy_pj() * result.cycles
        assert float(row["area_um2"]) == result.area_um2
        assert float(row["leakage_mw"]) == result.leakage_mw
        leaked = result.energy_pj(by=("action",))["leak",]
        assert float(row["leakage_pj"]) == leaked > 0
        assert float(row["stage.forward.energy_pj"]) == result.energy_pj()
        assert float(row["stage.forward.cycles"]) == result.cycles
        assert float(row["component.DRAM.energy_pj"]) == result.energy_pj(by=("component",))["DRAM",]
        assert row["status"] == "ok"
        assert "why" not in row


def test_points_are_mapped(tmp_path: Path) -> None:
    rows = swept(tmp_path, grid={"glb": [64, 16]}, map={"objective": "cycles"})
    study = str(tmp_path / "study.yaml")
    for row in rows:
        found = map_workload(setup_of(study, None, {"glb": int(row["glb"])}), "cycles", workers=1)["fc.forward"]
        assert (float(row["cycles"]), float(row["energy_pj"])) == (found.points[0].cycles, found.points[0].energy_pj)
        assert (row["proven"], float(row["gap"])) == ("1", 0.0)


def test_constraints_and_ragged_reach_the_search(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("constraints:\n- {ops: '*', spatial: {PEs: {x: [c]}}}\n")
    free = swept(tmp_path, grid={"k": [5]}, set={"steps": 1}, map={"objective": "cycles"})
    bound = swept(tmp_path, grid={"k": [5]}, set={"steps": 1}, map={"objective": "cycles", "constraints": "c.yaml"})
    ragged = swept(tmp_path, grid={"k": [5]}, set={"steps": 1}, map={"objective": "cycles", "ragged": True})
    assert float(bound[0]["cycles"]) >= float(free[0]["cycles"]) >= float(ragged[0]["cycles"])
    assert float(ragged[0]["cycles"]) < float(bound[0]["cycles"])


def test_files_are_varied(tmp_path: Path) -> None:
    write(tmp_path)
    other = (
        (tmp_path / "study.yaml")
        .read_text()
        .replace("pe, energy: {accumulate: 0.1 pJ}", "pe, energy: {accumulate: 5 pJ}")
    )
    (tmp_path / "other.yaml").write_text(other)
    (tmp_path / "sweep.yaml").write_text("sweep: {mapping: mapping.yaml, grid: {arch: [study.yaml, other.yaml]}}\n")
    assert run(str(tmp_path / "sweep.yaml"), "-o", str(tmp_path / "t.csv")).exit_code == 0
    rows = rows_of(tmp_path / "t.csv")
    assert [r["arch"] for r in rows] == ["study.yaml", "other.yaml"]
    assert float(rows[0]["energy_pj"]) < float(rows[1]["energy_pj"])


def test_what_fails_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too small a buffer, a size that is none; the others go on, and pictures leave them out."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, mapping="mapping.yaml", grid={"glb": [64, 1, -1], "spike_density": [0.1, 0.3]})
    ran = run(
        "sweep.yaml",
        "-o", str(tmp_path / "t.csv"),
    )  # fmt: skip
    assert ran.exit_code == 0
    rows = rows_of(tmp_path / "t.csv")
    assert [r["status"] for r in rows] == ["ok", "ok", "failed", "failed", "failed", "failed"]
    assert all(r["energy_pj"] == "" for r in rows[2:])
    assert "GLB" in rows[2]["why"]
    assert "'-1 B' is negative" in rows[4]["why"]
    assert "6 points, 4 failed" in ran.output
    assert "glb 1, spike_density 0.1 (and 1 more): " in ran.output
    assert len(read_points(str(tmp_path / "t.csv")).points) == 2


def test_if_all_fail_it_is_said(tmp_path: Path) -> None:
    ran = run(str(write(tmp_path, mapping="mapping.yaml", grid={"glb": [1]})), "-o", str(tmp_path / "t.csv"))
    assert ran.exit_code == 1
    assert rows_of(tmp_path / "t.csv")[0]["status"] == "failed"


def test_workers_change_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, mapping="mapping.yaml", grid={"glb": [64, 1, 128], "lanes": [4, 8]})
    tables = []
    for workers in ("1", "3"):
        assert run(str(path), "--workers", workers, "-o", str(tmp_path / f"{workers}.csv")).exit_code == 0
        tables.append((tmp_path / f"{workers}.csv").read_bytes())
    assert tables[0] == tables[1]


def test_names_of_columns_that_are_variables_too(tmp_path: Path) -> None:
    row = swept(tmp_path, mapping="mapping.yaml", grid={"cycles": [1, 2]})[0]
    assert row["set.cycles"] == "1"
    assert float(row["cycles"]) > 2


def test_variables_of_the_sweep_itself(tmp_path: Path) -> None:
    path = write(tmp_path, mapping="mapping.yaml", grid={"glb": ["{{ base }}", "{{ 2 * base }}"]})
    path.write_text(path.read_text() + "variables: {base: 64}\n")
    assert [p.variables["glb"] for p in read_sweep(str(path)).points] == [64, 128]
    ran = run(str(path), "--set", "base=128", "-o", "-")
    assert [r["glb"] for r in csv.DictReader(ran.output.splitlines())] == ["128", "256"]


@pytest.mark.parametrize("columns", [("a",), ("a", "b"), ("a", "b", "c")])
def test_the_pareto_set_against_all_pairs(columns: tuple[str, ...]) -> None:
    generator = random.Random(len(columns))
    for _ in range(200):
        rows: list[dict[str, Any]] = [
            {c: generator.choice([*range(5), None]) for c in columns} for _ in range(generator.randrange(12))
        ]
        whole = [n for n, r in enumerate(rows) if None not in r.values()]
        expected = [
            n for n in whole
            if not any(all(rows[m][c] <= rows[n][c] for c in columns) and any(rows[m][c] < rows[n][c] for c in columns) for m in whole)
            and not any(rows[m] == rows[n] for m in whole if m < n)
        ]  # fmt: skip
        assert front(rows, columns) == expected


def test_the_pareto_set_is_marked_and_written(tmp_path: Path) -> None:
    path = write(
        tmp_path, mapping="mapping.yaml", grid={"lanes": [4, 8], "dram_pj": [1, 50]}, pareto=["energy_pj", "area_um2"]
    )
    ran = run(str(path), "-o", str(tmp_path / "t.csv"), "--pareto", str(tmp_path / "best.json"))
    assert ran.exit_code == 0, ran.output
    rows = rows_of(tmp_path / "t.csv")
    best = json.loads((tmp_path / "best.json").read_text())
    assert (
        [r["label"] for r in rows if r["pareto"] == "1"]
        == [p["label"] for p in best["points"]]
        == ["lanes 4, dram_pj 1"]
    )


def test_json_and_pictures(tmp_path: Path) -> None:
    """Both formats draw the same points; lines of the sparsity picture are told apart by what was varied alone."""
    path = write(
        tmp_path, mapping="mapping.yaml", by=["stage", "op"],
        grid={"spike_density": [0.1, 0.3, 0.5], "dram_pj": [1, 100], "glb": [64, 1]},
    )  # fmt: skip
    for form in ("csv", "json"):
        assert run(str(path), "-o", str(tmp_path / f"t.{form}")).exit_code == 0
        for kind in ("pareto", "sparsity"):
            picture = str(tmp_path / f"{kind}.{form}.svg")
            ran = CliRunner().invoke(main, ["plot", kind, str(tmp_path / f"t.{form}"), "-o", picture])
            assert ran.exit_code == 0, ran.output
            text = Path(picture).read_text()
            assert text.startswith("<?xml")
            if kind == "sparsity":
                assert "dram_pj 100: spike_density 0.3" in text
    one, other = (read_points(str(tmp_path / f"t.{form}")) for form in ("csv", "json"))
    assert [p["energy_pj"] for p in one.points] == [p["energy_pj"] for p in other.points]
    assert one.pareto == other.pareto
    assert len(json.loads((tmp_path / "t.json").read_text())["failed"]) == 6


def test_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = write(tmp_path, mapping="mapping.yaml", grid={"glb": [64, 1, "128"], "spike_density": [0.1, 1]})
    for form in ("csv", "parquet"):
        assert run(str(path), "-o", str(tmp_path / f"t.{form}")).exit_code == 0
    found = parquet.read_table(tmp_path / "t.parquet").to_pylist()
    rows = rows_of(tmp_path / "t.csv")
    assert [str(r["energy_pj"] or "") for r in found] == [r["energy_pj"] for r in rows]
    assert [r["glb"] for r in found] == [r["glb"] for r in rows], "numbers and text together are text"
    assert [r["spike_density"] for r in found] == [0.1, 1.0] * 3
    assert read_points(str(tmp_path / "t.parquet")) is not None
    (tmp_path / "bad.parquet").write_text("no")
    ran = CliRunner().invoke(main, ["plot", "pareto", str(tmp_path / "bad.parquet"), "-o", str(tmp_path / "x.svg")])
    assert ran.exit_code == 2
    assert ran.output.startswith(f"{tmp_path}/bad.parquet: cannot be read: ")


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    ran = run(str(write(tmp_path)), "-o", "t.parquet")
    assert (ran.exit_code, ran.output) == (
        2, "t.parquet: Parquet needs pyarrow, which is not installed; pip install 'sata[parquet]', or write a .csv\n",
    )  # fmt: skip


BAD: Mapping[str, tuple[str, list[str]]] = {
    "unknown variable": (
        "sweep:\n  arch: study.yaml\n  grid: {gbl: [1]}\n",
        ["s.yaml:3:10: sweep.grid.gbl: no file declares the variable 'gbl'; did you mean 'glb'? (declared: glb, lanes, dram_pj, spike_density, k, steps, cycles)"],
    ),
    "unknown variable in a list": (
        "sweep:\n  arch: study.yaml\n  list:\n  - {glb: 1}\n  - {glb: 1, worlkoad: x}\n",
        ["s.yaml:5:14: sweep.list[1].worlkoad: no file declares the variable 'worlkoad'; did you mean 'workload'? (declared: glb, lanes, dram_pj, spike_density, k, steps, cycles)"],
    ),
    "no file": (
        "sweep:\n  arch: studdy.yaml\n",
        ["s.yaml:2:9: sweep.arch: no such file 'studdy.yaml'; did you mean 'study.yaml'?"],
    ),
    "no file in a grid": (
        "sweep:\n  grid: {arch: [study.yaml, studdy.yaml]}\n",
        ["s.yaml:2:29: sweep.grid.arch[1]: no such file 'studdy.yaml'; did you mean 'study.yaml'?"],
    ),
    "no arch": ("sweep:\n  grid: {glb: [1]}\n", ["s.yaml:2:3: sweep: missing key 'arch' (the file of the architecture)"]),
    "twice": (
        "sweep:\n  arch: study.yaml\n  set: {glb: 1}\n  grid: {glb: [1], arch: [study.yaml]}\n",
        ["s.yaml:4:10: sweep.grid.glb: 'glb' is said twice: here and in 'set'",
         "s.yaml:4:20: sweep.grid.arch: 'arch' is said twice: here and as 'arch:' of the sweep"],
    ),
    "twice in a list": (
        "sweep:\n  arch: study.yaml\n  grid: {glb: [1]}\n  list: [{glb: 2}]\n",
        ["s.yaml:4:11: sweep.list[0].glb: 'glb' is said twice: here and in 'grid'"],
    ),
    "a file in set": (
        "sweep:\n  set: {arch: study.yaml}\n",
        ["s.yaml:2:9: sweep.set.arch: 'arch' is not a variable; say 'arch:' beside 'set'"],
    ),
    "both": (
        "sweep:\n  arch: study.yaml\n  mapping: mapping.yaml\n  map: {}\n",
        ["s.yaml:4:3: sweep.map: a point is given a mapping or is mapped, not both; leave out 'map' or 'mapping'"],
    ),
    "too many": (
        f"sweep:\n  arch: study.yaml\n  grid: {{glb: {list(range(400))}, k: {list(range(300))}}}\n",
        ["s.yaml:2:3: sweep: 120,000 points; a sweep may have at most 100,000"],
    ),
    "key": ("sweep:\n  arhc: x\n", ["s.yaml:2:3: sweep.arhc: unknown key 'arhc', expected one of: name, arch, workload, mapping, ops, set, grid, list, map, by, pareto; did you mean 'arch'?"]),
    "values": (
        "sweep:\n  arch: study.yaml\n  grid: {glb: 3}\n",
        ["s.yaml:3:15: sweep.grid.glb: expected a list, found the number 3; the values it takes"],
    ),
    "objective": (
        "sweep:\n  arch: study.yaml\n  map: {objective: enrgy, budget: 60}\n",
        ["s.yaml:3:20: sweep.map.objective: expected one of energy, cycles, edp, found 'enrgy'; did you mean 'energy'?",
         "s.yaml:3:35: sweep.map.budget: 60 has no unit; expected a time in ps, ns, us, ms, s, such as '10 ns'"],
    ),
    "no sweep": ("swep: {}\n", ["s.yaml:1:1: swep: unknown top key 'swep', expected one of: sweep, variables, include; did you mean 'sweep'?"]),
    "outside": (
        "sweep: {arch: ../../../etc/x.yaml}\n",
        ["s.yaml:1:15: sweep.arch: '../../../etc/x.yaml' lies outside the folder of the file that names it, the current folder and the shipped ones"],
    ),
    "a broken file": (
        "sweep: {arch: broken.yaml}\n",
        ["broken.yaml:2:1: not valid YAML: did not find expected node content"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_faults_have_their_place(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    text, lines = BAD[name]
    Path("s.yaml").write_text(text)
    Path("broken.yaml").write_text("arch: [\n")
    for command in (["sweep", "s.yaml", "-o", "t.csv"], ["check", "s.yaml"]):
        ran = CliRunner().invoke(main, command)
        if name == "no sweep" and command[0] == "check":
            continue
        assert ran.exit_code == 2
        assert ran.output.splitlines() == lines
    assert not Path("t.csv").exists()


def test_bad_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    for name, said in {
        "t.txt": "t.txt: the name must end in .csv, .json or .parquet",
        "no/x.csv": f"no/x.csv: cannot be written for -o: there is no folder '{tmp_path}/no'",
    }.items():
        assert run("sweep.yaml", "-o", name).output.splitlines() == [said]
    assert run("sweep.yaml", "--set", "gbl=1").output.startswith("sweep.yaml:1:1: the sweep declares no variable 'gbl'")


def test_the_most_points() -> None:
    assert MOST == 100_000


def test_the_shipped_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From any folder, by its short name; without a mapping the shipped one is taken."""
    monkeypatch.chdir(tmp_path)
    assert len(read_sweep("gates").points) == 16
    text = "sweep: {arch: arch/sata.yaml, workload: workloads/nmnist_small.yaml, grid: {gate_spike: [0, 1]}}\n"
    Path("s.yaml").write_text(text)
    assert run("s.yaml", "-o", "t.csv").exit_code == 0
    for row, gate in zip(rows_of(Path("t.csv")), (0, 1), strict=True):
        result = sata.evaluate("arch/sata.yaml", "workloads/nmnist_small.yaml", gate_spike=gate)
        assert float(row["energy_pj"]) == result.energy_pj()
