"""Kinds that an architecture speaks of, against those that exist: a misspelt one would keep, gate or skip nothing."""

from __future__ import annotations

from sata.specs.model import Arch, Workload
from sata.specs.text.faults import Faults, did_you_mean
from sata.specs.workload.kinds import KINDS
from sata.specs.workload.template_names import names_beside

# Kinds that a shipped template declares: an architecture may speak of them beside a workload of another template.
USUAL_KINDS = ("optimizer_state",)


def check_kinds(arch: Arch, workload: Workload, faults: Faults) -> None:
    """A fault for every name in keep, may_keep, format, gate, skip that is neither kind nor tensor of the workload."""
    tensors = {t.name for op in workload.ops for t in op.tensors}
    kinds = dict.fromkeys(
        (*KINDS, *USUAL_KINDS, *workload.kinds, *workload.bits, *(t.kind for op in workload.ops for t in op.tensors))
    )
    for name, where in arch.kinds:
        if name not in kinds and name not in tensors:
            beside = names_beside((where, workload.where))
            if name in beside.kinds or name in beside.tensors:
                continue
            hint = did_you_mean(name, kinds) or f"kinds: {', '.join(kinds)}"
            faults.add(where, f"unknown kind '{name}'", hint)
