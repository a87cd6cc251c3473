"""The text of a template: Jinja2 in a sandbox with limits, whose output knows where in the template it comes from.

A template reads what it is given and writes text: no attributes or methods of Python objects, no calls but its own
macros, no `~` and no `range`. What it may do is counted: turns of loops, calls and includes, characters, elements of
lists. Marks in the output lead from any of its characters back to a line and column of the template.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sata.specs.text.faults import Fault, SpecError, Where
from sata.specs.text.files import note
from sata.specs.text.find import is_within, roots_of
from sata.specs.text.yamltree import Place

if TYPE_CHECKING:
    from jinja2 import Environment, Template, nodes

SHIPPED = Path(__file__).resolve().parents[2] / "templates"
LARGEST_TEMPLATE = 1 << 20  # bytes
LONGEST_TEXT = 1 << 20  # characters that one layer may render to, or that a text may have on the way
MOST_CHARACTERS = 16 << 20  # written in one layer, on the way too
MOST_TURNS = 100_000  # of loops, calls of macros and includes, for one layer
MOST_ELEMENTS = 10_000  # of a list or mapping that a template makes
MOST_OF_ALL = 4_000_000  # turns, and 64 characters each, of all layers of a workload
MOST_NODES_OF_ALL = 1_000_000  # values in the ops of all layers
DEEPEST_BRACKETS = 60
FILTERS = ("abs", "first", "int", "items", "join", "last", "length", "list", "max", "min", "replace", "round", "sum")
_MARK = re.compile("\x01([0-9]+);")
_OPEN, _CLOSE = "([{", ")]}"


@dataclass(slots=True)
class Room:
    """What a workload's templates may still do, all layers together; and what the layer at hand may."""

    all_turns: int = MOST_OF_ALL
    all_nodes: int = MOST_NODES_OF_ALL
    turns: int = MOST_TURNS
    characters: int = MOST_CHARACTERS

    def next_layer(self) -> None:
        """Begin a layer. Raises: ValueError if the workload has had all there is."""
        self.all_turns -= (MOST_TURNS - self.turns) + (MOST_CHARACTERS - self.characters) // 64
        self.turns, self.characters = MOST_TURNS, MOST_CHARACTERS
        if self.all_turns < 0:
            raise ValueError(f"all layers together take more than {MOST_OF_ALL:,} turns of loops")

    def nodes(self, number: int) -> None:
        """Values that were read of what was written. Raises: ValueError where all layers have too many."""
        self.all_nodes -= number
        if self.all_nodes < 0:
            raise ValueError(f"all layers together make more than {MOST_NODES_OF_ALL:,} values")

    def turn(self, number: int, characters: int = 0) -> None:
        """Raises: ValueError where that is too much."""
        self.turns -= number
        self.characters -= number * characters
        if self.turns < 0:
            raise ValueError(f"more than {MOST_TURNS:,} turns of loops, calls and includes")
        self.write(0)

    def write(self, characters: int) -> None:
        """Raises: ValueError where that is too much."""
        self.characters -= characters
        if self.characters < 0:
            raise ValueError(f"it writes more than {MOST_CHARACTERS:,} characters")


@dataclass(slots=True)
class Written:
    """What a template has written for one layer: the text, and the place in a template of each of its pieces.

    marks: (first character, place, whether the characters that follow stand so in the template), in order.
    """

    text: str
    marks: list[tuple[int, Place, bool]]
    _starts: list[int] = field(default_factory=list)

    def place(self, line: int, column: int, offset: int = 0) -> Place:
        """The place in the template of a character of the text; line and column from 1."""
        if not self._starts:
            self._starts = [0, *(m.end() for m in re.finditer("\n", self.text))]
        at = self._starts[min(max(line, 1), len(self._starts)) - 1] + max(column, 1) - 1 + offset
        number = bisect_right(self.marks, at, key=lambda mark: mark[0]) - 1
        if number < 0:
            return self.marks[0][1] if self.marks else ("", 0, 0)
        start, (file, row, first), verbatim = self.marks[number]
        inside = at - start if verbatim and "\n" not in self.text[start:at] else 0
        return file, row, first + inside


