"""What can be wrong with an input, where, and how it is said.

A `Fault` is one thing wrong at one place. Faults are collected, so that a run reports all of them at once,
in the order of the text; `SpecError` carries them out.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sata.specs.text.said import name_in_file, quoted


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place in an input: file as the user named it, line and column from 1, path such as `arch.nodes[1].class`."""

    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong: `message` says what and what was expected; `hint` the nearest right thing, or nothing.

    passing: the system could not read a file, which says nothing of the input and may be otherwise the next time.
    """

    where: Where
    message: str
    hint: str = ""
    passing: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        """Whatever is quoted, of whatever length, is said in one line."""
        for name in ("message", "hint"):
            text = getattr(self, name)
            said = quoted(text)
            if said is not text:
                object.__setattr__(self, name, said)

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
        file = name_in_file(w.file)
        place = f"{file}:{w.line}:{w.column}" if w.line else file
        head = ": ".join(part for part in (place, quoted(w.path)) if part)
        text = f"{head}: {self.message}" if head else self.message
        return f"{text}; {self.hint}" if self.hint else text


class SpecError(ValueError):
    """Bad input. The text is what the command line prints, one line a fault; `faults` is the list."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: list[Fault] = list(dict.fromkeys(faults))
        super().__init__("\n".join(lines(self.faults)))

    def __reduce__(self) -> tuple[type[SpecError], tuple[list[Fault]]]:
        """Pickled by its faults, so that it passes between processes whole."""
        return SpecError, (self.faults,)


MOST_HERE = 3  # faults of one kind at one place
MOST_ALIKE = 8  # faults of one kind that are said
MOST_LINES = 60
_DETAIL = re.compile(r"'[^']*'|\"[^\"]*\"|\b(?:op|layer) \S+|\d+|\([^()]*\)")


def lines(faults: Sequence[Fault]) -> list[str]:
    """The faults, a line each; what is the same mistake many times over is said once or a few times, and how often.

    At one place more than a few of one kind are one mistake, in whatever ops or layers it shows.
    """
    kinds = [(fault.file, _DETAIL.sub("_", fault.message)) for fault in faults]
    places = [(kind, fault.line, fault.column) for kind, fault in zip(kinds, faults, strict=True)]
    crowded = {place for place, number in Counter(places).items() if number > MOST_HERE and place[1] > 0}
    said: list[str] = []
    alike: Counter[tuple[str, str]] = Counter()
    for fault, kind, place in zip(faults, kinds, places, strict=True):
        if place in crowded and alike[kind]:
            continue
        alike[kind] += 1
        if alike[kind] <= MOST_ALIKE and len(said) < MOST_LINES:
            said.append(str(fault))
    more = len(faults) - len(said)
    return [*said, f"and {more:,} more like these"] if more else said


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
    near = nearest(word, known)
    return f"did you mean '{near}'?" if near else ""


def nearest(word: str, known: Iterable[str]) -> str:
    """The nearest known word, or an empty text where none is near."""
    near = difflib.get_close_matches(str(word), [str(k) for k in known], n=1, cutoff=0.6)
    return near[0] if near else ""
