"""Runs mutants and judges what is said of them: no traceback, no words of Python, in time, within memory, at the place."""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from sata.cli import main
from tests.fuzz.mutate import Mutant, mutants
from tests.fuzz.seeds import Seed

SECONDS = 10.0
BYTES = 1 << 30
LONGEST = 2000  # characters of a line
PYTHON = re.compile(
    r"Traceback|math domain error|invalid literal|could not convert|unsupported operand|object has no attribute"
    r"|not subscriptable|not iterable|NoneType|is not callable|\bdtype\b|\bint\(\)|'dict'|'str' object|not supported between|ufunc"
    r"|zero-size array|RecursionError|KeyError|ValueError|TypeError|out of range|object is not|(?<!['\w{ \[])None\b|\bNone is\b"
)
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


@dataclass
class Tally:
    """What was found. wrong: (what is wrong, seed, mutation, output). named: by format, how many mistakes were said and how
    many of them at their place."""

    mutants: int = 0
    wrong: list[tuple[str, Seed, Mutant, str]] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    lost: dict[str, list[tuple[Mutant, str]]] = field(default_factory=lambda: defaultdict(list))
    slowest: float = 0.0

    def rates(self) -> dict[str, float]:
        """Share of mistakes that were said at their place, by format."""
        return {kind: self.named[kind] / self.said[kind] for kind in sorted(self.said)}


class TooLong(BaseException):
    """A command that takes more than SECONDS."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    def ring(*_: Any) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def little_memory() -> Iterator[None]:
    """No more than BYTES beyond what there is now."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    status = Path("/proc/self/status")
    used = int(re.search(r"VmData:\s+(\d+)", status.read_text())[1]) * 1024 if status.exists() else 0  # type: ignore[index]
    limit = used + BYTES if before[1] == resource.RLIM_INFINITY else min(used + BYTES, before[1])
    resource.setrlimit(resource.RLIMIT_DATA, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def write(seed: Seed, content: bytes) -> None:
    """The files of a seed in the current folder."""
    for name, text in {**seed.others, seed.name: content}.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(text)


def judge(seed: Seed, mutant: Mutant, tally: Tally, seconds: float = SECONDS) -> None:
    """Run the commands of a seed on a mutant."""
    write(seed, mutant.content)
    tally.mutants += 1
    for command in seed.commands:
        start = time.process_time()
        try:
            with limited(6 * seconds):  # a clock; what counts is processor time
                done = CliRunner().invoke(main, list(command))
        except TooLong:
            tally.wrong.append(("over time", seed, mutant, " ".join(command)))
            continue
        took = time.process_time() - start
        tally.slowest = max(tally.slowest, took)
        output = done.stderr
        if took > seconds:
            tally.wrong.append((f"{took:.1f} s", seed, mutant, output))
        if done.exit_code not in (0, 1, 2) or (
            done.exception is not None and not isinstance(done.exception, SystemExit)
        ):
            tally.wrong.append((f"exit {done.exit_code} {done.exception!r}", seed, mutant, output))
        elif "there is not enough memory" in output:
            tally.wrong.append(("memory", seed, mutant, output))
        elif (found := PYTHON.search(output)) and found[0].split()[0].encode() not in mutant.content:
            tally.wrong.append((f"words of Python: {found[0]}", seed, mutant, output))
        elif STEERING.search(output) or any(len(line) > LONGEST for line in output.splitlines()):
            tally.wrong.append(("steering or endless output", seed, mutant, output))
        elif done.exit_code == 2:
            if not output.strip():
                tally.wrong.append(("silent", seed, mutant, output))
            _place(seed, mutant, output, tally)


def _place(seed: Seed, mutant: Mutant, output: str, tally: Tally) -> None:
    """Whether the mistake is said at its place: the right file, and, where it has one, the right line."""
    if seed.kind == "trace":
        named = any(name in output for name in ("s.npz", "s.yaml:"))
    else:
        places = [(m[1], int(m[2])) for m in re.finditer(r"^(\S+?):(\d+):\d+", output, re.MULTILINE)]
        own = [line for file, line in places if Path(file).name == Path(seed.name).name]
        lineless = re.search(
            rf"^(\S*/)?{re.escape(Path(seed.name).name)}: |'{re.escape(Path(seed.name).name)}': ", output, re.MULTILINE
        )
        named = bool(set(own) & mutant.lines) if mutant.lines else bool(own or lineless)
    tally.said[seed.kind] += 1
    if named:
        tally.named[seed.kind] += 1
    else:
        tally.lost[seed.kind].append((mutant, output))


def fuzz(chosen: list[Seed], number: int, seed: int, seconds: float | None = None) -> Tally:
    """So many mutants of these seeds, in turn; the current folder is written to."""
    top = Path.cwd()
    tally = Tally()
    streams = [
        mutants(s.kind, s.content, random.Random(f"{seed} {n} {zlib.crc32(s.content)}")) for n, s in enumerate(chosen)
    ]
    end = None if seconds is None else time.monotonic() + seconds
    with little_memory():
        for n in range(number):
            if end is not None and time.monotonic() > end:
                break
            at = n % len(chosen)
            folder = top / str(at)
            folder.mkdir(exist_ok=True)
            os.chdir(folder)
            judge(chosen[at], next(streams[at]), tally)
    return tally
