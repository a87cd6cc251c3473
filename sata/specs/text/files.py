"""Which files a run has read, and whether they are still as they were: what is kept between calls depends on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

State = tuple[tuple[Path, int, int], ...]  # path, time of change in ns, size in bytes

_PART = 1 << 20
_watchers: list[set[Path]] = []


def note(path: Path) -> None:
    """Said by whoever reads a file."""
    for watcher in _watchers:
        watcher.add(path)


@contextmanager
def watching() -> Iterator[set[Path]]:
    """The set of files read while the context lasts."""
    seen: set[Path] = set()
    _watchers.append(seen)
    try:
        yield seen
    finally:
        _watchers[:] = [watcher for watcher in _watchers if watcher is not seen]  # by identity: equal sets are two


def was_read(path: Path) -> bool:
    """Whether this very file was read while someone watches: under this name or another, through a link or a second
    name of the same content (a hard link, another case where case does not matter)."""
    try:
        status = path.stat()
    except OSError:
        return False
    seen = {other for watcher in _watchers for other in watcher}
    return any(_same(other, (status.st_dev, status.st_ino)) for other in seen)


def _same(path: Path, identity: tuple[int, int]) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return (status.st_dev, status.st_ino) == identity


def read_at_most(stream: BinaryIO, largest: int) -> bytes:
    """All of a file if it has at most so many bytes, else more than that. Takes the memory of what is there only."""
    parts, length = [], 0
    while length <= largest and (part := stream.read(min(_PART, largest + 1 - length))):
        parts.append(part)
        length += len(part)
    return b"".join(parts)


def state(paths: Iterable[Path]) -> State | None:
    """What tells whether files have changed; None if one is gone."""
    found = []
    try:
        for path in sorted(paths):
            status = path.stat()
            found.append((path, status.st_mtime_ns, status.st_size))
    except OSError:
        return None
    return tuple(found)
