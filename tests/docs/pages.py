"""The pages of the documentation as things that can be run.

- A block whose first line is `# file: NAME` is a file: it is written, and ```diff changes one.
- ```sh blocks are commands `sata ...`, a line each, and ```python blocks are scripts; both run in the folder of these files.
- A ```text block behind one of them is what it prints, standard error included; a line `...` stands for any lines.
- A ```yaml block that is not a file is a whole spec, or entries of a mapping: checked, not run.
- Anything else needs `<!-- not run: REASON -->` on the line before the block. No block is left out in silence.

`python -m tests.docs.pages` runs all pages, writes what is printed today into their ```text blocks, and writes the
reference pages (tests/docs/reference.py).
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_HIDDEN = ("build", "dist", "venv", ".venv", "node_modules")  # of whoever runs this, not ours
PAGES = tuple(
    path
    for top in (".github", ".", "arch", "components", "docs", "mappings", "workloads", "sata")
    for path in sorted((ROOT / top).glob("*.md" if top == "." else "**/*.md"))
    if not set(path.relative_to(ROOT).parts) & set(_HIDDEN)
)
_FENCE = re.compile(r"^[ \t>*-]*(```|~~~)", re.MULTILINE)
_SPEC = re.compile(
    r"(arch|mapping|library|counts|variables|include): *[^ ]|(arch|mapping|library|counts|variables):\n|workload:\n  name:"
)
_ENTRIES = re.compile(r"- (ops:|\{ops:)")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# file: (\S+)\n")
CUT = "..."


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text, the line of the page it begins at, and where the text stands."""

    language: str
    text: str
    line: int
    span: tuple[int, int]


def blocks(page: str) -> list[Block]:
    return [Block(m[1], m[2], page.count("\n", 0, m.start()) + 1, m.span(2)) for m in _BLOCK.finditer(page)]


def installs(page: str, block: Block) -> bool:
    """Is this one of the two commands that make an environment of their own? They are tried elsewhere."""
    return re.search(r"<!-- (run|test) -->\n```sh\n\Z", page[: block.span[0]]) is not None


def excused(page: str, block: Block) -> str:
    """Why a block is not run: the REASON of `<!-- not run: REASON -->` on the line before it, else ""."""
    start = page.rfind("```", 0, block.span[0])
    found = re.search(r"<!-- not run: (.{8,}?) -->\n\Z", page[:start])
    return found[1] if found else ""


def spec_of(block: Block) -> str:
    """The text of a ```yaml block that is a whole spec, or some entries of a mapping under their key; else ""."""
    if block.language != "yaml" or _FILE.match(block.text):
        return ""
    if _ENTRIES.match(block.text):
        return "mapping:\n" + block.text
    return block.text if _SPEC.match(block.text) else ""


def unexplained(page: str) -> list[str]:
    """`line N: what is wrong` for every block that is neither run, nor checked, nor excused."""
    found, shown = [], False
    for block in blocks(page):
        why = _why_not(page, block, shown)
        if why and not excused(page, block):
            found.append(f"line {block.line}: {why}; make it run, or write <!-- not run: REASON --> on the line before")
        shown = block.language in ("sh", "python")
    fences = len(_FENCE.findall(page))
    if fences != 2 * len(blocks(page)):
        found.append(
            f"{fences} fences for {len(blocks(page))} blocks: one is indented, not closed, or has odd words behind it"
        )
    return found


def _why_not(page: str, block: Block, shown: bool) -> str:
    """Why a block is not run or checked; "" if it is. `shown`: the block before it prints something."""
    if _FILE.match(block.text) or block.language == "python" or installs(page, block) or spec_of(block):
        return ""
    if block.language == "sh":
        lines = [line for line in block.text.splitlines() if line.strip() and not line.startswith("#")]
        other = [line for line in lines if not line.startswith("sata ")]
        return f"'{other[0]}' is not a command of sata" if other else ""
    if block.language == "text" and shown:
        return ""
    return f"a block of '{block.language}' that nothing runs"


def outputs(page: str, folder: Path) -> Iterator[tuple[Block, str]]:
    """Run a page in a folder: every ```text block with what is really printed."""
    printed: str | None = None
    for block in blocks(page):
        file = _FILE.match(block.text)
        if excused(page, block):
            printed = None
            continue
        if file and block.language == "diff":
            change(folder / file[1], block.text[file.end() :])
        elif file:
            target = folder / file[1]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        elif block.language == "text" and printed is not None:
            yield block, printed
        printed = None
        if block.language == "sh" and not installs(page, block):
            commands = [line for line in block.text.splitlines() if line.startswith("sata ")]
            printed = "".join(run(["-m", *shlex.split(line, comments=True)], folder) for line in commands)
        elif block.language == "python" and not file:
            printed = run(["-c", block.text], folder)


def run(arguments: list[str], folder: Path) -> str:
    """What a call of Python prints, in a terminal of 80 columns."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", "NO_COLOR": "1"}
    env["SATA_CACHE"] = str(folder / ".cache")  # what other runs have searched must not show
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=env, text=True, timeout=120, check=False, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert "Traceback" not in done.stdout, done.stdout
    return done.stdout


def change(file: Path, diff: str) -> None:
    """Lines that begin with `-` go, lines with `+` come, the others stay; together they stand in the file once."""
    lines = diff.splitlines()
    before = "".join(line[1:] + "\n" for line in lines if not line.startswith("+"))
    after = "".join(line[1:] + "\n" for line in lines if not line.startswith("-"))
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{file.name} has these lines {text.count(before)} times:\n{before}"
    file.write_text(text.replace(before, after), encoding="utf-8")


def difference(shown: str, printed: str) -> str:
    """Empty if the lines between cuts stand in what is printed, in order; else the part that does not."""
    lines, at = printed.rstrip().splitlines(), 0
    parts = _parts(shown)
    for number, part in enumerate(parts):
        places = [i for i in range(at, len(lines) - len(part) + 1) if lines[i : i + len(part)] == part]
        if number == 0:
            places = [i for i in places if i == 0]
        if number == len(parts) - 1:
            places = [i for i in places if i + len(part) == len(lines)]
        if not places:
            return "\n".join(part) + "\n\nis not (there) in\n\n" + printed
        at = places[0] + len(part)
    return ""


def _parts(shown: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in shown.rstrip().splitlines():
        if line == CUT:
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def refreshed(shown: str, printed: str) -> str:
    """What is printed today, with the cuts of before. A part is found again by its first line, or its first word."""
    lines, at = printed.rstrip().splitlines(), 0
    if CUT not in shown.splitlines():
        return "".join(f"{line}\n" for line in lines)
    found: list[list[str]] = []
    for part in _parts(shown):
        start = at
        if part:
            rest = range(at, len(lines))
            near = next((i for i in rest if lines[i].split()[:1] == part[0].split()[:1]), at)
            start = next((i for i in rest if lines[i] == part[0]), near)
        found.append(lines[start : start + len(part)])
        at = start + len(part)
    return f"\n{CUT}\n".join("\n".join(part) for part in found).strip("\n") + "\n"


def main() -> None:
    from tests.docs.reference import write

    write()
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            news = [(b, refreshed(b.text, printed)) for b, printed in outputs(page, Path(folder))]
        for block, text in reversed(news):
            if block.text != text:
                print(f"{path.relative_to(ROOT)}:{block.line}: new output")
            page = page[: block.span[0]] + text + page[block.span[1] :]
        if news:
            path.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
