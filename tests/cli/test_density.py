"""sata models and sata density: their output, the YAML they print, and every way to use them wrongly."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

import sata
from sata.counts.density import MODELS, over_grid
from sata.counts.density.interface import Subject
from tests.cli.test_commands import fails
from tests.cli.test_run import ok
from tests.oracle.draws import draw

FIELD = {"density": 0.3, "q_row": 0.15, "q_col": 0.2, "q_in": 0.1}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spikes = draw("runs", FIELD, (4, 16, 8, 8), np.random.default_rng(3))
    np.savez(
        "spikes.npz", conv=spikes, packed=np.packbits(spikes), packed_shape=np.array(spikes.shape), flat=spikes[0, 0]
    )


def test_models() -> None:
    out = ok("models")
    assert all(f"\n{name}\n" in f"\n{out}" for name in MODELS)
    assert all(f"  {p.name} " in out for m in MODELS.values() for p in m.parameters)
    assert max(map(len, out.splitlines())) <= 80
    data = json.loads(ok("models", "--json", "-"))
    assert [m["model"] for m in data["models"]] == list(MODELS)
    assert all(set(m) == {"model", "for", "p_empty", "parameters"} for m in data["models"])


def test_density_of_every_array() -> None:
    out = ok("density", "spikes.npz")
    assert re.findall(r"^(\w+): [\d x]+, density", out, re.MULTILINE) == ["conv", "packed", "flat"]
    assert max(map(len, out.splitlines())) <= 80
    one = ok("density", "spikes.npz", "--array", "conv")
    assert one == ok("density", "spikes.npz", "--array", "packed").replace("packed", "conv")
    assert out.startswith(one.partition("\n\nHow to read it\n")[0])
    assert out.count("How to read it") == 1


def test_density_says_what_is_counted_and_predicted() -> None:
    data = json.loads(ok("density", "spikes.npz", "--array", "conv", "--json", "-"))
    (found,) = data["arrays"]
    values = np.load("spikes.npz")["conv"]
    assert found["density"] == values.mean()
    assert found["silent"] == pytest.approx(1 - values.any(axis=0).mean())
    assert list(found["models"]) == ["uniform", "temporal", "runs", "blocks"]
    tiles = {tile["tile"]: tile for tile in found["tiles"]}
    assert list(tiles) == ["2 steps", "4 steps", "row of 2", "row of 4", "row of 8", "2 x 2", "4 x 4", "3 x 3 x 16"]
    assert tiles["row of 8"]["extents"] == [1, 1, 1, 8]
    assert tiles["row of 8"]["empty"] == 1 - values.any(axis=3).mean()
    for tile in tiles.values():
        for name, parameters in found["models"].items():
            given = {key: value for key, value in parameters.items() if key != "model"}
            model = MODELS[name].read(given, Subject(values.shape, 0))
            assert tile["predicted"][name] == pytest.approx(over_grid(model, tuple(tile["extents"])).p_empty)
            assert tile["error"][name] == tile["predicted"][name] - tile["empty"]


def test_the_yaml_it_prints_is_a_density() -> None:
    out = ok("density", "spikes.npz", "--array", "conv", "--kind", "spike")
    _, _, printed = out.partition("for a workload: one of\n")
    pieces = re.split(r"^(?=density:)", printed.partition("  blocks: ")[0], flags=re.MULTILINE)[1:]
    assert len(pieces) == 3
    assert re.search(r"\n  blocks: [0-9]+ numbers, printed with --array conv --model blocks\n", out)
    blocks = ok("density", "spikes.npz", "--array", "conv", "--model", "blocks")
    assert ok("density", "spikes.npz", "--array", "conv", "--model", "runs") == pieces[2]
    for piece in (*pieces, blocks):
        stated = yaml.safe_load(piece)["density"]["spike"]
        op = {"name": "x", "action": "accumulate", "ranks": {"t": 4, "c": 16, "p": 8, "q": 8},
              "compute": "X[t,p,q] += S[t,c,p,q]",
              "tensors": {"X": {"kind": "current"}, "S": {"kind": "spike", "density": stated}}}  # fmt: skip
        assert sata.check({"workload": {"bits": {"spike": 1, "current": 16}, "ops": [op]}}) == []


def test_without_time() -> None:
    out = ok("density", "spikes.npz", "--array", "conv", "--time", "none")
    assert "steps" not in out
    assert "temporal" not in out
    assert "in all steps" not in out
    assert "8 x 8, density" in ok("density", "spikes.npz", "--array", "flat", "--time", "1")


@pytest.mark.parametrize("values", [np.zeros((4, 3, 8, 8)), np.ones((4, 3, 8, 8)), np.ones((1, 1)), np.zeros(5)])
def test_extremes(values: np.ndarray) -> None:
    """All, none, one: every model is measured and made again."""
    np.savez("extreme.npz", a=values)
    (found,) = json.loads(ok("density", "extreme.npz", "--json", "-"))["arrays"]
    assert found["density"] == values.mean()
    for tile in found["tiles"]:
        assert all(error == pytest.approx(0, abs=1e-9) for error in tile["error"].values())
    assert "density" in ok("density", "extreme.npz")


def test_faults() -> None:
    Path("text.npz").write_text("no archive")
    Path("folder").mkdir()
    np.savez("none.npz")
    np.savez("nothing.npz", a=np.zeros((0, 3)))
    assert fails("density", "gone.npz") == ["gone.npz: 'gone.npz' cannot be read: no such file or directory"]
    assert fails("density", "folder")[0].endswith("cannot be read: is a directory")
    assert fails("density", "text.npz")[0].startswith("text.npz: 'text.npz' is not a .npz file, or a part of one")
    assert fails("density", "none.npz") == ["none.npz: holds no arrays"]
    assert fails("density", "nothing.npz") == ["nothing.npz: array 'a' is empty"]
    assert fails("density", "spikes.npz", "--array", "cnov") == [
        "spikes.npz: 'spikes.npz' holds no array 'cnov'; did you mean 'conv'?"
    ]
    assert fails("density", "spikes.npz", "--time", "7")[0] == (
        "spikes.npz: array 'conv' has no dimension 7; say --time none"
    )
    assert fails("density", "spikes.npz", "--array", "flat", "--time", "none", "--model", "temporal") == [
        "spikes.npz: the model 'temporal' cannot be measured in array 'flat'; models that can: uniform, runs, blocks"
    ]
    assert "'x' is not a number of a dimension" in fails("density", "spikes.npz", "--time", "x")[-1]
    assert fails("density", "spikes.npz", "--json", "spikes.npz")[0].startswith("spikes.npz: is an input of this run")


def test_a_trace_with_the_batch_behind_time() -> None:
    """Steps come first in what is recorded from PyTorch, the batch in a tensor."""
    values = draw("runs", FIELD, (4, 2, 16, 8, 8), np.random.default_rng(4))
    np.savez("batch.npz", wrong=values, right=values.swapaxes(0, 1))
    op = {"name": "x", "action": "accumulate", "ranks": {"n": 2, "t": 4, "c": 16, "p": 8, "q": 8},
          "compute": "X[n,t,p,q] += S[n,t,c,p,q]", "tensors": {"X": {"kind": "current"}, "S": {"kind": "spike"}}}  # fmt: skip
    workload = {"bits": {"spike": 1, "current": 16}, "ops": [op]}
    op["tensors"]["S"]["density"] = {"model": "trace", "file": "batch.npz", "array": "right"}  # type: ignore[index]
    assert sata.check({"workload": workload}) == []
    op["tensors"]["S"]["density"]["array"] = "wrong"  # type: ignore[index]
    (fault,) = sata.check({"workload": workload})
    assert fault.message.startswith("the recorded tensor has the shape [4, 2, 16, 8, 8], its tensor [2, 4, 16, 8, 8]")
    assert fault.hint.endswith("the batch comes before time, save array.swapaxes(0, 1)")
