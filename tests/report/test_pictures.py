"""Pictures: every kind against a stored picture, the same bytes from any process, names that could do harm.

`python -m tests.report.test_pictures` draws the stored pictures again. Look at them before you commit them.
"""

from __future__ import annotations

import io
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sata.report.pictures.arch import arch_picture
from sata.report.pictures.compare import compare_picture
from sata.report.pictures.energy import MOST_LAYERS, energy_picture, layers_picture
from sata.report.pictures.nest import nest_picture
from sata.report.pictures.points import density_column, pareto_picture, sparsity_picture
from sata.report.pictures.roofline import roofline_picture
from sata.report.pictures.step import density_picture, kept_picture
from sata.report.pictures.style import COLOURS, KINDS, Picture, colours, inline, render
from sata.report.points import Points, pareto
from sata.report.read import result_from_data
from tests.report.made import small, small_data, training, training_data

STORED = Path(__file__).with_name("pictures")
ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 0.02  # mean difference of a colour's share; another text renderer makes about a third of it
SVG = "{http://www.w3.org/2000/svg}"


def points() -> Points:
    rows = [
        {"energy_pj": 1e6 * (20 - n + 10 * (n % 3)), "cycles": 1000.0 * n, "label": f"map {n}"} for n in range(1, 13)
    ]
    return Points(tuple(rows), pareto(rows, ("energy_pj", "cycles")))


def sweep() -> Points:
    rows = [{"energy_pj": 1e6 * (size + 100 * d), "cycles": 10.0 + n, "buffer": size, "density": d, "label": n}
            for size in (32, 64) for n, d in enumerate((0.8, 0.1, 0.4))]  # fmt: skip
    return Points(tuple(rows), ())


DRAWN: dict[str, Callable[[], Picture]] = {
    "energy": lambda: energy_picture(small()),
    "layers": lambda: layers_picture(training()),
    "roofline": lambda: roofline_picture(training()),
    "nest": lambda: nest_picture(small().nests[0], small().tensors),
    "arch": lambda: arch_picture(training()),
    "kept": lambda: kept_picture(training()),
    "density": lambda: density_picture(training()),
    "pareto": lambda: pareto_picture(points()),
    "sparsity": lambda: sparsity_picture(sweep(), "density"),
    "compare": lambda: compare_picture(["small", "by hand"], [small(), training()]),
}


def pixels(data: bytes | Path) -> np.ndarray:  # type: ignore[type-arg]
    from matplotlib.image import imread

    return np.asarray(imread(io.BytesIO(data) if isinstance(data, bytes) else data))[..., :3]


