"""What ran, as data for a result: the tensors of every op, and how dense they are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from sata.specs.model import Op, Tensor

Row = dict[str, Any]


def tensor_rows(ops: Iterable[Op], bits: Mapping[str, int]) -> list[Row]:
    """A row for every tensor of every op.

    op, layer, stage, tensor, kind, role (input | output), local, elements (of its whole shape, in all time steps), bits
    (of one element; None: local), and what `density_fields` says.
    """
    return [
        {"op": op.name, "layer": op.layer, "stage": op.stage, "tensor": t.name, "kind": t.kind, "role": t.role,
         "local": t.local, "elements": math.prod(dim.size for dim in t.dims),
         "bits": None if t.local else bits.get(t.kind), **density_fields(t)}
        for op in ops for t in op.tensors
    ]  # fmt: skip


def density_fields(tensor: Tensor) -> Row:
    """density: mean share of non-zeros (None: dense); steps: one a time step, or None; model: its name, or None;
    parameters: those of a model, as text.

    A density may be a number, one number a time step, or a model with a name, parameters and a mean of its own.
    """
    density: Any = tensor.density
    if density is None:
        return {"density": None, "steps": None, "model": None}
    if isinstance(density, (int, float)):
        return {"density": float(density), "steps": None, "model": "uniform"}
    if isinstance(density, (tuple, list)):
        steps = [float(value) for value in density]
        return {"density": math.fsum(steps) / len(steps), "steps": steps, "model": "uniform"}
    return _model_fields(density)


def _model_fields(density: Any) -> Row:
    parameters = getattr(density, "parameters", None)
    given = dict(parameters) if isinstance(parameters, Mapping) else {}
    mean = getattr(density, "mean", None)
    mean = mean() if callable(mean) else mean
    mean = given.get("density") if mean is None else mean
    steps: list[float] | None = None
    if isinstance(mean, (tuple, list)):
        steps = [float(value) for value in mean]
        mean = math.fsum(steps) / len(steps)
    said = ", ".join(f"{name} {value}" for name, value in given.items() if isinstance(value, (int, float, str)))
    return {
        "density": float(mean) if isinstance(mean, (int, float)) else None,
        "steps": steps,
        "model": str(getattr(density, "model", type(density).__name__)),
        **({"parameters": said} if said else {}),
    }
