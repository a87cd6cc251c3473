"""Where in a spec transforms find what they change."""

from __future__ import annotations

from collections.abc import Iterator

from .random_specs import Spec


def nests(spec: Spec) -> Iterator[list[Spec]]:
    """Every list of nodes of a mapping, ways of splits included."""
    for entry in spec["mapping"]:
        yield entry["nest"]
        for node in entry["nest"]:
            yield from node.get("split", ())


def memories(spec: Spec) -> list[Spec]:
    return [node for node in spec["arch"]["nodes"] if "memory" in node]


def arrays(spec: Spec) -> list[Spec]:
    return [node for node in spec["arch"]["nodes"] if "array" in node]


def inputs(op: Spec) -> list[str]:
    return [name for name in op["tensors"] if f"{name}[" in op["compute"].split("=", 1)[1]]
