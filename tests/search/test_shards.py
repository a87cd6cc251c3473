"""A search in parts is the search: equal bytes, and every way to mix parts up is named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from sata.cli import main
from sata.search.run.shards import MOST, shard_of
from tests.search.test_workers import setting, tasks
from tests.search.tiny import ARCH, WORKLOAD

__all__ = ["setting", "tasks"]  # fixtures


def sata(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def ok(*arguments: str) -> str:
    ran = sata(*arguments)
    assert ran.exit_code == 0, ran.output
    return ran.output


def bad(*arguments: str) -> list[str]:
    ran = sata(*arguments)
    assert ran.exit_code == 2, ran.output
    return ran.output.splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inputs, and the parts of a search for energy (1of2, 2of2) and one of another objective."""
    top = tmp_path_factory.mktemp("shards")
    for name, data in (("arch", ARCH), ("work", WORKLOAD)):
        (top / f"{name}.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    for name, more in {
        "1of2": ["--shard", "1/2"],
        "2of2": ["--shard", "2/2"],
        "1of1": ["--shard", "1/1"],
        "cycles": ["--shard", "2/2", "--objective", "cycles"],
        "other": ["--shard", "2/2", "--ops", "b"],
    }.items():
        ok(
            "map",
            str(top / "arch.yaml"),
            str(top / "work.yaml"),
            "--workers",
            "1",
            *more,
            "-o",
            str(top / f"{name}.json"),
        )
    return top


def timeless(path: Path) -> str:
    text = re.sub(r'"seconds": [^,]*', '"seconds": 0', path.read_text())
    return text.replace('"cached": true', '"cached": false')  # who has proven it


@pytest.mark.parametrize("objective", ["energy", "pareto"])
def test_parts_together_are_the_whole(folder: Path, objective: str) -> None:
    inputs = [str(folder / n) for n in ("arch.yaml", "work.yaml")]
    common = ["--objective", objective, "--workers", "1", "--no-cache"]
    whole = ok("map", *inputs, *common, "-o", str(folder / "whole.yaml"), "--json", str(folder / "whole.json"))
    parts = [str(folder / f"{objective}{n}.json") for n in range(1, 4)]  # one of them holds nothing
    for n, part in enumerate(parts, 1):
        assert ok("map", *inputs, *common, "--shard", f"{n}/3", "-o", part) == ""
    again = ok("merge", *reversed(parts), "-o", str(folder / "parts.yaml"), "--json", str(folder / "parts.json"))
    assert again == whole
    assert (folder / "parts.yaml").read_bytes() == (folder / "whole.yaml").read_bytes()
    assert timeless(folder / "parts.json") == timeless(folder / "whole.json")


def test_json_takes_the_part_too(folder: Path) -> None:
    ok("map", str(folder / "arch.yaml"), str(folder / "work.yaml"), "--shard", "1/2", "--json", str(folder / "j.json"))
    assert timeless(folder / "j.json") == timeless(folder / "1of2.json")


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_every_task_is_in_one_part(tasks: Any, parts: int) -> None:
    dealt = [n for part in range(1, parts + 1) for n in shard_of(tasks, part, parts)]
    assert sorted(dealt) == list(range(len(tasks)))


def edited(folder: Path, change: Callable[[Any], None]) -> str:
    data = json.loads((folder / "2of2.json").read_text())
    change(data["shard"])
    (folder / "edited.json").write_text(json.dumps(data))
    return "edited.json"


