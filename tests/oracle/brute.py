"""Count by executing design/counting.md literally, with sets of elements. No formula, no shortcut.

``count(problem)`` returns the numbers of section 3; ``walk(problem)`` also returns, per link, what the conservation
laws of section 4 speak about. Readings where the page leaves room (all settled with its author):

- At the compute nothing is held from one step to the next, also for the ``tile`` criterion of "one step before".
- ``tile`` compares, dimension by dimension, the clipped windows (sets of coordinates), and for every rank that the
  tensor lacks whether any of its values exists; now and one step before. Children that held nothing before coincide,
  whether for padding or for want of a point: their deliveries are the same. Before the first step there is nothing.
- Time is the walk over all index combinations of the temporal loops of a tensor's steps, existing or not.
- Above the home of a tensor nothing is counted, at the home neither fills nor drains.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

from .problem import Problem, Tensor

Index = tuple[int, ...]
Element = tuple[int, ...]
Held = dict[Index, dict[int, set[Element]]]  # instance -> step -> elements; a missing step holds nothing
Seen = tuple[tuple[frozenset[int], ...], tuple[bool, ...]]  # windows per dimension, existence per rank
Receiver = Callable[[list[Index]], Index]

NOTHING: frozenset[Element] = frozenset()
FIELDS = ("tile", "instances", "fills", "reads", "updates", "drains", "merge_reads")


def count(problem: Problem, receiver: Receiver = min) -> dict[str, Any]:
    """Return ``{"computes": n, "counts": {(memory, tensor): {tile, instances, fills, reads, ...}}}``."""
    result = walk(problem, receiver)
    return {"computes": result["computes"], "counts": result["counts"]}


def walk(problem: Problem, receiver: Receiver = min) -> dict[str, Any]:
    """As ``count``, and with ``links``: per (parent, child, tensor) the arrivals behind the numbers.

    ``receiver`` chooses, among children at which an element arrives in one step, the one that gets its old value.
    """
    points = existing_points(problem)
    counts: dict[tuple[str, str], dict[str, int]] = {}
    links: dict[tuple[str, str, str], dict[str, int]] = {}
    for tensor in problem.tensors:
        touched = [(indices, element_at(tensor, ranks)) for indices, ranks in points]
        stays = [Stay.of(problem, tensor, at, touched) for at in problem.chain(tensor.name)]
        for stay in stays[:-1]:
            counts[stay.name, tensor.name] = dict.fromkeys(FIELDS, 0) | {
                "tile": max((len(tile) for steps in stay.held.values() for tile in steps.values()), default=0),
                "instances": len(stay.held),
            }
        # what every instance got without an old value: at the home all, or nothing if initialised
        valueless: Held = {} if tensor.initialised else stays[0].arrivals()
        for parent, child in pairwise(stays):
            above = counts[parent.name, tensor.name]
            below = counts.get((child.name, tensor.name), dict.fromkeys(FIELDS, 0))
            link = {"arrivals": total(child.arrivals()), "parent_arrivals": total(parent.arrivals())}
            if tensor.role == "input":
                below["fills"] = link["arrivals"]
                above["reads"] = input_reads(problem, tensor, parent, child)
            else:
                below["drains"] = total(child.departures())
                above["updates"], above["merge_reads"] = written(problem, parent, child)
                link["parent_valueless"] = total(valueless)
                above["reads"], link["distinct"], valueless = returned(parent, child, valueless, receiver)
                below["fills"] = above["reads"]
                link["valueless"] = total(valueless)
            links[parent.name, child.name, tensor.name] = link
    return {"computes": len(points), "counts": counts, "links": links}


def existing_points(problem: Problem) -> list[tuple[Index, dict[str, int]]]:
    """Every point of the iteration space: its indices, one per loop, and the values of its ranks."""
    points = []
    for indices in product(*(range(loop.factor) for loop in problem.loops)):
        ranks = dict.fromkeys(problem.ranks, 0)
        for loop, index in zip(problem.loops, indices, strict=True):
            ranks[loop.rank] += index * loop.stride
        if all(value < problem.ranks[rank] for rank, value in ranks.items()):
            points.append((indices, ranks))
    return points


def element_at(tensor: Tensor, ranks: dict[str, int]) -> Element | None:
    """Return the element a point touches, or None where a coordinate does not exist."""
    element = []
    for dim in tensor.dims:
        coordinate = dim.offset + sum(coef * ranks[rank] for rank, coef in dim.ranks.items())
        if not 0 <= coordinate < dim.size:
            return None
        element.append(coordinate)
    return tuple(element)


@dataclass
class Stay:
    """A tensor at one member of its chain: its steps, its instances, and what each holds when."""

    name: str
    is_compute: bool
    time: list[int]  # the loops whose indices are a step (positions in problem.loops)
    space: list[int]  # the loops whose indices are an instance
    steps: list[Index]  # in the order of time
    held: Held  # only instances that ever hold something

    @staticmethod
    def of(problem: Problem, tensor: Tensor, at: int, touched: Iterable[tuple[Index, Element | None]]) -> Stay:
        """Collect the tiles of a tensor at the memory or compute at position ``at`` of the nest."""
        loops = problem.loops
        is_compute = problem.nest[at][0] == "compute"
        space = [i for i, loop in enumerate(loops) if loop.array is not None and loop.node < at]
        time = [i for i, loop in enumerate(loops) if loop.array is None and loop.node < at]
        if not is_compute:
            moving = [n for n, i in enumerate(time) if loops[i].rank in tensor.ranks and loops[i].factor > 1]
            time = time[: moving[-1] + 1] if moving else []
        steps = list(product(*(range(loops[i].factor) for i in time)))
        number = {step: n for n, step in enumerate(steps)}
        held: Held = defaultdict(lambda: defaultdict(set))
        for indices, element in touched:
            if element is not None:
                instance = tuple([indices[i] for i in space])
                step = number[tuple([indices[i] for i in time])]
                held[instance][step].add(element)
        name = "compute" if is_compute else problem.nest[at][1]
        return Stay(name, is_compute, time, space, steps, {i: dict(tiles) for i, tiles in held.items()})

    def arrivals(self) -> Held:
        """Per instance and step: the tile minus the previous one."""
        return self._changes(-1)

    def departures(self) -> Held:
        """Per instance and step: the tile minus the next one."""
        return self._changes(+1)

    def _changes(self, direction: int) -> Held:
        changes: Held = {}
        for instance, tiles in self.held.items():
            changes[instance] = {}
            for step, tile in tiles.items():
                other = NOTHING if self.is_compute else tiles.get(step + direction, NOTHING)
                if tile - other:
                    changes[instance][step] = tile - other
        return changes


def total(sets: Held) -> int:
    """Return the number of elements in all sets."""
    return sum(len(elements) for steps in sets.values() for elements in steps.values())


def by_parent_and_step(sets: Held, parent: Stay) -> dict[tuple[Index, int], dict[Index, set[Element]]]:
    """Regroup per parent instance and step of the children: (parent instance, step) -> child instance -> elements."""
    groups: dict[tuple[Index, int], dict[Index, set[Element]]] = defaultdict(dict)
    for instance, steps in sets.items():
        for step, elements in steps.items():
            groups[instance[: len(parent.space)], step][instance] = elements
    return groups


def between(problem: Problem, parent: Stay, child: Stay, chosen: Callable[[Any], bool]) -> list[int]:
    """Positions, in an instance of the child, of the spatial loops below the parent in arrays that are chosen."""
    found = []
    for n, i in enumerate(child.space):
        array = problem.loops[i].array
        if n >= len(parent.space) and array is not None and chosen(problem.nest[array]):
            found.append(n)
    return found


def input_reads(problem: Problem, tensor: Tensor, parent: Stay, child: Stay) -> int:
    """Return the reads of an input at the parent: deliveries of each step, those that share a read once.

    Where some arrays say `element` and others `tile`, the lesser of what they say and of `tile` on all of them.
    """
    said = shared_reads(problem, tensor, parent, child, ("tile",), ("element",))
    if not all(between(problem, parent, child, lambda array, w=w: array[2] == w) for w in ("tile", "element")):
        return said
    return min(said, shared_reads(problem, tensor, parent, child, ("tile", "element"), ()))


def shared_reads(
    problem: Problem, tensor: Tensor, parent: Stay, child: Stay, whole: tuple[str, ...], single: tuple[str, ...]
) -> int:
    """Return the reads where arrays of some `multicast` words share whole tiles, and those of others single elements."""
    apart = between(problem, parent, child, lambda array: array[2] == "none")
    tiles = between(problem, parent, child, lambda array: array[2] in whole)
    elements = between(problem, parent, child, lambda array: array[2] in single)
    element_range = list(product(*(range(problem.loops[child.space[n]].factor) for n in elements)))
    windows = Windows(problem, tensor, child)
    reads = 0
    for (_, step), deliveries in by_parent_and_step(child.arrivals(), parent).items():
        # told apart by `none` and by `tile` indices; within one, the union over the `element` indices is read
        union: dict[tuple[Index, Index], set[Element]] = defaultdict(set)
        example: dict[tuple[Index, Index], Index] = {}
        for instance, arriving in deliveries.items():
            key = (tuple([instance[n] for n in apart]), tuple([instance[n] for n in tiles]))
            union[key] |= arriving
            example[key] = instance
        if not tiles:
            reads += sum(map(len, union.values()))
            continue
        # `tile` indices that coincide for all `element` indices count once
        seen = set()
        for key, arriving in union.items():
            signature: list[Any] = [key[0]]
            for indices in element_range:
                lane = list(example[key])
                for n, index in zip(elements, indices, strict=True):
                    lane[n] = index
                signature.append(windows.now_and_before(step, tuple(lane)))
            if tuple(signature) not in seen:
                seen.add(tuple(signature))
                reads += len(arriving)
    return reads


class Windows:
    """What the `tile` criterion compares: windows dimension by dimension, and the existence of every other rank."""

    def __init__(self, problem: Problem, tensor: Tensor, child: Stay) -> None:
        """Prepare for the children at one member of the chain of a tensor."""
        self.problem, self.tensor, self.child = problem, tensor, child
        self.fixed = {
            rank: [i for i in child.time + child.space if problem.loops[i].rank == rank] for rank in problem.ranks
        }
        self.seen: dict[tuple[int, Index], Seen] = {}
        self.existing: dict[tuple[str, Index], frozenset[int]] = {}
        self.clipped: dict[tuple[Any, ...], frozenset[int]] = {}

    def now_and_before(self, step: int, instance: Index) -> tuple[Seen, Seen | None]:
        """Return the windows of an instance in a step and one step before."""
        if self.child.is_compute or step == 0:
            return self.at(step, instance), None
        return self.at(step, instance), self.at(step - 1, instance)

    def at(self, step: int, instance: Index) -> Seen:
        """Return the clipped window of every dimension and the existence of every rank the tensor lacks."""
        if (step, instance) not in self.seen:
            where = dict(zip(self.child.time, self.child.steps[step], strict=True))
            where |= zip(self.child.space, instance, strict=True)
            values = {rank: self.values(rank, tuple([where[i] for i in fixed])) for rank, fixed in self.fixed.items()}
            windows = tuple([self.window(d, values) for d in range(len(self.tensor.dims))])
            missing = [rank for rank in self.problem.ranks if rank not in self.tensor.ranks]
            self.seen[step, instance] = (windows, tuple([bool(values[rank]) for rank in missing]))
        return self.seen[step, instance]

    def values(self, rank: str, indices: Index) -> frozenset[int]:
        """Existing values of a rank where its loops of time and space have these indices and all others run."""
        if (rank, indices) not in self.existing:
            base = sum(self.problem.loops[i].stride * n for i, n in zip(self.fixed[rank], indices, strict=True))
            free = [
                loop for i, loop in enumerate(self.problem.loops) if loop.rank == rank and i not in self.fixed[rank]
            ]
            reached = {base}
            for loop in free:
                reached = {value + n * loop.stride for value in reached for n in range(loop.factor)}
            self.existing[rank, indices] = frozenset(v for v in reached if v < self.problem.ranks[rank])
        return self.existing[rank, indices]

    def window(self, d: int, values: dict[str, frozenset[int]]) -> frozenset[int]:
        """Existing coordinates of a dimension for these values of its ranks."""
        dim = self.tensor.dims[d]
        key = (d, *(values[rank] for rank in dim.ranks))
        if key not in self.clipped:
            reached = {dim.offset}
            for rank, coef in dim.ranks.items():
                reached = {value + coef * n for value in reached for n in values[rank]}
            self.clipped[key] = frozenset(v for v in reached if 0 <= v < dim.size)
        return self.clipped[key]


def written(problem: Problem, parent: Stay, child: Stay) -> tuple[int, int]:
    """Return updates and merge reads of the parent: departures, added on the way where an array reduces."""
    apart = between(problem, parent, child, lambda array: not array[3])
    updates = merges = 0
    for departing in by_parent_and_step(child.departures(), parent).values():
        arriving: dict[Index, set[Element]] = defaultdict(set)
        for instance, elements in departing.items():
            arriving[tuple([instance[n] for n in apart])] |= elements
        writes = sum(map(len, arriving.values()))
        updates += writes
        merges += writes - len(set().union(*arriving.values()))
    return updates, merges


def returned(parent: Stay, child: Stay, parent_valueless: Held, receiver: Receiver) -> tuple[int, int, Held]:
    """Walk through time and return the partial sums that come back.

    ``parent_valueless`` says what each parent instance got without an old value, and in which of its steps. Returns
    the reads of the parent (each one fill of a child), the arrivals with those of an element at several children of
    a parent instance in one step taken as one, and what each child got without an old value.
    """
    arrivals = child.arrivals()
    groups = by_parent_and_step(arrivals, parent)
    departures = parent.departures()
    parent_number = {step: n for n, step in enumerate(parent.steps)}
    valueless: Held = {i: {s: set(e) for s, e in steps.items()} for i, steps in arrivals.items()}
    reads = distinct = 0
    for instance in parent.held:
        untouched: set[Element] = set()  # held by the parent without an old value, and not yet arrived at any child
        previous = -1
        for step, indices in enumerate(child.steps):
            now = parent_number[indices[: len(parent.time)]]
            if now != previous:  # the parent steps first
                if untouched & departures[instance].get(previous, NOTHING):
                    raise AssertionError("an element left the parent before any child had it")
                untouched |= parent_valueless.get(instance, {}).get(now, NOTHING)
                previous = now
            receiving = groups.get((instance, step), {})
            for element in set().union(*receiving.values()):
                distinct += 1
                if element in untouched:
                    untouched.remove(element)
                    continue
                reads += 1
                filled = receiver([kid for kid, elements in receiving.items() if element in elements])
                valueless[filled][step].remove(element)
    return reads, distinct, valueless
