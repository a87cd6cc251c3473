"""Architectures and mappings as a notebook shows them: plain HTML without scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from sata.specs.nest_nodes import Loop, MapArray, MapCompute, MapLoops, MapMemory, MapSplit, NestNode
from sata.specs.tree import arch_rows, row_words

if TYPE_CHECKING:
    from sata.specs.model import Arch, MappingSpec


def arch_html(arch: Arch) -> str:
    """A row a node, set in as deep as it stands."""
    head = "".join(f"<th style='text-align:left'>{name}</th>" for name in ("node", "", "class", "instances", ""))
    rows = []
    for row in arch_rows(arch):
        deep = row["depth"] + len([part for part in row["way"].split(".") if part])
        cells = (row["node"], row["is"], row["class"] or "", f"{row['instances']:,}", ", ".join(row_words(row)))
        first, *rest = (escape(str(cell)) for cell in cells)
        tail = "".join(f"<td style='text-align:left'>{cell}</td>" for cell in rest)
        style = f"text-align:left;padding-left:{deep * 1.2 + 0.5:.1f}em"
        rows.append(f"<tr><td style='{style}'><b>{first}</b></td>{tail}</tr>")
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f"<p><b>{escape(arch.name)}</b></p>{table}"


def mapping_html(mapping: MappingSpec) -> str:
    """An entry after the other: its patterns, and its nest or why it is left out."""
    parts = []
    for entry in mapping.entries:
        head = f"<p><b>{escape(' + '.join(entry.patterns) if entry.fused else ', '.join(entry.patterns))}</b>"
        if entry.omit is not None:
            parts.append(f"{head}: left out, {escape(entry.omit)}</p>")
        else:
            parts.append(f"{head}</p><pre>{escape(chr(10).join(_lines(entry.nest, 0)))}</pre>")
    return f"<div>{''.join(parts)}</div>"


def _lines(nodes: Sequence[NestNode], depth: int) -> Iterator[str]:
    """The nest in the words of the format."""
    for node in nodes:
        indent = "  " * depth
        if isinstance(node, MapMemory):
            keep = "" if node.keep is None else f", keep {', '.join(node.keep) or 'nothing'}"
            bypass = f", bypass {', '.join(node.bypass)}" if node.bypass else ""
            yield f"{indent}memory {node.name}{keep}{bypass}"
        elif isinstance(node, MapLoops):
            yield f"{indent}for {_loops(node.loops)}"
            depth += 1
        elif isinstance(node, MapArray):
            axes = dict.fromkeys(loop.axis for loop in node.loops)
            own = [f"{axis}: {_loops([loop for loop in node.loops if loop.axis == axis])}" for axis in axes]
            yield f"{indent}array {node.name} {'; '.join(own)}".rstrip()
            depth += 1
        elif isinstance(node, MapCompute):
            yield f"{indent}compute {node.name}"
        elif isinstance(node, MapSplit):
            yield f"{indent}split"
            for number, way in enumerate(node.ways, 1):
                yield f"{indent}- {number}"
                yield from _lines(way, depth + 1)


def _loops(loops: Sequence[Loop]) -> str:
    return ", ".join(f"{loop.rank} {loop.factor or '*'}" for loop in loops)
