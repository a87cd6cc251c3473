"""The loop nests of a result with what passes each memory's boundaries, for the HTML page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sata.report.result import Record, Result
from sata.report.sums import grouped, sums
from sata.report.text import quantity, whole_number

_EVENTS = ("fills", "reads", "updates", "drains", "merge_reads")
Key = tuple[str, str]  # op, and memory or tensor


def nest_entries(result: Result) -> list[Record]:
    """A nest a group: name, about, ops (compute, ranks), rows (is, depth, text, traffic: lines)."""
    energy = sums(result.records, lambda r: (r["op"], r["component"]))
    traffic: dict[Key, list[Record]] = {}
    for row in result.traffic:
        traffic.setdefault((row["op"], row["memory"]), []).append(row)
    bits = {(t["op"], t["tensor"]): t["bits"] or 0 for t in result.tensors}
    held = dict(grouped(result.occupancy, "group"))
    ops = {op["op"]: op for op in result.ops}
    found = []
    for nest in result.nests:
        names = [op["op"] for op in nest["ops"]]
        pj = math.fsum(value for (op, _), value in energy.items() if op in names)
        own = [ops[name] for name in names if name in ops]
        bound = ", ".join(dict.fromkeys(op["bound_by"] for op in own))
        about = f"{quantity(pj, 'pj')}, {whole_number(math.fsum(op['cycles'] for op in own))} cycles, bound by {bound}"
        rows = [_row(row, names, traffic, bits, energy, held.get(nest["group"], [])) for row in nest["rows"]]
        found.append({"name": " + ".join(names), "about": about, "rows": rows, "ops": list(map(_op, nest["ops"]))})
    return found


def _op(op: Record) -> Record:
    ranks = op.get("ranks")
    said = ", ".join(f"{rank} {bound}" for rank, bound in ranks.items()) if isinstance(ranks, Mapping) else ""
    return {"compute": op["compute"], "ranks": said}


def _row(
    row: Record, names: Sequence[str], traffic: Mapping[Key, list[Record]], bits: Mapping[Key, int],
    energy: Mapping[Key, float], held: Sequence[Record],
) -> Record:  # fmt: skip
    if row["is"] != "memory":
        return {"is": row["is"], "depth": row["depth"], "text": row["text"], "traffic": []}
    passing = names if row.get("op") is None else [row["op"]]
    here = [t for name in passing for t in traffic.get((name, row["node"]), [])]
    text = row["text"] + _tiles(here, bits) + _limit(row, passing, held)
    text += "".join(f"; {rule}" for rule in row.get("rules", ()))
    pj = math.fsum(energy.get((name, row["node"]), 0.0) for name in passing)
    lines = [_passes(t, several=len(passing) > 1) for t in here]
    return {"is": "memory", "depth": row["depth"], "text": f"{text}; {quantity(pj, 'pj')}", "traffic": lines}


def _tiles(here: Sequence[Record], bits: Mapping[Key, int]) -> str:
    """What one instance holds: a tensor that several ops use is held once."""
    tiles: dict[str, int] = {}
    for t in here:
        tiles[t["tensor"]] = max(tiles.get(t["tensor"], 0), t["tile"] * bits.get((t["op"], t["tensor"]), 0))
    said = ", ".join(f"{name} {quantity(size, 'bits')}" for name, size in tiles.items() if size)
    return f": {said}" if said else ""


def _limit(row: Record, passing: Sequence[str], held: Sequence[Record]) -> str:
    own = [h for h in held if h["memory"] == row["node"] and set(h["ops"].split("+")) <= set(passing)]
    if not own or not own[0]["limit_bits"]:
        return ""
    bits, limit = own[0]["bits"], own[0]["limit_bits"]
    return f" ({quantity(bits, 'bits')} of {quantity(limit, 'bits')}, {100 * bits / limit:.3g}%)"


def _passes(t: Record, several: bool) -> str:
    events = [f"{'merges' if e == 'merge_reads' else e} {whole_number(t[e])}" for e in _EVENTS if t[e]]
    op = f" in {t['op']}" if several else ""
    metadata = math.fsum(t.get(field) or 0 for field in ("metadata_read_bits", "metadata_write_bits"))
    if t.get("format"):
        events.append(f"stored as {t['format']}")
    if metadata:
        events.append(f"with {quantity(metadata, 'bits')} of metadata")
    return f"{t['tensor']} ({t['kind']}){op}: {', '.join(events) or 'nothing passes'}"
