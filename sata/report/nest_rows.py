"""A loop nest as flat rows, outermost first: what its text, its picture and its part of a result's JSON are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from sata.nest.graph import shared_items
from sata.nest.model import BoundLoop, Group, NestLevel, OpNest
from sata.specs.model import Array, Compute, Op, Rule

Row = dict[str, Any]


def nest_record(group: Group) -> Row:
    """A nest as data: group, layer, ops (op, action, compute, ranks, sequential of each), rows.

    Rows have depth, op (None: shared by all ops of the group), is, text, and what their sort has. memory: node, keeps
    (tensors), rules. loop: rank, factor, stride. array: node, loops (texts `x: k 4`). compute: node, action. Where a
    fused nest divides, a row `split` and, for each op, a row `op` come before the op's own. Loops of one are left out.
    """
    ops = [{"op": n.op.name, "action": n.op.action, "compute": n.op.compute, "ranks": dict(n.op.ranks),
            "sequential": dict(n.op.sequential)} for n in group.nests]  # fmt: skip
    return {"group": group.name, "layer": group.layer, "ops": ops, "rows": nest_rows(group)}


def nest_rows(group: Group) -> list[Row]:
    """The shared nodes once, then, below `split`, the rest of each op."""
    nests = group.nests
    rows: list[Row] = []
    depth = _walk(rows, 0, None, shared_items(group), nests)
    if len(nests) == 1:
        return rows
    rows.append({"depth": depth, "op": None, "is": "split", "text": "split"})
    for nest in nests:
        rows.append({"depth": depth, "op": nest.op.name, "is": "op", "text": f"- {nest.op.name}"})
        _walk(rows, depth + 1, nest.op.name, nest.items[nest.shared :], [nest])
    return rows


def _walk(rows: list[Row], depth: int, op: str | None, items: Sequence[object], nests: Sequence[OpNest]) -> int:
    """Append the rows of items; gives the depth below them."""
    for number, item in enumerate(items):
        row: Row = {}
        deeper = 0
        if isinstance(item, NestLevel):
            rules = _rules(item.memory.rules, nests)
            row = {"is": "memory", "text": f"memory {item.memory.name}", "node": item.memory.name,
                   "keeps": list(item.keeps), "rules": rules}  # fmt: skip
        elif isinstance(item, BoundLoop) and item.array is None and item.factor > 1:
            row, deeper = _loop(item, nests), 1
        elif isinstance(item, Array):
            own = [i for i in items[number + 1 :] if isinstance(i, BoundLoop) and i.array == item.name]
            row, deeper = _array(item, own, nests[0].op), 1
        elif isinstance(item, Compute):
            row = _compute(item, nests[0].op)
        if row:
            rows.append({"depth": depth, "op": op} | row)
        depth += deeper
    return depth


def _loop(loop: BoundLoop, nests: Sequence[OpNest]) -> Row:
    op = nests[0].op
    descending = any(n.op.sequential.get(loop.rank) == "descending" for n in nests)
    text = f"for {loop.rank} in {loop.factor}"
    if loop.stride > 1:
        text += f" step {loop.stride}"
    imperfect = _imperfect(loop, op)
    text += (" descending" if descending else "") + (f" ({imperfect})" if imperfect else "")
    return {"is": "loop", "text": text, "rank": loop.rank, "factor": loop.factor, "stride": loop.stride}


def _imperfect(loop: BoundLoop, op: Op) -> str:
    """Said of the outermost loop of a rank: how many of the points that the loops cover exist."""
    bound, covered = op.ranks.get(loop.rank, 1), loop.factor * loop.stride
    return f"imperfect: {bound} of {covered}" if covered > bound else ""


def _array(array: Array, loops: Sequence[BoundLoop], op: Op) -> Row:
    parts = []
    for axis, size in array.shape.items():
        on = [loop for loop in loops if loop.axis == axis]
        factors = " ".join(f"{loop.rank} {loop.factor}" for loop in on if loop.factor > 1)
        imperfect = "".join(f", {loop.rank} {_imperfect(loop, op)}" for loop in on if _imperfect(loop, op))
        parts.append(f"{axis} = {factors or 'one'} ({prod(loop.factor for loop in on)} of {size}{imperfect})")
    words = [f"multicast {array.multicast}"] + (["reduce"] if array.reduce else [])
    spread = [f"{loop.axis}: {loop.rank} {loop.factor}" for loop in loops if loop.factor > 1]
    text = f"array {array.name}: {', '.join([*parts, *words])}"
    return {"is": "array", "text": text, "node": array.name, "loops": spread, "reduce": array.reduce}


def _compute(compute: Compute, op: Op) -> Row:
    text = f"compute {compute.name}: {op.action}"
    for word, kinds in (("gate", compute.gates(op.action)), ("skip", compute.skips(op.action))):
        there = [k for k in kinds if any(t.kind == k and t.role == "input" for t in op.tensors)]
        text += f", {word} on {', '.join(there)}" if there else ""
    return {"is": "compute", "text": text, "node": compute.name, "action": op.action}


def _rules(rules: Sequence[Rule], nests: Sequence[OpNest]) -> list[str]:
    """Rules of sparsity that concern a tensor of these ops: `skip weight on spike`."""
    kinds: Mapping[str, bool] = {word: True for n in nests for t in n.op.tensors for word in (t.kind, t.name)}
    said = []
    for rule in rules:
        leaders = [name for name in rule.leaders if name in kinds]
        if rule.either and len(leaders) > 1:
            said.append(f"{rule.effect} {' and '.join(leaders)} by each other")
        elif leaders and rule.follower in kinds:
            said.append(f"{rule.effect} {rule.follower} on {', '.join(leaders)}")
    return said
