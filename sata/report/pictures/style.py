"""How pictures look, and how they become files. Same picture, same bytes.

Colours are of Okabe and Ito's set (Color Universal Design, 2008) and tints of it: people with any kind of colour vision
tell neighbours apart; bars have a border of the ground's colour between them besides.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, TypeVar

from sata.report.text import quantity
from sata.specs.text.said import escaped_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("svg", "png", "pdf")
WIDTH = 5.0  # inches: a column of a page, and legible on a telephone
INK, QUIET, LINES, GROUND = "#1f2328", "#59636e", "#d1d9e0", "#ffffff"
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b5a900", "#7a5cb8", "#8c6d46", "#6b7780",
           "#7fb8d8", "#f2cf7f")  # fmt: skip
STAGES = {"forward": "#0072b2", "backward": "#d55e00", "weight_gradient": "#009e73"}
KINDS = {  # a kind has one colour in all pictures
    "weight": "#0072b2", "weight_gradient": "#56b4e9", "spike": "#e69f00", "activation": "#f2cf7f",
    "potential": "#009e73", "potential_gradient": "#7fcfb8", "spike_gradient": "#d55e00",
    "activation_gradient": "#f0a884", "current": "#cc79a7", "optimizer_state": "#7a5cb8", "surrogate": "#b5a900",
}  # fmt: skip
Bar = tuple[str, str]  # what a bar is stacked of: ("kind", name of a kind), or ("part", compute or leakage)
BARS: Mapping[Bar, str] = {
    **{("kind", kind): colour for kind, colour in KINDS.items()},
    ("part", "compute"): "#59636e", ("part", "leakage"): "#b6bec7",
}  # fmt: skip
_RC: dict[Any, Any] = {  # the salt makes the ids of the file depend on nothing else
    "svg.hashsalt": "sata", "svg.fonttype": "none", "pdf.fonttype": 42, "font.family": "DejaVu Sans", "font.size": 9.0,
    "axes.edgecolor": QUIET, "axes.labelcolor": INK, "axes.titlesize": 9.5, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
    "text.color": INK, "xtick.color": QUIET, "ytick.color": QUIET, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
    "grid.color": LINES, "grid.linewidth": 0.7, "legend.frameon": False, "legend.fontsize": 8.0, "lines.linewidth": 1.6,
    "text.parse_math": False,  # a dollar in a name starts no mathematics
    "legend.handlelength": 1.0, "legend.handleheight": 1.0, "legend.columnspacing": 1.2, "legend.labelspacing": 0.3,
}  # fmt: skip
_TIP = re.compile(r'<g id="tip:([0-9a-f]*)">')
_ID = re.compile(r'(\bid="|url\(#|href="#)')


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn: a title (for those who cannot see it, too), inches, and a function that draws on a figure."""

    title: str
    size: tuple[float, float]
    draw: Callable[[Figure], None]


def tip(artist: Any, text: str) -> None:
    """Say `text` where the pointer is on the artist; in SVG only. As digits it passes any way of quoting."""
    artist.set_gid(f"tip:{text.encode().hex()}")


def render(picture: Picture, kind: str) -> bytes:
    """The picture as a file of a kind of `FORMATS`."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    with mpl.rc_context(_RC):
        figure = Figure(figsize=picture.size, facecolor=GROUND)
        FigureCanvasAgg(figure)
        picture.draw(figure)
        for text in figure.findobj(Text):  # no font has characters that only steer
            text.set_text(escaped_lines(text.get_text()))
        out = io.BytesIO()
        metadata = {
            "svg": {"Date": None, "Creator": "sata", "Title": picture.title},
            "png": {"Software": None, "Title": picture.title},
            "pdf": {"CreationDate": None, "Producer": None, "Creator": "sata", "Title": picture.title},
        }[kind]
        figure.savefig(out, format=kind, metadata=metadata, dpi=160)
    data = out.getvalue()
    return _with_tips(escaped_lines(data.decode())).encode() if kind == "svg" else data


def _with_tips(svg: str) -> str:
    """Titles, which viewers show at the pointer, in place of the names that `tip` gave."""
    return _TIP.sub(lambda m: f'<g class="tip"><title>{escape(bytes.fromhex(m[1]).decode())}</title>', svg)


def inline(picture: Picture, name: str) -> str:
    """The picture as an `<svg>` element of a page: colours of text and ground are the page's, ids begin with `name`."""
    svg = render(picture, "svg").decode()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = _ID.sub(lambda m: f"{m[1]}{name}-", svg)
    for colour, variable in ((INK, "ink"), (QUIET, "quiet"), (LINES, "lines"), (GROUND, "ground")):
        svg = svg.replace(colour, f"var(--{variable})")
    head = f'<svg class="picture" role="img" aria-label="{escape(picture.title)}" '
    svg = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', lambda m: f'{head}viewBox="{m[1]}">', svg, count=1)
    svg = re.sub(r"font: (?:bold )?([\d.]+)px [^;\"]*", _font, svg)
    return re.sub(r"\n\s*", "\n", svg)


