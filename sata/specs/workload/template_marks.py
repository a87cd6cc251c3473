"""Marks in the tree of a template, so that every piece of what it writes can be traced to its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import nodes


class Marking:
    """One walk over the tree of a template: marks at every line and value that it writes, counters in its loops."""

    def __init__(self, env: Any, source: str, label: str) -> None:
        from jinja2 import nodes

        self.env, self.label, self.nodes = env, label, nodes
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
        nodes = self.nodes
        others = (nodes.Extends, nodes.Block, nodes.CallBlock, nodes.FilterBlock, nodes.ScopedEvalContextModifier)
        if isinstance(node, others):
            said = "a template has if, for, set, with, include, import and macro only"
            raise self.refused(said, node)
        if isinstance(node, nodes.Concat):
            said = "'~' is not available here; write the values side by side"
            raise self.refused(said, node)
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
        nodes = self.nodes
        for name in node.fields:
            value = getattr(node, name)
            if isinstance(value, list):
                if any(map(self.makes, value)):
                    setattr(node, name, [self.filtered(v, "made ") if self.makes(v) else v for v in value])
            elif self.makes(value) and not (isinstance(node, (nodes.For, nodes.Assign)) and name == "target"):
                setattr(node, name, self.filtered(value, "made "))

    def makes(self, value: object) -> bool:
        """Whether a field of a node is an expression that makes a list, a mapping or a tuple."""
        nodes = self.nodes
        if not isinstance(value, nodes.Literal):
            return False
        return isinstance(value, (nodes.List, nodes.Dict)) or (isinstance(value, nodes.Tuple) and value.ctx == "load")

    def refused(self, said: str, node: nodes.Node) -> Exception:
        from jinja2 import TemplateSyntaxError

        return TemplateSyntaxError(said, node.lineno, self.label)

    def filtered(self, node: Any, name: str, *arguments: Any) -> Any:
        made = self.nodes.Filter(node, name, list(arguments), [], None, None, lineno=node.lineno)
        made.set_environment(self.env)
        return made

    def output(self, node: nodes.Output, captured: bool) -> Iterator[nodes.Expr]:
        nodes = self.nodes
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
