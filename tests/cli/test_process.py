"""The real program: in a pipe, in a terminal, interrupted, with a reader that leaves; and how quickly it starts."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_run import SMALL

pty = pytest.importorskip("pty")
SATA = [sys.executable, "-m", "sata.cli"]
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "TERM", "FORCE_COLOR")}


def in_terminal(columns: int, *args: str, **environment: str) -> str:
    """What the program prints to a terminal of so many columns."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {**ENVIRONMENT, "TERM": "xterm-256color", **environment}
    with subprocess.Popen([*SATA, *args], stdout=theirs, stderr=theirs, stdin=theirs, env=env) as process:
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so when the other side has closed
                break
            if not part:
                break
            parts.append(part)
    os.close(ours)
    assert process.returncode == 0
    return b"".join(parts).decode().replace("\r\n", "\n")


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def run(*args: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*SATA, *args], capture_output=True, text=True, env=ENVIRONMENT, check=False, **options)  # type: ignore[call-overload, no-any-return]


def test_in_a_pipe_there_are_no_colours_and_80_columns() -> None:
    done = run("run", SMALL)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("columns", [40, 60, 80, 140])
def test_in_a_terminal_tables_are_coloured_and_fit(columns: int) -> None:
    out = in_terminal(columns, "run", SMALL)
    assert "\x1b[" in out
    assert max(len(line.rstrip()) for line in plain(out).splitlines()) <= columns
    assert "Energy by stage" in plain(out)


def test_no_color_is_respected_in_a_terminal() -> None:
    out = in_terminal(60, "run", SMALL, NO_COLOR="1")
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 60
    assert "\x1b" not in in_terminal(60, "run", SMALL, TERM="dumb")


def test_bad_input_ends_with_2_and_no_traceback() -> None:
    done = run("run", "gone.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "gone.yaml: no such file; looked in the current folder and the shipped arch\n"


def test_ctrl_c_ends_with_130() -> None:
    code = (
        "import sata.cli, sata.evaluation, os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background ignores it
        "sata.evaluation.evaluate_prepared = lambda *a, **k: os.kill(os.getpid(), signal.SIGINT)\n"
        f"sata.cli.main(['run', {SMALL!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (128 + signal.SIGINT, "interrupted")


def test_a_reader_that_leaves_is_no_error() -> None:
    with subprocess.Popen([*SATA, "schema", "arch"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_names_that_the_encoding_lacks(tmp_path: Path) -> None:
    text = Path(SMALL).read_text().replace("name: step", "name: größe-\u0394")
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    env = {**ENVIRONMENT, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([*SATA, "run", str(tmp_path / "s.yaml")], capture_output=True, env=env, check=True)
    assert done.stdout.startswith("größe-".encode("latin-1") + b"\\u0394 on small")


def test_python_m_sata() -> None:
    done = subprocess.run([sys.executable, "-m", "sata", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("sata ")


def test_a_run_loads_no_more_than_it_needs() -> None:
    """No pictures, no tables for a terminal, no data frames; and it is over in well under a second."""
    code = (
        "import sys, sata.cli\n"
        "try: sata.cli.main(['run', 'arch/sata.yaml', 'workloads/vgg5_cifar10.yaml'])\n"
        "finally: print([m for m in ('matplotlib', 'rich', 'pandas') if m in sys.modules], file=sys.stderr)"
    )
    best = 60.0
    for _ in range(3):
        start = os.times()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        now = os.times()  # processor time: what else the machine does is not ours
        best = min(best, sum(now[2:4]) - sum(start[2:4]))
        assert done.stderr == "[]\n"
    assert best < 3  # 0.6 s on a quiet machine of 2026; room for a busy one
