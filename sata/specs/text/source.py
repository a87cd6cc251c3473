"""`read`: a path, YAML text or dict -> plain data that knows the place of every value.

Includes are merged and expressions rendered on the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from sata.specs.text.expressions import RESERVED, has_expression, names_in, render_value
from sata.specs.text.faults import Fault, Faults, SpecError, Where, did_you_mean
from sata.specs.text.includes import LoadedTree, load_tree, what
from sata.specs.text.yamltree import DEEPEST, Node, Place

Path_ = tuple[str | int, ...]  # where a value stands in the data: ("arch", "nodes", 1, "class")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Doc:
    """A document. `data` is plain; `declared`: its variables and their places; `used`: those that some value uses."""

    label: str
    data: dict[str, Any]
    text_hash: str
    declared: Mapping[str, Where] = field(default_factory=dict)
    used: frozenset[str] = frozenset()
    variables: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    _values: dict[Path_, Place] = field(default_factory=dict, repr=False)
    _keys: dict[Path_, Place] = field(default_factory=dict, repr=False)
    _insets: dict[Path_, int] = field(default_factory=dict, repr=False)

    def inside(self, path: Path_, offset: int) -> Where:
        """The place of one character of the text at `path`; of its start where columns are not those of the file."""
        where = self.where(path)
        if path not in self._insets:
            return where
        return Where(where.file, where.line, where.column + self._insets[path] + offset, where.path)

    def where(self, path: Path_, key: bool = False) -> Where:
        """The place of the value at `path`, or of its key; of the nearest ancestor where the text has neither."""
        text = path_text(path)
        if key and path in self._keys:
            return Where(*self._keys[path], text)
        for end in range(len(path), -1, -1):
            if path[:end] in self._values:
                return Where(*self._values[path[:end]], text)
        return Where(self.label, 0, 0, text)


@lru_cache(maxsize=16_384)
def path_text(path: Path_) -> str:
    """`("arch", "nodes", 1, "class")` as `arch.nodes[1].class`."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).removeprefix(".")


def read(source: Any, *, variables: Mapping[str, Any] | None = None, folder: str = "",
         raw: Callable[[Path_], bool] | None = None) -> Doc:  # fmt: skip
    """Read one source. `variables` override those that it declares (others are left to the caller to refuse).

    `folder` is the shipped folder to look a bare name up in. Values at or below a path for which `raw` is true keep
    their expressions. A variable that the file itself declares and nothing uses is a fault.
    Raises: SpecError with every fault found.
    """
    faults = Faults()
    loaded = load_tree(source, folder, faults)
    if loaded.root is None:
        faults.check()
        raise SpecError([Fault(Where(loaded.label), "is empty; expected one of arch, workload, mapping, library")])
    renderer = _Renderer(loaded, faults, raw, unread=len(faults) > 0)
    renderer.declare(loaded.root.value.get("variables"), variables or {})
    data = renderer.data(loaded.root, (), False)
    renderer.check_used()
    if len(faults):
        raise SpecError(sorted(faults, key=lambda fault: (fault.file != loaded.label, fault.where)))
    data.pop("variables", None)
    declared = {name: Where(*at) for name, at in renderer.declared.items()}
    return Doc(loaded.label, data, loaded.digest.hexdigest(), declared, frozenset(renderer.used), renderer.names,
               tuple(loaded.files), renderer.values, renderer.keys, renderer.insets)  # fmt: skip


def fingerprint(source: Any, variables: Mapping[str, Any] | None = None, folder: str = "") -> str:
    """A hash of all that `read` would depend on: the bytes of the source and of its includes, and the variables.

    Files are read again each time, parsed only if their bytes are new. Raises: SpecError as `read` does.
    """
    faults = Faults()
    digest = load_tree(source, folder, faults).digest
    faults.check()
    digest.update(repr(sorted((variables or {}).items())).encode())
    return str(digest.hexdigest())


