"""Statements of ops: what is read, and the column of what cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sata.specs.workload.einsum import EinsumError, parse_compute


def test_product_with_windows() -> None:
    s = parse_compute("X[t,k,p] += W[k,c,r] * S[t,c,2*p+r-1]")
    assert s.accumulate
    assert s.function is None
    assert [ref.name for ref in s.outputs + s.inputs] == ["X", "W", "S"]
    index = s.inputs[1].indices[2]
    assert (index.terms, index.offset) == ((("p", 2), ("r", 1)), -1)


def test_function_with_several_outputs() -> None:
    s = parse_compute("U[k], S'[t,k], V[t,k] = lif(X[t,k])")
    assert not s.accumulate
    assert s.function == "lif"
    assert [ref.name for ref in s.outputs] == ["U", "S'", "V"]


@pytest.mark.parametrize(
    ("index", "terms", "offset"),
    [("0", (), 0), ("t", (("t", 1),), 0), ("r*2", (("r", 2),), 0), ("-p+3", (("p", -1),), 3), ("p+p", (("p", 2),), 0),
     (" 3 * p - 2*r + 4 - 1 ", (("p", 3), ("r", -2)), 3), ("2*3", (), 6)],
)  # fmt: skip
def test_index(index: str, terms: tuple[tuple[str, int], ...], offset: int) -> None:
    found = parse_compute(f"X[t] += S[{index}]").inputs[0].indices[0]
    assert (found.terms, found.offset) == (terms, offset)


def test_scalar_tensor_and_function_without_arguments() -> None:
    assert parse_compute("L[] += A[k]").outputs[0].indices == ()
    assert parse_compute("A[k] = zero()").inputs == ()


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("X[t] += S[p*r]", 10, "'p*r' multiplies ranks; an index is a sum such as 2*p+r-1"),
        ("X[t] += W * S[t]", 8, "tensor 'W' has no indices; write such as W[k,c]"),
        ("X[t] == S[t]", 6, "expected a tensor such as W[k,c], but found '='"),
        ("X[t] += S[t] $", 13, "'$' means nothing here"),
        ("X[t] += S[t", 11, "expected ',' or ']', but it ends"),
        ("", 0, "expected a tensor such as W[k,c], but it ends"),
        ("X[t] += 2 * S[t]", 8, "expected a tensor such as W[k,c], but found '2'"),
        ("X[t] += S[t-t]", 10, "rank 't' cancels out of this index"),
        ("X[t] += X[t]", 8, "tensor 'X' is defined twice"),
        ("X[t] += S[99999999999999999]", 10, "the number 99999999999999999 is too large"),
        ("X[t] = f(S[t]", 13, "expected ',' or ')', but it ends"),
        ("X[t] = f(S[t]) * W[t]", 15, "expected the end, but found '*'"),
        ("X[t] += S[t+]", 12, "expected a rank or a number, but found ']'"),
    ],
)
def test_fault_has_a_column(text: str, column: int, says: str) -> None:
    with pytest.raises(EinsumError) as error:
        parse_compute(text)
    assert (error.value.column, str(error.value)) == (column, says)


@given(st.text(alphabet="XS'[]()+-*=, tpr02", max_size=40))
def test_any_text_is_a_statement_or_a_sentence(text: str) -> None:
    try:
        assert parse_compute(text).outputs
    except EinsumError as error:
        assert 0 <= error.column <= len(text)
