"""What stands in a library beside numbers: classes that code prices, and how uncertain numbers are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sata.specs.library.components import Estimator, Uncertainty
from sata.specs.text.faults import Faults, did_you_mean
from sata.specs.text.source import Doc, Path_
from sata.specs.text.units import parse_quantity

_LEAKAGE = "leakage"  # the key that stands beside actions
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def read_estimator(data: Mapping[str, Any], path: Path_, doc: Doc, faults: Faults) -> Estimator:
    """A component with `estimator: module:function` or `plugin: package`. Nothing is imported here.

    A target that is not a name of a module and a function (a path, say) is a fault.
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
    data: Mapping[str, Any], path: Path_, actions: Sequence[str], leaks: bool, doc: Doc, faults: Faults
) -> Uncertainty:
    """`uncertainty: 15 %`, or one for each action and for `leakage`, all relative. One number holds for all of them.

    `actions`: those of the class. `leaks`: it prices its leakage, too; then the key `leakage` means that.
    """
    given = data.get("uncertainty")
    if given is None:
        return Uncertainty()
    here = (*path, "uncertainty")
    if not isinstance(given, dict):
        share = _share(given, here, doc, faults)
        return Uncertainty(dict.fromkeys(actions, share), share if leaks else 0.0)
    known = [*actions, *([_LEAKAGE] if leaks else [])]
    energy: dict[str, float] = {}
    leakage = 0.0
    for name, value in given.items():
        place = (*here, name)
        if name not in known:
            faults.add(doc.where(place, True), f"'{name}' is nothing that '{data['class']}' prices",
                       did_you_mean(name, known) or f"it has: {', '.join(known)}")  # fmt: skip
        elif name == _LEAKAGE and leaks and name in actions:
            faults.add(doc.where(place, True), f"'{name}' is an action of '{data['class']}', and its leakage",
                       "say one uncertainty for all, or give the action another name")  # fmt: skip
        elif name == _LEAKAGE and leaks:
            leakage = _share(value, place, doc, faults)
        else:
            energy[name] = _share(value, place, doc, faults)
    return Uncertainty(energy, leakage)


def _share(value: Any, place: Path_, doc: Doc, faults: Faults) -> float:
    try:
        return float(parse_quantity(value, "share"))
    except ValueError as error:
        faults.add(doc.where(place), str(error))
        return 0.0
