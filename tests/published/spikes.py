"""Real spikes measured: the tables of docs/spikes.md. `python -m tests.published.spikes` writes them into the page.

The spike tensors are not part of the project. They are looked for in the folder that SATA_REFERENCE names, else beside
the checkout.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from sata.counts.density.measured import Measured, measure_tensor
from sata.counts.density.trace_file import array_names, measured

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "spikes.md"
NETWORKS = ("vgg9_cifar10", "lenet5_mnist", "alexnet_cifar10_loas", "vgg16_cifar10_loas", "resnet19_cifar10_loas")
MODELS = ("uniform", "temporal", "runs", "blocks")
TIME = tuple(f"{w} steps" for w in (2, 4, 8, 16, 32))
SPACE = ("row of 2", "row of 4", "row of 8", "2 x 2", "4 x 4")
CHANNELS = ("3 x 3 x 16",)


def reference() -> Path:
    """Where measured and recorded facts lie; it may not be there."""
    return Path(os.environ.get("SATA_REFERENCE", ROOT.parent / "shared" / "reference"))


@cache
def layers(network: str) -> dict[str, Measured]:
    """Every recorded layer of spikes but the network's input, which is an image."""
    file = reference() / "spikes" / f"spikes_{network}.npz"
    found = {}
    for name in array_names(file):
        values = measured(file, name).values
        if values.shape[0] > 1 and not name.lower().endswith("conv2d_0"):
            found[name] = measure_tensor(values, 0)
    return found


def errors(network: str, tile: str) -> dict[str, float]:
    """Mean absolute error of each model over the layers of a network that have such tiles and that it speaks of."""
    found: dict[str, list[float]] = {}
    for layer in layers(network).values():
        for c in layer.compared:
            if c.tile.label == tile:
                for name, p in c.predicted.items():
                    if p is not None:
                        found.setdefault(name, []).append(abs(p - c.counted))
    return {name: sum(values) / len(values) for name, values in found.items()}


def mean_errors(tile: str) -> dict[str, float]:
    """Means over the networks that have such tiles."""
    per_network = [e for network in NETWORKS if (e := errors(network, tile))]
    return {m: sum(e[m] for e in per_network) / len(per_network) for m in MODELS if all(m in e for e in per_network)}


def tables() -> str:
    """Errors by network, then every layer, as Markdown."""
    return "\n".join([*_summary(), "", *_details()])


def _summary() -> Iterator[str]:
    yield "| tile | model | " + " | ".join(NETWORKS) + " | mean | cut |"
    yield "|---|---|" + "---|" * (len(NETWORKS) + 2)
    for tile in (*TIME, *SPACE, *CHANNELS):
        means = mean_errors(tile)
        for model in MODELS:
            if model not in means:
                continue
            each = [errors(network, tile).get(model) for network in NETWORKS]
            cells = " | ".join("" if e is None else f"{e:.4f}" for e in each)
            cut = f"{means['uniform'] / means[model]:.1f}" if means[model] > 5e-5 else "exact"
            yield f"| {tile} | `{model}` | {cells} | {means[model]:.4f} | {'' if model == 'uniform' else cut} |"


def _details() -> Iterator[str]:
    for network in NETWORKS:
        yield f"## {network}"
        yield ""
        yield "| layer | shape | tile | counted | " + " | ".join(f"`{m}`" for m in MODELS) + " |"
        yield "|---|---|---|---|" + "---|" * len(MODELS)
        for name, layer in layers(network).items():
            shape = " x ".join(map(str, layer.shape))
            for n, c in enumerate(layer.compared):
                cells = [c.predicted.get(m) for m in MODELS]
                shown = " | ".join("" if p is None else f"{p:.3f}" for p in cells)
                yield f"| {'' if n else name} | {'' if n else shape} | {c.tile.label} | {c.counted:.3f} | {shown} |"
        yield ""


def page(text: str) -> str:
    """The page with the tables of today between its markers."""
    return re.sub(
        r"(<!-- tables -->\n).*(<!-- end -->)", lambda m: f"{m[1]}\n{tables()}\n{m[2]}", text, flags=re.DOTALL
    )


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
