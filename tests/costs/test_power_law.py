"""The scaling `{power: n}`, with and without a range; `leak` among given counts."""

from __future__ import annotations

import pytest

from sata.costs.given import price_given
from sata.costs.nodes import load_libraries
from sata.costs.prices import Prices
from sata.specs.library.library import is_raw
from sata.specs.text.faults import Faults, SpecError
from sata.specs.text.source import read


def book(scale: str, at: str = "size: 4 KiB", rest: str = "area: 9 um2") -> Prices:
    text = f"""library:
  name: mine
  components:
  - class: m
    at: {{{at}}}
    energy: {{read: 2 pJ}}
    {rest}
    scale: {{{scale}}}
"""
    faults = Faults()
    libraries = load_libraries([], [read(text, raw=is_raw)], faults)
    faults.check()
    return Prices(libraries)


def refused(scale: str, size: str = "", **options: str) -> str:
    with pytest.raises(SpecError) as caught:
        book(scale, **options).price("m", {"size": size} if size else {})
    return str(caught.value)


def test_a_power_of_the_ratio() -> None:
    price = book("size: {energy: {power: 0.5}, area: {power: 1.5}}").price("m", {"size": "16 KiB"})
    assert price.energy_pj["read"] == pytest.approx(2 * 4**0.5)
    assert price.area_um2 == pytest.approx(9 * 4**1.5)
    assert price.origin["read"] == "mine: m, 2 pJ, x 2 (power 0.5 in size from 4 KiB)"


def test_one_law_for_all_quantities_and_negative_powers() -> None:
    price = book("size: {power: -1}").price("m", {"size": "8 KiB"})
    assert (price.energy_pj["read"], price.area_um2) == (1, 4.5)


@pytest.mark.parametrize(("law", "size", "span"), [
    ("{power: 1, from: 2 KiB, to: 8 KiB}", "1 KiB", "at least 2 KiB and at most 8 KiB"),
    ("{power: 1, from: 2 KiB, to: 8 KiB}", "16 KiB", "at least 2 KiB and at most 8 KiB"),
    ("{power: 1, from: 2 KiB}", "1 KiB", "at least 2 KiB"), ("{power: 1, to: 8 KiB}", "16 KiB", "at most 8 KiB"),
])  # fmt: skip
def test_outside_its_range(law: str, size: str, span: str) -> None:
    assert refused(f"size: {law}", size) == (
        f"size: 'm': size {size} is outside the range of its scaling, {span}"
    )  # fmt: skip
    for inside in ("2 KiB", "8 KiB"):
        assert book(f"size: {law}").price("m", {"size": inside}).energy_pj["read"] in (1, 4)


@pytest.mark.parametrize(("scale", "expected"), [
    ("size: {power: 1, from: 8 KiB}", "library.components[0].scale.size: the law does not hold at the reference point 4 KiB"),
    ("size: {power: 1, from: 8}", "library.components[0].scale.size.from: 8 has no unit; expected a size in"),
    ("size: {power: two}", "library.components[0].scale.size"), ("size: {power: 1, form: 1 KiB}", "did you mean 'from'?"),
])  # fmt: skip
def test_faults(scale: str, expected: str) -> None:
    assert expected in refused(scale)


def test_a_number_needs_a_reference_above_zero() -> None:
    expected = "'power' needs a reference above 0, not 0"
    assert expected in refused("lanes: {power: 2}", at="lanes: 0")


def test_what_is_not_priced_needs_no_scale() -> None:
    assert book("size: {energy: linear}", rest="source: none").price("m", {"size": "8 KiB"}).area_um2 is None


COUNTS = """library:
  name: mine
  components:
  - class: m
    energy: {read: 1 pJ}
    leakage: 3 mW
  - class: n
    energy: {leak: 7 pJ, read: 1 pJ}
    leakage: 3 mW
  - class: o
    energy: {read: 1 pJ}
counts:
  libraries: [mine]
  actions:
  - {stage: s, group: g, class: CLASS, action: leak, per: once, count: 10}
"""


def test_leak_of_given_counts_is_power_for_a_nanosecond() -> None:
    (record,) = price_given(COUNTS.replace("CLASS", "m")).records
    assert (record.energy_pj, record.origin) == (30, "mine: m, 3 mW, for 1 ns")
    assert price_given(COUNTS.replace("CLASS", "n")).records[0].energy_pj == 70


def test_leak_that_nobody_prices() -> None:
    with pytest.raises(SpecError, match="no library prices 'leak' of o; it has: read"):
        price_given(COUNTS.replace("CLASS", "o"))