def coarse(image: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """Means of 8 x 8 pixels: what differs in them is another line or colour, and no other rounding of a letter."""
    height, width = (n // 8 * 8 for n in image.shape[:2])
    return image[:height, :width].reshape(height // 8, 8, width // 8, 8, 3).mean((1, 3))


@pytest.mark.parametrize("name", DRAWN)
def test_pictures_are_those_that_are_stored(name: str) -> None:
    ours, theirs = pixels(render(DRAWN[name](), "png")), pixels(STORED / f"{name}.png")
    assert ours.shape == theirs.shape
    difference = np.abs(coarse(ours) - coarse(theirs))
    assert difference.mean() < TOLERANCE / 4
    assert np.sort(difference.max(axis=2).ravel())[-20:].mean() < 0.35


def test_the_tolerance_sees_a_bar_that_is_missing() -> None:
    data = training_data()
    data["records"] = [r for r in data["records"] if not (r["stage"] == "backward" and r["component"] == "DRAM")]
    shown = pixels(render(layers_picture(result_from_data(data)), "png"))
    difference = np.abs(coarse(shown) - coarse(pixels(STORED / "layers.png")))
    assert np.sort(difference.max(axis=2).ravel())[-20:].mean() > 0.35


def bytes_of_all() -> bytes:
    """Every picture as SVG, one as PNG and PDF."""
    files = [render(draw(), "svg") for draw in DRAWN.values()]
    return b"".join([*files, *(render(DRAWN["arch"](), kind) for kind in ("png", "pdf"))])


def test_same_picture_same_bytes_in_any_process() -> None:
    code = "import sys; from tests.report.test_pictures import bytes_of_all; sys.stdout.buffer.write(bytes_of_all())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT).stdout
    assert done == bytes_of_all()
    assert all(word not in done for word in (b"<dc:date>", b"CreationDate", b"matplotlib v"))


@pytest.mark.parametrize("name", DRAWN)
def test_pictures_are_good_xml_and_say_what_they_show(name: str) -> None:
    picture = DRAWN[name]()
    root = ET.fromstring(render(picture, "svg"))
    assert root.find(f".//{SVG}title") is not None
    tips = [g for g in root.iter(f"{SVG}g") if g.get("class") == "tip"]
    assert tips
    assert all(g[0].tag == f"{SVG}title" and g[0].text for g in tips)


def tips_of(picture: Picture) -> list[str]:
    root = ET.fromstring(render(picture, "svg"))
    return [g[0].text or "" for g in root.iter(f"{SVG}g") if g.get("class") == "tip"]


def test_tips_hold_the_numbers() -> None:
    assert "DRAM, weight: 2.4 nJ" in tips_of(energy_picture(small()))  # 24 B x 100 pJ
    assert "a, backward: 40 cycles" in tips_of(layers_picture(training()))
    assert "fc.weight: 0.6575 computes/cycle, 0.3967 computes/byte, bound by DRAM" in tips_of(roofline_picture(small()))
    assert "GLB (c): 64 B, 64 b wide; 366 pJ, 22.8% of the energy, used 25.0%" in tips_of(arch_picture(training()))
    assert "a, S' (spike, temporal): 0.2; step 2: 0.3" in tips_of(density_picture(training()))
    assert "spike: at most 300 b" in tips_of(kept_picture(training()))
    assert any(
        text.startswith("map 1: ") and text.endswith("1,000 cycles") for text in tips_of(pareto_picture(points()))
    )
    assert "buffer 32: density 0.1, 42 uJ" in tips_of(sparsity_picture(sweep(), "density"))
    assert "W: GLB to PE: accumulate" in tips_of(nest_picture(small().nests[0], small().tensors))


def test_names_are_shown_as_they_are() -> None:
    """No mathematics, no elements, no attributes out of a name."""
    data = training_data()
    evil = 'a"><script>alert(1)</script>$x_1$&amp;'
    for rows in ("ops", "records", "tensors", "kept", "architecture"):
        for row in data[rows]:
            for field in ("layer", "component", "node", "kind", "tensor"):
                if field in row:
                    row[field] = evil + row[field]
    result = result_from_data(data)
    for draw in (energy_picture, layers_picture, roofline_picture, arch_picture, kept_picture, density_picture):
        text = inline(draw(result), "p")
        assert not list(ET.fromstring(text.replace("xlink:", "")).iter(f"{SVG}script"))
        assert "<script" not in text
    assert any(evil in text for text in tips_of(layers_picture(result)))


def test_inline_pictures_take_the_colours_of_the_page_and_share_no_id() -> None:
    both = [inline(DRAWN[name](), prefix) for name, prefix in (("energy", "a"), ("energy", "b"))]
    assert all("var(--ink)" in svg and "#ffffff" not in svg and "<?xml" not in svg for svg in both)
    roots = [ET.fromstring(svg.replace("xlink:", "")) for svg in both]
    ids = [{e.get("id") for e in root.iter() if e.get("id")} for root in roots]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_many_layers_are_summed_up() -> None:
    data = small_data()
    ops, records = [], []
    for number in range(MOST_LAYERS + 10):
        ops.append(data["ops"][0] | {"op": f"l{number}.f", "layer": f"l{number}"})
        records.append(data["records"][0] | {"op": f"l{number}.f", "layer": f"l{number}", "energy_pj": 10.0 + number})
    svg = render(layers_picture(result_from_data({"ops": ops, "records": records})), "svg").decode()
    assert ">11 more<" in svg
    assert "11 more, forward: 165 pJ" in svg  # 10 + 11 + ... + 20


def test_results_without_anything() -> None:
    empty = result_from_data({"ops": [], "records": []})
    for draw in (energy_picture, layers_picture, roofline_picture, arch_picture, kept_picture, density_picture):
        assert render(draw(empty), "png")
    assert b"no tensor of this result has a density" in render(density_picture(empty), "svg")


def test_colours_of_kinds_are_the_same_everywhere() -> None:
    found = colours(["weight", "mine", "spike", "yours"], KINDS)
    assert (found["weight"], found["spike"]) == (KINDS["weight"], KINDS["spike"])
    assert len(set(found.values())) == 4
    assert len(set(colours(map(str, range(len(COLOURS)))).values())) == len(COLOURS)


def test_which_points_none_is_better_than() -> None:
    rows = [{"e": e, "c": c} for e, c in ((3, 1), (1, 3), (2, 2), (2, 2), (3, 3), (1, 4))]
    front = pareto(rows, ("e", "c"))
    beaten = {n for n, p in enumerate(rows) for q in rows if q["e"] <= p["e"] and q["c"] <= p["c"] and q != p}
    assert set(front) | {3} == set(range(len(rows))) - beaten  # of the two that are equal, the first
    assert front == (1, 2, 0)


def test_which_column_is_the_density() -> None:
    assert density_column(sweep()) == "density"
    assert density_column(Points(({"energy_pj": 1, "spike_density": 2},), ())) == "spike_density"
    assert density_column(points()) is None


if __name__ == "__main__":
    STORED.mkdir(exist_ok=True)
    for name, draw in DRAWN.items():
        (STORED / f"{name}.png").write_bytes(render(draw(), "png"))
