"""Which density each tensor of a layer has, from what the layers and the workload's default say.

A layer speaks of kinds. `spike` (or `activation`, `current`) is the density of the layer's input; `weight`,
`surrogate` and the gradients are its own: `potential_gradient` of dU, `spike_gradient` of the gradient of its output.

Assumptions, where nothing is said for a tensor itself:
- All who read one layer's output read the same tensor: what one of them states holds for all.
- A pool, max or average, makes a non-zero of a window with any non-zero, independently: with windows of w elements,
  `d_out = 1 - (1 - d_in)^w`, and backwards `d_in = 1 - (1 - d_out)^(1/w)`. Spikes cluster, so a measured density is
  better: state it.
- The gradient of a max pool goes to one element of a window: density of dS is that of dS' over w, where windows do
  not overlap.
- Templates that have one kind for both gradients (ANNs) mean dU by it, behind the activation function; the
  gradient in front of it is dense.
- A density model passes through a pool as its parameter `density`, by the same formulas, without what else it says of
  the distribution. One without that parameter (a trace, a band) says nothing of what a pool makes of it: that the layer
  behind, or before, must state its own is an error that says so.
Anything else has the workload's default, or is dense.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sata.specs.model import Density as Model
from sata.specs.text.faults import Faults, Where, did_you_mean
from sata.specs.workload.density import parse_density, plain_density
from sata.specs.workload.shapes import Place

if TYPE_CHECKING:
    from sata.specs.workload.layers import Layer

Density = float | tuple[float, ...] | Model | None  # for all time steps | for each of them | more than that | dense
SIGNALS = ("spike", "activation", "current")
ROLES = ("input", "output", "weight", "surrogate", "input_gradient", "output_gradient", "potential_gradient")


OF_AVERAGES = (
    "for spikes again give the pool neurons (fires: true), or take maxpool2d"  # if means of spikes are not meant
)


@dataclass(frozen=True, slots=True)
class Signals:
    """What a template calls things: what neurons send, the network's input, gradients of outputs and of potentials."""

    emits: str = "spike"
    network_input: str = "spike"
    gradient: str = "spike_gradient"
    potential_gradient: str = "potential_gradient"

    @property
    def gradient_density(self) -> str:
        """The kind that states the density of the gradient of an output; empty where the kind means dU."""
        return "" if self.gradient == self.potential_gradient else self.gradient


def parse_densities(value: Mapping[str, Any], place: Place, kinds: Sequence[str], timesteps: int) -> dict[str, Density]:
    """`{spike: 0.1, surrogate: [0.4, 0.3]}` -> kind: density. What is wrong becomes a fault and is left out."""
    densities: dict[str, Density] = {}
    for kind, given in value.items():
        if kind not in kinds:
            hint = did_you_mean(kind, kinds) or f"kinds: {', '.join(kinds)}"
            place.add_at_key(f"unknown kind '{kind}'", "density", kind, hint=hint)
            continue

        def at(key: str | None = None, kind: str = kind) -> Where:
            path = (*place.path, "density", kind)
            return place.doc.where(path) if key is None else place.doc.where((*path, key), True)

        density = parse_density(given, at, place.faults)
        if isinstance(density, tuple) and kind == "weight":
            place.add("weights are the same at all time steps: one number is expected", "density", kind)
        elif isinstance(density, tuple) and len(density) != timesteps:
            place.add(f"{len(density)} numbers for {timesteps} time steps", "density", kind)
        else:
            densities[kind] = density
    return densities


def resolve_densities(layers: Sequence[Layer], default: Mapping[str, Density], signals: Signals,
                      faults: Faults) -> dict[str, dict[str, Density]]:  # fmt: skip
    """Layer name -> role (`ROLES`, then every kind that is stated) -> density."""
    by_name = {layer.name: layer for layer in layers}
    outputs = _outputs(layers, by_name, default, signals, faults)
    gradients: dict[str, Density] = {}
    for layer in reversed(layers):  # readers first
        gradients[layer.name] = _gradient(layer, by_name, gradients, default, signals, faults)
    resolved = {}
    for layer in layers:
        own = {**default, **layer.stated}
        source = by_name.get(layer.sources[0])
        if layer.type == "maxpool2d" and not _overlaps(layer) and not _stays(gradients[layer.name]):
            back = _through(_or_dense(gradients[layer.name]), _routed(layer))
        else:
            alone = source is not None and len(source.readers) == 1
            back = gradients[layer.sources[0]] if alone else default.get(signals.gradient_density)
        roles = dict.fromkeys(ROLES) | own
        roles |= {"input": outputs[layer.sources[0]], "output": outputs[layer.name]}
        roles |= {"input_gradient": back, "output_gradient": gradients[layer.name]}
        roles["potential_gradient"] = own.get(signals.potential_gradient)
        resolved[layer.name] = roles
    return resolved