MIXED: Mapping[str, tuple[list[str], list[str]]] = {
    "missing": (["1of2.json"], ["part 2 of 2 missing; sata map --shard 2/2 makes it"]),
    "twice": (
        ["1of2.json", "copy.json", "2of2.json"],
        ["copy.json: is part 1 of 2, as 1of2.json is"],
    ),
    "the same file": (["1of2.json", "1of2.json"], ["1of2.json: is given twice"]),
    "objective": (["1of2.json", "cycles.json"], ["cycles.json: is of another search than 1of2.json: the objective differs"]),
    "ops": (["1of2.json", "other.json"], ["other.json: is of another search than 1of2.json: the workload differs"]),
    "parts": (["1of2.json", "1of1.json"], ["1of1.json: is of another search than 1of2.json: the number of parts differs"]),
    "no shard": (
        ["1of2.json", "whole.json"],
        ["whole.json: holds no part of a search; sata map --shard 1/2 -o FILE writes such a file"],
    ),
    "cut": (
        ["cut.json"],
        ["cut.json:1:32: the JSON ends too early; sata map --shard 1/2 -o FILE writes such a file"],
    ),
    "no file": (["none.json"], ["none.json: cannot be read: no such file or directory"]),
}  # fmt: skip


@pytest.mark.parametrize("name", MIXED)
def test_mixed_up_parts_are_named(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    Path("copy.json").write_bytes(Path("1of2.json").read_bytes())
    Path("whole.json").write_text('{"ops": []}')
    Path("cut.json").write_text('{"shard": {"search": {"version"')
    files, lines = MIXED[name]
    assert bad("merge", *files, "-o", "out.yaml") == lines
    assert not Path("out.yaml").exists()


EDITS: Mapping[str, tuple[Callable[[Any], None], str]] = {
    "machine": (lambda s: s["search"].update(machine="0"), "edited.json: is of another search than 1of2.json: the architecture or its prices differs"),
    "constraints": (lambda s: s["search"].update(constraints="0"), "edited.json: is of another search than 1of2.json: the file of constraints differs"),
    "version": (lambda s: s["search"].update(version="0"), "edited.json: is of another search than 1of2.json: the version of sata differs"),
    "node": (lambda s: s["search"]["nodes"][0].update(name="x"), "edited.json: shard: the parts of this file do not fit each other; sata map --shard 1/2 -o FILE writes such a file"),
    "answers": (lambda s: s.update(answers={}), "no file holds the answer of 'b', though no part is missing"),
    "type": (lambda s: s.update(part="1"), "edited.json: shard: holds no part of a search: expected int, found '1'; sata map --shard 1/2 -o FILE writes such a file"),
    "part": (lambda s: s.update(part=3), "edited.json: shard: the parts of this file do not fit each other; sata map --shard 1/2 -o FILE writes such a file"),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_parts_that_were_changed(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    change, line = EDITS[name]
    said = bad("merge", "1of2.json", edited(folder, change), "-o", "out.yaml")
    op = "a" if "'a'" in said[0] else "b"
    assert said == [line.replace("'b'", f"'{op}'")]


@pytest.mark.parametrize(
    "text", ["0/2", "3/2", "1", "1/", "/2", "a/b", "1/2/3", "-1/2", "1/0", f"1/{MOST + 1}", "\u00b2/3", "9" * 30 + "/1"]
)
def test_no_part(folder: Path, text: str) -> None:
    said = bad("map", str(folder / "arch.yaml"), str(folder / "work.yaml"), f"--shard={text}", "-o", "x.json")
    assert f"'{text[:40]}' is not a part; write I/N, such as 1/4, with N up to 10000" in " ".join(said)


def test_a_part_needs_a_file(folder: Path) -> None:
    said = bad("map", str(folder / "arch.yaml"), str(folder / "work.yaml"), "--shard", "1/2")
    assert "--shard needs -o FILE" in " ".join(said)


def test_a_part_in_which_nothing_fits_says_so(folder: Path) -> None:
    arch = json.loads(json.dumps(ARCH))
    arch["arch"]["nodes"][3]["size"] = "1 B"
    (folder / "small.yaml").write_text(yaml.safe_dump(arch, sort_keys=False))
    said = bad("map", str(folder / "small.yaml"), str(folder / "work.yaml"), "--shard", "1/1", "-o", "x.json")
    assert len(said) == 2
    assert all("fits: spad holds 8 b" in line for line in said)
