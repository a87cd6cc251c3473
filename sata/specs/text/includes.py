"""Files and what they include, merged into one tree.

`include: FILE` (or a list) may stand in any mapping. The included file's mapping fills in what the including one does
not say: mappings merge, lists and single values of the including file replace. Included files stay inside the
including file's folder, the current folder or the shipped ones.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sata.specs.text.faults import Fault, Faults, SpecError, Where
from sata.specs.text.files import note
from sata.specs.text.find import beside, find, label_of
from sata.specs.text.plain_data import from_data
from sata.specs.text.yamltree import Node, parse_yaml

LARGEST_FILE = 8 << 20  # bytes
MOST_INCLUDES = 100
_INCLUDE = "include"
DEEPEST_INCLUDE = 8  # files that include each other in a chain
_TEXT = re.compile(r"\n|^\s*[\[{]|^\s*\w+\s*:(\s|$)")


@dataclass(slots=True)
class LoadedTree:
    """A merged tree, and what it came from."""

    label: str
    root: Node | None = None
    files: list[Path] = field(default_factory=list)
    digest: Any = field(default_factory=hashlib.sha256)
    included_variables: set[str] = field(default_factory=set)
    may_include: bool = True  # False: the word stands nowhere in the text


_parsed: dict[tuple[str, bytes], tuple[Node | None, list[Fault]]] = {}  # by label and content; nodes are never changed


def is_text(source: str) -> bool:
    """Is this string YAML itself, and not the name of a file?"""
    return bool(_TEXT.search(source))


def load_tree(source: Any, folder: str, faults: Faults) -> LoadedTree:
    """Read a path, YAML text or dict with all it includes. Raises: SpecError only where there is nothing to read."""
    if isinstance(source, (str, os.PathLike)):
        if isinstance(source, str) and is_text(source):
            loaded = LoadedTree("<text>")
            loaded.root = _tree(source.encode("utf-8", "surrogatepass"), loaded, faults)
            base: Path | None = None
        else:
            name = os.fspath(source)
            if not isinstance(name, str) or not name:
                raise SpecError([Fault(Where(), "a file name is empty" if not name else "a file name must be text")])
            path = find(name, folder)
            loaded = LoadedTree(label_of(name, path), files=[path])
            loaded.root = _tree(read_bytes(path, Where(loaded.label)), loaded, faults)
            base = path
    elif isinstance(source, dict):
        loaded = LoadedTree("<dict>")
        loaded.root = from_data(source, "<dict>", faults)
        loaded.digest.update(repr(source).encode("utf-8", "surrogatepass") if loaded.root else b"")
        base = None
    else:
        kind = type(source).__name__
        raise SpecError([Fault(Where(), f"expected a path, YAML text or a dict, not {kind}")])
    if loaded.root is None:
        return loaded
    if not isinstance(loaded.root.value, dict):
        faults.add(loaded.root.where, f"the top level must be a mapping, not {what(loaded.root.value)}")
        loaded.root = None
        return loaded
    stack = [(base.resolve(), loaded.label)] if base else []
    if loaded.may_include:
        loaded.root = _expand(loaded.root, loaded, stack, faults, base, loaded.label)
    return loaded


def what(value: Any) -> str:
    """What a value is, for sentences."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(value) if len(value) <= 60 else repr(value[:56] + "...")
    return f"the number {value}"


def read_bytes(path: Path, where: Where) -> bytes:
    """Raises: SpecError for a file that is too large or cannot be read."""
    note(path)
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SpecError([Fault(where, f"cannot be read: {reason}", passing=True)]) from None
    if len(content) > LARGEST_FILE:
        raise SpecError([Fault(where, f"larger than {LARGEST_FILE >> 20} MiB")])
    return content


def _tree(content: bytes, loaded: LoadedTree, faults: Faults, label: str = "") -> Node | None:
    label = label or loaded.label
    loaded.digest.update(len(content).to_bytes(8, "little") + content)
    loaded.may_include = b"include" in content or b"\\" in content  # an escape may spell it
    key = (label, hashlib.sha256(content).digest())
    if key not in _parsed:
        if len(_parsed) >= 64:
            _parsed.pop(next(iter(_parsed)))
        own = Faults()
        _parsed[key] = (_parse(content, label, own), list(own))
    root, found = _parsed[key]
    faults.extend(found)
    return root


def _parse(content: bytes, label: str, faults: Faults) -> Node | None:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        faults.add(Where(label, line, error.start - content.rfind(b"\n", 0, error.start)), "not UTF-8 text")
        return None
    if "\0" in text:
        faults.add(Where(label), "not text: it holds binary data")
        return None
    root = parse_yaml(text, label, faults)
    if not len(faults) and (root is None or root.value is None):
        faults.add(Where(label), "is empty; expected one of arch, workload, mapping, library")
        return None
    return root


