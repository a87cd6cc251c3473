"""How much the templates of a workload may do: turns of loops, characters, values. The places of the limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

LONGEST_TEXT = 1 << 20  # characters that one layer may render to, or that a text may have on the way
MOST_CHARACTERS = 16 << 20  # written in one layer, on the way too
MOST_TURNS = 100_000  # of loops, calls of macros and includes, for one layer
MOST_ELEMENTS = 10_000  # of a list or mapping that a template makes
MOST_OF_ALL = 4_000_000  # turns, and 64 characters each, of all layers of a workload
MOST_NODES_OF_ALL = 1_000_000  # values in the ops of all layers


@dataclass(slots=True)
class Room:
    """What a workload's templates may still do, all layers together; and what the layer at hand may."""

    all_turns: int = MOST_OF_ALL
    all_nodes: int = MOST_NODES_OF_ALL
    turns: int = MOST_TURNS
    characters: int = MOST_CHARACTERS

    def next_layer(self) -> None:
        """Begin a layer. Raises: ValueError if the workload has had all there is."""
        self.all_turns -= (MOST_TURNS - self.turns) + (MOST_CHARACTERS - self.characters) // 64
        self.turns, self.characters = MOST_TURNS, MOST_CHARACTERS
        if self.all_turns < 0:
            raise ValueError(f"all layers together take more than {MOST_OF_ALL:,} turns of loops")

    def nodes(self, number: int) -> None:
        """Values that were read of what was written. Raises: ValueError where all layers have too many."""
        self.all_nodes -= number
        if self.all_nodes < 0:
            raise ValueError(f"all layers together make more than {MOST_NODES_OF_ALL:,} values")

    def turn(self, number: int, characters: int = 0) -> None:
        """Raises: ValueError where that is too much."""
        self.turns -= number
        self.characters -= number * characters
        if self.turns < 0:
            raise ValueError(f"more than {MOST_TURNS:,} turns of loops, calls and includes")
        self.write(0)

    def write(self, characters: int) -> None:
        """Raises: ValueError where that is too much."""
        self.characters -= characters
        if self.characters < 0:
            raise ValueError(f"it writes more than {MOST_CHARACTERS:,} characters")


def bounded(value: T) -> T:
    """The same value. Raises: ValueError for lists and mappings with too many elements, those inside of them
    included."""
    room = MOST_ELEMENTS
    todo: list[object] = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, (list, tuple, dict)):
            room -= len(one)
            if room < 0:
                raise ValueError(f"a list has more than {MOST_ELEMENTS} elements")
            todo += one.values() if isinstance(one, dict) else one
    return value


def check_length(characters: int) -> None:
    """Raises: ValueError for a text that is too long."""
    if characters > LONGEST_TEXT:
        raise ValueError(f"a text has more than {LONGEST_TEXT} characters")
