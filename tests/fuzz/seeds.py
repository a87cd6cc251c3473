"""What is broken: files that are right, each with the command that reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[2]
SMALL = (ROOT / "tests/cli/small.yaml").read_text(encoding="utf-8")
_FILE = re.compile(r"^```yaml\n# file: (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

NETWORK = """workload:
  name: net
  timesteps: 2
  template: {template}
  bits: {{weight: 8, spike: 1, activation: 8, current: 16, potential: 8, spike_gradient: 8, activation_gradient: 8,
         potential_gradient: 8, weight_gradient: 8}}
  layers:
  - {{name: conv, conv2d: {{input: [2, 8, 8], out: 2, kernel: 3, padding: 1}}}}
  - {{name: branch, from: conv, conv2d: {{out: 2, kernel: 1}}}}
  - {{name: sum, add: [conv, branch]}}
  - {{name: most, maxpool2d: 2}}
  - {{name: out, linear: 2, fires: false}}
"""


@dataclass(frozen=True)
class Seed:
    """A file that is broken. kind: its format, of which rates are counted. commands: what reads it, `FILE` for its name;
    others: the files beside it. name: under which it is written."""

    kind: str
    name: str
    content: bytes
    commands: tuple[tuple[str, ...], ...]
    others: dict[str, bytes] = field(default_factory=dict, hash=False)


@lru_cache(maxsize=1)
def seeds() -> tuple[Seed, ...]:
    """All of them."""
    return (*_specs(), *_documented(), *_templates(), *_tables(), *_traces())


def _specs() -> Iterator[Seed]:
    small = {"small.yaml": SMALL.encode()}
    yield Seed("study", "s.yaml", SMALL.encode(), (("run", "s.yaml"), ("check", "s.yaml")))
    for path in sorted((ROOT / "arch").glob("*.yaml")):
        run = ("run", "s.yaml", "workloads/one_conv.yaml", "mappings/sata.yaml", "--ops", "*.forward")
        runs = (run,) if path.stem == "sata" else ()  # the mapping that ships is that one's
        yield Seed("arch", "s.yaml", path.read_bytes(), (*runs, ("check", "s.yaml")))
    for path in sorted((ROOT / "workloads").glob("*.yaml")):
        yield Seed("workload", "s.yaml", path.read_bytes(), (("check", "s.yaml"),))
    for path in sorted((ROOT / "mappings").glob("*.yaml")):
        run = ("run", "arch/sata.yaml", "workloads/one_conv.yaml", "s.yaml")
        yield Seed("mapping", "s.yaml", path.read_bytes(), (run, ("check", "s.yaml")))
    for path in sorted((ROOT / "components").glob("*.yaml")):
        others = {f.name: f.read_bytes() for f in path.parent.glob("*.csv")}
        yield Seed("library", "s.yaml", path.read_bytes(), (("components", "s.yaml"), ("check", "s.yaml")), others)
    for path in sorted((ROOT / "sweeps").glob("*.yaml")):
        yield Seed("sweep", "s.yaml", path.read_bytes(), (("check", "s.yaml"),))
    for path in sorted((ROOT / "tests/published").glob("sata_*.yaml")):
        yield Seed("counts", "s.yaml", path.read_bytes(), (("price", "--counts", "s.yaml"),))
    yield Seed("constraints", "s.yaml", b"constraints:\n- ops: '*'\n  keep: {GLB: [weight]}\n",
               (("map", "small.yaml", "--constraints", "s.yaml", "--space"),), small)  # fmt: skip


def _documented() -> Iterator[Seed]:
    """The files of the documentation that stand for themselves."""
    for page in sorted((ROOT / "docs").glob("*.md")):
        for _, text in _FILE.findall(page.read_text(encoding="utf-8")):
            try:
                data = yaml.safe_load(text)
            except yaml.YAMLError:
                continue  # a template, whose text is no YAML
            if (
                isinstance(data, dict)
                and set(data) & {"arch", "workload", "mapping", "library"}
                and not re.search(r"\b(include|table|template|file):", text)
            ):
                kind = next(k for k in ("arch", "workload", "mapping", "library") if k in data)
                yield Seed(kind, "s.yaml", text.encode(), (("check", "s.yaml"),))


def _templates() -> Iterator[Seed]:
    parts = {f"parts/{p.name}": p.read_bytes() for p in (ROOT / "sata/templates/parts").glob("*.yaml")}
    for path in sorted((ROOT / "sata/templates").glob("*.yaml")):
        others = {"net.yaml": NETWORK.format(template="tpl.yaml").encode()}
        yield Seed("template", "tpl.yaml", path.read_bytes(), (("ops", "net.yaml"),), others)
    for name in sorted(parts):
        own = {k: v for k, v in parts.items() if k != name}
        bptt = (ROOT / "sata/templates/lif_bptt.yaml").read_bytes()
        others = {"net.yaml": NETWORK.format(template="tpl.yaml").encode(), "tpl.yaml": bptt, **own}
        yield Seed("template", name, parts[name], (("ops", "net.yaml"),), others)
    for name, text in _FILE.findall((ROOT / "docs/templates.md").read_text(encoding="utf-8")):
        if text.lstrip("#").count("---\n"):
            others = {"net.yaml": NETWORK.format(template=name).encode()}
            yield Seed("template", name, text.encode(), (("ops", "net.yaml"),), others)


def _tables() -> Iterator[Seed]:
    library = "library:\n  name: t\n  components:\n  - {{class: c, table: t.csv, interpolate: {{{inner}}}}}\n"
    for path in sorted((ROOT / "components").glob("*.csv")):
        content = path.read_bytes()
        head = next(line for line in content.decode().splitlines() if not line.startswith("#"))
        inner = "size: power" if "size_" in head else ""
        yield Seed(
            "table", "t.csv", content, (("components", "lib.yaml"),), {"lib.yaml": library.format(inner=inner).encode()}
        )


def _traces() -> Iterator[Seed]:
    """Recordings, plain and bit-packed, with and without shapes."""
    from io import BytesIO

    study = SMALL.replace("S: {kind: spike, density: 0.25}, X",
                          "S: {kind: spike, density: {model: trace, file: s.npz, array: s}}, X").encode()  # fmt: skip
    values = np.random.default_rng(1).random((2, 4)) < 0.5
    packed = {"s": np.packbits(values), "s_shape": np.array([2, 4])}
    for arrays in ({"s": values}, {"s": values.astype(np.float32), "other": values}, packed):
        for save in (np.savez, np.savez_compressed):
            out = BytesIO()
            save(out, **arrays)  # type: ignore[arg-type]
            commands = (("run", "s.yaml"), ("density", "s.npz"))
            yield Seed("trace", "s.npz", out.getvalue(), commands, {"s.yaml": study})
