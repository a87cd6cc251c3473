"""A sweep that is ended goes on: what was finished is known, what was cut off or has changed is done again."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sata.cli import main
from sata.specs.text.faults import SpecError
from sata.sweep.journal import Journal
from sata.sweep.rows import Done, Job, done
from sata.sweep.run import TRIES, PointOutcome, sweep_points
from sata.sweep.spec import read_sweep
from tests.sweep.made import write

ROOT = Path(__file__).resolve().parents[2]
GRID = {"glb": [64, 1, 128], "lanes": [4, 8]}


def swept(path: Path, journal: Path, **more: Any) -> tuple[PointOutcome, list[int]]:
    """What came out, and the points that had to be made."""
    made: list[int] = []

    def noted(job: Job, say: Any) -> Done:
        made.append(job.point.number)
        return done(job, say)

    return sweep_points(read_sweep(str(path)), Journal(journal), 1, work=noted, **more), made


def test_what_is_known_is_not_made_again(tmp_path: Path) -> None:
    path, journal = write(tmp_path, mapping="mapping.yaml", grid=GRID), tmp_path / "j"
    first, made = swept(path, journal)
    assert made == [1, 2, 3, 4, 5, 6]
    again, made = swept(path, journal)
    assert made == []
    assert (again.rows, again.resumed) == (first.rows, 6)
    path = write(tmp_path, mapping="mapping.yaml", grid={"glb": [32, 64, 1, 128], "lanes": [4, 8]})
    more, made = swept(path, journal)
    assert made == [1, 2]
    assert [more.rows[n + 2] for n in first.rows] == list(first.rows.values())


def test_equal_points_are_made_once(tmp_path: Path) -> None:
    path = write(tmp_path, mapping="mapping.yaml", list=[{"dram_pj": 64}, {"dram_pj": 128}, {"dram_pj": 64}])
    found, made = swept(path, tmp_path / "j")
    assert made == [1, 2]
    assert found.rows[1] == found.rows[3] != found.rows[2]


@pytest.mark.parametrize("file", ["study.yaml", "mapping.yaml", "book.yaml"])
def test_a_file_that_changes_makes_its_points_new(tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a library, which the sweep does not name itself."""
    monkeypatch.chdir(tmp_path)
    path, journal = write(tmp_path, mapping="mapping.yaml", grid={"lanes": [4, 8]}), tmp_path / "j"
    head, library = (tmp_path / "study.yaml").read_text().replace("dram_pj: 100, ", "").split("library:\n")
    (tmp_path / "study.yaml").write_text(head.replace("libraries: [book]", "libraries: [book.yaml]"))
    (tmp_path / "book.yaml").write_text("library:\n" + library.replace("{{ dram_pj }}", "10"))
    assert swept(path, journal)[1] == [1, 2]
    assert swept(path, journal)[1] == []
    (tmp_path / file).write_text((tmp_path / file).read_text() + "# changed\n")
    assert swept(path, journal)[1] == [1, 2]
    assert swept(path, journal)[1] == []


def test_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path, journal = write(tmp_path, mapping="mapping.yaml", grid=GRID), tmp_path / "j"
    whole, _ = swept(path, journal)
    content = journal.read_bytes()
    lines = content.splitlines(keepends=True)
    for left in (1, 2, len(lines[-1]) // 2, len(lines[-1]) - 1):
        journal.write_bytes(content[: len(content) - len(lines[-1]) + left])
        again, made = swept(path, journal)
        assert made in ([6], []), "a line without its end may be whole"
        assert again.rows == whole.rows
        assert swept(path, journal)[1] == []


@pytest.mark.parametrize("line", [
    b"", b"\n", b"{", b"[]", b"null", b'{"sum": 1, "body": {}}', b"\xff\xfe", b"[" * 50_000, b'{"body": {"key": "x"}, "sum": "0"}',
])  # fmt: skip
def test_lines_that_are_none(tmp_path: Path, line: bytes) -> None:
    path, journal = write(tmp_path, mapping="mapping.yaml", grid=GRID), tmp_path / "j"
    whole, _ = swept(path, journal)
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:2], line + b"\n", *lines[3:]]))
    again, made = swept(path, journal)
    assert made == [3]
    assert again.rows == whole.rows


