"""What the project says about itself in several places is the same everywhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

import sata

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_version_is_cited_and_has_its_changes() -> None:
    assert yaml.safe_load(text("CITATION.cff"))["version"] == sata.__version__
    assert f"\n## {sata.__version__}\n" in text("docs/changelog.md")


def test_the_citation_is_complete() -> None:
    """Keys that the Citation File Format 1.2.0 requires, and the licence of the project."""
    citation = yaml.safe_load(text("CITATION.cff"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["license"] == PROJECT["license"]


def test_pythons_are_the_same_everywhere() -> None:
    named = re.findall(r"Python :: (3\.\d+)$", "\n".join(PROJECT["classifiers"]), re.MULTILINE)
    matrix = yaml.safe_load(text(".github/workflows/ci.yml"))["jobs"]["ci"]["strategy"]["matrix"]["python"]
    assert named == matrix
    assert PROJECT["requires-python"] == f">={named[0]}"
    assert "bash .ci/run" in text(".github/workflows/ci.yml")


def test_type_information_is_shipped() -> None:
    assert (ROOT / "sata/py.typed").is_file()
    assert "Typing :: Typed" in PROJECT["classifiers"]


def test_contributing_names_the_layers_and_folders_of_today() -> None:
    """The one line of layers is that of tests/test_layers.py, as far as the modules exist."""
    from tests.test_layers import LAYERS

    page = text(".github/CONTRIBUTING.md")
    (line,) = re.findall(r"^    (version.*)$", page, re.MULTILINE)
    said = re.split(r", | -> ", line)
    there = [name for name in LAYERS if (ROOT / "sata" / name).is_dir() or (ROOT / f"sata/{name}.py").is_file()]
    assert said == [name for name in there if not name.startswith("_")]
    for folder in re.findall(r"`(tests/\w+)`", page):
        assert (ROOT / folder).exists() or (ROOT / f"{folder}.py").exists(), folder


def test_issue_forms_have_a_header() -> None:
    forms = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.md"))
    assert len(forms) == 3
    for form in forms:
        header = yaml.safe_load(form.read_text(encoding="utf-8").split("---\n")[1])
        assert set(header) == {"name", "about", "labels"}
