"""A loop nest as indented text: memories with what they keep and how full they are, loops, arrays, computes.

memory DRAM: W 144 KiB, S 64 KiB = 208 KiB
for k in 4
  array PEs: x = k 128 (128 of 128), multicast tile
    memory spad: W 1152 B = 1152 B of 1152 B (100%)
    compute PE: accumulate
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from sata.counts.capacity import Occupancy, Tile
from sata.counts.models import model_of
from sata.nest.graph import Graph, path_to
from sata.nest.model import BoundLoop, Group, Level, OpNest
from sata.report.text import Block, Lines, quantity, wrapped
from sata.specs.model import Array, Compute, Density, Op, Rule, Tensor

_STEP = "  "


def nest_block(group: Group, graph: Graph, held: Sequence[Occupancy], width: int) -> Block:
    """The nest of a group. held: what its memories hold; width: characters of a line."""
    names = [nest.op.name for nest in group.nests]
    lines: list[str] = []
    for nest in group.nests:
        lines += op_lines(nest.op, width, named=len(names) > 1)
    lines.append("")
    lines += _nest_lines(group, graph, held, width)
    return Lines(" + ".join(names), tuple(lines))


def op_lines(op: Op, width: int, named: bool) -> list[str]:
    """The statement of an op (`named`: after its name), its ranks and its tensors' kinds."""
    ranks = ", ".join(f"{rank} {bound}" for rank, bound in op.ranks.items())
    sequential = "".join(f", {rank} {direction}" for rank, direction in op.sequential.items())
    kinds = ", ".join(f"{t.name} {t.kind}{_notes(t)}" for t in op.tensors)
    head = f"{op.name}:  {op.compute}" if named else op.compute
    about = [f"  stage    {op.stage}{sequential}", f"  ranks    {ranks}", f"  tensors  {kinds}"]
    return wrapped([head, *about], width)


def _notes(t: Tensor) -> str:
    density = ""
    if isinstance(t.density, tuple):
        density = f" {sum(t.density) / len(t.density):.3g}"
    elif isinstance(t.density, Density):
        density = f" {model_of(t).density:.3g} {t.density.model}"
    elif t.density is not None:
        density = f" {t.density:.3g}"
    return density + (" local" if t.local else "")


def _nest_lines(group: Group, graph: Graph, held: Sequence[Occupancy], width: int) -> list[str]:
    """The shared nodes once, then, below `split`, the rest of each op."""
    first = group.nests[0]
    trunk = [n for n in path_to(graph, first.op.name) if graph.nodes[n]["op"] is None]
    lines: list[str] = []
    depth = _walk(lines, 0, [graph.nodes[n]["item"] for n in trunk], group.nests, held, width)
    if len(group.nests) == 1:
        return lines
    lines.append(f"{_STEP * depth}split")
    for nest in group.nests:
        own = [graph.nodes[n]["item"] for n in path_to(graph, nest.op.name) if graph.nodes[n]["op"] is not None]
        lines.append(f"{_STEP * depth}- {nest.op.name}")
        _walk(lines, depth + 1, own, [nest], held, width)
    return lines


def _walk(
    lines: list[str],
    depth: int,
    items: Sequence[object],
    nests: Sequence[OpNest],
    held: Sequence[Occupancy],
    width: int,
) -> int:
    """Append the lines of items; gives the depth below them. Loops of one are left out."""
    for number, item in enumerate(items):
        text = ""
        deeper = 0
        if isinstance(item, Level):
            text = _memory(item, nests, held)
        elif isinstance(item, BoundLoop) and item.array is None and item.factor > 1:
            text, deeper = _loop(item, nests), 1
        elif isinstance(item, Array):
            own = [i for i in items[number + 1 :] if isinstance(i, BoundLoop) and i.array == item.name]
            text, deeper = _array(item, own, nests[0].op), 1
        elif isinstance(item, Compute):
            text = _compute(item, nests[0].op)
        if text:
            indent = _STEP * depth
            more = wrapped([text], max(width - len(indent), 24))
            lines += [indent + line for line in more]
        depth += deeper
    return depth


