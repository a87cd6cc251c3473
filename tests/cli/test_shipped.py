"""`sata list` and `sata templates`: what ships, copies of it, and what templates ask for."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

import sata
from sata.specs import load
from sata.specs.shipped import LIST_FOLDERS, folder_of, list_shipped_files
from sata.specs.text import find as finding
from sata.specs.workload.template_actions import template_requests
from sata.specs.workload.template_file import shipped_templates
from tests.cli.test_commands import fails
from tests.cli.test_run import ok

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a user, far from the checkout."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_lists_every_file_with_what_it_is(elsewhere: Path) -> None:
    out = ok("list")
    names = {f"{folder}/{path.name}" for folder in LIST_FOLDERS for path in folder_of(folder).glob("*.yaml")}
    assert len(names) > 20
    for name in names:
        assert f"\n  {name} " in out
    assert "VGG5 for CIFAR-10, the network of the SATA" in out
    assert max(map(len, out.splitlines())) <= 80
    assert all(file.about and len(file.about) < 250 and file.about.count("(") == file.about.count(")")
               for file in list_shipped_files())  # fmt: skip


def test_a_folder_alone_and_as_data(elsewhere: Path) -> None:
    assert "workloads/" not in ok("list", "arch")
    rows = json.loads(ok("list", "arch", "--json", "-"))["files"]
    assert [row["file"] for row in rows] == ["arch/eyeriss.yaml", "arch/sata.yaml"]
    assert rows[0]["about"] == "An Eyeriss-like accelerator"
    users = {row["file"]: row["used_by"] for row in json.loads(ok("list", "--json", "-"))["files"]}
    assert {file for file, arch in users.items() if arch == ["arch/sata.yaml"]} == {
        "mappings/sata.yaml", "components/sata_32nm.yaml"}  # fmt: skip
    assert users["components/eyeriss_65nm.yaml"] == ["arch/eyeriss.yaml"]
    assert "(of arch/eyeriss.yaml)" in " ".join(ok("list").split())


@pytest.mark.parametrize("name", ["workloads/vgg5_cifar10.yaml", "workloads/vgg5_cifar10", "vgg5_cifar10"])
def test_prints_a_file_as_it_is(name: str, elsewhere: Path) -> None:
    assert ok("list", name) == (ROOT / "workloads/vgg5_cifar10.yaml").read_text()


def test_a_copied_mapping_goes_before_the_shipped_one(elsewhere: Path) -> None:
    assert ok("list", "mappings/sata.yaml", "--copy", ".") == "mappings/sata.yaml\n"
    before = sata.evaluate("sata", "vgg5_cifar10", ops="fc5.forward")
    Path("mappings/sata.yaml").write_text("mapping:\n- {ops: '*', omit: mine now}\n")
    after = sata.evaluate("sata", "vgg5_cifar10", ops="fc5.forward")
    assert len(before.ops) == 1
    assert not after.ops


def test_a_copied_library_has_its_tables(elsewhere: Path) -> None:
    assert ok("list", "sata_32nm", "--copy", ".").splitlines() == [
        "components/sata_32nm.yaml", "components/sram_32nm.csv"]  # fmt: skip
    table = Path("components/sram_32nm.csv")
    table.write_text(table.read_text() + "\n")
    files = sata.evaluate("sata", "vgg5_cifar10", ops="fc5.forward").meta["files"]
    assert sha256(table.read_bytes()).hexdigest() in [file["sha256"] for file in files]


def test_a_copied_template_makes_the_same_ops(elsewhere: Path) -> None:
    ok("list", "templates/lif_bptt", "workloads/vgg5_cifar10", "--copy", ".")
    text = Path("workloads/vgg5_cifar10.yaml").read_text()
    Path("mine.yaml").write_text(text.replace("template: lif_bptt ", "template: templates/lif_bptt.yaml "))
    mine, shipped = load(workload="mine.yaml").workload, load(workload="vgg5_cifar10").workload
    assert mine is not None
    assert shipped is not None
    assert [(op.name, op.action, op.ranks) for op in mine.ops] == [(op.name, op.action, op.ranks) for op in shipped.ops]


def test_list_says_what_is_wrong(elsewhere: Path) -> None:
    assert fails("list", "sata") == ["'sata' may be arch/sata.yaml or mappings/sata.yaml; say which"]
    assert fails("list", "vgg5_cifar") == ["no shipped file 'vgg5_cifar'; did you mean 'workloads/vgg5_cifar10.yaml'?"]
    assert fails("list", "zzz") == ["no shipped file 'zzz'; `sata list` lists what there is"]
    assert fails("list", "arch", "--copy", "nowhere") == ["nowhere: is not a folder"]
    assert "--copy needs the names" in fails("list", "--copy", ".")[-1]
    ok("list", "arch/sata", "--copy", ".")
    assert fails("list", "arch", "--copy", ".") == ["arch/sata.yaml: is there already and is not overwritten"]
    assert not Path("arch/eyeriss.yaml").exists()


def test_an_overflow_in_a_shipped_mapping_says_how_to_change_it(elsewhere: Path) -> None:
    text = (ROOT / "arch/sata.yaml").read_text().replace("size: 144 KiB", "size: 16 KiB")
    Path("small.yaml").write_text(text)
    lines = fails("run", "small.yaml", "vgg5_cifar10")
    said = "mappings/sata.yaml ships with sata: `sata list mappings/sata.yaml --copy .` copies it here"
    assert [said in line for line in lines] == [True] + [False] * (len(lines) - 1)
    assert all(line.startswith("mappings/sata.yaml:") and "W_GLB overflows by" in line for line in lines)
    ok("list", "mappings/sata.yaml", "--copy", ".")
    assert not any("ships with" in line for line in fails("run", "small.yaml", "vgg5_cifar10"))


# --- templates ----------------------------------------------------------------------------------------------------


def test_templates_lists_all(elsewhere: Path) -> None:
    out = ok("templates")
    for name in shipped_templates():
        assert f"\nOps of {name}\n" in out
    assert "\nOps of lif_bptt with keep_potentials: recompute\n" in out
    assert "recompute_fire     backward  fire" in out


@pytest.mark.parametrize("template", shipped_templates())
@pytest.mark.parametrize("network", ["vgg5_cifar10", "resnet19_cifar10", "nmnist_small"])
def test_no_op_asks_for_more(template: str, network: str) -> None:
    """What real networks need is in the list: op, stage, action and type of layer."""
    workload = load(workload=network, variables={"template": template}).workload
    assert workload is not None
    _, asked = template_requests(template)
    known = {(one.op, one.stage, one.action) for one in asked if not one.option}
    assert {(op.name.removeprefix(f"{op.layer}."), op.stage, op.action) for op in workload.ops} <= known


def test_the_actions_of_inference() -> None:
    header, asked = template_requests("lif_inference")
    assert header.about == "LIF neurons, inference"
    assert {(one.op, one.action): one.layers for one in asked} == {
        ("forward", "accumulate"): ("conv2d", "linear"),
        ("forward", "multiply_accumulate"): ("conv2d", "linear"),
        ("forward", "add"): ("add",),
        ("forward", "max"): ("maxpool2d",),
        ("forward", "average"): ("avgpool2d",),
        ("fire", "fire"): ("conv2d", "linear"),
    }


def test_a_template_of_ones_own(elsewhere: Path) -> None:
    Path("mine.yaml").write_text(
        "template:\n  about: mine\n  kinds: [trace]\n  options: {fast: {values: [false, true]}}\n---\n"
        '{% if layer.has_weights %}\n- name: \'{{ layer.name }}.{{ "jump" if options.fast else "walk" }}\'\n'
        '  action: {{ "leap" if options.fast else "step" }}\n  stage: weight_gradient\n  ranks: {k: 2}\n'
        "  compute: 'A[k] = f(B[k])'\n  tensors: {A: {kind: trace}, B: {kind: spike}}\n{% endif %}\n"
    )
    out = ok("templates", "mine.yaml")
    assert "  option  fast: false | true" in out
    assert "Ops of mine.yaml\nop    stage            action  of layers" in out
    assert "Ops of mine.yaml with fast: true\nop    stage            action  of layers" in out
    ops = json.loads(ok("templates", "mine.yaml", "--json", "-"))["templates"][0]["ops"]
    assert [(op["op"], op["action"], op["only_with"]) for op in ops] == [
        ("walk", "step", ""), ("jump", "leap", "fast: true")]  # fmt: skip


def test_no_such_template(elsewhere: Path) -> None:
    assert fails("templates", "lif_btt") == [
        "there is no template 'lif_btt'; did you mean 'lif_bptt'? (or give a file: lif_btt.yaml)"]  # fmt: skip


def test_shipped_folders_are_those_of_find() -> None:
    assert LIST_FOLDERS[:-1] == finding.FOLDERS
