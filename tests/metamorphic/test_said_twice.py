"""What is said in two ways gives the same numbers: random specs, each run as it is and as transforms say it.

The normal run takes some hundred specs with a few transforms each; SATA_METAMORPHIC=N takes N specs with all of them.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from functools import cache
from typing import Any

import pytest

import sata

from .random_specs import Spec, random_spec
from .transforms import TRANSFORMS, Transform, changed

SPECS = int(os.environ.get("SATA_METAMORPHIC", "0"))
SOME, EACH, LEAST = 200, 3, 5  # specs of the normal run, transforms of each, specs of each transform
DIGITS = 9


@cache
def facts(seed: int) -> dict[str, Any] | None:
    return numbers(random_spec(seed))


def numbers(spec: Spec) -> dict[str, Any] | None:
    """The numbers of a run without names; None where it is refused."""
    try:
        result = sata.evaluate(spec)
    except sata.SpecError as error:
        return {"refused": str(error.faults[0].message)[:40]}
    table = Counter[tuple[Any, ...]]()
    energy: dict[tuple[Any, ...], list[float]] = {}
    for r in result.records:
        if r["count"] or r["energy_pj"]:
            key = (r["part"], r["outcome"], _round(r["count"]), _round(r["energy_pj"]))
            table[key] += 1
            energy.setdefault((r["part"], r["outcome"]), []).append(r["energy_pj"])
    # what leaks nothing has no record: leakage as a sum
    leaked = math.fsum(value for (part, _), values in energy.items() if part == "leakage" for value in values)
    rows = Counter({key: n for key, n in table.items() if key[0] != "leakage"})
    ops = Counter((_round(op["cycles"]), op["computes"], _round(op["actual"]), _round(op["gated"]), _round(op["skipped"]))
                  for op in result.ops)  # fmt: skip
    held = Counter((_round(o["bits"]), _round(o["metadata_bits"])) for o in result.occupancy if o["bits"])
    return {
        "rows": rows,
        "leaked": _round(leaked),
        "ops": ops,
        "held": held,
        "area": result.area_um2 and _round(result.area_um2),
    }


def _round(value: float) -> float:
    return float(f"{value:.{DIGITS}g}") if value else 0.0


def difference(seed: int, transform: Transform) -> str | None:
    """What a transform changes, in words; None if nothing, "" where it has nothing to say."""
    new = changed(random_spec(seed), transform, seed)
    if new is None:
        return ""
    before, after = facts(seed), numbers(new)
    if before == after:
        return None
    assert before is not None and after is not None
    if "refused" in before or "refused" in after:
        return f"{before.get('refused', 'runs')} -> {after.get('refused', 'runs')}"
    return "; ".join(
        f"{key}: {dict(before[key] - after[key])} -> {dict(after[key] - before[key])}"
        if isinstance(before[key], Counter) else f"{key}: {before[key]} -> {after[key]}"
        for key in before if before[key] != after[key]
    )[:600]  # fmt: skip


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda t: t.__name__)
def test_said_twice(transform: Transform) -> None:
    number = TRANSFORMS.index(transform)
    stride = len(TRANSFORMS) / EACH
    chosen = [s for s in range(SOME) if (s - number) % len(TRANSFORMS) % stride < 1]
    others = [s for s in range(SOME) if s not in chosen]  # where a transform seldom has something to say
    found: dict[int, str | None] = {}
    for seed in range(SPECS) if SPECS else [*chosen, *others]:
        if not SPECS and len(found) >= len(chosen) and sum(what is None for what in found.values()) >= LEAST:
            break
        found[seed] = difference(seed, transform)
    wrong = {seed: what for seed, what in found.items() if what}
    assert not wrong, wrong
    said = [seed for seed, what in found.items() if what is None]
    assert len(said) >= min(LEAST, SPECS or SOME), f"{transform.__name__} says something of {len(said)} specs only"


def test_the_specs_have_everything() -> None:
    """Most run, and every construct is met."""
    run = [seed for seed in range(SOME) if "refused" not in (facts(seed) or {})]
    assert len(run) > 0.9 * SOME
    specs = [random_spec(seed) for seed in run]
    text = [repr(spec) for spec in specs]
    for word in ("hop", "lockstep", "shared_bandwidth", "format", "either", "split", "buffers", "temporal", "structured",
                 "'skip'", "'gate'", "sequential", "'element'", "'none'"):  # fmt: skip
        assert sum(word in one for one in text) >= 5, word
