"""Density models and measured tensors as blocks of text and as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sata.counts.density.interface import Model
from sata.counts.density.measured import Measured
from sata.report.ops_text import flow
from sata.report.text import Block, Lines, TextTable, percent


def models_blocks(models: Iterable[type[Model]]) -> list[Block]:
    """What each model is for, its formula and its parameters."""
    blocks: list[Block] = []
    for model in models:
        rows = [("for", model.about), ("p_empty", model.formula)]
        rows += [(p.name, p.about if p.required else f"{p.about} (may be left out)") for p in model.parameters]
        width = max(len(name) for name, _ in rows)
        lines = (f"  {name.ljust(width)}  {about}" for name, about in rows)
        blocks.append(Lines(model.name, tuple(lines)))
    return blocks


def models_data(models: Iterable[type[Model]]) -> list[dict[str, Any]]:
    return [
        {"model": m.name, "for": m.about, "p_empty": m.formula,
         "parameters": [{"name": p.name, "about": p.about, "required": p.required} for p in m.parameters]}
        for m in models
    ]  # fmt: skip


MOST_NUMBERS = 12  # of a model that stand in a summary; a table of more is printed on its own


def density_legend(found: Iterable[Measured]) -> Lines:
    """What the columns of the tables are, and which neurons a model calls silent."""
    models = dict.fromkeys(model for one in found for model in one.parameters)
    lines = [
        "  empty   share of tiles without a non-zero, counted in the recording",
        f"  {', '.join(models)}: what the model says of such tiles, minus that; - nothing",
    ]
    if "temporal" in models:
        lines.append("  silent  of temporal: the share of neurons that cannot fire at all; of the others too, some are "
                     "zero in all steps by chance")  # fmt: skip
    return Lines("How to read it", tuple(lines))


def measured_blocks(name: str, found: Measured, kind: str) -> list[Block]:
    """Errors of the models as a table, and their parameters as YAML but for long tables."""
    shape = " x ".join(map(str, found.shape)) or "one element"
    silent = "" if found.silent is None else f", {percent(found.silent, 1)} of neurons zero in all steps"
    title = f"{name}: {shape}, density {found.density:.4g}{silent}"
    models = list(found.parameters)
    rows = [(c.tile.label, f"{c.counted:.3f}", *(_error(c.predicted[m], c.counted) for m in models))
            for c in found.compared]  # fmt: skip
    head = ("tile", "empty", *models)
    table = TextTable(title, head, "l" + "r" * (len(models) + 1), tuple(rows))
    lines = [_stated(name, found, m, kind) for m in models]
    return [table if rows else Lines(title, ()), Lines(f"{name}, for a workload: one of", tuple(lines))]


def _stated(name: str, found: Measured, model: str, kind: str) -> str:
    numbers = sum(_numbers(value) for value in found.parameters[model].values())
    if numbers <= MOST_NUMBERS:
        return measured_yaml(found, model, kind)
    return f"  {model}: {numbers} numbers, printed with --array {name} --model {model}"


def _numbers(value: Any) -> int:
    return sum(map(_numbers, value)) if isinstance(value, (list, tuple)) else 1


def measured_yaml(found: Measured, model: str, kind: str) -> str:
    """The line of a workload that states a model as measured."""
    return f"density: {{{kind}: {flow({'model': model, **found.parameters[model]})}}}"


def _error(predicted: float | None, counted: float) -> str:
    return "-" if predicted is None else f"{predicted - counted:+.3f}"


def measured_data(name: str, found: Measured) -> dict[str, Any]:
    """All digits, and the models' parameters as they stand in a workload."""
    tiles = [{"tile": c.tile.label, "extents": list(c.tile.extents), "empty": c.counted,
              "predicted": dict(c.predicted), "error": _errors(c.predicted, c.counted)}
             for c in found.compared]  # fmt: skip
    return {"array": name, "shape": list(found.shape), "density": found.density, "silent": found.silent,
            "models": {m: {"model": m, **p} for m, p in found.parameters.items()}, "tiles": tiles}  # fmt: skip


def _errors(predicted: Mapping[str, float | None], counted: float) -> dict[str, float | None]:
    return {m: None if p is None else p - counted for m, p in predicted.items()}