class Text:
    """A compiled template. Raises: SpecError, at its place, for text that does not compile."""

    def __init__(self, text: str, path: Path, label: str) -> None:
        self.path, self.label = path, label
        self.environment = _environment(path.parent, label.rpartition("/")[0])
        self.compiled: Template = _compiled(self.environment, text, label, path)

    def write(self, names: Mapping[str, Any], room: Room) -> Written:
        """What it writes for one layer. Raises: SpecError."""
        env: Any = self.environment
        env.room = room
        for path in env.parts.values():
            note(path)
        parts, length = [], 0
        try:
            room.next_layer()
            for part in self.compiled.generate(dict(names)):
                parts.append(part)
                length += len(part)
                if length > 4 * LONGEST_TEXT:  # marks included
                    break
            written = _split("".join(parts), env.places)
            if len(written.text) > LONGEST_TEXT:
                raise ValueError(f"it renders to more than {LONGEST_TEXT} characters")
        except SpecError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a template does wrong, the user gets it as a sentence with its line
            from sata.specs.workload.template_errors import fault_of

            raise SpecError([fault_of(error, self.path, self.label, env, names)]) from None
        return written


def _split(text: str, places: list[tuple[Place, bool]]) -> Written:
    pieces, marks, length, end = [], [], 0, 0
    for found in _MARK.finditer(text):
        piece = text[end : found.start()]
        pieces.append(piece)
        length += len(piece)
        end = found.end()
        place, verbatim = places[int(found[1])]
        marks.append((length, place, verbatim))
    pieces.append(text[end:])
    return Written("".join(pieces), marks)


def _compiled(env: Environment, text: str, label: str, path: Path) -> Template:
    from jinja2 import TemplateError

    from sata.specs.workload.template_errors import broken, too_deep

    try:
        code = env.compile(text, label, str(path))
        return env.template_class.from_code(env, code, env.globals)
    except TemplateError as error:
        raise SpecError([broken(error, text, label, env)]) from None
    except (RecursionError, MemoryError, SyntaxError) as error:
        raise SpecError([too_deep(error, label)]) from None


def check_brackets(source: str, label: str) -> None:
    """Raises: SpecError where brackets stand in more brackets than anybody needs: a parser would go as deep."""
    deep = 0
    for found in re.finditer(r"[(\[{)\]}]", source):
        deep = deep + 1 if found[0] in _OPEN else max(deep - 1, 0)
        if deep > DEEPEST_BRACKETS:
            line = source.count("\n", 0, found.start()) + 1
            column = found.start() - source.rfind("\n", 0, found.start())
            message = f"more than {DEEPEST_BRACKETS} brackets inside each other"
            raise SpecError([Fault(Where(label, line, column), message)])


# --- marks --------------------------------------------------------------------------------------------------------


class _Marking:
    """One walk over the tree of a template: marks at every line and value that it writes, counters in its loops."""

    def __init__(self, env: Any, source: str, label: str) -> None:
        self.env, self.label = env, label
        self.lines = source.split("\n")
        self.reached = [0] * (len(self.lines) + 1)  # how far each line has been gone through

    def mark(self, line: int, column: int, verbatim: bool) -> str:
        self.env.places.append(((self.label, line, column), verbatim))
        return f"\x01{len(self.env.places) - 1};"

    def column(self, line: int, text: str) -> int:
        """The column at which a piece of a line stands; pieces are asked for in their order."""
        if not 0 < line <= len(self.lines):
            return 1
        found = self.lines[line - 1].find(text, self.reached[line])
        if found < 0:
            return 1
        self.reached[line] = found + max(len(text), 1)
        return found + 1

    def walk(self, node: nodes.Node, captured: bool) -> None:
        from jinja2 import TemplateSyntaxError, nodes

        others = (nodes.Extends, nodes.Block, nodes.CallBlock, nodes.FilterBlock, nodes.ScopedEvalContextModifier)
        if isinstance(node, others):
            said = "a template has if, for, set, with, include, import and macro only"
            raise TemplateSyntaxError(said, node.lineno, self.label)
        if isinstance(node, nodes.Concat):
            said = "'~' is not available here; write the values side by side"
            raise TemplateSyntaxError(said, node.lineno, self.label)
        captured = captured or isinstance(node, (nodes.AssignBlock, nodes.Macro))
        if isinstance(node, nodes.Output):
            node.nodes = list(self.output(node, captured))
        for child in node.iter_child_nodes():
            self.walk(child, captured)
        if isinstance(node, nodes.For):
            text = sum(len(d.data) for part in node.body for d in part.find_all(nodes.TemplateData))
            node.iter = self.filtered(node.iter, "turns ", nodes.Const(text))
        elif isinstance(node, (nodes.Include, nodes.Import, nodes.FromImport)):
            node.template = self.filtered(node.template, "part ")
        self.wrap(node)

    def wrap(self, node: nodes.Node) -> None:
        """Lists and mappings that stand in an expression are measured when they are made."""
        from jinja2 import nodes

        for name in node.fields:
            value = getattr(node, name)
            target = isinstance(node, (nodes.For, nodes.Assign)) and name == "target"
            if _makes(value) and not target:
                setattr(node, name, self.filtered(value, "made "))
            elif isinstance(value, list):
                setattr(node, name, [self.filtered(v, "made ") if _makes(v) else v for v in value])

    def filtered(self, node: Any, name: str, *arguments: Any) -> Any:
        from jinja2 import nodes

        made = nodes.Filter(node, name, list(arguments), [], None, None, lineno=node.lineno)
        made.set_environment(self.env)
        return made

    def output(self, node: nodes.Output, captured: bool) -> Iterator[nodes.Expr]:
        from jinja2 import nodes

        for child in node.nodes:
            if not isinstance(child, nodes.TemplateData):
                column = self.column(child.lineno, "{{")
                if not captured:
                    yield nodes.TemplateData(self.mark(child.lineno, column, False), lineno=child.lineno)
                yield child
                continue
            pieces = child.data.split("\n")
            for number, piece in enumerate(pieces):
                line = child.lineno + number
                start = len(piece) - len(piece.lstrip())
                column = self.column(line, piece.strip()) - start if piece.strip() else 1
                mark = self.mark(line, max(column, 1), True) if not captured and piece.strip() else ""
                ending = "\n" if number < len(pieces) - 1 else ""
                yield nodes.TemplateData(f"{mark}{piece}{ending}", lineno=line)


