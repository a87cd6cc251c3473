"""Names of files: the current folder first, then the shipped ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from sata.specs.text import find as finding
from sata.specs.text.faults import SpecError
from sata.specs.text.find import find, label_of


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder, and beside it what stands for the shipped ones."""
    here, package = tmp_path / "here", tmp_path / "package"
    for path in (
        here / "mine.yaml",
        here / "arch" / "both.yaml",
        package / "arch" / "both.yaml",
        package / "arch" / "sata.yaml",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("arch: {}\n")
    monkeypatch.chdir(here)
    monkeypatch.setattr(finding, "shipped", lambda folder: package / folder)
    return package


@pytest.mark.parametrize("name", ["arch/sata.yaml", "arch/sata", "sata.yaml", "sata"])
def test_shipped(folders: Path, name: str) -> None:
    assert find(name, "arch") == folders / "arch" / "sata.yaml"
    assert label_of(name, find(name, "arch")) == "arch/sata.yaml"


@pytest.mark.parametrize("name", ["arch/both.yaml", "both"])
def test_current_folder_goes_first(folders: Path, name: str) -> None:
    assert find(name, "arch") == Path("arch/both.yaml")


def test_own_file_without_ending(folders: Path) -> None:
    assert label_of("mine", find("mine", "arch")) == "mine.yaml"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "arch/stata.yaml",
            "arch/stata.yaml: no such file; did you mean 'arch/sata.yaml'? (looked in arch and the shipped arch)",
        ),
        (
            "mime.yaml",
            "mime.yaml: no such file; did you mean 'mine.yaml'? (looked in the current folder and the shipped arch)",
        ),
        (
            "../package/arch/nothing",
            "../package/arch/nothing: no such file; looked in ../package/arch and the shipped arch",
        ),
        (".", ".: is a directory, a YAML file is expected; it holds mine.yaml"),
        ("a\0b", "a\\x00b: no such file; looked in the current folder and the shipped arch"),
    ],
)
def test_missing(folders: Path, name: str, says: str) -> None:
    with pytest.raises(SpecError) as error:
        find(name, "arch")
    assert str(error.value) == says


def test_a_bare_name_that_ships(folders: Path) -> None:
    """Where no folder is meant, as in `sata check`: what ships under that name is said, and not taken."""
    (folders / "mappings").mkdir()
    (folders / "mappings" / "sata.yaml").write_text("mapping: []\n")
    for name in ("sata", "sata.yaml"):
        with pytest.raises(SpecError) as error:
            find(name)
        assert str(error.value) == (
            f"{name}: no such file; did you mean 'arch/sata.yaml' or 'mappings/sata.yaml'? (looked in the current folder)")  # fmt: skip


def test_shipped_folder_is_not_left(folders: Path) -> None:
    (folders / "secret.yaml").write_text("x: 1\n")
    with pytest.raises(SpecError):
        find("arch/../secret.yaml", "arch")
