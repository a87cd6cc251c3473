"""All of a run that stands before its first count: specs loaded, nests built, nodes priced.

It does not depend on numbers and is kept between calls: specs by their bytes, nests and prices by their specs.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from sata.costs.evaluate import Price
from sata.costs.nodes import all_nodes, area_um2, leakage_mw, price_nodes, price_table, prices_of
from sata.counts.density import check_densities
from sata.nest.build import build
from sata.nest.graph import Graph, Shape, graph_of, structure_of
from sata.nest.model import Program
from sata.report.described import tensor_rows
from sata.report.nest_rows import nest_record
from sata.report.result import Record
from sata.specs import Loaded, in_order, load
from sata.specs.model import Arch, Compute, MappingSpec, Workload
from sata.specs.text.access import granted
from sata.specs.text.faults import Fault, Faults, SpecError, Where, did_you_mean
from sata.specs.text.files import State, note, state, watching
from sata.specs.text.find import find, mapping_name
from sata.specs.text.source import Doc
from sata.specs.tree import arch_rows

KEPT_BETWEEN_CALLS = 32  # prepared runs


@dataclass(frozen=True, slots=True)
class Prepared:
    """All of a run that stands before the first count."""

    loaded: Loaded
    arch: Arch
    workload: Workload
    program: Program
    shapes: tuple[tuple[Shape, ...], ...]
    prices: Mapping[str, Price]
    price_records: tuple[Record, ...]
    instances: Mapping[str, int]  # of every node, by name
    area_um2: float | None
    leakage_mw: float | None
    architecture: tuple[Record, ...] = ()  # these three: what a result says of its inputs
    nests: tuple[Record, ...] = ()
    tensors: tuple[Record, ...] = ()
    files: tuple[Record, ...] = ()  # all that were read, libraries and templates too

    @property
    def graphs(self) -> tuple[Graph, ...]:
        """The graph of every group (networkx): made where it is asked for, since its library takes long to import."""
        return tuple(graph_of(group) for group in self.program.groups)


_prepared: OrderedDict[Any, tuple[Prepared, State]] = OrderedDict()


def prepare(
    arch: Any,
    workload: Any = None,
    mapping: Any = None,
    *,
    ops: str | None = None,
    variables: Mapping[str, Any] | None = None,
) -> Prepared:
    """Everything of a run but its counts. Raises: SpecError with all faults of the input."""
    key = (
        os.getcwd(),
        granted(),
        *(_identity(s) for s in (arch, workload, mapping)),
        ops,
        repr(sorted((variables or {}).items())),
    )
    if key in _prepared and granted().code:
        found, before = _prepared[key]
        if state(path for path, _, _ in before) == before and _same_shipped(found):
            _prepared.move_to_end(key)
            for path, _, _ in before:
                note(path)
            return found
    with watching() as files:
        found = _prepare(arch, workload, mapping, ops, variables or {})
    found = replace(found, files=tuple(_hashed(path) for path in sorted(files)))
    now = state(files)
    if now is not None and granted().code:
        _prepared[key] = found, now
        while len(_prepared) > KEPT_BETWEEN_CALLS:
            _prepared.popitem(last=False)
    return found


def _hashed(path: Path) -> Record:
    """A file that a run has read, and its hash. Shipped files and those of the current folder by their short names."""
    full = path.resolve()
    package = Path(__file__).resolve().parents[1]
    for top in (package / "shipped", package.parent, Path.cwd().resolve()):
        if full.is_relative_to(top):
            full = full.relative_to(top)
            break
    return {"file": full.as_posix(), "sha256": sha256(path.read_bytes()).hexdigest()}


def _same_shipped(found: Prepared) -> bool:
    """Whether the mapping that no one named is still the one its name means: one in the current folder would win."""
    name = mapping_name(found.arch.name)
    for doc in found.loaded.docs:
        if doc.label == name and "mapping" in doc.data and doc.files:
            return find(name, "mappings").resolve() == doc.files[0].resolve()
    return True


def _identity(source: Any) -> str | None:
    """What tells sources apart: paths and texts by themselves, dicts by what they hold."""
    return None if source is None else f"{type(source).__name__} {source!r}"


def load_whole(
    arch: Any, workload: Any, mapping: Any, variables: Mapping[str, Any]
) -> tuple[Loaded, Arch, Workload, MappingSpec]:
    """What the sources of a run say, and its three parts. Raises: SpecError with all faults; a missing part is one."""
    loaded = load(arch, workload, mapping, variables=variables, shipped_mapping=True)
    faults = Faults()
    for what, value in (("arch", loaded.arch), ("workload", loaded.workload)):
        if value is None:
            faults.add(Where(), f"no {what} given: none of the sources holds one")
    if loaded.mapping is None and loaded.arch is not None:
        faults.extend([_no_mapping(loaded.arch, loaded.docs)])
    faults.check()
    assert loaded.arch is not None and loaded.workload is not None and loaded.mapping is not None
    return loaded, loaded.arch, loaded.workload, loaded.mapping


def _prepare(arch: Any, workload: Any, mapping: Any, ops: str | None, variables: Mapping[str, Any]) -> Prepared:
    loaded, architecture, work, nests = load_whole(arch, workload, mapping, variables)
    faults = Faults()
    check_densities(work, faults)
    program = build(architecture, work, nests, faults, ops)
    library_prices = prices_of(architecture, loaded.docs, faults)
    prices = price_nodes(architecture, library_prices, faults, loaded.docs[0]) if library_prices is not None else {}
    check_gated_actions(architecture, prices, faults)
    check_faults(faults, loaded)
    return Prepared(
        loaded,
        architecture,
        work,
        program,
        tuple(tuple(structure_of(nest) for nest in group.nests) for group in program.groups),
        prices,
        tuple(_price_record(row) for row in price_table(architecture, prices)),
        {node.name: instances for node, instances in all_nodes(architecture)},
        area_um2(architecture, prices),
        leakage_mw(architecture, prices),
        tuple(arch_rows(architecture)),
        tuple(nest_record(group) for group in program.groups),
        tuple(tensor_rows((nest.op for group in program.groups for nest in group.nests), work.bits)),
    )


def check_gated_actions(arch: Arch, prices: Mapping[str, Price], faults: Faults) -> None:
    """Actions that a compute gates or skips are actions of its class."""
    for node, _ in all_nodes(arch):
        if not isinstance(node, Compute) or node.name not in prices:
            continue
        known = prices[node.name].energy_pj
        for action in dict.fromkeys((*node.gate, *node.skip)):
            if action and action not in known:
                message = (
                    f"'{action}' is not an action of {node.name} (class {node.component}); it has: {', '.join(known)}"
                )
                faults.add(node.where, message, did_you_mean(action, known))


def check_faults(faults: Faults, loaded: Loaded) -> None:
    """Raises: SpecError with all faults, in the order of the sources and of their lines."""
    if len(faults):
        raise SpecError(in_order(faults, [doc.label for doc in loaded.docs]))


def _no_mapping(arch: Arch, docs: Sequence[Doc]) -> Fault:
    name = mapping_name(arch.name) or "mapping of its name"
    folders = [doc.files[0].parent for doc in docs if doc.files]
    near = [path for folder in folders for path in (folder / name, folder.parent / name) if path.is_file()]
    hint = f"did you mean '{near[0].as_posix()}'? " if near else ""
    message = f"no mapping given, and for architecture '{arch.name}' there is no {name}, here or shipped"
    how = "give one as third argument, write `mapping:` into one of the files, or let `sata map` find one"
    return Fault(Where(), message, hint + how)


def _price_record(row: Any) -> Record:
    return {name: getattr(row, name) for name in row.__dataclass_fields__}
