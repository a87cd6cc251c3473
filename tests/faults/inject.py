"""Lets the n-th operation on files below a folder fail, or kills the process there."""

from __future__ import annotations

import builtins
import errno
import io
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Points:
    """Counts operations on files below a folder. at: the one that fails, from 1; None lets all pass. kill: ends the
    process there instead."""

    def __init__(self, folder: Path, at: int | None = None, error: int = errno.ENOSPC, kill: bool = False) -> None:
        self.folder, self.at, self.error, self.kill = str(folder.resolve()), at, error, kill
        self.seen: list[str] = []
        self.handles: set[int] = set()

    def hit(self, what: str) -> None:
        self.seen.append(what)
        if len(self.seen) == self.at:
            if self.kill:
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(self.error, os.strerror(self.error))

    def ours(self, path: Any) -> bool:
        if isinstance(path, int):
            return path in self.handles
        try:
            return os.path.realpath(os.fspath(path)).startswith(self.folder + os.sep)
        except (TypeError, ValueError):
            return False


class _File:
    """An open file whose writes, flushes and end are counted."""

    def __init__(self, inner: Any, points: Points) -> None:
        self.inner, self.points = inner, points

    def write(self, data: Any) -> Any:
        self.points.hit("write")
        return self.inner.write(data)

    def flush(self) -> None:
        self.points.hit("flush")
        self.inner.flush()

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: Any) -> None:
        self.inner.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@contextmanager
def failing(points: Points) -> Iterator[Points]:
    """Every open, write, fsync, chmod, rename and new folder below the folder is one of the points while this lasts."""
    real: dict[tuple[Any, str], Callable[..., Any]] = {}

    def patch(home: Any, name: str, made: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        real[home, name] = getattr(home, name)
        setattr(home, name, made(real[home, name]))

    def of_path(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def made(function: Callable[..., Any]) -> Callable[..., Any]:
            def call(path: Any, *args: Any, **more: Any) -> Any:
                if points.ours(path):
                    points.hit(what)
                return function(path, *args, **more)

            return call

        return made

    def os_open(function: Callable[..., int]) -> Callable[..., int]:
        def call(path: Any, *args: Any, **more: Any) -> int:
            ours = points.ours(path)
            if ours:
                points.hit("open")
            handle = function(path, *args, **more)
            if ours:
                points.handles.add(handle)
            return handle

        return call

    def file_open(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, mode: str = "r", *args: Any, **more: Any) -> Any:
            if not points.ours(path):
                return function(path, mode, *args, **more)
            points.hit(f"open {mode}")
            found = function(path, mode, *args, **more)
            points.handles.add(found.fileno())
            return _File(found, points) if set(mode) & set("wax+") else found

        return call

    patch(os, "open", os_open)
    for name in ("write", "fsync", "replace", "rename", "mkdir", "chmod"):
        patch(os, name, of_path(name))
    patch(io, "open", file_open)
    patch(builtins, "open", file_open)
    try:
        yield points
    finally:
        for (home, name), function in real.items():
            setattr(home, name, function)
