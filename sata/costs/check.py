"""What only all libraries of a search list can tell: classes of parts, their actions, compounds in a circle."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sata.costs import plugin
from sata.specs.library.components import Component, Compound, Estimator, Library, Use
from sata.specs.text.faults import Faults, did_you_mean

DEEPEST = 40  # levels of compounds in compounds


def check_libraries(libraries: Sequence[Library], faults: Faults) -> None:
    """Adds a fault for every part whose class no library has, every part action that its class has not, every circle.

    A part's class is looked for in the library of the compound first, then in all of them in order, then among the
    installed plug-ins, whose actions are known only when they are asked.
    """
    for library in libraries:
        for component in library.components.values():
            if isinstance(component, Compound):
                _check_parts(component, library, libraries, faults)
    seen: set[int] = set()
    for library in libraries:
        for component in library.components.values():
            _circle(component, library, libraries, [], seen, faults)


def hint_with(near: str, known: str) -> str:
    """The nearest right word with all known ones in brackets, or these alone."""
    return f"{near} ({known})" if near else known


def _find(name: str, inside: Library, libraries: Sequence[Library]) -> tuple[Library, Component] | None:
    for library in (inside, *libraries):
        if name in library.components:
            return library, library.components[name]
    return None


def _check_parts(compound: Compound, inside: Library, libraries: Sequence[Library], faults: Faults) -> None:
    for part in compound.parts.values():
        if _find(part.component, inside, libraries) is None and not plugin.named(part.component):
            known = [name for library in libraries for name in library.components]
            searched = f"libraries searched: {', '.join(library.name for library in libraries)}"
            where = part.places.get("class", part.where)
            faults.add(
                where, f"'{part.component}' is in no library", hint_with(did_you_mean(part.component, known), searched)
            )
    for bag in compound.bags.values():
        for use in bag:
            part = compound.parts[use.part]
            found = _find(part.component, inside, libraries)
            if found is None or isinstance(found[1], Estimator) or use.action in found[1].actions:
                continue
            no_action(part.name, part.component, use, found[1].actions, faults)


def no_action(part: str, component: str, use: Use, actions: Collection[str], faults: Faults) -> None:
    """Adds the fault of a part that lacks the action which a bag asks of it."""
    hint = hint_with(did_you_mean(use.action, actions), f"it has: {', '.join(actions) or 'nothing'}")
    faults.add(use.where, f"the part '{part}' (class {component}) has no action '{use.action}'", hint)


def _circle(component: Component, inside: Library, libraries: Sequence[Library], above: list[Component], seen: set[int],
            faults: Faults) -> None:  # fmt: skip
    """Walks down the parts; `above` is the way here, `seen` what needs no second walk."""
    at = next((i for i, other in enumerate(above) if other is component), None)
    if at is not None:
        way = " -> ".join(c.name for c in (*above[at:], component))
        faults.add(component.where, f"'{component.name}' is made of itself: {way}")
        return
    if id(component) in seen or not isinstance(component, Compound):
        return
    if len(above) >= DEEPEST:
        faults.add(above[0].where, f"'{above[0].name}' holds compounds more than {DEEPEST} levels deep")
        seen.add(id(component))
        return
    for part in component.parts.values():
        found = _find(part.component, inside, libraries)
        if found is not None:
            _circle(found[1], found[0], libraries, [*above, component], seen, faults)
    seen.add(id(component))
