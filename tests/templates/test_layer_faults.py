"""What is wrong with layers, said at its place: the whole line is pinned."""

from __future__ import annotations

import pytest

from .bad import FIRST, HEAD, faults_of


def layers(*lines: str) -> list[str]:
    """The faults of a workload with these layers; they start at line 7."""
    return faults_of(HEAD + "".join(f"  {line.strip()}\n" for line in lines))


LAYERS: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "kernel_too_large": (
        ("- {name: a, conv2d: {input: [4, 8, 8], out: 6, kernel: 11, padding: 1}}",),
        ["<text>:7:58: workload.layers[0].conv2d.kernel: a: the kernel 11 is larger than the padded input of 10 "
         "(8 + 2 * 1)"],
    ),
    "dilated_kernel_too_large": (
        ("- {name: a, conv2d: {input: [4, 8, 8], out: 6, kernel: 3, dilation: 4}}",),
        ["<text>:7:58: workload.layers[0].conv2d.kernel: a: the kernel 3 with dilation 4 reaches 9, "
         "which is more than the padded input of 8 (8 + 2 * 0)"],
    ),
    "pool_too_large": (
        (FIRST, "- {name: b, maxpool2d: 7}"),
        ["<text>:8:26: workload.layers[1].maxpool2d.kernel: b: the kernel 7 is larger than the padded input of "
         "6 (6 + 2 * 0)"],
    ),
    "pool_of_nothing": (
        (FIRST, "- {name: b, maxpool2d: {kernel: 2, padding: 2}}"),
        ["<text>:8:47: workload.layers[1].maxpool2d.padding: b: the padding 2 is more than half of the kernel 2: "
         "some windows would hold nothing"],
    ),
    "unknown_from": (
        (FIRST, "- {name: conv2, from: a, linear: 3}", "- {name: c, from: conv3, linear: 3}"),
        ["<text>:9:21: workload.layers[2].from: c: 'conv3' is not a layer; did you mean 'conv2'?"],
    ),
    "from_further_down": (
        ("- {name: a, from: b, linear: {input: 3, out: 3}}", "- {name: b, linear: 3}"),
        ["<text>:7:21: workload.layers[0].from: a: reads 'b', which stands further down; a layer reads those above it"],
    ),
    "from_itself": (
        (FIRST, "- {name: b, from: b, linear: 3}"),
        ["<text>:8:21: workload.layers[1].from: b: reads itself; a layer reads those above it"],
    ),
    "from_two": (
        (FIRST, "- {name: b, linear: 3}", "- {name: c, from: [a, b], linear: 3}"),
        ["<text>:9:21: workload.layers[2].from: c: linear reads one layer, not 2; an `add` layer sums several"],
    ),
    "add_shapes": (
        (FIRST, "- {name: b, conv2d: {out: 6, kernel: 3}}", "- {name: c, add: [a, b]}"),
        ["<text>:9:20: workload.layers[2].add: c: adds 'a' of the shape [6, 6, 6] and 'b' of the shape [6, 4, 4]"],
    ),
    "add_one": (
        (FIRST, "- {name: c, add: [a]}"),
        ["<text>:8:20: workload.layers[1].add: c: add needs the names of two layers or more, such as "
         "`from: [conv2, shortcut]`"],
    ),
    "add_twice": (
        (FIRST, "- {name: c, add: [a, a]}"),
        ["<text>:8:20: workload.layers[1].add: c: adds a layer to itself"],
    ),
    "add_both_ways": (
        (FIRST, "- {name: b, conv2d: {out: 6, kernel: 1}}", "- {name: c, from: [a, b], add: [a, b]}"),
        ["<text>:9:34: workload.layers[2].add: c: say `from: [a, b]` or `add: [a, b]`, not both"],
    ),
    "groups_of_inputs": (
        ("- {name: a, conv2d: {input: [4, 8, 8], out: 6, kernel: 3, groups: 3}}",),
        ["<text>:7:69: workload.layers[0].conv2d.groups: a: 3 groups do not divide 4 input channels"],
    ),
    "groups_of_outputs": (
        ("- {name: a, conv2d: {input: [4, 8, 8], out: 6, kernel: 3, groups: 4}}",),
        ["<text>:7:69: workload.layers[0].conv2d.groups: a: 4 groups do not divide 6 output channels"],
    ),
    "density_outside": (
        (FIRST.replace("}}", "}, density: {spike: 1.5}}"),),
        ["<text>:7:79: workload.layers[0].density.spike: the density is 1.5; it must be from 0 to 1"],
    ),
    "density_list_length": (
        (FIRST.replace("}}", "}, density: {spike: [0.1, 0.2, 0.3]}}"),),
        ["<text>:7:79: workload.layers[0].density.spike: 3 numbers for 2 time steps"],
    ),
    "density_of_weights_over_time": (
        (FIRST.replace("}}", "}, density: {weight: [0.1, 0.2]}}"),),
        ["<text>:7:80: workload.layers[0].density.weight: weights are the same at all time steps: "
         "one number is expected"],
    ),
    "density_of_unknown_kind": (
        (FIRST.replace("}}", "}, density: {spikes: 0.1}}"),),
        ["<text>:7:72: workload.layers[0].density.spikes: unknown kind 'spikes'; did you mean 'spike'?"],
    ),
    "density_of_the_wrong_input": (
        (FIRST, "- {name: b, avgpool2d: 2}", "- {name: c, linear: 3, density: {spike: 0.1}}"),
        ["<text>:9:5: workload.layers[2]: 'c' states the density of its input spikes, but its input is of the kind "
         "activation, which 'b' (avgpool2d) makes of spikes; for spikes again give the pool neurons (fires: true), or take "
         "maxpool2d, or say density: {activation: ...}"],
    ),
    "average_without_bits": (
        (FIRST, "- {name: b, avgpool2d: 2}", "- {name: c, linear: 3}"),
        ["<text>:8:5: workload.layers[1]: 'b' (avgpool2d) makes means of spikes, of the kind activation, which has no bits; "
         "for spikes again give the pool neurons (fires: true), or take maxpool2d, or write such as 'bits: {activation: 8}' "
         "in the workload"],
    ),
    "model_before_a_pool": (
        (FIRST, "- {name: b, from: a, maxpool2d: 2, density: {spike: {model: banded, band: 1, width: 2}}}",
         "- {name: c, linear: 3}"),
        ["<text>:8:55: workload.layers[1].density.spike: a density of the model 'banded' is of what goes into 'b'; what "
         "comes out does not follow from it and has to be stated too; in layer 'c': density: {spike: ...}"],
    ),
    "gradient_model_behind_a_pool": (
        (FIRST, "- {name: b, maxpool2d: 2, density: {spike_gradient: {model: banded, band: 1}}}", "- {name: c, linear: 3}"),
        ["<text>:8:55: workload.layers[1].density.spike_gradient: a density of the model 'banded' is of what comes back to "
         "'b'; what it sends on does not follow from it and has to be stated too; in layer 'a': density: "
         "{spike_gradient: ...}"],
    ),
    "densities_disagree": (
        (FIRST, "- {name: b, linear: 3, density: {spike: 0.1}}", "- {name: c, from: a, linear: 3, density: "
                                                                 "{spike: 0.2}}"),
        ["<text>:9:5: workload.layers[2]: 'b' and 'c' read the same spikes of 'a', but state the densities 0.1 "
         "and 0.2"],
    ),
    "duplicate_name": (
        (FIRST, "- {name: a, linear: 3}"),
        ["<text>:8:12: workload.layers[1].name: 'a' is a second layer of that name; ops and results are distinguished "
         "by it"],
    ),
    "name_of_the_input": (
        ("- {name: input, linear: {input: 3, out: 3}}",),
        ["<text>:7:12: workload.layers[0].name: 'input' is the network's input; give the layer another name"],
    ),
    "name_with_dots": (
        ("- {name: conv.1, linear: {input: 3, out: 3}}",),
        ["<text>:7:12: workload.layers[0].name: 'conv.1' is not a name for a layer; use letters, digits, '_' and '-', "
         "a letter first"],
    ),
    "no_input_shape": (
        ("- {name: a, conv2d: {out: 6, kernel: 3}}",),
        ["<text>:7:23: workload.layers[0].conv2d: a: the input shape is missing; say conv2d: {input: [C, H, W], ...}"],
    ),
    "no_input_shape_of_linear": (
        ("- {name: a, linear: 6}",),
        ["<text>:7:23: workload.layers[0].linear: a: the input shape is missing; say linear: {input: N, ...}"],
    ),
    "input_contradicts": (
        (FIRST, "- {name: b, conv2d: {input: [6, 8, 8], out: 6, kernel: 3}}"),
        ["<text>:8:31: workload.layers[1].conv2d.input: b: input says [6, 8, 8], but 'a' has the shape [6, 6, 6]; "
         "leave it out: the shape follows from the layers above"],
    ),
    "convolution_of_a_vector": (
        (FIRST, "- {name: b, linear: 3}", "- {name: c, conv2d: {out: 6, kernel: 3}}"),
        ["<text>:9:23: workload.layers[2].conv2d: c: conv2d needs an input [C, H, W], but 'b' has the shape [3]; "
         "a linear layer or a flattened tensor has no rows and columns left"],
    ),
    "no_type": (
        ("- {name: a}",),
        ["<text>:7:5: workload.layers[0]: a: a layer has one type, and this has none; "
         "types: conv2d, conv1d, linear, maxpool2d, avgpool2d, add"],
    ),
    "two_types": (
        ("- {name: a, linear: 3, maxpool2d: 2}",),
        ["<text>:7:5: workload.layers[0]: a: a layer has one type, not both linear and maxpool2d; "
         "types: conv2d, conv1d, linear, maxpool2d, avgpool2d, add"],
    ),
    "the_schema_goes_first": (
        ("- {name: a, conv2d: {input: [4, 8, 8], out: 6, kernel: 3, groups: 3}}", "- {name: b, linear: 3}",
         "- {name: c, form: b, linear: 3}", "- {name: a, linear: 3}"),
        ["<text>:9:15: workload.layers[2].form: unknown key 'form', expected one of: name, from, fires, "
         "density, conv2d, "
         "conv1d, linear, maxpool2d, avgpool2d, add; did you mean 'from'?"],
    ),
    "those_behind_a_fault_are_not_blamed": (
        ("- {name: a, conv2d: {input: [4, 8, 8], out: 6, kernel: 3, groups: 3}}", "- {name: b, linear: 3}",
         "- {name: c, from: e, linear: 3}", "- {name: d, from: a, linear: 3}"),
        ["<text>:7:69: workload.layers[0].conv2d.groups: a: 3 groups do not divide 4 input channels",
         "<text>:9:21: workload.layers[2].from: c: 'e' is not a layer"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_bad_layers(name: str) -> None:
    lines, expected = LAYERS[name]
    assert layers(*lines) == expected


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("kernel: -1", "must be at least 1"),
        ("kernel: 3, stride: 0", "must be at least 1"),
        ("kernel: 3, padding: -1", "must be at least 0"),
        ("kernel: three", "a whole number"),
        ("kernle: 3", "did you mean 'kernel'?"),
    ],
)
def test_bad_settings_are_found_by_the_schema(body: str, said: str) -> None:
    found = layers(f"- {{name: a, conv2d: {{input: [4, 8, 8], out: 6, {body}}}}}")
    assert found and said in " ".join(found)
