"""Finds a class in the libraries and prices it. `Prices.price(class, attributes)` is the only way to a number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sata.costs import plugin
from sata.costs.check import check_libraries, hint_with
from sata.costs.estimated import plugin_price, unasked
from sata.costs.evaluate import Price, compound_price, primitive_price, table_price
from sata.costs.plugin import Plugin, PluginError
from sata.costs.technology import rescaled
from sata.specs.library.components import (
    Attribute,
    Component,
    Compound,
    Estimator,
    Library,
    Part,
    Primitive,
    Scalar,
    Table,
    convert,
)
from sata.specs.text.access import granted
from sata.specs.text.expressions import has_expression, render_value
from sata.specs.text.faults import Fault, Faults, SpecError, Where, did_you_mean

At = Callable[[str], Where]  # the place of a node's "class", or of one of its attributes

__all__ = ["Price", "Prices", "missing_action"]


def _nowhere(key: str) -> Where:
    return Where(path=key)


@dataclass(frozen=True, slots=True)
class _Request:
    """A class asked for: `asked` must be accepted, `offered` (in inner units) is used if the class accepts it.

    `inner`: names in `asked` whose bare numbers are in inner units (results of expressions).
    """

    component: str
    asked: Mapping[str, object]
    at: At
    offered: Mapping[str, Scalar] = field(default_factory=dict)
    inner: frozenset[str] = frozenset()


class Prices:
    """Libraries, searched in order, then installed plug-ins; and a cache of what was priced, by class and attributes.

    `technology_nm` None: any node will do. `scaling`: the table (of `technology.TABLES`) that brings prices of other
    nodes there; without it they are an error.
    Raises: SpecError if the libraries do not fit together (unknown part, compound made of itself).
    """

    def __init__(
        self, libraries: Iterable[Library], technology_nm: float | None = None, scaling: str | None = None
    ) -> None:
        self.libraries = tuple(libraries)
        self.technology_nm = technology_nm
        self.scaling = scaling
        self._cache: dict[tuple[int, str, tuple[tuple[str, Scalar], ...]], Price] = {}
        self._plugins: dict[tuple[int, str], Plugin] = {}
        faults = Faults()
        check_libraries(self.libraries, faults)
        faults.check()

    def find(self, component: str, first: Library | None = None) -> tuple[Library, Component] | None:
        """The class and the library that has it; `first` is searched before the others."""
        for library in (*([first] if first else []), *self.libraries):
            if component in library.components:
                return library, library.components[component]
        return None

    def actions(self, component: str) -> tuple[str, ...] | None:
        """The actions that the class has, or None if it is in no library. A plug-in's are known by its prices only."""
        found = self.find(component)
        return found[1].actions if found else None

    def accepts(self, component: str) -> Mapping[str, Attribute]:
        """The attributes that the class takes; none if it is in no library."""
        found = self.find(component)
        return found[1].attributes if found else {}

    def price(self, component: str, attributes: Mapping[str, object] | None = None, *,
              offered: Mapping[str, Scalar] | None = None, at: At = _nowhere) -> Price:  # fmt: skip
        """What the class costs. `attributes` are values as in YAML (`16 b`); each must be known to the class.

        `offered`: structural attributes in inner units (size, width in bits), left aside by classes that take none.
        `at` gives the place for faults: of "class", or of an attribute.
        Raises: SpecError for an unknown class or attribute, a value that cannot be priced, or another technology.
        """
        return self._price(_Request(component, attributes or {}, at, offered or {}), None)

    def _price(self, request: _Request, inside: Library | None) -> Price:
        found = self.find(request.component, inside)
        if found is None and not plugin.named(request.component):
            raise SpecError([self._unknown(request)])
        library, component = found or (None, None)
        if component is None or isinstance(component, Estimator):
            return self._estimated(library, component, request)
        assert library is not None
        values = _resolve(component, request)
        key = (id(library), component.name, tuple(sorted(values.items())))
        if key not in self._cache:
            self._cache[key] = self._fresh(library, component, values, request)
        return self._cache[key]

    def _estimated(self, library: Library | None, component: Estimator | None, request: _Request) -> Price:
        """Of a class that code prices: an installed plug-in, or what `component` of `library` names."""
        access = granted()
        if not access.code:
            access.skipped.add(request.component)
            return unasked(request.component, library.name if library is not None else "")
        try:
            if component is not None and component.target and not access.plugins:
                raise PluginError(f"the library {library.name if library is not None else ''} prices it by code, "
                                  f"{component.target}, which runs only with --allow-plugins "
                                  "(Python: `with sata.allow(plugins=True):`)")  # fmt: skip
            own = self._plugin(library, component, request.component)
            values = _resolve(own, request)
            key = (id(library), own.name, tuple(sorted(values.items())))
            if key not in self._cache:
                name = library.name if library is not None else own.package
                self._cache[key] = plugin_price(own, name, values, self.technology_nm)
        except PluginError as error:
            raise SpecError([Fault(request.at("class"), f"'{request.component}': {error}")]) from None
        return self._cache[key]

    def _plugin(self, library: Library | None, component: Estimator | None, name: str) -> Plugin:
        key = (id(library), name)
        if key not in self._plugins:
            self._plugins[key] = plugin.installed(name) if component is None else plugin.plugin_of(component)
        return self._plugins[key]

    def _fresh(
        self, library: Library, component: Primitive | Table | Compound, values: Mapping[str, Scalar], request: _Request
    ) -> Price:
        if isinstance(component, Compound):
            return self._compound(library, component, values, request)
        here, there = component.technology_nm, self.technology_nm
        differs = there is not None and here is not None and here != there
        if differs and self.scaling is None:
            raise SpecError([Fault(
                request.at("technology"),
                f"'{component.name}' is priced for {here:g} nm (library {library.name}), not for {there:g} nm",
                f"say 'technology: {here:g} nm', name a library for {there:g} nm, "
                "or scale by a published table: 'scale_technology: stillmaker2017'",
            )])  # fmt: skip
        try:
            own = table_price if isinstance(component, Table) else primitive_price
            price = own(component, library, values)  # type: ignore[arg-type]
            if differs and self.scaling is not None and here is not None and there is not None:
                return rescaled(price, self.scaling, here, there)
            return price
        except ValueError as error:
            given = (*request.asked, *request.offered)  # what is a default has no place of its own
            name = next((n for n in given if str(error).startswith(f"{n} ")), "class")
            raise SpecError([Fault(request.at(name), f"'{component.name}': {error}")]) from None

    def _compound(
        self, library: Library, component: Compound, values: Mapping[str, Scalar], request: _Request
    ) -> Price:
        parts: dict[str, Price] = {}
        faults = Faults()
        for part in component.parts.values():
            try:
                parts[part.name] = self._part(library, part, values, request)
            except SpecError as error:
                faults.extend(error.faults)
        faults.check()
        return compound_price(component, library, values, parts)

    def _part(self, library: Library, part: Part, values: Mapping[str, Scalar], request: _Request) -> Price:
        asked: dict[str, object] = {}
        inner = set()
        for name, value in part.attributes.items():
            asked[name] = value
            if isinstance(value, str) and has_expression(value):
                try:
                    asked[name] = render_value(value, values)
                except ValueError as error:
                    raise SpecError([Fault(part.places[name], str(error))]) from None
                inner.add(name)

        def at(key: str) -> Where:
            return request.at(key) if key == "technology" else part.places.get(key, part.where)

        return self._price(_Request(part.component, asked, at, inner=frozenset(inner)), library)

    def _unknown(self, request: _Request) -> Fault:
        searched = f"libraries searched: {', '.join(lib.name for lib in self.libraries)}"
        if not self.libraries:
            return Fault(request.at("class"), f"'{request.component}' is in no library", "no libraries are named")
        known = [name for library in self.libraries for name in library.components] + [*plugin.known()]
        hint = hint_with(did_you_mean(request.component, known), searched)
        return Fault(request.at("class"), f"'{request.component}' is in no library", hint)


