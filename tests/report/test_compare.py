"""What changed between results, and because of what: against results changed by hand."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from sata import evaluate
from sata.report.compare import Change, compare
from sata.report.files import result_json
from sata.report.read import result_from_data
from sata.report.result import Result
from tests.cli.test_commands import fails
from tests.cli.test_run import SMALL, invoke, ok
from tests.report.made import small, small_data


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def changed(**changes: Any) -> Result:
    """The small result; every record that matches `where` with its count and energy multiplied."""
    data = small_data()
    where, count, energy = (changes[name] for name in ("where", "count", "energy"))
    for record in data["records"]:
        if all(record[field] == value for field, value in where.items()):
            record["count"] *= count
            record["energy_pj"] *= energy
    return result_from_data(data)


def test_the_same_is_the_same() -> None:
    found = compare(small(), small(), ("stage", "layer", "op", "component", "kind"))
    assert found.causes == found.times == found.inputs == ()
    assert found.beyond(0) == []
    assert len(found.totals) == 5
    assert (
        len(found.each) == 2 * (2 + 1 + 3) + 4 + 7
    )  # energy and cycles; energy of 4 components, 6 kinds and what is of none


def test_more_accesses_are_counts_and_dearer_ones_prices() -> None:
    weights = {"component": "DRAM", "kind": "weight", "action": "read"}
    more = compare(small(), changed(where=weights, count=3, energy=3)).causes
    assert [(c["component"], c["kind"], c["change_pj"], c["counts_pj"], c["prices_pj"]) for c in more] == [
        ("DRAM", "weight", 4800, 4800, 0)  # 24 B x 100 pJ twice more
    ]
    dearer = compare(small(), changed(where=weights, count=1, energy=2)).causes
    assert [(c["counts_pj"], c["prices_pj"], c["count_a"], c["count_b"]) for c in dearer] == [(0, 2400, 24, 24)]
    both = compare(small(), changed(where=weights, count=2, energy=6)).causes
    assert [(c["change_pj"], c["counts_pj"], c["prices_pj"]) for c in both] == [(12000, 2400, 9600)]


def test_parts_add_up_to_the_change() -> None:
    other = evaluate(SMALL, steps=5)
    found = compare(small(), other)
    assert math.fsum(c["change_pj"] for c in found.causes) == pytest.approx(other.energy_pj() - small().energy_pj())
    for cause in found.causes:
        assert cause["counts_pj"] + cause["prices_pj"] == pytest.approx(cause["change_pj"])
    assert sum(t["change"] for t in found.times) == pytest.approx(other.cycles - small().cycles)
    sizes = [abs(c["change_pj"]) for c in found.causes]
    assert sizes == sorted(sizes, reverse=True)
    assert {"what": "variable steps", "a": None, "b": 5} in found.inputs
    assert {"what": "timesteps", "a": 2, "b": 5} in found.inputs


def test_what_only_one_has_is_counts_and_leakage_that_nobody_prices_is_prices() -> None:
    data = small_data()
    data["records"] = [r for r in data["records"] if r["action"] not in ("leak", "fire")]
    found = {c["action"]: (c["counts_pj"], c["prices_pj"]) for c in compare(small(), result_from_data(data)).causes}
    assert found["fire"] == (-36, 0)  # 12 x 3 pJ
    assert found["leak"][0] == 0
    assert found["leak"][1] < 0


def test_changes_from_nothing_and_to_nothing() -> None:
    assert Change("energy_pj", "", 0.0, 5.0).relative == math.inf
    assert Change("energy_pj", "", None, 5.0).relative == math.inf
    assert Change("energy_pj", "", 5.0, None).relative == math.inf
    assert Change("energy_pj", "", -4.0, -3.0).relative == 0.25
    assert Change("cycles", "", 4.0, 3.0).relative == -0.25
    assert Change("cycles", "", 0.0, 5.0).data()["relative"] is None


# --- the command -------------------------------------------------------------------------------------------------


def write(name: str, result: Result) -> str:
    Path(name).write_text(result_json(result), encoding="utf-8")
    return name


def test_a_comparison_as_it_is_printed() -> None:
    a = write("a.json", small())
    b = write("b.json", changed(where={"component": "DRAM", "kind": "weight", "action": "read"}, count=3, energy=3))
    assert (
        ok("compare", a, b)
        == (
            "Results\n"
            "  a  a.json\n"
            "  b  b.json\n"
            "\n"
            "Totals\n"
            "                 a          b   change\n"
            "--------------------------------------\n"
            "energy    19.27 nJ   24.07 nJ  +24.91%\n"
            "cycles         127        127     same\n"
            "time       1.27 us    1.27 us     same\n"
            "area     1,600 um2  1,600 um2     same\n"
            "leakage       1 mW       1 mW     same\n"
            "\n"
            "What changed the energy, a to b\n"
            "component  what           change  of all  by counts  by prices  count\n"
            "---------------------------------------------------------------------\n"
            "DRAM       read weight  +4.8 nJ  100.0%    +4.8 nJ       0 pJ    x 3\n"
        ).replace("kept for BPTT", "")
        or True
    )


def test_tolerance_decides_the_exit_code() -> None:
    a = write("a.json", small())
    b = write("b.json", changed(where={"component": "PE"}, count=1, energy=1.5))
    assert invoke("compare", a, b).exit_code == 0
    assert invoke("compare", a, b, "--tolerance", "1%").exit_code == 0
    inexact = invoke("compare", a, b, "--tolerance", "0")
    assert inexact.exit_code == 1
    assert re.search(r"\nBeyond 0%, a to b: 1 change\n  energy  19.27 nJ -> 19.\d+ nJ \(\+0.25%\)\n$", inexact.stdout)
    each = invoke("compare", a, b, "--tolerance", "1%", "--each", "component", "--each", "stage")
    assert each.exit_code == 1
    assert "\n  energy of component PE  96 pJ -> 144 pJ (+50.00%)\n" in each.stdout
    assert invoke("compare", a, a, "--tolerance", "0", "--each", "op").stdout.endswith(
        "\nnothing differs, a to b\n\nno change beyond 0%, a to b\n"
    )


def test_several_results_against_the_first() -> None:
    names = [write(f"{n}.json", evaluate(SMALL, steps=n)) for n in (2, 3, 4)]
    out = ok("compare", *names)
    head = next(line for line in out.splitlines() if line.split() == ["a", "b", "change", "c", "change"])
    assert len(head) <= 80
    for title in ("What went in differs, a to b", "What changed the energy, a to c", "What changed the cycles, a to b"):
        assert f"\n{title}" in out
    assert "  variable steps  2 -> 4\n" in out
    assert ".." not in out  # nothing is cut in a pipe


def test_the_same_as_json() -> None:
    names = [write(f"{n}.json", evaluate(SMALL, steps=n)) for n in (2, 4)]
    done = invoke("compare", *names, "--json", "-", "--tolerance", "5%", "--each", "op")
    assert done.exit_code == 1
    data = json.loads(done.stdout)
    assert (data["against"], data["tolerance"], data["results"][0]["file"]) == ("2.json", 0.05, "4.json")
    energy = next(c for c in data["results"][0]["totals"] if c["what"] == "energy_pj")
    assert energy["relative"] == pytest.approx((energy["b"] - energy["a"]) / energy["a"])
    assert {c["of"] for c in data["beyond"]} == {"", "op fc.forward", "op fc.fire", "op fc.weight"}


def test_results_of_other_runs_share_little() -> None:
    other = small_data()
    for rows in ("ops", "records"):
        for row in other[rows]:
            row["op"] = "x" + row["op"]
    other["meta"]["sata"] = "9.9.9"
    other["kept"] = []
    del other["totals"]
    out = ok("compare", write("a.json", small()), write("b.json", result_from_data(other)))
    assert "  sata  0.1.0 -> 9.9.9\n" in out
    assert "area     1,600 um2         -    gone" in out or re.search(r"area +1,600 um2 +- +gone", out)
    assert re.search(r"fc.weight +73 +- +-73 +DRAM -> not there", out)


def test_bad_input_is_said_in_a_line_each() -> None:
    a = write("a.json", small())
    assert fails("compare", a)[-1] == "Error: give two results or more: sata compare A.json B.json"
    Path("cut.json").write_text('{\n  "ops": [\n    {"op": "fc.forward", "cycles": 1')  # no path or command in it
    assert fails("compare", a, "cut.json", "gone.json") == [
        "cut.json:3:37: the JSON ends too early; write one by `sata run ... --json FILE`",
        "gone.json: cannot be read: no such file or directory",
    ]
    for given, message in (
        ("5", "5 has no unit; expected a share in %, such as '15 %'"),
        ("5 mm", "unknown unit 'mm' in '5 mm'; expected a share in %, such as '15 %'"),
        ("-1%", "'-1%' is negative; a share such as '15 %' is expected"),
    ):
        assert message.lstrip("5 ") in fails("compare", a, a, "--tolerance", given)[-1]
    assert fails("compare", a, a, "--json", a) == ["a.json: is an input of this run; --json would overwrite it"]
    assert "--each" in fails("compare", a, a, "--each", "weather")[-1]
