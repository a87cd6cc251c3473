"""What ran, as data for a result: the tensors of every op, and how dense they are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from sata.counts.density import model_of
from sata.specs.model import Density, Op, Tensor

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
    """
    density = tensor.density
    if density is None:
        return {"density": None, "steps": None, "model": None}
    if isinstance(density, Density):
        given = ", ".join(f"{name} {_word(value)}" for name, value in density.given().items())
        steps: Any = density.given().get("density")
        return {"density": float(model_of(tensor).density), "steps": list(steps) if _numbers(steps) else None,
                "model": density.model, "parameters": given}  # fmt: skip
    steps = [float(value) for value in density] if isinstance(density, tuple) else None
    mean = math.fsum(steps) / len(steps) if steps else float(density)  # type: ignore[arg-type]
    return {"density": mean, "steps": steps, "model": "uniform"}


def _numbers(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, (int, float)) for item in value)


def _word(value: object) -> str:
    return "[" + ", ".join(map(_word, value)) + "]" if isinstance(value, tuple) else str(value)
