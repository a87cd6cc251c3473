"""Random small specs as users write them: sparsity, formats, arrays, ports, wires, lockstep, fused ops.

`random_spec(seed)` gives one dict with arch, library, workload and mapping. Same seed, same spec. Most can be run; what
sata refuses (a tile that does not fit, a model that says nothing of a tile) is left out by the test.
"""

from __future__ import annotations

import random
from typing import Any

Spec = dict[str, Any]
BOUNDS = {"t": (2, 4), "k": (2, 6), "c": (2, 4), "p": (2, 6), "r": (2, 3)}
KINDS = {"wk": 8, "sk": 1, "ck": 16, "uk": 12}  # weights, spikes, currents, potentials: bits
PRODUCTS = (
    ("X[t,k] += W[k,c] * S[t,c]", "tkc"),
    ("X[t,k,p] += W[k,c,r] * S[t,c,p+r-1]", "tkcpr"),
    ("X[t,k,p] += W[k,r] * S[t,p+r]", "tkpr"),
    ("X[k,c] += W[t,k] * S[t,c]", "tkc"),
    ("X[t,k] += W[k] * S[t,k]", "tk"),
)
FIRE = "U[{state}], Y[{all}] = lif(X[{all}])"
FORMATS: tuple[Any, ...] = ("bitmask", "coordinate", "run_length", "csr")


def random_spec(seed: int) -> Spec:
    rng = random.Random(seed)
    workload, product = _workload(rng)
    arch = _arch(rng)
    spec = {"arch": arch, "library": _library(rng), "workload": workload, "mapping": []}
    spec["mapping"] = _mapping(rng, arch, workload, product)
    return spec


def _workload(rng: random.Random) -> tuple[Spec, str]:
    statement, names = rng.choice(PRODUCTS)
    ranks = {name: rng.randint(*BOUNDS[name]) for name in names}
    source: Spec = {"kind": "sk", "density": _density(rng, ranks["t"], statement)}
    if "p+r-1" in statement:
        source["shape"] = [ranks["t"], ranks["c"], ranks["p"]]
    op: Spec = {
        "name": "a.forward", "layer": "a", "stage": "forward", "action": "mac", "ranks": ranks, "compute": statement,
        "tensors": {"X": {"kind": "ck"}, "W": {"kind": "wk"}, "S": source},
    }  # fmt: skip
    if rng.random() < 0.3:
        op["tensors"]["W"]["density"] = rng.choice([0.25, 0.5, {"model": "uniform", "density": 0.4}])
    ops = [op]
    state = ",".join(index for index in statement.split("]")[0][2:].split(",") if index != "t")
    if "X[t," in statement and rng.random() < 0.5:
        whole = f"t,{state}"
        ops.append({
            "name": "a.fire", "layer": "a", "stage": "forward", "action": "fire", "sequential": ["t"],
            "ranks": {name: ranks[name] for name in whole.split(",")}, "compute": FIRE.format(state=state, all=whole),
            "tensors": {"X": {"kind": "ck"}, "U": {"kind": "uk"}, "Y": {"kind": "sk", "density": 0.25}},
        })  # fmt: skip
    workload = {"name": "w", "kinds": list(KINDS), "bits": dict(KINDS), "ops": ops}
    return workload, state


def _density(rng: random.Random, steps: int, statement: str) -> Any:
    share = rng.choice([0.1, 0.25, 0.5])
    choices: list[Any] = [
        share,
        {"model": "uniform", "density": share},
        [rng.choice([0.1, 0.3, 0.6]) for _ in range(steps)],
    ]
    choices.append({"model": "temporal", "density": share, "silent": 0.3})
    if "S[t,c]" in statement:
        choices.append({"model": "structured", "nonzeros": 1, "block": 2, "along": "c"})
    return rng.choice(choices)


