"""What a template asks of an architecture: the ops that it makes of each type of layer, and their actions.

Found by making the ops of a small network that has every type of layer, for every value of every option.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sata.specs.text.faults import Faults
from sata.specs.text.source import read
from sata.specs.workload.kinds import KINDS
from sata.specs.workload.shapes import TYPES
from sata.specs.workload.template_file import Header, load_template
from sata.specs.workload.templates import expand

_NETWORK: tuple[Mapping[str, Any], ...] = (
    {"name": "conv", "conv2d": {"input": [2, 8, 8], "out": 2, "kernel": 3, "padding": 1}},
    {"name": "branch", "from": "conv", "conv2d": {"out": 2, "kernel": 1}},
    {"name": "sum", "add": ["conv", "branch"]},
    {"name": "fires", "from": "branch", "conv2d": {"out": 2, "kernel": 1}},
    {"name": "most", "maxpool2d": 2},
    {"name": "deep", "conv2d": {"out": 2, "kernel": 1}},
    {"name": "mean", "avgpool2d": 2},
    {"name": "both", "add": ["mean", "short"]},
    {"name": "full", "from": "both", "linear": 4},
    {"name": "out", "linear": 2, "fires": False},
)
_SHORT = {"name": "short", "from": "sum", "avgpool2d": {"kernel": 4, "stride": 4}}


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """Ops of one name: their stage, the action that each asks of its compute, the types of layers that have them.

    `option`: `name: value` of the option without which there are none; empty where they are there by default.
    """

    op: str
    stage: str
    action: str
    layers: tuple[str, ...]
    option: str = ""


def template_requests(template: str, base: Path = Path()) -> tuple[Header, tuple[ActionRequest, ...]]:
    """What a template offers, and what it asks for. template: a shipped one's name, or a file relative to `base`.

    Raises: SpecError where there is no such template, or where it fails.
    """
    header = load_template(template, base).header
    found: dict[tuple[str, str, str], tuple[list[str], str]] = {}
    for option, options in _choices(header):
        for op, stage, action, layer in _ops(template, header, options):
            layers, _ = found.setdefault((op, stage, action), ([], option))
            layers += [layer] if layer not in layers else []
    return header, tuple(ActionRequest(*key, tuple(t for t in TYPES if t in layers), option)
                         for key, (layers, option) in found.items())  # fmt: skip


def _choices(header: Header) -> Iterator[tuple[str, dict[str, Any]]]:
    """The defaults, and every other value of every option beside them."""
    yield "", {}
    for name, option in header.options.items():
        for value in option.values:
            if value != option.default:
                yield f"{name}: {str(value).lower() if isinstance(value, bool) else value}", {name: value}


def _ops(template: str, header: Header, options: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """(op without its layer, stage, action, type of the layer) of every op of the network."""
    layers = [*_NETWORK[:-3], _SHORT, *_NETWORK[-3:]]
    bits = dict.fromkeys((*KINDS, *header.kinds), 8) | {"spike": 1}
    workload = {"name": "probe", "timesteps": 2, "template": template, "options": dict(options), "bits": bits,
                "layers": [dict(layer) for layer in layers]}  # fmt: skip
    faults = Faults()
    expanded = expand(read({"workload": workload}), faults)
    faults.check()
    types = {layer["name"]: next(iter(layer.keys() - {"name", "from", "fires"})) for layer in layers}
    for op in expanded.ops if expanded is not None else ():
        layer = str(op["layer"])
        name = str(op["name"]).removeprefix(f"{layer}.")
        yield name, str(op.get("stage", "forward")), str(op["action"]), types[layer]
