"""A picture of the loop-nest graph of a group: boxes from the outermost memory down to the computes, and one coloured
line a tensor that runs from every memory that keeps it to the next.

Same graph, same bytes. matplotlib is imported only here, and only when a picture is asked for.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sata.nest.graph import Graph, path_to
from sata.nest.model import BoundLoop, Group, Level
from sata.specs.model import Array, Compute, Op

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT, _GAP = 0.34, 0.2  # inches: a box, and what is between two
_WIDTH = 2.7  # of a box
_LANE = 0.2  # between the lines of two tensors
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7a3fa0", "#555555")  # told apart by all
_STYLES = ("-", "--", ":")  # when there are more tensors than colours
_FILL = {"memory": "#dce9f7", "array": "#fdebd0", "compute": "#d9f0dd", "loop": "#ffffff"}
_RC: dict[Any, Any] = {  # the salt makes the ids of the file depend on nothing else
    "svg.hashsalt": "sata",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
}


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
    """The picture as SVG text."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    boxes = _boxes(group, graph)
    lines = _lines(group, graph)
    tensors = {t.name: t.kind for nest in group.nests for t in nest.op.tensors if not t.local}
    title = " + ".join(nest.op.name for nest in group.nests)
    columns, rows = len(group.nests), 1 + max(box.row for box in boxes.values())
    lanes = [1 + max((line.lane for line in lines if line.column == c), default=0) for c in range(columns)]
    lefts = [sum(_WIDTH + (lanes[i] + 3) * _LANE for i in range(c)) for c in range(columns + 1)]
    legend = 0.25 * (len(tensors) + 1)
    width, height = lefts[-1] + 1.9, max(rows * (_HEIGHT + _GAP), legend) + 0.75
    with mpl.rc_context(_RC):
        figure = Figure(figsize=(width, height))
        FigureCanvasSVG(figure)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(-0.15, width - 0.15)
        axes.set_ylim(height - 0.15, -0.15)
        axes.axis("off")
        axes.text(0.0, 0.1, _title(title), fontsize=10, fontweight="bold", va="center")
        _draw_inside(axes, graph, boxes, lefts)
        _draw_lines(axes, lines, boxes, lefts, list(tensors))
        for box in boxes.values():
            _draw_box(axes, box, lefts)
        _draw_legend(axes, tensors, lefts[-1])
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "sata", "Title": group.name})
    return out.getvalue()


def _title(name: str) -> str:
    return name.replace("$", r"\$")  # a dollar would start mathematics


# --- what is drawn ------------------------------------------------------------------------------------------------


def _boxes(group: Group, graph: Graph) -> dict[int, _Box]:
    """A box for every node but loops of one; loops on an array are words of its box."""
    boxes: dict[int, _Box] = {}
    below: dict[int, int] = {}  # row below a column's last box
    trunk = 0
    for column, nest in enumerate(group.nests):
        row = below.get(column, trunk)
        path = path_to(graph, nest.op.name)
        for place, node in enumerate(path):
            item = graph.nodes[node]["item"]
            if node in boxes or (isinstance(item, BoundLoop) and (item.factor == 1 or item.array is not None)):
                continue
            after = [graph.nodes[n]["item"] for n in path[place + 1 :]]
            boxes[node] = _Box(column, row, *_words(item, after, nest.op))
            row += 1
            if graph.nodes[node]["op"] is None:
                trunk = row
    return boxes


def _words(item: Any, after: Sequence[Any], op: Op) -> tuple[str, str]:
    """(text, sort of box)."""
    if isinstance(item, Level):
        return f"{item.memory.name}", "memory"
    if isinstance(item, BoundLoop):
        return f"for {item.rank} in {item.factor}" + (f" step {item.stride}" if item.stride > 1 else ""), "loop"
    if isinstance(item, Array):
        loops = [i for i in after if isinstance(i, BoundLoop) and i.array == item.name and i.factor > 1]
        shared = ", ".join(f"{loop.axis}: {loop.rank} {loop.factor}" for loop in loops)
        return f"array {item.name} ({shared or 'one'})" + (", reduce" if item.reduce else ""), "array"
    assert isinstance(item, Compute)
    return f"{item.name}: {op.action}", "compute"


