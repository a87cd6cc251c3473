"""Density models in workloads: where they may stand, what becomes of them, and traces in files of every form."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import sata
from sata.counts.density import model_of
from sata.counts.density.trace import Trace
from sata.evaluation import prepare
from sata.report.ops_text import ops_yaml
from sata.specs import load
from sata.specs.model import Density, Tensor, Workload

BITS = {"weight": 8, "spike": 1, "current": 16, "potential": 8, "spike_gradient": 8, "potential_gradient": 8,
        "weight_gradient": 8}  # fmt: skip
SPIKES = (np.random.default_rng(1).random((4, 3, 6, 6)) < 0.3).astype(np.uint8)


def network(first: Any, more: Any = None, **keys: Any) -> dict[str, Any]:
    layers = [
        {"name": "a", "conv2d": {"input": [3, 6, 6], "out": 4, "kernel": 3, "padding": 1}, "density": first},
        {"name": "p", "maxpool2d": 2},
        {"name": "b", "linear": 10, "density": more or {}},
    ]
    return {"workload": {"timesteps": 4, "template": "lif_bptt", "bits": BITS, "layers": layers, **keys}}


def workload(spec: Any) -> Workload:
    found = load(workload=spec).workload
    assert found is not None
    return found


def tensor(spec: Any, op: str, name: str) -> Tensor:
    return next(o for o in workload(spec).ops if o.name == op).tensor(name)


def test_a_layer_states_a_model() -> None:
    given = {"spike": {"model": "temporal", "density": 0.2, "silent": 0.5}}
    s = tensor(network(given), "a.forward", "S")
    assert s.density == Density("temporal", (("density", 0.2), ("silent", 0.5)))
    assert model_of(s).density == 0.2
    assert tensor(network({}, given), "b.forward", "S").density == s.density


def test_the_default_of_a_kind_and_a_tensor_state_models() -> None:
    half = {"model": "structured", "nonzeros": 2, "block": 4, "along": "c"}
    assert model_of(tensor(network({}, density={"weight": half}), "b.forward", "W")).density == 0.5
    op = {"name": "x", "action": "accumulate", "ranks": {"k": 8, "c": 8}, "compute": "X[k] += W[k,c] * S[c]"}
    tensors = {"W": {"kind": "weight", "density": half}, "S": {"kind": "spike"}, "X": {"kind": "current"}}
    spec = {"workload": {"bits": BITS, "density": {"spike": half}, "ops": [{**op, "tensors": tensors}]}}
    assert [model_of(tensor(spec, "x", n)).density for n in "WSX"] == [0.5, 0.5, 1]


def test_a_uniform_model_is_a_number() -> None:
    given = {"spike": {"model": "uniform", "density": 0.2}}
    assert workload(network(given)).ops == workload(network({"spike": 0.2})).ops


def test_a_pool_passes_on_the_plain_density() -> None:
    """1 - (1 - d)^w forwards, the inverse backwards; the rest of the model does not survive."""
    given = {"spike": {"model": "temporal", "density": 0.2, "silent": 0.5}}
    assert tensor(network({}, given), "a.fire", "S'").density == pytest.approx(1 - 0.8**0.25)
    assert tensor(network({"spike": 0.1}, given), "p.forward", "S").density == pytest.approx(1 - 0.8**0.25)


def test_readers_of_one_output_may_state_it_once_or_alike() -> None:
    given = {"model": "temporal", "density": 0.2, "silent": 0.5}
    spec = network({"spike": given})
    second = {"name": "d", "linear": 5, "from": "p", "density": {"spike": dict(given)}}
    spec["workload"]["layers"][2]["density"] = {"spike": dict(given)}
    spec["workload"]["layers"].append(second)
    assert sata.check(spec) == []
    second["density"] = {"spike": {**given, "silent": 0.6}}
    assert "read the same spikes" in str(sata.check(spec)[0])


def test_ops_print_back_as_they_were() -> None:
    given = {"spike": {"model": "runs", "density": 0.2, "q_row": 0.1, "q_col": 0.1, "q_in": 0.05, "along": [-2, -1]}}
    spec = network(given, {"spike": {"model": "temporal", "density": [0.1, 0.2, 0.1, 0.2], "silent": 0.5}})
    before = workload(spec)
    after = workload(ops_yaml(before))
    assert [[t.density for t in op.tensors] for op in after.ops] == [
        [t.density for t in op.tensors] for op in before.ops
    ]
    assert any(isinstance(t.density, Density) for op in after.ops for t in op.tensors)


def test_the_element_wise_counts_take_the_density_of_a_model() -> None:
    """Single operations feel no more of a model than its density."""
    model = {"spike": {"model": "temporal", "density": [0.1, 0.2, 0.1, 0.2], "silent": 0.5}}
    plain = {"spike": [0.1, 0.2, 0.1, 0.2]}
    one, two = (sata.evaluate("arch/sata.yaml", network({}, d)).ops for d in (model, plain))
    keys = ("op", "actual", "gated", "skipped", "cycles")
    assert [[op[k] for k in keys] for op in one] == [[pytest.approx(op[k]) for k in keys] for op in two]


# --- traces -------------------------------------------------------------------------------------------------------


def save(folder: Path, name: str = "spikes.npz", **arrays: Any) -> None:
    np.savez(folder / name, **arrays)


def spec_file(folder: Path, **trace: Any) -> str:
    spec = network({"spike": {"model": "trace", "file": "spikes.npz", **trace}})
    (folder / "net.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    return str(folder / "net.yaml")


def values(path: str) -> Any:
    found = model_of(tensor(path, "a.forward", "S"))
    assert isinstance(found, Trace)
    return found.values


PACKED = np.packbits(SPIKES)


@pytest.mark.parametrize(("arrays", "trace"), [
    ({"a": SPIKES}, {}),
    ({"a": SPIKES, "b": SPIKES[:1]}, {"array": "a"}),
    ({"a": SPIKES.astype(bool)}, {}),
    ({"a": SPIKES * -3.5}, {}),  # whatever is not zero
    ({"a": np.asfortranarray(SPIKES)}, {}),
    ({"a": SPIKES[:, None]}, {}),  # a batch of one
    ({"a": SPIKES.reshape(4, 108)}, {}),  # flattened images
    ({"a": SPIKES.ravel()}, {"shape": [4, 3, 6, 6]}),
    ({"a": PACKED}, {"shape": [4, 3, 6, 6]}),
    ({"a": PACKED, "a.shape": np.array([4, 3, 6, 6])}, {}),
    ({"a": PACKED, "a_shape": np.array([4, 3, 6, 6])}, {"array": "a"}),
])  # fmt: skip
def test_forms_of_a_trace(arrays: dict[str, Any], trace: dict[str, Any], tmp_path: Path) -> None:
    save(tmp_path, **arrays)
    assert (values(spec_file(tmp_path, **trace)) == SPIKES.astype(bool)).all()


@pytest.mark.parametrize("shapes", [{"a": [4, 3, 6, 6]}, {"spikes": {"a": [4, 3, 6, 6]}}])
def test_shapes_in_a_file_beside(shapes: Any, tmp_path: Path) -> None:
    save(tmp_path, a=PACKED)
    (tmp_path / "shapes.json").write_text(json.dumps(shapes), encoding="utf-8")
    assert (values(spec_file(tmp_path)) == SPIKES.astype(bool)).all()


def test_compressed_files(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "spikes.npz", a=SPIKES)
    assert (values(spec_file(tmp_path)) == SPIKES.astype(bool)).all()


def test_an_included_file_names_traces_beside_itself(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    save(tmp_path / "in", a=SPIKES)
    spec_file(tmp_path / "in")
    (tmp_path / "outer.yaml").write_text("include: in/net.yaml\n", encoding="utf-8")
    assert (values(str(tmp_path / "outer.yaml")) == SPIKES.astype(bool)).all()


def test_a_changed_trace_is_read_again_and_named_in_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save(tmp_path, a=SPIKES)
    first = sata.evaluate("arch/sata.yaml", spec_file(tmp_path))
    assert "spikes.npz" in [file["file"] for file in first.meta["files"]]
    save(tmp_path, a=np.zeros_like(SPIKES))
    second = sata.evaluate("arch/sata.yaml", str(tmp_path / "net.yaml"))
    actual = [next(op["actual"] for op in r.ops if op["op"] == "a.forward") for r in (first, second)]
    assert actual[0] > actual[1] == 0


def test_a_trace_counts_single_operations_where_its_spikes_lie(tmp_path: Path) -> None:
    """A spike in a corner takes part in fewer windows of a padded convolution than one in the middle."""
    save(tmp_path, a=SPIKES)
    ops = {op["op"]: op["actual"] for op in sata.evaluate("arch/sata.yaml", spec_file(tmp_path)).ops}
    padded = np.pad(SPIKES.astype(int), ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = sum(int(padded[:, :, r : r + 6, s : s + 6].sum()) for r in range(3) for s in range(3))
    assert ops["a.forward"] == 4 * windows  # each for four output channels


def test_a_link_that_leads_out_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    save(tmp_path, a=SPIKES)
    (tmp_path / "in" / "spikes.npz").symlink_to(tmp_path / "spikes.npz")
    monkeypatch.chdir(tmp_path / "in")
    assert "lies outside the folder" in str(sata.check(spec_file(tmp_path / "in"))[0])


@pytest.mark.parametrize("cut", [0, 10, 100, 200, 300])
def test_a_file_cut_anywhere_is_one_fault(cut: int, tmp_path: Path) -> None:
    save(tmp_path, a=SPIKES)
    content = (tmp_path / "spikes.npz").read_bytes()
    (tmp_path / "spikes.npz").write_bytes(content[:cut])
    (fault,) = sata.check(spec_file(tmp_path))
    assert "is not a .npz file, or a part of one" in str(fault)


@pytest.mark.parametrize("save_", [np.savez, np.savez_compressed])
def test_a_file_damaged_anywhere_is_at_most_one_fault(save_: Any, tmp_path: Path) -> None:
    """And never an exception of another kind."""
    save_(tmp_path / "spikes.npz", a=SPIKES)
    content, path = (tmp_path / "spikes.npz").read_bytes(), spec_file(tmp_path)
    found = 0
    for at in range(0, len(content), 7):
        (tmp_path / "spikes.npz").write_bytes(content[:at] + b"\xff\x00\xff\xff" + content[at + 4 :])
        faults = sata.check(path)
        assert len(faults) <= 1
        found += len(faults)
    assert found > 20


def test_check_and_run_say_the_same(tmp_path: Path) -> None:
    save(tmp_path, a=SPIKES[:2])
    path = spec_file(tmp_path)
    with pytest.raises(sata.SpecError) as error:
        prepare("arch/sata.yaml", path)
    assert [str(f) for f in error.value.faults] == [str(f) for f in sata.check(path)]
    shutil.rmtree(tmp_path)


def test_true_is_not_one() -> None:
    """Though Python says that they are equal: the second is not answered by what is kept of the first."""
    right = {"weight": {"model": "structured", "nonzeros": 1, "block": 4, "along": 0}}
    wrong = {"weight": {"model": "structured", "nonzeros": True, "block": 4, "along": 0}}
    assert sata.check(network(right)) == []
    assert "'nonzeros' must be a whole number" in str(sata.check(network(wrong))[0])


@pytest.mark.parametrize("text", ["1e-5", "1E-05", "0.00001", ".1e-4", "1.0e-05", "10e-6"])
def test_small_densities_are_numbers(text: str, tmp_path: Path) -> None:
    """YAML 1.1 takes 1e-05, as a template writes it, for text."""
    layer = f"{{name: a, conv2d: {{input: [3, 6, 6], out: 4, kernel: 3}}, density: {{spike: {text}}}}}"
    keys = f"timesteps: 4, template: lif_inference, bits: {json.dumps(BITS)}, density: {{spike: {text}}}"
    path = tmp_path / "small.yaml"
    path.write_text(f"workload: {{{keys}, layers: [{layer}, {{name: b, linear: 3}}]}}")
    found = [t.density for op in workload(str(path)).ops for t in op.tensors if t.kind == "spike"]
    assert found and set(found) == {1e-05}
