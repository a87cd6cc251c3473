"""CACTI's results as a CSV table of components, with the columns of components/sram_32nm.csv.

Two forms are read. The text that `cacti -infile FILE` prints (CACTI 5 to 7, CACTI-P, P-CACTI; any number of runs one
after the other), and the comma-separated `.out` or `out.csv` file, whose first line begins with `Tech node (nm)`. Both
as in the sources of CACTI, io.cc: `output_UCA` and `output_data_csv`.

An SRAM's energies are CACTI's dynamic energy of an access. A DRAM's (cell type 4 or 5, which prints an activation and a
precharge instead) are those of an access to a closed page: activate + read or write + precharge.
Leakage is of all banks: that of a bank, with its gate leakage where CACTI prints it, times the banks. For a DRAM it is
closed page + I/O + refresh, as printed. Units: nJ -> pJ; mW, mm2 and bytes stay.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sata.interchange.importers import Importer, ImportOption, ImportOptionError
from sata.specs.library.tables import LARGEST_TABLE
from sata.specs.text.faults import Faults, Where, did_you_mean
from sata.specs.text.files import note

START = "Total cache size (bytes)"  # the first line of a result in the text form
HEADER = "Tech node (nm)"  # the first column of the comma-separated form

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_LINE = re.compile(r"\s*\+?([A-Za-z][^:]*?)\s*:\s*(.*?)\s*(?:\(@DVS[^)]*\))?\s*$")
# What a line of the text form says -> our name. The first that a run prints counts.
_TEXT = {
    START: "size", "Number of banks": "banks", "Block size (bytes)": "block", "Technology size (nm)": "node",
    "Total dynamic read energy per access (nJ)": "read", "Total dynamic read energy/access (nJ)": "read",
    "Total dynamic write energy per access (nJ)": "write", "Total dynamic write energy/access (nJ)": "write",
    "Total leakage power of a bank (mW)": "leak", "Total leakage read/write power of a bank (mW)": "leak",
    "Total leakage power of a bank without power gating, including its network outside (mW)": "leak",
    "Total gate leakage power of a bank (mW)": "gate", "Cache height x width (mm)": "extent",
    "Activate Energy (nJ)": "activate", "Read Energy (nJ)": "dram_read", "Write Energy (nJ)": "dram_write",
    "Precharge Energy (nJ)": "precharge", "Leakage Power Closed Page (mW)": "closed",
    "Leakage Power I/O (mW)": "io", "Refresh power (mW)": "refresh",
}  # fmt: skip
_CSV = {
    HEADER: "node", "Capacity (bytes)": "size", "Number of banks": "banks", "Output width (bits)": "width",
    "Dynamic read energy (nJ)": "read", "Dynamic write energy (nJ)": "write",
    "Standby leakage per bank(mW)": "leak", "Area (mm2)": "area",
}  # fmt: skip
_CSV_NAMES = {ours: told for told, ours in _CSV.items()}
_TEXT_NAMES = {ours: told for told, ours in reversed(_TEXT.items())}
_POSITIVE = ("size", "banks", "block", "node", "width", "extent", "area")
_WHOLE = ("size", "banks", "block", "width")


@dataclass(frozen=True, slots=True)
class CactiMemory:
    """One result. `width_bits`: what one access moves, None if the output does not say; energies are of one access."""

    size_bytes: int
    banks: int
    width_bits: int | None
    read_pj: float
    write_pj: float
    leakage_mw: float
    area_mm2: float
    technology_nm: float
    source: str
    where: Where = Where()


def read_cacti(name: str, faults: Faults) -> list[CactiMemory]:
    """The results in one file, in its order; faults with file and line for what cannot be read."""
    before = len(faults)
    try:
        note(Path(name))
        with Path(name).open("rb") as stream:
            content = stream.read(LARGEST_TABLE + 1)
    except (OSError, ValueError) as error:
        faults.add(Where(name), f"cannot be opened: {(getattr(error, 'strerror', None) or str(error)).lower()}")
        return []
    if len(content) > LARGEST_TABLE:
        faults.add(Where(name), f"larger than {LARGEST_TABLE >> 20} MiB")
        return []
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        faults.add(Where(name, content.count(b"\n", 0, error.start) + 1, 1), "not UTF-8 text")
        return []
    is_csv = next((line for line in lines if line.strip()), "").strip().startswith(HEADER)
    found = list(_from_csv(name, lines, faults) if is_csv else _from_text(name, lines, faults))
    if not found and len(faults) == before:
        said = next((line.strip() for line in lines if "error" in line.lower()), "")
        hint = f"CACTI says: {said[:100]}" if said else f"expected '{START}: ...' or a first line '{HEADER}, ...'"
        faults.add(Where(name), "holds no result of CACTI", hint)
    return found


def _from_text(name: str, lines: Sequence[str], faults: Faults) -> Iterator[CactiMemory]:
    """Results of the printed form; each begins with its size."""
    results: list[dict[str, tuple[int, str]]] = []
    for number, line in enumerate(lines, 1):
        match = _LINE.match(line)
        key = _TEXT.get(match[1]) if match else None
        if match is None or key is None:
            continue
        if key == "size":
            results.append({})
        if results:
            results[-1].setdefault(key, (number, match[2]))
    for said in results:
        if (made := _Result(name, said, said["size"][0], _TEXT_NAMES, faults).memory()) is not None:
            yield made


def _from_csv(name: str, lines: Sequence[str], faults: Faults) -> Iterator[CactiMemory]:
    """Results of the comma-separated form; a header may come again where files were put together."""
    header: list[str] = []
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line.strip().rstrip(",").split(",")]
        if cells == [""]:
            continue
        if cells[0] == HEADER:
            header = cells
            missing = [told for told in _CSV if told not in header]
            for told in missing:
                faults.add(Where(name, number, 1), f"there is no column '{told}'", did_you_mean(told, header))
            if missing:
                return
            continue
        if len(cells) != len(header):
            faults.add(Where(name, number, 1), f"{len(cells)} cells under {len(header)} columns",
                       "a run of CACTI that was cut short leaves half a line")  # fmt: skip
            continue
        said = {ours: (number, cells[header.index(told)]) for told, ours in _CSV.items()}
        if (made := _Result(name, said, number, _CSV_NAMES, faults).memory()) is not None:
            yield made


class _Result:
    """One result: what was said (our name -> line, text) as numbers, with faults at the lines."""

    def __init__(self, name: str, said: Mapping[str, tuple[int, str]], line: int, names: Mapping[str, str],
                 faults: Faults) -> None:  # fmt: skip
        self.name, self.said, self.line, self.names, self.faults = name, said, line, names, faults

    def memory(self) -> CactiMemory | None:
        before = len(self.faults)
        dram = "activate" in self.said
        size, banks, node = self.number("size"), self.number("banks"), self.number("node")
        if dram:
            opening = self.number("activate") + self.number("precharge")
            read, write = opening + self.number("dram_read"), opening + self.number("dram_write")
            leakage = self.number("closed") + self.number("io", 0.0) + self.number("refresh", 0.0)
        else:
            read, write = self.number("read"), self.number("write")
            leakage = (self.number("leak") + self.number("gate", 0.0)) * banks
        area = self.number("area") if "area" in self.said else self.extent()
        width = self.number("width") if "width" in self.said else 8 * self.number("block", 0.0)
        if len(self.faults) > before:
            return None
        source = f"CACTI {Path(self.name).name} line {self.line}{', closed page' if dram else ''}"
        return CactiMemory(
            int(size),
            int(banks),
            int(width) or None,
            _nano(read),
            _nano(write),
            leakage,
            area,
            node,
            source,
            Where(self.name, self.line, 1),
        )

    def number(self, key: str, default: float | None = None) -> float:
        """A value in the unit CACTI prints it in. A fault for one that is missing (without default) or no number."""
        if key not in self.said:
            if default is None:
                self.faults.add(Where(self.name, self.line, 1), f"the result has no line '{self.names[key]}: ...'",
                                "is the output cut short?")  # fmt: skip
            return default or 0.0
        line, text = self.said[key]
        return self.value(key, line, text)

    def value(self, key: str, line: int, text: str) -> float:
        where, told = Where(self.name, line, 1), self.names[key]
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not math.isfinite(value) or value < 0:
            self.faults.add(where, f"'{told}': expected a number of at least 0, found '{text[:40]}'")
        elif key in _POSITIVE and value == 0:
            self.faults.add(where, f"'{told}' is zero")
        elif key in _WHOLE and value != int(value):
            self.faults.add(where, f"'{told}': expected a whole number, found '{text[:40]}'")
        else:
            return value
        return 0.0

    def extent(self) -> float:
        """Height times width, in mm2."""
        if "extent" not in self.said:
            return self.number("extent")
        line, text = self.said["extent"]
        sides = text.split(" x ")
        if len(sides) != 2:
            wrong = f"expected two numbers with ' x ' between them, found '{text[:40]}'"
            self.faults.add(Where(self.name, line, 1), f"'{self.names['extent']}': {wrong}")
            return 0.0
        return self.value("extent", line, sides[0].strip()) * self.value("extent", line, sides[1].strip())


def _nano(value: float) -> float:
    """nJ in pJ, without the dust that a product of decimals leaves."""
    return float(f"{value * 1000:.12g}")


def cacti_table(memories: Sequence[CactiMemory], names: Sequence[str]) -> str:
    """The CSV text of one result or more; a column `width_b` if widths differ. names: the files they come from.

    Raises: SpecError for two technologies, or two results of one size, number of banks and width.
    """
    faults = Faults()
    widths = {m.width_bits for m in memories}
    first: dict[tuple[object, ...], CactiMemory] = {}
    for memory in memories:
        if memory.technology_nm != memories[0].technology_nm:
            other = f"the first result for {memories[0].technology_nm:g} nm"
            faults.add(memory.where, f"is for {memory.technology_nm:g} nm, {other}",
                       "import each technology into a table of its own")  # fmt: skip
        if memory.width_bits is None and len(widths) > 1:
            faults.add(memory.where, "does not say how wide an access is, others do", "give --width")
        key = (memory.size_bytes, memory.banks, memory.width_bits)
        if key in first:
            there = first[key].where
            faults.add(memory.where, f"{memory.size_bytes} B in {memory.banks} banks are given twice",
                       f"also in {there.file} line {there.line}")  # fmt: skip
        first.setdefault(key, memory)
    faults.check()
    return "\n".join([*_head(memories, names, widths), *_rows(memories, len(widths) > 1)]) + "\n"


def _head(memories: Sequence[CactiMemory], names: Sequence[str], widths: set[int | None]) -> Iterator[str]:
    """Comments: where the numbers come from, and the component that takes them."""
    files = " ".join(Path(name).name.encode("unicode_escape").decode() for name in names)
    one = next(iter(widths)) if len(widths) == 1 else None
    yield f"# Imported from CACTI's output by 'sata import cacti': {files}"
    node, banks = f"{memories[0].technology_nm:g} nm", memories[0].banks
    yield f"# Technology {node}. Energies are of one access, leakage and area of the whole memory."
    if one:
        yield f"# An access moves {one} b. In a library:"
        yield f"#   - {{class: sram, table: THIS.csv, interpolate: {{size: power}}, attributes: {{banks: {banks}}},"
        yield f"#      at: {{width: {one} b, technology: {node}}},"
        yield "#      scale: {width: {energy: linear, area: constant, leakage: constant}}}"


def _rows(memories: Sequence[CactiMemory], with_width: bool) -> Iterator[str]:
    wide = ["width_b"] if with_width else []
    yield ",".join(["size_B", "banks", *wide, "read_pj", "write_pj", "leakage_mw", "area_mm2", "source"])
    for m in sorted(memories, key=lambda m: (m.size_bytes, -m.banks, m.width_bits or 0)):
        numbers = [m.size_bytes, m.banks, *([m.width_bits] if with_width else [])]
        values = [m.read_pj, m.write_pj, m.leakage_mw, m.area_mm2]
        source = '"' + m.source.replace('"', '""') + '"'
        yield ",".join([*(str(n) for n in numbers), *(f"{v:.12g}" for v in values), source])


def _imported(files: Sequence[str], options: Mapping[str, str]) -> str:
    from dataclasses import replace

    from sata.specs.text.units import parse_quantity

    bits = None
    if "width" in options:
        try:
            bits = int(parse_quantity(options["width"], "bits"))
        except ValueError as error:
            raise ImportOptionError("width", str(error)) from None
    faults = Faults()
    memories = [memory for name in files for memory in read_cacti(name, faults)]
    faults.check()
    if bits is not None:
        memories = [replace(memory, width_bits=bits) for memory in memories]
    return cacti_table(memories, files)


CACTI = Importer(
    "cacti",
    "CACTI's output as a CSV table.",
    _imported,
    help="""Read results of CACTI and write the table that a library names with 'table:'.

    Read are the text that CACTI prints and its comma-separated .out files.

    \b
    Example:
      sata import cacti w_sram.cfg.out s_sram.cfg.out -o sram.csv
    """,
    options={"width": ImportOption("BITS", "What one access moves, such as 64 b, where CACTI's output does not say.")},
)
