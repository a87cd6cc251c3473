"""Reading the parameters of density models: each function gives a checked value or says what was expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sata.counts.density.interface import BadParameter, Parameter, Subject
from sata.specs.text.faults import did_you_mean
from sata.specs.text.includes import what

ROUNDED = 1 + 1e-4  # parameters that bound each other may have been rounded
LONGEST = 1 << 16  # coordinates of a dimension whose sets are laid out one by one


def check_keys(name: str, known: Sequence[Parameter], given: Mapping[str, Any]) -> None:
    """Raises: BadParameter for a parameter that the model does not have, or that it needs."""
    names = [p.name for p in known]
    for key in given:
        if key not in names:
            hint = did_you_mean(key, names) or f"its parameters: {', '.join(names)}"
            raise BadParameter(key, f"the density model '{name}' has no parameter '{key}'", hint)
    for p in known:
        if p.required and p.name not in given:
            raise BadParameter("", f"the density model '{name}' needs the parameter '{p.name}'", p.about)


def share_parameter(given: Mapping[str, Any], key: str) -> float:
    """A number from 0 to 1."""
    return share_of(given[key], key, f"'{key}'")


def share_of(value: Any, key: str, name: str) -> float:
    """A value as a number from 0 to 1; `name` is what it is called."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadParameter(key, f"{name} must be a number from 0 to 1, found {what(value)}")
    if not 0 <= value <= 1:  # also refuses NaN
        raise BadParameter(key, f"{name} is {value}; it must be from 0 to 1")
    return float(value)


def steps(given: Mapping[str, Any], subject: Subject, key: str = "density") -> tuple[float, ...]:
    """A number from 0 to 1, or one for each time step: as a tuple of one, or of as many as there are steps."""
    value = given[key]
    if not isinstance(value, (tuple, list)):
        return (share_parameter(given, key),)
    values = tuple(share_of(item, key, f"value {n} of '{key}'") for n, item in enumerate(value, 1))
    if subject.time is None:
        raise BadParameter(key, f"'{key}' is a list over time, but no dimension of the tensor is indexed by t alone")
    if len(values) != subject.shape[subject.time]:
        raise BadParameter(key, f"'{key}' has {len(values)} values for {subject.shape[subject.time]} time steps")
    return values[:1] if len(set(values)) == 1 else values


def whole_parameter(given: Mapping[str, Any], key: str, least: int) -> int:
    """A whole number of at least `least`."""
    value = given[key]
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise BadParameter(key, f"'{key}' must be a whole number of at least {least}, found {what(value)}")
    return int(value)


def dimension(value: Any, subject: Subject, key: str) -> int:
    """The number of a dimension, given as such (from 0, or from the end: -1) or by a rank that indexes it."""
    count = len(subject.shape)
    if isinstance(value, str):
        for n, ranks in enumerate(subject.names):
            if value in ranks:
                return n
        known = [rank for ranks in subject.names for rank in ranks]
        hint = did_you_mean(value, known) or f"its ranks: {', '.join(known)}"
        raise BadParameter(key, f"'{key}': no dimension of the tensor is indexed by '{value}'", hint)
    if isinstance(value, bool) or not isinstance(value, int) or not -count <= value < count:
        message = f"'{key}' must name a dimension by a rank, or by a number from {-count} to {count - 1}"
        raise BadParameter(key, f"{message}, found {what(value)}")
    return int(value) % count


def check_lengths(name: str, subject: Subject, dims: Iterable[int], key: str = "") -> None:
    """Raises: BadParameter for a dimension that is too long for its sets of coordinates to be laid out one by one."""
    for dim in dims:
        if subject.shape[dim] > LONGEST:
            message = f"the density model '{name}' takes at most {LONGEST:,} coordinates in a dimension"
            raise BadParameter(key, f"{message}; dimension {dim} of the tensor has {subject.shape[dim]:,}",
                               "'uniform' and 'temporal' take any number")  # fmt: skip


def two_dimensions(given: Mapping[str, Any], subject: Subject, name: str, key: str = "along") -> tuple[int, int]:
    """Two dimensions; by default the last two that are not time."""
    value = given.get(key)
    if value is None:
        space = [n for n in range(len(subject.shape)) if n != subject.time]
        if len(space) < 2:
            message = f"the density model '{name}' needs two dimensions besides time; the tensor has {len(space)}"
            raise BadParameter("", message, "'uniform' and 'temporal' need none")
        return space[-2], space[-1]
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise BadParameter(key, f"'{key}' takes two dimensions, such as [h, w] or [-2, -1]")
    first, second = (dimension(item, subject, key) for item in value)
    if first == second:
        raise BadParameter(key, f"'{key}' names one dimension twice")
    return first, second
