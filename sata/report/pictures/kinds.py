"""The pictures that there are, by name: what each takes and which function makes it. A new one is a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

from sata.report.pictures.arch import arch_picture
from sata.report.pictures.compare import compare_picture
from sata.report.pictures.energy import energy_picture, layers_picture
from sata.report.pictures.nest import nest_picture
from sata.report.pictures.points import density_column, pareto_picture, sparsity_picture
from sata.report.pictures.roofline import roofline_picture
from sata.report.pictures.step import density_picture, kept_picture
from sata.report.pictures.style import Picture
from sata.report.points import read_fronts, read_points
from sata.report.read import read_result
from sata.report.result import Record, Result
from sata.report.text import listed
from sata.specs.text.faults import Fault, SpecError, Where, did_you_mean

OF_A_RESULT: Mapping[str, Callable[[Result], Picture]] = {
    "energy": energy_picture,
    "layers": layers_picture,
    "roofline": roofline_picture,
    "arch": arch_picture,
    "kept": kept_picture,
    "density": density_picture,
}
MOST_FRONTS = 24  # panels of one picture
_NEEDS = {"arch": "architecture", "density": "tensors", "kept": "kept", "roofline": "tensors"}  # lists of the result


def picture(kind: str, files: Sequence[str], ops: str | None = None, column: str | None = None) -> Picture:
    """The picture of a kind. files: results or points; of most kinds one. ops: a pattern, for `nest` and `pareto`;
    column: of the densities, for `sparsity`.

    Raises: SpecError for files that do not hold what the kind needs.
    """
    if kind == "compare":
        return compare_picture([_stem(name) for name in files], [read_result(name) for name in files])
    if kind == "pareto":
        return _pareto(files[0], ops)
    if kind == "sparsity":
        return _sparsity(files[0], column)
    result = read_result(files[0])
    if kind == "nest":
        return _nest(result, files[0], ops)
    needed = _NEEDS.get(kind)
    if needed is not None and not getattr(result, needed):
        why = "an older version of sata wrote it" if needed != "kept" else "it is no training run"
        raise SpecError([Fault(Where(files[0]), f"holds no '{needed}', which '{kind}' shows", f"perhaps {why}")])
    return OF_A_RESULT[kind](result)


def _stem(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".json")


def _pareto(name: str, ops: str | None) -> Picture:
    found = read_fronts(name, ops or "*")
    if len(found) > MOST_FRONTS:
        message = f"{len(found)} ops, at most {MOST_FRONTS} are drawn"
        raise SpecError([Fault(Where(name), message, f"choose some by --ops: {listed([one.op for one in found])}")])
    return pareto_picture(*found)


def _sparsity(name: str, column: str | None) -> Picture:
    found = read_points(name, ("energy_pj",))
    chosen = column or density_column(found)
    columns = list(found.points[0])
    if chosen is None or chosen not in columns:
        message = f"no column '{chosen}'" if chosen else "no column with 'density' in its name"
        hint = did_you_mean(chosen or "density", columns) or f"columns: {', '.join(columns)}"
        raise SpecError([Fault(Where(name), message, hint if chosen else f"{hint}; choose one by --column")])
    return sparsity_picture(read_points(name, ("energy_pj", chosen)), chosen)


def _named(nest: Record, pattern: str) -> bool:
    """Whether a pattern matches one of the ops of a nest, or the name `a+b` of all of them."""
    return any(fnmatchcase(name, pattern) for name in (nest["group"], *(op["op"] for op in nest["ops"])))


def _nest(result: Result, name: str, ops: str | None) -> Picture:
    if not result.nests:
        raise SpecError([Fault(Where(name), "holds no 'nests'", "perhaps an older version of sata wrote it")])
    pattern = ops or "*"
    chosen = [n for n in result.nests if _named(n, pattern)]
    names = [nest["group"] for nest in chosen or result.nests]
    if not chosen:
        known = [name for n in result.nests for name in (n["group"], *(op["op"] for op in n["ops"]))]
        hint = did_you_mean(pattern, dict.fromkeys(known)) or f"nests: {listed(names)}"
        raise SpecError([Fault(Where(name), f"no op matches '{pattern}'", hint)])
    if len(chosen) > 1:
        message = f"one nest is drawn, and there are {len(chosen)}"
        raise SpecError([Fault(Where(name), message, f"choose one by --ops: {listed(names)}")])
    return nest_picture(chosen[0], result.tensors)