def _lines(group: Group, graph: Graph) -> list[_Line]:
    """The links of the graph, a lane for each tensor of each op."""
    found = []
    for column, nest in enumerate(group.nests):
        stored = [t for t in nest.op.tensors if not t.local]
        lane = {t.name: i for i, t in enumerate(stored)}
        output = {t.name: t.role == "output" for t in stored}
        edges = [(u, v, d) for u, v, d in graph.edges(data=True) if d["kind"] == "link"]
        links = [(u, v, d["tensor"]) for u, v, d in edges if d["op"] == nest.op.name]
        for parent, child, tensor in sorted(links, key=lambda link: (lane[link[2]], link[0])):
            found.append(_Line(tensor, parent, child, column, lane[tensor], output[tensor]))
    return found


# --- drawing ------------------------------------------------------------------------------------------------------


def _top(row: int) -> float:
    return 0.35 + row * (_HEIGHT + _GAP)


def _draw_box(axes: Axes, box: _Box, lefts: Sequence[float]) -> None:
    from matplotlib.patches import FancyBboxPatch

    style = "round,pad=0,rounding_size=0.08" if box.what != "loop" else "round,pad=0,rounding_size=0.16"
    left, top = lefts[box.column], _top(box.row)
    axes.add_patch(
        FancyBboxPatch((left, top), _WIDTH, _HEIGHT, boxstyle=style, facecolor=_FILL[box.what], edgecolor="#444444",
                       linewidth=0.6 if box.what == "loop" else 1.1, zorder=3)
    )  # fmt: skip
    text = box.text if len(box.text) <= 44 else f"{box.text[:42]}.."
    size = 8.0 if len(text) <= 34 else 6.5
    weight = "bold" if box.what == "memory" else "normal"
    middle = (left + _WIDTH / 2, top + _HEIGHT / 2)
    axes.text(*middle, _title(text), ha="center", va="center", fontsize=size, fontweight=weight, zorder=4)


def _draw_inside(axes: Axes, graph: Graph, boxes: dict[int, _Box], lefts: Sequence[float]) -> None:
    """Grey arrows from each box to the one inside it; nodes without a box are passed over."""
    inside = {v: u for u, v, d in graph.edges(data=True) if d["kind"] == "inside"}
    for node, box in boxes.items():
        outer = inside.get(node)
        while outer is not None and outer not in boxes:
            outer = inside.get(outer)
        if outer is None:
            continue
        start = (lefts[boxes[outer].column] + _WIDTH / 2, _top(boxes[outer].row) + _HEIGHT)
        end = (lefts[box.column] + _WIDTH / 2, _top(box.row))
        bend = "angle,angleA=0,angleB=90,rad=4" if start[0] != end[0] else "arc3"
        if start[0] != end[0]:
            start = (start[0], start[1] + _GAP / 2)
        arrow = {"arrowstyle": "-|>,head_width=0.12,head_length=0.22", "color": "#999999", "linewidth": 1.0}
        axes.annotate(
            "", end, start, arrowprops={**arrow, "connectionstyle": bend, "shrinkA": 0, "shrinkB": 0}, zorder=1
        )


def _draw_lines(
    axes: Axes, lines: Sequence[_Line], boxes: dict[int, _Box], lefts: Sequence[float], tensors: list[str]
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
        axes.plot([x0, lane, lane, x1], [y0, y0, y1, y1], color=colour, linestyle=style, linewidth=1.3, zorder=2,
                  solid_joinstyle="round")  # fmt: skip
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
    return _COLOURS[number % len(_COLOURS)], _STYLES[number // len(_COLOURS) % len(_STYLES)]


def _draw_legend(axes: Axes, tensors: dict[str, str], left: float) -> None:
    for number, (name, kind) in enumerate(tensors.items()):
        colour, style = _look(number)
        y = 0.5 + 0.25 * number
        axes.plot([left, left + 0.3], [y, y], color=colour, linestyle=style, linewidth=1.6)
        axes.text(left + 0.38, y, _title(f"{name} ({kind})"), va="center", fontsize=8)
