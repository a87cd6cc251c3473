"""Answers on disk, by what they depend on, so that no search is done twice.

A file is written beside its place and renamed, so searches that run at once never meet half a file. What is read is
trusted in nothing but the proof: its types are checked, and every mapping is scored again before it is used. The proof
is believed of files that nobody else may write. Only what does not depend on time is kept: answers that no budget and
no user has cut short.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from sata.search.answers.codec import Misfit, data_of, decoded
from sata.search.answers.fingerprint import Unknown, fingerprint_of
from sata.search.answers.reuse import still_holds
from sata.search.engine.solve import Answer, Task

LARGEST = 4 << 20  # bytes of one answer; what is larger is not kept
MOST = 256 << 20  # bytes of all of them
_KEPT_SHARE = 0.8  # of MOST, that is left when the oldest are removed
_ABANDONED = 3600.0  # seconds after which a file that was never put in its place is rubbish
_LOOK = 64  # answers written between two looks at how much there is


def default_folder() -> Path:
    """$SATA_CACHE, else `sata` in $XDG_CACHE_HOME, else ~/.cache/sata."""
    given = os.environ.get("SATA_CACHE", "")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "sata"


class Cache:
    """Answers in a folder. `trouble`: why it could not be written, if so; a search goes on without."""

    def __init__(self, folder: Path | str | None = None, most: int = MOST) -> None:
        self.folder = (Path(folder) if folder is not None else default_folder()) / "answers"
        self.most, self.trouble = most, ""
        self._written = 0

    def get(self, task: Task) -> Answer | None:
        """The answer of a task, if a sound one is there."""
        path = self._path(task)
        if path is None or not self._ours(path):
            return None
        data = read_json(path)
        if not isinstance(data, dict) or data.get("key") != path.stem:
            return None
        try:
            answer = decoded(Answer, data.get("answer"))
        except (Misfit, TypeError, ValueError):
            return None
        if not (answer.proven or not answer.interrupted) or not still_holds(task, answer):
            return None
        with suppress(OSError):
            os.utime(path)  # used lately: others go first
        return answer

    def put(self, task: Task, answer: Answer) -> None:
        """Keep an answer, if it is one to keep."""
        path = self._path(task)
        if path is None or not keepable(task, answer):
            return
        text = json.dumps({"key": path.stem, "answer": data_of(answer)}, allow_nan=False)
        if len(text) > LARGEST:
            return
        try:
            for folder in (self.folder.parent, self.folder, path.parent):
                with suppress(FileExistsError):
                    folder.mkdir(mode=0o700, parents=True)
            write_whole(path, text.encode("utf-8"))
        except OSError as error:
            self.trouble = f"nothing is kept for another time: {self.folder}: {(error.strerror or str(error)).lower()}"
            return
        if self._written % _LOOK == 0:
            self._evict()
        self._written += 1

    def _ours(self, path: Path) -> bool:
        """Whether a file is there that only this user (or the system's) can have written, nor put in its place."""
        for place in (self.folder.parent, self.folder, path.parent, path):
            try:
                status = place.stat()
            except OSError:
                return False
            why = others_may_write(status)
            if why:
                self.trouble = f"answers in {place} are not believed: {why}"
                return False
        return True

    def _path(self, task: Task) -> Path | None:
        try:
            key = fingerprint_of(task)
        except (Unknown, OSError):
            return None
        return self.folder / key[:2] / f"{key}.json"

    def _evict(self) -> None:
        """Remove the least lately used answers, and what writers that were killed have left."""
        entries, total, now = [], 0, time.time()
        for path in self.folder.glob("*/*"):
            with suppress(OSError):
                status = path.stat()
                if path.suffix == ".tmp":
                    if now - status.st_mtime > _ABANDONED:
                        path.unlink()
                    continue
                entries.append((status.st_mtime, status.st_size, path))
                total += status.st_size
        if total <= self.most:
            return
        for _, size, path in sorted(entries):
            with suppress(OSError):
                path.unlink()
            total -= size
            if total <= self.most * _KEPT_SHARE:
                return


def others_may_write(status: os.stat_result) -> str:
    """Why a file or folder may be the work of other users, and what helps; empty if it cannot be."""
    if not hasattr(os, "geteuid"):  # no such owners and modes here
        return ""
    if status.st_uid not in (os.geteuid(), 0):
        return "it belongs to another user; choose another folder by SATA_CACHE"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others may write there; chmod go-w would help"
    return ""


def keepable(task: Task, answer: Answer) -> bool:
    """Whether an answer depends on nothing but its task: it is proven, or was neither cut short nor in a hurry. What
    other strategies than the exact one find is found again soon, and may be of code that changes."""
    return (
        task.strategy == "exact"
        and bool(answer.points)
        and (answer.proven or (not answer.interrupted and task.budget is None))
    )


def read_json(path: Path, largest: int = LARGEST) -> Any:
    """The data of a file; None for one that is missing, too large or broken."""
    try:
        with path.open("rb") as stream:
            text = stream.read(largest + 1)
        return json.loads(text) if len(text) <= largest else None
    except (OSError, ValueError, RecursionError):
        return None


def write_whole(path: Path, text: bytes) -> None:
    """Put a file in its place in one step. Raises: OSError."""
    handle, made = tempfile.mkstemp(prefix=f".{path.stem[:16]}.", suffix=".tmp", dir=path.parent)
    try:
        with open(handle, "wb") as out:
            out.write(text)
        os.replace(made, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(made)
        raise