def _resolve(component: Component | Plugin, request: _Request) -> dict[str, Scalar]:
    """The value of every attribute of the class. Raises: SpecError for unknown, impossible and missing ones."""
    faults = Faults()
    known = component.attributes
    for name in request.asked:
        if name not in known:
            hint = hint_with(did_you_mean(name, known), f"accepted: {', '.join(known)}" if known else "it accepts none")
            faults.add(request.at(name), f"'{component.name}' has no attribute '{name}'", hint)
        elif name in request.offered:
            faults.add(request.at(name), f"'{name}' is given twice", "a memory says it beside its class")
    values: dict[str, Scalar] = {}
    for name, attribute in known.items():
        value = request.asked.get(name, request.offered.get(name, attribute.default))
        if value is None:
            faults.add(
                request.at("class"), f"'{component.name}' needs '{name}'", f"its attributes are {', '.join(known)}"
            )
            continue
        given = name in request.asked
        try:
            values[name] = convert(value, attribute.kind, inner=not given or name in request.inner)
        except ValueError as error:
            faults.add(request.at(name if given else "class"), str(error))
    faults.check()
    return values


def missing_action(op: str, node: str, price: Price, action: str, where: Where) -> Fault:
    """The fault of an action that op `op` needs of `node` and that its class does not price."""
    hint = hint_with(did_you_mean(action, price.energy_pj), f"it has: {', '.join(price.energy_pj) or 'nothing'}")
    return Fault(where, f"op {op} needs '{action}' of {node} (class {price.component}), which no library prices", hint)
