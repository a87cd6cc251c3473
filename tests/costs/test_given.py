"""Counts files: counted and priced by hand, and every fault with its whole line."""

from __future__ import annotations

from textwrap import dedent

import pytest

from sata.costs.given import price_given
from sata.specs.text.faults import SpecError

BOOK = """
    library:
      name: book
      components:
      - {class: mac, at: {width: 8 b}, energy: {op: 2 pJ}, scale: {width: linear}}
    """
GOOD = """
    variables: {T: 2, half: false}
    counts:
      name: mine
      libraries: [book]
      runs: {full: {}, halved: {half: true}}
      layers:
      - {name: a, C: 3}
      - {name: b, C: "{{ 2 * T }}"}
      define: {n: "{{ C * (0.5 if half else 1) }}"}
      actions:
      - {stage: s, group: g, class: mac, action: op, count: "{{ n * T }}"}
      - {stage: s, group: h, class: mac, attributes: {width: "{{ 8 * T }} b"}, action: op, when: "{{ last }}", count: "{{ n }}"}
      - {stage: z, group: h, class: mac, action: op, per: once, count: "{{ layers }}"}
    """


def text(counts: str = GOOD) -> str:
    return dedent(counts).strip("\n") + "\n" + dedent(BOOK).strip("\n") + "\n"


def faults(old: str, new: str) -> list[str]:
    assert old in GOOD
    with pytest.raises(SpecError) as error:
        price_given(text(GOOD.replace(old, new)))
    return [str(f) for f in error.value.faults]


def test_counted_and_priced_by_hand() -> None:
    result = price_given(text())
    assert result.energy_pj(by=("run", "group")) == {
        ("full", "g"): 2 * (3 * 2 + 4 * 2), ("full", "h"): 4 * 4 + 2 * 2, ("halved", "g"): 14.0, ("halved", "h"): 8 + 4.0}  # fmt: skip
    assert result.counts(by=("layer",)) == {("a",): 6 + 3, ("b",): 8 + 4 + 4 + 2, ("",): 4}
    assert result.records[2].origin == "book: mac, 2 pJ, x 2 (linear in width from 8 b)"
    assert [(r.run, r.layer, r.group) for r in result.records[:4]] == [
        ("full", "a", "g"), ("full", "b", "g"), ("full", "b", "h"), ("full", "", "h")]  # fmt: skip


def test_variables_are_set_from_outside() -> None:
    assert price_given(text(), {"T": 4}).counts(by=("run", "group"))["full", "g"] == 4 * (3 + 8)
    with pytest.raises(SpecError) as error:
        price_given(text(), {"t": 4})
    assert str(error.value) == "<text>: there is no variable 't'; variables: T, half"


def test_sums_over_what() -> None:
    with pytest.raises(ValueError) as error:
        price_given(text()).energy_pj(by=("stages",))
    assert (
        str(error.value)
        == "'stages' is not a field to sum over; expected some of run, layer, stage, group, component, action, origin"
    )


@pytest.mark.parametrize(("old", "new", "expected"), [
    ('count: "{{ n }}"', 'count: "{{ m }}"', ("<text>:12:115: counts.actions[1].count: 'm' is undefined; "
     "(variables: T, half, layers, layer, index, last, C, n) in layer b")),
    ("class: mac, action: op, per", "class: mca, action: op, per", ("<text>:13:33: counts.actions[2].class: 'mca' is in no library; "
     "did you mean 'mac'? (libraries searched: book)")),
    ("action: op, per", "action: ops, per", ("<text>:13:46: counts.actions[2].action: no library prices 'ops' of mac; "
     "did you mean 'op'? (it has: op)")),
    ("{half: true}", "{hafl: true}", "<text>:5:29: counts.runs.halved.hafl: there is no variable 'hafl'; did you mean 'half'?"),
    ("C: 3", "C: 3, D: 4", "<text>:7:21: counts.layers[0].D: 'D' is never used"),
    ("C: 3", "C: 3, T: 4", "<text>:7:21: counts.layers[0].T: 'T' already means something else; choose another name"),
    ('"{{ last }}"', "1", ("<text>:12:94: counts.actions[1].when: expected text or true or false, found the number 1; "
     "a condition; false leaves the action out")),
    ('"{{ last }}"', '"{{ T }}"', "<text>:12:94: counts.actions[1].when: expected true or false, found 2"),
    ('count: "{{ layers }}"', 'count: "{{ 0 - layers }}"',
     "<text>:13:68: counts.actions[2].count: expected a number of at least 0, found -2"),
    ("T: 2,", "T: 2, x: 3,", "<text>:1:19: variables.x: the variable 'x' is never used"),
    ("per: once", "per: run", ("<text>:13:55: counts.actions[2].per: expected one of layer, once, found 'run'; "
         "counted for each layer (the default), or once")),
])  # fmt: skip
def test_faults(old: str, new: str, expected: str) -> None:
    found = faults(old, new)
    assert found[0] == expected
    assert len(set(found)) == 1 or "halved" in new or "mca" in new
