"""Quantities: `144 KiB`, `400 MHz`, `0.239 pJ`, `16 B/cycle`. Units are parsed and printed here and nowhere else.

Every dimension has one inner unit, which the names of the values in the code carry (`capacity_bits`, `energy_pj`).
Numbers are converted as fractions and rounded once, so `0.239 pJ` is the float 0.239 and nothing beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from sata.specs.text.faults import did_you_mean


@dataclass(frozen=True, slots=True)
class Dimension:
    """A kind of quantity: `noun` for sentences, `units` -> inner units, largest value that makes sense, zero or not."""

    noun: str
    units: Mapping[str, Fraction]
    example: str
    largest: str
    zero: bool = True
    whole: bool = False


def _powers(base: str, scales: Mapping[str, str]) -> dict[str, Fraction]:
    return {prefix + base: Fraction(scale) for prefix, scale in scales.items()}


_BITS = {"b": Fraction(1)} | _powers(
    "B", {"": "8", "k": "8e3", "M": "8e6", "G": "8e9", "T": "8e12", "Ki": str(8 << 10), "Mi": str(8 << 20),
          "Gi": str(8 << 30), "Ti": str(8 << 40)}
)  # fmt: skip

DIMENSIONS: Mapping[str, Dimension] = {
    "bits": Dimension("size", _BITS, "144 KiB", "1024 TiB", zero=False, whole=True),
    "hz": Dimension("frequency", _powers("Hz", {"": "1", "k": "1e3", "M": "1e6", "G": "1e9"}), "400 MHz", "1000000 GHz",
                    zero=False),
    "nm": Dimension("length", {"nm": Fraction(1), "um": Fraction(1000)}, "32 nm", "1000 um", zero=False),
    "pj": Dimension("energy", _powers("J", {"f": "1e-3", "p": "1", "n": "1e3", "u": "1e6", "m": "1e9"}),
                    "0.239 pJ", "1000000 mJ"),
    "um2": Dimension("area", {"um2": Fraction(1), "mm2": Fraction(10**6)}, "305.71 um2", "1000000 mm2"),
    "mw": Dimension("power", _powers("W", {"p": "1e-9", "n": "1e-6", "u": "1e-3", "m": "1", "": "1e3"}),
                    "4.95 uW", "1000000 W"),
    "bits_per_cycle": Dimension("bandwidth", {f"{unit}/cycle": scale for unit, scale in _BITS.items()}, "16 B/cycle",
                                "1024 TiB/cycle", zero=False),
    "seconds": Dimension("time", _powers("s", {"p": "1e-12", "n": "1e-9", "u": "1e-6", "m": "1e-3", "": "1"}),
                         "10 ns", "1000000000 s"),
    "share": Dimension("share", {"%": Fraction(1, 100)}, "15 %", "1000 %"),
}  # fmt: skip

# The exponent has at most three digits: `1e999999999` would be computed in full as a fraction.
_QUANTITY = re.compile(r"\s*([-+]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][-+]?\d{1,3})?)\s*(.*?)\s*", re.DOTALL)


def parse_quantity(text: object, dimension: str) -> int | float:
    """The value of `text` in the inner unit that `dimension` names: "bits" gives an int, all others a float.

    Raises: ValueError whose text says what is wrong and lists the accepted units with an example.
    """
    dim = DIMENSIONS[dimension]
    expected = f"expected {_article(dim)} {dim.noun} in {', '.join(dim.units)}, such as '{dim.example}'"
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        raise ValueError(f"{text} has no unit; {expected}")
    if not isinstance(text, str):
        raise ValueError(f"{_shown(text)} is not a quantity; {expected}")
    return _parsed(text, dimension, expected)


@lru_cache(maxsize=4096)
def _parsed(text: str, dimension: str, expected: str) -> int | float:
    dim = DIMENSIONS[dimension]
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{_shown(text)} is not a quantity; {expected}")
    number, unit = match[1], re.sub(r"\s*/\s*", "/", match[2])
    if not unit:
        raise ValueError(f"{_shown(text)} has no unit; {expected}")
    if unit not in dim.units:
        raise ValueError(_wrong_unit(text, unit, dim, expected))
    return _in_range(Fraction(number) * dim.units[unit], text, dim)


def _shown(text: object) -> str:
    if text is None or isinstance(text, bool):
        return "nothing" if text is None else str(text).lower()
    shown = repr(text)
    return shown if len(shown) <= 60 else shown[:56] + "...'"


def _wrong_unit(text: str, unit: str, dim: Dimension, expected: str) -> str:
    for other in DIMENSIONS.values():
        if unit in other.units:
            return f"{_shown(text)} is {'an' if other.noun[0] in 'ae' else 'a'} {other.noun}; {expected}"
    folded = {known.lower(): known for known in reversed(list(dim.units))}
    near = folded.get(unit.lower())
    hint = f"did you mean '{near}'?" if near else did_you_mean(unit, dim.units)
    return f"unknown unit {_shown(unit)} in {_shown(text)}; {hint + ' ' if hint else ''}{expected}"


def _article(dim: Dimension) -> str:
    return "an" if dim.noun[0] in "ae" else "a"


def _in_range(value: Fraction, text: str, dim: Dimension) -> int | float:
    if value < 0:
        raise ValueError(f"{_shown(text)} is negative; {_article(dim)} {dim.noun} such as '{dim.example}' is expected")
    if value == 0 and not dim.zero:
        raise ValueError(f"{_shown(text)} is zero; {_article(dim)} {dim.noun} such as '{dim.example}' is expected")
    number, unit = dim.largest.split()
    if value > int(number) * dim.units[unit]:
        raise ValueError(f"{_shown(text)} is too large for {_article(dim)} {dim.noun}; at most {dim.largest}")
    if dim.whole:
        if value.denominator != 1:
            raise ValueError(f"{_shown(text)} is {float(value):g} bits; a {dim.noun} must be a whole number of bits")
        return int(value)
    return float(value)


def format_quantity(value: float, dimension: str) -> str:
    """`value` (in the inner unit) as text in the unit that reads best: 1179648 bits is '144 KiB', 2500 pJ '2.5 nJ'.

    Whole numbers of bits come out exact; other values have six digits.
    """
    dim = DIMENSIONS[dimension]
    if dimension in ("bits", "bits_per_cycle"):
        return _format_bits(value, dim)
    inner = next((unit for unit, scale in dim.units.items() if scale == 1), next(iter(dim.units)))  # a share: %
    best = min(dim.units, key=lambda u: _awkwardness(value, float(dim.units[u]))) if value else inner
    return f"{value / float(dim.units[best]):.6g} {best}"


def _awkwardness(value: float, scale: float) -> float:
    """0 is best: the largest unit that leaves at least 1; else the smallest unit."""
    return scale if scale > abs(value) else -scale


def _format_bits(value: float, dim: Dimension) -> str:
    binary = [u for u in dim.units if u[0] not in "kMGT" or u[1] == "i"]
    if value == int(value):
        whole = [u for u in binary if value and int(value) % dim.units[u] == 0]
        exact = max(whole, key=lambda u: dim.units[u], default="")
        if exact and value / dim.units[exact] < 10_000:
            return f"{int(value / dim.units[exact])} {exact}"
    best = min(binary, key=lambda u: _awkwardness(value, float(dim.units[u])))
    return f"{value / float(dim.units[best]):.6g} {best}"
