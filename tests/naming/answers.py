"""What sata says of a spec, as data that a renaming may not change: results, tables, pages, pictures, a search."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from click.testing import CliRunner

from sata.cli import main

from .specs import APART, CONSTRAINTS, FUSED, LAYERS, OPS, SEARCHED

PLACEHOLDER = re.compile(r"Q_[a-z]+_Q")
NUMBER = re.compile(r"(?<![\w.])\d[\d.,]*")


def placeholders(*texts: str) -> list[str]:
    """Every placeholder, in order of appearance."""
    return list(dict.fromkeys(name for text in texts for name in PLACEHOLDER.findall(text)))


def renamed(text: str, names: Mapping[str, str]) -> str:
    """A text with placeholders replaced; others stay."""
    return PLACEHOLDER.sub(lambda m: names.get(m[0], m[0]), text)


def quoted(text: str, names: Mapping[str, str]) -> str:
    """A spec with names replaced, all texts in quotes: a name such as `null` is text."""
    return renamed(json.dumps(yaml.safe_load(text)), names)


def write(folder: Path, spec: str, names: Mapping[str, str]) -> list[str]:
    """Write a spec, renamed. Returns the names of the files that the commands take."""
    if spec == "layers":
        for name, text in LAYERS.items():
            new = renamed(name, names)
            (folder / new).write_text(renamed(text, names) if "---" in text else quoted(text, names))
        array = renamed("Q_npz_Q", names)
        np.savez(folder / "spikes.npz", **{array: np.arange(18).reshape(3, 6) % 3 == 0})
        return [str(folder / "net.yaml")]
    parts = {"apart": OPS + APART, "fused": OPS + FUSED}
    if spec in parts:
        (folder / "net.yaml").write_text(quoted(parts[spec], names))
        return [str(folder / "net.yaml")]
    machine = yaml.safe_load(OPS)
    machine["workload"] = yaml.safe_load(SEARCHED)["workload"]
    (folder / "net.yaml").write_text(renamed(json.dumps(machine), names))
    (folder / "rules.yaml").write_text(quoted(CONSTRAINTS, names))
    return [str(folder / "net.yaml"), "--constraints", str(folder / "rules.yaml")]


# What is asked of each spec: (name, arguments in front of the file and behind it, whether the answer is JSON)
ASKED: dict[str, list[tuple[str, list[str], list[str], bool]]] = {
    spec: [
        ("result", ["run"], ["--json", "-"], True),
        ("run", ["run"], [], False),
        ("why", ["run"], ["--explain-sparsity"], False),
        ("ops", ["ops"], [], False),
        ("prices", ["price"], ["--json", "-"], True),
        ("page", ["run"], ["--html", "-"], False),
        ("show", ["show"], [], False),
    ]
    for spec in ("apart", "fused", "layers")
}
ASKED["fused"], ASKED["layers"] = ASKED["fused"][:3], ASKED["layers"][:5]
ASKED["search"] = [("map", ["map"], ["--no-cache", "--workers", "1", "--json", "-"], True)]


def answers(folder: Path, spec: str, names: Mapping[str, str]) -> dict[str, Any]:
    """What is said, by what was asked; a refusal is its text."""
    files = write(folder, spec, names)
    found: dict[str, Any] = {}
    for name, before, after, data in ASKED[spec]:
        run = CliRunner().invoke(main, [*before, *files, *after])
        if run.exit_code:
            found[name] = f"refused: {run.output}{run.exception if run.exit_code == 1 else ''}"
        else:
            found[name] = plain(json.loads(run.stdout)) if data else run.stdout
    if "page" in found and isinstance(found["result"], dict):
        found |= pictures(folder, found["result"])
    return found


def plain(data: Any) -> Any:
    """Without what tells of files and hashes."""
    if isinstance(data, dict):
        drop = ("command", "inputs", "files", "seconds", "sha256", "key", "variables")
        return {k: plain(value) for k, value in data.items() if k not in drop or value is None}
    return [plain(value) for value in data] if isinstance(data, list) else data


def pictures(folder: Path, result: dict[str, Any]) -> dict[str, Any]:
    """The tips of every picture of a result, which say what each bar and box stands for."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from sata.report.pictures.arch import arch_picture
    from sata.report.pictures.energy import energy_picture, layers_picture
    from sata.report.pictures.roofline import roofline_picture
    from sata.report.pictures.step import density_picture
    from sata.report.read import result_from_data

    found: dict[str, Any] = {}
    read = result_from_data(result)
    for make in (energy_picture, layers_picture, roofline_picture, arch_picture, density_picture):
        picture = make(read)
        figure = Figure(figsize=picture.size)
        FigureCanvasAgg(figure)
        picture.draw(figure)
        gids = [str(a.get_gid()) for a in figure.findobj() if a.get_gid()]
        tips = sorted(bytes.fromhex(gid[4:]).decode() for gid in gids if gid.startswith("tip:"))
        found[make.__name__] = "\n".join(tips)
    return found


def differences(before: dict[str, Any], after: dict[str, Any], names: Mapping[str, str]) -> list[str]:
    """Where the second answers are not the first ones with other names: in data all, in texts all numbers."""
    found = []
    for what, old in before.items():
        new = after.get(what, "refused")
        if isinstance(old, str):
            if numbers(old) != numbers(new):
                found.append(f"{what}: {new[:300] if new.startswith('refused') else 'numbers differ'}")
            continue
        expected = json.loads(renamed(json.dumps(old), names))
        if isinstance(new, str) or expected != new:
            found.append(f"{what}: {new[:300] if isinstance(new, str) else first(expected, new)}")
    return found


def numbers(text: str) -> list[str]:
    """The numbers of a table or page, in order of size: names decide on widths, colours and the order of rows."""
    return sorted(NUMBER.findall(re.sub(r"(?s)<(svg|style|script)\b.*?</\1>|<[^>]*>|\b[0-9a-f]{10,}\b", " ", text)))


def first(a: Any, b: Any, path: str = "") -> str:
    """The first place where two data differ."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return next((first(a[k], b[k], f"{path}.{k}") for k in a if a[k] != b[k]), path)
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return next((first(x, y, f"{path}[{n}]") for n, (x, y) in enumerate(zip(a, b, strict=True)) if x != y), path)
    return f"{path}: {str(a)[:150]} -> {str(b)[:150]}"
