"""`stages`: energy by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sata.report.pictures.kinds import PictureKind, of_a_result
from sata.report.pictures.style import WIDTH, Picture
from sata.report.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def stages_picture(result: Result) -> Picture:
    names = list(dict.fromkeys(op["stage"] for op in result.ops))

    def draw(figure: Figure) -> None:
        figure.subplots().bar(names, [sum(op["cycles"] for op in result.ops if op["stage"] == n) for n in names])

    return Picture("Cycles by stage", (WIDTH, 3.0), draw)


STAGES = PictureKind("stages", "cycles by stage", of_a_result(stages_picture))
