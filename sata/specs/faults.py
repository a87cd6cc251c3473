"""What can be wrong with an input, where, and how it is said.

A `Fault` is one thing wrong at one place. Faults are collected, so that a run reports all of them at once,
in the order of the text; `SpecError` carries them out.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place in an input: file as the user named it, line and column from 1, path such as `arch.nodes[1].class`."""

    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong: `message` says what and what was expected; `hint` the nearest right thing, or nothing."""

    where: Where
    message: str
    hint: str = ""

    @property
    def file(self) -> str:
        """The file as the user named it; "" where none is concerned."""
        return self.where.file

    @property
    def line(self) -> int:
        """From 1; 0 where the fault has no line."""
        return self.where.line

    @property
    def column(self) -> int:
        """From 1; 0 where the fault has no column."""
        return self.where.column

    @property
    def path(self) -> str:
        """The place in the data, such as `arch.nodes[1].class`."""
        return self.where.path

    def __str__(self) -> str:
        w = self.where
        place = f"{w.file}:{w.line}:{w.column}" if w.line else w.file
        head = ": ".join(part for part in (place, w.path) if part)
        text = f"{head}: {self.message}" if head else self.message
        return f"{text}; {self.hint}" if self.hint else text


class SpecError(ValueError):
    """Bad input. The text is what the command line prints, one line a fault; `faults` is the list."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: list[Fault] = list(dict.fromkeys(faults))
        super().__init__("\n".join(str(f) for f in self.faults))

    def __reduce__(self) -> tuple[type[SpecError], tuple[list[Fault]]]:
        """Pickled by its faults, so that it passes between processes whole."""
        return SpecError, (self.faults,)


class Faults:
    """A growing list of faults; `check()` raises if there are any."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, where: Where, message: str, hint: str = "") -> None:
        self._faults.append(Fault(where, message, hint))

    def extend(self, faults: Iterable[Fault]) -> None:
        self._faults.extend(faults)

    def check(self) -> None:
        """Raises: SpecError with all faults so far, if any."""
        if self._faults:
            raise SpecError(self._faults)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def __len__(self) -> int:
        return len(self._faults)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean 'x'?` for the nearest known word, else an empty text."""
    near = difflib.get_close_matches(str(word), [str(k) for k in known], n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else ""
