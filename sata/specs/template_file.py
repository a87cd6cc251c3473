"""A template: a YAML header that says what it offers, a line `---`, and Jinja2 text that renders to the ops of a layer.

Rendering is sandboxed and bounded. A template reads what it is given and writes text: no attributes or methods of
Python objects, no calls but its own macros, no `~` and no `range`, so that it can neither reach out nor grow.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sata.specs.faults import did_you_mean

if TYPE_CHECKING:
    from jinja2 import Environment, Template

SHIPPED = Path(__file__).resolve().parent.parent / "templates"
LARGEST_TEMPLATE = 1 << 20  # bytes
LONGEST_TEXT = 1 << 20  # characters that one layer may render to
_FILTERS = ("abs", "first", "int", "items", "join", "last", "length", "list", "max", "min", "replace", "round", "sum")
_HEADER: Mapping[str, type] = {
    "about": str, "emits": str, "input": str, "gradient": str, "potential_gradient": str, "kinds": list, "bits": dict,
    "timesteps": int, "options": dict, "no_effect": list,
}  # fmt: skip


class TemplateFault(ValueError):
    """What is wrong with a template, its file and line included."""


@dataclass(frozen=True, slots=True)
class Option:
    """A setting under `options:`: one of `values`, the first of which is `default` unless another is named."""

    values: tuple[Any, ...]
    default: Any
    about: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """What a template offers. `no_effect`: options of its twins that it accepts and that change nothing in it."""

    about: str = ""
    emits: str = "spike"
    input: str = ""
    gradient: str = "spike_gradient"
    potential_gradient: str = "potential_gradient"
    kinds: tuple[str, ...] = ()
    bits: Mapping[str, Any] = field(default_factory=dict)
    timesteps: int | None = None
    options: Mapping[str, Option] = field(default_factory=dict)
    no_effect: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """A template, compiled. `label` is its name in sentences."""

    label: str
    path: Path
    header: Header
    compiled: Template

    def ops(self, names: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What the template renders to for one layer, as data. Raises: TemplateFault."""
        return self._parse(self._render(names))

    def _render(self, names: Mapping[str, Any]) -> str:
        parts, length = [], 0
        try:
            for part in self.compiled.generate(names):
                parts.append(part)
                length += len(part)
                if length > LONGEST_TEXT:
                    raise ValueError(f"it renders to more than {LONGEST_TEXT} characters")
        except Exception as error:  # noqa: BLE001 -- whatever a template does wrong, the user gets it as a sentence with its line
            raise TemplateFault(f"{_place_of(error, self.path, self.label)}: {_sentence(error, names)}") from None
        return "".join(parts)

    def _parse(self, text: str) -> list[dict[str, Any]]:
        import yaml

        try:
            ops = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (yaml.YAMLError, ValueError, RecursionError) as error:  # the latter two: no such date, too deep
            mark = getattr(error, "problem_mark", None)
            lines = text.splitlines()
            line = lines[mark.line].strip() if mark is not None and mark.line < len(lines) else ""
            problem = getattr(error, "problem", None) or "is no YAML"
            raise TemplateFault(f"{self.label}: what it renders is no YAML at '{line[:80]}': {problem}") from None
        if ops is None:
            return []
        if not isinstance(ops, list) or not all(isinstance(op, dict) for op in ops):
            raise TemplateFault(f"{self.label}: must render to a list of ops, each a mapping")
        for op in ops:
            if not isinstance(op.get("name"), str) or not isinstance(op.get("tensors"), dict):
                raise TemplateFault(f"{self.label}: an op needs a name and tensors: {str(op)[:80]}")
            for part in (op, *(value for value in op.values() if isinstance(value, dict)), *op["tensors"].values()):
                odd = next((key for key in part if not isinstance(key, str)), None) if isinstance(part, dict) else None
                if odd is not None:
                    raise TemplateFault(f"{self.label}: op {op['name']}: the key {odd} is no text")
        return ops


def shipped_templates() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.yaml")))


def load_template(name: str, base: Path) -> TemplateFile:
    """A shipped template by its name, or a file (`my.yaml`) relative to `base`, the folder of the workload.

    The file must stay inside that folder or the current one. Raises: TemplateFault.
    """
    if not name.endswith((".yaml", ".yml")):
        path = SHIPPED / f"{name}.yaml"
        if name not in shipped_templates():
            hint = did_you_mean(name, shipped_templates()) or f"shipped: {', '.join(shipped_templates())}"
            raise TemplateFault(f"there is no template '{name}'; {hint} (or give a file: {name}.yaml)")
        return _load(path, f"templates/{name}.yaml", path.stat().st_mtime_ns)
    try:
        path = (base / name).resolve()
    except (OSError, ValueError):
        raise TemplateFault("the template's name is no name for a file") from None
    if not any(path.is_relative_to(folder.resolve()) for folder in (base, Path.cwd())):
        raise TemplateFault(f"the template '{name}' is outside the folder of the workload and the current one")
    try:
        return _load(path, name, path.stat().st_mtime_ns)
    except FileNotFoundError:
        near = did_you_mean(Path(name).name, sorted(p.name for p in path.parent.glob("*.y*ml")))
        raise TemplateFault(f"the template '{name}' is no file in '{base}'" + (f"; {near}" if near else "")) from None
    except OSError as error:
        raise TemplateFault(f"the template '{name}' cannot be read: {(error.strerror or str(error)).lower()}") from None


