"""Formats against what their memories keep: kinds, ranks and bits that only a workload and a mapping tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sata.nest.model import Group, NestLevel
from sata.specs.formats import TensorFormat
from sata.specs.model import Arch, Memory, Tensor, Workload
from sata.specs.text.faults import Faults, did_you_mean


def check_kept(arch: Arch, workload: Workload, faults: Faults) -> None:
    """A fault for a format of a kind that its memory never keeps; one for a kind that does not exist has been found."""
    known = {fault.where for fault in faults}
    kind_of = {t.name: t.kind for op in workload.ops for t in op.tensors}
    memories = {node.name: node for way in arch.ways() for node in way if isinstance(node, Memory)}
    for memory in memories.values():
        if memory.keep is None and memory.may_keep is None:
            continue
        kept = (*(memory.keep or ()), *(memory.may_keep or ()))
        kinds = {kind_of.get(name, name) for name in kept}
        for name, form in memory.format.items():
            if form.where not in known and name not in kept and kind_of.get(name, name) not in kinds:
                hint = did_you_mean(name, kept) or f"it keeps {', '.join(kept) or 'nothing'}"
                faults.add(form.where, f"memory '{memory.name}' keeps no '{name}', so it stores none in a format", hint)


def check_formats(groups: Iterable[Group], bits: Mapping[str, int], faults: Faults) -> None:
    """A fault for a format that has more ranks than a tensor it is for, or that would lose the values of one."""
    seen: set[tuple[str, str]] = set()  # one tensor of a kind is enough to tell
    for group in groups:
        for nest in group.nests:
            for level in (item for item in nest.items if isinstance(item, NestLevel)):
                for tensor in (t for t in nest.op.tensors if t.name in level.keeps):
                    form = level.memory.format_of(tensor)
                    key = (level.memory.name, tensor.kind)
                    if form is not None and key not in seen and _fault(form, tensor, nest.op.name, bits, faults):
                        seen.add(key)


def _fault(form: TensorFormat, tensor: Tensor, op: str, bits: Mapping[str, int], faults: Faults) -> bool:
    before = len(faults)
    if len(form.ranks) > max(len(tensor.dims), 1):
        ranks, dims = len(form.ranks), len(tensor.dims)
        message = f"a format of {ranks} ranks ({form.text()}), but '{tensor.name}' of {op} has {dims}"
        faults.add(form.ranks[max(dims, 1)].where, message, "leave out the outermost, or name formats by tensor")
    last, width = form.ranks[-1], bits.get(tensor.kind, 1)
    if last.values is False and width > 1:
        message = f"'values: false' would lose the {width} b of each '{tensor.name}' of {op}"
        faults.add(last.where, message, "it is for elements of 1 b, which are there or not")
    return len(faults) > before
