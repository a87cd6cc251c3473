"""The pictures that there are, by name. A new one is a function, its `PictureKind`, and a row of `PICTURES`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sata.report.pictures.style import Picture
from sata.report.read import read_result
from sata.report.result import Result
from sata.specs.registry import Registry, instance_of
from sata.specs.text.faults import Fault, SpecError, Where


@dataclass(frozen=True, slots=True)
class Shown:
    """What a picture is drawn of.

    files: names of results or points; of most kinds one.
    ops: a pattern for names of ops, of `--ops`; None without it.
    column: of `--column`; None without it.
    """

    files: tuple[str, ...]
    ops: str | None = None
    column: str | None = None

    def result(self) -> Result:
        """The first file as a result. Raises: SpecError."""
        return read_result(self.files[0])


@dataclass(frozen=True, slots=True)
class PictureKind:
    """A kind of picture.

    name: what `sata plot` calls it.
    about: what it shows, in a few words.
    draw: the picture; it raises SpecError for files that do not hold what the kind needs.
    several: whether it shows several files.
    options: those of `--ops` and `--column` that it takes.
    """

    name: str
    about: str
    draw: Callable[[Shown], Picture]
    several: bool = False
    options: tuple[str, ...] = ()


def of_a_result(function: Callable[[Result], Picture], needed: str = "") -> Callable[[Shown], Picture]:
    """`draw` of a picture of one result. needed: a list of the result that must not be empty."""

    def draw(shown: Shown) -> Picture:
        result, name = shown.result(), shown.files[0]
        if needed and not getattr(result, needed):
            why = "an older version of sata wrote it" if needed != "kept" else "it is not a training run"
            kind = next(k for k, one in PICTURES.items() if one.draw is draw)
            raise SpecError([Fault(Where(name), f"holds no '{needed}', which '{kind}' shows", f"perhaps {why}")])
        return function(result)

    return draw


PICTURES: Registry[PictureKind] = Registry(
    "picture",
    "sata.pictures",
    {
        "energy": "sata.report.pictures.energy:ENERGY",
        "layers": "sata.report.pictures.energy:LAYERS",
        "roofline": "sata.report.pictures.roofline:ROOFLINE",
        "nest": "sata.report.pictures.nest:NEST",
        "arch": "sata.report.pictures.arch:ARCH",
        "kept": "sata.report.pictures.step:KEPT",
        "density": "sata.report.pictures.step:DENSITY",
        "pareto": "sata.report.pictures.points:PARETO",
        "sparsity": "sata.report.pictures.points:SPARSITY",
        "compare": "sata.report.pictures.compare:COMPARE",
    },
    instance_of(PictureKind),
)


def picture(kind: str, files: Sequence[str], ops: str | None = None, column: str | None = None) -> Picture:
    """The picture of a kind. files: results or points; of most kinds one. ops, column: see `Shown`.

    Raises: SpecError for files that do not hold what the kind needs. KeyError: there is no such kind.
    """
    return PICTURES[kind].draw(Shown(tuple(files), ops, column))
