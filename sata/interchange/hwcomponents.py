"""Models of the package `hwcomponents` (https://github.com/Accelergy-Project/hwcomponents) as a plug-in of a library:

    - class: my_sram
      estimator: "sata.interchange.hwcomponents:model"
      attributes: {name: SmartBufferSRAM, arguments: "width=64, depth=2048", rename: "write=update"}

`name` is the component's in hwcomponents, `arguments` are those of its model, `rename` gives its actions our names.
The architecture's technology is passed on as `tech_node`, if `arguments` do not give one. For attributes of our own (a
size, a width) write a plug-in of three lines around `estimate`: docs/interchange.md.

hwcomponents needs Python 3.12. Its units are J, m2, W and m (docstrings of `ComponentModel`, 1.0.114); ours come out.
Latencies and throughputs are not taken over: every action is one cycle.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from typing import Any

from sata.plugins import Estimate

PJ, UM2, MW = 1e12, 1e12, 1e3  # in a J, an m2, a W
TECHNOLOGY = "tech_node"  # an attribute of most models, in m

_PAIR = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*([^,=]+?)\s*")
_INT = re.compile(r"[-+]?\d{1,18}")
_FLOAT = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?")


def model(name: str, arguments: str = "", rename: str = "", technology_nm: float = 0.0) -> Estimate:
    """The plug-in: what the best model of `name` says. Raises: ValueError, RuntimeError as `estimate` does."""
    attributes: dict[str, object] = {key: _value(text) for key, text in _pairs(arguments, "arguments").items()}
    if technology_nm and TECHNOLOGY not in attributes:
        attributes[TECHNOLOGY] = technology_nm * 1e-9
    return estimate(name, attributes, _pairs(rename, "rename"))


def estimate(name: str, attributes: Mapping[str, object], rename: Mapping[str, str] | None = None) -> Estimate:
    """The energies of all actions that need no arguments, area and leakage. rename: our name -> the model's action.

    attributes: arguments of the model, in hwcomponents' units (J, m2, W, m).
    Raises: RuntimeError if the package is not installed or no model fits; ValueError for an action it has not.
    """
    found = _model(name, attributes)
    actions, skipped = _actions(found)
    for ours, theirs in (rename or {}).items():
        if theirs not in actions:
            raise ValueError(f"the model of '{name}' has no action '{theirs}', it has: {', '.join(actions) or 'none'}")
        if ours not in (rename or {}).values() and ours in actions:
            raise ValueError(f"the model of '{name}' has an action '{ours}' already")
    names = {theirs: ours for ours, theirs in (rename or {}).items()}
    energy = {names.get(action, action): float(getattr(found, action)().energy) * PJ for action in actions}
    told = ", ".join(f"{key}={value}" for key, value in attributes.items())
    source = f"hwcomponents model {type(found).__name__}({told})"
    if skipped:
        source += f", without {', '.join(skipped)}, which need arguments"
    return Estimate(energy, float(found.area) * UM2, float(found.leak_power) * MW, source=source)


def _model(name: str, attributes: Mapping[str, object]) -> Any:
    try:
        package = importlib.import_module("hwcomponents")
    except ImportError as error:
        raise RuntimeError(f"hwcomponents cannot be imported ({error}); it needs Python 3.12 or later: "
                           "pip install 'sata[hwcomponents]'") from None  # fmt: skip
    return package.get_model(name, dict(attributes))


def _actions(found: Any) -> tuple[list[str], list[str]]:
    """The model's actions: those that can be called without arguments, and the others."""
    free: list[str] = []
    others: list[str] = []
    for action in found.get_action_names():
        parameters = inspect.signature(getattr(found, action)).parameters.values()
        needs = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        (others if needs else free).append(action)
    return free, others


def _pairs(text: str, what: str) -> dict[str, str]:
    """`a=1, b=x` as a dict. Raises: ValueError."""
    found: dict[str, str] = {}
    for part in text.split(",") if text.strip() else []:
        match = _PAIR.fullmatch(part)
        if match is None or match[1] in found:
            twice = match is not None
            raise ValueError(
                f"{what}: '{part.strip()}' {'is given twice' if twice else 'is not of the form name=value'}"
            )
        found[match[1]] = match[2]
    return found


def _value(text: str) -> object:
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
