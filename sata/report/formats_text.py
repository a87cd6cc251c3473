"""What `sata formats` prints: the tensor formats, what they store, where they may stand and what they take."""

from __future__ import annotations

from typing import Any

from sata.report.text import Block, Lines
from sata.specs.encodings import FORMATS
from sata.specs.formats import SHORTHANDS

_PLACES = {"any": "any rank", "outer": "a rank must follow", "inner": "the last rank"}
_PARAMETERS = {
    "bits": "bits   of one field; default: as many as the bounds of the ranks need",
    "values": "values false: an element of 1 b is there or not, and needs no value beside its metadata",
}


def format_data() -> list[dict[str, Any]]:
    """The formats as data."""
    rows = [{"format": name, "stores": words.about, "place": _PLACES[words.place], "parameters": list(words.parameters)}
            for name, words in FORMATS.items()]  # fmt: skip
    return rows + [{"format": name, "stores": f"[{', '.join(ranks)}]", "place": "alone", "parameters": []}
                   for name, ranks in SHORTHANDS.items()]  # fmt: skip


def format_blocks() -> list[Block]:
    """A line for each format, then the parameters."""
    lines: list[str] = []
    for row in format_data():
        takes = f"; takes {', '.join(row['parameters'])}" if row["parameters"] else ""
        lines += [f"{row['format']}  ({row['place']}{takes})", f"  {row['stores']}"]
    return [Lines("Formats", tuple(lines)), Lines("Parameters", tuple(_PARAMETERS.values()))]
