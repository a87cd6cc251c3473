"""What happens to every dense event when some values are zero: counted by walking, for concrete 0/1 tensors.

``count_sparse(problem, sparsity, values)`` splits each dense event of design/counting.md into actual, gated and
skipped by executing section 3 of design/sparsity.md literally. No probability, no formula: every event is looked at
by itself, with the very elements of the leaders' tiles. From the dense oracle it takes only who holds what when
(``Stay``) and which windows coincide (``Windows``); what shares a read, what is written and what comes back is worked
out here a second time, together with the children concerned. Readings where the page leaves room:

- A rule at memory P for follower F decides per step of F at C and instance of C, C being the next keeper of F below P
  (or the compute). A leader's tile: every existing element of it that the existing points under this step and
  instance touch, whether F exists at those points or not. The rule fires if any leader's tile holds no non-zero.
- It covers the arrivals (departures, for outputs) of that step at that instance, and everything of F further in that
  happens under that step and instance, wherever and whenever the element itself arrived.
- What several children share (a read of several, a sum added on the way, an old value coming back) happens if any of
  those that hold the element in this step needs it: each leader's tile is the union over them.
- A skip wins over a gate. Whether an arrival needs an old value is settled by the dense walk and never changes.
- Where an element arrives at several children at once and one gets its old value, *which* one changes no dense count,
  but may change outcomes further in, where the children's leader tiles differ: the least instance, unless told else.
- Merge reads of an element in a step: the writes beyond the first, among those that happen.
- A point computes unless an element named by the compute is zero or does not exist there, or a rule on one of the
  *inputs* fires for what the point lies under. What the compute does about zeros touches no traffic.
- A rule at a memory that does not keep its follower speaks of no link.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product
from typing import Any, NamedTuple

import numpy as np

from .brute import Element, Index, Stay, Windows, between, by_parent_and_step, element_at, existing_points
from .problem import Problem, Tensor

EVENTS = ("fills", "reads", "updates", "drains", "merge_reads")
OUTCOMES = ("actual", "gated", "skipped")
Values = Mapping[str, Any]  # tensor -> array over its dimensions; what it lacks is dense
Split = dict[str, int]  # actual, gated, skipped
Table = dict[tuple[str, str], dict[str, Split]]  # (memory, tensor) -> event -> outcome
Receiver = Callable[[list[Index]], Index]
Read = tuple[int, frozenset[Index], frozenset[Index]]  # step, children that hold it, those of them that get it


@dataclass(frozen=True)
class Rule:
    """At `memory`, zeros of any of `leaders` save what `follower` would move: `effect` is ``skip`` or ``gate``."""

    memory: str
    follower: str
    leaders: tuple[str, ...]
    effect: str


@dataclass(frozen=True)
class Sparsity:
    """What the hardware does about zeros. `skip`, `gate`: tensors whose zeros save operations at the compute.

    `local`: tensors made inside the compute; they are in no memory, but may lead.
    """

    rules: tuple[Rule, ...] = ()
    skip: tuple[str, ...] = ()
    gate: tuple[str, ...] = ()
    local: tuple[Tensor, ...] = ()


class Unit(NamedTuple):
    """Where an event happens: a step of a tensor at a member of its chain, and those instances that share it."""

    tensor: str
    member: int  # of the chain; the event is on the link from the member before
    step: Index  # indices of the temporal loops of the step
    instances: frozenset[Index]


class Trip(NamedTuple):
    """A word on the wires of a link: inwards, outwards, or a partial sum on its way back.

    ``unit``: the event at the memory that decides what becomes of it; ``lanes``: the instances at which it arrives or
    that give it, those that keep it besides left out.
    """

    way: str
    unit: Unit
    lanes: frozenset[Index]


class Operation(NamedTuple):
    """What decides about a point: its elements of what the compute looks at, and per rule on an input where it lies."""

    operands: tuple[tuple[str, str, Element | None], ...]  # effect, tensor, element (None: does not exist)
    places: tuple[tuple[Index, Index], ...]  # step and instance


@dataclass(frozen=True)
class Covering:
    """A rule on one link: how its steps and instances are found from those further in, and the leaders' tiles."""

    effect: str
    member: int  # the receiver of the link
    time: list[int]
    space: list[int]
    tiles: dict[str, dict[tuple[Index, Index], set[Element]]]  # leader -> (step, instance) -> elements

    def fires(self, step: Index, instances: Iterable[Index], nonzero: Mapping[str, set[Element]]) -> bool:
        """Whether for some leader all tiles of these instances (or of those they lie below) hold only zeros."""
        where = {(step[: len(self.time)], instance[: len(self.space)]) for instance in instances}
        return any(
            all(tiles.get(at, set()).isdisjoint(nonzero[leader]) for at in where)
            for leader, tiles in self.tiles.items()
        )


