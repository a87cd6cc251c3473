"""What a result says of itself and where something is missing; what files take."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import sata
from sata.report.files import json_text
from tests.cli.test_run import SMALL


def test_a_dataframe_without_pandas_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    result = sata.evaluate(SMALL)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"to_dataframe needs pandas: pip install 'sata\[pandas\]'"):
        result.to_dataframe()


def test_a_dataframe_has_the_records() -> None:
    pandas = pytest.importorskip("pandas")
    result = sata.evaluate(SMALL)
    frame = result.to_dataframe()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == list(result.records[0])
    assert frame["energy_pj"].sum() == pytest.approx(result.energy_pj())


def test_a_result_says_what_it_is_of() -> None:
    result = sata.evaluate(SMALL)
    cycles = sum(op["cycles"] for op in result.ops)
    assert repr(result) == f"<Result of step on small: 3 ops, {result.energy_pj():.4g} pJ, {cycles:,.0f} cycles>"
    with pytest.raises(KeyError, match="no field 'stages' in records; they have: op, layer, stage, component"):
        result.energy_pj(by=["stages"])


def test_the_package_names_what_it_has() -> None:
    assert {"evaluate", "check", "Arch"} <= set(dir(sata))
    with pytest.raises(AttributeError, match="module 'sata' has no attribute 'evalaute'"):
        sata.evalaute  # noqa: B018


def test_json_takes_numbers_of_numpy_and_nothing_odd() -> None:
    assert json_text({"a": np.int64(3), "b": np.float64(0.5)}) == '{\n "a": 3,\n "b": 0.5\n}\n'
    with pytest.raises(TypeError, match="object is not data"):
        json_text({"a": object()})
