"""A workload in op form, as YAML that can be pasted back: parsing it gives the same ops, kinds and bits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sata.specs.model import Density, Op, Tensor, Workload
from sata.specs.workload.kinds import KINDS

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./']*(-[A-Za-z0-9_./']+)*")
_WORDS = frozenset("y n yes no true false on off null none nan inf".split())  # words that YAML reads as something else


def ops_yaml(workload: Workload) -> str:
    """The workload in op form. What BPTT keeps is not part of that form."""
    return "\n".join(_workload(workload)) + "\n"


def _workload(workload: Workload) -> Iterator[str]:
    yield "workload:"
    yield f"  name: {yaml_scalar(workload.name)}"
    yield f"  batch: {workload.batch}"
    yield f"  timesteps: {workload.timesteps}"
    used = dict.fromkeys([*workload.kinds, *workload.bits, *(t.kind for op in workload.ops for t in op.tensors)])
    more = [kind for kind in used if kind not in KINDS]
    if more:
        yield f"  kinds: [{', '.join(map(yaml_scalar, more))}]"
    if workload.bits:
        yield f"  bits: {flow(workload.bits)}"
    yield "  ops:"
    for op in workload.ops:
        yield from _op(op)


def _op(op: Op) -> Iterator[str]:
    yield f"  - name: {yaml_scalar(op.name)}"
    yield f"    layer: {yaml_scalar(op.layer)}"
    yield f"    stage: {yaml_scalar(op.stage)}"
    yield f"    action: {yaml_scalar(op.action)}"
    if op.sequential:
        yield f"    sequential: {flow(op.sequential)}"
    yield f"    ranks: {flow(op.ranks)}"
    yield f"    compute: {json.dumps(op.compute, ensure_ascii=False)}"
    yield "    tensors:"
    for t in op.tensors:
        yield f"      {yaml_scalar(t.name)}: {flow(_tensor(op, t))}"


def _tensor(op: Op, t: Tensor) -> dict[str, Any]:
    """What the op form says of a tensor; its shape only where the indices alone do not tell it."""
    data: dict[str, Any] = {"kind": t.kind}
    sizes = [dim.size for dim in t.dims]
    spans = [(_end(op, dim.terms, dim.offset, -1), _end(op, dim.terms, dim.offset, 1)) for dim in t.dims]
    if any(low < 0 or size != high + 1 for size, (low, high) in zip(sizes, spans, strict=True)):
        data["shape"] = sizes
    if t.density is not None:
        plain = t.density.data() if isinstance(t.density, Density) else t.density
        data["density"] = list(plain) if isinstance(plain, tuple) else plain
    if t.initialised:
        data["initialised"] = True
    if t.local:
        data["local"] = True
    if t.of:
        data["of"] = t.of
    return data


def _end(op: Op, terms: tuple[tuple[str, int], ...], offset: int, sign: int) -> int:
    """The least (sign -1) or largest (1) value of an index."""
    steps = (coefficient * (op.ranks[rank] - 1) for rank, coefficient in terms)
    return offset + sum(step for step in steps if step * sign > 0)


def flow(data: Mapping[str, Any]) -> str:
    """A mapping in flow style, on one line."""
    return "{" + ", ".join(f"{yaml_scalar(key)}: {_value(value)}" for key, value in data.items()) + "}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return flow(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return yaml_scalar(value) if isinstance(value, str) else repr(value)


def yaml_scalar(text: str) -> str:
    """A text as it stands in YAML: plain where nothing can be misread, else in double quotes."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)
