"""What is going on, on standard error, in a terminal, where it takes longer than a second. It leaves nothing behind."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 1.0  # seconds before anything is said
_EVERY = 0.1  # seconds between two words


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Gives a function to call with how much is done and of how much; it draws a bar, which is gone at the end."""
    stream = sys.stderr
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda done, of: None
        return
    start = drawn = time.monotonic()
    shown = False

    def tell(done: int, of: int) -> None:
        nonlocal drawn, shown
        now = time.monotonic()
        if now - start < PATIENCE or now - drawn < _EVERY:
            return
        drawn, shown = now, True
        stream.write("\r" + _line(what, done, of, now - start, _columns(stream.fileno())))
        stream.flush()

    try:
        yield tell
    finally:
        if shown:
            stream.write("\r" + " " * (_columns(stream.fileno()) - 1) + "\r")
            stream.flush()


def _columns(handle: int) -> int:
    try:
        return max(os.get_terminal_size(handle).columns, 20)
    except OSError:
        return 80


def _line(what: str, done: int, of: int, seconds: float, columns: int) -> str:
    """`evaluating [#####.....] 12 of 24, 3 s`, shorter than the terminal is wide."""
    text = f"{done:,} of {of:,}, {seconds:.0f} s"
    room = min(columns - len(what) - len(text) - 5, 40)
    if room < 4:
        return f"{what} {text}"[: columns - 1].ljust(columns - 1)
    full = room * done // max(of, 1)
    return f"{what} [{'#' * full}{'.' * (room - full)}] {text}"