@dataclass(slots=True)
class _Renderer:
    """Turns nodes into data: renders expressions, notes places, names used and faults."""

    loaded: LoadedTree
    faults: Faults
    raw: Callable[[Path_], bool] | None
    names: dict[str, Any] = field(default_factory=dict)
    declared: dict[str, Place] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    values: dict[Path_, Place] = field(default_factory=dict)
    keys: dict[Path_, Place] = field(default_factory=dict)
    insets: dict[Path_, int] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)  # variables with a fault
    plain: list[tuple[str, Place, bool]] = field(
        default_factory=list
    )  # texts that were not rendered: which, where, raw
    unread: bool = False  # an expression could not be read, so what it uses is not known

    def declare(self, block: Node | None, overrides: Mapping[str, Any]) -> None:
        """Compute the variables in their order; each may use those above it."""
        if block is None or block.value is None:
            return
        if not isinstance(block.value, dict):
            self.faults.add(block.where, f"variables: expected a mapping of names to values, not {what(block.value)}")
            return
        self.declared = dict(block.keys)
        for name, node in block.value.items():
            if not _IDENTIFIER.fullmatch(name):
                self.faults.add(Where(*block.keys[name], f"variables.{name}"),
                                f"'{name}' is not a name for a variable; use letters, digits and '_'")  # fmt: skip
                self.broken.add(name)
                continue
            if name in RESERVED:
                self.faults.add(Where(*block.keys[name], f"variables.{name}"),
                                f"'{name}' means something else in expressions; take another name")  # fmt: skip
                self.broken.add(name)
            before = len(self.faults)
            value = self.data(node, ("variables", name), False)
            self.names[name] = overrides.get(name, value)
            if len(self.faults) > before:
                self.broken.add(name)

    def data(self, node: Node, path: Path_, raw: bool) -> Any:
        """The plain data of a node; its places go into the tables."""
        self.values[path] = node.at
        if len(path) > DEEPEST:  # several files, each within its bounds
            self.faults.add(Where(*node.at), f"nested more than {DEEPEST} levels deep")
            return None
        raw = raw or (self.raw is not None and self.raw(path))
        if isinstance(node.value, dict):
            for key, at in node.keys.items():
                self.keys[(*path, key)] = at
            # the variables are rendered already, in their own order
            return {k: self.data(v, (*path, k), raw) for k, v in node.value.items() if path or k != "variables"}
        if isinstance(node.value, list):
            return [self.data(item, (*path, i), raw) for i, item in enumerate(node.value)]
        if raw or not isinstance(node.value, str) or not has_expression(node.value):
            if node.inset >= 0 and isinstance(node.value, str):
                self.insets[path] = node.inset
            if isinstance(node.value, str) and self.declared:
                self.plain.append((node.value, node.at, raw))
            if raw and isinstance(node.value, str):
                self.note_raw(node, path)
            return node.value
        return self.render(node, path)

    def note_raw(self, node: Node, path: Path_) -> None:
        """An expression that is rendered later uses the variables that it names."""
        try:
            self.used |= names_in(node.value) if has_expression(node.value) else frozenset()
        except ValueError as error:
            self.faults.add(Where(*node.at, path_text(path)), str(error))

    def render(self, node: Node, path: Path_) -> Any:
        where = Where(*node.at, path_text(path))
        try:
            wanted = names_in(node.value)
        except ValueError as error:
            self.unread = True
            self.faults.add(where, str(error))
            return 1
        self.used |= wanted
        try:
            if wanted & self.broken:
                return 1  # its variable has a fault of its own
            unknown = wanted - self.names.keys()
            later = sorted(name for name in unknown if name in self.declared and path[0] == "variables")
            if later:
                self.faults.add(where, f"'{later[0]}' is declared further down", "a variable may use those above it")
                return 1
            return render_value(node.value, self.names)
        except ValueError as error:
            self.faults.add(where, str(error))
            return 1

    def check_used(self) -> None:
        """Variables of an included file may serve other files; the file's own must serve this one."""
        known = self.used | self.broken | self.loaded.included_variables
        for name, at in self.declared.items() if not self.unread else ():
            if name not in known:
                self.faults.add(
                    Where(*at, f"variables.{name}"), f"the variable '{name}' is never used", self.meant(name)
                )

    def meant(self, name: str) -> str:
        """A text that seems to mean a variable and does not use it: without double braces, or one that is rendered
        later and misspells it; else empty."""
        for text, at, raw in self.plain:
            words = _WORD.findall(text)
            where = f"'{text[:40]}' in line {at[1]}"
            marked = len(name) > 2 or any(mark in text for mark in "{$%")  # `k 4` is a loop, no use of a variable k
            if name in words and marked and not (raw and has_expression(text)):
                return f"{where} is taken as it is; an expression is written '{{{{ {name} }}}}'"
            if raw and has_expression(text) and any(did_you_mean(word, [name]) for word in words):
                return f"did you mean it in {where}?"
        return ""
