"""Results read back from JSON: their own, others' and broken ones, whose messages are pinned word for word."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from sata import SpecError, evaluate, read_result
from sata.report import read
from sata.report.files import result_json
from sata.report.html import result_page
from sata.report.read import result_from_data
from tests.cli.test_run import SMALL
from tests.report.made import small, small_data, training_data


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said(data: Any) -> list[str]:
    """The faults of data, or of a text, as a file r.json."""
    Path("r.json").write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    with pytest.raises(SpecError) as error:
        read_result("r.json")
    return str(error.value).splitlines()


def changed(*path: str | int, to: Any) -> list[str]:
    """The faults of the small result with one value changed; `del` takes it away."""
    data = small_data()
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    if to == "del":
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return said(data)


def test_a_result_reads_back_as_it_was() -> None:
    result = evaluate(SMALL)
    Path("r.json").write_text(result_json(result), encoding="utf-8")
    assert read_result("r.json").to_dict() == result.to_dict()
    assert result_json(read_result("r.json")) == result_json(result)


def test_what_is_not_there_is_empty_and_what_is_more_is_passed_over() -> None:
    data = {key: rows for key, rows in small_data().items() if key in ("ops", "records")}
    old = result_from_data(data)
    assert old.nests == old.architecture == old.prices == []
    assert old.energy_pj() == small().energy_pj()
    assert "holds no nests" in result_page(old)
    newer = small_data() | {"weather": {"sunny": True}}
    newer["records"][0]["new_field"] = [1, 2]
    assert result_from_data(newer).energy_pj() == small().energy_pj()


HINT = "write one by `sata run ... --json FILE`"


@pytest.mark.parametrize(("text", "message"), [
    ("", "r.json:1:1: not JSON: expecting value"),
    ("arch: {}", "r.json:1:1: not JSON: expecting value"),
    ('{"records": [\n  {"op": "a"', "r.json:2:13: the JSON ends too early"),
    ('{"records": [\n  {"op": "a', "r.json:2:10: the JSON ends too early"),
    ('{"records": [1 2]}', "r.json:1:16: not JSON: expecting ',' delimiter"),
    ("[]", "r.json: not a result: expected a mapping, found a list"),
    ("3", "r.json: not a result: expected a mapping, found the number 3"),
    ("{}", "r.json: not a result of sata: it has no 'records' and 'ops'"),
    ('{"ops": []}', "r.json: not a result of sata: it has no 'records'"),
])  # fmt: skip
def test_files_that_are_no_results(text: str, message: str) -> None:
    assert said(text) == [f"{message}; {HINT}"]


def test_near_names_are_proposed() -> None:
    data = small_data()
    data["record"] = data.pop("records")
    assert said(data) == ["r.json: not a result of sata: it has no 'records'; did you mean 'record'?"]
    data = small_data()
    data["ops"][1]["cycels"] = data["ops"][1].pop("cycles")
    assert said(data) == ["r.json: ops[1]: missing key 'cycles'; did you mean 'cycels'?"]


@pytest.mark.parametrize(("path", "to", "message"), [
    (("records",), {}, "records: expected a list, found a mapping"),
    (("records", 0), 5, "records[0]: expected a mapping, found the number 5"),
    (("records", 2, "energy_pj"), "12", "records[2].energy_pj: expected a number, found '12'"),
    (("records", 2, "energy_pj"), True, "records[2].energy_pj: expected a number, found true"),
    (("records", 2, "energy_pj"), None, "records[2].energy_pj: expected a number, found nothing"),
    (("records", 2, "energy_pj"), 10**400, "records[2].energy_pj: expected a number, found a number too large"),
    (("records", 2, "op"), 7, "records[2].op: expected text, found the number 7"),
    (("records", 2, "op"), ["x" * 50], "records[2].op: expected text, found a list"),
    (("ops", 0, "group"), "del", "ops[0]: missing key 'group'"),
    (("occupancy", 0, "limit_bits"), "x" * 50, f"occupancy[0].limit_bits: expected a number or null, found '{'x' * 38}..'"),
    (("meta",), [], "meta: expected a mapping, found a list"),
    (("meta", "variables"), [], "meta.variables: expected a mapping, found a list"),
    (("totals", "area_um2"), "big", "totals.area_um2: expected a number or null, found 'big'"),
    (("nests", 0, "rows"), {}, "nests[0].rows: expected a list, found a mapping"),
    (("nests", 0, "ops", 0, "compute"), "del", "nests[0].ops[0]: missing key 'compute'"),
    (("nests", 0, "rows", 0, "keeps"), "del", "nests[0].rows[0]: missing key 'keeps'"),
    (("nests", 0, "rows", 0, "keeps"), [1], "nests[0].rows[0].keeps: expected a list of texts, found a list"),
    (("architecture", 0, "buffers"), "two", "architecture[0].buffers: expected a number, found 'two'"),
    (("tensors", 0, "steps"), [0.1, "x"], "tensors[0].steps: expected a list of numbers or null, found a list"),
])  # fmt: skip
def test_what_is_wrong_and_where(path: tuple[str | int, ...], to: Any, message: str) -> None:
    assert changed(*path, to=to) == [f"r.json: {message}"]


def test_faults_of_one_kind_are_eight_and_a_number() -> None:
    data = small_data()
    for record in data["records"]:
        record["count"] = None
    assert len(data["records"]) > 10
    assert len(said(data)) == 9
    assert said(data)[-1].endswith("more like these")


def test_infinite_numbers_are_no_numbers() -> None:
    text = json.dumps(small_data())
    assert said(text.replace("29.8", "NaN", 1).replace('"count": 24', '"count": NaN', 1)) == [
        "r.json: not JSON: nan is not a number"
    ]
    assert said(text.replace('"count": 24', '"count": 1e999', 1)) == [
        "r.json: records[0].count: expected a number, found a number too large"
    ]
    assert said(text.replace('"count": 24', f'"count": {"9" * 5000}', 1))[0].startswith("r.json: not JSON: exceeds the")


def test_files_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, message in (
        ("gone.json", "gone.json: cannot be read: no such file or directory"),
        (".", ".: is a directory, expected a file"),
        ("a\0b", "a\\x00b: cannot be read: embedded null byte"),
    ):
        with pytest.raises(SpecError) as error:
            read_result(name)
        assert str(error.value) == message
    Path("b.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match=r"^b.json: not text: it holds binary data$"):
        read_result("b.json")
    Path("deep.json").write_text("[" * 100_000)
    with pytest.raises(SpecError, match=r"^deep.json: not a result: lists or mappings nested too deep$"):
        read_result("deep.json")
    monkeypatch.setattr(read, "LARGEST_BYTES", 10)
    Path("big.json").write_text("{" + " " * 20 + "}")
    with pytest.raises(SpecError, match=r"^big.json: is larger than 0 MiB$"):
        read_result("big.json")


def _places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return (
        [path, *(place for key, value in items for place in _places(value, (*path, key)))]
        if path
        else [place for key, value in items for place in _places(value, (key,))]
    )


@pytest.mark.parametrize("make", [small_data, training_data], ids=["small", "training"])
def test_any_damage_is_a_fault_or_does_no_harm(make: Any) -> None:
    """One value replaced by another, or taken away: the page is made, or the fault is said; nothing else happens."""
    chosen = random.Random(6)
    outcomes = {True: 0, False: 0}
    strange: list[Any] = [None, "", "x", -1, 0, 1.5, [], {}, [None], {"a": 1}, "<script>", True]
    places = _places(make())
    for place in chosen.sample(places, 120):
        data = make()
        inner = data
        for key in place[:-1]:
            inner = inner[key]
        if isinstance(inner, dict) and chosen.random() < 0.3:
            del inner[place[-1]]
        else:
            inner[place[-1]] = chosen.choice(strange)
        try:
            result = result_from_data(data, "r.json")
        except SpecError:
            outcomes[False] += 1
            continue
        outcomes[True] += 1
        for draw in DRAWN:
            draw(result)
    assert min(outcomes.values()) > 10


def _tables(result: Any) -> None:
    from sata.report.nests_page import nest_entries
    from sata.report.notebook import result_html
    from sata.report.page_tables import density_listing, layer_listing, op_listing, price_listing

    result_html(result)
    for make in (nest_entries, density_listing, layer_listing, op_listing, price_listing):
        make(result)  # type: ignore[operator]


def _pictures(result: Any) -> None:
    from matplotlib.figure import Figure

    from sata.report.html import _pictures as pictures

    for entries in pictures(result).values():
        for _, picture, _ in entries:
            picture.draw(Figure(figsize=picture.size))


def _comparison(result: Any) -> None:
    from sata.report.compare import EACH, compare
    from sata.report.compare_text import compare_blocks

    compare_blocks(("a", "b"), [compare(small(), result, EACH)], 0.1)


DRAWN = (_tables, _pictures, _comparison)
