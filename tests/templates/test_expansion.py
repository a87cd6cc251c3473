"""What the shipped templates and workloads expand to: op lists, shapes, densities, counts of operations and weights."""

from __future__ import annotations

import time
from math import prod
from pathlib import Path
from typing import Any

import pytest

from sata.specs.model import Workload
from sata.specs.text import source
from sata.specs.text.faults import Faults
from sata.specs.workload.template_file import load_template, shipped_templates
from sata.specs.workload.templates import expand
from sata.specs.workload.workload import parse_workload

from .network import workload

SHIPPED = Path(__file__).resolve().parents[2] / "workloads"
TEMPLATED = sorted(path.name for path in SHIPPED.glob("*.yaml") if "layers:" in path.read_text())


def load(name: str, **variables: Any) -> Workload:
    doc = source.read(str(SHIPPED / name), variables=variables)
    faults = Faults()
    parsed = parse_workload(doc, faults)
    faults.check()
    assert parsed is not None
    return parsed


def macs(work: Workload, op: str = "forward") -> dict[str, int]:
    """Multiply-accumulates of each layer with weights, per time step."""
    found = (o for o in work.ops if o.name.endswith(f".{op}") and any(t.name in ("W", "dW") for t in o.tensors))
    return {o.layer: prod(o.ranks.values()) // o.ranks["t"] for o in found}


def weights(work: Workload) -> int:
    forward = (o for o in work.ops if o.name.endswith(".forward"))
    return sum(prod(d.size for d in t.dims) for o in forward for t in o.tensors if t.name == "W")


def test_vgg5_is_the_network_of_the_paper() -> None:
    """sata.md section 5.1 (layers of SATA_Sim)."""
    work = load("vgg5_cifar10.yaml")
    per_step = {"conv1": 1769472, "conv2": 18874368, "conv3": 37748736, "fc4": 8388608, "fc5": 10240}
    assert macs(work) == macs(work, "weight") == per_step
    assert macs(work, "backward") == {name: n for name, n in reversed(per_step.items()) if name != "conv1"}
    assert weights(work) == 8621760


def test_vgg5_op_list() -> None:
    forward = ["conv1.forward", "conv1.fire", "pool1.forward", "conv2.forward", "conv2.fire", "conv3.forward",
               "conv3.fire", "pool2.forward", "fc4.forward", "fc4.fire", "fc5.forward"]  # fmt: skip
    back = ["fc5.backward", "fc5.weight", "fc5.update", "fc4.gradient", "fc4.backward", "fc4.weight", "fc4.update",
            "pool2.backward", "conv3.gradient", "conv3.backward", "conv3.weight", "conv3.update", "conv2.gradient",
            "conv2.backward", "conv2.weight", "conv2.update", "pool1.backward", "conv1.gradient", "conv1.weight",
            "conv1.update"]  # fmt: skip
    work = load("vgg5_cifar10.yaml")
    assert [op.name for op in work.ops] == forward + back
    assert {op.stage for op in work.ops} == {"forward", "backward", "weight_gradient"}
    actions = {"accumulate", "multiply_accumulate", "fire", "gradient", "update", "max", "route"}
    assert {op.action for op in work.ops} == actions
    assert [op.name for op in load("vgg5_cifar10.yaml", template="lif_inference").ops] == forward
    assert [op.name for op in load("vgg5_cifar10.yaml", template="ann_training").ops] == forward + back
    assert [op.name for op in load("vgg5_cifar10.yaml", template="qnn_inference").ops] == forward


def test_densities_reach_their_tensors() -> None:
    ops = {op.name: op for op in load("vgg5_cifar10.yaml").ops}
    table = {"conv1": 0.565, "conv2": 0.142, "conv3": 0.084, "fc4": 0.016, "fc5": 0.1}
    for layer, density in table.items():
        assert ops[f"{layer}.forward"].tensor("S").density == ops[f"{layer}.weight"].tensor("S").density == density
        assert ops[f"{layer}.weight"].tensor("dU").density == 0.186
    assert ops["conv2.fire"].tensor("S'").density == 0.084  # what conv3 reads
    assert ops["pool1.forward"].tensor("S'").density == 0.142  # what conv2 reads
    before = ops["pool1.forward"].tensor("S").density
    assert before == ops["conv1.fire"].tensor("S'").density == pytest.approx(1 - (1 - 0.142) ** 0.25)
    assert ops["conv1.gradient"].tensor("H'").density == 0.4
    assert ops["conv1.gradient"].tensor("dS'").density == 0.25  # one of the four of a window
    assert ops["conv2.gradient"].tensor("dS'").density is None


def test_densities_per_time_step() -> None:
    layers = [{"name": "a", "conv2d": {"input": [1, 4, 4], "out": 2, "kernel": 3}, "density": {"spike": [0.5, 0.25]}},
              {"name": "b", "linear": 3, "density": {"potential_gradient": [0.1, 0.9]}}]  # fmt: skip
    ops = {op.name: op for op in workload(layers, 2).ops}
    assert ops["a.weight"].tensor("S").density == (0.5, 0.25)
    assert ops["b.backward"].tensor("dU").density == (0.1, 0.9)


def test_kept_of_vgg5() -> None:
    """S' of every layer at 1 bit and V of every firing layer at 8 bits, 8 steps; the input once."""
    neurons = {"conv1": 64 * 32 * 32, "conv2": 128 * 16 * 16, "conv3": 128 * 16 * 16, "fc4": 1024}
    pools = {"pool1": 64 * 16 * 16, "pool2": 128 * 8 * 8}
    work = load("vgg5_cifar10.yaml")
    assert {k.layer: k.bits for k in work.kept if k.tensor == "V"} == {name: 8 * 8 * n for name, n in neurons.items()}
    assert {k.layer: k.bits for k in work.kept if k.tensor == "S'"} == {n: 8 * x for n, x in (neurons | pools).items()}
    assert {k.layer: k.bits for k in work.kept if k.tensor == "S"} == {"conv1": 8 * 3 * 32 * 32}
    assert load("vgg5_cifar10.yaml", template="lif_inference").kept == ()


@pytest.mark.parametrize(
    ("name", "variables", "per_step", "parameters"),
    [
        ("vgg9_cifar10.yaml", {}, 158017536, 6397632),
        ("vgg16_cifar10.yaml", {}, 313201664, 14715584),  # 313.2 M: VGG16 of CIFAR-10 with one linear layer
        ("resnet19_cifar10.yaml", {}, 555551232, 12619968),
        ("resnet19_cifar10.yaml", {"first_stride": 1}, 2216495616, 12619968),  # tdBN: 12.63 M with batch normalisation
        ("vggsnn_cifar10dvs.yaml", {}, 1361608704 + 46080, 9263232),
        ("nmnist_small.yaml", {}, 540000 + 2323200 + 16000, 600 + 19200 + 16000),
    ],
)
def test_totals(name: str, variables: dict[str, Any], per_step: int, parameters: int) -> None:
    work = load(name, **variables)
    assert sum(macs(work).values()) == per_step
    assert weights(work) == parameters


@pytest.mark.parametrize("name", TEMPLATED)
@pytest.mark.parametrize("template", shipped_templates())
def test_every_workload_expands_under_every_template(name: str, template: str) -> None:
    work = load(name, template=template)
    names = [op.name for op in work.ops]
    assert len(set(names)) == len(names)
    assert work.timesteps == (1 if template.startswith(("ann", "qnn")) else load(name).timesteps)
    assert all(op.ranks["t"] == work.timesteps for op in work.ops if "t" in op.ranks)
    assert {t.kind for op in work.ops for t in op.tensors if not t.local} <= work.bits.keys()


def test_activations_of_the_quantised_twin_count_spikes() -> None:
    """ceil(log2(T + 1)) bits: 8 steps give 0 to 8 spikes, 4 bits."""
    assert load("vgg5_cifar10.yaml", template="qnn_inference").bits["activation"] == 4
    assert load("vgg5_cifar10.yaml", template="ann_inference").bits["activation"] == 8


def test_resnet_sums_its_branches() -> None:
    ops = {op.name: op for op in load("resnet19_cifar10.yaml").ops}
    assert ops["block1_1.forward"].compute == "X[t,k,p,q] = add(S1[t,k,p,q], S2[t,k,p,q])"
    assert [t.kind for t in ops["block1_1.forward"].tensors] == ["current", "current", "current"]
    assert [t.kind for t in ops["block1_2.forward"].tensors] == ["current", "spike", "current"]  # identity: spikes
    assert [t.kind for t in ops["block1_1.sum"].tensors] == ["spike_gradient", "potential_gradient", "spike_gradient"]
    assert ops["block1_1_s.backward"].ranks == {"t": 4, "k": 128, "c": 64, "p": 16, "q": 16, "r": 1, "s": 1}
    assert "conv1.backward" not in ops and "conv1.gradient" in ops
    assert ops["conv1.forward"].action == "multiply_accumulate"  # analogue image
    assert ops["fc1.forward"].action == "multiply_accumulate"  # averaged spikes
    assert ops["fc2.forward"].action == "accumulate"


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        ({"out": 8, "kernel": 3}, (8, 30, 30)),
        ({"out": 8, "kernel": 3, "padding": 1}, (8, 32, 32)),
        ({"out": 8, "kernel": 3, "stride": 2, "padding": 1}, (8, 16, 16)),
        ({"out": 8, "kernel": 3, "dilation": 2}, (8, 28, 28)),
        ({"out": 8, "kernel": [5, 1], "stride": [2, 3]}, (8, 14, 11)),
        ({"out": 8, "kernel": 7, "stride": 4, "padding": 3, "dilation": 2, "groups": 4}, (8, 7, 7)),
        ({"out": 8, "kernel": 32}, (8, 1, 1)),
    ],
)
def test_shapes_are_those_of_pytorch(body: dict[str, Any], shape: tuple[int, ...]) -> None:
    """Expected values: torch.nn.Conv2d's documented formula, by hand."""
    work = workload([{"name": "a", "conv2d": {"input": [4, 32, 32], **body}}], 1, "lif_inference")
    ranks = work.ops[0].ranks
    assert (ranks.get("g", 1) * ranks["k"], ranks["p"], ranks["q"]) == shape