def _font(match: re.Match[str]) -> str:
    weight = "bold " if "bold" in match[0] else ""
    return f"font: {weight}{match[1]}px var(--font)"


# --- what pictures share ------------------------------------------------------------------------------------------


Name = TypeVar("Name", str, Bar)


def label_text(name: str | Bar) -> str:
    """How a name is shown. A kind that is called as one of our parts says that it is a kind."""
    if isinstance(name, str):
        return name
    return f"{name[1]} (kind)" if name[0] == "kind" and ("part", name[1]) in BARS else name[1]


def colours(names: Iterable[Name], fixed: Mapping[Name, str] | None = None) -> dict[Name, str]:
    """A colour for each name: the one it has, or the next that is free."""
    found: dict[Name, str] = {}
    fixed = fixed or {}
    names = list(dict.fromkeys(names))
    free = [c for c in COLOURS if c not in {fixed.get(name) for name in names}] or list(COLOURS)
    for name in names:
        found[name] = fixed.get(name) or free[sum(n not in fixed for n in found) % len(free)]
    return found


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit for an axis: values are divided by `scale`."""

    scale: float
    name: str


def unit_for(values: Iterable[float], dimension: str) -> Unit:
    """The unit in which the largest value reads best."""
    from sata.specs.text.units import DIMENSIONS, format_quantity

    largest = max((abs(v) for v in values), default=0.0)
    name = format_quantity(largest, dimension).split()[1]
    return Unit(float(DIMENSIONS[dimension].units[name]), name)


def power_for(values: Iterable[float]) -> Unit:
    """A power of ten for counts."""
    largest = max(values, default=0.0)
    powers = ((1e9, "billions"), (1e6, "millions"), (1e3, "thousands"))
    return next((Unit(scale, name) for scale, name in powers if largest >= scale), Unit(1.0, ""))


def stacked(axes: Axes, rows: Sequence[str], parts: Mapping[Name, Sequence[float]], unit: Unit, *, dimension: str,
            looks: Mapping[Name, str], most: int = 22) -> None:  # fmt: skip
    """Horizontal bars, the first on top; parts: name -> a value a row, stacked in this order. A tip on each.

    most: letters of a row's name.
    """
    lefts: list[float] = [0.0] * len(rows)
    for name, values in parts.items():
        widths = [value / unit.scale for value in values]
        if not any(widths):
            continue
        bars = axes.barh(range(len(rows)), widths, 0.72, left=lefts, color=looks[name], label=label_text(name),
                         edgecolor=GROUND, linewidth=0.4)  # fmt: skip
        for bar, row, value in zip(bars, rows, values, strict=True):
            tip(
                bar, f"{row}, {label_text(name)}: {quantity(value, dimension) if dimension else f'{value:,.0f} cycles'}"
            )
            bar.set_visible(bool(value))
        lefts = [left + width for left, width in zip(lefts, widths, strict=True)]
    axes.set_yticks(range(len(rows)), [cut(row, most) for row in rows])
    axes.set_ylim(len(rows) - 0.45, -0.55)
    axes.set_xlim(0, max([*lefts, 1e-30]) * 1.03)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def legend(figure: Figure, looks: Mapping[Name, str], columns: int, height: float) -> None:
    """A legend in the lowest `height` inches of the figure."""
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=colour, label=label_text(name)) for name, colour in looks.items()]
    bottom = height / figure.get_size_inches()[1]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.01, bottom), ncols=columns)


def legend_height(number: int, columns: int) -> float:
    """Inches that the legend of so many names takes."""
    return 0.18 * -(-number // columns) + 0.15


def cut(text: str, most: int = 22) -> str:
    """A name short enough for an axis."""
    return text if len(text) <= most else f"{text[: most - 2]}.."
