"""Words and links of every array, counted literally: each word walks to each of its lanes, and links are a set.

``wires(walk, values, axes)`` goes through the words that ``sparse.Walk`` has met. design/machines.md, "Arrays and wires":
a word enters an array at its corner over one link; from there wires run along the first axis, from every place there
along the second, and so on. A word passes a link once, however many lanes beyond it take the word. Readings where the
page leaves room:

- The lanes of a word are those at which it arrives in this step: not those that hold it already. Of results: those
  that give it up.
- Of several arrays between two memories every instance of a further one has wires of its own, which the word enters
  once for each lane of the arrays outside.
- What becomes of a word is settled by the event at the memory outside: the read, or the write of the sum.
- A partial sum comes back to the one lane that carries it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from .brute import Index
from .problem import Problem
from .sparse import OUTCOMES, Split, Trip, Values, Walk

Axes = Mapping[int, tuple[tuple[int, ...], ...]]  # node of an array -> per axis, trunk first, numbers of its loops
Wires = dict[tuple[str, str], dict[str, Split]]  # (array, tensor) -> "deliver" | "hop" -> outcome -> number


def one_axis_each(problem: Problem) -> Axes:
    """Every loop of an array on an axis of its own, in their order."""
    arrays = [(at, node) for at, node in enumerate(problem.nest) if node[0] == "array"]
    return {at: tuple((n,) for n in range(len(node[4]))) for at, node in arrays}


def wires(walk: Walk, values: Values, axes: Axes) -> Wires:
    """Return what arrives in the lanes of every array, and the links passed, by outcome."""
    problem = walk.problem
    found: Wires = {
        (node[1], t.name): {what: dict.fromkeys(OUTCOMES, 0) for what in ("deliver", "hop")}
        for node in problem.nest
        if node[0] == "array"
        for t in problem.tensors
    }
    outcome = walk.decider(values)
    for trip, number in walk.trips.items():
        for at, receivers, links in travelled(problem, trip, axes):
            row = found[problem.nest[at][1], trip.unit.tensor]
            row["deliver"][outcome(trip.unit)] += number * receivers
            row["hop"][outcome(trip.unit)] += number * links
    return found


def travelled(problem: Problem, trip: Trip, axes: Axes) -> Iterable[tuple[int, int, int]]:
    """Yield (array, lanes in which the word arrives, links it passes) for every array on the way of a word."""
    chain = problem.chain(trip.unit.tensor)
    parent, child = chain[trip.unit.member - 1], chain[trip.unit.member]
    space = [i for i, loop in enumerate(problem.loops) if loop.array is not None and loop.node < child]
    for at in [a for a, node in enumerate(problem.nest) if node[0] == "array" and parent < a < child]:
        own = [n for n, i in enumerate(space) if problem.loops[i].array == at]
        above = [n for n, i in enumerate(space) if problem.loops[i].node < at]
        inside: dict[Index, set[Index]] = defaultdict(set)  # instance of the array -> the lanes concerned
        for lane in trip.lanes:
            index = tuple(lane[n] for n in above)
            inside[index].add(place(problem, at, [lane[n] for n in own], axes[at]))
        lanes = sum(len(places) for places in inside.values())
        yield at, lanes, sum(len(tree(places)) for places in inside.values())


def place(problem: Problem, at: int, digits: list[int], axes: tuple[tuple[int, ...], ...]) -> Index:
    """Return the place of a lane on every axis: the loops of an axis are the digits of one number."""
    factors = [factor for _, factor in problem.nest[at][4]]
    found = []
    for numbers in axes:
        index = 0
        for n in numbers:
            index = index * factors[n] + digits[n]
        found.append(index)
    return tuple(found)


def tree(places: Iterable[Index]) -> set[Any]:
    """Return the links from outside to all of these places: (the place a link ends at, its axis)."""
    links: set[Any] = set()
    for at in places:
        links.add(((0,) * len(at), "in"))
        for axis, index in enumerate(at):
            for step in range(1, index + 1):
                links.add(((*at[:axis], step, *(0,) * (len(at) - axis - 1)), axis))
    return links


def ports(walk: Walk, values: Values, bits: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Return, per memory, the bits that its instances read and write: of all that is not skipped. bits: by tensor."""
    found: dict[str, list[int]] = {}
    for (memory, tensor), events in walk.outcomes(values)["counts"].items():
        both = found.setdefault(memory, [0, 0])
        for event, split in events.items():
            both[event in ("fills", "updates")] += (split["actual"] + split["gated"]) * bits[tensor]
    return {memory: (read, write) for memory, (read, write) in found.items()}
