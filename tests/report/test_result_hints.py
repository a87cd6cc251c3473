"""What a result says where an optional package is missing."""

from __future__ import annotations

import sys

import pytest

import sata
from tests.cli.test_run import SMALL


def test_a_dataframe_without_pandas_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    result = sata.evaluate(SMALL)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"to_dataframe needs pandas: pip install 'sata\[pandas\]'"):
        result.to_dataframe()
