"""What `sata compare` prints: the totals of all results, then what changed from the first to each other one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sata.report.compare import Change, Comparison
from sata.report.result import Record
from sata.report.text import Block, Lines, TextTable, percent, plural, quantity, whole_number

LARGEST = 10  # rows of a table of changes
_NAMES = {"energy_pj": "energy", "cycles": "cycles", "seconds": "time", "area_um2": "area", "leakage_mw": "leakage",
          "kept_bits": "kept for BPTT"}  # fmt: skip
_DIMENSIONS = {"energy_pj": "pj", "seconds": "seconds", "area_um2": "um2", "leakage_mw": "mw", "kept_bits": "bits"}


def compare_blocks(names: Sequence[str], found: Sequence[Comparison], tolerance: float | None) -> list[Block]:
    """names: of the files, the first one's too. found: each other one against the first."""
    letters = [_letter(number) for number in range(len(names))]
    files = tuple(f"  {letter}  {name}" for letter, name in zip(letters, names, strict=True))
    blocks: list[Block] = [Lines("Results", files), _totals(letters, found)]
    for letter, comparison in zip(letters[1:], found, strict=True):
        blocks += _changes(f"a to {letter}", comparison)
        if tolerance is not None:
            blocks.append(_beyond(f"a to {letter}", comparison.beyond(tolerance), tolerance))
    return blocks


def _letter(number: int) -> str:
    return chr(ord("a") + number) if number < 26 else f"{number + 1}"


def _totals(letters: Sequence[str], found: Sequence[Comparison]) -> TextTable:
    """A row a number; a column a result, and after each but the first its change."""
    rows = []
    for first in found[0].totals:
        cells = [_NAMES[first.what], _value(first, first.a)]
        for comparison in found:
            change = next((c for c in comparison.totals if c.what == first.what), None)
            cells += ["-", "-"] if change is None else [_value(change, change.b), _relative(change)]
        rows.append(tuple(cells))
    head = ("", letters[0], *(cell for letter in letters[1:] for cell in (letter, "change")))
    return TextTable("Totals", head, "l" + "r" * (len(head) - 1), tuple(rows))


def _changes(way: str, found: Comparison) -> list[Block]:
    blocks: list[Block] = []
    if found.inputs:
        lines = tuple(f"  {row['what']}  {_word(row['a'])} -> {_word(row['b'])}" for row in found.inputs)
        blocks.append(Lines(f"What went in differs, {way}", lines))
    if found.causes:
        blocks.append(_causes(way, found))
    if found.times:
        rows = tuple(_time(r) for r in found.times[:LARGEST])
        title = _title(f"What changed the cycles, {way}", len(found.times), "op")
        blocks.append(TextTable(title, ("op", "a", way[-1], "change", "bound by"), "lrrrl", rows))
    return blocks or [Lines("", (f"nothing differs, {way}",))]


def _causes(way: str, found: Comparison) -> TextTable:
    change = next(c for c in found.totals if c.what == "energy_pj")
    total = (change.b or 0.0) - (change.a or 0.0)
    rows = tuple(
        (r["component"], _what(r), _pj(r["change_pj"]), percent(r["change_pj"], total) if total else "-",
         _pj(r["counts_pj"]), _pj(r["prices_pj"]), _ratio(r["count_a"], r["count_b"]))
        for r in found.causes[:LARGEST]
    )  # fmt: skip
    head = ("component", "what", "change", "of all", "by counts", "by prices", "count")
    title = _title(f"What changed the energy, {way}", len(found.causes), "part")
    return TextTable(title, head, "llrrrrr", rows)


def _time(r: Record) -> tuple[str, ...]:
    change = _signed(whole_number(abs(r["change"])), r["change"])
    return r["op"], _cycles(r["a"]), _cycles(r["b"]), change, _bound(r)


def _title(text: str, number: int, noun: str) -> str:
    return f"{text}: the largest of {plural(number, noun)}" if number > LARGEST else text


def _beyond(way: str, changes: Sequence[Change], tolerance: float) -> Lines:
    limit = f"{100 * tolerance:g}%"
    if not changes:
        return Lines("", (f"no change beyond {limit}, {way}",))
    lines = []
    for c in changes:
        of = f" of {c.of}" if c.of else ""
        lines.append(f"  {_NAMES[c.what]}{of}  {_value(c, c.a)} -> {_value(c, c.b)} ({_relative(c)})")
    return Lines(f"Beyond {limit}, {way}: {plural(len(changes), 'change')}", tuple(lines))


# --- words --------------------------------------------------------------------------------------------------------


def _value(change: Change, value: float | None) -> str:
    if value is None:
        return "-"
    return whole_number(value) if change.what == "cycles" else quantity(value, _DIMENSIONS[change.what])


def _relative(change: Change) -> str:
    relative = change.relative
    if not math.isfinite(relative):
        return "new" if change.a in (None, 0) else "gone"
    if relative == 0:
        return "same"
    percent = f"{100 * relative:+.2f}%"
    return percent if percent not in ("+0.00%", "-0.00%") else f"{100 * relative:+.2g}%"


def _pj(value: float) -> str:
    return _signed(quantity(abs(value), "pj"), value)


def _signed(text: str, value: float) -> str:
    return f"{'+' if value > 0 else '-'}{text}" if value else text


def _cycles(value: float | None) -> str:
    return "-" if value is None else whole_number(value)


def _ratio(a: float, b: float) -> str:
    if a == b:
        return "same"
    return f"x {b / a:.3g}" if a and b else ("new" if b else "gone")


def _what(row: Record) -> str:
    words = [row["action"], row["kind"], row["outcome"] if row["outcome"] != "actual" else ""]
    return " ".join(word for word in words if word)


def _bound(row: Record) -> str:
    a, b = (row["bound_a"] or "not there", row["bound_b"] or "not there")
    return a if a == b else f"{a} -> {b}"


def _word(value: object) -> str:
    if value is None:
        return "not there"
    return f"{value:g}" if isinstance(value, float) else str(value)
