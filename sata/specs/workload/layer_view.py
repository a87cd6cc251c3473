"""What a template sees of a layer: plain data, with indices and ranks written out.

Ranks: n batch (only if there is more than one), t time, g groups (only if there is more than one), k output channels,
c input channels, p, q output positions, r, s kernel. A linear layer is k, c alone; pools have no c.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sata.specs.model import Density
from sata.specs.workload.layer_densities import Signals
from sata.specs.workload.layers import Layer
from sata.specs.workload.shapes import TYPES

_OUT = ("p", "q")
_KERNEL = ("r", "s")


def view(layer: Layer, layers: Mapping[str, Layer], signals: Signals, timesteps: int, batch: int) -> dict[str, Any]:
    """The names that docs/templates.md lists, for one layer."""
    behind_weights = layer.has_weights or layer.fires
    to_source = "potential_gradient" if layer.receives[0] == "current" else "gradient"
    to_layer = "potential_gradient" if layer.sends == "current" else "gradient"
    return {
        "name": layer.name, "type": layer.type, "fires": layer.fires, "has_weights": layer.has_weights,
        "pools": TYPES[layer.type].pools, "receives": layer.receives[0], "binary": layer.receives[0] == "spike",
        "sends": layer.sends, "reads_input": layer.reads_input, "learns_above": layer.learns_above,
        "learns": layer.has_weights or layer.learns_above,
        "result": "X" if behind_weights else "S'", "result_kind": "current" if behind_weights else layer.sends,
        "result_gradient": "dU" if behind_weights else "dS'",
        "output_gradient": "dU" if layer.has_weights and not layer.fires else "dS'",
        "result_gradient_kind": signals.potential_gradient if behind_weights else getattr(signals, to_layer),
        "output_gradient_kind": getattr(signals, to_layer), "input_gradient_kind": getattr(signals, to_source),
        "sources": [{"tensor": f"S{i}", "name": name, "kind": kind, "density": _sent(name, layers)}
                    for i, (name, kind) in enumerate(zip(layer.sources, layer.receives, strict=True), 1)],
        "readers": [_reader(f"D{i}", layers[name], signals, to_layer) for i, name in enumerate(layer.readers, 1)],
        "keeps_input": layer is next((x for x in layers.values() if x.reads_input), None),
        "output_needed": _output_needed(layer, layers), "makes_potential": _makes_potential(layer, layers),
        "density": {role: _data(d) for role, d in layer.density.items()}, **_indices(layer, timesteps, batch),
    }  # fmt: skip


def _sent(name: str, layers: Mapping[str, Layer]) -> Any:
    return _data(layers[name].density["output"]) if name in layers else None


def _data(density: Any) -> Any:
    """A density as it stands in YAML."""
    return density.data() if isinstance(density, Density) else density


def _reader(tensor: str, reader: Layer, signals: Signals, to_layer: str) -> dict[str, Any]:
    """Who reads this layer, and the gradient that comes back from there (an addition hands on its own)."""
    kind = getattr(signals, to_layer)
    if reader.type == "add":
        kind = signals.potential_gradient if reader.fires or reader.sends == "current" else signals.gradient
    return {"tensor": tensor, "name": reader.name, "type": reader.type, "fires": reader.fires, "kind": kind,
            "has_weights": reader.has_weights}  # fmt: skip


def _output_needed(layer: Layer, layers: Mapping[str, Layer]) -> bool:
    """Does training need the values that this layer sends? Sums that only flow into other sums are not."""
    readers = [layers[name] for name in layer.readers]
    return layer.sends == "spike" or any(r.has_weights or r.type == "maxpool2d" for r in readers)


def _makes_potential(layer: Layer, layers: Mapping[str, Layer]) -> str:
    """The last layer whose neurons this layer's sum reaches without being kept on the way; itself if it fires."""
    if layer.fires:
        return layer.name
    if layer.sends != "current" or _output_needed(layer, layers):
        return ""
    return next((found for name in reversed(layer.readers) if (found := _makes_potential(layers[name], layers))), "")


def _indices(layer: Layer, timesteps: int, batch: int) -> dict[str, Any]:
    """`ranks` of the whole layer, `out_ranks` of its result; W, S, X, U: indices; `S_shape`: sizes of the input."""
    settings, groups = layer.settings, layer.settings.groups
    outer = ({"n": batch} if batch > 1 else {}) | {"t": timesteps}
    group = {"g": groups} if groups > 1 else {}
    space = dict(zip(_OUT, layer.shape_out[1:], strict=False))
    kernel = dict(zip(_KERNEL, settings.kernel, strict=False))
    k = {"k": layer.shape_out[0] // groups}
    c = {"c": layer.shape_in[0] // groups} if layer.has_weights else {}
    channel = c or k  # of the input: a pool works channel by channel
    axes = zip(space, kernel, settings.stride, settings.dilation, settings.padding, strict=False)
    window = [_index(*axis) for axis in axes] if kernel else list(space)
    out = outer | group | k | space
    state = {rank: size for rank, size in out.items() if rank != "t"}
    return {
        "ranks": outer | group | k | c | space | kernel, "out_ranks": out, "weight_ranks": group | k | c | kernel,
        "W": ",".join([*group, *k, *c, *kernel]), "X": ",".join(out), "U": ",".join(state),
        "S": ",".join([*outer, *group, *channel, *window]),
        "S_shape": [*outer.values(), *group.values(), *channel.values(), *layer.shape_in[1:]],
        "timesteps": timesteps, "batch": batch,
    }  # fmt: skip


def _index(out: str, kernel: str, stride: int, dilation: int, padding: int) -> str:
    """`2*p+r-1`: the input position under output position p and kernel position r."""
    first = out if stride == 1 else f"{stride}*{out}"
    second = kernel if dilation == 1 else f"{dilation}*{kernel}"
    return f"{first}+{second}" + (f"-{padding}" if padding else "")
