"""`sata plot`: what it draws of which file, and what it says of those it cannot use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sata.report.files import result_json
from sata.report.pictures.kinds import PICTURES
from sata.report.points import read_points
from sata.specs.text.faults import SpecError
from tests.cli.test_commands import fails
from tests.cli.test_run import SMALL, ok
from tests.report.made import small, training

BEGINS = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}
POINTS = [{"energy_pj": 3e6, "cycles": 10, "label": "a"}, {"energy_pj": 2e6, "cycles": 20, "label": "b"},
          {"energy_pj": 4e6, "cycles": 30, "label": "c"}]  # fmt: skip


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("r.json").write_text(result_json(small()), encoding="utf-8")
    Path("t.json").write_text(result_json(training()), encoding="utf-8")
    Path("p.json").write_text(json.dumps({"points": POINTS, "pareto": [1, 0]}))
    Path("s.csv").write_text("label,density,energy_pj,cycles\nx,0.1,1000000,5\ny,0.5,3000000,5\n")


FILES = {"nest": ("r.json", "--ops", "fc.fire"), "pareto": ("p.json",), "sparsity": ("s.csv",),
         "compare": ("r.json", "t.json")}  # fmt: skip


@pytest.mark.parametrize("kind", PICTURES.own)
def test_every_kind(kind: str) -> None:
    form = ("svg", "png", "pdf")[list(PICTURES.own).index(kind) % 3]
    assert ok("plot", kind, *FILES.get(kind, ("t.json",)), "-o", f"out.{form}") == ""
    assert Path(f"out.{form}").read_bytes().startswith(BEGINS[form])


def test_the_form_is_that_of_the_name() -> None:
    for form, begin in BEGINS.items():
        ok("plot", "energy", "r.json", "-o", f"out.{form.upper()}")
        assert Path(f"out.{form.upper()}").read_bytes().startswith(begin)


def last(*args: str) -> str:
    return fails("plot", *args)[-1]


def test_what_is_asked_for_wrongly() -> None:
    kinds = ", ".join(PICTURES.own)
    assert last("enregy", "r.json", "-o", "x.svg") == (
        f"Error: no picture 'enregy', expected one of: {kinds}; did you mean 'energy'?"
    )
    assert last("energy", "r.json", "-o", "x.gif") == "Error: -o x.gif: the name must end in .svg, .png or .pdf"
    assert last("energy", "r.json", "t.json", "-o", "x.svg") == (
        "Error: 'energy' shows one file, and there are 2; 'compare' shows several"
    )
    assert last("energy", "r.json", "--ops", "a", "-o", "x.svg") == "Error: --ops is of 'nest' and 'pareto' only"
    assert last("energy", "r.json", "--column", "a", "-o", "x.svg") == "Error: --column is of 'sparsity' only"
    assert last("energy", "r.json", "-o", "gone/x.svg").startswith("gone/x.svg: cannot be written for -o: there is no")
    assert not Path("x.svg").exists()


def test_results_without_what_is_drawn() -> None:
    data = small().to_dict()
    for key in ("architecture", "nests", "tensors", "kept"):
        data.pop(key, None)
    Path("old.json").write_text(json.dumps(data))
    older = "perhaps an older version of sata wrote it"
    assert last("arch", "old.json", "-o", "x.svg") == f"old.json: holds no 'architecture', which 'arch' shows; {older}"
    assert last("density", "old.json", "-o", "x.svg") == f"old.json: holds no 'tensors', which 'density' shows; {older}"
    assert last("nest", "old.json", "-o", "x.svg") == f"old.json: holds no 'nests'; {older}"
    assert last("kept", "r.json", "-o", "x.svg") == (
        "r.json: holds no 'kept', which 'kept' shows; perhaps it is not a training run"
    )


def test_which_nest() -> None:
    ok("plot", "nest", "r.json", "--ops", "fc.w*", "-o", "x.svg")
    assert ">fc.weight<" in Path("x.svg").read_text()
    names = "fc.forward+fc.fire, fc.weight"
    assert last("nest", "r.json", "-o", "x.svg") == (
        f"r.json: one nest is drawn, and there are 2; choose one by --ops: {names}"
    )
    ok("plot", "nest", "r.json", "--ops", "fc.forward+fc.fire", "-o", "pair.svg")  # as it is listed
    assert "fc.fire" in Path("pair.svg").read_text()
    assert last("nest", "r.json", "--ops", "zzz", "-o", "x.svg") == f"r.json: no op matches 'zzz'; nests: {names}"
    assert last("nest", "r.json", "--ops", "fc.wieght", "-o", "x.svg") == (
        "r.json: no op matches 'fc.wieght'; did you mean 'fc.weight'?"
    )


def test_which_column() -> None:
    assert last("sparsity", "p.json", "-o", "x.svg") == (
        "p.json: no column with 'density' in its name; columns: energy_pj, cycles, label; choose one by --column"
    )
    assert last("sparsity", "s.csv", "--column", "densty", "-o", "x.svg") == (
        "s.csv: no column 'densty'; did you mean 'density'?"
    )
    ok("plot", "sparsity", "p.json", "--column", "cycles", "-o", "x.svg")


def said(name: str, data: Any) -> str:
    Path(name).write_text(data if isinstance(data, str) else json.dumps(data))
    with pytest.raises(SpecError) as error:
        read_points(name)
    return str(error.value)


def test_points_that_are_none() -> None:
    none = 'no points: expected {"points": [{"energy_pj": ..}, ..]}; '
    none += "sata map --json writes such a file; a CSV with the columns energy_pj and cycles does too"
    assert said("x.json", {"ops": []}) == f"x.json: {none}"
    assert said("x.json", [1]) == f"x.json: {none}"
    assert said("x.json", []) == "x.json: holds no point"
    assert said("x.csv", "energy_pj,cycles\n") == "x.csv: holds no point"
    assert said("x.csv", "energy,cycles\n1,2\n") == "x.csv:1:1: no column 'energy_pj'; did you mean 'energy'?"
    assert said("x.csv", "") == "x.csv:1:1: no column 'energy_pj'; columns: none"
    assert said("x.csv", "energy_pj,cycles\n1\n") == "x.csv: points[0].cycles: expected a number, found 'None'"
    assert said("x.csv", 'energy_pj,cycles\n"1,2') == "x.csv: not CSV: unexpected end of data"
    assert said("x.json", [{"energy_pj": 1}]) == "x.json: points[0]: missing key 'cycles'; it has: energy_pj"
    assert said("x.json", [POINTS[0], {"energy_pj": "1", "cycles": 2}]) == (
        "x.json: points[1].energy_pj: expected a number, found '1'"
    )
    assert said("x.json", {"points": POINTS, "pareto": [3]}) == (
        "x.json: pareto: expected a list of numbers of points, from 0 to 2"
    )
    assert said("x.json", {"points": POINTS, "pareto": "all"}).startswith("x.json: pareto: expected a list of")


def test_points_from_either_form() -> None:
    assert read_points("p.json").pareto == (1, 0)
    Path("x.csv").write_text("# mine\nenergy_pj,cycles,label\n3e6,10,a\n2e6,20,b\n4e6,30,c\n")
    assert read_points("x.csv").pareto == (1, 0)
    assert [p["label"] for p in read_points("x.csv").points] == ["a", "b", "c"]


def test_too_many_points(monkeypatch: pytest.MonkeyPatch) -> None:
    from sata.report import points

    monkeypatch.setattr(points, "MOST", 2)
    assert said("x.json", POINTS) == "x.json: 3 points, at most 2 are drawn"


def test_points_far_apart_have_logarithmic_axes() -> None:
    far = [{"energy_pj": 10.0**n, "cycles": 10.0 ** (9 - n), "label": "same" * 9} for n in range(9)]
    Path("far.json").write_text(json.dumps(far))
    ok("plot", "pareto", "far.json", "-o", "x.svg")
    text = Path("x.svg").read_text()
    assert ">cycles in billions<" in text
    assert ">0.0001<" in text  # a tick that a linear axis up to 1 would not have
    assert "9 points, 9 on the front" in text


def test_a_front_of_every_op_of_a_search() -> None:
    """As `sata map --objective pareto --json` writes it: a panel an op, labels without its name."""

    def op(name: str, number: int) -> dict[str, object]:
        rows = [{"label": f"{name} {n}", "energy_pj": 10.0 - n, "cycles": 5.0 + n} for n in range(number)]
        return {"op": name, "points": rows, "pareto": list(range(number))}

    Path("map.json").write_text(json.dumps({"ops": [op("a.forward", 3), op("a.fire", 1), op("b.forward", 2)]}))
    ok("plot", "pareto", "map.json", "-o", "x.svg")
    text = Path("x.svg").read_text()
    for words in (
        "a.forward: 3 points, 3 on the front",
        "a.fire: 1 points",
        "<title>b.forward 1: 9 pJ, 6 cycles</title>",
    ):
        assert words in text
    assert text.count('<g class="tip">') == 6
    ok("plot", "pareto", "map.json", "--ops", "*.forward", "-o", "x.svg")
    assert Path("x.svg").read_text().count('<g class="tip">') == 5
    assert fails("plot", "pareto", "map.json", "--ops", "b.forwad", "-o", "x.svg") == [
        "map.json: no op matches 'b.forwad'; did you mean 'b.forward'?"]  # fmt: skip
    Path("map.json").write_text(json.dumps({"ops": [op("a", 2), {"op": "b", "points": [{"energy_pj": 1}]}]}))
    assert fails("plot", "pareto", "map.json", "-o", "x.svg") == [
        "map.json: ops[1].points[0]: missing key 'cycles'; it has: energy_pj"]  # fmt: skip
    Path("map.json").write_text(json.dumps({"ops": [op(f"op{n}", 1) for n in range(25)]}))
    assert fails("plot", "pareto", "map.json", "-o", "x.svg")[0].startswith(
        "map.json: 25 ops, at most 24 are drawn; choose some by --ops: op0, ")  # fmt: skip


def test_a_front_that_the_search_found() -> None:
    ok("map", SMALL, "--objective", "pareto", "--workers", "1", "--json", "found.json")
    points = [p for op in json.loads(Path("found.json").read_text())["ops"] for p in op["points"]]
    ok("plot", "pareto", "found.json", "-o", "x.svg")
    assert Path("x.svg").read_text().count('<g class="tip">') == len(points)
