"""Layer form: `layers:` of a workload -> frozen `Layer` objects with shapes, what flows between them, and densities.

A layer reads the output of another (or of several, `add`). What flows is `spike` (0 or 1), `activation` (several
bits) or `current` (a sum that passed no neuron). The network's input is a producer too, called `input`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from sata.specs.text.faults import Faults, Where, did_you_mean
from sata.specs.text.source import Doc
from sata.specs.workload.layer_densities import Density, Signals, parse_densities, resolve_densities
from sata.specs.workload.shapes import TYPES, Place, Settings, Shape, output_shape, parse_settings, shape_text

NETWORK_INPUT = "input"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer. Shapes are without time and batch; a linear layer's `shape_in` is flat.

    `sources`: whose outputs it reads. `receives`, `sends`: the kinds of its inputs and of its output.
    `learns_above`: some layer upstream has weights, so training needs the gradient of this layer's input.
    `stated`: densities by kind as the layer or the workload's default says; `density`: by role, see layer_densities.py.
    """

    name: str
    type: str
    settings: Settings
    sources: tuple[str, ...]
    shape_in: Shape
    shape_out: Shape
    fires: bool
    receives: tuple[str, ...] = ()
    sends: str = ""
    readers: tuple[str, ...] = ()
    learns_above: bool = False
    stated: Mapping[str, Density] = field(default_factory=dict)
    density: Mapping[str, Density] = field(default_factory=dict)
    where: Where = Where()

    @property
    def has_weights(self) -> bool:
        return TYPES[self.type].weights

    @property
    def reads_input(self) -> bool:
        return NETWORK_INPUT in self.sources

    @property
    def averages_spikes(self) -> bool:
        """Does it make means of spikes, of several bits each, that no neurons turn into spikes again?"""
        return self.type == "avgpool2d" and not self.fires and "spike" in self.receives


def parse_layers(doc: Doc, faults: Faults, signals: Signals, kinds: Sequence[str]) -> tuple[Layer, ...] | None:
    """The layers of a workload that has passed its schema. None after a fault; all faults found are added.

    `signals` says what neurons send and how gradients are called, `kinds` which kinds a density may speak of.
    """
    before = len(faults)
    workload = doc.data["workload"]
    items = workload["layers"]
    steps = int(workload.get("timesteps", 1))
    default = parse_densities(workload.get("density", {}), Place(doc, ("workload",), faults), kinds, steps)
    names = {item["name"] for item in items}
    known: dict[str, Layer] = {}
    broken: set[str] = set()  # layers with faults: those that read them are not blamed for it
    previous = NETWORK_INPUT
    for i, item in enumerate(items):
        place = Place(doc, ("workload", "layers", i), faults)
        name = item["name"]
        stated = parse_densities(item.get("density", {}), place, kinds, steps)
        named = _check_name(name, place, known.keys() | broken)
        layer = _layer(item, place, _Above(previous, known, broken, names), signals) if named else None
        if layer is not None:
            known[name] = replace(layer, stated=stated)
        elif name not in known:
            broken.add(name)
        previous = name
    if len(faults) > before:
        return None
    layers = _linked(tuple(known.values()))
    resolved = resolve_densities(layers, default, signals, faults)
    return None if len(faults) > before else tuple(replace(x, density=resolved[x.name]) for x in layers)


@dataclass(frozen=True, slots=True)
class _Above:
    """What stands above a layer: the one before it, all of them, those with faults; and every name there is."""

    previous: str
    known: Mapping[str, Layer]
    broken: set[str]
    names: set[str]


def _check_name(name: str, place: Place, taken: set[str]) -> bool:
    if not _NAME.fullmatch(name):
        place.add(
            f"'{name}' is not a name for a layer", "name", hint="use letters, digits, '_' and '-', a letter first"
        )
    elif name == NETWORK_INPUT:
        place.add("'input' is the network's input", "name", hint="give the layer another name")
    elif name in taken:
        place.add(f"'{name}' is a second layer of that name", "name", hint="ops and results are distinguished by it")
    else:
        return True
    return False


