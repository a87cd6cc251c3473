"""How text that came from a file is said: in one line, without characters that steer a terminal, and not all of it."""

from __future__ import annotations

import re

LONGEST = 300  # characters of a message, and of its hint, in which something is quoted
_QUOTE = re.compile(r"'[^'\n]{81,}'")
_WORD = re.compile(r"[^\s'\"]{81,}")
_KEPT = 60  # characters that are kept of a long quote


def escaped(text: str) -> str:
    """The text with every character that does not print as itself written as an escape: control characters, line ends,
    marks that change the direction of writing, halves of pairs, blanks that are none. `\\x1b`, `\\u202e`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def escaped_lines(text: str) -> str:
    """The same, of text that keeps its lines and tabs."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else _escape(c) for c in text)


def _escape(character: str) -> str:
    code = ord(character)
    if character in "\n\t\r":
        return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}[character]
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def quoted(text: str) -> str:
    """A part of a message: escaped, and where it is long, long quotes and words of it cut, then its middle."""
    text = escaped(text)
    if len(text) <= LONGEST:
        return text
    text = _QUOTE.sub(lambda m: f"'{m[0][1 : _KEPT + 1]}...'", text)
    text = _WORD.sub(lambda m: f"{m[0][:_KEPT]}...", text)
    return text if len(text) <= LONGEST else f"{text[:200]} ... {text[-95:]}"


def name_in_file(text: str) -> str:
    """The name of a file, as a fault begins with it: its end says most."""
    text = escaped(text)
    return text if len(text) <= LONGEST else f"...{text[-LONGEST:]}"