def _arch(rng: random.Random) -> Spec:
    nodes: list[Spec] = [{"memory": "D", "class": "dram", **_ports(rng, inside=False)}]
    if rng.random() < 0.7:
        nodes.append(
            {"memory": "G", "class": "sram", "size": "8 KiB", "width": rng.choice(["8 b", "16 b"]), **_ports(rng)}
        )
    if rng.random() < 0.75:
        axes = rng.choice([{"x": 4}, {"x": 4, "y": 2}, {"x": 2, "y": 3}])
        array: Spec = {"array": "A", "shape": axes, "multicast": rng.choice(["none", "tile", "element"])}
        array["reduce"] = rng.random() < 0.6
        if rng.random() < 0.4:
            array["hop"] = "wire"
        if rng.random() < 0.4:
            array["lockstep"] = True
        nodes.append(array)
    if rng.random() < 0.6:
        nodes.append({"memory": "R", "class": "regfile", "size": "4 KiB", **_ports(rng)})
    for node in nodes:
        if "memory" in node and rng.random() < 0.5:
            effect = rng.choice(["skip", "gate"])
            node[effect] = rng.choice(
                [{"wk": "sk"}, {"wk": ["sk"]}, {"sk": "sk"}, {"either": ["wk", "sk"]}, {"ck": "sk"}]
            )
        if "memory" in node and rng.random() < 0.3:
            node["format"] = {"sk": rng.choice(FORMATS)}
    compute: Spec = {"compute": "P", "class": "pe"}
    if rng.random() < 0.6:
        effect = rng.choice(["skip", "skip", "gate"])
        compute[effect] = rng.choice([["sk"], {"mac": ["sk"]}, {"mac": ["wk", "sk"]}])
    return {"name": "m", "clock": "100 MHz", "libraries": ["book"], "nodes": [*nodes, compute]}


def _ports(rng: random.Random, inside: bool = True) -> Spec:
    found: Spec = {}
    if rng.random() < 0.6:
        found["bandwidth"] = {"read": f"{rng.choice([4, 8, 24])} b/cycle", "write": f"{rng.choice([4, 12])} b/cycle"}
        if rng.random() < 0.4:
            found["bandwidth"].pop("write")
            found["shared_bandwidth"] = True
    if inside and rng.random() < 0.5:
        found["buffers"] = rng.choice([1, 2, "stream"])
    return found


def _library(rng: random.Random) -> Spec:
    memories = [
        {"class": name, "attributes": {"width": "8 b"}, "energy": {"read": f"{pj} pJ", "write": f"{pj + 1} pJ"},
         "area": "4 um2", "leakage": "1 mW"}
        for name, pj in (("dram", 50), ("regfile", 1))
    ]  # fmt: skip
    sram = {"class": "sram", "at": {"width": "8 b"}, "energy": {"read": "6 pJ", "write": "7 pJ", "gated_read": "1 pJ"},
            "area": "9 um2", "leakage": "2 mW", "scale": {"width": "linear"}}  # fmt: skip
    pe = {"class": "pe", "energy": {"mac": "2 pJ", "fire": "3 pJ", "gated_mac": "0.5 pJ"}, "cycles": {"fire": 2},
          "area": "3 um2", "leakage": "0.5 mW"}  # fmt: skip
    wire = {"class": "wire", "energy": rng.choice([{"deliver": "0.5 pJ"}, {"deliver": "0.5 pJ", "hop": "0.25 pJ"}]),
            "area": "0 um2", "leakage": "0 mW"}  # fmt: skip
    return {"name": "book", "components": [*memories, sram, pe, wire]}


def _mapping(rng: random.Random, arch: Spec, workload: Spec, state: str) -> list[Spec]:
    entries = [_entry(rng, arch, op) for op in workload["ops"]]
    if len(entries) == 2 and rng.random() < 0.5:
        fused = _fused(rng, arch, workload["ops"], state)
        entries = [fused] if fused else entries
    return entries


