"""The site: built without a warning where Sphinx is installed (`pip install '.[docs]'`); what it is built from, always."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from .pages import ROOT

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def conf() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_conf", DOCS / "conf.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_navigation_has_every_page(conf: ModuleType) -> None:
    found = conf.navigation((DOCS / "index.md").read_text(encoding="utf-8"))
    pages = [line for line in found.splitlines() if re.fullmatch(r"\w+", line)]
    assert sorted(pages) == sorted(p.stem for p in DOCS.glob("*.md") if p.name != "index.md")
    assert len(pages) == len(set(pages))


def test_links_that_leave_the_site(conf: ModuleType) -> None:
    """Files become downloads, pages stay links, and what is not a file loses its link."""
    assert conf.downloads("[`README`](../README.md#a-taste)") == "{download}`README <../README.md>`"
    assert conf.downloads("[costs](costs.md#area)") == "[costs](costs.md#area)"
    assert conf.downloads("[tests](../tests)") == "tests"


def test_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx")
    pytest.importorskip("myst_parser")
    pytest.importorskip("furo")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(tmp_path / "trees"), str(DOCS), str(tmp_path / "site")],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    site = tmp_path / "site"
    index = (site / "index.html").read_text(encoding="utf-8")
    for page in DOCS.glob("*.md"):
        assert (site / f"{page.stem}.html").is_file()
        assert page.name == "index.md" or f'href="{page.stem}.html"' in index
    assert list((site / "_downloads").glob("*/first_tour.ipynb"))