def _outputs(layers: Sequence[Layer], by_name: Mapping[str, Layer], default: Mapping[str, Density],
             signals: Signals, faults: Faults) -> dict[str, Density]:  # fmt: skip
    """The density of what each producer sends: as its readers state it, through pools, or by default."""
    sends = {layer.name: layer.sends for layer in layers}
    for layer in layers:
        for source in layer.sources:
            sends.setdefault(source, signals.network_input)
    outputs: dict[str, Density] = {}
    readers: dict[str, list[Layer]] = {name: [] for name in sends}
    for layer in layers:
        for source in layer.sources:
            readers[source].append(layer)
        _check_speaks_of_input(layer, [sends[s] for s in layer.sources], by_name, signals, faults)
    for name, kind in sends.items():
        said = [layer for layer in readers[name] if kind in layer.stated and len(layer.sources) == 1]
        for other in said[1:]:
            if other.stated[kind] != said[0].stated[kind]:
                faults.add(other.where, f"'{said[0].name}' and '{other.name}' read the same {kind}s of '{name}', but "
                           f"state the densities {said[0].stated[kind]} and {other.stated[kind]}")  # fmt: skip
        if said:
            outputs[name] = said[0].stated[kind]
    for layer in reversed(layers):  # from a pool's output to its input
        source = layer.sources[0]
        if _passes_on(layer) and layer.name in outputs and source not in outputs:
            lost = _Lost(f"comes out of '{layer.name}'", "what goes in", layer, sends[source])
            outputs[source] = _passed(outputs[layer.name], _before_pool(layer), lost, faults)
    for name, kind in sends.items():
        pool = by_name.get(name)
        if name in outputs:
            continue
        if pool and _passes_on(pool) and pool.sources[0] in outputs:
            lost = _Lost(f"goes into '{name}'", "what comes out", (*readers[name], pool)[0], kind)
            outputs[name] = _passed(outputs[pool.sources[0]], _after_pool(pool), lost, faults)
        if outputs.get(name) is None:
            outputs[name] = default.get(kind)
    return outputs


def _check_speaks_of_input(layer: Layer, kinds: Sequence[str], by_name: Mapping[str, Layer], signals: Signals,
                           faults: Faults) -> None:  # fmt: skip
    """A density of the wrong input kind would be ignored: say so. (Under an ANN template, `spike` serves its twin.)"""
    spoken = [kind for kind in SIGNALS if kind in layer.stated]
    if signals.emits not in spoken or set(spoken) & set(kinds):
        return
    pools = [by_name[s] for s in layer.sources if s in by_name and by_name[s].averages_spikes]
    why = f", which '{pools[0].name}' ({pools[0].type}) makes of spikes" if pools else ""
    hint = f"say density: {{{kinds[0]}: ...}}"
    faults.add(layer.where, f"'{layer.name}' states the density of its input {signals.emits}s, but its input is of "
               f"the kind {kinds[0]}{why}", f"{OF_AVERAGES}, or {hint}" if pools else hint)  # fmt: skip


def _gradient(layer: Layer, by_name: Mapping[str, Layer], gradients: Mapping[str, Density],
              default: Mapping[str, Density], signals: Signals, faults: Faults) -> Density:  # fmt: skip
    if signals.gradient_density in layer.stated:
        return layer.stated[signals.gradient_density]
    if len(layer.readers) == 1:
        reader = by_name[layer.readers[0]]
        if reader.type == "maxpool2d" and not _overlaps(reader):
            covered = tuple(n * k for n, k in zip(reader.shape_out[1:], reader.settings.kernel, strict=True))
            if covered == reader.shape_in[1:]:  # a row that no window covers gets no gradient, which w does not say
                lost = _Lost(f"comes back to '{reader.name}'", "what it sends on", layer, signals.gradient_density)
                return _passed(_or_dense(gradients[reader.name]), _routed(reader), lost, faults)
    return default.get(signals.gradient_density)


def _passes_on(layer: Layer) -> bool:
    """Is this a pool whose output is the pooled values themselves?"""
    return layer.type in ("maxpool2d", "avgpool2d") and not layer.fires


def _after_pool(pool: Layer) -> Callable[[float], float]:
    window = math.prod(pool.settings.kernel)
    return lambda d: 1 - (1 - d) ** window


def _before_pool(pool: Layer) -> Callable[[float], float]:
    window = math.prod(pool.settings.kernel)
    return lambda d: 1 - (1 - d) ** (1 / window)


def _routed(pool: Layer) -> Callable[[float], float]:
    window = math.prod(pool.settings.kernel)
    return lambda d: d / window


def _or_dense(density: Density) -> Density:
    return 1.0 if density is None else density


def _overlaps(layer: Layer) -> bool:
    return any(stride < kernel for stride, kernel in zip(layer.settings.stride, layer.settings.kernel, strict=True))


def _through(density: Density, f: Callable[[float], float]) -> Density:
    """`f` of a density, step by step."""
    plain = plain_density(density)
    if isinstance(plain, tuple):
        return tuple(f(d) for d in plain)
    return None if plain is None else f(plain)


def _stays(density: Density) -> bool:
    """Is this a model of which a pool makes nothing that is known?"""
    return isinstance(density, Model) and "density" not in density.given()


@dataclass(frozen=True, slots=True)
class _Lost:
    """What a pool hides where a model does not pass it: of what the model is, of what it is not, and who could say."""

    stated: str
    wanted: str
    speaker: Layer
    kind: str


def _passed(density: Density, f: Callable[[float], float], lost: _Lost, faults: Faults) -> Density:
    """`_through`; where it does not follow, a fault at the density that was stated: another has to be, by `speaker`."""
    if _stays(density):
        assert isinstance(density, Model)
        message = (f"a density of the model '{density.model}' is of what {lost.stated}; {lost.wanted} does not follow "
                   f"from it and has to be stated too")  # fmt: skip
        hint = f"in layer '{lost.speaker.name}': density: {{{lost.kind}: ...}}"
        faults.add(density.where if density.where.line else lost.speaker.where, message, hint)
    return _through(density, f)
