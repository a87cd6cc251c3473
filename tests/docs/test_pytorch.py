"""docs/coming_from_pytorch.md: what needs PyTorch there is at least Python, and the recorder works on a stand-in of it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sata

from .pages import ROOT, blocks, excused, outputs

PAGE = (ROOT / "docs/coming_from_pytorch.md").read_text(encoding="utf-8")
CODE = [block for block in blocks(PAGE) if block.language == "python"]


class Handle:
    def __init__(self, hooks: list[Any], hook: Any) -> None:
        self.hooks, self.hook = hooks, hook

    def remove(self) -> None:
        self.hooks.remove(self.hook)


class Tensor:
    """As much of torch.Tensor as the recorder uses."""

    def __init__(self, values: np.ndarray[Any, Any]) -> None:
        self.values = values

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> np.ndarray[Any, Any]:
        return self.values


class Layer:
    """As much of torch.nn.Module: forward hooks are called with (module, inputs as a tuple, output)."""

    def __init__(self) -> None:
        self.hooks: list[Callable[[Layer, tuple[Tensor], Tensor], None]] = []

    def register_forward_hook(self, hook: Callable[[Layer, tuple[Tensor], Tensor], None]) -> Handle:
        self.hooks.append(hook)
        return Handle(self.hooks, hook)

    def __call__(self, x: Tensor) -> Tensor:
        for hook in self.hooks:
            hook(self, (x,), x)
        return x


class Model:
    def __init__(self) -> None:
        self.layers = {"": Layer(), "conv1": Layer(), "conv2": Layer()}

    def named_modules(self) -> list[tuple[str, Layer]]:
        return list(self.layers.items())


@pytest.mark.parametrize("number", range(len(CODE)))
def test_is_python(number: int) -> None:
    ast.parse(CODE[number].text)


def test_only_the_script_that_needs_pytorch_is_not_run() -> None:
    left_out = [block for block in CODE if excused(PAGE, block)]
    assert len(left_out) == 1
    assert "import torch" in left_out[0].text


def test_the_recorder_keeps_what_layers_read(tmp_path: Path) -> None:
    scope: dict[str, Any] = {}
    exec(next(block.text for block in CODE if "class Recorder" in block.text), scope)
    model, rng = Model(), np.random.default_rng(1)
    recorder = scope["Recorder"](model, ["conv1", "conv2"])
    given = [(rng.random((2, 3, 4, 4)) < 0.3, rng.random((2, 8)) < 0.1) for _ in range(5)]
    for one, two in given:
        model.layers["conv1"](Tensor(one.astype(np.float32)))
        model.layers["conv2"](Tensor(two.astype(np.float32) * 0.5))
    recorder.save(tmp_path / "spikes.npz")
    recorder.remove()
    assert all(layer.hooks == [] for layer in model.layers.values())
    with np.load(tmp_path / "spikes.npz", allow_pickle=False) as file:
        assert {name: (file[name].shape, file[name].dtype) for name in file.files} == {
            "conv1": ((5, 2, 3, 4, 4), np.uint8),
            "conv2": ((5, 2, 8), np.uint8),
        }
        assert np.array_equal(file["conv1"], np.stack([one for one, _ in given]))
        assert np.array_equal(file["conv2"], np.stack([two for _, two in given]))


def test_the_workload_says_what_was_measured(tmp_path: Path) -> None:
    """The densities that the page prints are those of its workload file."""
    printed = "".join(text for _, text in outputs(PAGE, tmp_path) if text.startswith("conv1:"))
    measured = {
        line.split(":")[0]: ast.literal_eval(line.split("spike: ")[1].split("}")[0]) for line in printed.splitlines()
    }
    made = sata.evaluate("arch/sata.yaml", str(tmp_path / "net.yaml"), "mappings/sata.yaml")
    assert made.ops
    text = (tmp_path / "net.yaml").read_text(encoding="utf-8")
    assert len(measured) == 3
    assert all(str(steps) in text for steps in measured.values())
