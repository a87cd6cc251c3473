"""Files are written whole or not at all, and a target that cannot be written is one clear line."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from sata.report import files
from sata.specs.text.faults import SpecError
from tests.cli.test_commands import fails
from tests.cli.test_run import SMALL, ok


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_directory() -> None:
    Path("out").mkdir()
    assert fails("run", SMALL, "--json", "out") == ["out: is a directory, --json needs a file; such as out/result"]


def test_a_folder_that_is_not_there() -> None:
    said = fails("run", SMALL, "--csv", "gone/r.csv")
    assert said == [f"gone/r.csv: cannot be written for --csv: there is no folder '{Path.cwd() / 'gone'}'"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_not_writable() -> None:
    Path("locked").mkdir(mode=0o500)
    said = fails("run", SMALL, "--json", "locked/r.json")
    assert said == [
        f"locked/r.json: cannot be written for --json: the folder '{Path.cwd() / 'locked'}' is not writable"
    ]


def test_two_results_in_one_file() -> None:
    assert fails("run", SMALL, "--json", "r", "--csv", "./r")[0].startswith("--json and --csv have the same target")
    assert fails("run", SMALL, "--json", "-", "--csv", "-")[0].startswith("--json and --csv have the same target")
    assert not Path("r").exists()


def test_an_input_is_not_overwritten() -> None:
    Path("mine.yaml").write_text(Path(SMALL).read_text())
    assert fails("run", "mine.yaml", "--json", "mine.yaml") == [
        "mine.yaml: is an input of this run; --json would overwrite it"
    ]


def test_nothing_is_touched_when_the_run_fails() -> None:
    Path("r.json").write_text("old")
    fails("run", SMALL, "--json", "r.json", "--set", "zzz=1")
    assert Path("r.json").read_text() == "old"
    assert [p.name for p in Path().iterdir()] == ["r.json"]


def test_nothing_is_left_when_writing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a").write_text("old")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(SpecError, match=r"cannot be written: no space left on device$"):
        files.write_files({"a": "new", "b": "new"})
    assert Path("a").read_text() == "old"
    assert [p.name for p in Path().iterdir()] == ["a"]


def test_permissions_and_links_stay() -> None:
    Path("real").write_text("old")
    Path("real").chmod(0o640)
    Path("link").symlink_to("real")
    files.write_files({"link": "new", "fresh": "x"})
    assert Path("link").is_symlink()
    assert Path("real").read_text() == "new"
    assert stat.S_IMODE(Path("real").stat().st_mode) == 0o640
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(Path("fresh").stat().st_mode) == 0o666 & ~mask


def test_a_name_that_the_system_refuses() -> None:
    assert fails("run", SMALL, "--json", "x" * 300)[0].endswith("cannot be written: file name too long")


def test_devices_are_written_as_they_are() -> None:
    ok("run", SMALL, "--json", "/dev/null")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
