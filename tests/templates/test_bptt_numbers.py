"""The ops that lif_bptt makes, run on numbers, are back-propagation through time.

Two independent answers: plain numpy BPTT with real spikes and a surrogate derivative; and, for a smooth firing
function, where BPTT is the exact gradient, the derivative of the forward pass by complex steps (no backward pass).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from . import reference
from .network import Neuron, Run, step_functions, workload

STEPS = 3
_CONV = {"name": "conv", "conv2d": {"out": 4, "kernel": 3, "padding": 1}}
_OUT = {"name": "out", "linear": 3, "fires": False}


def _first(**settings: Any) -> dict[str, Any]:
    return {"name": "first", "conv2d": {"input": [2, 5, 5], "out": 4, "kernel": 3, **settings}}


def _then(**settings: Any) -> dict[str, Any]:
    return {"name": "then", "conv2d": {"out": 4, "kernel": 3, **settings}}


NETWORKS: dict[str, list[dict[str, Any]]] = {
    "plain": [_first(), _then(), _OUT],
    "padding": [_first(padding=1), _then(padding=1), _OUT],
    "stride": [_first(padding=1), _then(stride=2, padding=1), _OUT],
    "stride_leaves_a_row": [_first(padding=1), _then(stride=3, kernel=2), _OUT],
    "dilation": [_first(padding=2), _then(dilation=2, padding=1), _OUT],
    "pairs": [_first(padding=1), _then(kernel=[1, 3], stride=[2, 1], padding=[0, 2], dilation=[1, 2]), _OUT],
    "groups": [_first(padding=1), _then(groups=2, padding=1), _OUT],
    "depthwise": [_first(padding=1), _then(groups=4, padding=1),
                  {"name": "point", "conv2d": {"out": 2, "kernel": 1}}, _OUT],
    "linear": [{"name": "first", "linear": {"input": 7, "out": 8}}, {"name": "then", "linear": 5}, _OUT],
    "conv1d": [{"name": "first", "conv1d": {"input": [3, 9], "out": 4, "kernel": 3, "padding": 1}},
               {"name": "then", "conv1d": {"out": 4, "kernel": 3, "stride": 2, "dilation": 2, "groups": 2}}, _OUT],
    "maxpool": [_first(padding=1), {"name": "pool", "maxpool2d": 2}, _OUT],
    "maxpool_overlaps": [_first(padding=1), {"name": "pool", "maxpool2d": {"kernel": 3, "stride": 2, "padding": 1}},
                         _then(padding=1), _OUT],
    "avgpool": [_first(padding=1), {"name": "pool", "avgpool2d": 2}, _then(kernel=1), _OUT],
    "avgpool_overlaps": [_first(padding=1),
                         {"name": "pool", "avgpool2d": {"kernel": 3, "stride": 1, "padding": 1}}, _OUT],
    "pool_fires": [_first(padding=1), {"name": "then", "conv2d": {"out": 4, "kernel": 3}, "fires": False},
                   {"name": "pool", "avgpool2d": 3, "fires": True}, _OUT],
    "add_currents": [_first(padding=1), {**_then(padding=1), "fires": False},
                     {"name": "short", "conv2d": {"out": 4, "kernel": 1}, "from": "first", "fires": False},
                     {"name": "sum", "add": ["then", "short"], "fires": True}, _OUT],
    "add_identity": [_first(padding=1), {**_then(padding=1), "fires": False},
                     {"name": "sum", "add": {}, "from": ["then", "first"], "fires": True}, _OUT],
    "add_spikes": [_first(padding=1), _then(padding=1), {"name": "sum", "add": ["first", "then"]}, _OUT],
    "add_three": [_first(padding=1), _then(padding=1), {**_CONV, "from": "first"},
                  {"name": "sum", "add": ["first", "then", "conv"]}, _OUT],
    "fork_of_a_sum": [_first(padding=1), {**_then(padding=1), "fires": False},
                      {"name": "sum", "add": ["then", "first"], "fires": True},
                      {**_CONV, "from": "then"}, {"name": "both", "add": ["sum", "conv"]}, _OUT],
    "last_fires": [_first(padding=1), _then()],
}  # fmt: skip


def boxcar(soft: bool = False, leak: float = 0.75) -> Neuron:
    return Neuron(lambda u: float(u.real > 1), lambda u: float(abs(u - 1) < 0.5) * 0.8, 1.0, leak, soft)


def smooth(soft: bool = False, leak: float = 0.75) -> Neuron:
    def fire(u: complex) -> complex:
        return 1 / (1 + np.exp(-4 * (u - 0.5)))

    return Neuron(fire, lambda u: 4 * fire(u) * (1 - fire(u)), 0.5, leak, soft)


def case(layers: list[dict[str, Any]], seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Random weights, input spikes and loss gradient."""
    rng = np.random.default_rng(seed)
    _, body = reference._kind(layers[0])
    shape = (body["input"],) if isinstance(body["input"], int) else tuple(body["input"])
    weights = {name: rng.normal(0.1, 0.6, size) for name, size in reference.weight_shapes(layers, shape).items()}
    inputs = (rng.random((STEPS, *shape)) < 0.6).astype(float)
    last = reference.forward(layers, weights, inputs, boxcar())[layers[-1]["name"]]["S"]
    return weights, inputs, rng.normal(0, 1, last.shape)


