"""One mistake at a time: in the tree of a YAML, in its text, in the cells of a table, in the bytes of a recording.

A `Mutant` says at which lines its mistake stands, where that can be said.
"""

from __future__ import annotations

import io
import random
import re
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import yaml

VALUES = (
    ".nan", ".inf", "-.inf", "-1", "0", "0.5", "1e300", "-1e-300", "1e-5", "1" + "0" * 29, "1" * 60, "0x1f", "0o17", "1_000", "true",
    "yes", "null", "~", '""', "[]", "{}", "[[]]", "[1, 2, 3]", "{a: 1}", "{{}: 1}", "x" * 400, '"\\e[31mred"', '"\\u202e"', '"a\\nb"',
    "2020-01-01", "!!python/object:os.system x", "!!bool maybe", "!!int x", "*nowhere", "&a [*a]", "<<", "'{{ 1 / 0 }}'",
    "'{{ nothing }}'", "'{{ '", "'{% for x in y %}'", "'{{ ''.__class__ }}'", "'{{ 10 ** 100 }}'", "'{{ log2(0 - 1) }}'",
    "'{{ int(\"x\") }}'", "'{{ sqrt(0-1) }}'", "'{{ [1,2] - 1 }}'", "'{{ max([]) }}'", "3 nm", "3 KiB", "3 pJ", "7 parsec", "1e9 GiB",
    "../x", "/etc/passwd", "s.yaml", "k *, k *", "k 0", "t * 2", "\"X[t,k] += W[k,c] * S[t,c]\"", "X[", "é", "\u2028", "1e1000",
    "9223372036854775807", "18446744073709551616", "4611686018427387904", "-0", "+5", "5 %", "101 %", "'5'", "inf", "nan", "None",
)  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A broken file. what: the mistake, in a word. lines: where it may be said to stand; none: anywhere."""

    content: bytes
    what: str
    lines: frozenset[int] = frozenset()


def mutants(kind: str, content: bytes, chance: random.Random) -> Iterator[Mutant]:
    """Mutants without end."""
    while True:
        if kind == "trace":
            yield _recording(content, chance)
            continue
        text = content.decode("utf-8", "replace")
        ways = _TABLE if kind == "table" else _TEMPLATE if kind == "template" else _SPEC
        made = chance.choice(ways)(text, chance)
        if made is not None and made.content != content:
            yield made


# --- YAML by its tree ---------------------------------------------------------------------------------------------


def _nodes(text: str) -> list[tuple[yaml.Node, yaml.Node | None, yaml.Node | None]]:
    """(value, its key, its parent) of every node."""
    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        return []
    found: list[tuple[yaml.Node, yaml.Node | None, yaml.Node | None]] = []
    todo = [(root, None, None)] if root is not None else []
    while todo:
        node, key, parent = todo.pop()
        found.append((node, key, parent))
        if isinstance(node, yaml.MappingNode):
            todo += [(value, name, node) for name, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            todo += [(value, None, node) for value in node.value]
    return found


def _span(*nodes: yaml.Node | None) -> frozenset[int]:
    return frozenset(
        line
        for n in nodes
        if n is not None
        for line in range(n.start_mark.line + 1, max(n.end_mark.line, n.start_mark.line) + 2)
    )


def _around(parent: yaml.Node | None) -> frozenset[int]:
    """The line of a mapping or list, and that of its key just before it."""
    if parent is None:
        return frozenset()
    return frozenset(range(max(parent.start_mark.line, 1), parent.start_mark.line + 2))


def _replaced(text: str, node: yaml.Node, by: str) -> bytes:
    return (text[: node.start_mark.index] + by + text[node.end_mark.index :]).encode("utf-8", "surrogatepass")


def _value(text: str, chance: random.Random) -> Mutant | None:
    """A value is replaced by one of another kind."""
    nodes = [n for n in _nodes(text) if isinstance(n[0], yaml.ScalarNode)]
    if not nodes:
        return None
    node, key, parent = chance.choice(nodes)
    by = chance.choice(VALUES)
    lines = frozenset[int]() if _elsewhere(text, node) else _span(node, key) | _around(parent)
    return Mutant(_replaced(text, node, by), f"value {by[:20]}", lines)


def _any_value(text: str, chance: random.Random) -> Mutant | None:
    """A whole list or mapping is replaced."""
    nodes = [n for n in _nodes(text) if n[2] is not None and not isinstance(n[0], yaml.ScalarNode)]
    if not nodes:
        return None
    node, key, parent = chance.choice(nodes)
    by = chance.choice(VALUES)
    end = "" if node.end_mark.column else "\n"
    lines = _span(key) | frozenset([node.start_mark.line + 1]) | _around(parent)
    if _elsewhere(text, node):
        lines = frozenset()
    return Mutant(_replaced(text, node, f"{by}{end}"), f"part {by[:20]}", lines)


def _key(text: str, chance: random.Random) -> Mutant | None:
    """A key is misspelt, or another one."""
    nodes = [n for n in _nodes(text) if n[1] is not None]
    if not nodes:
        return None
    value, key, parent = chance.choice(nodes)
    assert isinstance(key, yaml.ScalarNode)
    word = key.value
    at = chance.randrange(max(len(word), 1))
    by = chance.choice([word[:at] + word[at + 1 :], word[:at] + "x" + word[at:], word.upper(), "", "1", "null", "[a]", "{a: 1}", "x" * 300,
                        '"\\e[1m"'])  # fmt: skip
    lines = _span(key) | frozenset([value.start_mark.line + 1]) | _around(parent)
    made = _replaced(text, key, by or '""')
    return Mutant(made, f"key {by[:20]}", frozenset() if _elsewhere(text, key) else lines)


def _delete(text: str, chance: random.Random) -> Mutant | None:
    """An entry that stands on lines of its own is gone."""
    nodes = [
        n
        for n in _nodes(text)
        if n[1] is not None and n[1].start_mark.column == len(_line(text, n[1])) - len(_line(text, n[1]).lstrip())
    ]
    if not nodes:
        return None
    value, key, _ = chance.choice(nodes)
    assert key is not None
    start = text.rfind("\n", 0, key.start_mark.index) + 1
    end = text.find("\n", max(value.end_mark.index - 1, key.end_mark.index))
    end = len(text) if end < 0 else end + 1
    if value.end_mark.column == 0:
        end = value.end_mark.index
    return Mutant((text[:start] + text[end:]).encode(), "deleted", frozenset())


def _elsewhere(text: str, node: yaml.Node) -> bool:
    """Whether a mistake in a value shows where the value is used: that of a variable, what an anchor names, and a word
    that stands elsewhere as a value, so that it may be a name."""
    word = node.value if isinstance(node, yaml.ScalarNode) else ""
    uses = rf"(?<![\w.]){re.escape(word)}(?![\w:])"
    others = [m for m in re.finditer(uses, text) if not node.start_mark.index <= m.start() < node.end_mark.index]
    if word and not word.replace(".", "").isdigit() and others:
        return True
    inside = text[node.start_mark.index - 40 : node.end_mark.index]
    blocks = re.finditer(r"^( *)(?:variables|define|runs|changes):.*\n(?:(?:\1 +.*| *#.*)?\n)*", text, re.MULTILINE)
    return "&" in inside or any(b.start() <= node.start_mark.index < b.end() for b in blocks)


def _line(text: str, node: yaml.Node) -> str:
    lines = text.split("\n")
    return lines[node.start_mark.line]


def _twice(text: str, chance: random.Random) -> Mutant | None:
    """A line is there twice."""
    lines = text.splitlines(keepends=True)
    at = chance.randrange(len(lines))
    return Mutant("".join([*lines[: at + 1], *lines[at:]]).encode(), "line twice")


def _unknown(text: str, chance: random.Random) -> Mutant | None:
    """A key that nobody knows."""
    nodes = [n for n in _nodes(text) if isinstance(n[0], yaml.MappingNode) and n[0].value and not n[0].flow_style]
    if not nodes:
        return None
    node = chance.choice(nodes)[0]
    key = node.value[0][0]
    indent = " " * key.start_mark.column
    made = (
        text[: key.start_mark.index]
        + f"zzz: {chance.choice(('1', '[a]', '{b: 1}'))}\n{indent}"
        + text[key.start_mark.index :]
    )
    line = key.start_mark.line + 1
    return Mutant(made.encode(), "unknown key", frozenset((line - 1, line, line + 1)))


# --- YAML by its text ---------------------------------------------------------------------------------------------


def _cut(text: str, chance: random.Random) -> Mutant | None:
    return Mutant(text[: chance.randrange(len(text))].encode(), "cut off")


def _indent(text: str, chance: random.Random) -> Mutant | None:
    lines = text.split("\n")
    at = chance.randrange(len(lines))
    lines[at] = chance.choice(["\t", " ", "   "]) + lines[at]
    return Mutant("\n".join(lines).encode(), "indented", frozenset(range(at - 1, at + 4)))


def _character(text: str, chance: random.Random) -> Mutant | None:
    at = chance.randrange(len(text))
    by = chance.choice(
        [
            "",
            "{",
            "}",
            "[",
            "]",
            ":",
            "'",
            '"',
            "#",
            "&",
            "*",
            "!",
            "%",
            "@",
            "\x00",
            "\x1b",
            "\u202e",
            "\ufeff",
            "é",
            "-",
            ",",
        ]
    )
    line = text.count("\n", 0, at) + 1
    return (
        Mutant((text[:at] + by + text[at + 1 :]).encode("utf-8", "surrogatepass"), f"character {by!r}", frozenset())
        if line
        else None
    )


def _bytes(text: str, chance: random.Random) -> Mutant | None:
    content = bytearray(text.encode())
    for _ in range(chance.choice((1, 2, 20))):
        content[chance.randrange(len(content))] = chance.randrange(256)
    return Mutant(bytes(content), "bytes")


def _bomb(text: str, chance: random.Random) -> Mutant | None:
    """Aliases of aliases, or brackets in brackets, beside everything else."""
    wide = ",".join(["x"] * 9)
    bomb = f"zz0: &z0 [{wide}]\n" + "".join(
        f"zz{n}: &z{n} [{','.join([f'*z{n - 1}'] * 9)}]\n" for n in range(1, chance.choice((3, 9)))
    )
    if chance.random() < 0.4:
        bomb = "zz: " + "[" * 3000 + "]" * 3000 + "\n"
    return Mutant((text.rstrip("\n") + "\n" + bomb).encode(), "bomb")


_SPEC: tuple[Callable[[str, random.Random], Mutant | None], ...] = (
    _value, _value, _value, _value, _value, _any_value, _any_value, _key, _key, _unknown, _delete, _delete, _twice, _cut, _indent, _character,
    _bytes, _bomb,
)  # fmt: skip


# --- templates ----------------------------------------------------------------------------------------------------

_STATEMENTS = (
    "{% for a in layer.S_shape %}{% for b in layer.S_shape %}" * 8 + "{% endfor %}" * 16, "{{ nothing }}", "{{ layer.nothing }}", "{{ 1 / 0 }}",
    "{% if %}", "{% fro x in y %}{% endfro %}", "{% set x = [1] * 10000000 %}", "{% include 'gone.yaml' %}", "{{ layer.name.upper() }}",
    "{{ layer.name | nofilter }}", "{{ range(10) }}", "{% endif %}", "{{ layer.S_shape - 1 }}", "{{ layer.S_shape[99] }}", "- {a: [}",
    "{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}", "{% extends 'x' %}", "}}", "%}", "{#", "\t- x: y", "- name: z", "- {name: z, tensors: {}}",
    "- {name: z, tensors: {W: {kind: nokind}}, ranks: {k: 2}, compute: 'W[k] = f()', action: a}",
    "- {name: z, tensors: {W: {kind: weight}}, ranks: {k: 2}, compute: 'W[q] = f(W[k])', action: a}",
    "- {name: z, tensors: {W: 3}, ranks: {k: 2}, compute: 'W[k] = f()', action: a}",
    "- {name: z, tensors: {W: {kind: weight}}, ranks: {k: 0}, compute: 'W[k] = f()', action: a}",
    "{{ layer.name | int('x', base=99) }}", "{{ layer.S_shape | join(layer.S_shape) }}", "{{ [layer] | sum }}", "{{ layer.S_shape | round }}",
    "{{ layer | first | last | max }}", "{% set x = layer %}{{ x.x.x }}", "{{ none.x }}", "{{ loop.index }}", "{{ self }}", "{{ layer < options }}",
)  # fmt: skip


def _statement(text: str, chance: random.Random) -> Mutant | None:
    """A line of its own that is wrong, in the text of a template."""
    lines = text.split("\n")
    first = next((i + 1 for i, line in enumerate(lines) if line.rstrip() == "---"), 0)
    at = chance.randrange(first, len(lines)) if first < len(lines) else first
    by = chance.choice(_STATEMENTS)
    return Mutant(
        "\n".join([*lines[:at], by, *lines[at:]]).encode(), f"statement {by[:30]}", frozenset((at, at + 1, at + 2))
    )


_WORDS = r"(?<=layer\.)\w+|(?<=kind: )\w+|(?<=options\.)\w+|\b(?:endif|endfor|endset|if|for|set|include)\b"


def _word(text: str, chance: random.Random) -> Mutant | None:
    """A name inside of an expression or statement is another one."""
    words = list(re.finditer(_WORDS, text))
    if not words:
        return None
    found = chance.choice(words)
    line = text.count("\n", 0, found.start()) + 1
    by = chance.choice((found[0] + "x", found[0][1:], "x"))
    lines = frozenset((line,)) if not re.fullmatch(r"end\w+|if|for|set|include", found[0]) else frozenset()
    return Mutant((text[: found.start()] + by + text[found.end() :]).encode(), f"word {by}", lines)


def _header(text: str, chance: random.Random) -> Mutant | None:
    """A mistake in the header, by its tree."""
    head, line, body = text.partition("\n---\n")
    if not line:
        return None
    made = chance.choice((_value, _value, _any_value, _key, _unknown))(head, chance)
    return made and Mutant(made.content + line.encode() + body.encode(), f"header {made.what}", made.lines)


_TEMPLATE = (
    _statement,
    _statement,
    _statement,
    _word,
    _word,
    _word,
    _header,
    _header,
    _twice,
    _cut,
    _character,
    _indent,
    _bytes,
)


# --- tables -------------------------------------------------------------------------------------------------------

_CELLS = (
    "",
    "nan",
    "inf",
    "-1",
    "1e400",
    "x",
    "1,2",
    '"',
    '"a',
    "1 pJ",
    "\x00",
    "é",
    "0",
    "1e-300",
    "9" * 50,
    " ",
    "=1+1",
    "\u202e",
    "'",
)


def _cell(text: str, chance: random.Random) -> Mutant | None:
    lines = text.split("\n")
    rows = [i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")]
    at = chance.choice(rows)
    cells = lines[at].split(",")
    cells[chance.randrange(len(cells))] = chance.choice(_CELLS)
    lines[at] = ",".join(cells)
    # a cell that makes a column one of words shows at the others; one in the head at all rows
    return Mutant("\n".join(lines).encode(), "cell", frozenset((at + 1,)))


def _column(text: str, chance: random.Random) -> Mutant | None:
    lines = text.split("\n")
    rows = [i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")]
    at = chance.choice(rows)
    cells = lines[at].split(",")
    if chance.random() < 0.5:
        cells.insert(chance.randrange(len(cells) + 1), "1")
    else:
        del cells[chance.randrange(len(cells))]
    lines[at] = ",".join(cells)
    return Mutant("\n".join(lines).encode(), "column", frozenset((at + 1,)) if at != rows[0] else frozenset())


_TABLE = (_cell, _cell, _cell, _column, _twice, _cut, _character, _bytes)


# --- recordings ---------------------------------------------------------------------------------------------------


def _recording(content: bytes, chance: random.Random) -> Mutant:
    way = chance.randrange(5)
    if way == 0:
        return Mutant(content[: chance.randrange(len(content))], "cut off")
    if way == 1:
        broken = bytearray(content)
        for _ in range(chance.choice((1, 1, 3, 30))):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        return Mutant(bytes(broken), "bytes")
    if way == 2:
        return Mutant(_with_header(content, chance), "header")
    out = io.BytesIO()
    np.savez(out, **_arrays(chance))
    return Mutant(out.getvalue(), "other arrays")


def _with_header(content: bytes, chance: random.Random) -> bytes:
    """The first array gets another header, which may promise anything."""
    shape = chance.choice(
        (
            "(2, 4)",
            "(4, 2)",
            "(-1, 4)",
            "(1000000000, 1000000000)",
            "(2, 4, 0)",
            "()",
            "(2,)",
            "'x'",
            "(2.5, 4)",
            "((2,4),)",
        )
    )
    descr = chance.choice(
        ("'|b1'", "'<f4'", "'|O'", "'<U4'", "'<f16'", "[('a', '<f4')]", "'<c8'", "'x'", "'>i8'", "'<M8[s]'")
    )
    order = chance.choice(("True", "False", "None", "3"))
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"
    if chance.random() < 0.2:
        text = chance.choice(("{" * 500, "()", "", "__import__('os')", text + ")" * 5, "{'descr': " + "[" * 300))
    version = chance.choice((b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x00"))
    body = text.encode().ljust(118) + b"\n"
    size = (
        struct.pack("<H", len(body)) if version == b"\x01\x00" else struct.pack("<I", chance.choice((len(body), 2**31)))
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("s.npy", b"\x93NUMPY" + version + size + body + b"\x01" * chance.choice((0, 8, 32, 64)))
    return out.getvalue()


def _arrays(chance: random.Random) -> dict[str, np.ndarray]:
    values = chance.choice((np.ones((2, 4)), np.zeros((2, 4), bool), np.ones((4, 2)), np.ones(8, np.uint8), np.ones((2, 2, 2)), np.ones(()),
                            np.ones((0, 4)), np.full((2, 4), np.nan), np.full((2, 4), np.inf), np.array(["a"]), np.ones((2, 4), np.complex64),
                            np.packbits(np.ones((2, 4), bool)), np.ones((2, 4), ">i2"), np.array([1.0, -0.0])))  # fmt: skip
    shapes = chance.choice(([2, 4], [2.0, 4.0], [np.nan, 4], [np.inf], [-1, 4], [0], [2**62, 2**62], [1e300], [2.5, 4], [], [[2], [4]], ["2", "4"],
                            [True, True], [2] * 40))  # fmt: skip
    found = {chance.choice(("s", "S", "", "s/../t", "\x1b[31m")) or "s": values}
    if chance.random() < 0.6:
        found[f"{next(iter(found))}{chance.choice(('_shape', '.shape'))}"] = np.array(shapes)
    return found