# --- include: ------------------------------------------------------------------------------------------------------


def _expand(node: Node, loaded: LoadedTree, stack: list[tuple[Path, str]], faults: Faults, base: Path | None,
            label: str, top: bool = True) -> Node:  # fmt: skip
    """The node with every include below it filled in; untouched nodes are shared, never changed.

    Below the top level, a mapping or a number does not name a file: there `include` is a name that the user gave to a
    tensor, a rank or a kind.
    """
    if isinstance(node.value, list):
        items = [_expand(item, loaded, stack, faults, base, label, top=False) for item in node.value]
        same = all(a is b for a, b in zip(items, node.value, strict=True))
        return node if same else Node(items, node.at, node.keys)
    if not isinstance(node.value, dict):
        return node
    includes = _INCLUDE in node.value and (top or isinstance(node.value[_INCLUDE].value, (str, list)))
    entries = {
        key: _expand(value, loaded, stack, faults, base, label, top=False)
        for key, value in node.value.items()
        if not (includes and key == _INCLUDE)
    }
    if not includes:
        same = all(entries[k] is node.value[k] for k in entries)
        return node if same else Node(entries, node.at, node.keys)
    merged = Node(entries, node.at, {k: v for k, v in node.keys.items() if k != _INCLUDE})
    for name in _names(node.value[_INCLUDE], faults):
        included = _included(name, loaded, stack, faults, base, label)
        if included is not None:
            loaded.included_variables |= _declared(included) - _declared(merged)
            merged = _merge(merged, included)
    return merged


def _declared(node: Node) -> set[str]:
    block = node.value.get("variables")
    return set(block.value) if block is not None and isinstance(block.value, dict) else set()


def _names(node: Node, faults: Faults) -> list[Node]:
    names = node.value if isinstance(node.value, list) else [node]
    for name in names:
        if not isinstance(name.value, str) or not name.value:
            faults.add(name.where, f"'include' takes a file name or a list of them, not {what(name.value)}")
            return []
    return names


def _included(name: Node, loaded: LoadedTree, stack: list[tuple[Path, str]], faults: Faults, base: Path | None,
              label: str) -> Node | None:  # fmt: skip
    """The expanded tree of one included file, or None with a fault at the place of its name."""
    try:
        path, shown = _locate(name, base, label)
        real = path.resolve()
        if any(real == above for above, _ in stack):
            chain = " -> ".join([text for _, text in stack] + [shown])
            raise SpecError([Fault(name.where, f"'{name.value}' includes itself: {chain}")])
        if len(stack) > DEEPEST_INCLUDE:
            raise SpecError([Fault(name.where, f"more than {DEEPEST_INCLUDE} files include each other in a chain")])
        if len(loaded.files) >= MOST_INCLUDES:
            raise SpecError([Fault(name.where, f"more than {MOST_INCLUDES} files are included")])
        content = read_bytes(path, name.where)
    except SpecError as error:
        faults.extend(error.faults)
        return None
    loaded.files.append(path)
    tree = _tree(content, loaded, faults, shown)
    if tree is None:
        return None
    if not isinstance(tree.value, dict):
        faults.add(tree.where, f"an included file must be a mapping, not {what(tree.value)}")
        return None
    return _expand(tree, loaded, [*stack, (real, shown)], faults, path, shown)


def _locate(name: Node, base: Path | None, label: str) -> tuple[Path, str]:
    """Raises: SpecError for a file that is outside the allowed folders or is not there."""
    text = name.value
    folder = base.parent if base else Path()
    if "{{" in text:
        raise SpecError([Fault(name.where, "'include' takes a plain file name, without expressions")])
    path = beside(text, folder, name.where)
    return path, _label(path, folder, text, label)


def _label(path: Path, folder: Path, text: str, label: str) -> str:
    """The included file's name in faults: beside the including file as the user named that."""
    if path == folder / text and not label.startswith("<"):
        return os.path.normpath(os.path.join(os.path.dirname(label), text)).replace(os.sep, "/")
    return text if path == folder / text else label_of(text, path)


def _merge(own: Node, other: Node) -> Node:
    """`own` wins; mappings merge. Entries of the included file come first, so that its variables are known earlier."""
    entries: dict[str, Node] = {}
    keys: dict[str, tuple[str, int, int]] = {}
    for key, value in other.value.items():
        mine = own.value.get(key)
        if mine is not None and isinstance(mine.value, dict) and isinstance(value.value, dict):
            entries[key], keys[key] = _merge(mine, value), own.keys[key]
        else:
            entries[key] = value if mine is None else mine
            keys[key] = other.keys[key] if mine is None else own.keys[key]
    for key, mine in own.value.items():
        if key not in entries:
            entries[key], keys[key] = mine, own.keys[key]
    return Node(entries, own.at, keys)
