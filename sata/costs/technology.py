"""Scaling of prices from one technology node to another, by a published table that the architecture names.

`stillmaker2017`: A. Stillmaker, B. Baas, "Scaling equations for the accurate prediction of CMOS device performance from
180 nm to 7 nm", Integration, the VLSI Journal 58 (2017) 74-81, doi:10.1016/j.vlsi.2017.02.002.

    energy  f(V) = a V^2 + b V + c, fitted by the authors to HSPICE runs of PTM models; a price is multiplied by
            f(there) / f(here). High-performance models (HP) where the paper has two.
    area    the paper's matrix of factors, as printed (two digits).

The coefficients and the matrix were taken from two independent public transcriptions which agree in every number they
share: wromaszkan/nodeScale (UCLA NanoCAD, commit a912c60, all of them) and Accelergy's library plug-in (scaling.py);
the rows of 32 nm and 65 nm also stand in the corrigendum on the authors' page (vcl.ece.ucdavis.edu).

Assumptions: each node runs at the nominal voltage of its PTM model (NOMINAL_V; ptm.asu.edu). The paper gives no factors
for leakage alone, so a scaled price has none. Logic and memories scale alike, DRAM does not scale like this at all.
Nothing between or beyond the nodes of the table is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sata.costs.evaluate import Price

# node in nm -> (a, b, c) of the energy polynomial
_ENERGY: Mapping[float, tuple[float, float, float]] = {
    180: (0.0, 24.64, -17.98),
    130: (7.171, -6.709, 2.904),
    90: (4.762, -4.781, 2.092),
    65: (3.755, -4.398, 1.975),
    45: (1.018, -0.3107, 0.1539),
    32: (0.8367, -0.4341, 0.1701),
    20: (0.373, -0.1582, 0.04104),
    16: (0.2958, -0.1241, 0.03024),
    14: (0.2363, -0.09675, 0.02239),
    10: (0.2068, -0.09311, 0.02375),
    7: (0.1776, -0.09097, 0.02447),
}
NOMINAL_V: Mapping[float, float] = {
    180: 1.8, 130: 1.3, 90: 1.2, 65: 1.1, 45: 1.0, 32: 0.9, 20: 0.9, 16: 0.85, 14: 0.8, 10: 0.75, 7: 0.7,
}  # fmt: skip
# rows: from; columns: to, both in the order of _ENERGY
_AREA: tuple[tuple[float, ...], ...] = (
    (1, 0.34, 0.15, 0.08, 0.053, 0.025, 0.011, 0.01, 0.0093, 0.0055, 0.0032),
    (2.9, 1, 0.44, 0.23, 0.16, 0.072, 0.033, 0.03, 0.027, 0.016, 0.0092),
    (6.6, 2.3, 1, 0.53, 0.35, 0.16, 0.075, 0.067, 0.061, 0.036, 0.021),
    (12, 4.3, 1.9, 1, 0.66, 0.31, 0.14, 0.13, 0.12, 0.068, 0.039),
    (19, 6.4, 2.8, 1.5, 1, 0.46, 0.21, 0.19, 0.17, 0.1, 0.059),
    (40, 14, 6.1, 3.3, 2.2, 1, 0.46, 0.41, 0.38, 0.22, 0.13),
    (88, 30, 13, 7.1, 4.7, 2.2, 1, 0.89, 0.82, 0.48, 0.28),
    (99, 34, 15, 7.9, 5.3, 2.4, 1.1, 1, 0.91, 0.54, 0.31),
    (110, 37, 16, 8.7, 5.8, 2.7, 1.2, 1.1, 1, 0.59, 0.34),
    (180, 63, 28, 15, 9.8, 4.5, 2.1, 1.9, 1.7, 1, 0.58),
    (320, 110, 48, 25, 17, 7.8, 3.6, 3.2, 2.9, 1.7, 1),
)
TABLES = ("stillmaker2017",)  # what an architecture may name; schemas/arch.json lists the same


def factors(table: str, here_nm: float, there_nm: float) -> tuple[float, float]:
    """(energy, area): what a price of node `here_nm` is multiplied by for `there_nm`. `table`: one of TABLES.

    Raises: ValueError for a node that the table has not.
    """
    nodes = list(_ENERGY)
    for node in (here_nm, there_nm):
        if node not in _ENERGY:
            known = ", ".join(f"{n:g}" for n in nodes)
            raise ValueError(f"{table} has no {node:g} nm, only {known} nm")
    return _energy(there_nm) / _energy(here_nm), _AREA[nodes.index(here_nm)][nodes.index(there_nm)]


def _energy(node_nm: float) -> float:
    a, b, c = _ENERGY[node_nm]
    volts = NOMINAL_V[node_nm]
    return a * volts**2 + b * volts + c


def rescaled(price: Price, table: str, here_nm: float, there_nm: float) -> Price:
    """The price at another node: energies and area by the table's factors, leakage not priced, origins that say so.

    Raises: ValueError for a node that the table has not.
    """
    energy, area = factors(table, here_nm, there_nm)
    nodes = f"{here_nm:g} nm to {there_nm:g} nm"
    area_origin = f", x {area:.6g} ({table}: area, {nodes})" if price.area_um2 is not None else ""
    leakage_origin = price.leakage_origin
    if price.leakage_mw is not None:
        leakage_origin = f"not priced by {price.library}: {price.component}, {table} scales no leakage from {nodes}"
    return replace(
        price,
        energy_pj={action: pj * energy for action, pj in price.energy_pj.items()},
        area_um2=None if price.area_um2 is None else price.area_um2 * area,
        leakage_mw=None,
        origin={a: f"{text}, x {energy:.6g} ({table}: energy, {nodes})" for a, text in price.origin.items()},
        area_origin=price.area_origin + area_origin,
        leakage_origin=leakage_origin,
        uncertainty={a: {c: pj * energy for c, pj in each.items()} for a, each in price.uncertainty.items()},
        leakage_uncertainty={},
    )
