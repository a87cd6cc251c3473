"""No name is magic: specs whose names are replaced by words of ours give the same numbers.

Every text in `sata/` that could be a name becomes the name of nodes, kinds, actions, tensors, ranks, ops, layers, axes,
variables, classes, parts, stages, libraries, options and files of four specs: with sparsity, fused, with a template and
a trace, searched. All names of a spec are replaced at once, by words that follow each other. The normal run takes words
that have been magic and some of the others; SATA_ALL_NAMES=1 gives every word to every name (an hour).
"""

from __future__ import annotations

import ast
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import sata
from sata.nest.resolve import USUAL_TENSORS
from sata.specs.text.expressions import RESERVED
from sata.specs.workload.kinds import KINDS

from .answers import answers, differences, placeholders
from .specs import APART, CONSTRAINTS, FUSED, LAYERS, OPS, SEARCHED

TEXTS = {
    "apart": OPS + APART,
    "fused": OPS + FUSED,
    "layers": "".join(name + text for name, text in LAYERS.items()),
    "search": OPS + SEARCHED + CONSTRAINTS,
}
NAME = re.compile(r"[A-Za-z_]\w*")
# Words that formats refuse, or that mean something by design: what a renaming may not ask for.
LANGUAGE = {
    "t",  # the rank of time steps: densities for each of them follow it
    *KINDS,  # kinds that every workload has: a tensor cannot be called like one, and a second kind neither
    "memory", "for", "array", "compute", "split",  # an axis stands beside these keys of a nest
    "and", "or", "not", "in", "is", "if", "else", "True", "False", "None", "true", "false", "none",  # of expressions
    "class", "count",  # an attribute stands beside these keys of a part
    "either", "include",  # of rules, and of every mapping
    *RESERVED,  # functions and words of expressions: no variable is called so
    *USUAL_TENSORS,  # of the shipped parts of templates: no kind is called so beside them
}  # fmt: skip
MAGIC = (
    "filling", "leak", "leakage", "area", "deliver", "read", "write", "energy", "hop", "reads", "fills", "total", "other",
    "DRAM", "op", "layer", "kind", "tensor", "stage", "action", "component", "actual", "gated", "skipped", "metadata",
    "width", "size", "density", "model", "weight_", "input", "output", "temporal", "skip", "gate", "keep", "bypass",
    "memories", "wires", "cycles", "energy_pj", "default", "name", "forward", "share", "rank", "x", "k", "c", "node",
)  # fmt: skip


@cache
def words() -> tuple[str, ...]:
    """Every text of `sata/` that could be a name, in order."""
    found = set()
    for path in Path(sata.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value):
                found.add(node.value)
    return tuple(sorted(found - LANGUAGE))


def renaming(names: list[str], own: tuple[str, ...], start: int, shift: int) -> dict[str, str]:
    """Words for all names: as many as there are names, from `start` on, the first for the name number `shift`."""
    chosen = [own[n] if n < len(own) else f"word_{n}" for n in range(start, start + len(names))]
    return {names[(n + shift) % len(names)]: word for n, word in enumerate(chosen)}


def some(spec: str) -> list[dict[str, str]]:
    names = placeholders(TEXTS[spec])
    return [renaming(names, MAGIC, 0, 3 * list(TEXTS).index(spec)), renaming(names, words(), 97 * len(names), 0)]


def every(spec: str) -> list[dict[str, str]]:
    names = placeholders(TEXTS[spec])
    starts = range(0, len(words()), len(names))
    return [renaming(names, words(), start, shift) for start in starts for shift in range(len(names))]


CHOICE = every if os.environ.get("SATA_ALL_NAMES") else some


@pytest.mark.parametrize("spec", TEXTS)
def test_a_name_changes_no_number(spec: str, tmp_path: Path) -> None:
    before = answers(tmp_path, spec, {})
    assert not [what for what, answer in before.items() if str(answer).startswith("refused")]
    for names in CHOICE(spec):
        found = differences(before, answers(tmp_path, spec, names), names)
        assert not found, _guilty(tmp_path, spec, before, names) or found


def _guilty(folder: Path, spec: str, before: dict[str, Any], names: dict[str, str]) -> list[str]:
    """The single names that change something, and what."""
    found = []
    for name, word in names.items():
        one = {name: word}
        found += [f"{name} -> {word}: {what}" for what in differences(before, answers(folder, spec, one), one)[:1]]
    return found


def test_there_are_words_and_names() -> None:
    assert len(words()) > 600
    assert {"leakage", "area", "reads", "energy"} <= set(words())
    assert [len(placeholders(text)) for text in TEXTS.values()] > [20] * 4
