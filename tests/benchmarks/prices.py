"""How fast architectures are priced: `python -m tests.benchmarks.prices [NUMBER]`.

A sweep over the sizes of two buffers of arch/sata.yaml. Prints the rate from YAML with variables (read, checked, priced)
and from architectures that are read already. Each price is asked for once per class and attributes.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from sata.costs.evaluate import Price
from sata.costs.nodes import area_um2, price_nodes, prices_of
from sata.specs import load
from sata.specs.model import Arch, Memory
from sata.specs.text.faults import Faults
from sata.specs.text.find import shipped

W_GLB = range(32, 32 + 100)  # KiB, the table's range
U_GLB = range(100, 100 + 100)


def sizes(number: int) -> Iterator[tuple[int, int]]:
    """Pairs of sizes in KiB."""
    return itertools.islice(itertools.cycle((w, u) for w in W_GLB for u in U_GLB), number)


def from_yaml(file: Path) -> Callable[[int, int], dict[str, Price]]:
    """Price one size of the architecture of `file`, from its text."""

    def price(w: int, u: int) -> dict[str, Price]:
        loaded = load(file, variables={"w": w, "u": u})
        assert loaded.arch is not None
        return priced(loaded.arch, loaded.docs)

    return price


def from_specs(file: Path) -> Callable[[int, int], dict[str, Price]]:
    """Price one size of an architecture that is read already."""
    loaded = load(file)
    assert loaded.arch is not None
    arch: Arch = loaded.arch

    def price(w: int, u: int) -> dict[str, Price]:
        size = {"W_GLB": w << 13, "U_GLB": u << 13}
        nodes = tuple(replace(n, size_bits=size[n.name]) if isinstance(n, Memory) and n.name in size else n
                      for n in arch.nodes)  # fmt: skip
        return priced(replace(arch, nodes=nodes), loaded.docs)

    return price


def priced(arch: Arch, docs: object) -> dict[str, Price]:
    """All prices of an architecture, and its area."""
    faults = Faults()
    prices = prices_of(arch, docs, faults)  # type: ignore[arg-type]
    assert prices is not None
    found = price_nodes(arch, prices, faults, docs[0])  # type: ignore[index]
    faults.check()
    assert area_um2(arch, found)
    return found


def write(folder: Path) -> Path:
    """arch/sata.yaml with variables for two sizes."""
    text = (shipped("arch") / "sata.yaml").read_text(encoding="utf-8")
    text = text.replace("variables:\n", "variables:\n  w: 144\n  u: 256\n", 1)
    text = text.replace("size: 144 KiB", 'size: "{{ w }} KiB"', 1).replace("size: 256 KiB", 'size: "{{ u }} KiB"', 1)
    file = folder / "sweep.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def rates(number: int) -> dict[str, float]:
    """Architectures a second, by what they are priced from."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        file = write(Path(folder))
        for name, price in (("YAML", from_yaml(file)), ("specs", from_specs(file))):
            price(32, 100)  # reads the libraries
            start = time.perf_counter()
            for w, u in sizes(number):
                price(w, u)
            found[name] = number / (time.perf_counter() - start)
    return found


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for name, rate in rates(number).items():
        print(f"{number} architectures from {name}: {number / rate:.3f} s, {rate:,.0f} a second")
