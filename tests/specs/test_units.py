"""Quantities: exact values, every unit, and what is said about a wrong one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sata.specs.text.units import DIMENSIONS, format_quantity, parse_quantity


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("144 KiB", "bits", 144 * 1024 * 8),
        ("144KiB", "bits", 144 * 1024 * 8),
        ("1.5 kB", "bits", 12_000),
        ("64 b", "bits", 64),
        ("1e3 B", "bits", 8000),
        ("400 MHz", "hz", 4e8),
        ("32 nm", "nm", 32.0),
        ("0.239 pJ", "pj", 0.239),
        ("239 fJ", "pj", 0.239),
        ("305.71 um2", "um2", 305.71),
        ("0.5 mm2", "um2", 500_000.0),
        ("4.95 uW", "mw", 0.00495),
        ("16 B/cycle", "bits_per_cycle", 128.0),
        ("16 B / cycle", "bits_per_cycle", 128.0),
        ("10 ns", "seconds", 1e-8),
        ("0 pJ", "pj", 0.0),
    ],
)
def test_value_is_exact(text: str, dimension: str, value: float) -> None:
    parsed = parse_quantity(text, dimension)
    assert parsed == value
    assert isinstance(parsed, int if dimension == "bits" else float)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_every_unit_parses(dimension: str) -> None:
    for unit, scale in DIMENSIONS[dimension].units.items():
        assert parse_quantity(f"8 {unit}", dimension) == pytest.approx(float(8 * scale), rel=1e-15)


@pytest.mark.parametrize(
    ("text", "dimension", "says"),
    [
        (144, "bits", "144 has no unit; expected a size in b, "
         "B, kB, MB, GB, TB, KiB, MiB, GiB, TiB, such as '144 KiB'"),
        ("32", "nm", "'32' has no unit; expected a length in nm, um, such as '32 nm'"),
        ("400 MHz", "nm", "'400 MHz' is a frequency; expected a length in nm, um, such as '32 nm'"),
        ("3 ghz", "hz", "unknown unit 'ghz' in '3 ghz'; did you mean 'GHz'? expected a frequency in Hz, kHz, MHz, GHz, "
         "such as '400 MHz'"),
        ("-1 nm", "nm", "'-1 nm' is negative; a length such as '32 nm' is expected"),
        ("0 B", "bits", "'0 B' is zero; a size such as '144 KiB' is expected"),
        ("0.1 b", "bits", "'0.1 b' is 0.1 bits; a size must be a whole number of bits"),
        ("1e999 B", "bits", "'1e999 B' is too large for a size; at most 1024 TiB"),
        (True, "nm", "true is not a quantity; expected a length in nm, um, such as '32 nm'"),
        ("", "nm", "'' is not a quantity; expected a length in nm, um, such as '32 nm'"),
        ("nan pJ", "pj", "'nan pJ' is not a quantity; expected an energy in fJ, pJ, nJ, uJ, mJ, such as '0.239 pJ'"),
    ],
)  # fmt: skip
def test_fault_teaches(text: object, dimension: str, says: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 -- the whole text is compared
        parse_quantity(text, dimension)
    assert str(error.value) == says


@given(st.text(max_size=60), st.sampled_from(sorted(DIMENSIONS)))
def test_any_text_is_a_value_or_a_sentence(text: str, dimension: str) -> None:
    try:
        assert parse_quantity(text, dimension) >= 0
    except ValueError as error:
        assert str(error)


def test_no_number_is_computed_in_full_by_a_huge_exponent() -> None:
    with pytest.raises(ValueError, match="no unit|no quantity|unknown unit"):
        parse_quantity("1e999999999 B", "bits")


@given(st.integers(min_value=1, max_value=2**50))
def test_formatted_bits_read_back(bits: int) -> None:
    number, unit = format_quantity(bits, "bits").split()
    assert float(number) * float(DIMENSIONS["bits"].units[unit]) == pytest.approx(bits, rel=1e-5)


@pytest.mark.parametrize(
    ("value", "dimension", "text"),
    [(1179648, "bits", "144 KiB"), (9216, "bits", "1152 B"), (3, "bits", "3 b"), (2500.0, "pj", "2.5 nJ"),
     (0.0, "pj", "0 pJ"), (0.00495, "mw", "4.95 uW"), (128.0, "bits_per_cycle", "16 B/cycle"), (4e8, "hz", "400 MHz")],
)  # fmt: skip
def test_format(value: float, dimension: str, text: str) -> None:
    assert format_quantity(value, dimension) == text


@pytest.mark.parametrize(("value", "text"), [(0.15, "15 %"), (0.0, "0 %"), (1.0, "100 %")])
def test_shares_are_percent(value: float, text: str) -> None:
    """They have no unit of scale 1."""
    assert format_quantity(value, "share") == text
