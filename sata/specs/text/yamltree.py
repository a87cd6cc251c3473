"""YAML text (or a dict) -> a tree of nodes that know their places.

Built from parser events with a stack of its own, so depth is bounded by a count and not by Python's. The YAML is the
core schema and nothing else: `true`/`false` are the only booleans (`y`, `on` and `no` stay text), keys are text, tags
that build objects are refused, and what aliases expand to is counted before anything is expanded.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from sata.specs.text.faults import Fault, Faults, SpecError, Where

DEEPEST = 60  # levels of nesting
MOST_NODES = 200_000  # after aliases are expanded
LARGEST_NUMBER = 10**30

Place = tuple[str, int, int]  # file, line, column; both from 1, or 0 where there is no text
Scalar = str | int | float | bool | None
_NO_COLON = "could not find expected ':'"  # says libyaml, at the line below


@dataclass(slots=True)
class Node:
    """One value and its place. `value`: a scalar, a dict of nodes or a list of nodes; `keys`: the places of keys."""

    value: Any
    at: Place
    keys: dict[str, Place] = field(default_factory=dict)
    size: int = 1
    depth: int = 1
    inset: int = -1  # characters between the place and the text: 0 plain, 1 quoted; -1 where columns do not map

    @property
    def where(self) -> Where:
        return Where(*self.at)


_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_INT = re.compile(r"[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_CORE_TAGS = {"tag:yaml.org,2002:" + name for name in ("str", "int", "float", "bool", "null", "map", "seq")} | {"!"}


def scalar(text: str) -> Scalar:
    """A plain scalar of YAML's core schema. Raises: ValueError for a number that no value of ours can be."""
    if text in _BOOLS:
        return _BOOLS[text]
    if text in _NULLS:
        return None
    first = text[0]
    if first not in "+-.0123456789":
        return text
    if _INT.fullmatch(text):
        if len(text) > 40:
            raise ValueError("the number is too large")
        return checked_number(int(text, 10 if text.lstrip("+-").isdigit() else 0))
    if _FLOAT.fullmatch(text):
        return checked_number(float(text.lower().replace(".inf", "inf").replace(".nan", "nan")))
    return text


def checked_number(value: float) -> int | float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    if abs(value) > LARGEST_NUMBER:
        raise ValueError("the number is too large")
    return value


def parse_yaml(text: str, label: str, faults: Faults) -> Node | None:
    """The tree of one YAML document, or None with a fault. A broken document gives the first fault of its syntax;

    duplicate keys, unknown tags and impossible numbers are collected.
    """
    import yaml

    try:
        return _Builder(text, label, faults).build()
    except yaml.MarkedYAMLError as error:
        no_colon = _NO_COLON in (error.problem or "") and error.context_mark is not None
        mark = error.context_mark if no_colon else error.problem_mark or error.context_mark
        where = Where(label, mark.line + 1, mark.column + 1) if mark else Where(label)
        if no_colon:
            faults.add(where, *_colon_missing(problem_line(text.splitlines(), where.line)[where.column - 1 :]))
        else:
            faults.add(where, f"not valid YAML: {_reason(error.problem, text, where.line)}")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        faults.add(Where(label, line, column), "not text: control characters are not allowed")
    except SpecError as error:
        faults.extend(error.faults)
    return None


def _reason(problem: str | None, text: str, line: int) -> str:
    lines = text.splitlines()
    if "\t" in problem_line(lines, line) and problem and "cannot start any token" in problem:
        return "a tab cannot indent; use spaces"
    if problem and "mapping values are not allowed" in problem:
        return "a second ':' in one entry; quote the text or start a new line"
    return (problem or "broken text").rstrip(".")


def _colon_missing(rest: str) -> tuple[str, str]:
    """What is said about a line that should be `key: value` and has no colon, and what to write for `key = value`."""
    said = rest.partition(" #")[0].strip()
    key, equals, value = said.partition("=")
    hint = f"write {key.strip()}: {value.strip()}" if equals and key.strip() and len(said) < 60 else ""
    return f"not valid YAML: '{said[:56]}{'...' if len(said) > 56 else ''}' is not 'key: value'", hint


