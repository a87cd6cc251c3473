"""What Python says of a computation that fails, in the words of who wrote the expression."""

from __future__ import annotations

import re

_KINDS = {
    "int": "a number", "float": "a number", "str": "text", "list": "a list", "tuple": "a list", "dict": "a mapping",
    "dict object": "a mapping", "NoneType": "nothing", "bool": "true or false", "generator": "a list",
    "builtin_function_or_method": "a function", "function": "a function", "type": "a function",
}  # fmt: skip
_NUMBER = "a number is expected, not {0}"
_CALL = "the call has too many, too few or misnamed values"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (
            r"unsupported operand type\(s\) for (\S+?):? (?:or pow\(\): )?'(\w+)' and '(\w+)'",
            "'{0}' does not work on {1} and {2}",
        ),
        (r"can only concatenate (\w+) .*to (\w+)", "'+' does not work on {0} and {1}"),
        (r"'(\S+)' not supported between instances of '(\w+)' and '(\w+)'", "'{0}' does not compare {1} and {2}"),
        (r"bad operand type for unary (\S+): '(\w+)'", "'{0}' does not work on {1}"),
        (r"bad operand type for abs\(\): '(\w+)'", "abs does not work on {0}"),
        (r"'(\w+)' object is not iterable", "{0} has no elements"),
        (r"object of type '(\w+)' has no len\(\)", "{0} has no length"),
        (r"argument of type '(\w+)' is not (?:iterable|a container.*)", "'in' does not work on {0}"),
        (r"'(\w+)' object is not (?:subscriptable|callable)", "{0} has nothing to pick from or to call"),
        (r"type (\w+) doesn't define __round__ method", "round does not work on {0}"),
        (r"must be real number, not (\w+)", _NUMBER),
        (r"argument must be a string or a (?:real )?number, not '(\w+)'", _NUMBER),
        (r"argument must be a string, a bytes-like object or a real number, not '(\w+)'", _NUMBER),
        (r"invalid literal for int\(\) with base \d+: (.*)", "{0} is not a number"),
        (r"could not convert string to float: (.*)", "{0} is not a number"),
        (r"\w+\(\) (?:arg is an empty sequence|iterable argument is empty)", "the list is empty"),
        (r"'(\w+)' object cannot be interpreted as an integer", "a whole number is expected, not {0}"),
        (r"cannot convert float (?:NaN|infinity) to integer", "the number is too large"),
        (r"Exceeds the limit .*", "the number is too large"),
        (r"\w+\(\) (?:got an unexpected keyword argument|got multiple values|takes|missing|expected).*", _CALL),
        (r".*expected (?:at (?:most|least) )?\d+ arguments?.*", _CALL),
        (r"No filter named '(\w+)'.*", "there is no filter '{0}'"),
        (r"No test named '(\w+)'.*", "there is no test '{0}'"),
        (
            r"access to attribute '(\w*)' of '[\w ]+' object is unsafe",
            "values have no attributes or methods such as '{0}'",
        ),
        (r"'[\w. ]+' has no attribute '(\w+)'", "there is no '{0}' in it"),
    )
)


def plain_words(error: BaseException) -> str:
    """A sentence without words of Python."""
    if isinstance(error, ZeroDivisionError):
        return "division by zero"
    if isinstance(error, OverflowError):
        return "the number is too large"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, MemoryError):
        return "it needs too much memory"
    text = next(iter(str(error).strip().splitlines()), "").rstrip(".")
    if text == "math domain error" or text.startswith("expected a positive input") or "nonnegative" in text:
        return "the function has no value there"
    for pattern, words in _PATTERNS:
        if found := pattern.search(text):
            return words.format(*(_KINDS.get(word, word) for word in found.groups()))
    if isinstance(error, (TypeError, AttributeError, KeyError, IndexError, AssertionError)) or not text:
        return "a value is of the wrong kind for it"
    return text[:200]
