"""Formats against timeloop-model's own figures (Sparseloop): data that is stored and moved, and metadata.

The cases are in tests/data/timeloop/sparse, as given. What differs, and why:

- Timeloop counts fields of metadata, we count bits: here every field of ours has one bit (runs: four, divided again).
- It rounds what is stored up to whole fields and floors what moves: equal to within one.
- It says what moves per utilised instance: numbers are divided by the chance that the memory's tile is not empty. Ours
  are plain means, so theirs are multiplied by that chance. Metadata of a tile's topmost rank is there also if the tile
  is empty, in theirs as in ours.
- Its largest occupancy of a tile is what is possible at all: our quantile 1. Ours otherwise is the expected one.
- Its formats have a rank per loop; ours one per dimension. Case s07, which splits dimensions, is put as a tensor of five
  dimensions, which holds as many elements in as many sub-tiles: under its density model nothing else matters.
- Zeros that a format does not store are in none of its outcomes; here they are skipped, so that the sum is the dense
  count.
- Metadata: none is gated or skipped in any case; the only tensor with a format in each of them leads its rules, or is in
  none, and its metadata moves in full, as here.
- It does not count drains (BUF reads 64 results of s33 to send them out); they are added to its reads.
- The vector accesses of s32 (blocks of four words) change no count of words.
"""

from __future__ import annotations

from math import comb, prod
from pathlib import Path
from typing import Any

import pytest
import yaml

import sata
from sata.counts.density.uniform import Uniform
from sata.counts.sparse.subtiles import SubtileGrid, tiles_of
from sata.counts.storage.formats import encoded, layout
from sata.specs.formats import RankFormat, TensorFormat
from sata.specs.model import Dim, Tensor

FOLDER = Path(__file__).resolve().parents[1] / "data" / "timeloop" / "sparse"
TWO_LEVELS = ("s17", "s18", "s19", "s20", "s23", "s32", "s33")
OURS = {
    "UOP": {"offsets": {"bits": 1}},
    "B": "bitmask",
    "CP": {"coordinate": {"bits": 1}},
    "RLE": {"run_length": {"bits": 4}},
}
RUN_BITS = 4  # no run of 16 needs a cut


