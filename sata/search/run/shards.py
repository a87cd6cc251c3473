"""One search in parts, for batch systems: a part's answers as a file, and the files together as one search again.

A file holds all that the mapping is written from, and hashes of what was searched; those that belong to one search are
alike in all but their own part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from sata.report.files import json_text
from sata.report.read import result_from_json
from sata.search.answers.codec import Misfit, data_of, decoded
from sata.search.answers.fingerprint import REVISION, Unknown, fingerprint_of, fingerprint_text, ops_of, size_of
from sata.search.engine.group import GroupTask
from sata.search.engine.solve import Answer, Task
from sata.search.run.setup import SearchSetup
from sata.search.run.workload import Unit, renamed
from sata.search.space.storage_templates import Constraints
from sata.specs.model import Arch, Array, Compute, Memory
from sata.specs.text.faults import Fault, SpecError, Where
from sata.version import __version__

MOST = 10_000  # parts of one search
_KINDS = {"memory": Memory, "array": Array, "compute": Compute}
_HINT = "sata map --shard 1/2 -o FILE writes such a file"


@dataclass(frozen=True)
class ShardNode:
    """As much of a node as a mapping is written from. shape: the axes of an array, in order."""

    name: str
    kind: str
    shape: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class ShardedSearch:
    """What was searched. Hashes: of the nodes with their prices, of the ops, of the constraints. keys: of the tasks;
    ops: names, several where a group is searched together; number: for each of them the number of its task."""

    version: str
    revision: int
    arch: str
    workload: str
    objective: str
    factors: str
    machine: str
    tasks: str
    constraints: str
    nodes: tuple[ShardNode, ...]
    ops: tuple[tuple[str, ...], ...]
    number: tuple[int, ...]
    keys: tuple[str, ...]
    parts: int


@dataclass(frozen=True)
class Shard:
    """One part, from 1. answers: by the key of their task."""

    search: ShardedSearch
    part: int
    answers: Mapping[str, Answer]


def search_of(
    setting: SearchSetup, ops: Sequence[Unit], tasks: Sequence[Task], number: Sequence[int], parts: int
) -> ShardedSearch:
    """What all parts have in common. Raises: SpecError for what has no hash."""
    nodes = {n.name: n for way in setting.arch.ways() for n in way}
    try:
        return ShardedSearch(
            __version__,
            REVISION,
            setting.arch.name,
            setting.workload.name,
            tasks[0].objective,
            "imperfect and exact" if tasks[0].ragged else "exact",
            _hash(fingerprint_text((setting.arch, setting.machine))),
            _hash(fingerprint_text(tuple(ops_of(t) for t in tasks))),
            _hash(fingerprint_text(tuple(_asked(t) for t in tasks))),
            tuple(_node(n) for n in nodes.values()),
            tuple(tuple(op.name for op in unit) for unit in ops),
            tuple(number),
            tuple(fingerprint_of(task) for task in tasks),
            parts,
        )
    except Unknown as error:
        raise SpecError([Fault(Where(), f"this search cannot be parted: {error}")]) from None


def _asked(task: Task) -> tuple[Constraints, ...]:
    return task.asked if isinstance(task, GroupTask) else (task.constraints,)


def _node(node: Memory | Array | Compute) -> ShardNode:
    kind = next(word for word, kind in _KINDS.items() if isinstance(node, kind))
    return ShardNode(node.name, kind, tuple(node.shape.items()) if isinstance(node, Array) else ())


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def shard_of(tasks: Sequence[Task], part: int, parts: int) -> list[int]:
    """The numbers of the tasks of one part, from 1: dealt in turn, the long ones first. Empty if there are too few."""
    order = sorted(range(len(tasks)), key=lambda n: (-size_of(tasks[n]), n))
    return sorted(order[part - 1 :: parts])


def shard_text(search: ShardedSearch, part: int, answers: Mapping[int, Answer]) -> str:
    """The file of a part. answers: by number of the task."""
    shard = Shard(search, part, {search.keys[n]: answer for n, answer in answers.items()})
    return json_text({"shard": data_of(shard)})


def read_shard(name: str) -> Shard:
    """Raises: SpecError for a file that holds no part of a search."""
    try:
        data = result_from_json(name)
    except SpecError as error:
        raise SpecError([Fault(f.where, f.message, _HINT if f.hint else "") for f in error.faults]) from None
    if not isinstance(data, dict) or set(data) != {"shard"}:
        raise SpecError([Fault(Where(name), "holds no part of a search", _HINT)])
    try:
        shard = decoded(Shard, data["shard"])
    except Misfit as error:
        raise SpecError([Fault(Where(name, path="shard"), f"holds no part of a search: {error}", _HINT)]) from None
    if not _sound(shard):
        raise SpecError([Fault(Where(name, path="shard"), "the parts of this file do not fit each other", _HINT)])
    return shard


def _sound(shard: Shard) -> bool:
    """Do names, numbers and keys refer to each other as they should?"""
    s = shard.search
    names = {node.name: node for node in s.nodes}
    answers = [m for a in shard.answers.values() for m in (a, *a.members)]
    points = [p for a in answers for p in a.points]
    all_names = [name for unit in s.ops for name in unit]
    return (
        1 <= shard.part <= s.parts <= MOST
        and len(s.ops) == len(s.number) > 0
        and all(s.ops)
        and len(s.ops) == len(set(s.ops))
        and all((name,) in s.ops for name in all_names if all_names.count(name) > 1)
        and set(s.number) == set(range(len(s.keys)))
        and len(set(s.keys)) == len(s.keys)
        and set(shard.answers) <= set(s.keys)
        and all(node.kind in _KINDS for node in s.nodes)
        and all(a.points and a.objective == s.objective for a in answers)
        and all(_pairs(s, key, a) for key, a in shard.answers.items())
        and all(p.items and set(p.items) <= set(names) and names[p.items[-1]].kind == "compute" for p in points)
        and all(set(p.keeps) >= {i for i in p.items if names[i].kind == "memory"} for p in points)
        and all(0 <= loop.item < len(p.items) - 1 for p in points for loop in p.loops)
    )


def _pairs(search: ShardedSearch, key: str, answer: Answer) -> bool:
    """Whether an answer is one of as many ops as those it is for, and members of a fused pair stand below one split."""
    sizes = {len(unit) for unit, n in zip(search.ops, search.number, strict=True) if search.keys[n] == key}
    if sizes == {1} and not answer.members:
        return answer.fusion is None
    if sizes != {len(answer.members)} or answer.fusion is None or any(m.members for m in answer.members):
        return False
    home = answer.fusion.split
    return not home or all(home in p.items for m in answer.members for p in m.points)


def merged_shards(named: Mapping[str, Shard]) -> tuple[ShardedSearch, Arch, dict[str, Answer]]:
    """(what was searched, its nodes, the answer of every op) of parts by the names of their files.

    Raises: SpecError for parts of different searches, parts that are there twice, and parts that are missing.
    """
    first_name, first = next(iter(named.items()))
    faults: list[Fault] = []
    seen: dict[int, str] = {}
    answers: dict[str, Answer] = {}
    for name, shard in named.items():
        other = _other(first.search, shard.search)
        if other:
            faults.append(Fault(Where(name), f"is of another search than {first_name}: {other} differs"))
        elif shard.part in seen:
            faults.append(Fault(Where(name), f"is part {shard.part} of {shard.search.parts}, as {seen[shard.part]} is"))
        else:
            seen[shard.part] = name
            answers |= shard.answers
    missing = [part for part in range(1, first.search.parts + 1) if part not in seen]
    if missing and not faults:
        listed = ", ".join(map(str, missing[:10])) + (", ..." if len(missing) > 10 else "")
        what = "parts" if len(missing) > 1 else "part"
        message = f"{what} {listed} of {first.search.parts} missing"
        faults.append(Fault(Where(), message, f"sata map --shard {missing[0]}/{first.search.parts} makes it"))
    lost = [n for n, key in enumerate(first.search.keys) if key not in answers]
    if lost and not faults:
        op = "+".join(first.search.ops[first.search.number.index(lost[0])])
        faults.append(Fault(Where(), f"no file holds the answer of '{op}', though no part is missing"))
    if faults:
        raise SpecError(faults)
    s = first.search
    found = renamed(s.ops, [answers[s.keys[n]] for n in s.number])
    return s, arch_of(s), found


def arch_of(search: ShardedSearch) -> Arch:
    """An architecture of names and axes alone, to write a mapping for."""
    made: list[Memory | Array | Compute] = []
    for node in search.nodes:
        if node.kind == "array":
            made.append(Array(node.name, dict(node.shape)))
        else:
            made.append(Memory(node.name, "") if node.kind == "memory" else Compute(node.name, ""))
    return Arch(search.arch, tuple(made))


_DIFFERENCES = {
    "version": "the version of sata",
    "revision": "the version of the search",
    "machine": "the architecture or its prices",
    "tasks": "the workload",
    "ops": "the choice of ops",
    "constraints": "the file of constraints",
    "objective": "the objective",
    "factors": "--imperfect",
    "parts": "the number of parts",
}


def _other(one: ShardedSearch, two: ShardedSearch) -> str:
    """What differs, the first of _DIFFERENCES; empty if nothing does."""
    for name, words in _DIFFERENCES.items():
        if getattr(one, name) != getattr(two, name):
            return words
    return "" if one == two else "what was searched"
