"""Registries: what sata knows by name and others may add to, through entry points of installed packages.

A registry maps names to objects of one kind: density models, formats, strategies, and so on. Its rows are the names of
sata's own objects, as `module:object`, and the entry points of a group. An object is imported when it is first asked
for. Installed packages are looked through only for a name that is not sata's own, so that a package can add a name and
never replace one. `sata check` loads nothing of a third party: there, asking for such a name raises `NotRunError`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar

from sata.specs.text.access import granted
from sata.specs.text.faults import Fault, SpecError, Where, did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")
OWN = "sata"  # who registers what ships


class NotRunError(SpecError):
    """An object of a third party is asked for where none may be loaded (`sata check`)."""


@dataclass(frozen=True, slots=True)
class RegistryRow:
    """A row as it is listed; nothing is loaded for it.

    name: what a file or a command calls it.
    owner: `sata`, or the package that registers it, with its version.
    target: `module:object`, or the file of a template.
    fault: why the row cannot be used; empty if it can.
    """

    name: str
    owner: str
    target: str
    fault: str = ""


@lru_cache(maxsize=64)
def _points(group: str, _path: tuple[str, ...]) -> dict[str, tuple[EntryPoint, ...]]:
    from importlib.metadata import entry_points

    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in sorted(entry_points(group=group), key=package_of):
        if point not in found.get(point.name, ()):  # a package may lie on the path twice
            found[point.name] = (*found.get(point.name, ()), point)
    return found


def entry_points_of(group: str) -> dict[str, tuple[EntryPoint, ...]]:
    """The installed entry points of a group by name, those of one name in the order of their packages' names."""
    return _points(group, tuple(sys.path))


def package_of(point: EntryPoint) -> str:
    """The package of an entry point, with its version: `my-package 1.0`."""
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.module


def raised(error: BaseException) -> str:
    """An exception of somebody else's code in one line."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:200]}" if text else type(error).__name__


class Registry(Mapping[str, T], Generic[T]):
    """Objects of one kind by name: a mapping that loads what is asked for.

    Iteration gives sata's own names first, in their order, then those of installed packages. A name that is not known
    is a KeyError; an object that cannot be used is a SpecError of one line that names the package and the object.
    """

    def __init__(self, kind: str, group: str, own: Mapping[str, str], accept: Callable[[str, object], T]) -> None:
        """A registry.

        kind: what its objects are called in messages, such as `density model`.
        group: the entry-point group of packages that add to it.
        own: name -> `module:object` of what ships.
        accept: takes a name and its object, gives the object with its type; ValueError says what is expected instead.
        """
        self.kind, self.group, self.own = kind, group, own
        self._accept = accept
        self._loaded: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        found = self._loaded.get(name)
        if found is None:
            if name in self.own:
                found = self._loaded[name] = self._load(name, self.own[name], OWN)
            else:
                return self._installed(name)
        return found

    def __iter__(self) -> Iterator[str]:
        yield from self.own
        yield from (name for name in entry_points_of(self.group) if name not in self.own)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self.own or name in entry_points_of(self.group)

    def rows(self) -> list[RegistryRow]:
        """All rows, faulty ones too. Nothing is loaded."""
        found = [RegistryRow(name, OWN, target) for name, target in self.own.items()]
        for name, points in entry_points_of(self.group).items():
            fault = "the name is sata's own, which is used" if name in self.own else _twice(points)
            found += [RegistryRow(name, package_of(point), point.value, fault) for point in points]
        return found

    def owner(self, name: str) -> str:
        """Who registers a name: `sata`, or a package with its version; empty for a name that is not known."""
        points = () if name in self.own else entry_points_of(self.group).get(name, ())
        return OWN if name in self.own else " and ".join(package_of(p) for p in points)

    def hint(self, name: str) -> str:
        """What to write in place of a name that is not known."""
        return did_you_mean(name, self) or f"{self.kinds}: {', '.join(self)}"

    @property
    def kinds(self) -> str:
        """Several of its kind: `strategies`."""
        return f"{self.kind[:-1]}ies" if self.kind.endswith("y") else f"{self.kind}s"

    def _installed(self, name: str) -> T:
        points = entry_points_of(self.group).get(name, ())
        if not points:
            raise KeyError(name)
        if _twice(points):
            raise self._fault(name, _twice(points), f"uninstall one of them (entry points of the group {self.group})")
        if not granted().code:
            said = f"the {self.kind} '{name}' of {package_of(points[0])}"
            granted().unloaded.add(said)
            raise NotRunError([Fault(Where(), f"{said} is not loaded here")])
        key = f"{name} {points[0].value}"  # another package on another path is another object
        if key not in self._loaded:
            self._loaded[key] = self._load(name, points[0].value, package_of(points[0]))
        return self._loaded[key]

    def _load(self, name: str, target: str, owner: str) -> T:
        module, _, attribute = target.partition(":")
        who = f"{owner} ({target})"
        try:
            found: object = importlib.import_module(module)
            for part in attribute.split(".") if attribute else ():
                found = getattr(found, part)
        except (Exception, SystemExit) as error:
            if owner == OWN:
                raise
            raise self._fault(name, f"{who} cannot be loaded: {raised(error)}") from None
        try:
            return self._accept(name, found)
        except ValueError as error:
            raise self._fault(name, f"{who} is not one: {error}") from None

    def _fault(self, name: str, message: str, hint: str = "") -> SpecError:
        return SpecError([Fault(Where(), f"{self.kind} '{name}': {message}", hint)])


def _twice(points: tuple[EntryPoint, ...]) -> str:
    if len(points) < 2:
        return ""
    return f"is defined twice: by {' and '.join(f'{package_of(p)} ({p.value})' for p in points)}"


def instance_of(wanted: type[T]) -> Callable[[str, object], T]:
    """An `accept` for instances of a class, which are called as their row is where they have a name."""

    def accept(name: str, found: object) -> T:
        if not isinstance(found, wanted):
            raise ValueError(f"found {_kind_of(found)}, expected an instance of {_said(wanted)}")
        _check_name(name, found)
        return found

    return accept


def class_like(wanted: Callable[..., T]) -> Callable[[str, object], type[T]]:
    """An `accept` for classes that have whatever a protocol asks for, and are called as their row is."""
    asked = [name for name in (*vars(wanted).get("__annotations__", {}), *vars(wanted)) if not name.startswith("_")]

    def accept(name: str, found: object) -> type[T]:
        if not isinstance(found, type):
            raise ValueError(f"found {_kind_of(found)}, expected a class such as {_said(wanted)}")
        there = {name for cls in found.__mro__ for name in (*vars(cls), *vars(cls).get("__annotations__", {}))}
        missing = [name for name in asked if name not in there]
        if missing:
            raise ValueError(f"it does not have {', '.join(missing)}, which {_said(wanted)} asks for")
        _check_name(name, found)
        return found

    return accept


def _check_name(name: str, found: object) -> None:
    own = getattr(found, "name", name)
    if own != name:
        raise ValueError(f"its name is {own!r}, expected {name!r}")


def _said(wanted: Callable[..., object]) -> str:
    return f"{wanted.__module__}.{wanted.__qualname__}"


def _kind_of(found: object) -> str:
    return f"the class {found.__qualname__}" if isinstance(found, type) else f"an object of {type(found).__qualname__}"
