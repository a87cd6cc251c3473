"""The law of time that a search proves under, and the one that its answers are scored by.

The largest of the totals is a lower bound of the time whatever buffers memories have, and it is the time where all of
them stream. Dominance compares totals, so proofs are those of an architecture whose memories stream; with `buffers: 1`
or `2` an answer is then scored exactly, and is sure up to the gap between that bound and its score.
"""

from __future__ import annotations

from dataclasses import replace

from sata.specs.model import Arch, Array, Branch, Compute, Memory, Node


def streaming(arch: Arch) -> Arch:
    """The architecture with memories that stream; a tile may use as much of them as before."""
    return arch if streams(arch) else replace(arch, nodes=tuple(_streaming(node) for node in arch.nodes))


def streams(arch: Arch) -> bool:
    """Whether all of its memories do."""
    return all(node.stream for way in arch.ways() for node in way if isinstance(node, Memory))


def _streaming(node: Node) -> Node:
    if isinstance(node, Memory):
        return replace(node, stream=True)
    if isinstance(node, Branch):
        return replace(node, ways=tuple(tuple(_streaming(inner) for inner in way) for way in node.ways))
    assert isinstance(node, (Array, Compute))
    return node