def problem_line(lines: list[str], line: int) -> str:
    return lines[line - 1] if 0 < line <= len(lines) else ""


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not come yet."""

    node: Node
    anchor: str | None
    key: str | None = None
    key_at: Place = ("", 0, 0)
    merges: list[Node] = field(default_factory=list)


class _Builder:
    """One pass over the events of one document."""

    def __init__(self, text: str, label: str, faults: Faults) -> None:
        import yaml

        self.events = (yaml.CLoader if yaml.__with_libyaml__ else yaml.SafeLoader)(text)
        self.label, self.faults = label, faults
        self.stack: list[_Open] = []
        self.anchors: dict[str, Node | None] = {}  # None while the anchored node is open
        self.root: Node | None = None

    def stop(self, at: Place, message: str, hint: str = "") -> SpecError:
        return SpecError([Fault(Where(*at), message, hint)])

    def build(self) -> Node | None:
        import yaml

        documents = 0
        while (event := self.events.get_event()) is not None:
            if isinstance(event, yaml.ScalarEvent):
                self.scalar(event)
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                self.open(event, isinstance(event, yaml.MappingStartEvent))
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                self.close()
            elif isinstance(event, yaml.AliasEvent):
                self.alias(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self.stop(self.place(event), "a second document starts here; one file holds one document")
            elif isinstance(event, yaml.StreamEndEvent):
                break
        return self.root

    def place(self, event: Any) -> Place:
        mark = event.start_mark
        return self.label, mark.line + 1, mark.column + 1

    def expects_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].node.value, dict) and self.stack[-1].key is None

    def scalar(self, event: Any) -> None:
        at = self.place(event)
        if self.expects_key():
            self.key(event.value, at)
            if event.anchor:
                self.anchors[event.anchor] = Node(event.value, at)
            return
        self.check_tag(event.tag, at)
        top = self.stack[-1] if self.stack else None
        if not event.value and top is not None and top.key and at[1] > top.key_at[1] and event.style is None:
            file, line, column = top.key_at  # nothing is behind the key: the mark is that of what follows
            at = (file, line, column + len(top.key) + 1)
        node = Node(event.value, at, inset=_inset(event))
        tag = (event.tag or "").rpartition(":")[2]
        if event.implicit[0] or tag in ("int", "float", "bool", "null"):
            try:
                node.value = scalar(event.value)
            except ValueError as error:
                self.faults.add(node.where, str(error))
        if event.anchor:
            self.anchors[event.anchor] = node
        self.put(node)

    def key(self, text: str, at: Place) -> None:
        top = self.stack[-1]
        if text in top.node.keys:
            first = top.node.keys[text][1]
            self.faults.add(Where(*at), f"duplicate key '{text}'", f"it stands in line {first} already")
        top.key, top.key_at = text, at

    def open(self, event: Any, mapping: bool) -> None:
        at = self.place(event)
        if self.expects_key():
            raise self.stop(at, "a key must be a plain word, not a list or mapping")
        if len(self.stack) >= DEEPEST:
            raise self.stop(at, f"nested more than {DEEPEST} levels deep")
        self.check_tag(event.tag, at)
        if event.anchor:
            self.anchors[event.anchor] = None
        self.stack.append(_Open(Node({} if mapping else [], at), event.anchor))

    def close(self) -> None:
        done = self.stack.pop()
        for source in done.merges:
            merge_missing(done.node, source)
        if done.anchor:
            self.anchors[done.anchor] = done.node
        self.put(done.node)

    def alias(self, event: Any) -> None:
        at = self.place(event)
        if event.anchor not in self.anchors:
            raise self.stop(at, f"no anchor '&{event.anchor}' stands before this alias")
        node = self.anchors[event.anchor]
        if node is None:
            raise self.stop(at, f"the anchor '&{event.anchor}' contains itself")
        if self.expects_key():
            if not isinstance(node.value, str):
                raise self.stop(at, "a key must be a plain word, not a list or mapping")
            self.key(node.value, at)
            return
        self.put(node, at)

    def check_tag(self, tag: str | None, at: Place) -> None:
        if tag and tag not in _CORE_TAGS:
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            self.faults.add(Where(*at), f"the tag '{shown}' is not allowed; values are text, numbers, true, false, "
                            "lists and mappings")  # fmt: skip

    def put(self, node: Node, at: Place | None = None) -> None:
        """Hang a finished node under the one that is open; `at` is where an alias to it stands."""
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        parent = top.node
        parent.size += node.size
        parent.depth = max(parent.depth, node.depth + 1)
        if parent.size > MOST_NODES:
            raise self.stop(at or node.at, f"more than {MOST_NODES} values once aliases are expanded")
        if parent.depth + len(self.stack) - 1 > DEEPEST:
            raise self.stop(at or node.at, f"nested more than {DEEPEST} levels deep")
        if isinstance(parent.value, list):
            parent.value.append(node)
            return
        key, top.key = top.key or "", None
        if key == "<<":
            top.merges += self.merge_sources(node, at)
        elif key not in parent.keys:
            parent.value[key] = node
            parent.keys[key] = top.key_at

    def merge_sources(self, node: Node, at: Place | None) -> list[Node]:
        sources = node.value if isinstance(node.value, list) else [node]
        if not all(isinstance(s.value, dict) for s in sources):
            raise self.stop(at or node.at, "'<<' merges a mapping or a list of mappings")
        return sources


def _inset(event: Any) -> int:
    """A text in one line, without escapes, keeps its columns."""
    start, end = event.start_mark, event.end_mark
    around = end.column - start.column - len(event.value)
    return around // 2 if start.line == end.line and around in (0, 2) else -1


def merge_missing(node: Node, source: Node) -> None:
    """Copy the entries of `source` that `node` does not have."""
    for key, value in source.value.items():
        if key not in node.value:
            node.value[key] = value
            node.keys[key] = source.keys[key]
