"""The statement of an op: `X[t,k,p] += W[k,c,r] * S[t,c,2*p+r-1]`, or `U[k], S'[t,k] = lif(X[t,k])`.

statement := reference (',' reference)* ('=' | '+=') (product | name '(' [reference (',' reference)*] ')')
product   := reference ('*' reference)*
reference := name '[' [index (',' index)*] ']'
index     := ['-'] term (('+' | '-') term)*      term := number | rank | number '*' rank | rank '*' number
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

LONGEST = 2000  # characters of a statement
_TOKEN = re.compile(r"\s*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*'*)|(?P<number>[0-9]+)|(?P<sign>\+=|[-+*=\[\](),]))")
_LARGEST_NUMBER = 10**12


class EinsumError(ValueError):
    """A statement that cannot be read; `column` counts characters of the statement from 0."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.column = column


@dataclass(frozen=True, slots=True)
class Index:
    """`2*p + r - 1`: terms (("p", 2), ("r", 1)), offset -1."""

    terms: tuple[tuple[str, int], ...]
    offset: int = 0
    column: int = 0
    columns: tuple[int, ...] = ()  # of each term's rank


@dataclass(frozen=True, slots=True)
class Ref:
    """A tensor and its indices, as written."""

    name: str
    indices: tuple[Index, ...]
    column: int = 0


@dataclass(frozen=True, slots=True)
class Statement:
    """`function` is None for a product. `accumulate`: written with `+=`."""

    outputs: tuple[Ref, ...]
    inputs: tuple[Ref, ...]
    function: str | None = None
    accumulate: bool = False


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    what: str  # name | number | sign | end
    column: int


def parse_compute(text: str) -> Statement:
    """Raises: EinsumError, a ValueError with the column of what is wrong."""
    if len(text) > LONGEST:
        raise EinsumError(f"a statement has at most {LONGEST} characters, this has {len(text)}", 0)
    return _StatementReader(_tokens(text)).statement()


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            column = at + len(text[at:]) - len(text[at:].lstrip())
            raise EinsumError(f"'{text[column]}' means nothing here", column)
        what = match.lastgroup or "sign"
        tokens.append(_Token(match[what], what, match.start(what)))
        at = match.end()
    tokens.append(_Token("the end", "end", len(text.rstrip())))
    return tokens


class _StatementReader:
    """Recursive descent over the tokens; the grammar has no nesting, so no depth either."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens, self.at = tokens, 0

    @property
    def now(self) -> _Token:
        return self.tokens[self.at]

    def take(self, text: str) -> bool:
        if self.now.what == "sign" and self.now.text == text:
            self.at += 1
            return True
        return False

    def unexpected(self, expected: str) -> EinsumError:
        found = "it ends" if self.now.what == "end" else f"found '{self.now.text}'"
        return EinsumError(f"expected {expected}, but {found}", self.now.column)

    def name(self, expected: str) -> _Token:
        if self.now.what != "name":
            raise self.unexpected(expected)
        self.at += 1
        return self.tokens[self.at - 1]

    def statement(self) -> Statement:
        outputs = self.references(self.reference)
        accumulate = self.take("+=")
        if not accumulate and not self.take("="):
            raise self.unexpected("'=' or '+='")
        function, inputs = self.right_side()
        if self.now.what != "end":
            raise self.unexpected("'*' or the end" if function is None else "the end")
        if function is None and len(outputs) > 1:
            raise EinsumError("a product has one output; several need a function, such as '= lif(X[t,k])'",
                              outputs[1].column)  # fmt: skip
        seen: set[str] = set()
        for ref in outputs + inputs:
            if ref.name in seen:
                raise EinsumError(f"tensor '{ref.name}' is defined twice", ref.column)
            seen.add(ref.name)
        return Statement(outputs, inputs, function, accumulate)

    def right_side(self) -> tuple[str | None, tuple[Ref, ...]]:
        after = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else self.now
        if self.now.what == "name" and after.text == "(":
            function = self.name("a function")
            self.take("(")
            inputs = () if self.take(")") else self.references(self.reference)
            if inputs and not self.take(")"):
                raise self.unexpected("',' or ')'")
            return function.text, inputs
        factors = [self.reference()]
        while self.take("*"):
            factors.append(self.reference())
        return None, tuple(factors)

    def references(self, one: Callable[[], Ref]) -> tuple[Ref, ...]:
        found = [one()]
        while self.take(","):
            found.append(one())
        return tuple(found)

    def reference(self) -> Ref:
        name = self.name("a tensor such as W[k,c]")
        if not self.take("["):
            raise EinsumError(f"tensor '{name.text}' has no indices; write such as {name.text}[k,c]", name.column)
        if self.take("]"):
            return Ref(name.text, (), name.column)
        indices = [self.index()]
        while self.take(","):
            indices.append(self.index())
        if not self.take("]"):
            raise self.unexpected("',' or ']'")
        return Ref(name.text, tuple(indices), name.column)

    def index(self) -> Index:
        """Ranks that stand twice are added up."""
        start = self.now.column
        terms: dict[str, int] = {}
        columns: dict[str, int] = {}
        offset, sign = 0, -1 if self.take("-") else 1
        while True:
            rank, number, column = self.term()
            if rank:
                terms[rank] = terms.get(rank, 0) + sign * number
                columns.setdefault(rank, column)
            else:
                offset += sign * number
            if self.take("+"):
                sign = 1
            elif self.take("-"):
                sign = -1
            else:
                break
        for rank, number in terms.items():
            if not number:
                raise EinsumError(f"rank '{rank}' cancels out of this index", start)
        return Index(tuple(terms.items()), offset, start, tuple(columns.values()))

    def term(self) -> tuple[str, int, int]:
        """(rank or "", coefficient, column of the rank)."""
        start = self.now.column
        first = self.factor()
        if not self.take("*"):
            return (first.text, 1, start) if isinstance(first, _Token) else ("", first, start)
        second = self.factor()
        if isinstance(first, _Token):
            if isinstance(second, _Token):
                raise EinsumError(
                    f"'{first.text}*{second.text}' multiplies ranks; an index is a sum such as 2*p+r-1", start
                )
            return first.text, second, first.column
        return (second.text, first, second.column) if isinstance(second, _Token) else ("", first * second, start)

    def factor(self) -> int | _Token:
        token = self.now
        if token.what == "number":
            if len(token.text) > 12 or int(token.text) > _LARGEST_NUMBER:
                raise EinsumError(f"the number {token.text[:20]} is too large", token.column)
            self.at += 1
            return int(token.text)
        if token.text == "(":
            raise EinsumError("an index has no brackets; write it as a sum such as 2*p+r-1", token.column)
        return self.name("a rank or a number")
