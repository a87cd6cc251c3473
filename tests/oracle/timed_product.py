"""A problem of the oracle with a machine of the execution, as the user's architecture, workload and mapping."""

from __future__ import annotations

from typing import Any

from .execution import Machine
from .problem import Dim, Problem, Tensor

Specs = tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]


def nodes_of(problem: Problem, machine: Machine) -> list[dict[str, Any]]:
    """The memories and arrays of a nest, in its order."""
    nodes: list[dict[str, Any]] = []
    for node in problem.nest:
        if node[0] == "memory":
            store = machine.stores[node[1]]
            rates = {"read": store.read, "write": store.write}
            entry: dict[str, Any] = {"memory": node[1], "class": "store"}
            if any(rates.values()):
                entry["bandwidth"] = {way: f"{rate} b/cycle" for way, rate in rates.items() if rate}
                if store.shared:
                    entry["shared_bandwidth"] = True
            if node[1] != problem.nest[0][1]:
                entry |= {"buffers": store.buffers or "stream", "size": "1 GiB"}
            nodes.append(entry)
        elif node[0] == "array":
            shape = {"x": 1}
            for _, factor in node[4]:
                shape["x"] *= factor
            nodes.append({"array": node[1], "shape": shape, "multicast": node[2], "reduce": node[3]})
    return nodes


def mapping_of(problem: Problem) -> list[dict[str, Any]]:
    """The nest without its compute."""
    nest: list[dict[str, Any]] = []
    for node in problem.nest:
        if node[0] == "memory":
            nest.append({"memory": node[1], "keep": list(node[2])})
        elif node[0] == "loop":
            nest.append({"for": f"{node[1]} {node[2]}"})
        elif node[0] == "array":
            nest.append({"array": node[1], "x": ", ".join(f"{rank} {factor}" for rank, factor in node[4])})
    return nest


def op_of(problem: Problem, name: str) -> dict[str, Any]:
    """The op, every tensor of a kind of its own."""
    tensors: dict[str, Any] = {}
    for tensor in problem.tensors:
        tensors[tensor.name] = {"kind": f"kind_{tensor.name}"}
        if any(dim.span(problem.ranks) != (0, dim.size - 1) for dim in tensor.dims):
            tensors[tensor.name]["shape"] = [dim.size for dim in tensor.dims]
    ins = [_access(t) for t in problem.tensors if t.role == "input"]
    outs = [_access(t) for t in problem.tensors if t.role == "output"]
    compute = f"{outs[0]} += {' * '.join(ins)}"
    return {"name": name, "stage": "forward", "action": "go", "ranks": problem.ranks, "compute": compute,
            "tensors": tensors}  # fmt: skip


def _access(tensor: Tensor) -> str:
    return f"{tensor.name}[{','.join(_index(dim) for dim in tensor.dims)}]"


def _index(dim: Dim) -> str:
    text = " + ".join(rank if coef == 1 else f"{coef}*{rank}" for rank, coef in dim.ranks.items())
    return text + (f" {'-' if dim.offset < 0 else '+'} {abs(dim.offset)}" if dim.offset else "")


def specs_of(problem: Problem, machine: Machine) -> Specs:
    """Architecture, workload and mapping of one op."""
    nodes = [*nodes_of(problem, machine), {"compute": "PE", "class": "pe"}]
    bits = {f"kind_{name}": bits for name, bits in machine.bits.items()}
    workload = {"name": "timed", "kinds": list(bits), "bits": bits, "ops": [op_of(problem, "op")]}
    mapping = [{"ops": "op", "nest": [*mapping_of(problem), {"compute": "PE"}]}]
    return architecture(nodes, machine.cycles), {"workload": workload}, {"mapping": mapping}  # type: ignore[return-value]


def architecture(nodes: list[dict[str, Any]], cycles: int) -> dict[str, Any]:
    """Nodes with a library of their own."""
    pe = {"class": "pe", "energy": {"go": "1 pJ"}, "cycles": {"go": cycles}, "area": "0 um2", "leakage": "0 mW"}
    store = {"class": "store", "energy": {"read": "1 pJ", "write": "1 pJ"}, "area": "0 um2", "leakage": "0 mW"}
    library = {"name": "own", "source": "a test", "components": [store, pe]}
    return {"arch": {"name": "timed", "clock": "1 GHz", "libraries": ["own"], "nodes": nodes}, "library": library}
