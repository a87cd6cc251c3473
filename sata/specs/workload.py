"""`workload:` -> `Workload`: ops as written, or layers that a template turns into ops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sata.specs import schema
from sata.specs.density import parse_density
from sata.specs.faults import Faults, Where, did_you_mean
from sata.specs.kinds import KINDS
from sata.specs.model import Workload
from sata.specs.ops import Surroundings, parse_ops
from sata.specs.source import Doc, Path_, path_text


def parse_workload(doc: Doc, faults: Faults) -> Workload | None:
    """The workload of a document that has the key `workload`, or None with faults."""
    before = len(faults)
    if not schema.validate(doc, "workload", faults):
        return None
    data: Mapping[str, Any] = doc.data["workload"]
    _check_form(doc, data, faults)
    kinds = _kinds(doc, data, faults)
    for key in ("bits", "density"):
        _check_kinds(doc, data.get(key, {}), ("workload", key), kinds, faults)
    if len(faults) > before:
        return None
    workload = _from_ops(doc, data, kinds, faults) if "ops" in data else _from_layers(doc, data, faults)
    return workload if len(faults) == before else None


def _check_form(doc: Doc, data: Mapping[str, Any], faults: Faults) -> None:
    """Either ops, or layers and a template."""
    if "ops" in data:
        for key in ("layers", "template", "options"):
            if key in data:
                faults.add(doc.where(("workload", key), True), f"a workload has either 'ops' or 'layers'; '{key}' goes with 'layers'")
    elif "layers" not in data:
        faults.add(doc.where(("workload",)), "missing key 'layers' or 'ops'")
    elif "template" not in data:
        faults.add(doc.where(("workload",)), "missing key 'template' (how a layer becomes ops)", "such as 'template: lif_bptt'")


def _kinds(doc: Doc, data: Mapping[str, Any], faults: Faults) -> tuple[str, ...]:
    more = data.get("kinds", [])
    for i, kind in enumerate(more):
        if kind in KINDS:
            faults.add(doc.where(("workload", "kinds", i)), f"the kind '{kind}' is built in")
    return (*KINDS, *more)


def _check_kinds(doc: Doc, given: Mapping[str, Any], path: Path_, kinds: Sequence[str], faults: Faults) -> None:
    for kind in given:
        if kind not in kinds:
            hint = did_you_mean(kind, kinds) or f"kinds: {', '.join(kinds)}"
            faults.add(doc.where((*path, kind), True), f"unknown kind '{kind}'", hint)


def _from_ops(doc: Doc, data: Mapping[str, Any], kinds: Sequence[str], faults: Faults) -> Workload:
    densities = {
        kind: parse_density(given, doc.where(("workload", "density", kind)), faults)
        for kind, given in data.get("density", {}).items()
    }

    def places(path: Path_, key: bool = False, offset: int | None = None) -> Where:
        full: Path_ = ("workload", "ops", *path)
        return doc.where(full, key) if offset is None else doc.inside(full, offset)

    bits = {kind: int(width) for kind, width in data.get("bits", {}).items()}
    ops = parse_ops(data["ops"], Surroundings(kinds, bits, densities, places), faults, checked=True)
    return Workload(data.get("name", "workload"), ops, bits, int(data.get("timesteps", 1)), int(data.get("batch", 1)), (),
                    doc.where(("workload",)))  # fmt: skip


def _from_layers(doc: Doc, data: Mapping[str, Any], faults: Faults) -> Workload | None:
    from sata.specs.templates import expand

    expanded = expand(doc, faults)
    if expanded is None:
        return None

    def places(path: Path_, key: bool = False, offset: int | None = None) -> Where:
        """A fault in what a template makes points at the layer, and names the op."""
        number, *rest = path
        where, op = expanded.wheres[int(number)], expanded.ops[int(number)]
        inside = path_text((str(op.get("name", "?")), *rest))
        return Where(where.file, where.line, where.column, f"{where.path} -> {inside}")

    around = Surroundings((*KINDS, *expanded.kinds), expanded.bits, {}, places)
    ops = parse_ops(expanded.ops, around, faults)
    return Workload(data.get("name", "workload"), ops, expanded.bits, expanded.timesteps, expanded.batch,
                    tuple(expanded.kept), doc.where(("workload",)))  # fmt: skip
