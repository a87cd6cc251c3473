"""Layers x template -> ops in op form, as a user would write them below `ops:`.

Keys of a workload in layer form: name, batch, timesteps, bits, kinds, density, `template` (a shipped one by name, or a
file beside the workload), `options` (the template declares which exist) and `layers`.

Ops run in this order: first every op of the stage `forward`, layer by layer; then all others, last layer first. An op
that says `ahead_of: LAYER` runs before the others of that layer instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any

from sata.specs.model import Density, KeptRule
from sata.specs.text.alternatives import is_one_of
from sata.specs.text.expressions import render_value
from sata.specs.text.faults import Fault, Faults, SpecError, Where, did_you_mean
from sata.specs.text.files import note
from sata.specs.text.includes import what
from sata.specs.text.source import Doc
from sata.specs.workload.binding import bind
from sata.specs.workload.einsum import EinsumError, parse_compute
from sata.specs.workload.kinds import KINDS
from sata.specs.workload.layer_densities import OF_AVERAGES, Signals
from sata.specs.workload.layer_view import view
from sata.specs.workload.layers import Layer, parse_layers
from sata.specs.workload.template_file import SHIPPED, Header, MadeOp, Room, TemplateFile, load_template


@dataclass(frozen=True)
class ExpandedWorkload:
    """What a template makes of the layers. `ops` are in op form; `wheres` is the place of the layer of each.

    `bits`: kind -> bits, with those that the template knows; `kinds`: those beyond the built-in ones; `kept`: what
    training keeps from the forward to the backward pass; `template_hash`: sha256 of the template's text.
    """

    ops: list[dict[str, Any]]
    wheres: list[Where]
    kept: tuple[KeptRule, ...]
    bits: Mapping[str, int]
    timesteps: int
    batch: int
    kinds: tuple[str, ...]
    template_hash: str = ""
    stated: tuple[tuple[Density, ...], ...] = ()  # of each op: the density models of its layer
    made: tuple[MadeOp, ...] = ()  # of each op: where in the template it stands
    unbound: tuple[Fault, ...] = ()  # reads of what no op makes: faults of a workload, not of a list of ops


def template_kinds(doc: Doc) -> tuple[str, ...]:
    """The kinds that the workload's template declares, so that `bits` and `density` may speak of them."""
    try:
        return _template(doc).header.kinds
    except (SpecError, KeyError):
        return ()  # expand says what is wrong


def expand(doc: Doc, faults: Faults) -> ExpandedWorkload | None:
    """The ops of a workload in layer form that has passed its schema. None after a fault; all faults are added."""
    before = len(faults)
    workload = doc.data["workload"]
    try:
        template = _template(doc)
    except SpecError as error:
        faults.extend(error.faults)
        template = None
    header = template.header if template else Header()
    options = _options(doc, template, faults) if template else {}
    network_input = header.input or options.get("input", header.emits)
    signals = Signals(header.emits, network_input, header.gradient, header.potential_gradient)
    kinds = (*header.kinds, *(kind for kind in workload.get("kinds", []) if kind not in header.kinds))
    layers = parse_layers(doc, faults, signals, (*KINDS, *kinds))
    timesteps = header.timesteps or int(workload.get("timesteps", 1))
    bits = _bits(doc, template, int(workload.get("timesteps", 1)), faults) if template else {}
    if template is None or layers is None or len(faults) > before or not _averages_have_bits(layers, bits, faults):
        return None
    rendered = _render(template, layers, signals, options, timesteps, int(workload.get("batch", 1)), faults)
    if len(faults) > before:
        return None
    ops, wheres, kept = _collect(rendered, bits)
    unbound = Faults()
    bind(ops, wheres, layers, unbound)
    batch = int(workload.get("batch", 1))
    stated = tuple(_models(layer) for _, layer in rendered)
    return ExpandedWorkload(ops, wheres, kept, bits, timesteps, batch, kinds, _hash(template), stated,
                            tuple(op for op, _ in rendered), tuple(unbound))  # fmt: skip


def _averages_have_bits(layers: tuple[Layer, ...], bits: Mapping[str, int], faults: Faults) -> bool:
    """False, with a fault at each layer that makes means of spikes where nothing says how many bits these have."""
    pools = [layer for layer in layers if layer.averages_spikes and layer.sends not in bits]
    for pool in pools:
        message = f"'{pool.name}' ({pool.type}) makes means of spikes, of the kind {pool.sends}, which has no bits"
        faults.add(pool.where, message, f"{OF_AVERAGES}, or write such as 'bits: {{{pool.sends}: 8}}' in the workload")
    return not pools


def _models(layer: Layer) -> tuple[Density, ...]:
    """The density models of a layer, with the places that their text in a template has lost."""
    return tuple(d for d in layer.density.values() if isinstance(d, Density))


def _template(doc: Doc) -> TemplateFile:
    """The template of a workload. A file's name is relative to the workload's folder, else to the current one."""
    where = doc.where(("workload", "template"))
    folder = doc.files[0].parent if doc.files else Path()
    return load_template(doc.data["workload"]["template"], folder, where if where.file else Where("<dict>"))


