"""What stands in a library beside numbers: classes that code prices, and how uncertain numbers are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sata.specs.components import Estimator
from sata.specs.faults import Faults, did_you_mean
from sata.specs.source import Doc, Path_
from sata.specs.units import parse_quantity

LEAKAGE = "leakage"  # beside actions, what may be uncertain
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def read_estimator(data: Mapping[str, Any], path: Path_, doc: Doc, faults: Faults) -> Estimator:
    """A component with `estimator: module:function` or `plugin: package`. Nothing is imported here.

    A target that is no name of a module and a function (a path, say) is a fault.
    """
    target = data.get("estimator", "")
    if target and not _TARGET.fullmatch(target):
        hint = "files are not run, only modules of installed packages" if re.search(r"[/\\]|\.py\b", target) else ""
        faults.add(doc.where((*path, "estimator")), f"expected 'module:function', found '{target[:80]}'", hint)
    defaults = data.get("attributes", {})
    places = {key: doc.where((*path, key)) for key in data}
    return Estimator(data["class"], target, data.get("plugin", ""), dict(defaults), data.get("source", ""),
                     doc.where((*path, "class")), places)  # fmt: skip


def read_uncertainty(
    data: Mapping[str, Any], path: Path_, actions: Sequence[str], doc: Doc, faults: Faults
) -> dict[str, float]:
    """`uncertainty: 15 %`, or one for each action (and leakage): relative, by what it is of.

    `actions`: those of the class, and "leakage" if it prices that. One number holds for all of them.
    """
    given = data.get("uncertainty")
    if given is None:
        return {}
    here = (*path, "uncertainty")
    each = dict.fromkeys(actions, given) if not isinstance(given, dict) else given
    found: dict[str, float] = {}
    for name, value in each.items():
        place = (*here, name) if isinstance(given, dict) else here
        if name not in actions:
            faults.add(doc.where(place, True), f"'{name}' is nothing that '{data['class']}' prices",
                       did_you_mean(name, actions) or f"it has: {', '.join(actions)}")  # fmt: skip
            continue
        try:
            found[name] = float(parse_quantity(value, "share"))
        except ValueError as error:
            faults.add(doc.where(place), str(error))
            if place == here:
                break
    return found
