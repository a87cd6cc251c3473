"""A plug-in for sata: one function, registered in pyproject.toml. Its parameters are attributes with units."""

from sata.plugins import Estimate


def template_sram(size_bits: int, width_bits: int = 64, banks: int = 1, technology_nm: float = 32) -> Estimate:
    """A made-up SRAM: bit lines grow with the square root of a bank's size, cells with the size."""
    node = technology_nm / 32
    read_pj = 0.01 * width_bits * (size_bits / banks / 8192) ** 0.5 * node
    return Estimate(
        energy_pj={"read": read_pj, "write": 1.2 * read_pj},
        area_um2=0.25 * size_bits * node**2,
        leakage_mw=2e-6 * size_bits,
        uncertainty=0.3,
        source="docs/plugin_template: invented to show the form",
    )
