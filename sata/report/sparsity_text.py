"""What `sata run --explain-sparsity` prints: what zeros save, op by op and rule by rule, and what that rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sata.report.result import Record
from sata.report.text import Block, Lines, TextTable, percent, quantity, whole_number

HEAD = ("rule", "looks at", "empty", "computes", "accesses", "energy", "cycles")


def sparsity_blocks(records: Sequence[Record]) -> Iterator[Block]:
    """One table an op and, at the end, the density models and assumptions. Counts, energy and cycles are those saved by
    each rule alone; `empty` is the share of what a rule at a memory decides about that it keeps back."""
    if not records:
        yield Lines("Saved by zeros", ("  nothing: no rule of the architecture acts in these ops",))
        return
    for op in dict.fromkeys(r["op"] for r in records):
        rows = [r for r in records if r["op"] == op]
        closing = int(len(rows) > 1)
        yield TextTable(f"Saved by zeros in {op}", HEAD, "llrrrrr", tuple(map(_cells, rows)), closing)
    yield Lines("What this rests on", tuple(assumptions(records)))


def idle_block(rules: Sequence[tuple[str, str]]) -> Iterator[Block]:
    """Rules that the mapping leaves idle in all ops, and why."""
    if rules:
        yield Lines("Idle rules", tuple(f"  {rule}  ({why})" for rule, why in rules))


def _cells(row: Record) -> tuple[str, ...]:
    empty = "-" if row["empty"] is None else percent(row["empty"], 1.0)
    counts = (whole_number(row["computes"]), whole_number(row["accesses"]))
    return row["rule"], row["tile"], empty, *counts, quantity(row["energy_pj"], "pj"), whole_number(row["cycles"])


def assumptions(records: Sequence[Record]) -> Iterator[str]:
    """Models of the leaders, and what was assumed where."""
    models: dict[str, dict[str, None]] = {}
    for row in records:
        for tensor, model in row["models"].items():
            models.setdefault(f"{tensor}: {model}", {})[row["op"]] = None
    for text, ops in models.items():
        yield f"  {text}  ({', '.join(ops)})"
    names = {m.split(",")[0] for row in records for m in row["models"].values()}
    if "uniform" in names:
        yield "  uniform: zeros lie anywhere; spikes that repeat or cluster leave more tiles empty (sata models)"
    if any(len(row["leaders"]) > 1 for row in records):
        if names == {"trace"}:
            yield "  several leaders: counted together, from their traces"
        else:
            yield "  several leaders: independent of each other within a time step"
    yield "  each rule is shown alone; what several of them save is in the last row once"
