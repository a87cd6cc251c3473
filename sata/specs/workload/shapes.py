"""Layer types: which settings each takes, and the output shape that follows from them.

Shapes are without time and batch: (C, H, W) of images, (C, L) of sequences, (N,) of vectors. A new layer type is a
row in `TYPES`, its settings a row in the schema, and what it computes a case in the templates. Numbers of output
positions are those of PyTorch's Conv2d and MaxPool2d (floor mode):
`floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sata.specs.text.faults import Faults, Where
from sata.specs.text.source import Doc

Shape = tuple[int, ...]
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """A layer's own settings, complete: windows as one number per axis of space, `out` the output channels or None."""

    out: int | None = None
    kernel: Shape = ()
    stride: Shape = ()
    padding: Shape = ()
    dilation: Shape = ()
    groups: int = 1


@dataclass(frozen=True, slots=True)
class Type:
    """A layer type. `axes`: of space, None where any shape will do. `short`: the setting that a bare value means."""

    axes: int | None
    short: str = ""
    weights: bool = False
    pools: bool = False


TYPES: Mapping[str, Type] = {
    "conv2d": Type(2, weights=True),
    "conv1d": Type(1, weights=True),
    "linear": Type(None, "out", weights=True),
    "maxpool2d": Type(2, "kernel", pools=True),
    "avgpool2d": Type(2, "kernel", pools=True),
    "add": Type(None),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a layer stands, for faults about its settings."""

    doc: Doc
    path: Path
    faults: Faults

    def add(self, message: str, *keys: str | int, hint: str = "") -> None:
        self.faults.add(self.doc.where((*self.path, *keys)), message, hint)

    def add_at_key(self, message: str, *keys: str | int, hint: str = "") -> None:
        self.faults.add(self.doc.where((*self.path, *keys), key=True), message, hint)

    @property
    def where(self) -> Where:
        return self.doc.where(self.path)


def shape_text(shape: Shape) -> str:
    return str(list(shape))


def parse_settings(kind: str, body: Any) -> tuple[Settings, Shape | None]:
    """The settings below a layer's type key, and the `input` shape it states, if any. The schema has passed them."""
    type_ = TYPES[kind]
    get: Mapping[str, Any] = body if isinstance(body, dict) else {type_.short: body}  # `linear: 10`, `maxpool2d: 2`
    axes = type_.axes or 0

    def window(key: str, default: Shape) -> Shape:
        value = get.get(key, default)
        return tuple(int(n) for n in (value if isinstance(value, (list, tuple)) else [value] * axes))

    ones = (1,) * axes
    kernel = window("kernel", ones)
    stride = window("stride", ones if type_.weights else kernel)  # a pool's windows do not overlap unless it says so
    out = int(get["out"]) if "out" in get else None
    padding, dilation = window("padding", (0,) * axes), window("dilation", ones)
    settings = Settings(out, kernel, stride, padding, dilation, int(get.get("groups", 1)))
    given = get.get("input")
    if given is None:
        return settings, None
    return settings, tuple(int(n) for n in (given if isinstance(given, list) else [given]))


def output_shape(kind: str, settings: Settings, shape: Shape, name: str, source: str, place: Place) -> Shape | None:
    """The output shape of a layer that reads `shape`. None after a fault."""
    type_ = TYPES[kind]
    if kind == "linear":
        return (settings.out or 1,)
    if type_.axes is None:
        return shape
    if len(shape) != type_.axes + 1:
        needs = "[C, H, W]" if type_.axes == 2 else "[C, L]"
        hint = "a linear layer or a flattened tensor has no rows and columns left" if len(shape) == 1 else ""
        message = f"{name}: {kind} needs an input {needs}, but {source} has the shape {shape_text(shape)}"
        place.add(message, kind, hint=hint)
        return None
    channels = settings.out or shape[0]
    for what, count in (("input", shape[0]), ("output", channels)):
        if count % settings.groups:
            place.add(f"{name}: {settings.groups} groups do not divide {count} {what} channels", kind, "groups")
            return None
    positions = []
    for size, kernel, stride, padding, dilation in zip(
        shape[1:], settings.kernel, settings.stride, settings.padding, settings.dilation, strict=True
    ):
        reach = dilation * (kernel - 1) + 1
        padded = size + 2 * padding
        if reach > padded:
            across = f"{kernel}" if dilation == 1 else f"{kernel} with dilation {dilation} reaches {reach}, which"
            verb = "is larger" if dilation == 1 else "is more"
            place.add(f"{name}: the kernel {across} {verb} than the padded input of {padded} "
                      f"({size} + 2 * {padding})", kind, "kernel")  # fmt: skip
            return None
        if type_.pools and 2 * padding > kernel:
            place.add(f"{name}: the padding {padding} is more than half of the kernel {kernel}: some windows would "
                      "hold nothing", kind, "padding")  # fmt: skip
            return None
        positions.append((padded - reach) // stride + 1)
    return (channels, *positions)
