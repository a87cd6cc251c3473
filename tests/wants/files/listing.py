"""`listing`: `NAME pJ` a line, as a library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sata.interchange.importers import Importer


def read(files: Sequence[str], options: Mapping[str, str]) -> str:
    rows = [line.split() for name in files for line in Path(name).read_text(encoding="utf-8").splitlines()]
    classes = [f"  - {{class: {name}, energy: {{read: {pj} pJ}}}}" for name, pj in rows]
    return "\n".join(["library:", "  name: listing", "  components:", *classes, ""])


LISTING = Importer("listing", "Lines of names and energies as a library.", read)
