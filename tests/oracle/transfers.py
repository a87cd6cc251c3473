"""Who moves what between which steps: the literal transfers of one tensor on one link, for the execution.

The walk of ``brute`` in another form: it keeps steps and instances apart, and says which elements come back and which
leave. Its sums are compared with those of ``brute`` on every run.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise, product

from .brute import NOTHING, Element, Held, Index, Stay, Windows, between, element_at, existing_points
from .problem import Problem, Tensor

Amounts = Counter[Index]  # per instance, elements


@dataclass
class Moves:
    """What happens on a link when a step of the child begins (reads, fills) and ends (drains, updates, merges)."""

    reads: Amounts = field(default_factory=Counter)  # at the parent
    fills: Amounts = field(default_factory=Counter)  # at the child
    drains: Amounts = field(default_factory=Counter)
    updates: Amounts = field(default_factory=Counter)
    merges: Amounts = field(default_factory=Counter)
    back: set[tuple[Index, Element]] = field(default_factory=set)  # parent instance, element: old values that come
    gone: set[tuple[Index, Element]] = field(default_factory=set)  # the same: values that leave
    changes: bool = True  # some instance's tile differs from that of the step before


@dataclass
class Transfers:
    """One tensor on one link: the two members of its chain, and per step of the child what moves."""

    tensor: Tensor
    parent: Stay
    child: Stay
    moves: list[Moves]


def transfers(problem: Problem) -> dict[str, list[Transfers]]:
    """Per tensor, its links from the home to the compute."""
    points = existing_points(problem)
    found = {}
    for tensor in problem.tensors:
        touched = [(indices, element_at(tensor, ranks)) for indices, ranks in points]
        stays = [Stay.of(problem, tensor, at, touched) for at in problem.chain(tensor.name)]
        valueless: Held = {} if tensor.initialised else stays[0].arrivals()
        links = []
        for parent, child in pairwise(stays):
            moves = [Moves(changes=changed) for changed in _changes(child)]
            if tensor.role == "input":
                _inward(problem, tensor, parent, child, moves)
            else:
                valueless = _values_back(parent, child, valueless, moves)
                _outward(problem, parent, child, moves)
            links.append(Transfers(tensor, parent, child, moves))
        found[tensor.name] = links
    return found


def existing_steps(problem: Problem) -> list[Index]:
    """Combinations of the temporal loops under which a point exists, in the order of time."""
    time = [i for i, loop in enumerate(problem.loops) if loop.array is None]
    return sorted({tuple(indices[i] for i in time) for indices, _ in existing_points(problem)})


def _changes(child: Stay) -> Iterable[bool]:
    """Per step, whether the tile of any instance is another than before."""
    for step in range(len(child.steps)):
        yield step == 0 or any(
            tiles.get(step, NOTHING) != tiles.get(step - 1, NOTHING) for tiles in child.held.values()
        )


def _by_step(sets: Held, parent: Stay) -> dict[int, dict[Index, dict[Index, set[Element]]]]:
    """Step -> parent instance -> child instance -> elements."""
    found: dict[int, dict[Index, dict[Index, set[Element]]]] = defaultdict(lambda: defaultdict(dict))
    for instance, steps in sets.items():
        for step, elements in steps.items():
            found[step][instance[: len(parent.space)]][instance] = elements
    return found


def _inward(problem: Problem, tensor: Tensor, parent: Stay, child: Stay, moves: list[Moves]) -> None:
    """Fills of every child; reads of the parent, once for what arrays share: by the words of each array, or, where that
    is less in all, by `tile` on all that share."""
    said = _reads(problem, tensor, parent, child, ("tile",), ("element",))
    if all(between(problem, parent, child, lambda array, word=word: array[2] == word) for word in ("tile", "element")):
        tiled = _reads(problem, tensor, parent, child, ("tile", "element"), ())
        said = min(said, tiled, key=lambda reads: sum(reads.values()))
    for (step, instance), number in said.items():
        moves[step].reads[instance] += number
    for receiver, steps in child.arrivals().items():
        for step, arriving in steps.items():
            moves[step].fills[receiver] += len(arriving)


def _reads(
    problem: Problem, tensor: Tensor, parent: Stay, child: Stay, whole: tuple[str, ...], single: tuple[str, ...]
) -> dict[tuple[int, Index], int]:
    """Per step and parent instance. whole, single: words of arrays that share whole tiles, or single elements."""
    apart, tiles, elements = (
        between(problem, parent, child, lambda array, words=words: array[2] in words)
        for words in (("none",), whole, single)
    )
    lanes = list(product(*(range(problem.loops[child.space[n]].factor) for n in elements)))
    windows = Windows(problem, tensor, child)
    found = {}
    for step, parents in _by_step(child.arrivals(), parent).items():
        for instance, deliveries in parents.items():
            shared: dict[Index, set[Element]] = defaultdict(set)
            some: dict[Index, Index] = {}
            for receiver, arriving in deliveries.items():
                key = tuple(receiver[n] for n in (*apart, *tiles))
                shared[key] |= arriving
                some[key] = receiver
            alike: dict[object, int] = {}
            for key, arriving in shared.items():
                seen: object = key
                if tiles:
                    looks = []
                    for lane in lanes:
                        at = list(some[key])
                        for n, index in zip(elements, lane, strict=True):
                            at[n] = index
                        looks.append(windows.now_and_before(step, tuple(at)))
                    seen = (key[: len(apart)], tuple(looks))
                alike[seen] = len(arriving)
            found[step, instance] = sum(alike.values())
    return found


def _values_back(parent: Stay, child: Stay, valueless: Held, moves: list[Moves]) -> Held:
    """Old values that come back to children; returns what each child got without one."""
    arriving = _by_step(child.arrivals(), parent)
    leaving = parent.departures()
    number = {step: n for n, step in enumerate(parent.steps)}
    fresh: Held = {i: {s: set(e) for s, e in steps.items()} for i, steps in child.arrivals().items()}
    for instance in parent.held:
        new: set[Element] = set()  # here without an old value, and not yet at any child
        before = -1
        for step, indices in enumerate(child.steps):
            now = number[indices[: len(parent.time)]]
            if now != before:
                assert not new & leaving[instance].get(before, NOTHING)
                new |= valueless.get(instance, {}).get(now, NOTHING)
                before = now
            receivers = arriving.get(step, {}).get(instance, {})
            for element in set().union(*receivers.values()) - new:
                first = min(kid for kid, elements in receivers.items() if element in elements)
                moves[step].reads[instance] += 1
                moves[step].fills[first] += 1
                moves[step].back.add((instance, element))
                fresh[first][step].remove(element)
            new -= set().union(*receivers.values())
    return fresh


def _outward(problem: Problem, parent: Stay, child: Stay, moves: list[Moves]) -> None:
    """Drains of every child; updates and merge reads of the parent, what an array reduces once."""
    apart = between(problem, parent, child, lambda array: not array[3])
    for step, parents in _by_step(child.departures(), parent).items():
        for instance, departures in parents.items():
            arriving: dict[Index, set[Element]] = defaultdict(set)
            for sender, elements in departures.items():
                moves[step].drains[sender] += len(elements)
                arriving[tuple(sender[n] for n in apart)] |= elements
            all_ = set().union(*arriving.values())
            writes = sum(map(len, arriving.values()))
            moves[step].updates[instance] += writes
            moves[step].merges[instance] += writes - len(all_)
            moves[step].gone |= {(instance, element) for element in all_}


def sums(found: Mapping[str, list[Transfers]]) -> dict[tuple[str, str], dict[str, int]]:
    """Totals as ``brute.count`` names them, of the events that move something."""
    total: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for name, links in found.items():
        for link in links:
            for moves in link.moves:
                above, below = total[link.parent.name, name], total[link.child.name, name]
                above["reads"] += moves.reads.total()
                above["updates"] += moves.updates.total()
                above["merge_reads"] += moves.merges.total()
                below["fills"] += moves.fills.total()
                below["drains"] += moves.drains.total()
    return {key: dict(events) for key, events in total.items() if key[0] != "compute"}