def _hash(template: TemplateFile) -> str:
    note(template.path)
    digest = sha256(template.path.read_bytes())
    for part in sorted((SHIPPED / "parts").glob("*.yaml")):
        note(part)
        digest.update(part.read_bytes())
    return digest.hexdigest()


def _options(doc: Doc, template: TemplateFile, faults: Faults) -> dict[str, Any]:
    """Every option of the template, as the workload says or by default."""
    known = template.header.options
    options = {name: option.default for name, option in known.items()}
    for name, value in doc.data["workload"].get("options", {}).items():
        path = ("workload", "options", name)
        if name in template.header.no_effect:
            continue
        if name not in known:
            names = [*known, *template.header.no_effect]
            hint = did_you_mean(name, names) or (f"its options: {', '.join(known)}" if known else "it has none")
            faults.add(doc.where(path, key=True), f"the template {template.label} has no option '{name}'", hint)
        elif not is_one_of(value, known[name].values):
            listed = ", ".join(_yaml(v) for v in known[name].values)
            faults.add(doc.where(path), f"options.{name}: {_yaml(value)} is not one of {listed}",
                       did_you_mean(str(value), [str(v) for v in known[name].values]))  # fmt: skip
        else:
            options[name] = value
    return options


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _bits(doc: Doc, template: TemplateFile, timesteps: int, faults: Faults) -> dict[str, int]:
    """The workload's bits, and the template's for kinds that the workload does not speak of."""
    stated = {kind: int(n) for kind, n in doc.data["workload"].get("bits", {}).items()}
    bits = dict(stated)
    for kind, value in template.header.bits.items():
        if kind in stated:
            continue
        try:
            names = {"bits": stated, "timesteps": timesteps}
            number = render_value(value, names) if isinstance(value, str) else value
            if isinstance(number, bool) or not isinstance(number, (int, float)) or number != int(number) or number < 1:
                at = template.header.places[kind]
                faults.add(at, f"the bits of '{kind}' are a whole number of at least 1, not {what(number)}")
                continue
            bits[kind] = int(number)
        except ValueError as error:
            message = f"the bits of '{kind}' follow from others in {template.label}: {error}"
            faults.add(doc.where(("workload", "bits")), message, f"say bits: {{{kind}: 8}}")
    return bits


Rendered = list[tuple[MadeOp, Layer]]


def _render(template: TemplateFile, layers: tuple[Layer, ...], signals: Signals, options: Mapping[str, Any],
            timesteps: int, batch: int, faults: Faults) -> Rendered:  # fmt: skip
    """The ops of all layers in the order they run."""
    by_name = {layer.name: layer for layer in layers}
    kinds = {"gradient": signals.gradient, "potential_gradient": signals.potential_gradient, "emits": signals.emits}
    forward: Rendered = []
    back: list[tuple[str, Rendered]] = []
    ahead: dict[str, Rendered] = {}
    room = Room()
    for layer in layers:
        names = {"layer": view(layer, by_name, signals, timesteps, batch), "options": options, "kinds": kinds}
        try:
            ops = template.ops(names, room)
        except SpecError as error:
            at = f"for layer '{layer.name}' ({layer.where.file}:{layer.where.line})"
            faults.extend(Fault(f.where, f"{f.message}, {at}", f.hint, f.passing) for f in error.faults)
            break  # it would fail for the others in the same way
        except ValueError as error:
            faults.add(layer.where, f"the template {template.label} makes too much: {error}")
            break
        own: Rendered = []
        for op in ops:
            op.data.setdefault("layer", layer.name)
            other = op.data.pop("ahead_of", None)
            if op.data.get("stage", "forward") == "forward":
                forward.append((op, layer))
            elif other is None:
                own.append((op, layer))
            else:
                ahead.setdefault(other, []).append((op, layer))
        back.append((layer.name, own))
    return forward + [pair for name, own in reversed(back) for pair in (*ahead.pop(name, []), *own)]


def _collect(
    rendered: Rendered, bits: Mapping[str, int]
) -> tuple[list[dict[str, Any]], list[Where], tuple[KeptRule, ...]]:
    """The ops without what only templates say: `kept: true` of a tensor, and keys that are null."""
    ops, kept = [], []
    for made, layer in rendered:
        op = made.data
        tensors = {}
        for name, tensor in op["tensors"].items():
            if isinstance(tensor, dict):
                if tensor.get("kept"):
                    kind = str(tensor.get("kind", ""))
                    kept.append(KeptRule(layer.name, name, kind, _elements(op, name) * bits.get(kind, 0)))
                tensor = {key: value for key, value in tensor.items() if key != "kept" and value is not None}
            tensors[name] = tensor
        ops.append({**op, "tensors": tensors})
    return ops, [layer.where for _, layer in rendered], tuple(kept)


def _elements(op: Mapping[str, Any], name: str) -> int:
    """The number of elements of a tensor: of its shape, else of the ranks that index it."""
    tensor = op["tensors"][name]
    if tensor.get("shape"):
        return prod(tensor["shape"])
    try:
        statement = parse_compute(op["compute"])
        refs = {ref.name: ref for ref in statement.outputs + statement.inputs}
        return prod(1 + sum(c * (op["ranks"][rank] - 1) for rank, c in index.terms) for index in refs[name].indices)
    except (EinsumError, KeyError):
        return 0  # ops.py says what is wrong with the op
