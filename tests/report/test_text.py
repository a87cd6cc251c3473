"""Numbers as people read them, and tables that keep within their width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sata.report.text import (
    Lines,
    TextTable,
    block_lines,
    listed,
    percent,
    plain,
    plural,
    quantity,
    table_lines,
    whole_number,
    wrapped,
)


@pytest.mark.parametrize(
    ("value", "dimension", "text"),
    [
        (0, "pj", "0 pJ"),
        (0.5, "pj", "500 fJ"),
        (2500, "pj", "2.5 nJ"),
        (14831234567, "pj", "14.83 mJ"),
        (5e13, "pj", "50,000 mJ"),
        (1179648, "bits", "144 KiB"),
        (12, "bits", "12 b"),
        (1.27e-6, "seconds", "1.27 us"),
        (400e6, "hz", "400 MHz"),
        (None, "um2", "not priced"),
    ],
)
def test_quantities(value: float | None, dimension: str, text: str) -> None:
    assert quantity(value, dimension) == text


def test_words() -> None:
    assert (whole_number(1234567.4), percent(1, 3), percent(1, 0), percent(1, 3, 0)) == (
        "1,234,567",
        "33.3%",
        "-",
        "33%",
    )
    assert (plural(1, "op"), plural(1200, "op")) == ("1 op", "1,200 ops")
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"


TABLE = TextTable("Title", ("name", "n", "what"), "lrl", (("a", "1", "short"), ("total", "1,000", "x" * 30)), closing=1)


def test_a_table() -> None:
    assert table_lines(TABLE, 80) == [
        "name       n  what",
        "-" * 44,
        "a          1  short",
        "-" * 44,
        "total  1,000  " + "x" * 30,
    ]


def test_names_are_cut_before_numbers() -> None:
    assert table_lines(TABLE, 30)[-1] == "total  1,000  " + "x" * 14 + ".."


def test_what_could_steer_a_terminal_is_written_as_escapes() -> None:
    table = TextTable("", ("a",), "l", (("\x1b[31mred",), ("two\nlines",)))
    assert table_lines(table, 80)[2:] == [r"\x1b[31mred", r"two\nlines"]


def test_wrapped_lines_are_set_in_below_their_words() -> None:
    assert wrapped(["ranks  a 1, b 2, c 3"], 15) == ["ranks  a 1, b", "       2, c 3"]
    assert wrapped(["  ranks  a 1, b 2, c 3"], 18) == ["  ranks  a 1, b 2,", "         c 3"]
    assert wrapped(["", "short"], 15) == ["", "short"]


def test_blocks_are_a_blank_line_apart() -> None:
    assert plain([Lines("One", ("x",)), Lines("", ("y",))], 80) == "One\nx\n\ny\n"


WORDS = st.text(st.characters(codec="ascii"), max_size=60)


@given(st.lists(st.tuples(WORDS, WORDS, WORDS, WORDS), min_size=1, max_size=5), st.integers(20, 100))
def test_no_table_is_wider_than_asked(rows: list[tuple[str, ...]], width: int) -> None:
    table = TextTable("t", ("a", "b", "c", "d"), "lrlr", tuple(rows), closing=1)
    assert max(map(len, block_lines(table, width))) <= width


@given(st.lists(WORDS, max_size=5), st.integers(20, 100))
def test_no_line_is_wider_than_asked(lines: list[str], width: int) -> None:
    assert all(len(line) <= width for line in block_lines(Lines("x" * 50, tuple(lines)), width))


def test_a_pipe_gets_whole_tables_and_a_terminal_cut_ones() -> None:
    wide = TextTable("t", ("a name", "a number"), "lr", (("x" * 100, "1"),))
    assert "x" * 100 + "         1" in plain([wide], 80, cut=False)
    assert max(map(len, plain([wide], 80).splitlines())) == 80
