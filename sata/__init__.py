"""sata: what training a spiking network costs on an accelerator.

    import sata
    result = sata.evaluate("arch/sata.yaml", "workloads/vgg5_cifar10.yaml")
    result.energy_pj(by=("stage",))

Names are loaded when first used, so that `import sata` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sata.version import __version__

if TYPE_CHECKING:
    from sata.evaluation import check, evaluate
    from sata.report.read import read_result
    from sata.report.result import Result
    from sata.specs import load
    from sata.specs.model import Arch as Architecture
    from sata.specs.model import MappingSpec as Mapping
    from sata.specs.text.access import allow
    from sata.specs.text.faults import Fault, SpecError

__all__ = [
    "Architecture", "Fault", "Mapping", "Result", "SpecError", "__version__", "allow", "check", "evaluate", "load",
    "read_result",
]  # fmt: skip

_HOME = {
    "evaluate": "sata.evaluation",
    "Result": "sata.report.result",
    "allow": "sata.specs.text.access",
    "check": "sata.evaluation",
    "Fault": "sata.specs.text.faults",
    "SpecError": "sata.specs.text.faults",
    "load": "sata.specs",
    "read_result": "sata.report.read",
    "Architecture": "sata.specs.model",
    "Mapping": "sata.specs.model",
}

_INSIDE = {"Architecture": "Arch", "Mapping": "MappingSpec"}  # names that differ in their module


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'sata' has no attribute '{name}'")
    from importlib import import_module

    value = getattr(import_module(_HOME[name]), _INSIDE.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
