"""`load` and `check`: several files, several top keys, variables over all of them, order of faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sata.costs.nodes import price_nodes, prices_of
from sata.evaluation import evaluate
from sata.specs import Faults, SpecError, check_specs, load

ARCH = "arch:\n  name: a\n  nodes:\n  - {memory: DRAM, class: dram}\n  - {compute: PE, class: mac}\n"
WORKLOAD = """\
workload:
  bits: {weight: 8, spike: 1, current: 16}
  ops:
  - {name: fc.forward, action: accumulate, ranks: {k: 4, c: 2}, compute: "X[k] += W[k,c] * S[c]",
     tensors: {W: {kind: weight}, S: {kind: spike}, X: {kind: current}}}
"""
MAPPING = 'mapping:\n- ops: "*"\n  nest: [{memory: DRAM}, {for: "k *, c *"}, {compute: PE}]\n'


def says(*sources: Any, **options: Any) -> list[str]:
    with pytest.raises(SpecError) as error:
        load(*sources, **options)
    return str(error.value).splitlines()


def test_one_text_with_everything_is_read_once() -> None:
    loaded = load(ARCH + WORKLOAD + MAPPING)
    assert loaded.arch is not None
    assert loaded.workload is not None
    assert loaded.mapping is not None
    assert len(loaded.docs) == 1


def test_what_is_named_goes_before_what_else_a_file_holds() -> None:
    loaded = load(ARCH + WORKLOAD + MAPPING, mapping=MAPPING.replace('"*"', '"fc*"'))
    assert loaded.mapping is not None
    assert loaded.mapping.entries[0].patterns == ("fc*",)


def test_the_same_file_for_all(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(ARCH + WORKLOAD + MAPPING)
    assert len(load(path, path, path).docs) == 1


def test_source_without_its_key() -> None:
    assert says(WORKLOAD) == ["<text>: holds no 'arch'; it holds workload"]
    assert says(ARCH, ARCH + "# same\n") == ["<text>: holds no 'workload'; it holds arch"]


def test_inline_library() -> None:
    loaded = load({"library": {"name": "mine", "components": []}, "arch": {"nodes": [
        {"memory": "A", "class": "b"}, {"compute": "C", "class": "m"}]}})  # fmt: skip
    assert [path for _, path in loaded.inline_libraries] == [("library",)]


def test_faults_of_all_files_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("z.yaml").write_text(ARCH.replace("dram}", "dram, size: 3}"))
    Path("a.yaml").write_text(MAPPING.replace("c *", "c 0"))
    lines = says("z.yaml", mapping="a.yaml")
    assert [line.split(":")[0] for line in lines] == ["z.yaml", "a.yaml"]


def test_variable_of_any_file_may_be_set() -> None:
    mapping = "variables: {n: 2}\n" + MAPPING.replace("k *", "k {{ n }}")
    loaded = load(ARCH, WORKLOAD, mapping, variables={"n": 4})
    assert loaded.mapping is not None
    assert loaded.mapping.entries[0].nest[1].loops[0].factor == 4  # type: ignore[union-attr]
    assert says(ARCH, WORKLOAD, mapping, variables={"m": 4}) == [
        "no file declares the variable 'm'; (declared: n)"]  # fmt: skip


def test_shipped_mapping_of_the_architecture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mappings").mkdir()
    Path("mappings/a.yaml").write_text(MAPPING)
    assert load(ARCH, WORKLOAD).mapping is None
    assert load(ARCH, WORKLOAD, shipped_mapping=True).mapping is not None


def test_check_looks_at_each_file_alone() -> None:
    assert check_specs(ARCH, WORKLOAD, MAPPING) == []
    assert check_specs("no/such/file.yaml")[0].message == "no such file"


def test_a_library_may_lie_beside_the_architecture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside it or in `components/` there; the current folder goes first. Where it is not, all of these are named."""
    monkeypatch.chdir(tmp_path)
    library = "library: {name: mine, components: [{class: dram, energy: {read: N pJ, write: 1 pJ}}]}"
    Path("there/components").mkdir(parents=True)
    Path("there/a.yaml").write_text(
        "arch: {name: a, libraries: [mine], nodes: [{memory: D, class: dram}, {compute: PE, class: dram}]}\n"
    )

    def read_pj() -> float:
        loaded, faults = load("there/a.yaml"), Faults()
        assert loaded.arch is not None
        prices = prices_of(loaded.arch, loaded.docs, faults)
        faults.check()
        assert prices is not None
        return price_nodes(loaded.arch, prices, faults)["D"].energy_pj["read"]

    with pytest.raises(SpecError) as error:
        read_pj()
    assert str(error.value) == (
        "there/a.yaml:1:29: arch.libraries[0]: library 'mine': no such file; looked in the current folder, components, "
        "there, there/components and the shipped components"
    )
    for number, path in enumerate(["there/components/mine.yaml", "there/mine.yaml", "components/mine.yaml"], 1):
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text(library.replace("N", str(number)))
        assert read_pj() == number


def test_a_mapping_elsewhere_is_pointed_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there/mappings").mkdir(parents=True)
    Path("there/a.yaml").write_text(ARCH)
    Path("there/mappings/a.yaml").write_text(MAPPING)
    with pytest.raises(SpecError, match="no mappings/a.yaml, here or shipped; did you mean 'there/mappings/a.yaml'"):
        evaluate("there/a.yaml", WORKLOAD)
