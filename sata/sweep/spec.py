"""`sweep:` -> `Sweep`: the points, each with its files and variables, and every fault with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from sata.specs.text import schema
from sata.specs.text.faults import Faults, SpecError, did_you_mean
from sata.specs.text.find import beside, find, mapping_name
from sata.specs.text.source import Doc, Path_, read
from sata.specs.text.units import parse_quantity

MOST = 100_000  # points
SOURCES = ("arch", "workload", "mapping")
VARIED = (*SOURCES, "ops")  # besides variables
Scalar = int | float | str | bool


@dataclass(frozen=True)
class Mapper:
    """How each point is mapped. budget: seconds for each; constraints: a file."""

    objective: str = "energy"
    budget: float | None = None
    constraints: str | None = None
    imperfect: bool = False


@dataclass(frozen=True)
class SweepPoint:
    """One point, from 1. varied: what the sweep varies, in its order. files: "arch", "workload", "mapping" -> path."""

    number: int
    varied: Mapping[str, Scalar]
    files: Mapping[str, str]
    variables: Mapping[str, Scalar]
    ops: str | None = None


@dataclass(frozen=True)
class Sweep:
    """All of a sweep. columns: names of what is varied."""

    name: str
    points: tuple[SweepPoint, ...]
    columns: tuple[str, ...]
    mapper: Mapper | None = None
    by: tuple[str, ...] = ()
    pareto: tuple[str, ...] = ("energy_pj", "cycles")
    sources: tuple[str, ...] = field(default=())  # every file that is named


def read_sweep(source: Any, variables: Mapping[str, Any] | None = None) -> Sweep:
    """The sweep of a path, YAML text or dict. variables: override those that the file itself declares.

    Raises: SpecError with every fault found.
    """
    doc = read(source, variables=variables, folder="sweeps")
    faults = Faults()
    for name in variables or {}:
        if name not in doc.declared:
            known = f"(declared: {', '.join(doc.declared)})" if doc.declared else "(none is declared)"
            hint = f"{did_you_mean(name, doc.declared)} {known}".strip()
            faults.add(doc.where(()), f"the sweep declares no variable '{name}'", hint)
    if "sweep" not in doc.data and not did_you_mean("sweep", doc.data):
        faults.add(doc.where(()), "there is no key 'sweep'")
    for key in doc.data:
        if key != "sweep":
            message = f"unknown top key '{key[:60]}', expected one of: sweep, variables, include"
            faults.add(doc.where((key,), True), message, did_you_mean(key, ("sweep", "variables", "include")))
    faults.check()
    schema.validate(doc, "sweep", faults)
    faults.check()
    return _SweepReader(doc, faults).sweep()


class _SweepReader:
    """Reads a document that has passed the schema."""

    def __init__(self, doc: Doc, faults: Faults) -> None:
        self.doc, self.faults = doc, faults
        self.data: Mapping[str, Any] = doc.data["sweep"]
        self.folder = doc.files[0].parent if doc.files else Path()
        self.found: dict[tuple[str, str], str | None] = {}

    def sweep(self) -> Sweep:
        fixed, grid, listed = (self.data.get(key, {}) for key in ("set", "grid", "list"))
        fixed = {**{key: self.data[key] for key in VARIED if key in self.data}, **fixed}
        columns = dict.fromkeys([*(name for entry in listed for name in entry), *grid])
        self.check_names(fixed, grid, list(listed))
        number = prod(len(values) for values in grid.values()) * max(len(listed), 1)
        if number > MOST:
            self.faults.add(self.doc.where(("sweep",)), f"{number:,} points; a sweep may have at most {MOST:,}")
        self.faults.check()
        points = tuple(self.points(fixed, grid, list(listed) or [{}]))
        self.check_variables(points)
        self.faults.check()
        return Sweep(
            self.data.get("name", "sweep"), points, tuple(columns), self.mapper(), tuple(self.data.get("by", ())),
            tuple(self.data.get("pareto", ("energy_pj", "cycles"))),
            tuple(dict.fromkeys(path for path in self.found.values() if path is not None)),
        )  # fmt: skip

    # --- what is varied -----------------------------------------------------------------------------------------

    def check_names(self, fixed: Mapping[str, Any], grid: Mapping[str, Any], listed: list[Mapping[str, Any]]) -> None:
        """Everything is said once, and something is said of what has to be."""
        for key in VARIED:
            if key in self.data.get("set", {}):
                self.add(("sweep", "set", key), f"'{key}' is not a variable", f"say '{key}:' beside 'set'", True)
        for name in grid:
            if name in fixed:
                self.add(
                    ("sweep", "grid", name), f"'{name}' is said twice: here and {_place(self.data, name)}", "", True
                )
        for i, entry in enumerate(listed):
            for name in entry:
                if name in grid or name in fixed:
                    there = "in 'grid'" if name in grid else _place(self.data, name)
                    self.add(("sweep", "list", i, name), f"'{name}' is said twice: here and {there}", "", True)
            if "arch" not in {*entry, *grid, *fixed}:
                self.add(("sweep", "list", i), "a point without 'arch' (the file of the architecture)")
        if not listed and "arch" not in {*grid, *fixed}:
            self.add(("sweep",), "missing key 'arch' (the file of the architecture)")
        if "map" in self.data and any("mapping" in names for names in (fixed, grid, *listed)):
            hint = "leave out 'map' or 'mapping'"
            self.add(("sweep", "map"), "a point is given a mapping or is mapped, not both", hint, True)

    def points(
        self, fixed: Mapping[str, Scalar], grid: Mapping[str, list[Scalar]], listed: list[Mapping[str, Scalar]]
    ) -> Iterator[SweepPoint]:
        number = 0
        for at, entry in enumerate(listed):
            for values in product(*grid.values()):
                number += 1
                own = {**entry, **dict(zip(grid, values, strict=True))}
                every = {**fixed, **own}
                files = {
                    k: path for k in SOURCES if k in every and (path := self.file(k, every[k], at, grid)) is not None
                }
                variables = {name: value for name, value in every.items() if name not in VARIED}
                yield SweepPoint(number, own, files, variables, str(every["ops"]) if "ops" in every else None)

    def file(self, key: str, name: Scalar, at: int, grid: Mapping[str, list[Scalar]]) -> str | None:
        """The path of a file that a point names; None, with a fault at its place, if there is none."""
        if (key, str(name)) not in self.found:
            path: Path_ = ("sweep", key)
            if key in grid:
                path = ("sweep", "grid", key, grid[key].index(name))
            elif key in (self.data.get("list") or [{}])[at]:
                path = ("sweep", "list", at, key)
            self.found[key, str(name)] = self.beside(str(name), path, key)
        return self.found[key, str(name)]

    def beside(self, name: str, path: Path_, what: str) -> str | None:
        try:
            return str(beside(name, self.folder, self.doc.where(path), what))
        except SpecError as error:
            self.faults.extend(error.faults)
            return None

    def mapper(self) -> Mapper | None:
        if "map" not in self.data:
            return None
        given = self.data["map"]
        budget = given.get("budget")
        constraints = None
        if "constraints" in given:
            constraints = self.beside(given["constraints"], ("sweep", "map", "constraints"), "file of constraints")
            self.faults.check()
            self.found["constraints", ""] = constraints
        return Mapper(
            given.get("objective", "energy"), None if budget is None else float(parse_quantity(budget, "seconds")),
            constraints, given.get("imperfect", given.get("ragged", False)),
        )  # fmt: skip

    # --- variables ----------------------------------------------------------------------------------------------

    def check_variables(self, points: tuple[SweepPoint, ...]) -> None:
        """A variable that no file of any point declares is a fault; of some points, it is theirs."""
        self.faults.check()
        declared: dict[str, None] = {}
        for files in {tuple(p.files.items()): p.files for p in points}.values():
            for path in [*files.values(), *self.shipped_mapping(files)]:
                declared |= dict.fromkeys(read(path, raw=lambda _: True).declared)
        names: dict[str, Path_] = {}
        for key in ("set", "grid"):
            names |= {name: ("sweep", key, name) for name in self.data.get(key, {})}
        for i, entry in enumerate(self.data.get("list", [])):
            names |= {name: ("sweep", "list", i, name) for name in entry if name not in names}
        for name, at in names.items():
            if name not in declared and name not in VARIED:
                known = f"(declared: {', '.join(declared)})" if declared else "(none is declared)"
                hint = f"{did_you_mean(name, [*declared, *VARIED])} {known}".strip()
                self.add(at, f"no file declares the variable '{name}'", hint, True)

    def shipped_mapping(self, files: Mapping[str, str]) -> list[str]:
        """The mapping that is taken where none is named."""
        if "mapping" in files or "map" in self.data:
            return []
        arch = read(files["arch"], raw=lambda _: True).data.get("arch")
        name = arch.get("name") if isinstance(arch, dict) else None
        try:
            file = mapping_name(name) if isinstance(name, str) else ""
            return [str(find(file, "mappings"))] if file else []
        except SpecError:
            return []

    def add(self, path: Path_, message: str, hint: str = "", key: bool = False) -> None:
        self.faults.add(self.doc.where(path, key), message, hint)


def _place(data: Mapping[str, Any], name: str) -> str:
    return "in 'set'" if name in data.get("set", {}) else f"as '{name}:' of the sweep"
