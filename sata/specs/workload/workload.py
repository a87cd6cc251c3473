"""`workload:` -> `Workload`: ops as written, or layers that a template turns into ops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sata.specs.model import Workload
from sata.specs.text import schema
from sata.specs.text.faults import Faults, Where, did_you_mean
from sata.specs.text.source import Doc, Path_, path_text
from sata.specs.workload.density import parse_density
from sata.specs.workload.kinds import KINDS
from sata.specs.workload.ops import Surroundings, parse_ops


def parse_workload(doc: Doc, faults: Faults) -> Workload | None:
    """The workload of a document that has the key `workload`, or None with faults."""
    before = len(faults)
    found = Faults()
    schema.validate(doc, "workload", found)
    faults.extend(found)
    data = doc.data["workload"]
    if not isinstance(data, dict):
        return None
    _check_form(doc, data, faults)
    kinds = _kinds(doc, data, found, faults)
    for key in ("bits", "density"):
        if schema.sound(doc, ("workload", key), found):
            _check_kinds(doc, data[key], ("workload", key), kinds, faults)
    workload: Workload | None = None
    if "ops" in data:
        workload = _from_ops(doc, data, kinds, found, faults)
    elif len(faults) == before:
        workload = _from_layers(doc, data, faults)
    return workload if len(faults) == before else None


def _check_form(doc: Doc, data: Mapping[str, Any], faults: Faults) -> None:
    """Either ops, or layers and a template."""
    if "ops" in data:
        for key in ("layers", "template", "options"):
            if key in data:
                message = f"a workload has either 'ops' or 'layers'; '{key}' goes with 'layers'"
                faults.add(doc.where(("workload", key), True), message)
    elif "layers" not in data:
        faults.add(doc.where(("workload",)), "missing key 'layers' or 'ops'")
    elif "template" not in data:
        message = "missing key 'template' (how a layer becomes ops)"
        faults.add(doc.where(("workload",)), message, "such as 'template: lif_bptt'")


def _kinds(doc: Doc, data: Mapping[str, Any], found: Faults, faults: Faults) -> tuple[str, ...]:
    more = data["kinds"] if schema.sound(doc, ("workload", "kinds"), found) else []
    for i, kind in enumerate(more):
        if kind in KINDS:
            faults.add(doc.where(("workload", "kinds", i)), f"the kind '{kind}' is built in")
    return (*KINDS, *more, *_template_kinds(doc, found))


def _template_kinds(doc: Doc, found: Faults) -> tuple[str, ...]:
    """What the template of a workload in layer form declares."""
    if not schema.sound(doc, ("workload", "template"), found):
        return ()
    from sata.specs.workload.templates import template_kinds

    return template_kinds(doc)


def _check_kinds(doc: Doc, given: Mapping[str, Any], path: Path_, kinds: Sequence[str], faults: Faults) -> None:
    for kind in given:
        if kind not in kinds:
            hint = did_you_mean(kind, kinds) or f"kinds: {', '.join(kinds)}"
            faults.add(doc.where((*path, kind), True), f"unknown kind '{kind}'", hint)


def _from_ops(doc: Doc, data: Mapping[str, Any], kinds: Sequence[str], found: Faults, faults: Faults) -> Workload:
    """`found` are the faults of the schema: what they do not touch is read all the same, for its own faults."""

    def sound(*path: str | int) -> bool:
        return schema.sound(doc, ("workload", *path), found)

    densities = {}
    for kind, given in (data["density"] if sound("density") else {}).items():

        def at(key: str | None = None, kind: str = kind) -> Where:
            path = ("workload", "density", kind)
            return doc.where(path) if key is None else doc.where((*path, key), True)

        densities[kind] = parse_density(given, at, faults)
    given = data["ops"] if isinstance(data["ops"], list) else []
    numbers = [i for i in range(len(given)) if sound("ops", i)]

    def places(path: Path_, key: bool = False, offset: int | None = None) -> Where:
        full: Path_ = ("workload", "ops", numbers[int(path[0])], *path[1:])
        return doc.where(full, key) if offset is None else doc.inside(full, offset)

    bits = {kind: int(width) for kind, width in data["bits"].items()} if sound("bits") else dict.fromkeys(kinds, 1)
    if "bits" not in data:
        bits = {}
    around = Surroundings(kinds, bits, densities, places)
    ops = parse_ops([given[i] for i in numbers], around, faults, checked=True)
    timesteps, batch = (int(data[key]) if sound(key) else 1 for key in ("timesteps", "batch"))
    if "timesteps" not in data:
        timesteps = max((op.ranks.get("t", 1) for op in ops), default=1)
    return Workload(str(data.get("name", "workload")), ops, bits, timesteps, batch, (), doc.where(("workload",)),
                    tuple(kinds))  # fmt: skip


def _from_layers(doc: Doc, data: Mapping[str, Any], faults: Faults) -> Workload | None:
    from sata.specs.workload.template_file import shipped_templates
    from sata.specs.workload.templates import expand

    ships = data["template"] in shipped_templates()
    expanded = expand(doc, faults)
    if expanded is None:
        return None
    faults.extend(expanded.unbound)

    def places(path: Path_, key: bool = False, offset: int | None = None) -> Where:
        """A fault in what a template of the user's own makes stands in the template; what a shipped one makes is as the
        layer has it. Either names the op. An op itself stands where its layer does."""
        number, *rest = path
        where, op = expanded.wheres[int(number)], expanded.ops[int(number)]
        inside = path_text((str(op.get("name", "?")), *rest))
        if not ships and (rest != ["name"] or key or offset is not None):
            at = expanded.made[int(number)].where(tuple(rest), key, offset or 0)
            return Where(at.file, at.line, at.column, f"{where.path} -> {inside}")
        return Where(where.file, where.line, where.column, f"{where.path} -> {inside}")

    around = Surroundings((*KINDS, *expanded.kinds), expanded.bits, {}, places, expanded.stated)
    # What shipped templates make of sound layers fits the schema (a test holds them to it); checking costs half as much
    # again as all else here. A template of the user's own is checked op by op.
    ops = parse_ops(expanded.ops, around, faults, checked=ships)
    return Workload(data.get("name", "workload"), ops, expanded.bits, expanded.timesteps, expanded.batch,
                    tuple(expanded.kept), doc.where(("workload",)), (*KINDS, *expanded.kinds))  # fmt: skip
