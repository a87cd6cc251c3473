"""check, schema, ops, show, price: their output, and every way to use them wrongly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sata.cli import main
from sata.costs.given import price_given
from sata.version import __version__
from tests.cli.test_run import SMALL, VGG5, invoke, ok

ROOT = Path(__file__).resolve().parents[2]
COUNTS = str(ROOT / "tests/published/sata_sim.yaml")
COMMANDS = ("run", "check", "schema", "ops", "show", "price", "models", "density", "formats")


def fails(*args: str) -> list[str]:
    """The lines on standard error of a command that ends with 2 and prints nothing else."""
    result = invoke(*args)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    return result.stderr.splitlines()


def test_version() -> None:
    assert ok("--version") == f"sata {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    out = ok(command, "--help")
    assert "Example" in out
    assert f"\n      sata {command} " in out.replace("\n    sata", "\n      sata")
    assert command in ok("--help")


@pytest.mark.parametrize("files", [(SMALL,), ("arch/sata.yaml", "vgg5", COUNTS)])
def test_check(files: tuple[str, ...]) -> None:
    files = tuple("workloads/vgg5_cifar10.yaml" if f == "vgg5" else f for f in files)
    one, three = "1 file, no faults; it runs\n", "3 files, no faults; they fit together under mappings/sata.yaml\n"
    assert ok("check", *files) == (one if len(files) == 1 else three)


def test_check_of_files_that_are_no_whole() -> None:
    assert ok("check", "arch/sata.yaml") == "1 file, no faults\n"
    two = ("workloads/vgg5_cifar10.yaml", "workloads/vgg9_cifar10.yaml")
    assert ok("check", "arch/sata.yaml", *two) == "3 files, no faults\n"
    assert ok("check", "arch/eyeriss.yaml", "workloads/conv_layer.yaml") == "2 files, no faults\n"  # it has no mapping


def test_check_says_what_does_not_fit_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `sata run` does: an op without an entry, a tile that overflows, an action without a price."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "arch/sata.yaml").read_text(encoding="utf-8")
    Path("small.yaml").write_text(text.replace("size: 144 KiB", "size: 16 KiB"), encoding="utf-8")
    Path("none.yaml").write_text("mapping:\n- {ops: '*.forward', omit: why}\n", encoding="utf-8")
    lines = fails("check", "small.yaml", "workloads/vgg5_cifar10.yaml")
    assert len(lines) == 6
    assert all("W_GLB overflows by" in line for line in lines)
    assert fails("check", "arch/sata.yaml", "workloads/vgg5_cifar10.yaml", "none.yaml")[0].startswith(
        "none.yaml:2:1: mapping: no entry of the mapping matches 24 ops (conv1.fire, conv2.fire, conv3.fire, ...)"
    )
    Path("adds.yaml").write_text(
        "workload:\n  bits: {spike: 1}\n  ops:\n  - {name: a.forward, action: count, ranks: {k: 2}, compute: 'X[k] = f(S[k])',"
        " tensors: {X: {kind: spike}, S: {kind: spike}}}\n", encoding="utf-8")  # fmt: skip
    assert "count" in fails("check", "arch/sata.yaml", "adds.yaml")[0]


def test_check_says_every_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text("arch:\n  nmae: a\n  nodes: [{compute: PE, class: mac}]\n")
    Path("c.yaml").write_text("counts:\n  libraries: [relative]\n  actions: []\n  runz: {}\n")
    lines = fails("check", "a.yaml", "c.yaml", "gone.yaml")
    assert [line.split(":")[0] for line in lines] == ["a.yaml", "gone.yaml", "c.yaml"] or len(lines) > 3
    assert any("did you mean 'name'?" in line for line in lines)
    assert any("did you mean 'runs'?" in line for line in lines)
    assert any(line.startswith("gone.yaml: no such file") for line in lines)


@pytest.mark.parametrize("name", ["arch", "workload", "mapping", "library", "counts", "sweep"])
def test_schema(name: str) -> None:
    assert json.loads(ok("schema", name)) == json.loads((ROOT / f"sata/schemas/{name}.json").read_text())


def test_unknown_words_get_a_hint() -> None:
    assert fails("schema", "workloads")[-1].endswith(
        "no schema 'workloads', expected one of: arch, counts, library, mapping, sweep, workload; did you mean 'workload'?"
    )
    assert fails("rnu")[-1] == "Error: no command 'rnu'; did you mean 'run'?"
    assert fails("banana")[-1] == f"Error: no command 'banana'; commands: {', '.join(sorted(main.commands))}"
    assert "--json" in fails("run", SMALL, "--jsno", "x")[-1]
    assert "Missing argument 'ARCH'" in fails("run")[-1]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["steps"], "'steps' is not of the form NAME=VALUE, such as --set timesteps=4"),
        (["=3"], "'=3' is not of the form NAME=VALUE, such as --set timesteps=4"),
        (["steps=1", "steps=2"], "'steps' is set twice: to 1 and to 2"),
        (["ops=3"], "'ops' cannot be a variable: it is an argument of sata.evaluate"),
    ],
)
def test_set_needs_a_name_and_a_value(given: list[str], said: str) -> None:
    options = [word for text in given for word in ("--set", text)]
    assert fails("run", SMALL, *options)[-1] == f"Error: Invalid value for '--set': {said}"


def test_unknown_variable() -> None:
    assert fails("run", SMALL, "--set", "stepz=3") == [
        "no file declares the variable 'stepz'; did you mean 'steps'? (declared: steps)"
    ]


def test_spec_faults_are_the_text_of_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text("arch:\n  nodes:\n  - {memory: M, class: dram, keeps: [weight]}\n  - {compute: PE}\n")
    lines = fails("run", "a.yaml")
    assert len(lines) > 1
    assert all(line.startswith("a.yaml:") for line in lines)
    assert fails("run", "gone.yaml") == ["gone.yaml: no such file; looked in the current folder and the shipped arch"]


def test_ops_pattern_without_a_match() -> None:
    assert "matches no op of workload 'step'" in fails("run", SMALL, "--ops", "conv*")[0]


def test_price_shows_every_price_with_its_origin() -> None:
    out = ok("price", "arch/sata.yaml")
    assert max(map(len, out.splitlines())) <= 80
    assert "DRAM: 1 instance of dram (width 64 b)\n" in out
    assert "sata_32nm: " in out
    assert "\nAll instances of sata\narea " in out
    data = json.loads(ok("price", SMALL, "--json", "-"))
    assert (data["area_um2"], data["leakage_mw"]) == (1000 + 4 * 100 + 4 * 50, 1.0)
    assert {(p["node"], p["quantity"]): p["value"] for p in data["prices"]}["PE", "fire"] == 3.0


def test_price_given_counts() -> None:
    expected = price_given(COUNTS)
    data = json.loads(ok("price", "--counts", COUNTS, "--json", "-"))
    assert sum(s["energy_pj"] for s in data["sums"]) == pytest.approx(sum(r.energy_pj for r in expected.records))
    assert len(data["records"]) == len(expected.records)
    out = ok("price", "--counts", COUNTS)
    assert "sata_sim: energy by stage and group\n" in out
    assert max(map(len, out.splitlines())) <= 80
    assert ok("price", "--counts", COUNTS, "--set", "T=4") != out


def test_price_takes_one_source() -> None:
    assert fails("price")[-1] == "Error: give either ARCH, --diff A B or --counts FILE"
    assert fails("price", SMALL, "--counts", COUNTS)[-1] == "Error: give either ARCH, --diff A B or --counts FILE"


def test_show_prints_all_nests_in_80_columns() -> None:
    out = ok("show", *VGG5)
    assert max(map(len, out.splitlines())) <= 80
    assert "\nfor " in out
    assert "split\n" in out


def test_show_svg_needs_one_nest(tmp_path: Path) -> None:
    said = fails("show", SMALL, "--svg", str(tmp_path / "n.svg"))[-1]
    assert said == "Error: --svg draws one nest, and there are 2; choose one by --ops: fc.forward+fc.fire, fc.weight"
    ok("show", SMALL, "--ops", "fc.fire", "--svg", str(tmp_path / "n.svg"))
    assert (tmp_path / "n.svg").read_text().startswith("<?xml")
    assert ok("show", SMALL, "--ops", "fc.fire", "--svg", "-") == (tmp_path / "n.svg").read_text()


def test_show_shows_what_overflows(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(Path(SMALL).read_text().replace("size: 64 B", "size: 16 B"))
    assert "of 16 B (166%, overflows by 84 b)" in ok("show", str(path))
    assert "GLB overflows by 84 b in fc.forward, fc.fire" in fails("run", str(path))[0]


def test_runner_and_program_agree() -> None:
    assert CliRunner().invoke(main, ["run", "gone.yaml"]).exit_code == 2
