"""The notebooks run from an empty folder, and are stored without outputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)


def cells(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text(encoding="utf-8"))["cells"])


def test_there_are_two() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["design_space", "first_tour"]


@each
def test_stored_without_outputs(path: Path) -> None:
    code = [cell for cell in cells(path) if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@each
def test_listed(path: Path) -> None:
    assert f"(notebooks/{path.name})" in (ROOT / "docs/notebooks.md").read_text(encoding="utf-8")


@each
def test_cells_run(path: Path, tmp_path: Path) -> None:
    """As one script, in a folder without any file: needs nothing but sata, and says which cell fails."""
    lines = ["def cell(number, text): exec(compile(text, f'<cell {number}>', 'exec'), globals())"]
    code = (c for c in cells(path) if c["cell_type"] == "code")
    lines += [f"cell({n}, {''.join(c['source'])!r})" for n, c in enumerate(code, 1)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, "-W", "error::SyntaxWarning", "-c", "\n".join(lines)],
        cwd=tmp_path, env=env, text=True, capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") > 10


@each
def test_jupyter_executes(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a real kernel, where `pip install '.[notebooks]'` was done."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    nbclient.NotebookClient(book, timeout=300, kernel_name="python3").execute(cwd=str(tmp_path))
    images = [o for c in book.cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})]
    assert images
