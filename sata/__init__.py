"""sata: what training a spiking network costs on an accelerator.

    import sata
    spec = sata.Spec.load("arch/sata.yaml", "workloads/vgg5_cifar10.yaml", timesteps=4)
    result = spec.evaluate()
    result.energy_pj(by="stage")

Names are loaded when first used, so that `import sata` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sata.version import __version__

if TYPE_CHECKING:
    from sata.api.search import MapResult, merge
    from sata.api.spec import Spec
    from sata.api.sweeps import SweepTable, sweep_file
    from sata.api.tables import RecordTable
    from sata.api.tools import (
        compare,
        components,
        formats,
        import_table,
        layer_templates,
        measure,
        models,
        plot,
        price_counts,
        schema,
        shipped_files,
    )
    from sata.evaluation import check, evaluate
    from sata.report.compare import Comparison
    from sata.report.read import read_result
    from sata.report.result import Result
    from sata.specs import load as load  # replaced by Spec.load
    from sata.specs.model import (
        Arch,
        Array,
        Bandwidth,
        Branch,
        Compute,
        Density,
        Dim,
        Memory,
        Op,
        Rule,
        Tensor,
        Workload,
    )
    from sata.specs.model import Arch as Architecture  # noqa: F401 - replaced by Arch
    from sata.specs.model import MappingSpec as Mapping
    from sata.specs.text.access import allow
    from sata.specs.text.faults import Fault, SpecError

__all__ = [
    "Arch", "Array", "Bandwidth", "Branch", "Comparison", "Compute", "Density", "Dim", "Fault", "MapResult", "Mapping",
    "Memory", "Op", "RecordTable", "Result", "Rule", "Spec", "SpecError", "SweepTable", "Tensor", "Workload",
    "__version__", "allow", "check", "compare", "components", "evaluate", "formats", "import_table", "layer_templates",
    "measure", "merge", "models", "plot", "price_counts", "read_result", "schema", "shipped_files", "sweep_file",
]  # fmt: skip

_MODEL = (
    "Arch", "Array", "Bandwidth", "Branch", "Compute", "Density", "Dim", "Memory", "Op", "Rule", "Tensor", "Workload",
)  # fmt: skip
_TOOLS = (
    "compare", "components", "formats", "import_table", "layer_templates", "measure", "models", "plot", "price_counts",
    "schema", "shipped_files",
)  # fmt: skip
_HOME = {
    **dict.fromkeys(_MODEL, "sata.specs.model"),
    **dict.fromkeys(_TOOLS, "sata.api.tools"),
    "Comparison": "sata.report.compare",
    "Fault": "sata.specs.text.faults",
    "MapResult": "sata.api.search",
    "Mapping": "sata.specs.model",
    "RecordTable": "sata.api.tables",
    "Result": "sata.report.result",
    "Spec": "sata.api.spec",
    "SpecError": "sata.specs.text.faults",
    "SweepTable": "sata.api.sweeps",
    "allow": "sata.specs.text.access",
    "check": "sata.evaluation",
    "evaluate": "sata.evaluation",
    "merge": "sata.api.search",
    "read_result": "sata.report.read",
    "sweep_file": "sata.api.sweeps",
}
_INSIDE = {"Mapping": "MappingSpec", "Architecture": "Arch"}  # names that differ in their module
# Names of the version before, which work for one more: where they are, and what to write.
_BEFORE = {"Architecture": ("sata.specs.model", "sata.Arch"), "load": ("sata.specs", "sata.Spec.load")}


def __getattr__(name: str) -> object:
    if name not in _HOME and name not in _BEFORE:
        raise AttributeError(f"module 'sata' has no attribute '{name}'")
    from importlib import import_module

    home = _HOME[name] if name in _HOME else _BEFORE[name][0]
    value = getattr(import_module(home), _INSIDE.get(name, name))
    if name in _BEFORE:
        from warnings import warn

        warn(f"sata.{name} goes away in the next version: write {_BEFORE[name][1]}", DeprecationWarning, stacklevel=2)
        return value
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
