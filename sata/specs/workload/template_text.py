"""The text of a template: Jinja2 in a sandbox with limits, whose output knows where in the template it comes from.

A template reads what it is given and writes text: no attributes or methods of Python objects, no calls but its own
macros, no `~` and no `range`. What it may do is counted: turns of loops, calls and includes, characters, elements of
lists. Marks in the output lead from any of its characters back to a line and column of the template.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sata.specs.text.faults import SpecError
from sata.specs.text.files import note
from sata.specs.text.yamltree import Place
from sata.specs.workload.template_room import LONGEST_TEXT, Room
from sata.specs.workload.template_sandbox import environment_of

if TYPE_CHECKING:
    from jinja2 import Environment, Template

_MARK = re.compile("\x01([0-9]+);")


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
        self.environment = environment_of(path.parent, label.rpartition("/")[0])
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