def count_sparse(problem: Problem, sparsity: Sparsity, values: Values, receiver: Receiver = min) -> dict[str, Any]:
    """Return ``{"computes": split, "counts": {(memory, tensor): {event: split}}}``; each split sums to the dense count.

    ``receiver`` chooses, among the children at which an element arrives in one step, the one that gets its old value.
    """
    return Walk(problem, sparsity, receiver).outcomes(values)


class Walk:
    """All dense events of a problem, each with where it happens; what comes of them for any values."""

    def __init__(self, problem: Problem, sparsity: Sparsity, receiver: Receiver = min) -> None:
        """Walk the nest once. Events that happen in the same place are kept as one with a number."""
        self.problem, self.sparsity, self.receiver = problem, sparsity, receiver
        self.points = existing_points(problem)
        self.tensors = {t.name: t for t in (*problem.tensors, *sparsity.local)}
        self.elements = {n: [element_at(t, ranks) for _, ranks in self.points] for n, t in self.tensors.items()}
        self.events: Counter[tuple[str, str, str, Unit]] = Counter()
        self.merges: Counter[tuple[str, str, tuple[Unit, ...]]] = Counter()  # the writes of one element in one step
        self.trips: Counter[Trip] = Counter()  # words on the wires between a memory and what is below it
        self.rows: list[tuple[str, str]] = []
        self.coverings: dict[str, list[Covering]] = {}
        for rule in sparsity.rules:
            if rule.effect not in ("skip", "gate") or not rule.leaders or rule.follower not in self.tensors:
                raise ValueError(f"no such rule: {rule}")
        for tensor in problem.tensors:
            touched = [(i, e) for (i, _), e in zip(self.points, self.elements[tensor.name], strict=True)]
            stays = [Stay.of(problem, tensor, at, touched) for at in problem.chain(tensor.name)]
            self.rows += [(stay.name, tensor.name) for stay in stays[:-1]]
            self.coverings[tensor.name] = [self._covering(rule, stays) for rule in self._rules(tensor, stays)]
            if tensor.role == "input":
                self._input(tensor, stays)
            else:
                self._output(tensor, stays)
        # points about which the same decides, as one with a number
        self.operations = Counter(self._operation(indices, n) for n, (indices, _) in enumerate(self.points))

    # --- where events happen --------------------------------------------------------------------------------------

    def _log(self, memory: str, event: str, unit: Unit, number: int = 1) -> None:
        self.events[memory, unit.tensor, event, unit] += number

    def _input(self, tensor: Tensor, stays: list[Stay]) -> None:
        """Fills of every child, reads of its parent."""
        for member, (parent, child) in enumerate(pairwise(stays), 1):
            for instance, steps in child.arrivals().items():
                for step, elements in steps.items():
                    unit = Unit(tensor.name, member, child.steps[step], frozenset([instance]))
                    self._log(child.name, "fills", unit, len(elements))
            for step, lanes, receivers in self._least_reads(tensor, parent, child):
                unit = Unit(tensor.name, member, child.steps[step], lanes)
                self._log(parent.name, "reads", unit)
                self.trips[Trip("in", unit, receivers)] += 1

    def _least_reads(self, tensor: Tensor, parent: Stay, child: Stay) -> list[Read]:
        """The reads as the arrays share them; those with `tile` on all where some say `tile`, if they are fewer."""
        found = list(self._reads(tensor, parent, child, ("tile",)))
        if all(between(self.problem, parent, child, lambda array, w=w: array[2] == w) for w in ("tile", "element")):
            found = min(found, list(self._reads(tensor, parent, child, ("tile", "element"))), key=len)
        return found

    def _reads(self, tensor: Tensor, parent: Stay, child: Stay, alike: tuple[str, ...]) -> Iterator[Read]:
        """Every read of the parent: its step, the children it is for, and those of them that had not held it. alike:
        arrays of these words share tiles.
        """
        apart = between(self.problem, parent, child, lambda array: array[2] == "none")
        tiles = between(self.problem, parent, child, lambda array: array[2] in alike)
        shared = between(self.problem, parent, child, lambda array: array[2] == "element" and "element" not in alike)
        indices = list(product(*(range(self.problem.loops[child.space[n]].factor) for n in shared)))
        windows = Windows(self.problem, tensor, child)

        def looks(step: int, instance: Index) -> tuple[Any, ...]:
            """What `tile` compares, of all lanes along `element` indices."""
            seen = []
            for index in indices:
                lane = list(instance)
                for n, i in zip(shared, index, strict=True):
                    lane[n] = i
                seen.append(windows.now_and_before(step, tuple(lane)))
            return tuple(seen)

        for (above, step), deliveries in by_parent_and_step(child.arrivals(), parent).items():
            # one delivery per combination of the other indices: lanes along `element` indices belong together
            deliverers: dict[Index, list[Index]] = defaultdict(list)
            for instance in below(child, above):
                deliverers[_at(instance, [*apart, *tiles])].append(instance)
            classes: dict[Any, list[tuple[set[Element], list[Index]]]] = defaultdict(list)
            for key, lanes in deliverers.items():
                arriving = set().union(*(deliveries.get(lane, set()) for lane in lanes))
                look = (_at(lanes[0], apart), looks(step, lanes[0])) if tiles else key
                classes[look].append((arriving, lanes))
            for members in classes.values():
                arriving = members[0][0]
                if any(other != arriving for other, _ in members):
                    raise AssertionError("children that look alike receive different elements")
                lanes = [lane for _, some in members for lane in some]
                for element in arriving:
                    getting = frozenset(lane for lane in lanes if element in deliveries.get(lane, ()))
                    yield step, frozenset(holding(child, lanes, step, element)), getting

    def _output(self, tensor: Tensor, stays: list[Stay]) -> None:
        """Drains of every child, writes and merge reads of its parent, and old values on their way back."""
        # arrivals without an old value, at the member at hand: (instance, step, element)
        bare = set() if tensor.initialised else set(each(stays[0].arrivals()))
        for member, (parent, child) in enumerate(pairwise(stays), 1):
            for instance, steps in child.departures().items():
                for step, elements in steps.items():
                    unit = Unit(tensor.name, member, child.steps[step], frozenset([instance]))
                    self._log(child.name, "drains", unit, len(elements))
            self._writes(tensor, member, parent, child)
            bare = self._returns(tensor, member, parent, child, bare)

    def _writes(self, tensor: Tensor, member: int, parent: Stay, child: Stay) -> None:
        """One write per step, element, and group of children whose arrays do not add up on the way."""
        apart = between(self.problem, parent, child, lambda array: not array[3])
        for (above, step), departing in by_parent_and_step(child.departures(), parent).items():
            groups: dict[Index, list[Index]] = defaultdict(list)
            for instance in below(child, above):
                groups[_at(instance, apart)].append(instance)
            writes: dict[Element, list[Unit]] = defaultdict(list)
            for lanes in groups.values():
                for element in set().union(*(departing.get(lane, set()) for lane in lanes)):
                    holders = frozenset(holding(child, lanes, step, element))
                    writes[element].append(Unit(tensor.name, member, child.steps[step], holders))
                    giving = frozenset(lane for lane in lanes if element in departing.get(lane, ()))
                    self.trips[Trip("out", writes[element][-1], giving)] += 1
            for units in writes.values():
                for unit in units:
                    self._log(parent.name, "updates", unit)
                self.merges[parent.name, tensor.name, tuple(sorted(units, key=repr))] += 1

    def _returns(self, tensor: Tensor, member: int, parent: Stay, child: Stay, bare: set[Any]) -> set[Any]:
        """Log the old values that come back; return the arrivals at the child that had none.

        An arriving element needs its old value unless it is the first arrival, at any child, of a residency in the
        parent that itself began without one.
        """
        number = {step: n for n, step in enumerate(parent.steps)}
        without = set(each(child.arrivals()))
        met = set()
        groups = by_parent_and_step(child.arrivals(), parent)
        for above, step in sorted(groups, key=lambda key: key[1]):
            receiving = groups[above, step]
            for element in set().union(*receiving.values()):
                began = number[child.steps[step][: len(parent.time)]]
                while element in parent.held[above].get(began - 1, ()):
                    began -= 1
                residency = (above, began, element)
                if residency in bare and residency not in met:
                    met.add(residency)
                    continue
                holders = frozenset(holding(child, below(child, above), step, element))
                unit = Unit(tensor.name, member, child.steps[step], holders)
                self._log(parent.name, "reads", unit)
                self._log(child.name, "fills", unit)
                filled = self.receiver([kid for kid, elements in receiving.items() if element in elements])
                self.trips[Trip("back", unit, frozenset([filled]))] += 1
                without.remove((filled, step, element))
        return without

    def _operation(self, indices: Index, n: int) -> Operation:
        """What decides about the n-th existing point."""
        named = [("skip", name) for name in self.sparsity.skip] + [("gate", name) for name in self.sparsity.gate]
        operands = tuple([(effect, name, self.elements[name][n]) for effect, name in named])
        return Operation(operands, tuple([(_at(indices, c.time), _at(indices, c.space)) for c in self._on_inputs()]))

    # --- what the rules say of it ---------------------------------------------------------------------------------

    def _rules(self, tensor: Tensor, stays: list[Stay]) -> list[Rule]:
        """Rules about a tensor at memories that keep it."""
        keepers = [stay.name for stay in stays[:-1]]
        return [rule for rule in self.sparsity.rules if rule.follower == tensor.name and rule.memory in keepers]

    def _on_inputs(self) -> list[Covering]:
        """Rules whose followers are inputs: the operations need these."""
        return [c for t in self.problem.tensors if t.role == "input" for c in self.coverings[t.name]]

    def _covering(self, rule: Rule, stays: list[Stay]) -> Covering:
        """Lay out the leaders' tiles of every step and instance of the receiver."""
        member = 1 + [stay.name for stay in stays[:-1]].index(rule.memory)
        child = stays[member]
        tiles: dict[str, dict[tuple[Index, Index], set[Element]]] = {}
        for leader in rule.leaders:
            tiles[leader] = defaultdict(set)
            for (indices, _), element in zip(self.points, self.elements[leader], strict=True):
                if element is not None:
                    tiles[leader][_at(indices, child.time), _at(indices, child.space)].add(element)
        return Covering(rule.effect, member, child.time, child.space, tiles)

    def outcomes(self, values: Values) -> dict[str, Any]:
        """Return what happens for these values, as ``count_sparse`` does."""
        nonzero = {name: self._nonzero(name, values.get(name)) for name in self.tensors}
        outcome = self.decider(values)
        counts: Table = {row: {event: dict.fromkeys(OUTCOMES, 0) for event in EVENTS} for row in self.rows}
        for (memory, tensor, event, unit), number in self.events.items():
            if (memory, tensor) in counts:  # nothing is counted at the compute
                counts[memory, tensor][event][outcome(unit)] += number
        for (memory, tensor, units), number in self.merges.items():
            came = Counter(outcome(unit) for unit in units)
            actual = max(0, came["actual"] - 1)
            unskipped = max(0, came["actual"] + came["gated"] - 1)
            row = counts[memory, tensor]["merge_reads"]
            row["actual"] += number * actual
            row["gated"] += number * (unskipped - actual)
            row["skipped"] += number * (len(units) - 1 - unskipped)
        return {"computes": self._computes(nonzero), "counts": counts}

    def decider(self, values: Values) -> Callable[[Unit], str]:
        """Return what becomes of an event for these values."""
        nonzero = {name: self._nonzero(name, values.get(name)) for name in self.tensors}
        return lru_cache(maxsize=None)(lambda unit: self._outcome(unit, nonzero))

    def _nonzero(self, name: str, values: Any) -> set[Element]:
        """Elements of a tensor that exist at any point and are not zero."""
        touched = {element for element in self.elements[name] if element is not None}
        if values is None:
            return touched
        shape = tuple(dim.size for dim in self.tensors[name].dims)
        if np.shape(values) != shape:
            raise ValueError(f"values of {name} have shape {np.shape(values)}, not {shape}")
        return {element for element in touched if values[element] != 0}

    def _outcome(self, unit: Unit, nonzero: Mapping[str, set[Element]]) -> str:
        """What becomes of an event: by the rules of its own link and of those further out."""
        covering = [c for c in self.coverings[unit.tensor] if c.member <= unit.member]
        fired = {c.effect for c in covering if c.fires(unit.step, unit.instances, nonzero)}
        return "skipped" if "skip" in fired else "gated" if "gate" in fired else "actual"

    def _computes(self, nonzero: Mapping[str, set[Element]]) -> Split:
        """What becomes of every existing point."""
        result = dict.fromkeys(OUTCOMES, 0)
        inputs = self._on_inputs()
        for point, number in self.operations.items():
            fired = {effect for effect, name, element in point.operands if element not in nonzero[name]}
            for covering, (step, instance) in zip(inputs, point.places, strict=True):
                if covering.effect not in fired and covering.fires(step, [instance], nonzero):
                    fired.add(covering.effect)
            result["skipped" if "skip" in fired else "gated" if "gate" in fired else "actual"] += number
        return result


def _at(indices: Index, positions: Iterable[int]) -> Index:
    return tuple([indices[i] for i in positions])


def below(child: Stay, above: Index) -> list[Index]:
    """Return the instances of a child under one of its parent's."""
    return [instance for instance in child.held if instance[: len(above)] == above]


def holding(child: Stay, lanes: Iterable[Index], step: int, element: Element) -> Iterator[Index]:
    """Yield the lanes whose tile of a step contains an element."""
    return (lane for lane in lanes if element in child.held[lane].get(step, ()))


def each(sets: Mapping[Index, Mapping[int, set[Element]]]) -> Iterator[tuple[Index, int, Element]]:
    """Yield every element with the instance and the step it is in."""
    return ((i, step, element) for i, steps in sets.items() for step, elements in steps.items() for element in elements)
