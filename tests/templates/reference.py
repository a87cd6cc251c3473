"""A spiking network written plainly in numpy, without ops, templates or einsums: whole arrays, padded, step by step.

`forward` works for complex numbers too, so that derivatives can be taken by complex steps: exact to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .network import Neuron

Layers = list[dict[str, Any]]


def weight_shapes(layers: Layers, input_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Shapes of all weights, found by running zeros through the network."""
    shapes: dict[str, tuple[int, ...]] = {}
    sent = {"input": np.zeros((1, *input_shape))}
    for i, layer in enumerate(layers):
        read = [sent[name] for name in _reads(layers, i)]
        kind, body = _kind(layer)
        if kind == "linear":
            shapes[layer["name"]] = (body["out"] if isinstance(body, dict) else body, read[0].size)
        elif kind.startswith("conv"):
            kernel = body["kernel"] if isinstance(body["kernel"], list) else [body["kernel"]] * (read[0].ndim - 2)
            shapes[layer["name"]] = (body["out"], read[0].shape[1] // body.get("groups", 1), *kernel)
        weight = np.zeros(shapes[layer["name"]]) if layer["name"] in shapes else None
        sent[layer["name"]] = _linear(kind, body, read, weight)
    return shapes


def forward(
    layers: Layers, weights: Mapping[str, np.ndarray], inputs: np.ndarray, neuron: Neuron
) -> dict[str, dict[str, np.ndarray]]:
    """inputs [T, ...] -> per layer X (the sum), and V and S (potentials and what is sent), all [T, ...]."""
    out: dict[str, dict[str, np.ndarray]] = {"input": {"S": inputs}}
    for i, layer in enumerate(layers):
        kind, body = _kind(layer)
        x = _linear(kind, body, [out[name]["S"] for name in _reads(layers, i)], weights.get(layer["name"]))
        record = {"X": x, "S": x}
        if _fires(layer):
            u, s = np.zeros_like(x[0]), np.zeros_like(x[0])
            potentials, spikes = [], []
            for now in x:
                u = neuron.leak * (u - neuron.threshold * s if neuron.soft else u * (1 - s)) + now
                s = np.vectorize(neuron.fire, otypes=[x.dtype])(u)
                potentials.append(u)
                spikes.append(s)
            record |= {"V": np.array(potentials), "S": np.array(spikes)}
        out[layer["name"]] = record
    return out


def backward(layers: Layers, weights: Mapping[str, np.ndarray], out: Mapping[str, Mapping[str, np.ndarray]],
             loss_gradient: np.ndarray, neuron: Neuron) -> dict[str, dict[str, np.ndarray]]:  # fmt: skip
    """Per layer dX (of its sum), dS (of what it sends), dW: the chain rule over the unrolled steps, last step first."""
    sent = {name: np.zeros_like(record["S"]) for name, record in out.items()}
    sent[layers[-1]["name"]] = loss_gradient.reshape(sent[layers[-1]["name"]].shape).copy()
    grads: dict[str, dict[str, np.ndarray]] = {}
    for i in range(len(layers) - 1, -1, -1):
        layer, name = layers[i], layers[i]["name"]
        kind, body = _kind(layer)
        dx = sent[name]
        if _fires(layer):
            potentials, spikes = out[name]["V"], out[name]["S"]
            slopes = np.vectorize(neuron.slope, otypes=[float])(potentials)
            dx, into_u, into_s = np.zeros_like(dx), np.zeros_like(dx[0]), np.zeros_like(dx[0])
            for t in range(len(dx) - 1, -1, -1):
                # u[t+1] = leak * (u[t] - theta * s[t]) + x, or leak * u[t] * (1 - s[t]) + x; s[t] = fire(u[t])
                total_s = sent[name][t] + into_s
                dx[t] = total_s * slopes[t] + into_u
                if t:
                    into_u = neuron.leak * dx[t] * (1 if neuron.soft else 1 - spikes[t - 1])
                    into_s = -neuron.leak * dx[t] * (neuron.threshold if neuron.soft else potentials[t - 1])
        reads = _reads(layers, i)
        pulled, dw = _linear_back(kind, body, [out[r]["S"] for r in reads], weights.get(name), dx)
        for source, part in zip(reads, pulled, strict=True):
            sent[source] = sent[source] + part
        grads[name] = {"dX": dx, "dS": sent[name]} | ({"dW": dw} if dw is not None else {})
    return grads


def _reads(layers: Layers, i: int) -> list[str]:
    named = layers[i].get("from") or layers[i].get("add") or (layers[i - 1]["name"] if i else "input")
    return named if isinstance(named, list) else [named]


def _kind(layer: Mapping[str, Any]) -> tuple[str, Any]:
    return next((key, value) for key, value in layer.items() if key not in ("name", "from", "fires", "density"))


def _fires(layer: Mapping[str, Any]) -> bool:
    fires: bool = layer.get("fires", _kind(layer)[0] in ("conv1d", "conv2d", "linear"))
    return fires


def _window(body: Any, axes: int) -> tuple[list[int], list[int], list[int], list[int]]:
    """kernel, stride, padding, dilation of each axis."""
    pool = not isinstance(body, dict) or "out" not in body
    body = body if isinstance(body, dict) else {"kernel": body}
    full = {"stride": body["kernel"] if pool else 1, "padding": 0, "dilation": 1, **body}
    each = [
        full[key] if isinstance(full[key], list) else [full[key]] * axes
        for key in ("kernel", "stride", "padding", "dilation")
    ]
    return each[0], each[1], each[2], each[3]


def _padded(x: np.ndarray, padding: list[int], value: float = 0.0) -> np.ndarray:
    return np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)], constant_values=value)


