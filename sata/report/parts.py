"""What a record of energy is part of: compute, memories, wires or leakage.

A record says so itself, in its field `part`: names of nodes and actions are the user's, and say nothing. Results that
an older version wrote have no such field; theirs follows from the words which that version used.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

COMPUTE, MEMORIES, WIRES, LEAKAGE = PARTS = ("compute", "memories", "wires", "leakage")


def part_of(record: dict[str, Any], computes: Collection[str] = ()) -> str:
    """One of PARTS. computes: names of nodes that compute; only a record without the field `part` needs them."""
    part = record.get("part")
    if part is not None:
        return str(part)
    if leaks(record):
        return LEAKAGE
    if record["component"] in computes:
        return COMPUTE
    return WIRES if record["action"] == "deliver" else MEMORIES


def leaks(record: dict[str, Any]) -> bool:
    """Whether a record is of leakage."""
    part = record.get("part")
    return bool(record["action"] == "leak" if part is None else part == LEAKAGE)
