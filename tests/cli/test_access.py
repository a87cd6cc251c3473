"""What a run may read, run and overwrite: one rule for every file that a file names, and for every output."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import sata
from sata.specs.text.faults import SpecError
from tests.cli.test_commands import fails
from tests.cli.test_run import SMALL, invoke, ok

TEXT = Path(SMALL).read_text(encoding="utf-8")
TABLE = "size_B,read_pj,write_pj,area_um2,leakage_mw,source\n16,1,1,100,0,me\n"
PE = "    energy: {accumulate: 1 pJ, gated_accumulate: 0.5 pJ, fire: 3 pJ, update: 2 pJ}\n    area: 50 um2\n    leakage: 0 mW\n"
SPAD = "    attributes: {size: 16 B}\n    energy: {read: 1 pJ, write: 1 pJ}\n    area: 100 um2\n    leakage: 0 mW\n"
DENSITY = "S: {kind: spike, density: 0.25}, X"
OUTSIDE = "lies outside the folder of the file that names it, the current folder and the shipped ones"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def write(name: str = "s.yaml", **changes: str) -> str:
    """The study with what is changed: pe (its estimator), table, trace, libraries."""
    text = TEXT
    if "pe" in changes:
        assert PE in text
        text = text.replace(PE, f'    estimator: "{changes["pe"]}"\n')
    if "table" in changes:
        assert SPAD in text
        text = text.replace(SPAD, f"    table: {changes['table']}\n")
    if "trace" in changes:
        text = text.replace(DENSITY, f"S: {{kind: spike, density: {{model: trace, file: {changes['trace']}}}}}, X")
    if "libraries" in changes:
        text = text.replace("libraries: [book]", f"libraries: [{changes['libraries']}]").partition("library:")[0]
        text += "\n"
    Path(name).write_text(text, encoding="utf-8")
    return name


def library() -> str:
    return "library:" + TEXT.partition("\nlibrary:")[2]


def trace(name: str) -> None:
    Path(name).parent.mkdir(exist_ok=True, parents=True)
    np.savez(name, s=np.ones((2, 4), bool))


# --- code ---------------------------------------------------------------------------------------------------------

EVIL = """from pathlib import Path
Path("MARK").write_text("x")
from sata.plugins import Estimate
def f() -> Estimate:
    return Estimate({"accumulate": 1.0, "gated_accumulate": 0.5, "fire": 3.0, "update": 2.0}, 50.0, 0.0)
