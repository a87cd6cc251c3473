"""Every broken spec of this folder, and the whole text that it is answered with (expected.yaml)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import sata
from sata import specs

HERE = Path(__file__).parent
PYTHON_HINT = re.compile(
    r"(?<=raised TypeError: )(.*)\. Did you mean '\w+'\?$"
)  # of Python 3.13, to what a plug-in raises
CASES: dict[str, Any] = yaml.safe_load((HERE / "expected.yaml").read_text(encoding="utf-8"))


def faults_of(name: str, case: Any) -> list[str]:
    """The lines that `sata check` or `sata run` would print for a case."""
    if isinstance(case, list):
        return [str(fault) for fault in sata.check(f"{name}.yaml")]
    if "check" in case:
        return [str(fault) for fault in sata.check(*case["check"], variables=case.get("set"))]
    plugins = name.startswith("plugin_") and "plugins" not in case
    with pytest.raises(specs.SpecError) as error, sata.allow(plugins=plugins):
        sata.evaluate(*case["run"], **case.get("set", {}))
    return [PYTHON_HINT.sub(r"\1", line) for line in str(error.value).splitlines()]


@pytest.mark.parametrize("name", CASES)
def test_says_what_is_wrong(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)
    case = CASES[name]
    assert faults_of(name, case) == (case if isinstance(case, list) else case["faults"])


@pytest.mark.parametrize(("name", "variables"), [
    ("parts/base.yaml", {}),
    ("parts/base.yaml", {"glb": 60}),  # to the last word; 59 is a case
    ("parts/base.yaml", {"glb": 120, "buffers": 2}),
    ("parts/base.yaml", {"ops": "fc.*"}),
    ("parts/pair.yaml", {}),
])  # fmt: skip
def test_good_parts_are_good(name: str, variables: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the cases break one thing of runs as it is."""
    import sata

    monkeypatch.chdir(HERE)
    assert sata.evaluate(name, **variables).records


def test_every_case_is_a_fault() -> None:
    assert all(case if isinstance(case, list) else case["faults"] for case in CASES.values())


def test_every_file_is_a_case() -> None:
    """A broken file that nothing expects would be tested by nothing."""
    used = {f"{name}.yaml" for name, case in CASES.items() if isinstance(case, list)}
    for case in CASES.values():
        if isinstance(case, dict):
            used |= {str(name) for name in [*case.get("check", ()), *case.get("run", ())]}
    assert {path.name for path in HERE.glob("*.yaml")} - {"expected.yaml"} <= used