def lively(layers: list[dict[str, Any]], neuron: Neuron) -> tuple[Any, ...]:
    """The first case in which every layer spikes and has gradients: silent ones would prove nothing."""
    for seed in range(200):
        weights, inputs, loss = case(layers, seed)
        out = reference.forward(layers, weights, inputs, neuron)
        grads = reference.backward(layers, weights, out, loss, neuron)
        if all(out[x["name"]]["S"].any() and grads[x["name"]]["dX"].any() for x in layers):
            return weights, inputs, loss, out, grads
    raise AssertionError("every case is silent")


def options(soft: bool, leak: float, **more: Any) -> dict[str, Any]:
    return {"reset": "soft" if soft else "hard", "leak": leak != 1, **more}


@pytest.mark.parametrize("soft", [False, True], ids=["hard", "soft"])
@pytest.mark.parametrize("leak", [0.75, 1.0], ids=["leak", "no_leak"])
@pytest.mark.parametrize("name", NETWORKS)
def test_ops_are_bptt_with_spikes(name: str, soft: bool, leak: float) -> None:
    layers, neuron = NETWORKS[name], boxcar(soft, leak)
    weights, inputs, loss, out, grads = lively(layers, neuron)
    work = workload(layers, STEPS, **options(soft, leak, first_backward=True))
    run = Run(work, layers, step_functions(neuron)).run(weights, inputs, loss)
    compared = set()
    for layer in layers:
        key = layer["name"]
        expected = {"X": out[key]["X"], "S'": out[key]["S"], "V": out[key].get("V"), "dU": grads[key]["dX"],
                    "dS'": grads[key]["dS"], "dW": grads[key].get("dW")}  # fmt: skip
        for tensor, want in expected.items():
            if (key, tensor) in run.values and want is not None:
                np.testing.assert_allclose(run.values[key, tensor].reshape(want.shape), want, rtol=1e-12, atol=1e-12,
                                           err_msg=f"{key}.{tensor}")  # fmt: skip
                compared.add(tensor)
        if "dW" in grads[key]:
            updated = run.values[key, "W"].reshape(weights[key].shape)
            np.testing.assert_allclose(updated, weights[key] - 0.1 * grads[key]["dW"], rtol=1e-12, atol=1e-12)
    assert {"X", "S'", "V", "dU", "dW"} <= compared
    first = run._value(layers[0]["name"], "dS")
    want = _input_gradient(layers, weights, out, grads)
    np.testing.assert_allclose(first.reshape(want.shape), want, rtol=1e-12, atol=1e-12)


def _input_gradient(layers: list[dict[str, Any]], weights: dict[str, np.ndarray], out: Any, grads: Any) -> np.ndarray:
    kind, body = reference._kind(layers[0])
    (pulled,), _ = reference._linear_back(kind, body if kind != "linear" else body["out"], [out["input"]["S"]],
                                          weights[layers[0]["name"]], grads[layers[0]["name"]]["dX"])  # fmt: skip
    return pulled