def _factors(rng: random.Random, bound: int, places: int) -> list[int]:
    """Factors of a rank, outermost first, the last ones drawn: exact ones or with a remainder."""
    left, found = bound, []
    for _ in range(places - 1):
        factor = rng.choice([1, 1, 2, 3]) if left > 1 else 1
        factor = min(factor, left)
        found.append(factor)
        left = -(-left // factor)
    return [left, *reversed(found)]


def _entry(rng: random.Random, arch: Spec, op: Spec) -> Spec:
    nodes = arch["nodes"]
    nest: list[Spec] = []
    memories = [n["memory"] for n in nodes if "memory" in n]
    array = next((n for n in nodes if "array" in n), None)
    spatial: dict[str, list[str]] = {}
    inner: dict[str, int] = {}
    serial = set(op.get("sequential", ()))
    free = [rank for rank in op["ranks"] if rank not in serial]
    if array is not None and rng.random() < 0.75:  # else in one lane
        rng.shuffle(free)
        for axis, lanes in array["shape"].items():
            if free and rng.random() < 0.85:
                rank = free.pop()
                factor = min(rng.choice([lanes, lanes, max(1, lanes - 1)]), op["ranks"][rank])
                spatial[axis] = [f"{rank} {factor}"]
                inner[rank] = factor
    loops: dict[str, list[str]] = {name: [] for name in memories}
    order = list(op["ranks"])
    rng.shuffle(order)
    above = [n for n in memories if array is None or _before(nodes, n, "A")] or memories[:1]
    below = [n for n in memories if n not in above]
    for rank in order:
        left = op["ranks"][rank]
        deep = 1
        if rank in inner:  # below the array: what the lanes leave, from inside out
            deep = rng.choice([1, 2]) if below and left > inner[rank] else 1
            left = -(-left // (inner[rank] * deep))
            if deep > 1:
                loops[below[-1]].append(f"{rank} {deep}")
            if left > 1 or rng.random() < 0.1:
                loops[rng.choice(above)].append(f"{rank} {left}")
            continue
        places = sorted(rng.sample(range(len(memories)), min(len(memories), rng.choice([1, 1, 2]))))
        for place, factor in zip(places, _factors(rng, left, len(places)), strict=True):
            if factor > 1 or place == places[0]:
                loops[memories[place]].append(f"{rank} {factor}")
    for node in nodes:
        if "memory" in node:
            keep = _keep(rng, node["memory"], memories, op)
            nest.append({"memory": node["memory"], **keep})
            if loops[node["memory"]]:
                nest.append({"for": ", ".join(loops[node["memory"]])})
        elif "array" in node:
            if spatial:
                nest.append({"array": "A", **{axis: ", ".join(texts) for axis, texts in spatial.items()}})
        else:
            nest.append({"compute": node["compute"]})
    return {"ops": op["name"], "nest": nest}


def _before(nodes: list[Spec], memory: str, array: str) -> bool:
    names = [n.get("memory") or n.get("array") for n in nodes]
    return names.index(memory) < names.index(array)


def _keep(rng: random.Random, memory: str, memories: list[str], op: Spec) -> Spec:
    if memory == memories[0]:
        return {}
    names = [name for name in op["tensors"] if rng.random() < 0.6]
    return {"keep": names} if names or rng.random() < 0.5 else {}


def _fused(rng: random.Random, arch: Spec, ops: list[Spec], state: str) -> Spec | None:
    """Both ops below the loops over what they share: X is passed in a memory further in, if there is one."""
    memories = [n["memory"] for n in arch["nodes"] if "memory" in n]
    if len(memories) < 2:
        return None
    shared = [index for index in state.split(",") if rng.random() < 0.6]
    ranks = [ops[0]["ranks"], ops[1]["ranks"]]
    rest = [[f"{rank} {bound}" for rank, bound in own.items() if rank not in shared] for own in ranks]
    for texts in rest:
        texts.sort(key=lambda text: text[0] != "t")
    ways = [[*([{"for": ", ".join(texts)}] if texts else []), {"compute": "P"}] for texts in rest]
    head: list[Spec] = [{"memory": memories[0], "bypass": ["X"]}]
    if shared:
        head.append({"for": ", ".join(f"{rank} {ranks[0][rank]}" for rank in shared)})
    head.append({"memory": memories[1], "keep": ["X", *(["U"] if rng.random() < 0.5 else [])]})
    return {"ops": [op["name"] for op in ops], "nest": [*head, {"split": ways}]}
