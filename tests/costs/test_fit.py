"""The memory model of components/memory_32nm.yaml is the fit it says it is, with the errors it states."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from sata.costs.nodes import load_libraries
from sata.costs.prices import Prices
from sata.specs.text.faults import Faults, SpecError, Where
from sata.specs.text.find import shipped

Row = tuple[float, ...]
REFERENCE = 32768.0


def rows(name: str, banks: int) -> list[Row]:
    """(bytes, read pJ, write pJ, leakage mW, area um2 if there) of a shipped table."""
    lines = [line for line in (shipped("components") / name).read_text().splitlines() if line and line[0].isdigit()]
    cells = [line.split(",") for line in lines]
    found = []
    for c in cells:
        if int(c[1]) == banks:
            area = (float(c[5]) * 1e6,) if name == "sram_32nm.csv" else ()
            found.append((float(c[0]), float(c[2]), float(c[3]), float(c[4]), *area))
    return found


def fit(data: Sequence[Row], columns: Sequence[int]) -> tuple[float, list[float]]:
    """One exponent for all columns, a factor at 32 KiB for each: least squares of logarithms."""
    x = [math.log(row[0] / REFERENCE) for row in data]
    mean = sum(x) / len(x)
    y = [[math.log(row[c]) for row in data] for c in columns]
    means = [sum(column) / len(column) for column in y]
    top = sum((a - mean) * (b - m) for column, m in zip(y, means, strict=True) for a, b in zip(x, column, strict=True))
    slope = top / (len(columns) * sum((a - mean) ** 2 for a in x))
    return slope, [math.exp(m - slope * mean) for m in means]


def model() -> Prices:
    faults = Faults()
    libraries = load_libraries([("memory_32nm", Where())], [], faults)
    faults.check()
    return Prices(libraries)


CACTI = rows("sram_32nm.csv", 16)


@pytest.mark.parametrize(("columns", "at", "worst", "rms"), [
    ((1, 2), 0, 5.1, 3.1), ((1, 2), 1, 6.3, 3.8), ((3,), 0, 4.0, 2.6), ((4,), 0, 5.6, 3.5),
])  # fmt: skip
def test_leave_one_out_errors(columns: tuple[int, ...], at: int, worst: float, rms: float) -> None:
    """What the library file states, in per cent: each memory predicted by a fit to the other four."""
    errors = []
    for row in CACTI:
        slope, factors = fit([r for r in CACTI if r is not row], columns)
        errors.append(100 * (factors[at] * (row[0] / REFERENCE) ** slope / row[columns[at]] - 1))
    assert round(max(map(abs, errors)), 1) == worst
    assert round(math.sqrt(sum(e * e for e in errors) / len(errors)), 1) == rms


@pytest.mark.parametrize("name", ["sram_model", "regfile_model"])
def test_the_library_has_the_fit(name: str) -> None:
    price = model().price(name, {"size": "32 KiB", "width": "8 b"})
    slope, (read, write) = fit(CACTI, (1, 2))
    assert price.energy_pj == pytest.approx({"read": read, "write": write}, rel=1e-5)
    other = model().price(name, {"size": "16 KiB", "width": "8 b"})
    assert price.energy_pj["read"] / other.energy_pj["read"] == pytest.approx(2**slope, rel=1e-4)
    for column, here, there in ((3, price.leakage_mw, other.leakage_mw), (4, price.area_um2, other.area_um2)):
        slope, (factor,) = fit(CACTI, (column,))
        assert here is not None
        assert there is not None
        assert here == pytest.approx(factor, rel=1e-4)
        assert here / there == pytest.approx(2**slope, rel=1e-4)


@pytest.mark.parametrize("row", CACTI)
def test_cacti_is_met_within_five_per_cent(row: Row) -> None:
    price = model().price("sram_model", {"size": f"{row[0]:g} B", "width": "8 b"})
    assert list(price.energy_pj.values()) == pytest.approx(row[1:3], rel=0.05)
    assert (price.leakage_mw, price.area_um2) == pytest.approx(row[3:5], rel=0.05)


def test_the_exponent_of_the_width() -> None:
    """Mean over the six 28 nm energies of 256 b, at 32 nm by 32/28; it meets them within 23 %, left out within 29 %."""
    slope, factors = fit(CACTI, (1, 2))
    wide = rows("sram_28nm.csv", 2)

    def exponent(data: Sequence[Row]) -> float:
        found = [
            math.log(32 / 28 * e / (f * (row[0] / REFERENCE) ** slope)) / math.log(32)
            for row in data
            for f, e in zip(factors, row[1:3], strict=True)
        ]
        return sum(found) / len(found)

    def worst(used: float, data: Sequence[Row]) -> float:
        return max(
            abs(f * (row[0] / REFERENCE) ** slope * 32**used / (32 / 28 * e) - 1)
            for row in data
            for f, e in zip(factors, row[1:3], strict=True)
        )

    assert exponent(wide) == pytest.approx(0.505, abs=5e-4)
    assert 0.22 < worst(exponent(wide), wide) < 0.235
    assert 0.28 < max(worst(exponent([r for r in wide if r is not row]), [row]) for row in wide) < 0.29


def test_the_scratch_pads_of_sata() -> None:
    price = model().price("regfile_model", {"size": "1152 B", "width": "16 b"})
    assert price.energy_pj["read"] == pytest.approx(0.559, abs=5e-4)
    assert price.energy_pj["read"] / 0.69475 == pytest.approx(0.80, abs=0.01)


def test_outside_its_range_it_says_so() -> None:
    with pytest.raises(SpecError) as caught:
        model().price("sram_model", {"size": "1 MiB", "width": "8 b"})
    assert str(caught.value) == (
        "size: 'sram_model': size 1 MiB is outside the range of its scaling, at least 4 KiB and at most 512 KiB"
    )