@lru_cache(maxsize=32)
def _load(path: Path, label: str, _modified: int) -> TemplateFile:
    if path.stat().st_size > LARGEST_TEMPLATE:
        raise TemplateFault(f"{label}: is larger than {LARGEST_TEMPLATE} bytes")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise TemplateFault(f"{label}: is not UTF-8 text") from None
    lines = text.splitlines(keepends=True)
    cut = next((i for i, line in enumerate(lines) if line.rstrip() == "---"), None)
    if cut is None:
        raise TemplateFault(f"{label}: has no line '---' between the header (`template:`) and the ops")
    header = _header("".join(lines[:cut]), label)
    # blank lines in place of the header keep Jinja's line numbers those of the file
    return TemplateFile(label, path, header, _compile("\n" * (cut + 1) + "".join(lines[cut + 1 :]), path, label))


def _header(text: str, label: str) -> Header:
    import yaml

    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line, problem = mark.line + 1 if mark else 1, getattr(error, "problem", None) or "it cannot be read"
        raise TemplateFault(f"{label}:{line}: the header is no YAML: {problem}") from None
    data = data.get("template") if isinstance(data, dict) else None
    if not isinstance(data, dict):
        raise TemplateFault(f"{label}:1: the header must be a mapping below the key 'template'")
    for key in data:
        if key not in _HEADER:
            hint = did_you_mean(key, _HEADER) or f"its keys: {', '.join(_HEADER)}"
            raise TemplateFault(f"{label}: unknown key '{key}' in the header; {hint}")
        if not isinstance(data[key], _HEADER[key]):
            expected = {dict: "a mapping", list: "a list", int: "a whole number", str: "text"}[_HEADER[key]]
            raise TemplateFault(f"{label}: '{key}' in the header must be {expected}")
    options = {}
    for name, said in data.get("options", {}).items():
        values = said.get("values") if isinstance(said, dict) else None
        if not isinstance(values, list) or not values or not is_one_of(said.get("default", values[0]), values):
            raise TemplateFault(f"{label}: option '{name}' needs 'values: [...]', and a default among them")
        options[name] = Option(tuple(values), said.get("default", values[0]), str(said.get("about", "")))
    lists = {key: tuple(data[key]) for key in ("kinds", "no_effect") if key in data}
    return Header(**{**data, **lists, "options": options})


def is_one_of(value: Any, values: list[Any] | tuple[Any, ...]) -> bool:
    """`true` is not 1 here."""
    return any(type(value) is type(v) and value == v for v in values)


def _compile(text: str, path: Path, label: str) -> Template:
    from jinja2 import TemplateError, nodes

    env = _environment(path.parent)
    try:
        tree = env.parse(text, label, str(path))
        for node in tree.find_all(nodes.Concat):
            raise TemplateFault(f"{label}:{node.lineno}: '~' is not available here; write the values side by side")
        code = env.compile(tree, label, str(path))
        return env.template_class.from_code(env, code, env.globals)
    except TemplateError as error:
        raise TemplateFault(f"{label}:{getattr(error, 'lineno', 1)}: {error.message}") from None


@lru_cache(maxsize=8)
def _environment(folder: Path) -> Environment:
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.environment import TemplateModule
    from jinja2.exceptions import SecurityError
    from jinja2.runtime import LoopContext, Macro
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Sandbox(ImmutableSandboxedEnvironment):
        """Data, loops over it, and macros; nothing else."""

        intercepted_binops = frozenset(("+", "*", "**", "%"))

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            return isinstance(obj, (LoopContext, TemplateModule)) and not attr.startswith("_")

        def is_safe_callable(self, obj: Any) -> bool:
            return isinstance(obj, Macro)

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if operator == "**":
                raise SecurityError("'**' is not available here")
            if not all(isinstance(v, (int, float)) and abs(v) < 1 << 62 for v in (left, right)):
                raise SecurityError(f"'{operator}' works on numbers of 62 bits")
            return super().call_binop(context, operator, left, right)

    env = Sandbox(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True,
                  finalize=_as_yaml, loader=FileSystemLoader([folder, SHIPPED]))  # fmt: skip
    env.filters = {name: env.filters[name] for name in _FILTERS}
    env.globals = {}
    return env


def _as_yaml(value: Any) -> Any:
    """How a value stands in the rendered YAML: null, true, lists and mappings in flow style."""
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise ValueError(f"a text has more than {LONGEST_TEXT} characters")
        return value
    return dumps(value) if isinstance(value, (dict, list, tuple, bool, float, type(None))) else value


def _place_of(error: Exception, path: Path, label: str) -> str:
    """`file:line` of the innermost template line that the error passed through."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file == path:
            return f"{label}:{frame.lineno}"
        if file.suffix != ".py" and file.is_relative_to(SHIPPED):
            return f"templates/{file.relative_to(SHIPPED).as_posix()}:{frame.lineno}"
        if file.suffix != ".py" and file.is_relative_to(path.parent):
            return f"{file.relative_to(path.parent).as_posix()}:{frame.lineno}"
    line = getattr(error, "lineno", None)  # of a part that does not compile
    return f"{getattr(error, 'name', None) or label}:{line}" if line else label


def _sentence(error: Exception, names: Mapping[str, Any]) -> str:
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if text.endswith("is not safely callable"):
        return "only macros can be called"
    text = text[:200]
    if text.startswith("'dict object' has no attribute "):
        text = text.replace("'dict object' has no attribute ", "there is no ")
        word = text.split("'")[1] if "'" in text else ""
        known = {key for value in names.values() if isinstance(value, Mapping) for key in value}
        hint = did_you_mean(word, sorted(known))
        return f"{text}; {hint}" if hint else text
    if text.endswith("is undefined"):
        hint = did_you_mean(text.split("'")[1], sorted(names))
        return f"{text}; {hint}" if hint else text
    return text
