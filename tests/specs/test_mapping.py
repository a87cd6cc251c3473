"""`mapping:` -> values. What is refused is in tests/bad."""

from __future__ import annotations

from sata.specs import load
from sata.specs.model import MapArray, MapCompute, MapLoops, MapMemory, MappingSpec, MapSplit

TEXT = """\
mapping:
- ops: "fc*.weight"
  nest:
  - memory: DRAM
    keep: [weight, S']
  - memory: GLB
    keep: []
  - memory: spad
  - for: k *, t 2
  - array: PEs
    x: k 32, c 4
    y: ["p 2", "q *"]
  - for: ["c *", 'r 3, s *']
  - compute: PE
- ops: ["a.*", "b"]
  nest:
  - for: t *
  - split:
    - - for: c *
      - compute: PE
    - - for: c *
      - compute: PE
- {ops: "pool*", omit: "not counted"}
"""


def parse(text: str) -> MappingSpec:
    mapping = load(mapping=text).mapping
    assert mapping is not None
    return mapping


def test_entries() -> None:
    single, fused, omitted = parse(TEXT).entries
    assert (single.patterns, single.fused, single.omit) == (("fc*.weight",), False, None)
    assert (fused.patterns, fused.fused) == (("a.*", "b"), True)
    assert (omitted.omit, omitted.nest) == ("not counted", ())


def test_nodes() -> None:
    dram, glb, spad, loops, array, inner, compute = parse(TEXT).entries[0].nest
    assert isinstance(dram, MapMemory)
    assert isinstance(glb, MapMemory)
    assert isinstance(spad, MapMemory)
    assert (dram.keep, glb.keep, spad.keep) == (("weight", "S'"), (), None)
    assert isinstance(loops, MapLoops)
    assert [(loop.rank, loop.factor, loop.axis) for loop in loops.loops] == [("k", None, None), ("t", 2, None)]
    assert isinstance(array, MapArray)
    assert [(loop.rank, loop.factor, loop.axis) for loop in array.loops] == [
        ("k", 32, "x"), ("c", 4, "x"), ("p", 2, "y"), ("q", None, "y")]  # fmt: skip
    assert isinstance(inner, MapLoops)
    assert [(loop.rank, loop.factor) for loop in inner.loops] == [("c", None), ("r", 3), ("s", None)]
    assert isinstance(compute, MapCompute)


def test_every_loop_knows_its_column() -> None:
    lines = TEXT.splitlines()
    for node in parse(TEXT).entries[0].nest:
        for loop in node.loops if isinstance(node, (MapLoops, MapArray)) else ():
            assert lines[loop.where.line - 1][loop.where.column - 1] == loop.rank


def test_split_ways_do_not_see_each_other() -> None:
    """`c *` in both ways is one star each."""
    split = parse(TEXT).entries[1].nest[1]
    assert isinstance(split, MapSplit)
    assert [len(way) for way in split.ways] == [2, 2]
