"""What every single instance of every memory does, by executing the definitions: each lane is walked.

As ``brute.walk``, but nothing is summed over instances. An old value goes to the first child, in the order of its
indices, among those at which the element arrives in the step.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise, product

from .brute import (
    NOTHING,
    Element,
    Held,
    Index,
    Stay,
    Windows,
    between,
    by_parent_and_step,
    element_at,
    existing_points,
)
from .problem import Problem, Tensor

Events = dict[str, int]
Lanes = dict[Index, Events]  # instance -> event -> number
EVENTS = ("fills", "reads", "updates", "drains", "merge_reads")


def per_instance(problem: Problem) -> dict[tuple[str, str], Lanes]:
    """(memory, tensor) -> instance -> events. Every instance of the nest has an entry."""
    points = existing_points(problem)
    found: dict[tuple[str, str], Lanes] = {}
    for tensor in problem.tensors:
        touched = [(indices, element_at(tensor, ranks)) for indices, ranks in points]
        stays = [Stay.of(problem, tensor, at, touched) for at in problem.chain(tensor.name)]
        for stay in stays[:-1]:
            lanes = product(*(range(problem.loops[i].factor) for i in stay.space))
            found[stay.name, tensor.name] = {lane: dict.fromkeys(EVENTS, 0) for lane in lanes}
        valueless: Held = {} if tensor.initialised else stays[0].arrivals()
        for parent, child in pairwise(stays):
            above = found[parent.name, tensor.name]
            below = found.get((child.name, tensor.name), defaultdict(lambda: dict.fromkeys(EVENTS, 0)))
            if tensor.role == "input":
                for lane, steps in child.arrivals().items():
                    below[lane]["fills"] += sum(map(len, steps.values()))
                _read(problem, tensor, parent, child, above)
            else:
                for lane, steps in child.departures().items():
                    below[lane]["drains"] += sum(map(len, steps.values()))
                _write(problem, parent, child, above)
                valueless = _return(parent, child, valueless, above, below)
    return found


def _read(problem: Problem, tensor: Tensor, parent: Stay, child: Stay, above: Lanes) -> None:
    """Reads of every parent: deliveries of each step, those that share a read once."""
    for variant in _variants(problem, tensor, parent, child):
        for lane, number in variant.items():
            above[lane]["reads"] += number


def _variants(problem: Problem, tensor: Tensor, parent: Stay, child: Stay) -> list[Events]:
    """Reads by parent, of the rule that reads least in all."""
    said = {
        array: problem.nest[array][2] for i in child.space[len(parent.space) :] if (array := problem.loops[i].array)
    }
    rules = [said]
    if {"tile", "element"} <= set(said.values()):
        rules.append({array: word.replace("element", "tile") for array, word in said.items()})
    found = []
    for rule in rules:
        apart, tiles, elements = (
            [n for n, i in enumerate(child.space) if n >= len(parent.space) and rule[problem.loops[i].array] == word]
            for word in ("none", "tile", "element")
        )
        windows = Windows(problem, tensor, child)
        reads: dict[Index, int] = defaultdict(int)
        ranges = list(product(*(range(problem.loops[child.space[n]].factor) for n in elements)))
        for (instance, step), deliveries in by_parent_and_step(child.arrivals(), parent).items():
            union: dict[tuple[Index, Index], set[Element]] = defaultdict(set)
            example: dict[tuple[Index, Index], Index] = {}
            for lane, arriving in deliveries.items():
                key = tuple(lane[n] for n in apart), tuple(lane[n] for n in tiles)
                union[key] |= arriving
                example[key] = lane
            seen = set()
            for key, arriving in union.items():
                signature = [key[0]] if tiles else [key]
                for indices in ranges if tiles else []:
                    lane = list(example[key])
                    for n, index in zip(elements, indices, strict=True):
                        lane[n] = index
                    signature.append(windows.now_and_before(step, tuple(lane)))
                if tuple(signature) not in seen:
                    seen.add(tuple(signature))
                    reads[instance] += len(arriving)
        found.append(reads)
    return [min(found, key=lambda reads: sum(reads.values()))]


def _write(problem: Problem, parent: Stay, child: Stay, above: Lanes) -> None:
    """Updates and merge reads of every parent."""
    apart = between(problem, parent, child, lambda array: not array[3])
    for (instance, _), departing in by_parent_and_step(child.departures(), parent).items():
        arriving: dict[Index, set[Element]] = defaultdict(set)
        for lane, elements in departing.items():
            arriving[tuple(lane[n] for n in apart)] |= elements
        writes = sum(map(len, arriving.values()))
        above[instance]["updates"] += writes
        above[instance]["merge_reads"] += writes - len(set().union(*arriving.values()))


def _return(parent: Stay, child: Stay, parent_valueless: Held, above: Lanes, below: Lanes) -> Held:
    """Old values, in the order of time; what each child got without one."""
    arrivals = child.arrivals()
    groups = by_parent_and_step(arrivals, parent)
    departures = parent.departures()
    number = {step: n for n, step in enumerate(parent.steps)}
    valueless: Held = {i: {s: set(e) for s, e in steps.items()} for i, steps in arrivals.items()}
    for instance in parent.held:
        untouched: set[Element] = set()
        previous = -1
        for step, indices in enumerate(child.steps):
            now = number[indices[: len(parent.time)]]
            if now != previous:
                untouched -= departures[instance].get(previous, NOTHING)
                untouched |= parent_valueless.get(instance, {}).get(now, NOTHING)
                previous = now
            receiving = groups.get((instance, step), {})
            for element in set().union(*receiving.values()):
                if element in untouched:
                    untouched.remove(element)
                    continue
                above[instance]["reads"] += 1
                first = min(lane for lane, elements in receiving.items() if element in elements)
                below[first]["fills"] += 1
                valueless[first][step].remove(element)
    return valueless