def test_optimizers() -> None:
    layers = [{"name": "a", "linear": {"input": 4, "out": 2}}]
    computes = {
        "sgd": "W[k,c] = sgd(dW[k,c])",
        "momentum": "W[k,c], M[k,c] = momentum(dW[k,c])",
        "adam": "W[k,c], M[k,c], N[k,c] = adam(dW[k,c])",
    }
    for optimizer, compute in computes.items():
        op = workload(layers, 1, optimizer=optimizer).ops[-1]
        assert (op.name, op.action, op.compute) == ("a.update", "update", compute)
        assert all(t.initialised for t in op.tensors if t.role == "output")


def test_templates_say_what_they_are() -> None:
    assert shipped_templates() == ("ann_inference", "ann_training", "lif_bptt", "lif_inference", "qnn_inference")
    for name in shipped_templates():
        header = load_template(name, Path()).header
        assert header.about
        assert all(option.about for option in header.options.values())


def test_expansion_is_fast() -> None:
    """ResNet-19, 141 ops: 30 ms here; the bound leaves room for slow machines."""
    doc = source.read(str(SHIPPED / "resnet19_cifar10.yaml"))
    expand(doc, Faults())
    start = time.process_time()
    assert expand(doc, Faults()) is not None
    assert time.process_time() - start < 0.3
