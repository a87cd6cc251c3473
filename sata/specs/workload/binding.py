"""Layer form: which tensor of which layer an op reads where its own layer does not make it (`of:` of the op form).

What a layer reads follows from `from`: S, or S1, S2, ... of an addition, is what its sources send. Gradients arrive
from its readers: D1, D2, ... where they are added up, else as the gradient of its output (an addition hands on its
own). The gradient of the loss and the network's input come from outside; weights are there before, and so is what an
op updates. Anything else that an op reads and nobody makes is a slip of the template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sata.specs.text.faults import Faults, Where, did_you_mean
from sata.specs.workload.layers import NETWORK_INPUT, Layer

OUTSIDE = "input"  # what `of` says of a tensor that comes from outside
_NAMES = re.compile(r"([A-Za-z_][A-Za-z0-9_]*'*)\s*\[")
_SOURCE, _READER = re.compile(r"S([0-9]*)"), re.compile(r"D([0-9]+)")
_BACK = ("dS'", "dU")  # gradients of what a layer sends, or of what its neurons add up


def bind(ops: Sequence[dict[str, Any]], wheres: Sequence[Where], layers: Sequence[Layer], faults: Faults) -> None:
    """Add `of` to every tensor that another layer makes, and to what comes from outside. ops: in op form, changed in
    place; wheres: the place of the layer of each."""
    binder = _Binder(ops, layers)
    for op, where in zip(ops, wheres, strict=True):
        binder.op(op, where, faults)


class _Binder:
    """Knows what each layer's ops make, and what is there before they run."""

    def __init__(self, ops: Sequence[Mapping[str, Any]], layers: Sequence[Layer]) -> None:
        self.layers = {layer.name: layer for layer in layers}
        self.made: dict[str, dict[str, None]] = {}
        self.before: dict[str, set[str]] = {}
        for op in ops:
            made = self.made.setdefault(op["layer"], {})
            for name in outputs_of(op):
                made[name] = None
                if _said(op, name).get("initialised"):
                    self.before.setdefault(op["layer"], set()).add(name)

    def op(self, op: dict[str, Any], where: Where, faults: Faults) -> None:
        layer = self.layers.get(op["layer"])
        outputs = set(outputs_of(op))
        for name in op["tensors"] if layer is not None and isinstance(op.get("tensors"), dict) else ():
            data = _said(op, name)
            if name in outputs or name in self.made[op["layer"]] or data.get("local") or "of" in data:
                continue
            assert layer is not None
            of = self.of(layer, name)
            if of:
                op["tensors"][name] = {**data, "of": of}
            elif of is None and data.get("kind") != "weight":
                message = f"op '{op.get('name')}' of the template reads '{name}', which no op of its layer makes"
                hint = did_you_mean(name, self.made[op["layer"]])
                faults.add(where, message, hint or "say `of: LAYER.TENSOR`, or `of: input` if it comes from outside")

    def of(self, layer: Layer, name: str) -> str | None:
        """`LAYER.TENSOR`, or input; empty where it is not known what another layer calls it; None: nobody makes it."""
        if source := _SOURCE.fullmatch(name):
            number = int(source[1] or 1)
            return self.sent(layer.sources[number - 1]) if 1 <= number <= len(layer.sources) else None
        if reader := _READER.fullmatch(name):
            number = int(reader[1])
            return self.back(layer.readers[number - 1]) if 1 <= number <= len(layer.readers) else None
        if name in _BACK and len(layer.readers) < 2:
            return self.back(layer.readers[0]) if layer.readers else OUTSIDE
        return None

    def sent(self, source: str) -> str:
        """What a layer sends: its spikes, or the sum that passes no neuron."""
        if source == NETWORK_INPUT:
            return OUTSIDE
        names = ("S'",) if self.layers[source].fires else ("X", "S'")
        return next((f"{source}.{name}" for name in names if name in self.made.get(source, ())), "")

    def back(self, reader: str) -> str:
        """The gradient that a reader hands back."""
        made, layer = self.made.get(reader, {}), self.layers[reader]
        names = ("dU", "dS'") if layer.type == "add" else ("dS",)
        for name in names:
            if name in made:
                return f"{reader}.{name}"
        if layer.type != "add" or len(layer.readers) > 1:
            return ""
        return self.back(layer.readers[0]) if layer.readers else OUTSIDE


def outputs_of(op: Mapping[str, Any]) -> Iterator[str]:
    """The names on the left of a statement, as far as it can be read."""
    left, found, _ = str(op.get("compute", "")).partition("=")
    yield from _NAMES.findall(left) if found else ()


def _said(op: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    tensors = op.get("tensors")
    said = tensors.get(name) if isinstance(tensors, dict) else None
    return said if isinstance(said, dict) else {}
