"""The dataflow graph of workloads: what is bound to what, distances, orders, cycles, and what is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

import sata
from sata.graph import Why, WorkloadGraph, dataflow, graph_of_workload
from sata.graph.parts import distance
from sata.specs import load
from sata.specs.text.faults import Faults

BITS = {"weight": 8, "spike": 1, "current": 16, "potential": 16, "weight_gradient": 8}
RANKS = {"ff": {"t": 5, "k": 4, "c": 3}, "rec": {"t": 5, "k": 4, "c": 4}, "fire": {"t": 5, "k": 4}}


def op(name: str, compute: str, ranks: dict[str, int], **more: Any) -> dict[str, Any]:
    """An op whose tensors are of a kind by their first letter. more: of the op, or `tensors` for what tensors say."""
    kinds = {"W": "weight", "V": "weight", "S": "spike", "X": "current", "U": "potential", "d": "weight_gradient"}
    names = re.findall(r"([A-Za-z_]+[0-9]*'*)\[", compute)
    said = more.pop("tensors", {})
    tensors = {n: {"kind": kinds.get(n[0], "current"), **said.get(n, {})} for n in names}
    return {
        "name": f"h.{name}",
        "layer": "h",
        "action": "a",
        "ranks": ranks,
        "compute": compute,
        "tensors": tensors,
        **more,
    }


FF = op("ff", "X[t,k] += W[k,c] * S[t,c]", RANKS["ff"])
FIRE = op("fire", "U[k], S'[t,k] = lif(X[t,k])", RANKS["fire"], sequential=["t"])


def rec() -> dict[str, Any]:
    tensors = {"X": {"initialised": True}, "S'": {"shape": [5, 4]}}
    return op("rec", "X[t,k] += V[k,c] * S'[t-1,c]", RANKS["rec"], tensors=tensors)


def graph(*ops: dict[str, Any]) -> tuple[WorkloadGraph, list[str]]:
    workload = load(workload={"workload": {"bits": BITS, "ops": list(ops)}}).workload
    assert workload is not None
    faults = Faults()
    return graph_of_workload(workload, faults), [f"{f.message}; {f.hint}" for f in faults]


def named(found: WorkloadGraph) -> list[str]:
    return [found.flow.ops[n].name.removeprefix("h.") for n in found.order.ops]


def test_a_recurrent_layer_is_a_cycle_over_time() -> None:
    found, faults = graph(FF, rec(), FIRE)
    assert faults == []
    assert named(found) == ["ff", "rec", "fire"]
    (cycle,) = found.order.cycles
    assert (cycle.ops, cycle.rank, cycle.direction) == ((1, 2), "t", "ascending")
    assert cycle.text == "h.rec -X-> h.fire -S'-> h.rec"
    assert found.workload.ops[1].sequential == {"t": "ascending"}  # derived: the op does not say it
    assert found.workload.ops[0].sequential == {}
    assert [v.name for v in found.flow.inputs] == ["h.W", "h.S", "h.V"]


def test_the_order_does_not_depend_on_how_ops_are_written() -> None:
    back = op("weight", "dV[k,c] += X[t,k] * S'[t-1,c]", RANKS["rec"], tensors={"S'": {"shape": [5, 4]}})
    found, faults = graph(back, FIRE, FF, rec())
    assert faults == []
    assert named(found) == ["ff", "rec", "fire", "weight"]


def test_backwards_in_time() -> None:
    """The backward pass of a recurrent layer: dS of the step after."""
    grad = op("gradient", "dU[t,k], G[k] = grad(dS[t,k])", RANKS["fire"], sequential={"t": "descending"})
    prod = op("back", "dS[t-1,c] += V[k,c] * dU[t,k]", RANKS["rec"], tensors={"dS": {"shape": [5, 4]}})
    found, faults = graph(grad, prod)
    assert faults == []
    assert found.order.cycles[0].direction == "descending"
    assert found.workload.ops[1].sequential == {"t": "descending"}
    _, faults = graph(grad, {**prod, "sequential": ["t"]})
    assert "runs descending along t, but 'h.back' says ascending" in faults[0]


@pytest.mark.parametrize(("index", "why"), [
    ("t,c", "a cycle without a step between: h.rec -X-> h.fire: same step, h.fire -S'-> h.rec: same step; "),
    ("c,t", "no step of t is fixed"),
    ("t+1,c", "runs descending along t, but 'h.fire' says ascending"),
])  # fmt: skip
def test_illegal_cycles(index: str, why: str) -> None:
    _, faults = graph(
        op("rec", f"X[t,k] += V[k,c] * S'[{index}]", RANKS["rec"], tensors={"S'": {"shape": [5, 4]}}), FIRE
    )
    assert len(faults) == 1
    assert why in faults[0]


def test_a_cycle_that_goes_both_ways_is_refused() -> None:
    ahead = op(
        "ahead",
        "X[t,k] += V[k,c] * S'[t+1,c]",
        RANKS["rec"],
        tensors={"X": {"initialised": True}, "S'": {"shape": [5, 4]}},
    )
    fire = {k: v for k, v in FIRE.items() if k != "sequential"}
    _, faults = graph(rec(), ahead, fire)
    assert "a cycle that goes both ways along t" in faults[0]


def test_an_op_that_reads_itself() -> None:
    own = {"S1": {"of": "h.S'", "shape": [5, 4]}}
    found, faults = graph(op("fire", "U[k], S'[t,k] = alif(X[t,k], S1[t-1,k])", RANKS["fire"], tensors=own))
    assert faults == []
    assert found.order.cycles[0].ops == (0,)
    _, faults = graph(op("fire", "U[k], S'[t,k] = alif(X[t,k], S1[t,k])", RANKS["fire"], tensors=own))
    assert "h.fire -S'-> h.fire: same step" in faults[0]


@pytest.mark.parametrize(("two", "why"), [
    (op("two", "X[t,k] += V[k,c] * S[t,c]", RANKS["rec"]), "'X' is not initialised"),
    (op("two", "X[t,k] = f(S2[t,k])", RANKS["fire"]), "neither both add to it nor make parts"),
    (op("two", "X[t,k+3] = f(S2[t,k])", RANKS["fire"]), "neither both add to it nor make parts"),
    (op("two", "X[t,k] = f(S2[t,k])", RANKS["fire"], tensors={"X": {"initialised": True}}), "neither both add"),
])  # fmt: skip
def test_two_makers(two: dict[str, Any], why: str) -> None:
    _, faults = graph(FF, two)
    assert len(faults) == 1
    assert why in faults[0]


@pytest.mark.parametrize("index", ["t,k+4", "t+5,k", "t,2*k+8"])
def test_disjoint_parts_are_no_two_makers(index: str) -> None:
    found, faults = graph(op("one", "X[t,k] = f(S[t,k])", RANKS["fire"]), op("two", f"X[{index}] = f(S2[t,k])", RANKS["fire"]),
                          op("all", "S3[t,k] = f(X[t,k])", RANKS["fire"]))  # fmt: skip
    assert faults == []
    assert [(e.source, e.target) for e in found.flow.edges] == [(0, 2)]  # the second part is read by nobody


def test_even_and_odd_elements_are_disjoint() -> None:
    _, faults = graph(
        op("one", "X[t,2*k] = f(S[t,k])", RANKS["fire"]), op("two", "X[t,2*k+1] = f(S2[t,k])", RANKS["fire"])
    )
    assert faults == []


def test_weights_are_read_before_their_update() -> None:
    update = op("update", "W[k,c] = sgd(dW[k,c])", {"k": 4, "c": 3}, tensors={"W": {"initialised": True}})
    weight = op("weight", "dW[k,c] += X[t,k] * S[t,c]", RANKS["ff"])
    found, faults = graph(FF, weight, update)
    assert faults == []
    assert [e.why for e in found.flow.edges if e.tensor == "W"] == [Why.OLD]
    assert named(found) == ["ff", "weight", "update"]


def test_what_a_later_stage_makes_anew_is_another_value() -> None:
    again = op("again", "X[t,k] += W[k,c] * S[t,c]", RANKS["ff"], stage="backward")
    fire = op("fire_again", "U[k], V[t,k] = lif(X[t,k])", RANKS["fire"], stage="backward", sequential=["t"])
    found, faults = graph(FF, FIRE, again, fire)
    assert faults == []
    assert [(e.source, e.target) for e in found.flow.edges if e.tensor == "X"] == [(0, 1), (2, 3)]


def test_densities_are_stated_once_or_alike() -> None:
    def two(maker: Any, reader: Any) -> list[str]:
        ops = op(
            "fire", "U[k], S'[t,k] = lif(X[t,k])", RANKS["fire"], tensors={"S'": {"density": maker} if maker else {}}
        )
        return graph(ops, op("z", "Z[t,k] = f(S'[t,k])", RANKS["fire"], tensors={"S'": {"density": reader}}))[1]

    assert (
        two(0.1, 0.1) == two([0.1] * 5, 0.1) == two({"model": "uniform", "density": 0.1}, 0.1) == two(None, 0.3) == []
    )
    assert "the density of 'S'' in 'h.z' is 0.3, but 'h.fire' states 0.1" in two(0.1, 0.3)[0]
    assert len(two([0.1, 0.1, 0.1, 0.1, 0.2], 0.1)) == 1


def test_of_names_tensors_of_other_layers() -> None:
    out = {
        **op("z", "Z[t,j] += W[j,i] * S[t,i]", {"t": 5, "j": 2, "i": 4}, tensors={"S": {"of": "h.S'"}}),
        "layer": "out",
        "name": "out.z",
    }
    found, faults = graph(FF, FIRE, out)
    assert faults == []
    assert [(e.source, e.target, e.taken.name) for e in found.flow.edges] == [(0, 1, "X"), (1, 2, "S")]
    out["tensors"]["S"]["of"] = "h.S''"
    assert "is of 'h.S''', which no op has; did you mean 'h.S''?" in graph(FF, FIRE, out)[1][0]


def test_merged_dimensions_keep_the_step() -> None:
    pool = op("pool", "S'[t,k,p] = f(X[t,k,p])", {"t": 5, "k": 2, "p": 3})
    flat = op(
        "z", "Z[t,j] += W[j,i] * S2[t-1,i]", {"t": 5, "j": 2, "i": 6}, tensors={"S2": {"of": "h.S'", "shape": [5, 6]}}
    )
    found, faults = graph(pool, flat)
    assert faults == []
    (edge,) = found.flow.edges
    ops = found.flow.ops
    assert distance(ops[0], edge.made, ops[1], edge.taken, "t") == 1
    assert distance(ops[0], edge.made, ops[1], edge.taken, "k") is None
    flat["tensors"]["S2"]["shape"] = [5, 7]
    assert "is 5x7, but 'h.pool' makes it as 5x2x3" in graph(pool, flat)[1][0]


def test_layers_are_bound_by_from() -> None:
    """What no op of the shipped networks makes is the input and the gradient of the loss; weights are there before."""
    for name, last in (("vgg5_cifar10", "fc5"), ("resnet19_cifar10", "fc2")):
        workload = load(workload=f"workloads/{name}.yaml").workload
        assert workload is not None
        flow = dataflow(workload.ops)
        assert [v.name for v in flow.inputs] == ["conv1.S", f"{last}.dU"]
        assert flow.unknown == ()


def test_networkx_is_left_alone_where_ops_are_in_order() -> None:
    code = (
        "import sys; from sata.specs import load; from sata.specs.text.faults import Faults; from sata.graph import *;"
        "w = load(workload='workloads/vgg5_cifar10.yaml').workload; graph_of_workload(w, Faults());"
        "assert 'networkx' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_check_says_it() -> None:
    ops = [op("rec", "X[t,k] += V[k,c] * S'[t,c]", RANKS["rec"]), FIRE]
    (fault,) = sata.check({"workload": {"bits": BITS, "ops": ops}})
    assert "h.fire -S'-> h.rec: same step" in fault.message