def _slices(
    padded: tuple[int, ...], window: tuple[list[int], ...], out: tuple[int, ...], tap: tuple[int, ...]
) -> tuple[slice, ...]:
    """Where kernel tap `tap` reads, for all output positions at once."""
    _, stride, _, dilation = window
    return tuple(
        slice(d * i, d * i + s * (n - 1) + 1, s) for i, s, d, n in zip(tap, stride, dilation, out, strict=True)
    )


def _positions(shape: tuple[int, ...], window: tuple[list[int], ...]) -> tuple[int, ...]:
    return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(shape, *window, strict=True))


def _linear(kind: str, body: Any, read: list[np.ndarray], weight: np.ndarray | None) -> np.ndarray:
    x = read[0]
    if kind == "add":
        return np.sum(np.array(read), axis=0)
    if kind == "linear":
        assert weight is not None
        return x.reshape(len(x), -1) @ weight.T
    window = _window(body, x.ndim - 2)
    out = _positions(x.shape[2:], window)
    padded = _padded(x, window[2], -np.inf if kind == "maxpool2d" else 0.0)
    taps = list(np.ndindex(*window[0]))
    parts = [padded[(slice(None), slice(None), *_slices(padded.shape, window, out, tap))] for tap in taps]
    if kind == "avgpool2d":
        return np.sum(np.array(parts), axis=0)
    if kind == "maxpool2d":
        stacked = np.array(parts)
        return np.take_along_axis(stacked, np.argmax(stacked.real, axis=0)[None], axis=0)[0]
    assert weight is not None
    groups = body.get("groups", 1)
    sums = []
    for g in range(groups):
        channels = slice(g * weight.shape[1], (g + 1) * weight.shape[1])
        filters = weight[g * (len(weight) // groups) : (g + 1) * (len(weight) // groups)]
        sums.append(sum(np.einsum("tc...,kc->tk...", part[:, channels], filters[(slice(None), slice(None), *tap)])
                        for tap, part in zip(taps, parts, strict=True)))  # fmt: skip
    return np.concatenate(sums, axis=1)


def _linear_back(kind: str, body: Any, read: list[np.ndarray], weight: np.ndarray | None,
                 dx: np.ndarray) -> tuple[list[np.ndarray], np.ndarray | None]:  # fmt: skip
    """The gradients of what was read, and of the weights."""
    x = read[0]
    if kind == "add":
        return [dx for _ in read], None
    if kind == "linear":
        assert weight is not None
        dx = dx.reshape(len(dx), -1)
        return [(dx @ weight).reshape(x.shape)], dx.T @ x.reshape(len(x), -1)
    window = _window(body, x.ndim - 2)
    out = _positions(x.shape[2:], window)
    padded = _padded(x, window[2], -np.inf if kind == "maxpool2d" else 0.0)
    back = np.zeros(padded.shape)
    dw = None if weight is None else np.zeros(weight.shape)
    taps = list(np.ndindex(*window[0]))
    stacked = np.array([padded[(slice(None), slice(None), *_slices(padded.shape, window, out, tap))] for tap in taps])
    for i, tap in enumerate(taps):
        where = (slice(None), slice(None), *_slices(padded.shape, window, out, tap))
        if kind == "avgpool2d":
            back[where] += dx
        elif kind == "maxpool2d":
            back[where] += dx * (np.argmax(stacked, axis=0) == i)
        else:
            assert weight is not None and dw is not None
            groups = body.get("groups", 1)
            c, k = weight.shape[1], len(weight) // groups
            for g in range(groups):
                own, filters = slice(g * c, (g + 1) * c), slice(g * k, (g + 1) * k)
                at = (filters, slice(None), *tap)
                back[(slice(None), own, *where[2:])] += np.einsum("tk...,kc->tc...", dx[:, filters], weight[at])
                flat = [a.reshape(*a.shape[:2], -1) for a in (dx[:, filters], stacked[i][:, own])]
                dw[at] = np.einsum("tkp,tcp->kc", *flat)
    crop = tuple(slice(p, n - p) for p, n in zip(window[2], padded.shape[2:], strict=True))
    return [back[(slice(None), slice(None), *crop)]], dw
