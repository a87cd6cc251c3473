"""How much memory a command may take: what is free, a limit below it, and what a step would need before it takes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

try:
    import resource
except ImportError:  # a system without limits of processes
    resource = None  # type: ignore[assignment]

LEAST = 64 << 20  # bytes of a limit: less and nothing at all can be done
_SHARE = 2  # of what is free, its part that is taken without being asked: 1 / _SHARE
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


class TooMuchMemory(ValueError):
    """What a step would take is more than is allowed. The text is a sentence."""


@dataclass
class _Counter:
    number: int = 0


_allowed: ContextVar[int | None] = ContextVar("sata_memory", default=None)
_ended = _Counter()  # searches that memory has ended, in this process


def allowed_bytes() -> int | None:
    """The bytes that may be taken; None: nobody has set a limit."""
    return _allowed.get()


def need(number: float, what: str) -> None:
    """Ask before taking memory. number: bytes. what: begins the sentence, such as `the recording`.

    Raises: TooMuchMemory where a limit is set and this is more.
    """
    limit = allowed_bytes()
    if limit is not None and number > limit:
        raise TooMuchMemory(
            f"{what} needs about {memory_text(number)} of memory, more than the {memory_text(limit)} of --memory"
        )


def memory_text(number: float) -> str:
    """Bytes for people: `1.5 GiB`."""
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:,.0f} B"


def default() -> int | None:
    """Half of what is free; None where nobody can tell."""
    free = free_bytes()
    return None if free is None else max(free // _SHARE, LEAST)


def free_bytes() -> int | None:
    """What the system, the container and the limits of this process leave; None where none of them says."""
    found = [value for value in (_available(), *_containers(), *_limits()) if value is not None]
    return max(min(found), 0) if found else None


def _available() -> int | None:
    match = re.search(r"^MemAvailable:\s*(\d+) kB", _text("/proc/meminfo"), re.MULTILINE)
    return int(match[1]) << 10 if match else None


def _containers() -> Iterator[int | None]:
    for limit, used in _CGROUPS:
        most, now = _text(limit).strip(), _text(used).strip()
        if most.isdigit() and now.isdigit() and int(most) < 1 << 60:
            yield int(most) - int(now)


def _limits() -> Iterator[int | None]:
    if resource is None:
        return
    for kind, field in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        most, now = resource.getrlimit(kind)[0], _of_this_process(field)
        if most != resource.RLIM_INFINITY and now is not None:
            yield most - now


def _of_this_process(field: str) -> int | None:
    match = re.search(rf"^{field}:\s*(\d+) kB", _text("/proc/self/status"), re.MULTILINE)
    return int(match[1]) << 10 if match else None


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


@contextmanager
def limited(number: int | None) -> Iterator[None]:
    """No more than so many bytes beyond what is taken now, while this lasts; None: no limit.

    What nobody has estimated is stopped by the system, and is a MemoryError.
    """
    token = _allowed.set(number)
    before = _cap(number)
    try:
        yield
    finally:
        _allowed.reset(token)
        if before is not None:
            resource.setrlimit(resource.RLIMIT_DATA, before)


def _cap(number: int | None) -> tuple[int, int] | None:
    """Set the limit of the process. Returns: the one before, None if there is nothing to set."""
    now = _of_this_process("VmData")
    if resource is None or number is None or now is None:
        return None
    soft, hard = before = resource.getrlimit(resource.RLIMIT_DATA)
    bounds = [now + number, *(b for b in (soft, hard) if b != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_DATA, (min(bounds), hard))
    return before


def ended() -> int:
    """How many searches of this process memory has ended so far."""
    return _ended.number


def note_end() -> None:
    """Said by a search that goes no further for want of memory."""
    _ended.number += 1
