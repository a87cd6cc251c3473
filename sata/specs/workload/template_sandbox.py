"""The sandbox of Jinja2 in which templates run: data, loops over it and macros, with all they do counted."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sata.specs.text.files import note
from sata.specs.text.yamltree import Place
from sata.specs.workload.template_marks import Marking
from sata.specs.workload.template_parts import check_brackets, part_label, part_path, read_template
from sata.specs.workload.template_room import Room, bounded, check_length

if TYPE_CHECKING:
    from jinja2 import Environment

FILTERS = ("abs", "first", "int", "items", "join", "last", "length", "list", "max", "min", "replace", "round", "sum")


@lru_cache(maxsize=8)
def environment_of(folder: Path, shown: str) -> Environment:
    """shown: the folder, as faults call it."""
    from jinja2 import BaseLoader, StrictUndefined, TemplateNotFound
    from jinja2.environment import TemplateModule
    from jinja2.exceptions import SecurityError
    from jinja2.runtime import LoopContext, Macro
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Parts(BaseLoader):
        """Parts beside the template, else those that ship."""

        def get_source(self, environment: Any, template: str) -> tuple[str, str, Callable[[], bool]]:
            path, label = part_path(template, folder, shown)
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
            Marking(self, source, part_label(name or "", filename or "", shown)).walk(tree, False)
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
        check_length(len(text) + number * (len(new) - len(old)))
        env.room.write(len(text))
        return str(text.replace(old, new, -1 if count is None else count))

    @pass_eval_context
    def join(context: Any, value: Any, d: str = "", attribute: Any = None) -> Any:
        items = listed(value)
        check_length(sum(len(i) if isinstance(i, str) else 24 for i in items) + len(items) * len(str(d)))
        return known["join"](context, items, d, attribute)

    def listed(value: Any) -> list[Any]:
        env.room.turn(len(value) if hasattr(value, "__len__") else 0)
        elements: list[Any] = bounded(list(value))
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
        return bounded(value)

    own = {"replace": replace, "join": join, "list": listed, "sum": summed, "round": rounded}
    counters = {"turns ": turns, "part ": part, "made ": made}
    return {**known, **own, **counters}


def _as_yaml(value: Any, env: Any) -> Any:
    """How a value stands in the rendered YAML: null, true, lists and mappings in flow style."""
    if isinstance(value, str):
        check_length(len(value))
        env.room.write(len(value))
        return value.replace("\x01", "") if "\x01" in value else value
    if isinstance(value, (dict, list, tuple, bool, float, type(None))):
        text = dumps(bounded(value))
        env.room.write(len(text))
        return text
    return value
