"""What a plug-in returned, checked number by number and made a price."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any, TypeVar

from sata.costs.evaluate import Price, leakage_uncertainty, own_uncertainty
from sata.costs.plugin import Plugin, PluginError, ask
from sata.plugins import Estimate
from sata.specs.library.components import Scalar, Uncertainty
from sata.specs.text.units import DIMENSIONS

_FIELD = {"pj": "energy_pj", "um2": "area_um2", "mw": "leakage_mw"}


def plugin_price(plugin: Plugin, library: str, values: Mapping[str, Scalar], technology_nm: float | None) -> Price:
    """Ask a plug-in. Raises: PluginError if it fails, or returns anything but finite numbers >= 0 in range."""
    estimate = ask(plugin, values, technology_nm)
    try:
        return _price(plugin, library, values, technology_nm, estimate)
    except ValueError as error:
        raise PluginError(f"{plugin.said} returned {error}") from None


V = TypeVar("V")


class _Whatever(dict[str, V]):
    """Answers every key with one value: stands in for numbers of a plug-in that is not asked."""

    def __init__(self, value: V) -> None:
        super().__init__()
        self.value = value

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> V:
        return self.value

    def get(self, key: str, default: Any = None) -> Any:
        return self.value


def unasked(component: str, library: str) -> Price:
    """A price that stands in for that of a plug-in which is not run: it has every action, for nothing."""
    said = "a plug-in that was not asked"
    return Price(component, library, {}, _Whatever(0.0), _Whatever(1), None, None, _Whatever(said), said, said)


def _price(plugin: Plugin, library: str, values: Mapping[str, Scalar], technology_nm: float | None,
           estimate: Estimate) -> Price:  # fmt: skip
    if not isinstance(estimate.energy_pj, Mapping):
        raise ValueError(f"energy_pj = {estimate.energy_pj!r}; a dict of action -> pJ is expected")
    energy = {_action(a): _number(f"energy_pj[{a!r}]", pj, "pj") for a, pj in estimate.energy_pj.items()}
    area = None if estimate.area_um2 is None else _number("area_um2", estimate.area_um2, "um2")
    leakage = None if estimate.leakage_mw is None else _number("leakage_mw", estimate.leakage_mw, "mw")
    kinds = {name: attribute.kind for name, attribute in plugin.attributes.items()}
    at = f" at {technology_nm:g} nm" if plugin.technology and technology_nm is not None else ""
    said = f"{plugin.said}{at}" + (f", {_text(estimate.source)}" if estimate.source else "")
    missing = f"not priced by {plugin.said}"
    relative = _uncertainty(estimate, energy)
    return Price(plugin.name, library, values, energy, _cycles(estimate, energy), area, leakage,
                 dict.fromkeys(energy, said), said if area is not None else missing,
                 said if leakage is not None else missing, kinds,
                 uncertainty=own_uncertainty(plugin.name, relative, energy),
                 leakage_uncertainty=leakage_uncertainty(plugin.name, relative, leakage))  # fmt: skip


def _action(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise ValueError(f"energy of the action {name!r}; the name of an action is text")
    return name


def _text(source: object) -> str:
    if not isinstance(source, str):
        raise ValueError(f"source = {source!r}; text is expected")
    return " ".join(source.split())[:300]


def _number(what: str, value: object, unit: str) -> float:
    """A finite number of at least zero and not beyond all reason, as a float."""
    dim = DIMENSIONS[unit]
    article = "an" if dim.noun[0] in "ae" else "a"
    expected = f"; {article} {dim.noun} in {next(u for u, scale in dim.units.items() if scale == 1)} is expected"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{what} = {value!r}{expected}")
    number = float(value)
    if math.isnan(number) or math.isinf(number):
        raise ValueError(f"{what} = {number}{expected}")
    if number < 0:
        raise ValueError(f"{what} = {number:g}, which is negative{expected}")
    amount, largest = dim.largest.split()
    if number > int(amount) * dim.units[largest]:
        raise ValueError(f"{what} = {number:g}, which is more than {dim.largest}{expected}; is its unit right?")
    return number


def _cycles(estimate: Estimate, energy: Mapping[str, float]) -> dict[str, float]:
    if not isinstance(estimate.cycles, Mapping):
        raise ValueError(f"cycles = {estimate.cycles!r}; a dict of action -> number is expected")
    for action, number in estimate.cycles.items():
        if action not in energy:
            raise ValueError(f"cycles of '{action}', which it does not price")
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 <= number < float("inf"):
            raise ValueError(f"cycles[{action!r}] = {number!r}; a number of at least 0 is expected")
    return {action: estimate.cycles.get(action, 1) for action in energy}


def _uncertainty(estimate: Estimate, energy: Mapping[str, float]) -> Uncertainty:
    """One share of all, or one for each action and "leakage"; which of the two that key is must be plain."""
    given = estimate.uncertainty
    if not isinstance(given, Mapping):
        share = _share(given, next(iter(energy), "leakage"))
        return Uncertainty(dict.fromkeys(energy, share), share)
    for name in given:
        if name not in (*energy, "leakage"):
            raise ValueError(f"the uncertainty of '{name}', which it does not price")
        if name == "leakage" in energy and estimate.leakage_mw is not None:
            raise ValueError("the uncertainty of 'leakage', which is an action and its leakage")
    each = {name: _share(share, name) for name, share in given.items()}
    return Uncertainty(
        {a: each[a] for a in energy if a in each}, 0.0 if "leakage" in energy else each.get("leakage", 0.0)
    )


def _share(share: object, name: str) -> float:
    if isinstance(share, bool) or not isinstance(share, Real) or not 0 <= float(share) <= 10:
        raise ValueError(f"the uncertainty {share!r} of '{name}'; a share such as 0.15 is expected")
    return float(share)
