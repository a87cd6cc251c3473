"""What `sata price` prints: the prices of an architecture with their origins, or priced action counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sata.costs.given import GivenResult
from sata.costs.nodes import PriceRow
from sata.report.text import Block, Lines, TextTable, listed, percent, plural, quantity, sum_of, whole_number

_DIMENSION = {"pJ": "pj", "um2": "um2", "mW": "mw"}


def price_blocks(name: str, rows: Sequence[PriceRow], area_um2: float | None, leakage_mw: float | None) -> list[Block]:
    """One block a node: its class and attributes, and every price of one instance with where it comes from."""
    blocks: list[Block] = []
    nodes: dict[str, list[PriceRow]] = {}
    for row in rows:
        nodes.setdefault(row.node, []).append(row)
    for node, own in nodes.items():
        first = own[0]
        attributes = f" ({first.attributes})" if first.attributes else ""
        title = f"{node}: {plural(first.instances, 'instance')} of {first.component}{attributes}"
        room = max(len(row.quantity) for row in own)
        blocks.append(Lines(title, tuple(_price(row, room) for row in own)))
    total = (
        f"area      {_without(rows, 'area') or quantity(area_um2, 'um2')}",
        f"leakage   {_without(rows, 'leakage') or quantity(leakage_mw, 'mw')}",
    )
    return [*blocks, Lines(f"All instances of {name}", total)]


def _without(rows: Sequence[PriceRow], what: str) -> str:
    """The classes that leave a total open, or nothing."""
    open_ = [f"{row.component} ({row.node})" for row in rows if row.quantity == what and row.value is None]
    return f"not priced by {listed(open_)}" if open_ else ""


def _price(row: PriceRow, room: int) -> str:
    value = quantity(row.value, _DIMENSION[row.unit], 6) if row.value is not None else "not priced"
    cycles = f" ({row.cycles} cycles)" if row.unit == "pJ" and row.cycles != 1 else ""
    text = f"  {row.quantity.ljust(room)} {value.rjust(12)}{cycles}"
    origin = row.origin if row.value is not None else row.origin.removeprefix("not priced ")
    return f"{text}  {origin}"


def price_data(rows: Sequence[PriceRow], area_um2: float | None, leakage_mw: float | None) -> dict[str, Any]:
    """The same as data, for JSON; units are in the rows."""
    fields = PriceRow.__dataclass_fields__
    prices = [{name: getattr(row, name) for name in fields} for row in rows]
    return {"prices": prices, "area_um2": area_um2, "leakage_mw": leakage_mw}


def counts_blocks(result: GivenResult) -> list[Block]:
    """One table a run: energy by stage and group."""
    blocks: list[Block] = []
    if result.source:
        blocks.append(Lines(result.name, (f"source  {result.source}",)))
    sums = result.energy_pj(by=("run", "stage", "group"))
    actions = result.counts(by=("run", "stage", "group"))
    for run in dict.fromkeys(key[0] for key in sums):
        own = {key[1:]: pj for key, pj in sums.items() if key[0] == run}
        total = sum_of(list(own.values()))
        rows = []
        for stage in dict.fromkeys(key[0] for key in own):
            groups = {key[1]: pj for key, pj in own.items() if key[0] == stage}
            for group, pj in groups.items():
                rows.append(_row(stage, group, actions[run, stage, group], pj, total))
            if len(groups) > 1:
                done = sum_of([actions[run, stage, group] for group in groups])
                rows.append(_row(stage, "all", done, sum_of(list(groups.values())), total))
        done = sum_of([n for key, n in actions.items() if key[0] == run])
        rows.append(_row("total", "", done, total, total))
        head = ("stage", "group", "actions", "energy", "share")
        blocks.append(TextTable(f"{run}: energy by stage and group", head, "llrrr", tuple(rows), closing=1))
    return blocks


def _row(stage: str, group: str, actions: float, pj: float, total: float) -> tuple[str, ...]:
    return stage, group, whole_number(actions), quantity(pj, "pj"), percent(pj, total)


def counts_data(result: GivenResult) -> dict[str, Any]:
    """The same as data, for JSON: records, and sums by run, stage and group."""
    fields = ("run", "layer", "stage", "group", "component", "action", "count", "price_pj", "energy_pj", "origin")
    by = ("run", "stage", "group")
    return {
        "name": result.name,
        "source": result.source,
        "sha256": result.text_hash,
        "sums": [{**dict(zip(by, key, strict=True)), "energy_pj": pj} for key, pj in result.energy_pj(by=by).items()],
        "records": [{name: getattr(record, name) for name in fields} for record in result.records],
    }
