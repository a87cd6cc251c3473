"""A loop nest as indented text: memories with what they keep and how full they are, loops, arrays, computes.

memory DRAM: W 144 KiB, S 64 KiB = 208 KiB
for k in 4
  array PEs: x = k 128 (128 of 128), multicast tile
    memory spad: W 1152 B = 1152 B of 1152 B (100%)
    compute PE: accumulate
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sata.counts.density import model_of
from sata.counts.op.capacity import Occupancy, StoredTile
from sata.nest.graph import Graph
from sata.nest.model import Group
from sata.report.nest_rows import nest_rows
from sata.report.text import Block, Lines, quantity, wrapped
from sata.specs.model import Density, Op, Tensor

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
    """A line a row of the nest, or more where it is too long for one."""
    names = [nest.op.name for nest in group.nests]
    lines: list[str] = []
    for row in nest_rows(group):
        text = row["text"]
        if row["is"] == "memory":
            text = _memory(row, names if row["op"] is None else [row["op"]], held)
        indent = _STEP * row["depth"]
        lines += [indent + line for line in wrapped([text], max(width - len(indent), 24))]
    return lines


def _memory(row: Mapping[str, Any], names: Sequence[str], held: Sequence[Occupancy]) -> str:
    """`memory GLB: W 72 KiB, S 8 KiB = 80 KiB of 144 KiB (55.6%)`. names: the ops that pass the memory here."""
    found = next((o for o in held if o.memory.name == row["node"] and set(o.ops) <= set(names)), None)
    rules = "".join(f"; {rule}" for rule in row["rules"])
    if found is None or not found.tiles:
        return f"{row['text']}: nothing{rules}"
    tiles = ", ".join(_tile(name, tile) for name, tile in found.tiles.items())
    if len(found.tiles) > 1:
        tiles += f" = {quantity(found.bits, 'bits')}"
    return f"{row['text']}: {tiles}{_fill(found)}{rules}"


def _tile(name: str, tile: StoredTile) -> str:
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
