"""Are the answers those of another commit? `python -m tests.benchmarks.same_answers REVISION_OR_FOLDER [-k WORD]`.

Runs every shipped architecture x workload x mapping x template, and every shipped sweep, with this checkout and with
another one (a git revision, or a folder that holds one), each in processes of its own, and compares the JSON byte by
byte. Fields of `LABELS` may differ; each says why. Prints every other difference by its path in the JSON, equal ones
together, and ends with 1 if there is one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parents[2]
LABELS = {
    "sata_version": "says which version wrote the file",
    "command": "names the file that was written",
    "date": "says when the file was written",
    "sha256": "is the digest of a file, which may gain a comment",
}
TEMPLATES = ("lif_bptt", "lif_inference", "ann_training", "ann_inference", "qnn_inference")
MISSING = "is not there"
ROUNDING = 1e-12  # of sums of the same numbers in another order


class Case(NamedTuple):
    """A command that writes JSON to the file that is its last argument."""

    name: str
    command: tuple[str, ...]


class Answer(NamedTuple):
    """How a command ended, what it wrote (None: nothing), and what it said of an error."""

    code: int
    data: object
    said: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("other", help="a git revision, or the folder of a checkout")
    parser.add_argument("-k", default="", help="only cases whose name holds this")
    arguments = parser.parse_args()
    different, kinds = 0, Counter[str]()
    with checkout(arguments.other) as other:
        for case in cases():
            if arguments.k not in case.name:
                continue
            old, new = answer(case, other), answer(case, HERE)
            found = differences(old, new)
            print(f"{case.name}: {'differs' if found else 'refused by both' if new.code else 'the same'}", flush=True)
            for line in found:
                print(f"    {line}")
                far = line.partition(", ")[2].partition(")")[0]
                kinds[f"{line.partition(' (')[0]}: {'more than rounding' if far.startswith('up to') else far}"] += 1
            different += bool(found)
    for kind, times in sorted(kinds.items()):
        print(f"{kind}, in {times} cases")
    print(f"{different} differ" if different else "all the same")
    return 1 if different else 0


@contextmanager
def checkout(other: str) -> Iterator[Path]:
    """The folder of a checkout: `other` itself, or a temporary work tree of that revision."""
    if Path(other).is_dir():
        yield Path(other).resolve()
        return
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        subprocess.run(["git", "-C", str(HERE), "worktree", "add", "-q", "--detach", str(tree), other], check=True)
        try:
            yield tree
        finally:
            subprocess.run(["git", "-C", str(HERE), "worktree", "remove", "--force", str(tree)], check=True)


def cases() -> Iterator[Case]:
    """Every combination of what ships, those that are refused too."""
    mappings = sorted(path.name for path in (HERE / "mappings").glob("*.yaml"))
    for arch in sorted(path.name for path in (HERE / "arch").glob("*.yaml")):
        for workload in sorted(path.name for path in (HERE / "workloads").glob("*.yaml")):
            for mapping in mappings:
                files = (f"arch/{arch}", f"workloads/{workload}", f"mappings/{mapping}")
                name = " ".join(files)
                yield Case(name, ("run", *files, "--json"))
                if "layers:" in (HERE / files[1]).read_text(encoding="utf-8"):
                    for template in TEMPLATES:
                        yield Case(f"{name} {template}", ("run", *files, "--set", f"template={template}", "--json"))
    for sweep in sorted(path.name for path in (HERE / "sweeps").glob("*.yaml")):
        yield Case(f"sweeps/{sweep}", ("sweep", f"sweeps/{sweep}", "--workers", "1", "--fresh", "--no-cache", "-o"))


def answer(case: Case, folder: Path) -> Answer:
    """What the code in `folder` answers; it runs there, on the files that lie there."""
    with tempfile.TemporaryDirectory() as out:
        file = Path(out) / "answer.json"
        done = subprocess.run(
            [sys.executable, "-m", "sata", *case.command, str(file)], cwd=folder, capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": str(folder)}, check=False,
        )  # fmt: skip
        data = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
        return Answer(done.returncode, data, done.stderr if done.returncode else "")


def differences(old: Answer, new: Answer) -> list[str]:
    """A line for each kind of difference: where (a `*` for each index of a list), how often, and the first one."""
    if old.code != new.code:
        return [f"ends with {old.code} -> {new.code}: {(old.said or new.said).strip()[:300]}"]
    if old.code:
        return []  # the words of messages may change; tests/bad pins them
    found: dict[str, list[tuple[str, object, object]]] = defaultdict(list)
    for path, before, after in compared(old.data, new.data, ()):
        kind = "/".join("*" if isinstance(part, int) else part for part in path)
        found[kind].append(("/".join(map(str, path)), before, after))
    return [f"{kind} ({len(each)}, {how_far(each)}): {short(each[0][1])} -> {short(each[0][2])}"
            for kind, each in found.items()]  # fmt: skip


def how_far(each: Sequence[tuple[str, object, object]]) -> str:
    """`rounding alone`, `up to 3.2 %`, or `new`, `gone` and `other` where values are not numbers."""
    worst = 0.0
    for _, before, after in each:
        if before == MISSING or after == MISSING:
            return "new" if before == MISSING else "gone"
        if not isinstance(before, (int, float)) or not isinstance(after, (int, float)):
            return "other"
        worst = max(worst, abs(after - before) / max(abs(before), abs(after), 1e-300))
    return "rounding alone" if worst < ROUNDING else f"up to {100 * worst:.2g} %"


def compared(
    old: object, new: object, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], object, object]]:
    """(path, old, new) of the innermost values that are not the same; numbers are the same if they print the same."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            if key not in LABELS:
                yield from compared(old.get(key, MISSING), new.get(key, MISSING), (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from compared(before, after, (*path, number))
    elif json.dumps(old) != json.dumps(new):
        yield path, old, new


def short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 90 else f"{text[:87]}..."


if __name__ == "__main__":
    sys.exit(main())