def case(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(next(FOLDER.glob(f"{name}_*.yaml")).read_text(encoding="utf-8"))
    return found


def p_empty(total: int, nonzeros: int, n: int) -> float:
    return comb(total - nonzeros, n) / comb(total, n)


def result_of(case: dict[str, Any]) -> sata.Result:
    """The case as our product counts it, without its rules: they are about other tensors than the one with a format."""
    dims = case["problem"]["dims"]
    stored: dict[str, dict[str, Any]] = {}
    for entry in case["sparse"]["formats"]:
        ranks = [OURS[rank["format"]] for rank in entry["ranks"]]
        stored.setdefault(entry["level"], {})[entry["tensor"].lower()] = ranks
    nodes: list[dict[str, Any]] = []
    nest: list[dict[str, Any]] = []
    for level in case["mapping"]["levels"]:
        name = level["level"]
        nodes.append({"memory": name, "class": "memory", **({"format": stored[name]} if name in stored else {})})
        nest += [{"memory": name}, {"for": ", ".join(f"{x['dim'].lower()} {x['factor']}" for x in level["loops"])}]
    nodes.append({"compute": "MAC", "class": "mac"})
    density = {name: given["density"] for name, given in case["problem"]["densities"].items()}
    tensors = {t["name"]: {"kind": t["name"].lower(), **({"density": density[t["name"]]} if t["name"] in density else {})}
               for t in case["problem"]["tensors"]}  # fmt: skip
    return sata.evaluate({
        "arch": {"name": "timeloop", "nodes": nodes},
        "workload": {"name": case["id"], "kinds": ["a", "w", "z"], "bits": {"a": 8, "w": 8, "z": 8}, "ops": [{
            "name": "mm", "action": "mac", "ranks": {rank.lower(): n for rank, n in dims.items()},
            "compute": "Z[m,n] += A[m,k] * W[k,n]", "tensors": tensors}]},
        "mapping": [{"ops": "mm", "nest": [*nest, {"compute": "MAC"}]}],
        "library": {"name": "units", "source": "made up", "components": [
            {"class": "memory", "energy": {"read": "1 pJ", "write": "1 pJ"}}, {"class": "mac", "energy": {"mac": "1 pJ"}}]},
    })  # fmt: skip


def count(result: sata.Result, memory: str, tensor: str, action: str, outcome: str) -> float:
    return sum(r["count"] for r in result.records if (r["component"], r["tensor"], r["action"], r["outcome"])
               == (memory, tensor, action, outcome))  # fmt: skip


def drains(result: sata.Result, memory: str, tensor: str) -> int:
    return sum(int(row["drains"]) for row in result.traffic if (row["memory"], row["tensor"]) == (memory, tensor))


def fields(case: dict[str, Any], level: str, tensor: str, which: str) -> float:
    """All fields of metadata in one of the case's tables, coordinates and payloads together."""
    table = case["expected"]["levels"][level]["tensors"][tensor][which]
    table = table.get("actual", table) if isinstance(table, dict) else table
    return sum(sum(pair) for pair in table.values()) if isinstance(table, dict) else float(table)


def with_format(case: dict[str, Any]) -> str:
    (tensor,) = {entry["tensor"] for entry in case["sparse"]["formats"]}
    return str(tensor)


def in_fields(case: dict[str, Any], bits: float) -> float:
    runs = any(rank["format"] == "RLE" for entry in case["sparse"]["formats"] for rank in entry["ranks"])
    return bits / RUN_BITS if runs else bits


@pytest.mark.parametrize("name", TWO_LEVELS)
def test_data_that_moves(name: str) -> None:
    """Non-zeros of the dense count, everything else is skipped."""
    given = case(name)
    result, tensor = result_of(given), with_format(given)
    total = prod(given["problem"]["dims"][d] for d in ("MK" if tensor == "A" else "MN"))
    nonzeros = round(total * given["problem"]["densities"][tensor]["density"])
    for level, found in given["expected"]["levels"].items():
        table = found["tensors"][tensor]
        there = 1 - p_empty(total, nonzeros, table["tile_shape"])
        wanted = {"read": ("reads",), "write": ("fills", "updates")}
        for action, events in wanted.items():
            theirs = sum(table[f"{e}_per_instance"]["actual"] for e in events) * there
            dense = sum(table[f"{e}_per_instance"]["algorithmic"] for e in events)
            if action == "read":
                dense += drains(result, level, tensor)
                theirs += drains(result, level, tensor) * nonzeros / total
            ours = count(result, level, tensor, action, "actual")
            assert abs(ours - theirs) <= 1, (level, action)
            assert ours + count(result, level, tensor, action, "skipped") == dense


@pytest.mark.parametrize("name", TWO_LEVELS)
def test_metadata_that_moves(name: str) -> None:
    given = case(name)
    result, tensor = result_of(given), with_format(given)
    total = prod(given["problem"]["dims"][d] for d in ("MK" if tensor == "A" else "MN"))
    nonzeros = round(total * given["problem"]["densities"][tensor]["density"])
    masked = [rank["format"] for entry in given["sparse"]["formats"] for rank in entry["ranks"]].count("B") > 0
    for level, found in given["expected"]["levels"].items():
        tile = found["tensors"][tensor]["tile_shape"]
        there = 1.0 if masked else 1 - p_empty(total, nonzeros, tile)  # a mask is there for an empty tile too
        for action, events in {"metadata_read": ("reads",), "metadata_write": ("fills", "updates")}.items():
            theirs = sum(fields(given, level, tensor, f"format_{e}_per_instance_metadata_payload") for e in events)
            ours = in_fields(given, count(result, level, tensor, action, "metadata"))
            if action == "metadata_read":
                theirs += drains(result, level, tensor)  # of s33, a mask bit each
            # offsets in the outermost memory have one bit each; beside run lengths that is a quarter of a field
            if (level, name, action) == ("DRAM", "s19", "metadata_read"):
                ours += 9 - 9 / RUN_BITS
            assert abs(ours - theirs * there) <= 1, (level, action)


@pytest.mark.parametrize("name", TWO_LEVELS)
def test_largest_tiles(name: str) -> None:
    """Data at quantile 1, and the metadata of it."""
    given = case(name)
    tensor = with_format(given)
    ranks = {"A": ("m", "k"), "Z": ("m", "n")}[tensor]
    sizes = tuple(given["problem"]["dims"][r.upper()] for r in ranks)
    dims = tuple(Dim(((r, 1),), 0, n) for r, n in zip(ranks, sizes, strict=True))
    held = Tensor(tensor, "x", dims, "input", density=given["problem"]["densities"][tensor]["density"])
    for entry in given["sparse"]["formats"]:
        table = given["expected"]["levels"][entry["level"]]["tensors"][tensor]
        names = [OURS[rank["format"]] for rank in entry["ranks"]]
        form = TensorFormat(tuple(
            RankFormat(n) if isinstance(n, str) else RankFormat(next(iter(n)), next(iter(n.values()))["bits"]) for n in names
        ))  # fmt: skip
        extents = sizes if table["tile_shape"] == prod(sizes) else (1, table["tile_shape"])
        fitting = layout(form, held, extents, 1.0).fitting
        assert fitting.elements == pytest.approx(table["max_data_occupancy"])
        theirs = fields(given, entry["level"], tensor, "max_format_occupancy_metadata_payload")
        runs = sum(fitting.elements * (RUN_BITS - 1) for rank in entry["ranks"] if rank["format"] == "RLE")
        assert 0 <= theirs - (fitting.metadata_bits - runs) < 1 + 1e-9  # whole fields


def test_a_format_per_loop() -> None:
    """s07: pointers per loop above masks of 4 elements. A 8 x 16 as loops (m 2), (k 4, m 2), (m 2, k 4)."""
    given = case("s07")
    table = given["expected"]["levels"]
    shape = (2, 4, 2, 2, 4)
    model = Uniform(shape, None, (0.25,))
    ranks = (*[RankFormat("offsets", 1)] * 4, RankFormat("bitmask"))

    def per_rank(extents: tuple[int, ...], covered: int) -> list[float]:
        """Fields of each of the innermost ranks of a tile, the others being outside of it; innermost first."""
        cut = SubtileGrid(model, [tiles_of(n, e) for n, e in zip(shape, extents, strict=True)])
        if covered == 5:
            return [e.metadata_bits for e in encoded(ranks, (1,) * 5, cut)][::-1]
        inner = (*[RankFormat("uncompressed")] * (5 - covered), *ranks[5 - covered :])
        return [e.metadata_bits for e in encoded(inner, (1,) * 5, cut)][::-1][:covered]

    dram = per_rank(shape, 5)
    theirs = table["DRAM"]["tensors"]["A"]["max_format_occupancy_metadata_payload"]
    for rank, ours in enumerate(dram):
        assert 0 <= sum(theirs[f"rank{rank}"]) - ours < 1
    assert theirs["rank5"] == [0, 0]  # a rank of one position, which no tile of ours has

    glb = per_rank((1, 4, 2, 2, 4), 4)  # both tiles together: 128 elements
    reads = table["GLB"]["tensors"]["A"]["format_reads_per_instance_metadata_payload"]["actual"]
    fills = table["GLB"]["tensors"]["A"]["format_fills_per_instance_metadata_payload"]["actual"]
    for rank, ours in enumerate(glb):
        assert abs(sum(reads[f"rank{rank}"]) - ours * 512 / 128) < 1.5  # 8 tiles, each rounded
        assert abs(sum(fills[f"rank{rank}"]) - ours) < 1

    rf = per_rank((1, 1, 1, 2, 4), 2)
    reads = table["RF"]["tensors"]["A"]["format_reads_per_instance_metadata_payload"]["actual"]
    fills = table["RF"]["tensors"]["A"]["format_fills_per_instance_metadata_payload"]["actual"]
    there = 1 - p_empty(128, 32, 8)
    for rank, ours in enumerate(rf):
        share = there if rank == 0 else 1.0  # pointers are there for an empty tile too
        assert abs(sum(fills[f"rank{rank}"]) * share - ours * 512 / 128) < 1
        assert abs(sum(reads[f"rank{rank}"]) * share - ours * 1024 / 128) < 1
