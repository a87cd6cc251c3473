"""Names that templates give to ops, tensors and kinds, as far as a mapping may speak of them where others are used.

One mapping serves workloads of several templates: those that ship, and those that lie beside the mapping or the
workload. What it says for the ops of one is idle where another is used. Names are found in the text of a template, not
by running it: what is printed for some options only counts too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from sata.specs.text.faults import Where
from sata.specs.text.files import note

MOST_FILES, LARGEST = 200, 1 << 20  # files of a folder that are looked at, bytes of one
_TEMPLATE = re.compile(r"(?:^\s*(?:#.*)?\n)*^template\s*:", re.MULTILINE)
_OP = re.compile(r"\bname\s*:\s*[\"']?\{\{\s*layer\.name\s*\}\}\.([A-Za-z_]\w*)")
_TENSOR = re.compile(r"[\"']?([A-Za-z_]\w*'*)[\"']?\s*:\s*\{\s*kind\s*:\s*[\"']?(\w+)")
_KINDS = re.compile(r"^\s+kinds\s*:\s*\[([^\]\n]*)\]", re.MULTILINE)


class Names(NamedTuple):
    """Of ops without their layer, of tensors, of kinds."""

    ops: frozenset[str] = frozenset()
    tensors: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()


def names_beside(places: Iterable[Where]) -> Names:
    """Of all templates in the folders of some files; a place without a file has none."""
    folders = {Path(place.file).parent for place in places if place.file and not place.file.startswith("<")}
    found = [_names(path, path.stat().st_mtime_ns) for folder in sorted(folders) for path in _files(folder)]
    return Names(*(frozenset().union(*parts) for parts in zip(*found, strict=True))) if found else Names()


def _files(folder: Path) -> list[Path]:
    try:
        paths = sorted(folder.glob("*.yaml"))[:MOST_FILES]
        return [path for path in paths if path.is_file() and path.stat().st_size <= LARGEST]
    except OSError:
        return []


@lru_cache(maxsize=256)
def _names(path: Path, _modified: int) -> Names:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return Names()
    if not _TEMPLATE.match(text):
        return Names()
    note(path)
    declared = [word.strip(" \"'") for words in _KINDS.findall(text) for word in words.split(",")]
    tensors = _TENSOR.findall(text)
    return Names(
        frozenset(_OP.findall(text)),
        frozenset(name for name, _ in tensors),
        frozenset(kind for kind in (*declared, *(kind for _, kind in tensors)) if kind),
    )
