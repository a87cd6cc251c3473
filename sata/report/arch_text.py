"""An architecture as an indented tree of text: what `sata show ARCH` prints."""

from __future__ import annotations

from sata.report.text import Lines, plural, quantity
from sata.specs.model import Arch
from sata.specs.tree import Row, arch_rows, row_words

_STEP = "  "


def arch_block(arch: Arch) -> Lines:
    """A line a node, outermost first; the ways of a branch one below the other, each begun by a dash."""
    about = [f"{arch.technology_nm:g} nm"] if arch.technology_nm else []
    about += [quantity(arch.clock_hz, "hz")] if arch.clock_hz else []
    about += [f"libraries {', '.join(arch.libraries)}"] if arch.libraries else []
    rows = arch_rows(arch)
    lines = []
    way = ""
    for row in rows:
        deep = row["depth"] + (row["way"].count(".") + 1 if row["way"] else 0)
        indent = _STEP * deep
        if row["way"] != way and row["way"]:
            indent = f"{_STEP * (deep - 1)}- "
        way = row["way"]
        lines.append(f"{indent}{_text(row)}")
    return Lines(f"{arch.name}: {', '.join([plural(len(rows), 'node'), *about])}", tuple(lines))


def _text(row: Row) -> str:
    many = f" x {row['instances']:,}" if row["instances"] > 1 and row["is"] != "array" else ""
    words = [*([row["class"]] if row["class"] else []), *row_words(row)]
    return f"{row['is']} {row['node']}{many}:{_STEP}{', '.join(words)}".rstrip(": ")
