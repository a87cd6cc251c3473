"""A picture of a loop nest: boxes from the outermost memory down to the computes, and one coloured line a tensor that
runs from every memory that keeps it to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from sata.report.described import tensor_rows
from sata.report.nest_rows import nest_record
from sata.report.pictures.kinds import PictureKind, Shown
from sata.report.pictures.style import COLOURS, QUIET, Picture, cut, render, tip
from sata.report.result import Record
from sata.report.text import listed
from sata.specs.text.faults import Fault, SpecError, Where, did_you_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sata.nest.graph import Graph
    from sata.nest.model import Group

_HEIGHT, _GAP = 0.34, 0.2  # inches: a box, and what is between two
_WIDTH = 2.7  # of a box
_LANE = 0.2  # between the lines of two tensors
_STYLES = ("-", "--", ":")  # when there are more tensors than colours
_FILL = {"memory": "#dce9f7", "array": "#fdebd0", "compute": "#d9f0dd", "loop": "#ffffff"}
_DARK = "#1f2329"  # words in boxes, whose fill is light on any ground


@dataclass(frozen=True, slots=True)
class _Box:
    """A node: column (one an op), row from the top, and its words."""

    column: int
    row: int
    text: str
    what: str


@dataclass(frozen=True, slots=True)
class _Line:
    """A tensor's way from one memory to the next memory or compute further in; lane: its place beside the boxes."""

    tensor: str
    parent: int
    child: int
    column: int
    lane: int
    output: bool


def nest_svg(group: Group, graph: Graph) -> str:
    """The picture of a group as SVG text."""
    tensors = tensor_rows((nest.op for nest in group.nests), {})
    return render(nest_picture(nest_record(group), tensors), "svg").decode()


def nest_picture(nest: Record, tensors: Sequence[Record]) -> Picture:
    """nest: a row of `Result.nests`; tensors: rows of `Result.tensors`, of any ops."""
    ops = [op["op"] for op in nest["ops"]]
    stored = {op: [t for t in tensors if t["op"] == op and not t.get("local")] for op in ops}
    boxes = _boxes(nest["rows"], ops)
    lines = list(_lines(nest["rows"], boxes, stored))
    kinds = {t["tensor"]: t["kind"] for op in ops for t in stored[op]}
    rows = 1 + max((box.row for box in boxes.values()), default=0)
    lanes = [1 + max((line.lane for line in lines if line.column == c), default=0) for c in range(len(ops))]
    lefts = [sum(_WIDTH + (lanes[i] + 3) * _LANE for i in range(c)) for c in range(len(ops) + 1)]
    width, height = lefts[-1] + 1.9, max(rows * (_HEIGHT + _GAP), 0.25 * (len(kinds) + 1)) + 0.75

    def draw(figure: Figure) -> None:
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(-0.15, width - 0.15)
        axes.set_ylim(height - 0.15, -0.15)
        axes.axis("off")
        axes.text(0.0, 0.1, " + ".join(ops), fontsize=10, fontweight="bold", va="center")
        _draw_inside(axes, nest["rows"], boxes, lefts)
        _draw_lines(axes, lines, boxes, lefts, list(kinds))
        for box in boxes.values():
            _draw_box(axes, box, lefts)
        _draw_legend(axes, kinds, lefts[-1])

    return Picture(f"Loop nest of {' + '.join(ops)}", (width, height), draw)


# --- what is drawn ------------------------------------------------------------------------------------------------


def _boxes(rows: Sequence[Record], ops: Sequence[str]) -> dict[int, _Box]:
    """A box for every row that is a node or a loop; those of an op alone stand in its column."""
    boxes: dict[int, _Box] = {}
    trunk = 0
    below: dict[str, int] = {}
    for number, row in enumerate(rows):
        if row["is"] not in _FILL:
            continue
        op = row.get("op") or ""
        if op not in ops:
            place, column, trunk = trunk, 0, trunk + 1
        else:
            place, column = below.get(op, trunk), ops.index(op)
            below[op] = place + 1
        boxes[number] = _Box(column, place, _words(row), row["is"])
    return boxes


def _words(row: Record) -> str:
    if row["is"] == "loop":
        return f"for {row['rank']} in {row['factor']}" + (f" step {row['stride']}" if row["stride"] > 1 else "")
    if row["is"] == "array":
        return f"array {row['node']} ({', '.join(row['loops']) or 'one'})" + (", reduce" if row.get("reduce") else "")
    return f"{row['node']}: {row['action']}" if row["is"] == "compute" else str(row["node"])


def _lines(
    rows: Sequence[Record], boxes: Mapping[int, _Box], stored: Mapping[str, Sequence[Record]]
) -> Iterator[_Line]:
    """A lane for each tensor of each op: from every memory on its way that keeps it to the next, or to the compute."""
    for column, (op, tensors) in enumerate(stored.items()):
        own = [n for n in boxes if rows[n].get("op") in (None, op)]
        for lane, t in enumerate(tensors):
            chain = [n for n in own if t["tensor"] in rows[n].get("keeps", ()) or rows[n]["is"] == "compute"]
            for parent, child in zip(chain, chain[1:], strict=False):
                yield _Line(t["tensor"], parent, child, column, lane, t["role"] == "output")


# --- drawing ------------------------------------------------------------------------------------------------------


