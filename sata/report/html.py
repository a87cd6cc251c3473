"""A result as one HTML file that needs nothing else: no network, no other file, a little JavaScript of its own.

Without JavaScript all of it is there, unsorted. Same result, same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sata.report.nests_page import nest_entries
from sata.report.page_tables import density_listing, layer_listing, op_listing, price_listing, saving_listing
from sata.report.pictures.arch import arch_picture
from sata.report.pictures.energy import energy_picture, layers_picture
from sata.report.pictures.roofline import roofline_picture
from sata.report.pictures.step import density_picture, kept_picture
from sata.report.pictures.style import Picture, inline
from sata.report.result import Record, Result
from sata.report.sparsity_text import assumptions
from sata.report.summary import (
    component_table,
    computes,
    kept_lines,
    kinds,
    left_out,
    lower_bounds,
    metadata,
    overview,
    stages,
    times,
    uncertainties,
)
from sata.report.text import TextTable, quantity

_FOLDER = Path(__file__).with_name("page")
_SECTIONS = {
    "summary": "Summary", "energy": "Energy", "layers": "Layers and ops", "zeros": "Zeros", "machine": "Machine",
    "step": "BPTT", "nests": "Loop nests", "prices": "Prices", "basis": "Assumptions, versions",
}  # fmt: skip
_TABLES: tuple[Callable[[Result], TextTable | None], ...] = (
    stages, times, component_table, kinds, metadata, computes, uncertainties,
)  # fmt: skip
# What the numbers of every result assume; the pages of the documentation say more.
ASSUMPTIONS = (
    "Accesses are counted exactly on the loop nest: windows, borders, imperfect factors included; nothing is sampled.",
    "Traffic is shown dense. What sparsity saves is in the outcomes: gated saves the energy, skipped the cycle too.",
    "Zeros of different tensors are independent of each other within a time step.",
    "Computes and memories of an op work side by side as far as the places of its tiles let them: with `buffers: 1` or "
    "`2` what does not hide is added, with `stream` the slowest bounds it, and its time is a lower bound. Fused ops "
    "overlap, all others follow each other.",
    "Elements are packed into the words of a memory, unless it says otherwise.",
    "Leakage is that of every instance of the architecture for the whole run, used or not.",
    "Area and leakage are sums over all instances; a class that does not price one leaves the total open.",
    "Not modelled: contention in networks on chip, refresh and rows of DRAM, wear, process variation, temperature.",
)


def result_page(result: Result, done: Callable[[int, int], None] = lambda _done, _of: None,
                saved: Sequence[Record] = ()) -> str:  # fmt: skip
    """The page. It takes a second or two, nearly all of it for the pictures; done: called after each, with how many
    there are now and in all. saved: what each rule about zeros saves, see `sata.costs.explain.explain_op`.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined,
                              keep_trailing_newline=True)  # fmt: skip
    own = {name: Markup((_FOLDER / name).read_text(encoding="utf-8").rstrip()) for name in ("style.css", "script.js")}
    meta = {"sata": "", **result.meta}
    head = overview(result)
    title, _, about = head.title.partition(": ")
    figures, densities, memory = _figures(result, Markup, done), density_listing(result), kept_lines(result)
    sections = {name: text for name, text in _SECTIONS.items() if name != "zeros" or saved}
    if not memory:  # nothing is trained
        sections |= {"step": "Densities"}
    if not figures["step"] and not densities and not memory:
        del sections["step"]
    return environment.get_template("report.html.j2").render(
        title=title, about=about, meta=meta, sections=sections, style=own["style.css"], script=own["script.js"],
        numbers=_numbers(result, head.lines),
        summary=[b for make in _TABLES if (b := make(result)) is not None],
        figures=figures, savings=saving_listing(saved), saving_notes=[line.strip() for line in assumptions(saved)],
        layers=layer_listing(result), ops=op_listing(result), prices=price_listing(result),
        densities=densities, kept=memory, nests=nest_entries(result),
        left_out=[b for b in (left_out(result), lower_bounds(result)) if b is not None],
        assumptions=ASSUMPTIONS, facts=_facts(meta),
        files=[f for f in meta.get("files", []) if isinstance(f, Mapping) and {"file", "sha256"} <= f.keys()],
    )  # fmt: skip


def _pictures(result: Result) -> dict[str, list[tuple[str, Picture, str]]]:
    """By section: (id, picture, what one must know to read it). Left out is what the result has no data for."""
    found: dict[str, list[tuple[str, Picture, str]]] = {
        "energy": [
            ("pe", energy_picture(result), "All stages have one scale. Compute and leakage move no tensor."),
            ("pl", layers_picture(result), ""),
        ],
        "machine": [], "step": [],
    }  # fmt: skip
    if result.architecture:
        found["machine"].append(("pa", arch_picture(result), "Used: the fullest tile of a memory over its size; the "
                                 "lanes of a compute that had work, over all steps."))  # fmt: skip
    if result.tensors:
        found["machine"].append(("pr", roofline_picture(result), "Fused ops overlap in time and are one dot."))
    if result.kept:
        found["step"].append(("pk", kept_picture(result), "Bits grow while an op writes what the backward pass needs, "
                              "and go with the last op that reads them."))  # fmt: skip
    if any(t["density"] is not None for t in result.tensors):
        found["step"].append(("pd", density_picture(result), "Of what each layer reads, by kind of tensor."))
    return found


def _numbers(result: Result, lines: Sequence[str]) -> list[tuple[str, str]]:
    """The numbers of the summary's head, each with its name."""
    found = [(name, value.strip()) for name, value in (line.split(None, 1) for line in lines) if name != "BPTT"]
    if result.kept:
        found.append(("kept for the backward pass", quantity(sum(k["bits"] for k in result.kept), "bits")))
    return found


def _figures(result: Result, markup: Any, done: Callable[[int, int], None]) -> dict[str, list[Record]]:
    pictures = _pictures(result)
    number = sum(map(len, pictures.values()))
    found: dict[str, list[Record]] = {section: [] for section in pictures}
    for section, entries in pictures.items():
        for name, picture, note in entries:
            found[section].append({"caption": picture.title, "svg": markup(inline(picture, name)), "note": note})
            done(sum(map(len, found.values())), number)
    return found


def _facts(meta: Record) -> list[tuple[str, str]]:
    facts = [("sata", meta["sata"]), ("command", meta.get("command", "")), ("architecture", meta.get("arch", "")),
             ("workload", meta.get("workload", ""))]  # fmt: skip
    if meta.get("technology_nm"):
        facts.append(("technology", f"{meta['technology_nm']:g} nm"))
    if meta.get("clock_hz"):
        facts.append(("clock", quantity(meta["clock_hz"], "hz")))
    variables = ", ".join(f"{name} = {value}" for name, value in meta.get("variables", {}).items())
    return [(name, str(value)) for name, value in [*facts, ("variables set", variables)] if value]
