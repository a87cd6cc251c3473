"""From specs to nests and graphs: which entry an op takes, factors, homes, fusion, structures."""

from __future__ import annotations

from typing import Any

import networkx as nx
import pytest

from sata.evaluation import Prepared, prepare
from sata.nest.graph import graph_of, path_to, structure_of
from sata.nest.model import BoundLoop, NestLevel
from sata.nest.structure import TEMPORAL
from sata.specs.text.faults import SpecError

ARCH = """
arch:
  name: small
  libraries: [relative]
  nodes:
  - {memory: DRAM, class: dram}
  - {memory: GLB, class: sram}
  - {array: PEs, shape: {x: 4, y: 2}}
  - {memory: spad, class: regfile}
  - {compute: PE, class: sata_pe}
"""

WORKLOAD = """
workload:
  name: two_layers
  timesteps: 3
  template: lif_inference
  bits: {weight: 8, spike: 1, current: 16, potential: 8}
  layers:
  - {name: conv1, conv2d: {input: [2, 6, 6], out: 5, kernel: 3, padding: 1}}
  - {name: fc2, linear: 7}
  - {name: fc3, linear: 3, fires: false}
"""

FUSED = """
- ops: ["conv*.forward", "conv*.fire"]
  nest:
  - {memory: DRAM, bypass: [X]}
  - for: k *, p *
  - {memory: GLB, bypass: [X]}
  - {array: PEs, x: k 4}
  - for: q *
  - {memory: spad, keep: [X]}
  - split:
    - - for: t *, c *, r *, s *
      - compute: PE
    - - for: t *
      - compute: PE
"""
REST = """
- ops: "*"
  nest:
  - memory: DRAM
  - for: k *, c *, p *, q *, r *, s *
  - {array: PEs, x: k 4}
  - for: t *
  - compute: PE
"""


def prepared(mapping: str = FUSED + REST, workload: str = WORKLOAD, arch: str = ARCH, **options: Any) -> Prepared:
    return prepare(arch, workload, "mapping:" + mapping, **options)


def test_first_entry_wins_and_groups_start_in_the_order_of_ops() -> None:
    program = prepared().program
    assert [g.name for g in program.groups] == ["conv1.forward+conv1.fire", "fc2.forward", "fc2.fire", "fc3.forward"]


def test_a_fused_entry_needs_an_op_for_each_pattern() -> None:
    """fc3 has no fire: the fused entry passes it by, the next one takes it."""
    fused = FUSED.replace('"conv*.forward", "conv*.fire"', '"*.forward", "*.fire"')
    assert [g.name for g in prepared(fused + REST).program.groups] == [
        "conv1.forward+conv1.fire",
        "fc2.forward+fc2.fire",
        "fc3.forward",
    ]


def test_only_asks_the_bounds_of_the_layer() -> None:
    fused = FUSED.replace('"conv*.forward", "conv*.fire"]', '"*.forward", "*.fire"]\n  only: {c: ..2, p: 2..}')
    names = [g.name for g in prepared(fused + REST).program.groups]
    assert names == ["conv1.forward+conv1.fire", "fc2.forward", "fc2.fire", "fc3.forward"]


def test_omitted_ops_are_listed_with_their_reason() -> None:
    program = prepared('\n- {ops: "fc*", omit: not today}' + REST).program
    assert [(o.op, o.why) for o in program.omitted] == [
        (n, "not today") for n in ("fc2.forward", "fc2.fire", "fc3.forward")
    ]


def test_ragged_and_starred_factors() -> None:
    """k 5 on 4 lanes: two passes. Loops of one over ranks that an op lacks are left out."""
    nest = prepared(REST).program.groups[0].nests[0]
    assert [(lo.rank, lo.factor, lo.stride, lo.axis) for lo in nest.loops] == [
        ("k", 2, 4, None), ("c", 2, 1, None), ("p", 6, 1, None), ("q", 6, 1, None), ("r", 3, 1, None), ("s", 3, 1, None),
        ("k", 4, 1, "x"), ("t", 3, 1, None),
    ]  # fmt: skip
    fire = prepared(REST).program.groups[1].nests[0]
    assert [lo.rank for lo in fire.loops] == ["k", "p", "q", "k", "t"]


def test_lanes_beyond_the_bound_do_not_exist() -> None:
    fc3 = prepared(REST).program.groups[-1].nests[0]
    spatial = [lo for lo in fc3.loops if lo.axis]
    assert [(lo.rank, lo.factor) for lo in spatial] == [("k", 4)]  # outer k 1: stride 4, ragged
    alone = REST.replace("k *, c *", "c *")
    fc3 = prepared('\n- {ops: "[cf][oc][n2]*", omit: no}' + alone).program.groups[-1].nests[0]
    assert [(lo.rank, lo.factor) for lo in fc3.loops if lo.axis] == [("k", 3)]


