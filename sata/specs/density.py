"""`density:` of a tensor: a number, one number per time step, or a model."""

from __future__ import annotations

from typing import Any

from sata.specs.faults import Faults, Where, did_you_mean
from sata.specs.includes import what

MODELS = ("uniform",)


def parse_density(given: Any, where: Where, faults: Faults) -> float | tuple[float, ...] | None:
    """The share of non-zeros, or a tuple with one per time step; None, with a fault, for anything outside [0, 1]."""
    if isinstance(given, dict):
        return _model(given, where, faults)
    if isinstance(given, (list, tuple)):
        values = [_share(item, where, faults, f"value {i + 1} of the density") for i, item in enumerate(given)]
        if not values:
            faults.add(where, "the density is an empty list")
        return None if not values or None in values else tuple(v for v in values if v is not None)
    return _share(given, where, faults, "the density")


def _share(value: Any, where: Where, faults: Faults, name: str) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        faults.add(where, f"{name} must be a number from 0 to 1, found {what(value)}")
        return None
    if not 0 <= value <= 1:  # also refuses NaN
        faults.add(where, f"{name} is {value}; it must be from 0 to 1")
        return None
    return float(value)


def _model(given: dict[str, Any], where: Where, faults: Faults) -> float | tuple[float, ...] | None:
    model = given.get("model")
    if model not in MODELS:
        found = "a mapping without 'model'" if model is None else f"the density model '{model}'"
        faults.add(where, f"{found} is not known", did_you_mean(str(model), MODELS) or f"models: {', '.join(MODELS)}")
        return None
    unknown = [key for key in given if key not in ("model", "density")]
    if unknown or "density" not in given:
        message = f"unknown key '{unknown[0]}'" if unknown else "missing key 'density'"
        faults.add(where, message, f"write {{model: {model}, density: 0.1}}")
        return None
    return parse_density(given["density"], where, faults)
