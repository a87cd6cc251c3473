"""Evaluate an op literally: one pass over every point of its iteration space, nothing inferred, nothing clever.

`evaluate(op, inputs, ...)` takes the arrays of the op's inputs and gives those of its outputs. A product adds up. A
function is one of three sorts:

- `REDUCTIONS`: the values that meet in one element of the (only) output are folded two by two.
- `steps` (given by the caller): called once per point with the values of the inputs and the values so far of the
  outputs, returns the new values; how neurons, gradients and optimizers run along a sequential rank.
- `route`: the gradient of a window goes to the first of its inputs that is its maximum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from math import prod

import numpy as np

from sata.specs.model import Op, Tensor

Values = Mapping[str, complex]
Step = Callable[[Values, Values], Values]
REDUCTIONS: Mapping[str, Callable[[complex, complex], complex]] = {
    "max": lambda a, b: a if a.real >= b.real else b,
}


def points(op: Op) -> Iterator[dict[str, int]]:
    """Every point of the iteration space, in the order of the ranks; sequential ranks outermost, in their direction."""
    order = [*op.sequential, *(rank for rank in op.ranks if rank not in op.sequential)]
    ways = [range(op.ranks[rank]) for rank in order]
    ways = [
        way[::-1] if op.sequential.get(rank) == "descending" else way for way, rank in zip(ways, order, strict=True)
    ]
    for values in product(*ways):
        yield dict(zip(order, values, strict=True))


def element(tensor: Tensor, point: Mapping[str, int]) -> tuple[int, ...] | None:
    """The coordinates of the tensor at a point; None where they do not exist (padding)."""
    at = []
    for dim in tensor.dims:
        x = dim.offset
        for rank, c in dim.terms:
            x += c * point[rank]
        if not 0 <= x < dim.size:
            return None
        at.append(x)
    return tuple(at)


def shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(dim.size for dim in tensor.dims)


def evaluate(
    op: Op, inputs: Mapping[str, np.ndarray], steps: Mapping[str, Step], dtype: type = float
) -> dict[str, np.ndarray]:
    """The outputs of an op. Inputs (and outputs that are initialised) are reshaped to the op's sizes: order is kept."""
    arrays = {t.name: np.asarray(inputs[t.name], dtype).reshape(shape(t)) for t in op.tensors
              if (t.role == "input" or t.initialised) and not t.local}  # fmt: skip
    outputs = {t.name: arrays[t.name].copy() if t.initialised else np.zeros(shape(t), dtype)
               for t in op.tensors if t.role == "output"}  # fmt: skip
    read = [t for t in op.tensors if t.role == "input" and not t.local]
    if op.function == "route":
        _route(op, arrays, outputs)
    elif op.function in REDUCTIONS:
        _reduce(op, read[0], arrays, outputs, REDUCTIONS[op.function])
    else:
        for point in points(op):
            values = {t.name: arrays[t.name][at] if (at := element(t, point)) is not None else 0.0 for t in read}
            written = {t.name: element(t, point) for t in op.tensors if t.role == "output"}
            if op.function is None:
                ((name, at),) = written.items()
                if at is not None:
                    outputs[name][at] += prod(values.values())
                continue
            old = {name: outputs[name][at] for name, at in written.items()}
            new = steps[op.function](values, old)
            assert new.keys() == outputs.keys(), f"{op.name}: {op.function} makes {list(new)}, the op {list(outputs)}"
            for name, at in written.items():
                outputs[name][at] = new[name]
    return outputs


def _reduce(op: Op, read: Tensor, arrays: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray],
            fold: Callable[[complex, complex], complex]) -> None:  # fmt: skip
    (written,) = (t for t in op.tensors if t.role == "output")
    seen: set[tuple[int, ...]] = set()
    for point in points(op):
        source, target = element(read, point), element(written, point)
        if source is None or target is None:
            continue
        value = arrays[read.name][source]
        outputs[written.name][target] = fold(outputs[written.name][target], value) if target in seen else value
        seen.add(target)


def _route(op: Op, arrays: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]) -> None:
    (written,) = (t for t in op.tensors if t.role == "output")
    values = op.tensor("S")
    (gradient,) = (t for t in op.tensors if t.role == "input" and t.name != "S")
    windows: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for point in points(op):
        at, window = element(values, point), element(gradient, point)
        if at is not None and window is not None:
            windows.setdefault(window, []).append(at)
    for window, members in windows.items():
        largest = max(arrays["S"][at].real for at in members)
        first = next(at for at in members if arrays["S"][at].real == largest)
        outputs[written.name][first] += arrays[gradient.name][window]
