"""`arch:` -> values. What is refused is in tests/bad."""

from __future__ import annotations

from sata.specs import load
from sata.specs.model import Arch, Array, Branch, Compute, Memory

TEXT = """\
arch:
  name: two_ways
  technology: 32 nm
  clock: 400 MHz
  libraries: [sata_32nm]
  nodes:
  - memory: DRAM
    class: dram
    bandwidth: {read: 16 B/cycle, write: 8 B/cycle}
  - memory: GLB
    class: sram
    size: 144 KiB
    width: 64 b
    buffers: 2
    packed: false
    keep: [weight]
    may_keep: [spike]
    format: {spike: bitmask}
    skip: {weight: [spike, current], current: spike}
    gate: {either: [weight, spike]}
    attributes: {banks: 4}
  - branch:
    - - array: PEs
        shape: {x: 128, y: 2}
        multicast: element
        reduce: true
        hop: noc
      - compute: PE
        class: mac
        gate: [spike]
    - - compute: PGU
        class: pgu
        skip: [surrogate]
"""


def parse(text: str) -> Arch:
    arch = load(text).arch
    assert arch is not None
    return arch


def test_values_and_units() -> None:
    arch = parse(TEXT)
    assert (arch.name, arch.technology_nm, arch.clock_hz, arch.libraries) == ("two_ways", 32.0, 4e8, ("sata_32nm",))
    dram, glb, branch = arch.nodes
    assert isinstance(dram, Memory)
    assert (dram.size_bits, dram.keep, dram.may_keep, dram.packed, dram.buffers) == (None, None, None, True, 1)
    assert (dram.bandwidth.read_bits, dram.bandwidth.write_bits, dram.bandwidth.shared) == (128.0, 64.0, False)
    assert isinstance(glb, Memory)
    assert (glb.size_bits, glb.width_bits, glb.buffers, glb.packed) == (1179648, 64, 2, False)
    assert (glb.keep, glb.may_keep, glb.attributes, {k: f.text() for k, f in glb.format.items()}) == (
        ("weight",), ("spike",), {"banks": 4}, {"spike": "bitmask"})  # fmt: skip
    assert isinstance(branch, Branch)
    array, compute = branch.ways[0]
    assert isinstance(array, Array)
    assert (dict(array.shape), array.multicast, array.reduce, array.hop) == ({"x": 128, "y": 2}, "element", True, "noc")
    assert isinstance(compute, Compute)
    assert compute.gate == {"": ("spike",)}


def test_gates_of_some_actions() -> None:
    text = TEXT.replace("gate: [spike]", "gate: {accumulate: [spike], fire: [weight]}\n        skip: [current]")
    compute = next(n for way in parse(text).ways() for n in way if isinstance(n, Compute))
    assert (compute.gates("accumulate"), compute.gates("fire"), compute.gates("update")) == (
        ("spike",),
        ("weight",),
        (),
    )
    assert compute.skips("accumulate") == ("current",)


def test_rules() -> None:
    glb = parse(TEXT).nodes[1]
    assert isinstance(glb, Memory)
    assert [(r.effect, r.follower, r.leaders, r.either) for r in glb.rules] == [
        ("skip", "weight", ("spike", "current"), False),
        ("skip", "current", ("spike",), False),
        ("gate", "", ("weight", "spike"), True),
    ]


def test_ways_down() -> None:
    names = [[node.name for node in way] for way in parse(TEXT).ways()]
    assert names == [["DRAM", "GLB", "PEs", "PE"], ["DRAM", "GLB", "PGU"]]


def test_places_point_at_names() -> None:
    glb = parse(TEXT).nodes[1]
    assert (glb.where.line, glb.where.column) == (10, 13)


def test_shape_from_an_expression() -> None:
    text = 'variables: {n: 16}\narch:\n  nodes:\n  - {memory: A, class: b}\n' \
           '  - {array: P, shape: {x: "{{ n / 2 }}"}}\n  - {compute: C, class: m}\n'  # fmt: skip
    array = parse(text).nodes[1]
    assert isinstance(array, Array)
    assert array.shape == {"x": 8}
