"""Run the ops of an expanded workload on numbers: the wiring between ops, which the ops themselves do not state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sata.specs.model import Op, Workload
from sata.specs.text import source
from sata.specs.text.faults import Faults
from sata.specs.workload.workload import parse_workload

from .einsum_numpy import Step, Values, evaluate

BITS = {"weight": 8, "spike": 1, "current": 16, "potential": 8, "spike_gradient": 8, "potential_gradient": 8,
        "weight_gradient": 8, "activation": 8}  # fmt: skip


@dataclass(frozen=True)
class Neuron:
    """Firing function and its (surrogate) derivative, both of the potential; reset; what a step leaves of it."""

    fire: Callable[[complex], complex]
    slope: Callable[[complex], complex]
    threshold: float = 1.0
    leak: float = 0.75
    soft: bool = False

    def potential(self, u: complex, s: complex, x: complex) -> complex:
        """The next potential from the potential and spike before and the input now."""
        return self.leak * ((u - self.threshold * s) if self.soft else u * (1 - s)) + x

    def steps(self, name: str) -> dict[str, Step]:
        """The functions that the ops call, for a template with these options. The state of `fire` is U alone."""

        def fire(values: Values, old: Values) -> dict[str, Any]:
            u = self.potential(old["U"], self.fire(old["U"]) if old["U"] else 0.0, values["X"])
            return {key: {"U": u, "V": u, "S'": self.fire(u)}[key] for key in old}

        def gradient(values: Values, old: Values) -> dict[str, Any]:
            v = values["V"]
            g = self.leak * old["G"]
            if self.soft:
                assert "S'" not in values, "soft reset does not read the spikes"
                du = self.slope(v) * (values["dS'"] - self.threshold * g) + g
            else:
                du = self.slope(v) * (values["dS'"] - v * g) + (1 - values["S'"]) * g
            return {"dU": du, "G": du}

        return {name: fire, f"{name}_gradient": gradient}


def step_functions(neuron: Neuron) -> dict[str, Step]:
    name = ("lif" if neuron.leak != 1 else "if") + ("_soft" if neuron.soft else "")
    rate = 0.1
    return {
        **neuron.steps(name),
        "add": lambda values, old: {key: sum(values.values()) for key in old},
        "relu": lambda values, old: {"S'": values["X"] if values["X"].real > 0 else 0.0},
        "relu_gradient": lambda values, old: {"dU": values["dS'"] if values["S'"].real > 0 else 0.0},
        "sgd": lambda values, old: {"W": old["W"] - rate * values["dW"]},
    }


def workload(
    layers: list[dict[str, Any]], timesteps: int, template: str = "lif_bptt", batch: int = 1, **options: Any
) -> Workload:
    """Layers as a user writes them -> Workload. Raises: SpecError."""
    data = {"name": "test", "timesteps": timesteps, "batch": batch, "template": template, "bits": BITS,
            "options": options, "layers": layers}  # fmt: skip
    doc = source.read({"workload": data})
    faults = Faults()
    parsed = parse_workload(doc, faults)
    faults.check()
    assert parsed is not None
    return parsed


@dataclass
class Run:
    """Every tensor of every layer, by (layer, tensor)."""

    work: Workload
    layers: list[dict[str, Any]]
    steps: Mapping[str, Step]
    dtype: type = float
    values: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def run(self, weights: Mapping[str, np.ndarray], inputs: np.ndarray, loss_gradient: np.ndarray) -> Run:
        """All ops in their order. `loss_gradient`: of what the last layer sends."""
        self.sources = {layer["name"]: _sources(self.layers, i) for i, layer in enumerate(self.layers)}
        last = self.layers[-1]
        fires = last.get("fires", not any(key in last for key in ("add", "maxpool2d", "avgpool2d")))
        weighted = any(key in last for key in ("linear", "conv2d", "conv1d"))
        arrives = "dU" if weighted and not fires else "dS'"
        self.values[last["name"], arrives] = loss_gradient
        self.values["input", "S'"] = inputs
        for name, w in weights.items():
            self.values[name, "W"] = w
        for op in self.work.ops:
            outputs = evaluate(op, self._inputs(op), self.steps, self.dtype)
            for tensor, value in outputs.items():
                self.values[op.layer, tensor] = value
        return self

    def _inputs(self, op: Op) -> dict[str, np.ndarray]:
        wanted = [t.name for t in op.tensors if not t.local and (t.role == "input" or t.initialised)]
        return {name: self._value(op.layer, name) for name in wanted}

    def _value(self, layer: str, tensor: str) -> np.ndarray:
        if (layer, tensor) in self.values:
            return self.values[layer, tensor]
        if tensor == "S" or (tensor[0] == "S" and tensor[1:].isdigit()):
            return self._sent(self.sources[layer][int(tensor[1:] or 1) - 1])
        readers = [name for name, sources in self.sources.items() if layer in sources]
        if tensor[0] == "D" and tensor[1:].isdigit():
            return self._back(readers[int(tensor[1:]) - 1])
        assert tensor in ("dU", "dS'") and len(readers) == 1, f"{layer}.{tensor} comes from nowhere"
        return self._back(readers[0])

    def _sent(self, layer: str) -> np.ndarray:
        return self.values[layer, "S'"] if (layer, "S'") in self.values else self.values[layer, "X"]

    def _back(self, reader: str) -> np.ndarray:
        """What comes back through a reader: its dS; through an addition, its own gradient."""
        if (reader, "dS") in self.values:
            return self.values[reader, "dS"]
        return self._value(reader, "dU") if (reader, "dU") in self.values else self._value(reader, "dS'")


def _sources(layers: list[dict[str, Any]], i: int) -> list[str]:
    named = layers[i].get("from") or layers[i].get("add") or (layers[i - 1]["name"] if i else "input")
    return named if isinstance(named, list) else [named]
