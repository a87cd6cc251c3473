"""What is said of a template that fails, and where: the file, line and column of the template, or of its part."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sata.specs.text.faults import Fault, Where, did_you_mean
from sata.specs.text.python_words import plain_words
from sata.specs.workload.template_parts import SHIPPED, part_label

_ATTRIBUTE = re.compile(r"'(?:dict|list|tuple|str|int|float|bool|None)(?:Type)?(?: object)?' has no attribute (.*)")
_STATEMENT = re.compile(r"\{[{%#]")


def fault_of(error: Exception, path: Path, label: str, env: Any, names: Mapping[str, Any]) -> Fault:
    """The fault of an exception that was raised while a template was written out."""
    message, hint = _sentence(error, names)
    return Fault(_place(error, path, label, env, message), message, hint)


def broken(error: Any, text: str, label: str, env: Any) -> Fault:
    """The fault of a template that Jinja2 cannot read."""
    name = str(getattr(error, "name", None) or label)
    line = int(getattr(error, "lineno", None) or 1)
    message = " ".join(str(getattr(error, "message", None) or error).split())
    if "Unexpected end of template" in message:
        inner = re.search(r"innermost block that needs to be closed is '(\w+)'", message)
        message = f"the template ends inside a '{inner[1]}'" if inner else "the template ends too early"
        hint = f"write {{% end{inner[1]} %}}" if inner else ""
        return Fault(_at(name, line, text), message, hint)
    return Fault(_at(name, line, text), plain_words(ValueError(message)))


def too_deep(error: BaseException, label: str) -> Fault:
    """The fault of a template that no parser can follow."""
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    where = Where(label, int(line), 1) if line else Where(label)
    return Fault(where, "loops, conditions or expressions are nested too deeply")


def _at(file: str, line: int, text: str, message: str = "") -> Where:
    """The place of the word that a message quotes, else of the first statement of the line, else of its first word."""
    lines = text.split("\n")
    row = lines[line - 1] if 0 < line <= len(lines) else ""
    quoted = re.match(r"[^']*'(\w+)'", message)
    named = re.search(rf"\{{[{{%].*?\b({quoted[1]})\b", row) if quoted else None
    if named:
        return Where(file, line, named.start(1) + 1)
    found = _STATEMENT.search(row)
    return Where(file, line, (found.start() if found else len(row) - len(row.lstrip())) + 1)


def _place(error: Exception, path: Path, label: str, env: Any, message: str) -> Where:
    """The innermost line of a template that the error passed through."""
    shown = label.rpartition("/")[0]
    line, name = getattr(error, "lineno", None), getattr(error, "name", None)
    if line and name and not isinstance(error, SyntaxError):  # of a part that does not compile
        file = env.parts.get(name, path if name == label else SHIPPED / str(name))
        return _at(part_label(str(name), str(file), shown), int(line), _text(file), message)
    files = {str(path): label, **{str(p): part_label(n, str(p), shown) for n, p in env.parts.items()}}
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename in files and not frame.filename.endswith(".py"):
            return _at(files[frame.filename], frame.lineno or 1, _text(Path(frame.filename)), message)
    return Where(label)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _sentence(error: Exception, names: Mapping[str, Any]) -> tuple[str, str]:
    """What is said, and the nearest right thing."""
    text = next(iter(str(error).strip().splitlines()), "")
    if isinstance(error, RecursionError):
        return "macros or parts call each other without end", ""
    if text.endswith("is not safely callable"):
        return "only macros can be called", ""
    if found := _ATTRIBUTE.search(text):
        word = found[1].strip("'\"")
        known = {key for value in names.values() if isinstance(value, Mapping) for key in value}
        return f"there is no '{word}'", did_you_mean(word, sorted(known))
    if re.search(r"(?:list|tuple|str|dict) object has no element", text):
        return "there is no such element", ""
    if text.endswith("is undefined"):
        word = text.split("'")[1] if "'" in text else text.split()[0]
        return f"'{word}' is undefined", did_you_mean(word, sorted(names))
    return plain_words(error), ""
