"""Expressions in values: types survive, undefined names are errors, and nothing hangs or escapes."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sata.specs.text.expressions import names_in, number_or_text, render_value

NAMES = {"n": 4, "s": "abc", "l": [1, 2, 3], "d": {"a": 1}, "big": "x" * 9000}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"), ("{{ n }}", 4), ("{{ 2 * n }}", 8), ("{{ n / 8 }}", 0.5), ("{{ n // 3 }}", 1),
        ("{{-n}}", -4),
        ("k {{ n }}, c {{ n + 1 }}", "k 4, c 5"), ("{{ n }}{{ n }}", 44), ("{{ n }} KiB", "4 KiB"), ("{{ d.a }}", 1),
        ("{{ l[1] }}", 2), ("{{ l + l }}", [1, 2, 3, 1, 2, 3]), ("{{ max(1, n) }}", 4), ("{{ ceil(n / 3) }}", 2),
        ("{{ n if n > 3 else 2 }}", 4), ("{{ n > 3 }}", True), ("{{ s }}", "abc"), ("{{ s ~ n }}", "abc4"),
        ("{{ '8' }}", "8"), ("{{ l | sum }}", 6), ("{{ 2 ** 10 }}", 1024), ("{{ round(2.567, 1) }}", 2.6),
    ],
)  # fmt: skip
def test_value(text: str, value: Any) -> None:
    rendered = render_value(text, NAMES)
    assert rendered == value
    assert type(rendered) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "{{ 10**10**10 }}", "{{ 'a' * 10**9 }}", "{{ ''.__class__.__mro__ }}", "{{ n.__class__ }}", "{{ s.upper() }}",
        "{{ range(10**9) }}", "{% for i in l %}{{ i }}{% endfor %}", "{{ " + "(" * 400 + "1" + ")" * 400 + " }}",
        "{{ " + "-" * 900 + "1 }}", "{{ n", "{{ }}", "{{ 1/0 }}", "{{ big ~ big }}", "{{ '%1000000000d' % 1 }}",
        "{{ '%1000000000d'|format(1) }}", "{{ max }}", "{{ self }}", "{{ cycler }}", "{{ lipsum() }}",
        "{{ l.append(4) }}",
        "{{ [l] * 10**9 }}", "{{ 99999999999 ** 99999 }}", "{{ (-8) ** 0.5 }}", "{{ 1e308 * 10 }}",
        "{{ float('nan') }}",
        "{{ d['__class__'] }}", "{{ d.b }}", "{{ l[7] }}", "{{ s.format(n) }}", "{{ 1 + 's' }}", "{{ caller() }}",
        "{{ n.bit_length }}", "{{ l | map('abs') }}", "{{ s | attr('__class__') }}",
        "{{ joiner.__init__.__globals__ }}",
    ],
)  # fmt: skip
def test_refused_with_a_sentence_and_at_once(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(ValueError) as error:  # noqa: PT011 -- any sentence
        render_value(text, NAMES)
    assert len(str(error.value).splitlines()) == 1
    assert "0x" not in str(error.value)
    assert time.perf_counter() - start < 1


def test_rounding_to_a_million_digits_is_quick() -> None:
    start = time.perf_counter()
    assert render_value("{{ n | round(-9999999) }}", NAMES) == 0
    assert time.perf_counter() - start < 1


def test_undefined_names_the_nearest() -> None:
    with pytest.raises(
        ValueError, match=r"^'chanels' is undefined; did you mean 'channels'\? \(variables: channels\)$"
    ):
        render_value("{{ 2 * chanels }}", {"channels": 3})


def test_names() -> None:
    assert names_in("{{ a + max(b, 1) }} of {{ c.d }}") == {"a", "b", "c"}


def test_input_is_not_shared_with_the_result() -> None:
    value = render_value("{{ l }}", NAMES)
    value.append(4)
    assert NAMES["l"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "value"), [("12", 12), ("-3", -3), ("1e3", 1000.0), (".5", 0.5), ("1 KiB", "1 KiB"), ("", "")]
)
def test_number_or_text(text: str, value: Any) -> None:
    assert number_or_text(text) == value
