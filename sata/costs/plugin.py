"""Plug-ins: found by the name of their class or of their function, loaded, asked; what they return is checked.

Installed packages are looked through only for a class that no library has, or that a library hands to one of them.
A plug-in is never trusted: whatever it does becomes a fault at the node's class that names it and its package.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sata.plugins import GROUP, Estimate
from sata.specs.library.components import Attribute, Estimator, Scalar, convert
from sata.specs.registry import entry_points_of, package_of, raised
from sata.specs.text.units import DIMENSIONS

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

TECHNOLOGY = "technology_nm"  # the parameter that takes the architecture's technology, no attribute
_KINDS: Mapping[object, str] = {
    int: "number", float: "number", str: "text", bool: "boolean",
    "int": "number", "float": "number", "str": "text", "bool": "boolean",
}  # fmt: skip


class PluginError(Exception):
    """A plug-in that cannot be found, loaded or asked. The text is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A class answered by code. `package`: with version, for origins. `technology`: takes it | needs it | neither ("").

    `parameters`: attribute -> (name of the parameter, is it an int).
    """

    name: str
    attributes: Mapping[str, Attribute]
    package: str
    target: str
    function: Callable[..., object]
    parameters: Mapping[str, tuple[str, bool]]
    technology: str = ""

    @property
    def said(self) -> str:
        """`plug-in my_package 1.0 (my_package:sram6t)`."""
        return f"plug-in {self.package} ({self.target})"


def named(component: str) -> tuple[EntryPoint, ...]:
    """The installed entry points for a class, in the order of their packages' names."""
    return entry_points_of(GROUP).get(component, ())


def known() -> tuple[str, ...]:
    """The classes that installed plug-ins answer."""
    return tuple(entry_points_of(GROUP))


def plugin_of(component: Estimator) -> Plugin:
    """The plug-in that a library names. Raises: PluginError."""
    if component.target:
        return _load(component.name, component.target, "", component.defaults)
    return installed(component.name, component.package, component.defaults)


def installed(component: str, package: str = "", defaults: Mapping[str, Scalar] | None = None) -> Plugin:
    """The installed plug-in for a class; of several, that of `package`. Raises: PluginError."""
    points = named(component)
    own = [p for p in points if not package or package_of(p).split()[0] == package]
    if not own and package:
        others = ", ".join(package_of(p) for p in points)
        raise PluginError(
            f"no installed package '{package}' has a plug-in for it"
            + (f"; these have: {others}" if others else f" (entry points of the group {GROUP})")
        )
    if len(own) > 1:
        both = " and ".join(package_of(p) for p in own)
        raise PluginError(
            f"{len(own)} installed plug-ins price it: {both}; pick one in a library: "
            f"{{class: {component}, plugin: {package_of(own[0]).split()[0]}}}"
        )
    return _load(component, own[0].value, package_of(own[0]), defaults or {})