def _makes(node: Any) -> bool:
    from jinja2 import nodes

    return isinstance(node, (nodes.List, nodes.Dict)) or (isinstance(node, nodes.Tuple) and node.ctx == "load")


# --- the sandbox --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _environment(folder: Path, shown: str) -> Environment:
    """shown: the folder, as faults call it."""
    from jinja2 import BaseLoader, StrictUndefined, TemplateNotFound
    from jinja2.environment import TemplateModule
    from jinja2.exceptions import SecurityError
    from jinja2.runtime import LoopContext, Macro
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Parts(BaseLoader):
        """Parts beside the template, else those that ship."""

        def get_source(self, environment: Any, template: str) -> tuple[str, str, Callable[[], bool]]:
            path, label = part_of(template, folder, shown)
            if path is None:
                raise TemplateNotFound(template, label)
            note(path)
            environment.parts[template] = path
            state = path.stat().st_mtime_ns, path.stat().st_size
            text = read_template(path, label)
            check_brackets(text, label)
            return text, str(path), lambda: (path.stat().st_mtime_ns, path.stat().st_size) == state

    class Sandbox(ImmutableSandboxedEnvironment):
        """Data, loops over it, and macros; nothing else."""

        intercepted_binops = frozenset(("+", "*", "**", "%"))
        places: list[tuple[Place, bool]]
        parts: dict[str, Path]
        room: Room

        def _parse(self, source: str, name: str | None, filename: str | None) -> Any:
            tree = super()._parse(source, name, filename)
            _Marking(self, source, part_label(name or "", filename or "", shown)).walk(tree, False)
            return tree

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            return isinstance(obj, (LoopContext, TemplateModule)) and not attr.startswith("_")

        def is_safe_callable(self, obj: Any) -> bool:
            return isinstance(obj, Macro)

        def call(self, context: Any, obj: Any, *args: Any, **kwargs: Any) -> Any:
            self.room.turn(1)
            return super().call(context, obj, *args, **kwargs)

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if operator == "**":
                raise SecurityError("'**' is not available here")
            if not all(isinstance(v, (int, float)) and abs(v) < 1 << 62 for v in (left, right)):
                raise SecurityError(f"'{operator}' works on numbers of 62 bits")
            return super().call_binop(context, operator, left, right)

    env: Any = Sandbox(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True,
                  finalize=lambda value: _as_yaml(value, env), loader=Parts())  # fmt: skip
    env.places, env.parts, env.room = [], {}, Room()
    env.filters = bounded_filters(env)
    env.globals = {}
    made: Environment = env
    return made