def _loop(loop: BoundLoop, nests: Sequence[OpNest]) -> str:
    op = nests[0].op
    descending = any(n.op.sequential.get(loop.rank) == "descending" for n in nests)
    text = f"for {loop.rank} in {loop.factor}"
    if loop.stride > 1:
        text += f" step {loop.stride}"
    ragged = _ragged(loop, op)
    return text + (" descending" if descending else "") + (f" ({ragged})" if ragged else "")


def _ragged(loop: BoundLoop, op: Op) -> str:
    """Said of the outermost loop of a rank: how many of the points that the loops cover exist."""
    bound, covered = op.ranks.get(loop.rank, 1), loop.factor * loop.stride
    return f"ragged: {bound} of {covered}" if covered > bound else ""


def _array(array: Array, loops: Sequence[BoundLoop], op: Op) -> str:
    parts = []
    for axis, size in array.shape.items():
        on = [loop for loop in loops if loop.axis == axis]
        factors = " ".join(f"{loop.rank} {loop.factor}" for loop in on if loop.factor > 1)
        ragged = "".join(f", {loop.rank} {_ragged(loop, op)}" for loop in on if _ragged(loop, op))
        parts.append(f"{axis} = {factors or 'one'} ({prod(loop.factor for loop in on)} of {size}{ragged})")
    words = [f"multicast {array.multicast}"] + (["reduce"] if array.reduce else [])
    return f"array {array.name}: {', '.join([*parts, *words])}"


def _compute(compute: Compute, op: Op) -> str:
    text = f"compute {compute.name}: {op.action}"
    for word, kinds in (("gate", compute.gates(op.action)), ("skip", compute.skips(op.action))):
        there = [k for k in kinds if any(t.kind == k and t.role == "input" for t in op.tensors)]
        text += f", {word} on {', '.join(there)}" if there else ""
    return text


def _memory(level: Level, nests: Sequence[OpNest], held: Sequence[Occupancy]) -> str:
    """`memory GLB: W 72 KiB, S 8 KiB = 80 KiB of 144 KiB (55.6%)`."""
    names = {n.op.name for n in nests}
    found = next((o for o in held if o.memory.name == level.memory.name and set(o.ops) <= names), None)
    head = f"memory {level.memory.name}:"
    rules = _rules(level.memory.rules, nests)
    if found is None or not found.tiles:
        return f"{head} nothing{rules}"
    tiles = ", ".join(_tile(name, tile) for name, tile in found.tiles.items())
    if len(found.tiles) > 1:
        tiles += f" = {quantity(found.bits, 'bits')}"
    return f"{head} {tiles}{_fill(found)}{rules}"


def _tile(name: str, tile: Tile) -> str:
    metadata = [f"{quantity(tile.metadata_bits, 'bits')} metadata"] if tile.metadata_bits else []
    data = [quantity(tile.data_bits, "bits")] if tile.data_bits or not metadata else []
    return f"{name} {' + '.join([*data, *metadata])}"


def _fill(found: Occupancy) -> str:
    limit = found.limit_bits
    if limit is None:
        return ""
    buffers = f", {found.memory.buffers} buffers" if found.memory.buffers > 1 else ""
    over = "" if found.fits else f", overflows by {quantity(found.bits - limit, 'bits')}"
    return f" of {quantity(limit, 'bits')} ({100 * found.bits / limit:.3g}%{buffers}{over})"


def _rules(rules: Sequence[Rule], nests: Sequence[OpNest]) -> str:
    """Rules of sparsity that concern a tensor of these ops: `skip weight on spike`."""
    kinds: Mapping[str, bool] = {word: True for n in nests for t in n.op.tensors for word in (t.kind, t.name)}
    said = []
    for rule in rules:
        leaders = [name for name in rule.leaders if name in kinds]
        if rule.either and len(leaders) > 1:
            said.append(f"{rule.effect} {' and '.join(leaders)} by each other")
        elif leaders and rule.follower in kinds:
            said.append(f"{rule.effect} {rule.follower} on {', '.join(leaders)}")
    return "".join(f"; {text}" for text in said)