def test_what_passes_between_fused_ops_has_its_home_further_in() -> None:
    forward, fire = prepared().program.groups[0].nests
    assert forward.chains["X"] == fire.chains["X"] == ("spad",)
    assert forward.chains["W"] == ("DRAM", "GLB")
    assert forward.shared == fire.shared
    assert [type(i).__name__ for i in forward.items[: forward.shared]] == [
        type(i).__name__ for i in fire.items[: fire.shared]
    ]


def test_the_graph_has_shared_nodes_once_and_a_branch_for_each_op() -> None:
    group = prepared().program.groups[0]
    graph = graph_of(group)
    inside = nx.DiGraph((a, b) for a, b, d in graph.edges(data=True) if d["kind"] == "inside")
    assert nx.is_tree(inside)
    ends = [n for n in inside if inside.out_degree(n) == 0]
    assert [graph.nodes[n]["op"] for n in ends] == ["conv1.forward", "conv1.fire"]
    fork = [n for n in inside if inside.out_degree(n) > 1]
    assert len(fork) == 1
    assert isinstance(graph.nodes[fork[0]]["item"], NestLevel)
    assert graph.nodes[fork[0]]["item"].memory.name == "spad"
    links = {(d["op"], d["tensor"]) for *_, d in graph.edges(data=True) if d["kind"] == "link"}
    assert ("conv1.forward", "X") in links
    assert ("conv1.fire", "X") in links


def test_links_follow_the_chain_of_every_tensor() -> None:
    group = prepared().program.groups[0]
    graph = graph_of(group)
    for nest in group.nests:
        path = path_to(graph, nest.op.name)
        for tensor, chain in nest.chains.items():
            edges = [
                (a, b)
                for a, b, d in graph.edges(data=True)
                if d["kind"] == "link" and (d["op"], d["tensor"]) == (nest.op.name, tensor)
            ]
            names = [graph.nodes[a]["item"].memory.name for a, _ in edges]
            assert tuple(names) == chain
            assert edges[-1][1] == path[-1]


def test_the_structure_has_numbers_for_names() -> None:
    group = prepared().program.groups[0]
    structure, factors = structure_of(group.nests[0])
    op = group.nests[0].op
    assert structure.bounds == tuple(op.ranks.values())
    loops = [i for i in group.nests[0].items if isinstance(i, BoundLoop)]
    assert factors == tuple(lo.factor for lo in loops)
    assert [s.array != TEMPORAL for s in structure.slots] == [lo.axis is not None for lo in loops]
    assert structure.depths == (0, 2, 4)
    assert structure.computes == 3 * 5 * 2 * 6 * 6 * 3 * 3


def test_a_descending_rank_is_turned_round() -> None:
    """dU[t] of a backward pass: index 0 of its loop is the last time step."""
    text = """
workload:
  name: back
  timesteps: 4
  bits: {potential_gradient: 8}
  ops:
  - name: l.gradient
    action: fire
    sequential: {t: descending}
    ranks: {t: 4, k: 2}
    compute: "B[t,k], G[k] = f(A[t,k])"
    tensors: {A: {kind: potential_gradient}, B: {kind: potential_gradient}, G: {kind: potential_gradient}}
"""
    group = prepared('\n- {ops: "*", nest: [{memory: DRAM}, {for: "k *, t *"}, {compute: PE}]}', text).program.groups[0]
    structure, _ = structure_of(group.nests[0])
    axis = structure.operands[0].axes[0]
    assert (axis.coefs, axis.offset, axis.size) == ((-1,), 3, 4)


def test_a_state_may_rest_where_no_loop_over_time_is_above() -> None:
    nest = "\n- {ops: 'fc2.fire', nest: [{memory: DRAM, bypass: [U]}, {for: 'k *'}, {memory: spad, keep: [U]}, {for: 't *'}, {compute: PE}]}"
    group = next(g for g in prepared(nest + REST).program.groups if g.name == "fc2.fire")
    assert group.nests[0].chains["U"] == ("spad",)
    with pytest.raises(SpecError, match="the home of potential 'U' of 'fc2.fire' would be spad"):
        prepared(nest.replace("{for: 'k *'}", "{for: 'k *, t *'}").replace("{for: 't *'}, ", "") + REST)


def test_only_some_ops() -> None:
    program = prepared(ops="conv1.*").program
    assert [g.name for g in program.groups] == ["conv1.forward+conv1.fire"]
    assert program.unselected == ("fc2.forward", "fc2.fire", "fc3.forward")


def test_a_star_on_an_axis_takes_no_more_than_it_has() -> None:
    nest = REST.replace("k *, c *", "c *").replace("x: k 4", "x: k *")
    omit = '\n- {ops: "[cf][oc][n2]*", omit: no}'
    assert [lo.factor for lo in prepared(omit + nest).program.groups[0].nests[0].loops if lo.axis] == [3]
    with pytest.raises(
        SpecError, match="'conv1.forward' would use 5 instances along axis x of array 'PEs', which has 4"
    ):
        prepared(nest)