def _layer(item: Mapping[str, Any], place: Place, above: _Above, signals: Signals) -> Layer | None:
    """One layer, but for its readers and densities. None after a fault, or where it reads a layer that has one."""
    name: str = item["name"]
    types = [key for key in item if key in TYPES]
    if len(types) != 1:
        said = f"not both {' and '.join(types)}" if types else "and this has none"
        place.add(f"{name}: a layer has one type, {said}", hint=f"types: {', '.join(TYPES)}")
        return None
    kind = types[0]
    sources = _sources(item, kind, place, above)
    if sources is None:
        return None
    settings, given = parse_settings(kind, item[kind])
    shape = _input_shape(name, kind, sources, given, place, above.known)
    if shape is None:
        return None
    source = "the network's input" if sources[0] == NETWORK_INPUT else f"'{sources[0]}'"
    out = output_shape(kind, settings, shape, name, source, place)
    if out is None:
        return None
    fires = item.get("fires", TYPES[kind].weights)  # pools and additions have neurons only if they say so
    kinds = tuple(above.known[s].sends if s in above.known else signals.network_input for s in sources)
    sends = signals.emits if fires else _sends(kind, kinds)
    return Layer(name, kind, settings, sources, shape, out, fires, kinds, sends, where=place.where)


def _sends(kind: str, receives: tuple[str, ...]) -> str:
    """What a layer without neurons sends on."""
    if TYPES[kind].weights or "current" in receives:
        return "current"
    return receives[0] if kind == "maxpool2d" else "activation"  # the largest of spikes is a spike, their sum is not


def _sources(item: Mapping[str, Any], kind: str, place: Place, above: _Above) -> tuple[str, ...] | None:
    """Whose outputs the layer reads: `from`, or the layer before it. None after a fault or if one of them has one."""
    name, key = item["name"], "from"
    value: Any = item.get("from", above.previous)
    if kind == "add" and item["add"]:
        if "from" in item:
            place.add(f"{name}: say `from: [a, b]` or `add: [a, b]`, not both", "add")
            return None
        value, key = item["add"], "add"
    listed = value if isinstance(value, list) else [value]
    if kind == "add" and len(listed) < 2:
        place.add(f"{name}: add needs the names of two layers or more, such as `from: [conv2, shortcut]`", key)
        return None
    if kind != "add" and len(listed) != 1:
        place.add(f"{name}: {kind} reads one layer, not {len(listed)}", key, hint="an `add` layer sums several")
        return None
    for i, source in enumerate(listed):
        at = (key, i) if isinstance(value, list) else (key,)
        if source in above.known or source in above.broken or source == NETWORK_INPUT:
            continue
        if source in above.names:
            later = "itself" if source == name else f"'{source}', which stands further down"
            place.add(f"{name}: reads {later}", *at, hint="a layer reads those above it")
        else:
            place.add(
                f"{name}: '{source}' is not a layer", *at, hint=did_you_mean(source, [*above.known, NETWORK_INPUT])
            )
        return None
    if len(set(listed)) < len(listed):
        place.add(f"{name}: adds a layer to itself", key)
        return None
    return None if any(source in above.broken for source in listed) else tuple(listed)


def _input_shape(name: str, kind: str, sources: tuple[str, ...], given: Shape | None, place: Place,
                 known: Mapping[str, Layer]) -> Shape | None:  # fmt: skip
    shapes = {s: known[s].shape_out for s in sources if s in known}
    if NETWORK_INPUT in sources:
        earlier = next((x.shape_in for x in known.values() if x.reads_input), None)
        shape = given or earlier
        if shape is None:
            form = {2: "[C, H, W]", 1: "[C, L]"}.get(TYPES[kind].axes or 0, "N")
            place.add(f"{name}: the input shape is missing", kind, hint=f"say {kind}: {{input: {form}, ...}}")
            return None
        shapes[NETWORK_INPUT] = shape
    first = shapes[sources[0]]
    for source in sources[1:]:
        if shapes[source] != first:
            place.add(f"{name}: adds '{sources[0]}' of the shape {shape_text(first)} and '{source}' of the shape "
                      f"{shape_text(shapes[source])}", kind)  # fmt: skip
            return None
    if given is not None and _flat(given, kind) != _flat(first, kind):
        place.add(f"{name}: input says {shape_text(given)}, but '{sources[0]}' has the shape {shape_text(first)}",
                  kind, "input", hint="leave it out: the shape follows from the layers above")  # fmt: skip
        return None
    return _flat(first, kind)


def _flat(shape: Shape, kind: str) -> Shape:
    if kind != "linear":
        return shape
    return (prod(shape),)


def _linked(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The layers with their readers, and whether weights stand above them."""
    learns: dict[str, bool] = {NETWORK_INPUT: False}
    trained = {layer.name: layer.has_weights for layer in layers} | {NETWORK_INPUT: False}
    linked = []
    for layer in layers:
        learns[layer.name] = any(learns[s] or trained[s] for s in layer.sources)
        readers = tuple(other.name for other in layers if layer.name in other.sources)
        linked.append(replace(layer, readers=readers, learns_above=learns[layer.name]))
    return tuple(linked)
