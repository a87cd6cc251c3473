"""The documentation does what it says: its commands run, their output is today's, its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import sata
from sata.cli.group import main as cli
from sata.specs.workload.kinds import KINDS

from .pages import PAGES, ROOT, blocks, difference, installs, outputs, spec_of, unexplained

NAMES = [path.relative_to(ROOT).as_posix() for path in PAGES]
each_page = pytest.mark.parametrize("path", PAGES, ids=NAMES)

NEVER = {
    r"\bupdate stage\b|\bstages? ['\"`]?update\b|stage: update": "the stage is weight_gradient; update is an op",
    r"/work/|/tmp/|/home/|\bshared/": "a path of one machine",
    r"\bTODO\b|\bFIXME\b|\bSPEED\d": "unfinished",
    r"\bpsums?\b(?!_)": "partial sum",
    r"\bback-?prop\b": "back-propagation",
}


@each_page
def test_output(path: Path, tmp_path: Path) -> None:
    """Refresh with `python -m tests.docs.pages`."""
    for block, printed in outputs(path.read_text(encoding="utf-8"), tmp_path):
        assert difference(block.text, printed) == "", f"{path.name}:{block.line}"


@each_page
def test_links(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), f"{path.name}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{path.name}: {target}"


def anchors(file: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@each_page
def test_commands_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    code = [b.text for b in blocks(text) if b.language == "sh"] + re.findall(r"`([^`\n]+)`", text)
    named = {name for piece in code for name in re.findall(r"(?:^|[\s/])sata ([a-z]+)\b", piece, re.MULTILINE)}
    assert named <= set(cli.commands)


@each_page
def test_words(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for pattern, why in NEVER.items():
        found = re.search(pattern, text, re.IGNORECASE)
        assert not found, f"{path.name}: '{found[0]}': {why}"


@each_page
def test_formats(path: Path) -> None:
    """Whole specs that are shown and not run have no faults, but for tables that a reader would bring."""
    for block in blocks(path.read_text(encoding="utf-8")):
        spec = spec_of(block)
        if spec:
            faults = [f for f in sata.check(spec) if "there is no table" not in f.message]
            assert not faults, f"{path.name}:{block.line}: {faults[0]}"


@each_page
def test_no_block_escapes(path: Path) -> None:
    assert unexplained(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("```sh\npip install x\n```\n", "is not a command of sata"),
        ("```text\nhello\n```\n", "that nothing runs"),
        ("```toml\na = 1\n```\n", "that nothing runs"),
        ("```yaml\ngate: [spike]\n```\n", "that nothing runs"),
        ("- a list\n  ```yaml\n  a: 1\n  ```\n", "one is indented"),
        ("``` yaml\na: 1\n```\n", "odd words"),
        ("~~~\na\n~~~\n", "odd words"),
    ],
)
def test_blocks_that_would_escape(page: str, why: str) -> None:
    assert why in unexplained(page)[0]
    if "fences" not in unexplained(page)[0]:
        assert unexplained("<!-- not run: it needs a network -->\n" + page) == []
        assert unexplained("<!-- not run: -->\n" + page) != []


def test_what_runs_needs_no_excuse() -> None:
    page = "```sh\nsata run a b\n```\n\n```text\n...\n```\n\n```python\nprint(1)\n```\n\n```csv\n# file: a.csv\nx\n1\n```\n"
    assert unexplained(page) == []


def test_vocabulary_has_one_meaning_a_word() -> None:
    text = (ROOT / "docs/vocabulary.md").read_text(encoding="utf-8")
    words = [w for line in re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE) for w in line.split(", ") if w != "word"]
    assert len(words) == len(set(words))
    assert all(f"`{kind}`" in text for kind in KINDS)
    assert {"fill", "read", "update", "drain", "merge read"} <= set(words)
    assert {"lower bound", "dominance", "incumbent", "beam width", "cost-to-go table", "storage template"} <= set(words)


def test_vocabulary_says_what_others_call_it() -> None:
    text = (ROOT / "docs/vocabulary.md").read_text(encoding="utf-8")
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("| ")]
    assert rows and [row for row in rows if len(row) != 3 or not all(cell.strip() for cell in row)] == []


def test_index_lists_every_page() -> None:
    listed = re.findall(r"^\| \[(\S+\.md)\]", (ROOT / "docs/index.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(p.name for p in (ROOT / "docs").glob("*.md") if p.name != "index.md")


def test_the_two_commands() -> None:
    """One line each, right behind their markers."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = {name: re.findall(rf"<!-- {name} -->\n```sh\n(.+)\n```\n", text) for name in ("run", "test")}
    assert [len(lines) for lines in found.values()] == [1, 1]
    assert all(lines[0].startswith("python -m venv .venv && .venv/bin/pip install ") for lines in found.values())
    assert sum(installs(text, block) for block in blocks(text)) == 2


GAP = """
arch:
  libraries: [book]
  nodes:
  - {memory: DRAM, class: any}
  - {array: PEs, shape: {x: 2}, reduce: true}
  - {memory: spad, class: any, keep: [spike_gradient]}
  - {compute: PE, class: any}
workload:
  bits: {weight: 8, potential_gradient: 8, spike_gradient: 8}
  ops:
  - name: backward
    action: multiply_accumulate
    ranks: {p: 4, r: 3}
    compute: "dS[p+r] += W[r] * dU[p]"
    tensors: {W: {kind: weight}, dU: {kind: potential_gradient}, dS: {kind: spike_gradient}}
mapping:
- {ops: backward, nest: [{memory: DRAM}, {for: p 2}, {array: PEs, x: p 2}, {memory: spad}, {for: r 3}, {compute: PE}]}
library:
  name: book
  components: [{class: any, energy: {read: 1 pJ, write: 1 pJ, multiply_accumulate: 1 pJ}}]
"""


def test_the_surprise_of_the_counting_page() -> None:
    """docs/counting.md, "Where the definitions surprise": 7 updates without a merge read, and one read."""
    home = next(t for t in sata.evaluate(GAP).traffic if (t["memory"], t["tensor"]) == ("DRAM", "dS"))
    assert (home["updates"], home["merge_reads"], home["reads"]) == (7, 0, 1)
