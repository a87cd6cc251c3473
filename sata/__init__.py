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
    from sata.report.result import Result
    from sata.specs.faults import Fault, SpecError

__all__ = ["Fault", "Result", "SpecError", "__version__", "check", "evaluate"]

_HOME = {
    "evaluate": "sata.evaluation",
    "Result": "sata.report.result",
    "check": "sata.evaluation",
    "Fault": "sata.specs.faults",
    "SpecError": "sata.specs.faults",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'sata' has no attribute '{name}'")
    from importlib import import_module

    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value
