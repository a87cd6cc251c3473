"""What a component plug-in is written against: a function of attributes that returns an `Estimate`.

    from sata.plugins import Estimate

    def sram6t(size_bits: int, width_bits: int = 64, technology_nm: float = 32) -> Estimate:
        '''A 6T SRAM macro.'''
        return Estimate(energy_pj={"read": 0.01 * width_bits, "write": 0.012 * width_bits}, area_um2=0.3 * size_bits)

Registered under the entry-point group `sata.components` (the entry point's name is the class), or named by a library:
`{class: sram6t, estimator: "my_package:sram6t"}`. The return annotation makes a function a plug-in: nothing else is
ever called. How attributes follow from the parameters is told in docs/plugins.md. This module imports nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

GROUP = "sata.components"  # the entry-point group


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one instance of a component costs.

    energy_pj: action -> energy of one, in pJ. area_um2, leakage_mw: of one instance; None is not priced, zero is an
    explicit 0.0. cycles: action -> cycles, a fraction or 0, 1 where not given. uncertainty: relative standard
    uncertainty of all energies and of leakage (0.15 is 15 %), or one for each action (and "leakage"). source: of the
    numbers, for origins.
    """

    energy_pj: Mapping[str, float]
    area_um2: float | None = None
    leakage_mw: float | None = None
    cycles: Mapping[str, float] = field(default_factory=dict)
    uncertainty: float | Mapping[str, float] = 0.0
    source: str = ""
