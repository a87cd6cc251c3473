"""How a command ends: what is said, and with which exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from sata.specs.text.said import escaped, escaped_lines, quoted
from sata.version import __version__

PIPE_CLOSED = 1  # whoever reads standard output has left
BAD_INPUT = 2  # also a file that cannot be written, and too little memory
UNEXPECTED = 70  # EX_SOFTWARE of sysexits.h: a mistake of sata
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


class Terminated(BaseException):
    """SIGTERM: what is being written is cleaned up on the way out."""


def say_error(text: str) -> None:
    """A line, or several, on standard error; a full disk or a closed terminal there is no reason to fail."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{escaped_lines(text)}\n")
        sys.stderr.flush()


def end(message: str, code: int) -> NoReturn:
    """Say it and exit."""
    _drop_output(code)
    say_error(message)
    sys.exit(code)


def flushed() -> None:
    """Write out what standard output still holds. Ends with BAD_INPUT if it cannot be written."""
    try:
        sys.stdout.flush()
    except OSError as error:
        output_failed(error)


def output_failed(error: OSError) -> NoReturn:
    """Standard output, or whatever else was written without a name, cannot take it."""
    if error.errno == errno.EPIPE:
        end_silently(PIPE_CLOSED)
    end(f"standard output cannot be written: {(error.strerror or str(error)).lower()}", BAD_INPUT)


def end_silently(code: int) -> NoReturn:
    """Exit, whatever standard output still holds."""
    _drop_output(code)
    sys.exit(code)


def _drop_output(code: int) -> None:
    """What could not be written is not tried again when the interpreter ends."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def no_memory() -> NoReturn:
    """Memory ran out where nothing could estimate it before. SATA_DEBUG=1 shows where."""
    _traced()
    end("there is not enough memory for this; --memory raises the limit, fewer --workers, --ops or smaller ranks need "
        "less", BAD_INPUT)  # fmt: skip


def _traced() -> None:
    if os.environ.get("SATA_DEBUG") not in (None, "", "0"):
        say_error(traceback.format_exc().rstrip())


def unexpected(error: Exception) -> NoReturn:
    """The last net: a mistake of sata itself, in one line. SATA_DEBUG=1 shows where."""
    _traced()
    text = quoted(str(error)[:2000])
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    end(f"sata {__version__} has made a mistake ({what}); please report it with the command and its files; "
        "SATA_DEBUG=1 shows where it was", UNEXPECTED)  # fmt: skip


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM raises `Terminated` while this lasts, where signals can be heard and nobody else listens."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def heard(_number: int, _frame: Any) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, heard)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def usage(text: str) -> str:
    """The message of a wrong option or argument, which may quote anything."""
    return "\n".join(line if len(line) <= 1000 else quoted(line) for line in map(escaped, text.split("\n")))
