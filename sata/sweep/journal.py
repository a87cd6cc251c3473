"""Finished points, a line each, so that a sweep that was ended goes on where it was.

A line is written and synced before the next point is taken. It holds a hash of itself: one that was cut off, or that
anything else is wrong with, is as if it were not there. Of lines with one key the last holds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from sata.specs.text.faults import Fault, SpecError, Where
from sata.sweep.rows import Cell, Done, hash_of

LARGEST = 1 << 30  # bytes of a journal that is read
LONGEST = 1 << 22  # bytes of a line
_START = b'{"sum": "'  # of every line


class Journal:
    """The journal at a path; None keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._handle: int | None = None

    def read(self) -> dict[str, Done]:
        """key -> the row that is known, if all files that it was made from are as they were."""
        found: dict[str, Done] = {}
        hashes: dict[str, str | None] = {}
        try:
            if self.path is None or self.path.stat().st_size > LARGEST:
                return {}
            with self.path.open("rb") as stream:
                for line in stream:
                    one = _line(line) if len(line) <= LONGEST else None
                    if one is not None:
                        found[one[0]] = one[1]
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise SpecError([_refused(self.path, error)]) from None
        return {
            key: row for key, row in found.items() if all(hash_of(p, hashes) == h for p, h in row.files.items())
        }  # fmt: skip

    def add(self, key: str, row: Done) -> None:
        """Keep a row, before anything else happens. Raises: SpecError if it cannot be written."""
        if self.path is None:
            return
        body = json.dumps({"key": key, "row": dict(row.row), "files": dict(row.files)}, allow_nan=True)
        line = f'{{"sum": "{_sum(body)}", "body": {body}}}\n'.encode()
        try:
            if self._handle is None:
                self._handle = self._open()
            os.write(self._handle, line)
            os.fsync(self._handle)
        except OSError as error:
            raise SpecError([_refused(self.path, error)]) from None

    def _open(self) -> int:
        """For appending; what was cut off in the last line is left to itself on a line of its own."""
        assert self.path is not None
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            os.write(handle, b"\n")
        return handle

    def check(self) -> None:
        """Raises: SpecError if another file lies where the journal is to be: it is neither continued nor removed."""
        try:
            if self.path is None or not self.path.exists():
                return
            with self.path.open("rb") as stream:
                start = stream.read(len(_START))
        except OSError as error:
            raise SpecError([_refused(self.path, error)]) from None
        if not _START.startswith(start):
            raise SpecError([Fault(Where(str(self.path)), "is not a journal of a sweep, and is left alone",
                                   "give -o another name")])  # fmt: skip

    def clear(self) -> None:
        """Forget everything."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _sum(body: str) -> str:
    return sha256(body.encode("utf-8")).hexdigest()[:16]


def _line(text: bytes) -> tuple[str, Done] | None:
    """The key and row of a line; None if anything is wrong with it."""
    try:
        data = json.loads(text)
        body = data["body"]
        if data["sum"] != _sum(json.dumps(body, allow_nan=True)):
            return None
        key, row, files = body["key"], body["row"], body["files"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(key, str) or not _cells(row) or not _cells(files) or row.get("status") not in ("ok", "failed"):
        return None
    return key, Done(row, {str(path): str(h) for path, h in files.items()})


def _cells(data: Any) -> bool:
    cells: type = Cell  # type: ignore[assignment]
    return isinstance(data, Mapping) and all(isinstance(k, str) and isinstance(v, cells) for k, v in data.items())


def _refused(path: Path | None, error: OSError) -> Fault:
    return Fault(Where(str(path)), f"the journal cannot be used: {(error.strerror or str(error)).lower()}")
