"""What `sata run --traffic` prints: the dense counts, memory by memory, tensor by tensor."""

from __future__ import annotations

from collections.abc import Iterator

from sata.report.result import Record, Result
from sata.report.text import Block, TextTable, whole_number

FIELDS = ("tile", "fills", "reads", "updates", "drains", "merge_reads")


def traffic_blocks(result: Result) -> Iterator[Block]:
    """One table an op, in elements summed over instances; `tile` is the most that one instance holds at once.

    Dense counts: what sparsity saves of them is in the records (`--csv`). Where a memory stores a tensor in a format, a
    second table says so, with the metadata that moves.
    """
    ops = list(dict.fromkeys(row["op"] for row in result.traffic))
    for op in ops:
        rows = [row for row in result.traffic if row["op"] == op]
        shown = [f for f in FIELDS if f == "tile" or any(row[f] for row in rows)]
        head = ("memory", "tensor", "x", *("merges" if f == "merge_reads" else f for f in shown))
        cells = tuple(_cells(row, shown) for row in rows)
        yield TextTable(f"Traffic of {op}, in elements", head, "ll" + "r" * (1 + len(shown)), cells)
        held = [row for row in rows if row.get("format")]
        if held:
            head = ("memory", "tensor", "format", "metadata read", "metadata written")
            lines = tuple((r["memory"], r["tensor"], r["format"], *map(_bits, _metadata(r))) for r in held)
            yield TextTable(f"Formats of {op}", head, "lllrr", lines)


def _metadata(row: Record) -> tuple[float, float]:
    return row["metadata_read_bits"], row["metadata_write_bits"]


def _bits(number: float) -> str:
    return f"{whole_number(number)} b"


def _cells(row: Record, shown: list[str]) -> tuple[str, ...]:
    return row["memory"], row["tensor"], whole_number(row["instances"]), *(whole_number(row[f]) for f in shown)