@pytest.mark.parametrize("soft", [False, True], ids=["hard", "soft"])
@pytest.mark.parametrize("leak", [0.75, 1.0], ids=["leak", "no_leak"])
@pytest.mark.parametrize("name", NETWORKS)
def test_smooth_neurons_give_the_exact_gradient(name: str, soft: bool, leak: float) -> None:
    layers, neuron = NETWORKS[name], smooth(soft, leak)
    weights, inputs, loss = case(layers, seed=1)
    run = Run(workload(layers, STEPS, **options(soft, leak)), layers, step_functions(neuron)).run(weights, inputs, loss)
    rng = np.random.default_rng(2)
    for key, w in weights.items():
        dw = run.values[key, "dW"].reshape(w.shape)
        for _ in range(2):  # along random directions, so that every weight takes part
            direction = rng.normal(0, 1, w.shape)
            moved = {**weights, key: w + 1e-30j * direction}
            sent = reference.forward(layers, moved, inputs.astype(complex), neuron)[layers[-1]["name"]]["S"]
            exact = np.sum(loss * sent).imag / 1e-30
            np.testing.assert_allclose(np.sum(dw * direction), exact, rtol=1e-10, atol=1e-12, err_msg=key)


@pytest.mark.parametrize("soft", [False, True], ids=["hard", "soft"])
@pytest.mark.parametrize(
    "name", ["stride", "add_currents", "add_identity", "add_spikes", "pool_fires", "fork_of_a_sum"]
)
def test_recomputing_potentials_changes_no_number(name: str, soft: bool) -> None:
    layers, neuron = NETWORKS[name], boxcar(soft)
    weights, inputs, loss, *_ = lively(layers, neuron)
    stored = Run(workload(layers, STEPS, **options(soft, 0.75)), layers, step_functions(neuron)).run(
        weights, inputs, loss
    )
    work = workload(layers, STEPS, **options(soft, 0.75, keep_potentials="recompute"))
    again = _Forgetful(work, layers, step_functions(neuron)).run(weights, inputs, loss)
    for key in weights:
        np.testing.assert_array_equal(stored.values[key, "dW"], again.values[key, "dW"])
    assert not any(kept.tensor == "V" for kept in work.kept)


class _Forgetful(Run):
    """Once the backward pass begins, only what the workload says is kept is still there."""

    def _inputs(self, op: Any) -> dict[str, np.ndarray]:
        if op.stage != "forward" and not hasattr(self, "forgot"):
            self.forgot = True
            kept = {(kept.layer, kept.tensor) for kept in self.work.kept} | {("input", "S'")}
            self.values = {
                key: value for key, value in self.values.items() if key in kept or key[1] in ("W", "dU", "dS'")
            }
        return super()._inputs(op)


@pytest.mark.parametrize("name", NETWORKS)
def test_kept_is_all_that_the_backward_pass_needs(name: str) -> None:
    layers, neuron = NETWORKS[name], boxcar()
    weights, inputs, loss = case(layers)
    work = workload(layers, STEPS)
    _Forgetful(work, layers, step_functions(neuron)).run(weights, inputs, loss)  # a missing tensor would raise


@pytest.mark.parametrize("name", ["plain", "maxpool", "avgpool", "groups", "conv1d", "add_spikes"])
def test_ann_training_is_back_propagation(name: str) -> None:
    """One step, ReLU: by complex steps."""
    layers = NETWORKS[name]
    weights, inputs, loss = case(layers)
    inputs, loss = np.random.default_rng(5).normal(0, 1, inputs[:1].shape), loss[:1]
    relu = Neuron(lambda u: u if u.real > 0 else 0.0 * u, lambda u: float(u.real > 0), 0.0, 0.0)
    run = Run(workload(layers, STEPS, "ann_training"), layers, step_functions(relu)).run(weights, inputs, loss)
    for key, w in weights.items():
        direction = np.random.default_rng(6).normal(0, 1, w.shape)
        moved = {**weights, key: w + 1e-30j * direction}
        sent = reference.forward(layers, moved, inputs.astype(complex), relu)[layers[-1]["name"]]["S"]
        np.testing.assert_allclose(
            np.sum(run.values[key, "dW"].reshape(w.shape) * direction), np.sum(loss * sent).imag / 1e-30, rtol=1e-10
        )


def test_a_batch_shares_its_weights() -> None:
    """Two images at once give the sum of their weight gradients."""
    layers, neuron = NETWORKS["stride"], boxcar()
    weights, one, loss = case(layers)
    two = case(layers, seed=9)[1]
    work = workload(layers, STEPS, batch=2)
    both = Run(work, layers, step_functions(neuron)).run(weights, np.array([one, two]), np.array([loss, loss]))
    apart = [Run(workload(layers, STEPS), layers, step_functions(neuron)).run(weights, x, loss) for x in (one, two)]
    for key in weights:
        total = sum(run.values[key, "dW"] for run in apart)
        np.testing.assert_allclose(both.values[key, "dW"], total, rtol=1e-12, atol=1e-12)
