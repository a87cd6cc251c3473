"""How a command ends, whatever happens: one line, a documented exit code, nothing of Python; and what text from a file
may do to a terminal: nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from sata.cli import ending
from sata.specs.text.faults import Fault, SpecError, Where
from sata.specs.text.said import LONGEST, escaped
from tests.cli.test_access import TEXT
from tests.cli.test_process import in_terminal
from tests.cli.test_run import SMALL, invoke

ROOT = Path(__file__).resolve().parents[2]
STEERING = [
    "\x07",
    "\x1b",
    "\x7f",
    "\x9b",
    "\u00ad",
    "\u061c",
    "\u200b",
    "\u200e",
    "\u202e",
    "\u2028",
    "\u2066",
    "\ufeff",
    "\r",
]


# --- the last net -------------------------------------------------------------------------------------------------


def test_a_mistake_of_sata_is_one_line_and_70(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by \x1b[31mzero\nand a second line")

    monkeypatch.setattr("sata.evaluation.evaluate_prepared", wrong)
    monkeypatch.delenv("SATA_DEBUG", raising=False)
    done = invoke("run", SMALL)
    assert (done.exit_code, done.stdout) == (ending.UNEXPECTED, "")
    (line,) = done.stderr.splitlines()
    assert re.match(
        r"sata [\d.]+ has made a mistake \(ZeroDivisionError: division by \\x1b\[31mzero\\nand .*\); please report",
        line,
    )
    monkeypatch.setenv("SATA_DEBUG", "1")
    done = invoke("run", SMALL)
    assert done.exit_code == ending.UNEXPECTED
    assert "Traceback" in done.stderr
    assert "\x1b" not in done.stderr


def test_too_little_memory_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def large(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("sata.evaluation.evaluate_prepared", large)
    done = invoke("run", SMALL)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("there is not enough memory for this; --memory raises the limit")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("args", [["run", SMALL], ["--version"], ["run", SMALL, "--json", "-"]])
def test_a_full_standard_output_is_a_sentence(args: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sata.cli", *args], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (2, "standard output cannot be written: no space left on device\n")


def test_a_full_standard_error_is_no_reason_to_fail_otherwise() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sata.cli", "run", "gone.yaml"], stdout=subprocess.PIPE, stderr=full, check=False
        )
    assert (done.returncode, done.stdout) == (2, b"")


def test_sigterm_ends_with_143_and_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\nfrom sata.report import files\nreal = files._bytes\n"
        "def _bytes(text):\n    os.kill(os.getpid(), signal.SIGTERM)\n    return real(text)\n"
        f"files._bytes = _bytes\nfrom sata.cli import main\nmain(['run', {SMALL!r}, '--json', 'r.json'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGTERM, "", "terminated\n")
    assert list(tmp_path.iterdir()) == []


def test_the_exit_codes_are_documented() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for code in (0, ending.PIPE_CLOSED, ending.BAD_INPUT, ending.UNEXPECTED, ending.INTERRUPTED, ending.TERMINATED):
        assert re.search(rf"\b{code}\b[^.]*;|\b{code}\b[^;]*\.", page), code
    assert (ending.UNEXPECTED, ending.INTERRUPTED, ending.TERMINATED) == (70, 130, 143)


# --- terminals ----------------------------------------------------------------------------------------------------


def hostile(names: str = "DRAM") -> str:
    """The study with steering characters in names, as YAML writes them."""
    bad = "".join(STEERING)
    yaml = "".join(f"\\u{ord(c):04x}" for c in bad)
    text = TEXT.replace("name: step", f'name: "st{yaml}ep"').replace("name: fc.forward", f'name: "fc{yaml}.forward"')
    return text.replace("ops: [fc.forward, fc.fire]", 'ops: ["fc*.forward", fc.fire]').replace(
        "memory: GLB", f'memory: "GL{yaml}B"'
    )


def steers(text: str) -> list[str]:
    """What could steer a terminal, colours of ours aside."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return [c for c in plain if c not in "\n\t " and (unicodedata.category(c)[0] == "C" or c in "\u2028\u2029")]


PRINTING = [
    ["run", "s.yaml"], ["show", "s.yaml"], ["ops", "s.yaml"], ["run", "s.yaml", "--json", "-"], ["run", "s.yaml", "--csv", "-"],
    ["run", "s.yaml", "--traffic"], ["run", "s.yaml", "--explain-sparsity"], ["price", "s.yaml"],
    ["map", "s.yaml", "--no-cache", "--workers", "1", "--ops", "fc.weight", "-o", "-"], ["price", "s.yaml", "--explain", "GLB"],
    ["show", "s.yaml", "--ops", "fc.weight", "--svg", "-"], ["export", "accelergy", "s.yaml", "--ert", "-"], ["check", "s.yaml"],
    ["run", "bad.yaml"], ["check", "bad.yaml"], ["run", "\x1b[31mgone.yaml"], ["run", "s.yaml", "--ops", "\u202e*"],
    ["run", "s.yaml", "--set", "\x9b=1"], ["\x1b[31m"], ["schema", "\x1b]0;x\x07"], ["run", "--\x1b[1m"],
]  # fmt: skip