def _top(row: int) -> float:
    return 0.35 + row * (_HEIGHT + _GAP)


def _draw_box(axes: Axes, box: _Box, lefts: Sequence[float]) -> None:
    from matplotlib.patches import FancyBboxPatch

    style = "round,pad=0,rounding_size=0.08" if box.what != "loop" else "round,pad=0,rounding_size=0.16"
    left, top = lefts[box.column], _top(box.row)
    axes.add_patch(
        FancyBboxPatch((left, top), _WIDTH, _HEIGHT, boxstyle=style, facecolor=_FILL[box.what], edgecolor=QUIET,
                       linewidth=0.6 if box.what == "loop" else 1.1, zorder=3)
    )  # fmt: skip
    text = cut(box.text, 44)
    size = 8.0 if len(text) <= 34 else 6.5
    weight = "bold" if box.what == "memory" else "normal"
    middle = (left + _WIDTH / 2, top + _HEIGHT / 2)
    axes.text(*middle, text, ha="center", va="center", fontsize=size, fontweight=weight, color=_DARK, zorder=4)


def _draw_inside(axes: Axes, rows: Sequence[Record], boxes: Mapping[int, _Box], lefts: Sequence[float]) -> None:
    """Grey arrows from each box to the one inside it."""
    for node, box in boxes.items():
        around = [n for n in boxes if n < node and rows[n].get("op") in (None, rows[node].get("op"))]
        if not around:
            continue
        outer = around[-1]
        start = (lefts[boxes[outer].column] + _WIDTH / 2, _top(boxes[outer].row) + _HEIGHT)
        end = (lefts[box.column] + _WIDTH / 2, _top(box.row))
        bend = "angle,angleA=0,angleB=90,rad=4" if start[0] != end[0] else "arc3"
        if start[0] != end[0]:
            start = (start[0], start[1] + _GAP / 2)
        arrow = {"arrowstyle": "-|>,head_width=0.12,head_length=0.22", "color": QUIET, "linewidth": 1.0}
        axes.annotate(
            "", end, start, arrowprops={**arrow, "connectionstyle": bend, "shrinkA": 0, "shrinkB": 0}, zorder=1
        )


def _draw_lines(
    axes: Axes, lines: Sequence[_Line], boxes: Mapping[int, _Box], lefts: Sequence[float], tensors: list[str]
) -> None:
    """Each link: out of the side of the parent, down its lane, into the side of the child.

    An arrow shows where the values go: inputs run inwards, results outwards.
    """
    heights = _heights(lines)
    for number, line in enumerate(lines):
        colour, style = _look(tensors.index(line.tensor))
        lane = lefts[line.column] + _WIDTH + (line.lane + 1) * _LANE
        ends = []
        for node, inner in ((line.parent, False), (line.child, True)):
            box = boxes[node]
            ends.append((lefts[box.column] + _WIDTH, _top(box.row) + heights[number, inner]))
        (x0, y0), (x1, y1) = ends
        way = axes.plot([x0, lane, lane, x1], [y0, y0, y1, y1], color=colour, linestyle=style, linewidth=1.3, zorder=2,
                        solid_joinstyle="round")  # fmt: skip
        tip(way[0], f"{line.tensor}: {boxes[line.parent].text} to {boxes[line.child].text}")
        (sx, sy), (ex, ey) = ends if not line.output else ends[::-1]
        axes.plot([sx], [sy], marker="o", markersize=3.0, color=colour, zorder=5)
        axes.plot([ex + 0.045], [ey], marker="<", markersize=4.0, color=colour, zorder=5)


def _heights(lines: Sequence[_Line]) -> dict[tuple[int, bool], float]:
    """Where each line ends at the side of its boxes: (number of the line, at its child?) -> inches below the top.

    The ends at a box are spread evenly, a line from outside above the one that goes on further in.
    """
    ends: dict[int, list[tuple[int, int, bool, int]]] = {}
    for number, line in enumerate(lines):
        ends.setdefault(line.parent, []).append((line.column, line.lane, True, number))
        ends.setdefault(line.child, []).append((line.column, line.lane, False, number))
    return {
        (number, not leaving): _HEIGHT * (place + 1) / (len(own) + 1)
        for own in ends.values()
        for place, (_, _, leaving, number) in enumerate(sorted(own))
    }


def _look(number: int) -> tuple[str, str]:
    return COLOURS[number % len(COLOURS)], _STYLES[number // len(COLOURS) % len(_STYLES)]


def _draw_legend(axes: Axes, tensors: dict[str, str], left: float) -> None:
    for number, (name, kind) in enumerate(tensors.items()):
        colour, style = _look(number)
        y = 0.5 + 0.25 * number
        axes.plot([left, left + 0.3], [y, y], color=colour, linestyle=style, linewidth=1.6)
        axes.text(left + 0.38, y, f"{name} ({kind})", va="center", fontsize=8)


def _named(nest: Record, pattern: str) -> bool:
    """Whether a pattern matches one of the ops of a nest, or the name `a+b` of all of them."""
    return any(fnmatchcase(name, pattern) for name in (nest["group"], *(op["op"] for op in nest["ops"])))


def _chosen_nest(shown: Shown) -> Picture:
    result, name, ops = shown.result(), shown.files[0], shown.ops
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


NEST = PictureKind("nest", "a loop nest (--ops chooses it)", _chosen_nest, options=("--ops",))
