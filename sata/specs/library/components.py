"""The frozen values that a library becomes: components and their attributes. Numbers are in the units their names say.

A component is one of four: a `Primitive` (a reference point and how it scales), a `Table` (rows of a CSV file), a
`Compound` (parts, and what an action does to them) or an `Estimator` (a plug-in's function). What they cost for given
attributes is computed in `sata.costs`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from sata.specs.text.faults import Where
from sata.specs.text.units import DIMENSIONS, format_quantity, parse_quantity

Scalar = int | float | str | bool

QUANTITIES = ("energy", "area", "leakage")


@dataclass(frozen=True, slots=True)
class Attribute:
    """What a class accepts. `kind`: a dimension of `units.DIMENSIONS`, number, text, boolean. No default: required."""

    name: str
    kind: str
    default: Scalar | None = None
    where: Where = Where()


@dataclass(frozen=True, slots=True)
class Scale:
    """How a quantity follows an attribute. `rule`: linear | quadratic | constant | log | table | power.

    `points` (rule table): attribute value -> factor, in ascending order; only ratios of factors count.
    `exponent` (rule power), which holds from `low` to `high`, both included.
    """

    rule: str
    points: tuple[tuple[float, float], ...] = ()
    exponent: float = 1.0
    low: float = 0.0
    high: float = math.inf


@dataclass(frozen=True, slots=True)
class Reference:
    """Values that attributes have where the numbers of a component hold, and how each quantity leaves that point.

    `scales`: attribute -> quantity -> scale. An attribute of `at` without a scale takes its reference value only.
    """

    at: Mapping[str, Scalar] = field(default_factory=dict)
    scales: Mapping[str, Mapping[str, Scale]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """How uncertain the numbers of a class are: relative and standard. `energy`: action -> of its energy."""

    energy: Mapping[str, float] = field(default_factory=dict)
    leakage: float = 0.0


@dataclass(frozen=True, slots=True)
class Primitive:
    """A reference point. `area_um2`, `leakage_mw`: of one instance; None is not priced. `cycles`: 1 where not given.

    `uncertainty`: of its numbers; 0 where not given.
    """

    name: str
    attributes: Mapping[str, Attribute]
    reference: Reference
    energy_pj: Mapping[str, float]
    area_um2: float | None = None
    leakage_mw: float | None = None
    cycles: Mapping[str, float] = field(default_factory=dict)
    technology_nm: float | None = None
    source: str = ""
    where: Where = Where()
    uncertainty: Uncertainty = Uncertainty()

    @property
    def actions(self) -> tuple[str, ...]:
        return tuple(self.energy_pj)


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table: attribute columns and quantity columns (`energy.read`, `area`, `leakage`), in inner units."""

    line: int
    keys: Mapping[str, Scalar]
    values: Mapping[str, float]
    source: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of `file`. `interpolate`: attribute -> linear | log | power; every other attribute must match a row.

    `reference` scales with attributes that are no columns. `uncertainty`: as in `Primitive`.
    """

    name: str
    attributes: Mapping[str, Attribute]
    file: str
    rows: tuple[TableRow, ...]
    interpolate: Mapping[str, str]
    reference: Reference = Reference()
    extrapolate: bool = False
    cycles: Mapping[str, float] = field(default_factory=dict)
    technology_nm: float | None = None
    source: str = ""
    where: Where = Where()
    uncertainty: Uncertainty = Uncertainty()

    @property
    def actions(self) -> tuple[str, ...]:
        values = self.rows[0].values if self.rows else {}
        return tuple(v.removeprefix("energy.") for v in values if v.startswith("energy."))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a compound: `count` of `component`, whose attributes are values or expressions in the compound's."""

    name: str
    component: str
    attributes: Mapping[str, object] = field(default_factory=dict)
    count: object = 1
    where: Where = Where()
    places: Mapping[str, Where] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Use:
    """One entry of an action's bag: `part` does `action` `count` times (a number or an expression)."""

    part: str
    action: str
    count: object
    where: Where = Where()


@dataclass(frozen=True, slots=True)
class Compound:
    """Parts, and actions as bags of part actions. Area and leakage are the sums of the parts'.

    `cycles` of an action: as given, else the largest of its part actions' (they work side by side or in a pipeline).
    """

    name: str
    attributes: Mapping[str, Attribute]
    parts: Mapping[str, Part]
    bags: Mapping[str, tuple[Use, ...]]
    cycles: Mapping[str, float] = field(default_factory=dict)
    source: str = ""
    where: Where = Where()

    @property
    def actions(self) -> tuple[str, ...]:
        return tuple(self.bags)


@dataclass(frozen=True, slots=True)
class Estimator:
    """A class that code prices: the function `target` ("module:function"), or the plug-in of an installed `package`.

    One of the two is empty. `defaults`: attribute -> value as written. What it accepts and does, only its code knows.
    """

    name: str
    target: str
    package: str
    defaults: Mapping[str, Scalar] = field(default_factory=dict)
    source: str = ""
    where: Where = Where()
    places: Mapping[str, Where] = field(default_factory=dict)

    @property
    def attributes(self) -> Mapping[str, Attribute]:
        return {}

    @property
    def actions(self) -> tuple[str, ...]:
        return ()


Component = Primitive | Table | Compound | Estimator


@dataclass(frozen=True, slots=True)
class Library:
    """Components of one technology node (None: of any). `text_hash`: of the library file and all its tables."""

    name: str
    components: Mapping[str, Component]
    technology_nm: float | None = None
    source: str = ""
    text_hash: str = ""
    where: Where = Where()


def kind_of(value: Scalar) -> str:
    """The kind that a value written in a library declares: `16 b` is "bits", 4 is "number", `lop` is "text"."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    for dimension in DIMENSIONS:
        try:
            parse_quantity(value, dimension)
        except ValueError:
            continue
        return dimension
    return "text"


def convert(value: object, kind: str, inner: bool = False) -> Scalar:
    """The value in the inner unit of `kind`. `inner`: bare numbers are in that unit already (results of expressions).

    Raises: ValueError that says what was expected.
    """
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind in DIMENSIONS:
        if inner and isinstance(value, (int, float)) and not isinstance(value, bool):
            if value <= 0:
                raise ValueError(f"a {DIMENSIONS[kind].noun} must be more than zero, not {value}")
            return value
        return parse_quantity(value, kind)
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind == "number" and number:
        return value  # type: ignore[return-value]
    if kind == "text" and isinstance(value, str):
        return value
    expected = {"boolean": "true or false", "number": "a number", "text": "text"}[kind]
    raise ValueError(f"expected {expected}, not {value!r}")


def quantity_text(value: Scalar, kind: str) -> str:
    """A value for sentences and origins, with its unit."""
    if kind == "bits" and isinstance(value, (int, float)) and value < 1024:
        return f"{value:g} b"
    if kind in DIMENSIONS and isinstance(value, (int, float)):
        return format_quantity(value, kind)
    return str(value)
