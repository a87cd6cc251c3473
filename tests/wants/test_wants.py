"""CONTRIBUTING's table of wants, performed: each in a copy of the project, with as many files as the table promises.

The same examples are then the modules of an installed package that registers all of them by entry points, in a project
that nobody touched.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cli.test_run import ok

ROOT = Path(__file__).resolve().parents[2]
FILES = Path(__file__).parent / "files"
PARTS = ("sata", "arch", "workloads", "mappings", "components", "sweeps")  # of the project, as far as commands need it
SMALL = (ROOT / "tests/cli/small.yaml").read_text(encoding="utf-8")
STUDIES = {
    "model.yaml": SMALL.replace("density: 0.25", "density: {model: bernoulli, chance: 0.25}"),
    "format.yaml": SMALL.replace("keep: [weight, spike]\n  - array", "keep: [weight, spike]\n    format: {spike: pairs}\n  - array"),
    "rule.yaml": SMALL.replace("keep: [weight, spike]\n  - array", "keep: [weight, spike]\n    rules: {both: {weight: spike}}\n  - array"),
    "key.yaml": SMALL.replace("    size: 64 B\n    keep", "    size: 64 B\n    vendor: ours\n    keep"),
    "small.yaml": SMALL,
    "lines.txt": "my_memory 3\n",
    "layers.yaml": "workload: {name: n, template: silent, bits: {weight: 8, spike: 1, current: 16},\n"
                   "  layers: [{name: a, linear: {input: 4, out: 4}}]}\n",
}  # fmt: skip
KEY = "import sata.specs as s; print(s.load('key.yaml').arch.nodes[1].vendor)"


@dataclass(frozen=True)
class Want:
    """new: file of the project -> example file. edits: file -> (text, what stands there afterwards). run: a command of
    sata, or Python code in one text. says: what it prints."""

    run: tuple[str, ...]
    says: str
    new: Mapping[str, str] = field(default_factory=dict)
    edits: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)


def before(anchor: str, row: str) -> tuple[tuple[str, str], ...]:
    return ((anchor, row + anchor),)


WANTS: Mapping[str, Want] = {
    "an architecture, workload or mapping": Want(("list", "workloads"), "workloads/dot.yaml", {"workloads/dot.yaml": "dot.yaml"}),
    "energy numbers": Want(
        ("components", "sata_32nm"), "my_pe",
        edits={"components/sata_32nm.yaml": (("  components:\n", "  components:\n  - {class: my_pe, energy: {go: 1 pJ}}\n"),)}),
    "a component priced by code": Want(("list", "--extensions"), "third_sram"),
    "a neuron model, learning rule, layer type": Want(("ops", "layers.yaml"), "a.forward", {"sata/templates/silent.yaml": "silent.yaml"}),
    "a density model": Want(
        ("run", "model.yaml"), "energy", {"sata/counts/density/bernoulli.py": "bernoulli.py"},
        {"sata/counts/density/__init__.py": before('        "structured":', '        "bernoulli": "sata.counts.density.bernoulli:Bernoulli",\n')}),
    "a tensor format": Want(
        ("run", "format.yaml"), "energy", {"sata/specs/pairs.py": "pairs.py"},
        {"sata/specs/encodings.py": before('        "bitmask":', '        "pairs": "sata.specs.pairs:PAIRS",\n')}),
    "a gate or skip rule": Want(
        ("run", "rule.yaml"), "energy", {"sata/specs/both.py": "both.py"},
        {"sata/specs/rules.py": before('{"skip": "sata', '{"both": "sata.specs.both:BOTH"} | ')}),
    "a search strategy": Want(
        ("map", "small.yaml", "--ops", "fc.weight", "--strategy", "sweeping", "--no-cache", "--workers", "1", "--budget", "0.3s"),
        "fc.weight", {"sata/search/engine/sweeping.py": "sweeping.py"},
        {"sata/search/engine/propose.py": before('        "random":', '        "sweeping": "sata.search.engine.sweeping:SWEEPING",\n')}),
    "a picture": Want(
        ("plot", "stages", "small.json", "-o", "out.svg"), "", {"sata/report/pictures/stages.py": "stages.py"},
        {"sata/report/pictures/kinds.py": before('        "layers":', '        "stages": "sata.report.pictures.stages:STAGES",\n')}),
    "an exporter": Want(
        ("export", "plain", "small.yaml", "--csv", "-"), "DRAM,read,100", {"sata/report/plain.py": "plain.py"},
        {"sata/report/exporters.py": before('{"accelergy":', '{"plain": "sata.report.plain:PLAIN"} | ')}),
    "an importer": Want(
        ("import", "listing", "lines.txt", "-o", "-"), "{class: my_memory", {"sata/interchange/listing.py": "listing.py"},
        {"sata/interchange/importers.py": before('{"cacti":', '{"listing": "sata.interchange.listing:LISTING"} | ')}),
    "a key of a format": Want(
        (KEY,), "ours",
        edits={"sata/schemas/arch.json": before('        "fit": {', '        "vendor": {"type": "string"},\n'),
               "sata/specs/arch.py": (('data.get("fit"), buffers is None,', 'data.get("fit"), buffers is None, data.get("vendor", ""),'),),
               "sata/specs/nodes.py": (("    stream: bool = True\n", '    stream: bool = True\n    vendor: str = ""\n'),)}),
    "a command": Want(
        ("hello",), "architectures", {"sata/cli/hello.py": "hello.py"},
        {"sata/cli/group.py": (("from sata.cli.map import map_\n", "from sata.cli.hello import hello\nfrom sata.cli.map import map_\n"),
                               ("for command in (\n", "for command in (\n    hello,\n"))}),
}  # fmt: skip


def promised() -> dict[str, int]:
    """What the table of CONTRIBUTING says: want -> number of files of the project."""
    page = (ROOT / ".github/CONTRIBUTING.md").read_text(encoding="utf-8")
    table = page.partition("| you want | files |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    return {row[0]: int(re.findall(r"\d+", row[1])[0]) for row in rows}


def project(folder: Path, want: Want = Want((), "")) -> int:
    """A copy of the project with the files of a want, and the studies beside it. Returns: how many files differ."""
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part)
    for name, text in STUDIES.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name, source in want.new.items():
        assert not (folder / name).exists()
        shutil.copy(FILES / source, folder / name)
    for name, edits in want.edits.items():
        text = (folder / name).read_text(encoding="utf-8")
        edited = text
        for old, new in edits:
            edited = edited.replace(old, new)
        assert edited != text, f"{name} does not have the text that the want edits"
        (folder / name).write_text(edited, encoding="utf-8")
    return len(want.new) + len(want.edits)


def package(folder: Path) -> Path:
    """An installed package `third-party 1.0` with all examples, registered by entry points."""
    shutil.copytree(FILES, folder / "third_party", ignore=shutil.ignore_patterns("*.yaml", "__pycache__"))
    (folder / "third_party/__init__.py").write_text("")
    (folder / "third_party/templates").mkdir()
    shutil.copy(FILES / "silent.yaml", folder / "third_party/templates")
    shutil.copy(ROOT / "docs/plugin_template/sata_plugin_template.py", folder / "third_party")
    info = folder / "third_party-1.0.dist-info"
    info.mkdir()
    for name in ("METADATA", "entry_points.txt"):
        shutil.copy(Path(__file__).parent / "third_party" / name, info)
    return folder


def said(where: Path, run: tuple[str, ...], *path: Path, code: int = 0) -> str:
    """What a command prints in a folder, with these folders on Python's path."""
    program = run[0] if len(run) == 1 and " " in run[0] else "from sata.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", program, *(run if program != run[0] else ())], cwd=where,
                          env=environment, capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A result of the small study, as `sata run --json` writes it."""
    folder = tmp_path_factory.mktemp("result")
    (folder / "small.yaml").write_text(SMALL, encoding="utf-8")
    said(folder, ("run", "small.yaml", "--json", "small.json"), ROOT)
    return (folder / "small.json").read_text(encoding="utf-8")


def test_every_want_of_the_table_is_performed() -> None:
    assert list(promised()) == list(WANTS)


@pytest.mark.parametrize("name", WANTS)
def test_a_want_takes_the_files_that_the_table_promises(name: str, tmp_path: Path, result: str) -> None:
    want = WANTS[name]
    assert project(tmp_path, want) == promised()[name]
    (tmp_path / "small.json").write_text(result, encoding="utf-8")
    more = [package(tmp_path / "site")] if name == "a component priced by code" else []
    assert want.says in said(tmp_path, want.run, tmp_path, *more)


OF_A_PACKAGE = ("a neuron model, learning rule, layer type", "a density model", "a tensor format", "a gate or skip rule",
                "a search strategy", "a picture", "an exporter", "an importer")  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, result: str) -> Path:
    """A folder with the studies, and a package in `site`."""
    folder = tmp_path_factory.mktemp("installed")
    for name, text in STUDIES.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "small.json").write_text(result, encoding="utf-8")
    package(folder / "site")
    return folder


@pytest.fixture
def site(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package on Python's path, in the folder of the studies; its modules are forgotten afterwards."""
    monkeypatch.chdir(installed)
    monkeypatch.syspath_prepend(str(installed / "site"))
    yield installed / "site"
    for name in [name for name in sys.modules if name.partition(".")[0] == "third_party"]:
        del sys.modules[name]


