"""Recorded spikes: the measured statistics reproduced by the `trace` model, and docs/spikes.md.

Skipped where the recordings are not there (tests/published/spikes.py says where they are looked for).
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from sata.counts.density import over_grid
from sata.counts.density.trace import Trace
from sata.counts.density.trace_file import measured
from tests.oracle.draws import pickard
from tests.published.spikes import NETWORKS, PAGE, SPACE, TIME, errors, layers, mean_errors, page, reference

pytestmark = pytest.mark.skipif(not (reference() / "spikes").is_dir(), reason="the recorded spikes are not here")


def statistics() -> list[tuple[str, dict[str, Any]]]:
    file = reference() / "measured" / "measured_stats.json"
    if not file.is_file():
        return []
    return [(network, row) for network, rows in json.loads(file.read_text()).items() for row in rows]


STATISTICS = statistics()
each = pytest.mark.parametrize(
    ("network", "row"), STATISTICS, ids=[f"{n}-{r['name'].split()[0]}" for n, r in STATISTICS]
)


def recorded(network: str, row: dict[str, Any]) -> Trace:
    """`Conv2d[3] (same input as ...)` and `Linear0` are the arrays Conv2d_3 and Linear_0."""
    name = (
        re.sub(r"([a-z2])\[?(\d+)\]?$", r"\1_\2", row["name"].split()[0]) if network.endswith("loas") else row["name"]
    )
    content = measured(reference() / "spikes" / f"spikes_{network}.npz", name)
    return Trace(content.values.shape, 0, content.digest, content.values)


def feature(trace: Trace, dim: int, coordinates: Any) -> int:
    return trace.feature(dim, sum(1 << int(c) for c in coordinates if 0 <= c < trace.shape[dim]))


def whole(trace: Trace, dim: int) -> int:
    return trace.feature(dim, (1 << trace.shape[dim]) - 1)


@each
def test_silent_neurons_and_windows_of_time(network: str, row: dict[str, Any]) -> None:
    trace = recorded(network, row)
    one = (1,) * (len(trace.shape) - 1)
    assert trace.shape[0] == row["T"]
    assert trace.density == pytest.approx(row["in_density"], rel=1e-12)
    assert over_grid(trace, (row["T"], *one)).p_empty == pytest.approx(row["silent"], rel=1e-12)
    assert (1 - trace.density) ** row["T"] == pytest.approx(row["silent_iid"], rel=1e-9)
    for key, value in row.items():
        if key.startswith("occ_TW"):
            assert 1 - over_grid(trace, (int(key[6:]), *one)).p_empty == pytest.approx(value, rel=1e-12), key


@each
def test_channels(network: str, row: dict[str, Any]) -> None:
    if "chan_rate_cv" not in row:
        pytest.skip("no channels")
    trace = recorded(network, row)
    channels = np.array([feature(trace, 1, [c]) for c in range(trace.shape[1])])
    tile = np.array(whole(trace, 0)), channels, np.array(whole(trace, 2)), np.array(whole(trace, 3))
    rates = trace.expected(*tile)
    assert rates.std() / rates.mean() == pytest.approx(row["chan_rate_cv"], rel=1e-9)
    assert trace.p_empty(*tile).mean() == pytest.approx(row["chan_dead_frac"])


# name -> kernel, padding of the layer that reads the tensor (3 and 1 where nothing is said)
KERNELS = {("lenet5_mnist", "conv2d_1"): (5, 0)}


def axes(network: str, row: dict[str, Any], trace: Trace) -> tuple[int, int, int] | None:
    """(outputs along an axis, kernel, padding) of the convolution that reads a tensor; None for a linear layer."""
    if len(trace.shape) < 4:
        return None
    kernel, padding = KERNELS.get((network, row["name"]), (3, 1))
    outputs = trace.shape[2] + 2 * padding - kernel + 1
    assert outputs**2 == row["S"] and kernel**2 * trace.shape[1] == row["K"]
    return outputs, kernel, padding


@each
def test_windows_of_a_convolution(network: str, row: dict[str, Any]) -> None:
    """Mean, and spread over outputs and steps, of the non-zeros in a window; borders are zeros."""
    trace = recorded(network, row)
    found = axes(network, row, trace)
    if found is None:
        assert trace.density == pytest.approx(row["im2col_density"], rel=1e-12)
        return
    outputs, kernel, padding = found
    window = [[np.arange(kernel) + o - padding for o in range(outputs)] for _ in (2, 3)]
    rows, columns = (np.array([feature(trace, d, w) for w in window[d - 2]]) for d in (2, 3))
    steps = np.array([feature(trace, 0, [t]) for t in range(row["T"])])
    sums = trace.expected(steps[:, None, None], np.array(whole(trace, 1)), rows[:, None], columns)
    assert sums.shape == (row["T"], outputs, outputs)
    assert sums.mean() == pytest.approx(row["row_nnz_mean"], rel=1e-9)
    assert sums.std() == pytest.approx(row["row_nnz_std"], rel=1e-9)
    assert sums.mean() / row["K"] == pytest.approx(row["im2col_density"], rel=1e-9)
    p = row["im2col_density"]
    assert (row["K"] * p * (1 - p)) ** 0.5 == pytest.approx(row["row_nnz_binom_std"], rel=1e-9)


@each
@pytest.mark.parametrize("pixels", [8, 32])
def test_outputs_that_skip_a_weight(network: str, row: dict[str, Any], pixels: int) -> None:
    """For one weight and step, the share of groups of neighbouring outputs whose inputs are all zero: sets shifted by
    the weight's place in the kernel, cut at the border."""
    if f"nrv_skip_P{pixels}" not in row:
        pytest.skip("not measured")
    trace = recorded(network, row)
    found = axes(network, row, trace)
    assert found is not None
    outputs, kernel, padding = found
    if max(outputs, pixels) % min(outputs, pixels) or outputs**2 % pixels:
        pytest.skip("groups are no products of rows and columns")
    wide, high = min(outputs, pixels), max(1, pixels // outputs)
    shares = []
    steps = np.array([feature(trace, 0, [t]) for t in range(row["T"])])
    channels = np.array([feature(trace, 1, [c]) for c in range(trace.shape[1])])
    for r in range(kernel):
        for s in range(kernel):
            rows = [feature(trace, 2, np.arange(o, o + high) + r - padding) for o in range(0, outputs, high)]
            columns = [feature(trace, 3, np.arange(o, o + wide) + s - padding) for o in range(0, outputs, wide)]
            mesh = steps[:, None, None, None], channels[:, None, None], np.array(rows)[:, None], np.array(columns)
            shares.append(trace.p_empty(*mesh).mean())
    assert np.mean(shares) == pytest.approx(row[f"nrv_skip_P{pixels}"], rel=1e-9)
    assert (1 - row["im2col_density"]) ** pixels == pytest.approx(row[f"nrv_skip_iid_P{pixels}"], rel=1e-9)


# --- docs/spikes.md -----------------------------------------------------------------------------------------------


def test_the_page_is_that_of_today() -> None:
    """Refresh with `python -m tests.published.spikes`."""
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text


@pytest.mark.parametrize("tile", TIME)
def test_temporal_cuts_the_error_of_uniform_fivefold_in_time(tile: str) -> None:
    means = mean_errors(tile)
    assert means["temporal"] * 5 <= means["uniform"]


@pytest.mark.parametrize("tile", SPACE)
def test_runs_cuts_the_error_of_uniform_threefold_in_space(tile: str) -> None:
    means = mean_errors(tile)
    assert means["runs"] * 3 <= means["uniform"]


def test_most_measured_fields_are_not_stationary() -> None:
    """As the page says: 27 of 41."""
    found = []
    for network in NETWORKS:
        for layer in layers(network).values():
            if "runs" in layer.parameters:
                p = layer.parameters["runs"]
                try:
                    pickard(p["density"], p["q_row"], p["q_col"], p["q_in"])
                except ValueError:
                    found.append(False)
                else:
                    found.append(True)
    assert (found.count(False), len(found)) == (27, 41)


def test_where_they_do_not() -> None:
    """In single networks, as the page says."""
    short = [
        (tile, n) for tile in TIME for n in NETWORKS if (e := errors(n, tile)) and e["temporal"] * 5 > e["uniform"]
    ]
    assert short == [("2 steps", "lenet5_mnist")]
    short = [(tile, n) for tile in SPACE for n in NETWORKS if (e := errors(n, tile)) and e["runs"] * 3 > e["uniform"]]
    assert short == [("4 x 4", "alexnet_cifar10_loas")]