def _load(name: str, target: str, package: str, defaults: Mapping[str, Scalar]) -> Plugin:
    """Import `module:function` and read its signature. Raises: PluginError."""
    import importlib

    module_name, _, function_name = target.partition(":")
    who = f"plug-in {package} ({target})" if package else f"plug-in {target}"
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise PluginError(
                f"{who}: there is no module '{error.name}'; is its package installed? PYTHONPATH=FOLDER "
                "sets a folder to look in"
            ) from None
        raise PluginError(f"{who} cannot be imported: {error}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - code of others, which may do anything
        raise PluginError(f"{who} cannot be imported: {raised(error)}") from None
    function = getattr(module, function_name, None)
    if function is None:
        raise PluginError(f"{who}: the module '{module_name}' has no '{function_name}'")
    if not inspect.isfunction(function) or not _returns_estimate(function):
        raise PluginError(f"{who} is not a plug-in: a function annotated '-> Estimate' (sata.plugins) is expected")
    package = package or _distribution(module)
    return _signature(name, target, package, function, defaults, f"plug-in {package} ({target})")


def _returns_estimate(function: Callable[..., object]) -> bool:
    """Is it annotated with our class, or with a name that its module gives to our class?"""
    note: object = getattr(function, "__annotations__", {}).get("return")
    if isinstance(note, str):
        first, *rest = note.strip("'\"").split(".")
        note = getattr(inspect.unwrap(function), "__globals__", {}).get(first)
        for part in rest:
            note = getattr(note, part, None)
    return note is Estimate


def _distribution(module: Any) -> str:
    """Name and version of the package that a module came with, or its own name."""
    from importlib.metadata import PackageNotFoundError, packages_distributions, version

    top = str(module.__name__).partition(".")[0]
    for name in (top, *packages_distributions().get(top, ())):
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return f"{top} (of no installed package)"


def _signature(name: str, target: str, package: str, function: Callable[..., object], defaults: Mapping[str, Scalar],
               who: str) -> Plugin:  # fmt: skip
    attributes: dict[str, Attribute] = {}
    parameters: dict[str, tuple[str, bool]] = {}
    technology = ""
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise PluginError(f"{who}: its parameter '{parameter}' is not an attribute; every one must be named")
        given = None if parameter.default is parameter.empty else parameter.default
        if parameter.name == TECHNOLOGY:
            technology = "needs it" if given is None else "takes it"
            continue
        attribute, kind = _attribute(parameter.name, parameter.annotation)
        if not kind:
            raise PluginError(
                f"{who}: its parameter '{parameter.name}' has no unit as ending, such as _bits, and no type that says "
                "what it takes (int, float, str, bool)"
            )
        if given is not None:
            try:
                given = convert(given, kind, inner=True)
            except ValueError as error:
                raise PluginError(f"{who}: the default of '{parameter.name}': {error}") from None
        attributes[attribute] = Attribute(attribute, kind, given)
        parameters[attribute] = (parameter.name, parameter.annotation in (int, "int"))
    for attribute, value in defaults.items():
        if attribute not in attributes:
            raise PluginError(f"{who} has no attribute '{attribute}' (accepted: {', '.join(attributes) or 'none'})")
        kind = attributes[attribute].kind
        try:
            attributes[attribute] = Attribute(attribute, kind, convert(value, kind))
        except ValueError as error:
            raise PluginError(f"the default of '{attribute}' for {who}: {error}") from None
    return Plugin(name, attributes, package, target, function, parameters, technology)


def _attribute(name: str, annotation: object) -> tuple[str, str]:
    """`size_bits` is the attribute `size` of kind bits; without a unit as ending the type says the kind."""
    for unit in sorted(DIMENSIONS, key=len, reverse=True):
        if name.endswith(f"_{unit}") and len(name) > len(unit) + 1:
            return name.removesuffix(f"_{unit}"), unit
    return name, _KINDS.get(annotation, "") if isinstance(annotation, (type, str)) else ""


def ask(plugin: Plugin, values: Mapping[str, Scalar], technology_nm: float | None) -> Estimate:
    """Call the function. Raises: PluginError if it raises or returns anything but an `Estimate`."""
    arguments: dict[str, object] = {}
    for attribute, value in values.items():
        parameter, whole = plugin.parameters[attribute]
        if whole and isinstance(value, float):
            if value != int(value):
                raise PluginError(f"{attribute} must be a whole number, not {value:g} ({plugin.said})")
            value = int(value)
        arguments[parameter] = value
    if plugin.technology and technology_nm is not None:
        arguments[TECHNOLOGY] = technology_nm
    elif plugin.technology == "needs it":
        raise PluginError(f"{plugin.said} needs a technology; say 'technology: 32 nm' in the architecture")
    try:
        found = plugin.function(**arguments)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - code of others, which may do anything
        raise PluginError(f"{plugin.said} raised {raised(error)}") from None
    if not isinstance(found, Estimate):
        raise PluginError(f"{plugin.said} returned {type(found).__name__}, not an Estimate")
    return found