def test_a_line_that_was_changed(tmp_path: Path) -> None:
    path, journal = write(tmp_path, mapping="mapping.yaml", grid={"glb": [64]}), tmp_path / "j"
    swept(path, journal)
    text = journal.read_text()
    changed = re.sub(r'"cycles": \d+', '"cycles": 1', text)
    assert changed != text
    journal.write_text(changed)
    assert swept(path, journal)[1] == [1]


def test_a_journal_that_cannot_be(tmp_path: Path) -> None:
    path = write(tmp_path, mapping="mapping.yaml", grid={"glb": [64]})
    (tmp_path / "folder").mkdir()
    with pytest.raises(SpecError, match=r"/folder: the journal cannot be used: is a directory"):
        swept(path, tmp_path / "folder")


# --- killed --------------------------------------------------------------------------------------------------------


def _dies_once(job: Job, say: Any) -> Done:
    """The fourth point kills its worker the first time."""
    marker = Path(os.environ["SATA_TEST_MARK"])
    if job.point.number == 4 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return done(job, say)


def _dies(job: Job, say: Any) -> Done:
    if job.point.number == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return done(job, say)


def test_a_killed_worker_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATA_TEST_MARK", str(tmp_path / "mark"))
    sweep = read_sweep(str(write(tmp_path, mapping="mapping.yaml", grid=GRID)))
    whole = sweep_points(sweep, Journal(None), 1)
    found = sweep_points(sweep, Journal(tmp_path / "j"), 2, work=_dies_once)
    assert (tmp_path / "mark").exists()
    assert dict(sorted(found.rows.items())) == whole.rows


def test_a_point_that_kills_its_workers_has_failed(tmp_path: Path) -> None:
    sweep = read_sweep(str(write(tmp_path, mapping="mapping.yaml", grid=GRID)))
    found = sweep_points(sweep, Journal(tmp_path / "j"), 2, work=_dies)
    assert dict(found.rows[4].row) == {"status": "failed", "why": f"ended its process {TRIES} times: killed by SIGKILL"}
    assert len(found.rows) == 6
    assert len((tmp_path / "j").read_text().splitlines()) == 5, "it is tried again another time"


def start(folder: Path, *more: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "sata", "sweep", "sweep.yaml", "-o", "t.csv", *more]
    return subprocess.Popen(command, cwd=folder, env=env, text=True, start_new_session=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip


def lines_in(folder: Path, number: int, process: subprocess.Popen[str]) -> None:
    """Wait for so many lines of the journal."""
    for _ in range(2000):
        journal = folder / "t.csv.journal"
        if journal.exists() and journal.read_bytes().count(b"\n") >= number:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    raise AssertionError("it does not begin to work")


def big(folder: Path) -> Path:
    return write(folder, mapping="mapping.yaml", grid={"dram_pj": list(range(1, 201)), "lanes": [4, 8]})


@pytest.mark.parametrize("workers", ["1", "2"])
def test_killed_again_and_again(tmp_path: Path, workers: str) -> None:
    """SIGKILL at random moments: the old table stays, no finished point is lost, and the end is the same."""
    big(tmp_path)
    (tmp_path / "t.csv").write_text("old\n")
    seen = 0
    for seed in range(4):
        process = start(tmp_path, "--workers", workers)
        lines_in(tmp_path, seen + random.Random(seed).randrange(5, 40), process)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert (tmp_path / "t.csv").read_text() == "old\n"
        journal = (tmp_path / "t.csv.journal").read_bytes()
        assert journal.count(b"\n") > seen
        seen = journal.count(b"\n")
    process = start(tmp_path, "--workers", workers)
    said, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    known = int(re.search(r"(\d+) known from before", said)[1])  # type: ignore[index]
    assert seen - 4 <= known <= seen + 1
    assert (
        CliRunner().invoke(main, ["sweep", str(tmp_path / "sweep.yaml"), "-o", str(tmp_path / "u.csv")]).exit_code == 0
    )
    assert (tmp_path / "t.csv").read_bytes() == (tmp_path / "u.csv").read_bytes()


def test_ctrl_c_keeps_what_is_finished(tmp_path: Path) -> None:
    big(tmp_path)
    process = start(tmp_path, "--workers", "2")
    lines_in(tmp_path, 20, process)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    number = int(re.fullmatch(r"interrupted after (\d+) of 400 points; the same command goes on\n", error)[1])  # type: ignore[index]
    assert 20 <= number < 400
    assert len((tmp_path / "t.csv").read_text().splitlines()) == number + 1
    assert (tmp_path / "t.csv.journal").read_bytes().count(b"\n") == number
