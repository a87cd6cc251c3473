"""A template: a YAML header that says what it offers, a line `---`, and Jinja2 text that renders to the ops of a layer.

Header and ops are read by the reader of every other YAML (`yamltree`), with its limits; the text runs in a sandbox with
limits of its own (`template_room`). Faults stand at the template's file, line and column.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from sata.specs.registry import OWN, RegistryRow, entry_points_of, package_of
from sata.specs.text.alternatives import is_one_of
from sata.specs.text.faults import Fault, Faults, SpecError, Where, did_you_mean
from sata.specs.text.files import note
from sata.specs.text.find import beside
from sata.specs.text.includes import what
from sata.specs.text.yamltree import Node, parse_yaml
from sata.specs.workload.template_parts import SHIPPED, check_brackets, read_template
from sata.specs.workload.template_room import Room
from sata.specs.workload.template_text import Text, Written

__all__ = ["SHIPPED", "Header", "MadeOp", "Option", "Room", "TemplateFile", "load_template", "shipped_templates"]

TEMPLATE_GROUP = "sata.templates"  # the entry-point group
_HEADER: Mapping[str, type] = {
    "about": str, "emits": str, "input": str, "gradient": str, "potential_gradient": str, "kinds": list, "bits": dict,
    "timesteps": int, "options": dict, "no_effect": list,
}  # fmt: skip
_EXPECTED = {dict: "a mapping", list: "a list", int: "a whole number", str: "text"}


@dataclass(frozen=True, slots=True)
class Option:
    """A setting under `options:`: one of `values`, the first of which is `default` unless another is named."""

    values: tuple[Any, ...]
    default: Any
    about: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """What a template offers. `no_effect`: options of its twins that it accepts and that change nothing in it."""

    about: str = ""
    emits: str = "spike"
    input: str = ""
    gradient: str = "spike_gradient"
    potential_gradient: str = "potential_gradient"
    kinds: tuple[str, ...] = ()
    bits: Mapping[str, Any] = field(default_factory=dict)
    timesteps: int | None = None
    options: Mapping[str, Option] = field(default_factory=dict)
    no_effect: tuple[str, ...] = ()
    places: Mapping[str, Where] = field(default_factory=dict, compare=False, repr=False)  # of `bits`, by kind


@dataclass(frozen=True, slots=True)
class MadeOp:
    """An op that a template has made: its data, and where in the template each part of it stands."""

    data: dict[str, Any]
    node: Node
    written: Written

    def where(self, path: tuple[str | int, ...], key: bool = False, offset: int = 0) -> Where:
        """The place in the template of the value at `path`, or of its key; of the nearest that is there."""
        node, at = self.node, self.node.at
        for number, part in enumerate(path):
            value = node.value
            if isinstance(part, str) and isinstance(value, dict) and part in value:
                at = node.keys[part]
                node = value[part]
            elif isinstance(part, int) and isinstance(value, list) and part < len(value):
                node = value[part]
                at = node.at
            else:
                return Where(*self.written.place(*at[1:]))
            if number < len(path) - 1 or not key:
                at = node.at
        inset = node.inset + offset if offset and not key and node.inset >= 0 else 0
        return Where(*self.written.place(*at[1:], inset))


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """A template, compiled. `label` is its name in sentences and places."""

    label: str
    path: Path
    header: Header
    text: Text

    def ops(self, names: Mapping[str, Any], room: Room) -> list[MadeOp]:
        """What the template renders to for one layer. Raises: SpecError with faults at their places in it."""
        note(self.path)
        written = self.text.write(names, room)
        faults = Faults()
        tree = parse_yaml(written.text, self.label, faults)
        if tree is not None:
            room.nodes(tree.size)
            self._check(tree, faults)
        if len(faults):
            raise SpecError([_in_template(fault, written) for fault in faults])
        listed = [] if tree is None or tree.value is None else tree.value
        return [MadeOp(_plain(node), node, written) for node in listed]

    def _check(self, tree: Node, faults: Faults) -> None:
        if tree.value is None:
            return
        if not isinstance(tree.value, list):
            faults.add(tree.where, f"must render to a list of ops, each a mapping; it is {what(tree.value)}")
            return
        for op in tree.value:
            if not isinstance(op.value, dict):
                faults.add(op.where, f"an op is a mapping, this is {what(op.value)}")
                continue
            for key, kind in (("name", str), ("tensors", dict)):
                if key not in op.value:
                    faults.add(op.where, f"an op needs a {key}" if key == "name" else f"an op needs {key}",
                               did_you_mean(key, op.value))  # fmt: skip
                elif not isinstance(op.value[key].value, kind):
                    faults.add(
                        op.value[key].where, f"'{key}' of an op is {_EXPECTED[kind]}, not {what(op.value[key].value)}"
                    )
            self._check_texts(op, faults)

    def _check_texts(self, op: Node, faults: Faults) -> None:
        """What is looked at before the schema is."""
        for key in ("layer", "stage", "ahead_of"):
            if key in op.value and not isinstance(op.value[key].value, str):
                faults.add(op.value[key].where, f"'{key}' of an op is text, not {what(op.value[key].value)}")


def _in_template(fault: Fault, written: Written) -> Fault:
    """A fault of what is rendered, at the place in the template that rendered it."""
    if not fault.line:
        return fault
    return Fault(Where(*written.place(fault.line, fault.column), fault.path), fault.message, fault.hint)


def _plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {key: _plain(value) for key, value in node.value.items()}
    return [_plain(item) for item in node.value] if isinstance(node.value, list) else node.value


def shipped_templates() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.yaml")))


def template_rows() -> list[RegistryRow]:
    """All templates by name: those that ship, and those of packages (`sata.templates`). Nothing is loaded."""
    found = [RegistryRow(name, OWN, f"templates/{name}.yaml") for name in shipped_templates()]
    for name, points in entry_points_of(TEMPLATE_GROUP).items():
        fault = "the name is sata's own, which is used" if name in shipped_templates() else ""
        if len(points) > 1 and not fault:
            fault = f"is defined twice: by {' and '.join(package_of(p) for p in points)}"
        found += [RegistryRow(name, package_of(p), f"{p.value.replace('.', '/')}/{name}.yaml", fault) for p in points]
    return found


def _installed(name: str, where: Where) -> Path | None:
    """The file of a template that a package registers as `NAME = "package.folder"`; its code is not imported."""
    from importlib.util import find_spec

    points = entry_points_of(TEMPLATE_GROUP).get(name, ())
    if not points:
        return None
    if len(points) > 1:
        both = " and ".join(package_of(p) for p in points)
        raise SpecError([Fault(where, f"template '{name}' is defined twice: by {both}", "uninstall one of them")])
    top, *folders = points[0].value.split(".")
    spec = find_spec(top)
    for root in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(root, *folders, f"{name}.yaml")
        if path.is_file():
            return path
    message = f"template '{name}': {package_of(points[0])} does not have the file {points[0].value}/{name}.yaml"
    raise SpecError([Fault(where, message)])


def load_template(name: str, base: Path, where: Where | None = None) -> TemplateFile:
    """A shipped template by its name, or a file (`my.yaml`) relative to `base`, the folder of the workload.

    where: the place that names it; without one the user does, and the file may lie anywhere.
    Raises: SpecError, with the faults of the template at their places in it.
    """
    where = where or Where()
    if not name.endswith((".yaml", ".yml")):
        path = SHIPPED / f"{name}.yaml"
        if name not in shipped_templates():
            installed = _installed(name, where)
            if installed is not None:
                note(installed)
                return _load(installed, f"{installed.parent.name}/{installed.name}", installed.stat().st_mtime_ns)
            hint = did_you_mean(name, shipped_templates()) or f"shipped: {', '.join(shipped_templates())}"
            raise SpecError([Fault(where, f"there is no template '{name}'", f"{hint} (or give a file: {name}.yaml)")])
        return _load(path, f"templates/{name}.yaml", path.stat().st_mtime_ns)
    path = beside(name, base, where, "template") if where.file else Path(name)
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error).lower()
        raise SpecError([Fault(where if where.file else Where(name), f"cannot be read: {reason}")]) from None
    note(path)
    folder = os.path.dirname(where.file) if not where.file.startswith("<") else ""
    label = os.path.normpath(os.path.join(folder, name)).replace(os.sep, "/") if folder else name
    return _load(path.resolve(), label, status.st_mtime_ns)


@lru_cache(maxsize=32)
def _load(path: Path, label: str, _modified: int) -> TemplateFile:
    text = read_template(path, label)
    lines = text.splitlines(keepends=True)
    cut = next((i for i, line in enumerate(lines) if line.rstrip() == "---"), None)
    if cut is None:
        message = "has no line '---' between the header (`template:`) and the ops"
        raise SpecError([Fault(Where(label, 1, 1), message)])
    faults = Faults()
    header = _header("".join(lines[:cut]), label, faults)
    body = "".join(lines[cut + 1 :])
    # blank lines in place of the header keep line numbers those of the file
    text = "\n" * (cut + 1) + body
    check_brackets(text, label)
    faults.check()
    return TemplateFile(label, path, header, Text(text, path, label))


def _header(text: str, label: str, faults: Faults) -> Header:
    tree = parse_yaml(text, label, faults)
    block = tree.value.get("template") if tree is not None and isinstance(tree.value, dict) else None
    if block is None or not isinstance(block.value, dict):
        if not len(faults):
            keys = tree.keys if tree is not None else {}
            at = block.where if block is not None else Where(*next(iter(keys.values()), (label, 1, 1)))
            faults.add(at, "the header must be a mapping below the key 'template'", did_you_mean("template", keys))
        return Header()
    for key, at_key in tree.keys.items() if tree is not None else ():
        if key != "template":
            faults.add(Where(*at_key), f"unknown key '{key}' beside 'template'")
    said: dict[str, Any] = {}
    for key, node in block.value.items():
        if key not in _HEADER:
            hint = did_you_mean(key, _HEADER) or f"its keys: {', '.join(_HEADER)}"
            faults.add(Where(*block.keys[key]), f"unknown key '{key}' in the header", hint)
        elif not isinstance(node.value, _HEADER[key]) or isinstance(node.value, bool):
            expected = _EXPECTED[_HEADER[key]]
            faults.add(node.where, f"'{key}' in the header must be {expected}, not {what(node.value)}")
        elif key == "timesteps" and int(str(node.value)) < 1:
            faults.add(node.where, f"'timesteps' in the header must be at least 1, not {node.value}")
        elif key in ("kinds", "no_effect"):
            said[key] = tuple(_texts(node, key, faults))
        elif key == "bits":
            said[key], said["places"] = _bits(node, faults)
        elif key == "options":
            said[key] = _options(node, faults)
        else:
            said[key] = node.value
    return Header(**said)


def _texts(node: Node, key: str, faults: Faults) -> list[str]:
    for item in node.value:
        if not isinstance(item.value, str) or not item.value:
            faults.add(item.where, f"'{key}' in the header is a list of names, not {what(item.value)}")
    return [item.value for item in node.value if isinstance(item.value, str)]


def _bits(node: Node, faults: Faults) -> tuple[dict[str, Any], dict[str, Where]]:
    for kind, bits in node.value.items():
        whole = isinstance(bits.value, int) and not isinstance(bits.value, bool) and bits.value > 0
        if not whole and not isinstance(bits.value, str):
            faults.add(bits.where, f"the bits of '{kind}' are a whole number or an expression, not {what(bits.value)}")
    return {kind: bits.value for kind, bits in node.value.items()}, {k: b.where for k, b in node.value.items()}


def _options(node: Node, faults: Faults) -> dict[str, Option]:
    options = {}
    for name, said in node.value.items():
        data = _plain(said)
        values = data.get("values") if isinstance(data, dict) else None
        if not isinstance(values, list) or not values or not is_one_of(data.get("default", values[0]), values):
            faults.add(said.where, f"option '{name}' needs 'values: [...]', and a default among them")
            continue
        for key in data:
            if key not in ("values", "default", "about"):
                faults.add(Where(*said.keys[key]), f"unknown key '{key}' of an option",
                           did_you_mean(key, ("values", "default", "about")))  # fmt: skip
        if not all(isinstance(value, (str, int, float)) for value in values):
            faults.add(said.value["values"].where, f"the values of option '{name}' are texts, numbers, true or false")
            continue
        options[name] = Option(tuple(values), data.get("default", values[0]), str(data.get("about", "")))
    return options