"""


def program(*args: str, module: str = "sata", **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-m", module, *args], capture_output=True, text=True, env=env, check=False)


@pytest.mark.parametrize("module", ["sata", "sata.cli"])
def test_check_runs_no_code(module: str) -> None:
    Path("evil.py").write_text(EVIL)
    write(pe="evil:f")
    done = program("check", "s.yaml", module=module, PYTHONPATH=".")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1 file, no faults; it runs, but for the prices of pe: check runs no plug-in\n"
    assert not Path("MARK").exists()


def test_code_of_a_file_runs_when_it_is_allowed_only() -> None:
    Path("evil.py").write_text(EVIL)
    write(pe="evil:f")
    for command in (["run", "s.yaml"], ["price", "s.yaml"], ["map", "s.yaml"], ["show", "s.yaml"]):
        done = program(*command, PYTHONPATH=".")
        assert done.returncode == 2, command
        assert "prices it by code, evil:f, which runs only with --allow-plugins" in done.stderr
        assert not Path("MARK").exists()
    done = program("run", "s.yaml", "--allow-plugins", PYTHONPATH=".")
    assert (done.returncode, done.stderr) == (0, "")
    assert Path("MARK").exists()
    assert done.stdout == ok("run", SMALL)


def test_python_allows_code_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("evil_of_python.py").write_text(EVIL)
    monkeypatch.syspath_prepend(".")
    write(pe="evil_of_python:f")
    with pytest.raises(SpecError, match="only with --allow-plugins"):
        sata.evaluate("s.yaml")
    with sata.allow(plugins=True):
        assert sata.evaluate("s.yaml").energy_pj() == sata.evaluate(SMALL).energy_pj()
    with pytest.raises(SpecError, match="only with --allow-plugins"):  # nor from what was kept meanwhile
        sata.evaluate("s.yaml")


@pytest.mark.parametrize("module", ["sata", "sata.cli"])
def test_nothing_is_imported_from_the_current_folder(module: str) -> None:
    for name in ("yaml", "click", "numpy", "jinja2", "rich", "jsonschema", "json", "hashlib"):
        Path(f"{name}.py").write_text('open("MARK", "w")')
    write()
    done = program("run", "s.yaml", module=module)
    assert (done.returncode, done.stderr) == (0, "")
    assert not Path("MARK").exists()


def test_a_plugin_beside_the_study_is_not_found_unless_the_path_says_so() -> None:
    Path("evil.py").write_text(EVIL)
    write(pe="evil:f")
    done = program("run", "s.yaml", "--allow-plugins")
    assert done.returncode == 2
    assert "there is no module 'evil'" in done.stderr
    assert "PYTHONPATH" in done.stderr
    assert not Path("MARK").exists()


# --- files that files name ----------------------------------------------------------------------------------------


def secret(folder: str) -> None:
    """The same names in a folder beside the current one."""
    Path(folder).mkdir(exist_ok=True)
    Path(folder, "t.csv").write_text(TABLE)
    Path(folder, "lib.yaml").write_text(library())
    Path(folder, "part.yaml").write_text("workload: {name: x}\n")
    Path(folder, "tpl.yaml").write_text("template: {about: x}\n---\n")
    trace(f"{folder}/s.npz")


NAMING: dict[str, tuple[str, Callable[[str], str]]] = {
    "table": ("t.csv", lambda name: write(table=name)),
    "library": ("lib.yaml", lambda name: write(libraries=name)),
    "trace": ("s.npz", lambda name: write(trace=name)),
    "include": ("part.yaml", lambda name: _text(f"include: {name}\n" + TEXT)),
    "template": ("tpl.yaml", lambda name: _text(f"workload: {{name: n, template: {name}, layers: [{{name: a, linear: "
                                               "{input: 4, out: 4}}], bits: {weight: 8}}\n")),
    "sweep": ("lib.yaml", lambda name: _text(f"sweep: {{arch: {name}}}\n")),
    "constraints": ("lib.yaml", lambda name: _text(f"sweep: {{arch: s2.yaml, map: {{constraints: {name}}}}}\n")),
}  # fmt: skip


def _text(text: str) -> str:
    Path("s.yaml").write_text(text)
    Path("s2.yaml").write_text(TEXT)
    return "s.yaml"


def command(kind: str) -> list[str]:
    return [{"sweep": "sweep", "constraints": "sweep", "template": "ops"}.get(kind, "run"), "s.yaml"]


@pytest.mark.parametrize("kind", NAMING)
@pytest.mark.parametrize("way", ["up", "absolute", "link", "folder link", "device"])
def test_a_file_names_files_of_its_folder_only(kind: str, way: str) -> None:
    name, written = NAMING[kind]
    secret("../secret")
    if way == "link":
        Path(name).symlink_to(f"../secret/{name}")
    if way == "folder link":
        Path("in").symlink_to("../secret")
    named = {"up": f"../secret/{name}", "absolute": str(Path("../secret", name).resolve()), "link": name,
             "folder link": f"in/{name}", "device": "/dev/stdin"}[way]  # fmt: skip
    written(named)
    (line, *_) = fails(*command(kind))
    if (kind, way) == ("template", "device"):
        assert "there is no template '/dev/stdin'" in line, line
    elif way in ("absolute", "device"):
        assert "must be a relative file name" in line, line
    else:
        assert "lies outside" in line, line
    assert line.startswith("s.yaml:"), line


@pytest.mark.parametrize("kind", ["table", "library", "trace", "include"])
def test_files_of_its_folder_are_read(kind: str) -> None:
    secret("sub")
    name, written = NAMING[kind]
    written(f"sub/{name}")
    ok(*command(kind))


def test_an_architecture_cannot_lead_to_another_mapping() -> None:
    Path("mappings").mkdir()
    Path("../away.yaml").write_text("mapping: [{ops: '*', omit: x}]")
    text = TEXT.replace("name: small", "name: ../../away")
    Path("s.yaml").write_text(text.partition("\nmapping:")[0] + "\nlibrary:" + text.partition("\nlibrary:")[2])
    assert "no mapping given" in fails("run", "s.yaml")[0]


def test_recordings_may_lie_in_a_folder_that_is_named() -> None:
    trace("../recordings/s.npz")
    write(trace="s.npz")
    assert "no such file 's.npz'" in fails("run", "s.yaml")[0]
    with_it = ok("run", "s.yaml", "--data", "../recordings")
    trace("s.npz")
    assert ok("run", "s.yaml") == with_it
    Path("s.npz").unlink()
    with sata.allow(data="../recordings"):
        assert sata.evaluate("s.yaml").records
    ok("check", "s.yaml", "--data", "../recordings")
    ok("map", "s.yaml", "--data", "../recordings", "--ops", "fc.weight", "--no-cache", "--workers", "1")
    Path("sweep.yaml").write_text("sweep: {arch: s.yaml, grid: {steps: [2]}}")
    assert "1 point, 0 failed" in ok("sweep", "sweep.yaml", "--data", "../recordings", "--no-cache")
    assert fails("run", "s.yaml", "--data", "gone") == ["gone: no such folder; --data takes a folder of recordings"]
    write(table="../recordings/t.csv")
    assert OUTSIDE in fails("run", "s.yaml", "--data", "../recordings")[0]


# --- files that were read are not written -------------------------------------------------------------------------


def alias(way: str, path: str) -> str:
    """Another name of the file."""
    if way == "itself":
        return path
    if way == "absolute":
        return str(Path(path).resolve())
    Path("sub").mkdir(exist_ok=True)
    if way == "dots":
        return f"sub/../{path}"
    name = f"other-{way.replace(' ', '-')}" + Path(path).suffix
    if way == "link":
        Path(name).symlink_to(path)
    else:
        os.link(path, name)
    return name


WAYS = ("itself", "absolute", "dots", "link", "hard link")
READ = {"argument": "s.yaml", "include": "part.yaml", "table": "t.csv", "library": "lib.yaml", "trace": "s.npz"}


def study(read: str) -> str:
    """A study that reads such a file; its name."""
    secret(".")
    Path("part.yaml").write_text(TEXT)
    if read == "include":
        return _text("include: part.yaml\n")
    return {"argument": write, "table": lambda: write(table="t.csv"), "library": lambda: write(libraries="lib.yaml"),
            "trace": lambda: write(trace="s.npz")}[read]()  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("read", READ)
def test_no_file_that_was_read_is_overwritten(read: str, way: str) -> None:
    source = study(read)
    target = alias(way, READ[read])
    before = Path(target).read_bytes()
    for args in (["run", source, "--json"], ["run", source, "--csv"], ["run", source, "--html"]):
        assert fails(*args, target)[0].startswith(f"{target}: is an input of this run"), args
        assert Path(target).read_bytes() == before


OUTPUTS = {
    "map": (["map", "s.yaml", "--ops", "fc.weight", "--no-cache", "--workers", "1", "-o"], "t.csv"),
    "map --json": (["map", "s.yaml", "--ops", "fc.weight", "--no-cache", "--workers", "1", "--json"], "t.csv"),
    "map --space": (["map", "s.yaml", "--space", "--json"], "t.csv"),
    "show": (["show", "s.yaml", "--ops", "fc.weight", "--svg"], "t.csv"),
    "price": (["price", "s.yaml", "--json"], "t.csv"),
    "components": (["components", "lib.yaml", "--json"], "lib.yaml"),
    "export": (["export", "accelergy", "s.yaml", "--ert"], "t.csv"),
    "sweep": (["sweep", "sweep.yaml", "--no-cache", "--workers", "1", "-o"], "t.csv"),
    "sweep --pareto": (["sweep", "sweep.yaml", "--no-cache", "--workers", "1", "--pareto"], "t.csv"),
    "compare": (["compare", "r.json", "r.json", "--json"], "r.json"),
    "plot": (["plot", "energy", "r.svg", "-o"], "r.svg"),
    "density": (["density", "s.npz", "--json"], "s.npz"),
    "merge": (["merge", "p.json", "-o"], "p.json"),
    "merge --json": (["merge", "p.json", "--json"], "p.json"),
    "templates": (["templates", "tpl.yaml", "--json"], "tpl.yaml"),
    "import": (["import", "cacti", "c.out", "-o"], "c.out"),
}  # fmt: skip


@pytest.mark.parametrize("way", ["itself", "link", "hard link"])
@pytest.mark.parametrize("name", OUTPUTS)
def test_every_output_of_every_command_spares_what_was_read(name: str, way: str) -> None:
    args, path = OUTPUTS[name]
    secret(".")
    write(table="t.csv")
    Path("sweep.yaml").write_text("sweep: {arch: s.yaml, grid: {steps: [2]}}")
    if path in ("r.json", "r.svg"):
        ok("run", "s.yaml", "--json", path)
    if path == "p.json":
        ok("map", "s.yaml", "--ops", "fc.weight", "--no-cache", "--workers", "1", "--shard", "1/1", "-o", path)
    if path == "c.out":
        Path(path).write_text("no CACTI")
    target = alias(way, path)
    before = Path(target).read_bytes()
    assert fails(*args, target)[0].startswith(f"{target}: is an input of this run"), args
    assert Path(target).read_bytes() == before


def test_every_output_option_is_tried() -> None:
    """The options of all commands that take a file to write are in the table above, or in the test before it."""
    from sata.cli import main

    found = set()
    for command_name, one in main.commands.items():  # type: ignore[attr-defined]
        for inner in getattr(one, "commands", {"": one}).values():
            for option in inner.params:
                flags = set(option.opts) & {
                    "-o",
                    "--output",
                    "--json",
                    "--csv",
                    "--html",
                    "--svg",
                    "--pareto",
                    "--ert",
                    "--art",
                }
                if flags and any(getattr(p, "nargs", 1) != 0 and p.param_type_name == "argument" for p in inner.params):
                    found.add((command_name, min(flags)))
    tried = {(n.split()[0], "--json" if "--json" in a else a[-1]) for n, (a, _) in OUTPUTS.items()}
    tried |= {("run", o) for o in ("--json", "--csv", "--html")}
    same = {("export", "--art"), ("price", "--json"), ("list", "--json"), ("ops", "--json")}  # --ert's twin; ships only
    assert {(c, "-o" if o == "--output" else o) for c, o in found} <= tried | same


def test_the_journal_of_a_sweep_spares_what_was_read() -> None:
    secret(".")
    write(table="t.csv")
    os.replace("s.yaml", "all.csv.journal")
    Path("sweep.yaml").write_text("sweep: {arch: all.csv.journal, grid: {steps: [2]}}")
    before = Path("all.csv.journal").read_bytes()
    for more in ([], ["--fresh"]):
        (line,) = fails("sweep", "sweep.yaml", "--no-cache", "-o", "all.csv", *more)
        assert line.startswith("all.csv.journal: is an input of this run")
        assert Path("all.csv.journal").read_bytes() == before


@pytest.mark.parametrize("fresh", [[], ["--fresh"]])
def test_a_file_that_is_not_a_journal_is_left_alone(fresh: list[str]) -> None:
    write()
    Path("all.csv.journal").write_text("my diary\n")
    Path("sweep.yaml").write_text("sweep: {arch: s.yaml, grid: {steps: [2]}}")
    (line,) = fails("sweep", "sweep.yaml", "--no-cache", "-o", "all.csv", *fresh)
    assert line.startswith("all.csv.journal: is not a journal of a sweep")
    assert Path("all.csv.journal").read_text() == "my diary\n"


def test_a_refused_output_says_so_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    source = study("table")
    monkeypatch.setattr("sata.evaluation.evaluate_prepared", lambda *_: pytest.fail("it was evaluated"))
    assert invoke("run", source, "--json", "t.csv").exit_code == 2