def test_text_of_a_file_cannot_steer_a_terminal(tmp_path: Path) -> None:
    """All commands, one after the other, in one process with a terminal."""
    pty = pytest.importorskip("pty")
    (tmp_path / "s.yaml").write_text(hostile())
    (tmp_path / "bad.yaml").write_text(
        hostile().replace("class: pe", 'class: "p\\e[31me"').replace("keep: [weight, spike]", 'keep: ["\\u202eweight"]')
    )
    code = (
        "import sys\nfrom sata.cli import main\n"
        f"for args in {PRINTING!r}:\n    try:\n        main(args)\n    except SystemExit as end:\n"
        "        assert end.code in (0, 2), (args, end.code)\n    print('=====', flush=True)\n"
    )
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=theirs, stderr=theirs, stdin=theirs, cwd=tmp_path
    ) as process:
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:
                break
            if not part:
                break
            parts.append(part)
    os.close(ours)
    outputs = b"".join(parts).decode().replace("\r\n", "\n").split("=====\n")
    assert process.returncode == 0, outputs[-1]
    assert len(outputs) == len(PRINTING) + 1
    for args, text in zip(PRINTING, outputs, strict=False):
        assert text.strip(), args
        assert steers(text) == [], (args, text)


def test_escapes_are_those_that_people_know() -> None:
    assert escaped("a\x1b[31m\u202eb\n\t\U000e0001c\u00e9") == "a\\x1b[31m\\u202eb\\n\\t\\U000e0001cé"
    assert all(escaped(c).isascii() and escaped(c) != c for c in STEERING)
    assert "\x1b[" in in_terminal(80, "run", SMALL)  # colours of ours do steer it


# --- messages -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["x" * 100_000, "x " * 50_000, "'" * 100_000, "'" + "y" * 99_999, "\u202e" * 100_000])
def test_a_message_quotes_300_characters_at_most(text: str) -> None:
    for fault in (Fault(Where("f", 1, 1, "a"), f"unknown key '{text}'"), Fault(Where("f"), "m", f"did you mean '{text}'?"),
                  Fault(Where("f", 1, 1, f"a.{text}"), "m"), Fault(Where(text), "m")):  # fmt: skip
        assert len(str(fault)) <= LONGEST + 60
        assert steers(str(fault)) == []
    assert str(Fault(Where(), f"unknown key '{'x' * 1000}', expected one of: arch")).endswith(
        "...', expected one of: arch"
    )


@pytest.mark.parametrize(
    "place", ["name: step", "class: pe", "memory: GLB", "fc.fire", "X[t,k]", "ranks", "accumulate", "64 B", "book"]
)
def test_long_names_make_no_long_messages(place: str, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT.replace(place, place + "z" * 100_000))
    done = invoke("run", str(path))
    assert "Traceback" not in done.stderr
    assert all(len(line) <= 3 * LONGEST + len(str(path)) for line in done.stderr.splitlines())
    assert done.exit_code in (0, 2)


def test_a_mistake_is_said_once() -> None:
    at = Where("f.yaml", 3, 4)
    many = [
        Fault(at, f"op layer{n}.forward needs 'raed' of GLB (class g{n}), which no library prices") for n in range(2000)
    ]
    assert str(SpecError(many)).splitlines() == [str(many[0]), "and 1,999 more like these"]
    apart = [Fault(Where("f.yaml", n, 1), f"unknown key 'a{n}'") for n in range(1, 2001)]
    assert str(SpecError(apart)).splitlines() == [*map(str, apart[:8]), "and 1,992 more like these"]
    few = [Fault(at, f"no tensor '{n}'") for n in "abc"]
    assert str(SpecError(few)).splitlines() == [str(f) for f in few]
    assert len(SpecError(many).faults) == 2000


def test_a_mistake_in_every_layer_is_said_once(tmp_path: Path) -> None:
    layers = "".join(f"  - {{name: l{n}, linear: {{{'input: 4, ' if n == 0 else ''}out: 4}}}}\n" for n in range(50))
    (tmp_path / "net.yaml").write_text(
        "workload:\n  name: n\n  timesteps: 2\n  template: lif_inference\n"
        "  bits: {weight: 8, spike: 1, current: 16, potential: 8}\n  layers:\n" + layers
    )
    arch = (ROOT / "arch" / "sata.yaml").read_text(encoding="utf-8")
    (tmp_path / "arch.yaml").write_text(arch.replace("class: sata_pe", "class: and_gate", 1))
    done = invoke("run", str(tmp_path / "arch.yaml"), str(tmp_path / "net.yaml"))
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) <= 6, done.stderr


def test_arrays_of_numpy_are_values() -> None:
    """Of Python's callers: numbers and arrays of any kind, and arrays that are no values."""
    import numpy as np

    import sata

    def study(density: object) -> dict[str, object]:
        layer = {
            "name": "fc",
            "linear": {"input": np.int64(32), "out": 16},
            "density": {"spike": density},
            "fires": False,
        }
        bits = {"weight": 8, "spike": 1, "current": 16, "potential": 8}
        return {"workload": {"name": "n", "timesteps": 4, "template": "lif_inference", "bits": bits, "layers": [layer]}}

    plain = sata.evaluate("arch/sata.yaml", study([0.1] * 4)).energy_pj()
    for array in (np.full(4, 0.1), tuple(np.full(4, 0.1)), np.full(4, 0.1, dtype=object)):
        assert sata.evaluate("arch/sata.yaml", study(array)).energy_pj() == plain
    assert (
        sata.evaluate("arch/sata.yaml", study(np.array(0.1))).energy_pj()
        == sata.evaluate("arch/sata.yaml", study(0.1)).energy_pj()
    )
    for wrong in (np.full((4, 2), 0.1), np.zeros(10**6), np.array(["x"] * 4), np.array([1j]), np.array([np.nan])):
        with pytest.raises(SpecError):
            sata.evaluate("arch/sata.yaml", study(wrong))
