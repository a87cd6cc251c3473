"""`density:` of a tensor: a number, one number per time step, or a model."""

from __future__ import annotations

from typing import Any, Protocol

from sata.specs.model import Density
from sata.specs.text.faults import Faults, SpecError, Where
from sata.specs.text.find import find
from sata.specs.text.includes import what


class DensityPlaces(Protocol):
    """The place of a density; of one of its keys, where it is a mapping."""

    def __call__(self, key: str | None = None) -> Where: ...


def parse_density(given: Any, at: DensityPlaces, faults: Faults) -> float | tuple[float, ...] | Density | None:
    """The share of non-zeros, a tuple with one per time step, or a model; None, with a fault, for anything else.

    What a model takes is its own to check: against a tensor, when all are known.
    """
    if isinstance(given, dict):
        return _model(given, at, faults)
    where = at()
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


def _model(given: dict[str, Any], at: DensityPlaces, faults: Faults) -> float | tuple[float, ...] | Density | None:
    where, model = at(), given.get("model")
    if not isinstance(model, str):
        found = "without 'model'" if model is None else f"whose 'model' is {what(model)}"
        faults.add(where, f"the density is a mapping {found}", "such as {model: uniform, density: 0.1}")
        return None
    if model == "uniform" and given.keys() == {"model", "density"}:
        return parse_density(given["density"], lambda key=None: at("density"), faults)  # the same, shorter
    parameters = []
    for key, value in given.items():
        if key == "model":
            continue
        if _is_value(value):
            parameters.append((key, _frozen(value)))
        else:
            faults.add(at(key), f"'{key}' of the density takes a value or a list of values, not {what(value)}")
    places = {key: at(key) for key in given}
    return Density(model, tuple(parameters), where, places, trace_folder(where.file))


def _is_value(value: Any, depth: int = 3) -> bool:
    if isinstance(value, (list, tuple)):
        return depth > 0 and all(_is_value(item, depth - 1) for item in value)
    return isinstance(value, (str, int, float))


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, (list, tuple)) else value


def trace_folder(label: str) -> str:
    """The folder of an input by the name that faults call it; empty for texts and dicts: the current folder."""
    if not label or label.startswith("<"):
        return ""
    try:
        return str(find(label).resolve().parent)
    except SpecError:
        return ""


def plain_density(density: float | tuple[float, ...] | Density | None) -> float | tuple[float, ...] | None:
    """The mean share of non-zeros that a density states as a number or a list; None where it states none.

    A model's is its parameter `density`, if it has one.
    """
    if not isinstance(density, Density):
        return density
    faults = Faults()  # of the value: the model says them
    given = density.given().get("density")
    plain = parse_density(given, lambda key=None: Where(), faults) if _is_value(given) else None
    return None if isinstance(plain, Density) else plain