def bounded_filters(env: Any) -> dict[str, Callable[..., Any]]:
    """The filters that a template may use, none of which makes much of little; and our own counters."""
    from jinja2 import pass_eval_context

    known = {name: env.filters[name] for name in FILTERS}

    def replace(text: Any, old: Any, new: Any, count: int | None = None) -> str:
        text, old, new = str(text), str(old), str(new)
        number = text.count(old) if count is None else min(count, text.count(old))
        _short(len(text) + number * (len(new) - len(old)))
        env.room.write(len(text))
        return str(text.replace(old, new, -1 if count is None else count))

    @pass_eval_context
    def join(context: Any, value: Any, d: str = "", attribute: Any = None) -> Any:
        items = listed(value)
        _short(sum(len(i) if isinstance(i, str) else 24 for i in items) + len(items) * len(str(d)))
        return known["join"](context, items, d, attribute)

    def listed(value: Any) -> list[Any]:
        env.room.turn(len(value) if hasattr(value, "__len__") else 0)
        elements: list[Any] = _measured(list(value))
        return elements

    def summed(value: Any, *_: Any, **__: Any) -> Any:
        items = listed(value)
        if not all(isinstance(item, (int, float)) for item in items):
            raise ValueError("sum adds numbers only")
        return sum(items)

    def turns(value: Any, characters: int) -> Any:
        value = value if hasattr(value, "__len__") else list(value)
        env.room.turn(len(value), characters)
        return value

    def part(name: Any) -> Any:
        env.room.turn(1)
        if not isinstance(name, str):
            raise ValueError("the name of a part is text")
        return name

    def rounded(value: Any, precision: int = 0, method: str = "common") -> Any:
        return known["round"](value, min(max(precision, -30), 30), method)

    def made(value: Any) -> Any:
        env.room.turn(1)
        return _measured(value)

    own = {"replace": replace, "join": join, "list": listed, "sum": summed, "round": rounded}
    counters = {"turns ": turns, "part ": part, "made ": made}
    return {**known, **own, **counters}


def _measured(value: Any) -> Any:
    """Raises: ValueError for lists and mappings with too many elements, those inside of them included."""
    room = MOST_ELEMENTS
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, (list, tuple, dict)):
            room -= len(one)
            if room < 0:
                raise ValueError(f"a list has more than {MOST_ELEMENTS} elements")
            todo += one.values() if isinstance(one, dict) else one
    return value


def _short(characters: int) -> None:
    if characters > LONGEST_TEXT:
        raise ValueError(f"a text has more than {LONGEST_TEXT} characters")


def _as_yaml(value: Any, env: Any) -> Any:
    """How a value stands in the rendered YAML: null, true, lists and mappings in flow style."""
    if isinstance(value, str):
        _short(len(value))
        env.room.write(len(value))
        return value.replace("\x01", "") if "\x01" in value else value
    if isinstance(value, (dict, list, tuple, bool, float, type(None))):
        text = dumps(_measured(value))
        env.room.write(len(text))
        return text
    return value


# --- files --------------------------------------------------------------------------------------------------------


def part_of(name: str, folder: Path, shown: str) -> tuple[Path | None, str]:
    """The file of a part that a template names and how faults call it; None and a sentence where it has none."""
    if not name or Path(name).is_absolute() or "\0" in name or len(name) > 1000:
        return None, f"'{name}' must be a relative file name"
    own = folder / name
    try:
        if own.is_file():
            if not is_within(own, [*roots_of(folder), SHIPPED]):
                return None, f"'{name}' lies outside the folder of the template, the current one and the shipped ones"
            return own, part_label(name, str(own), shown)
        ships = SHIPPED / name
        if ships.is_file() and is_within(ships, [SHIPPED]):
            return ships, part_label(name, str(ships), shown)
        if not is_within(own, [*roots_of(folder), SHIPPED]):
            return None, f"'{name}' lies outside the folder of the template, the current one and the shipped ones"
    except (OSError, ValueError):
        pass
    return None, f"there is no part '{name}' beside the template or among the shipped ones"


def part_label(name: str, filename: str, shown: str) -> str:
    """How faults call a part, or the template itself, whose name is its label already."""
    path = Path(filename)
    if path.is_relative_to(SHIPPED):
        return f"templates/{path.relative_to(SHIPPED).as_posix()}"
    return name if not shown or name.startswith(f"{shown}/") else f"{shown}/{name}"


def read_template(path: Path, label: str) -> str:
    """The text of a template or of a part. Raises: SpecError."""
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_TEMPLATE + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SpecError([Fault(Where(label), f"cannot be read: {reason}", passing=True)]) from None
    if len(content) > LARGEST_TEMPLATE:
        raise SpecError([Fault(Where(label), f"is larger than {LARGEST_TEMPLATE} bytes")])
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SpecError([Fault(Where(label, line, 1), "is not UTF-8 text")]) from None
