"""Old words do not come back: names, comments, docstrings and messages use the words of docs/vocabulary.md."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Names of variables, attributes, arguments and functions that had a private meaning, and what to write.
NAMES = {
    "frame": "problem", "frames": "problems", "strand": "operand", "strands": "operands", "stops": "levels",
    "skeleton": "template", "plans": "unrollings", "hopeless": "prunable", "twins": "labels of the group",
    "mates": "members", "look_ahead": "build_cost_to_go", "hope": "improving",
}  # fmt: skip
# In docstrings and comments of the rooms of the search.
PROSE = {
    r"\bskeletons?\b": "storage template", r"\bstrands?\b": "operand", r"\bframes?\b": "problem",
    r"\bpartial nests?\b": "partial mapping, label", r"\blooks? ahead\b": "cost-to-go table", r"\bhopeless\b": "prunable",
    r"\btold apart\b|\btells? apart\b": "distinct, distinguishes", r"\bthe best so far\b": "the incumbent",
    r"what nothing is below": "lower bound", r"\bragged\b(?!`)": "imperfect",
}  # fmt: skip
# In messages of the whole package.
MESSAGES = {
    r"\bstands? twice\b": "is defined twice",
    r"(?<!there )\bis no (?!longer|more|less|better|worse|good|use)\w": "is not a",
    r"\btold apart\b": "distinguished", r"\b(has|have) not\b(?! been)": "does not have",
}  # fmt: skip
Found = tuple[str, str, str]


def files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def tokens(path: Path) -> Iterator[tuple[str, tokenize.TokenInfo]]:
    """Every name, comment, docstring and other string, with its kind."""
    begins = True
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.NAME:
            yield "name", token
        elif token.type == tokenize.COMMENT:
            yield "prose", token
        elif token.type == tokenize.STRING:
            yield ("prose" if begins and token.string.endswith('"""') else "message"), token
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            begins = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)


def found(path: Path, kind: str, words: dict[str, str]) -> list[str]:
    """Where a file has old words in what is of a kind."""
    return [
        f"{path.relative_to(ROOT)}:{token.start[0]}: '{match[0]}': write {better}"
        for kind_, token in tokens(path)
        if kind_ == kind
        for pattern, better in words.items()
        for match in [re.search(pattern, token.string)]
        if match
    ]


def test_names_of_the_search() -> None:
    words = {rf"^{name}$": better for name, better in NAMES.items()}
    assert [line for path in files("sata/search") for line in found(path, "name", words)] == []


@pytest.mark.parametrize("room", ["answers", "cost_to_go", "model", "partial", "run", "space"])
def test_docstrings_and_comments_of_the_search(room: str) -> None:
    assert [line for path in files(f"sata/search/{room}") for line in found(path, "prose", PROSE)] == []


def test_docstrings_and_comments_of_the_workers() -> None:
    assert [line for path in files("sata/parallel") for line in found(path, "prose", PROSE)] == []


def test_messages() -> None:
    assert [line for path in files("sata") for line in found(path, "message", MESSAGES)] == []


def test_messages_that_are_pinned() -> None:
    text = (ROOT / "tests" / "bad" / "expected.yaml").read_text(encoding="utf-8")
    assert [match[0] for pattern in MESSAGES for match in re.finditer(pattern, text)] == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [("frame = 1\n", "name"), ('"""Of a skeleton."""\n', "prose"), ("# partial nests\n", "prose"),
     ("raise ValueError(f\"'{name}' stands twice\")\n", "message"), ("x = \"'k' is no rank of this op\"\n", "message")],
)  # fmt: skip
def test_an_old_word_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, kind: str) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    words = {"name": {f"^{n}$": b for n, b in NAMES.items()}, "prose": PROSE, "message": MESSAGES}[kind]
    (tmp_path / "a.py").write_text(code)
    assert len(found(tmp_path / "a.py", kind, words)) == 1
    (tmp_path / "a.py").write_text("problem = 1  # a label\n")
    assert found(tmp_path / "a.py", kind, words) == []
