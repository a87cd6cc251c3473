"""Plain Python data -> a tree of nodes, as if it had been read from a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sata.specs.text.faults import Faults, Where
from sata.specs.text.yamltree import DEEPEST, MOST_NODES, Node, checked_number


def from_data(data: object, label: str, faults: Faults) -> Node | None:
    """The tree of plain Python data, without lines. Faults: data that YAML has not, loops, depth, size."""
    room = [MOST_NODES]
    try:
        return _node_of(data, label, room, 0)
    except ValueError as error:
        faults.add(Where(label), str(error))
        return None


def _node_of(data: Any, label: str, room: list[int], depth: int) -> Node:
    at = (label, 0, 0)
    room[0] -= 1
    if room[0] < 0:
        raise ValueError(f"more than {MOST_NODES} values")
    if depth > DEEPEST:
        raise ValueError(f"nested more than {DEEPEST} levels deep, or a value contains itself")
    if data is None or isinstance(data, (bool, str)):
        return Node(data, at)
    if isinstance(data, (int, float)):
        return Node(checked_number(int(data) if isinstance(data, int) else float(data)), at)
    if isinstance(data, Mapping):
        for key in data:
            if not isinstance(key, (str, int)):
                raise ValueError(f"a key must be text, not {type(key).__name__}")
        items = {str(key): _node_of(value, label, room, depth + 1) for key, value in data.items()}
        return Node(items, at, dict.fromkeys(items, at))
    if isinstance(data, (list, tuple)):
        return Node([_node_of(item, label, room, depth + 1) for item in data], at)
    if hasattr(data, "tolist"):  # numbers and arrays of numpy
        if getattr(data, "size", 0) > room[0]:
            raise ValueError(f"more than {MOST_NODES} values")
        plain = data.tolist()
        if type(plain) is not type(data):
            return _node_of(plain, label, room, depth)
    elif hasattr(data, "__index__"):
        return _node_of(int(data), label, room, depth)
    raise ValueError(f"a value must be text, a number, true, false, a list or a mapping, not {type(data).__name__}")
