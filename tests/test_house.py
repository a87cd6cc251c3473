"""The house: names that are given once, files of a size that one reads in a sitting, types that say something."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "sata"
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 300  # lines
TOO_LONG = {
    "api/spec.py",  # one class, whose calls say all that they take
    # the engine of the search is being written anew
    "search/cost_to_go/tables.py", "search/engine/beam.py", "search/engine/shared_loops.py", "search/engine/solve.py",
    "search/model/problem.py", "search/run/workload.py",
}  # fmt: skip
MOST_ANY = 18  # for 1000 lines; may only go down
TWICE = {
    "check": "the command of that name, and the call behind it",
    "compare": "the command of that name, and the comparison behind it",
    "schema": "the command of that name, and the schema that it prints",
    **dict.fromkeys(
        ("components", "formats", "merge", "models", "plot"), "the command of that name, and the call it makes"
    ),
}


def trees() -> dict[str, ast.Module]:
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in FILES
    }  # fmt: skip


def test_no_two_classes_or_public_functions_share_a_name() -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for file, tree in trees().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) or (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_")
            ):
                found[node.name].append(file)
    twice = {name: files for name, files in found.items() if len(files) > 1}
    assert {name: files for name, files in twice.items() if name not in TWICE} == {}
    assert twice.keys() == TWICE.keys(), "exceptions that are none any more"


def test_files_are_short() -> None:
    long = {
        p.relative_to(PACKAGE).as_posix() for p in FILES if len(p.read_text(encoding="utf-8").splitlines()) > LONGEST
    }
    assert long <= TOO_LONG


def test_types_say_something() -> None:
    texts = [re.sub(r"^.*\bimport\b.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE) for path in FILES]
    times, lines = sum(len(re.findall(r"\bAny\b", text)) for text in texts), sum(text.count("\n") for text in texts)
    assert 1000 * times / lines <= MOST_ANY


def test_counts_do_not_know_objects_by_their_address() -> None:
    """An address may be given to another object later: what is looked up by identity compares by identity itself."""
    found = [
        f"{file}:{node.lineno}"
        for file, tree in trees().items()
        for node in ast.walk(tree)
        if file.startswith("counts/")
        and not file.startswith("counts/lockstep/")  # of objects at hand, nothing is kept
        and isinstance(node, ast.Call)
        and ast.unparse(node.func) == "id"
    ]
    assert found == []