@pytest.mark.parametrize("name", OF_A_PACKAGE)
def test_a_package_registers_the_same(name: str, site: Path) -> None:
    assert WANTS[name].says in ok(*WANTS[name].run)


def test_check_runs_nothing_of_a_package(site: Path) -> None:
    kept = {path: path.read_text(encoding="utf-8") for path in (site / "third_party").glob("*.py")}
    for path in kept:
        path.write_text("raise SystemExit('it ran')\n", encoding="utf-8")
    try:
        for study, what in (
            ("model", "density model 'bernoulli'"),
            ("format", "format 'pairs'"),
            ("rule", "rule 'both'"),
        ):
            told = ok("check", f"{study}.yaml")
            assert told == f"1 file, no faults; not checked: the {what} of third-party 1.0, for check runs no plug-in\n"
        assert "third-party 1.0 (third_party.bernoulli:Bernoulli) cannot be loaded: SystemExit: it ran" in said(
            site.parent, ("run", "model.yaml"), ROOT, site, code=2)  # fmt: skip
    finally:
        for path, text in kept.items():
            path.write_text(text, encoding="utf-8")


def test_the_listing_has_every_row_and_its_owner(site: Path) -> None:
    rows = json.loads(ok("list", "--extensions", "--json", "-"))["extensions"]
    assert {row["name"] for row in rows if row["owner"] == "third-party 1.0"} == {
        "bernoulli", "pairs", "both", "sweeping", "stages", "plain", "listing", "silent", "third_sram"}  # fmt: skip
    assert all(row["fault"] is None for row in rows)
    text = ok("list", "--extensions")
    assert all(row["name"] in text and row["group"] in text for row in rows)
