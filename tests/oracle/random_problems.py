"""Random small problems that use every feature of the counting rules, and the same problems as the user's YAML.

``random_problem(rng)`` draws an op (one of the shapes below, or wholly random) and a nest; the flags restrict it.
``to_yaml(problem)`` writes architecture, workload (op form) and mapping.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from math import prod

from .problem import Dim, Node, Problem, Tensor

Access = list[dict[str, int]]  # the dimensions of a tensor: rank -> coefficient
Shape = tuple[dict[str, Access], dict[str, Access]]  # inputs, outputs


def _conv(rng: random.Random) -> tuple[int, int]:
    """Stride and dilation of a window; the stride may exceed the kernel."""
    return rng.choice([1, 1, 1, 2, 3]), rng.choice([1, 1, 1, 2])


def _ops() -> list[Callable[[random.Random], Shape]]:
    """Every shape of op, each a function of the random generator."""

    def point(*ranks: str) -> Access:
        return [{rank: 1} for rank in ranks]

    def conv1d(rng: random.Random) -> Shape:
        s, d = _conv(rng)
        return ({"W": point("k", "c", "r"), "I": [*point("c"), {"p": s, "r": d}]}, {"O": point("k", "p")})

    def conv1d_t(rng: random.Random) -> Shape:
        s, d = _conv(rng)
        return ({"W": point("k", "r"), "S": [*point("t"), {"p": s, "r": d}]}, {"X": point("t", "k", "p")})

    def conv2d(rng: random.Random) -> Shape:
        s, d = _conv(rng)
        return ({"W": point("k", "r", "s"), "I": [{"p": s, "r": d}, {"q": s, "s": d}]}, {"O": point("k", "p", "q")})

    def depthwise(rng: random.Random) -> Shape:
        s, d = _conv(rng)
        return ({"W": point("c", "r"), "I": [*point("c"), {"p": s, "r": d}]}, {"O": point("c", "p")})

    def scatter(rng: random.Random) -> Shape:
        s, d = _conv(rng)
        return ({"W": point("k", "c", "r"), "dU": point("t", "k", "p")}, {"dS": [*point("t", "c"), {"p": s, "r": d}]})

    def scatter2d(rng: random.Random) -> Shape:
        s, d = _conv(rng)
        return ({"W": point("r", "s"), "dU": point("p", "q")}, {"dS": [{"p": s, "r": d}, {"q": s, "s": d}]})

    def gradient(rng: random.Random) -> Shape:
        s, d = _conv(rng)
        return ({"S": [*point("t"), {"p": s, "r": d}], "dU": point("t", "k", "p")}, {"dW": point("k", "r")})

    def three_ranks(rng: random.Random) -> Shape:
        window = {"p": rng.choice([1, 2]), "r": 1, "s": rng.choice([2, 3])}
        if rng.random() < 0.3:
            return ({"W": point("r", "s"), "G": point("p")}, {"O": [window]})
        return ({"W": point("k", "r", "s"), "I": [window]}, {"O": point("k", "p")})

    def fixed(inputs: dict[str, Access], outputs: dict[str, Access]) -> Callable[[random.Random], Shape]:
        return lambda rng: (inputs, outputs)

    return [
        conv1d,
        conv1d,
        conv1d_t,
        conv2d,
        depthwise,
        scatter,
        scatter,
        scatter2d,
        gradient,
        three_ranks,
        _random_op,
        _random_op,
        _random_op,
        fixed({"A": point("m", "k"), "B": point("k", "n")}, {"Z": point("m", "n")}),
        fixed({"A": point("b", "m", "k"), "B": point("b", "k", "n")}, {"Z": point("b", "m", "n")}),
        fixed({"A": point("m", "k"), "B": point("k", "n"), "C": point("m", "n")}, {"Z": point("m", "n")}),
        fixed({"X": point("a", "b", "c")}, {"Z": point("a")}),
        fixed({"X": point("a", "b")}, {"Z": point("b")}),
        fixed({"X": point("a", "b"), "Y": point("a", "b"), "M": point("b")}, {"Z": point("a", "b")}),
        fixed({"X": point("t", "k", "p")}, {"U": point("k", "p"), "S": point("t", "k", "p")}),
        fixed({"X": point("t", "k"), "L": point("k")}, {"U": point("k"), "V": point("t", "k")}),
        fixed({"W": point("k", "c"), "S": point("t", "c")}, {"X": point("t", "k")}),
        fixed({"S": point("t", "c"), "dU": point("t", "k")}, {"dW": point("k", "c")}),
    ]


def _random_op(rng: random.Random) -> Shape:
    """Draw tensors whose dimensions are any partition of any of the ranks."""
    ranks = rng.sample(["a", "b", "c", "d", "e"], rng.randint(1, 5))

    def access() -> Access:
        dims: Access = []
        for rank in rng.sample(ranks, rng.randint(1, len(ranks))):
            if dims and rng.random() < 0.4:
                rng.choice(dims)[rank] = rng.choice([1, 1, 2, 3])
            else:
                dims.append({rank: rng.choice([1, 1, 1, 1, 2])})
        return dims

    inputs = {name: access() for name in ("A", "B", "C")[: rng.choice([1, 2, 2, 3])]}
    return inputs, {name: access() for name in ("Y", "Z")[: rng.choice([1, 1, 2])]}


OPS = _ops()


def _size(rng: random.Random, dim: dict[str, int], bounds: dict[str, int], negative: bool) -> Dim:
    """Give a dimension its offset and size: plain, padded, shifted or clipped (with a stride rarely to nothing)."""
    if negative and len(dim) > 1 and rng.random() < 0.3:
        dim = dim | {rng.choice(list(dim)): -1}
    low, high = Dim(dim).span(bounds)
    windowed = len(dim) > 1
    if rng.random() < (0.6 if windowed else 0.1):
        offset = -low - rng.randint(0, min(high - low, 3 if windowed else 1))  # what the first coordinates miss
        if rng.random() < 0.15:
            offset = -low + rng.randint(0, 2)
        first = offset + low
        size = rng.randint(max(1, first + 1), max(1, offset + high + 1 + rng.choice([0, 0, 1])))
    else:
        offset = -low
        size = high + offset + 1 if rng.random() < 0.85 else rng.randint(1, high + offset + 1)
    return Dim(dict(dim), offset, size)


def random_problem(
    rng: random.Random,
    *,
    points: int = 400,
    idle: bool = True,
    inner_homes: bool = False,
    negative: bool = False,
) -> Problem:
    """Draw a problem with at most ``points`` points.

    ``idle`` allows an inner loop to run past the bound (5 over 8 lanes, in one pass). ``inner_homes`` lets inputs and
    outputs live further in than the outermost memory (as when ops are fused), ``negative`` allows ``p - r``.
    """
    while True:
        inputs, outputs = rng.choice(OPS)(rng)
        ranks = sorted({r for dims in [*inputs.values(), *outputs.values()] for d in dims for r in d})
        rng.shuffle(ranks)
        limit = rng.choice([50, 120, 250, points])
        bounds = {rank: rng.choice([1, 2, 2, 3, 3, 4, 4, 5, 6, 7]) for rank in ranks}
        while prod(bounds.values()) > min(points, limit):
            largest = max(bounds, key=lambda rank: bounds[rank])
            bounds[largest] -= 1
        tensors = [
            Tensor(
                name,
                role,
                tuple(_size(rng, dim, bounds, negative) for dim in dims),
                role == "output" and rng.random() < 0.2,
            )
            for role, group in (("input", inputs), ("output", outputs))
            for name, dims in group.items()
        ]
        nest = _nest(rng, bounds, tensors, idle, inner_homes)
        problem = Problem(bounds, tuple(tensors), tuple(nest)) if nest else None
        if problem and problem.combinations <= 2 * points:
            return problem


def _nest(
    rng: random.Random, bounds: dict[str, int], tensors: list[Tensor], idle: bool, inner_homes: bool
) -> list[Node]:
    """Draw a nest: first where everything stands, then from inside out the factors. Empty where lanes are too many."""
    memories = rng.choice([1, 2, 2, 3, 3, 4])
    slots: list[list[list[str]]] = [[] for _ in range(memories)]  # per slot below a memory: temporal [rank], arrays
    arrays: list[list[list[str]]] = [[] for _ in range(memories)]
    for slot in arrays:
        for _ in range(rng.choice([0, 0, 0, 1, 1, 2]) if memories > 1 else rng.choice([0, 1, 1, 2])):
            slot.append([rng.choice(list(bounds)) for _ in range(rng.choice([1, 1, 2]))])
    spatial = [rank for slot in arrays for array in slot for rank in array]
    for rank, bound in bounds.items():
        few = 1 if bound > 1 and rank not in spatial else 0
        for _ in range(max(few, rng.choice([0, 1, 1, 2, 2, 3]))):
            slots[rng.randrange(memories)].append([rank])
    # outermost first: memory, then the temporal loops of its slot with the arrays anywhere among them
    layout: list[tuple[str, list[str]]] = []
    for slot, group in zip(slots, arrays, strict=True):
        below = [("loop", loop) for loop in slot]
        rng.shuffle(below)
        for array in group:
            at = len(below) if rng.random() < 0.6 else rng.randint(0, len(below))
            below.insert(at, ("array", array))
        layout += [("memory", []), *below]
    order = [(at, n, rank) for at, (_, inside) in enumerate(layout) for n, rank in enumerate(inside)]
    factors = _factors(rng, bounds, order, layout, idle)
    if prod(factors[at, n] for at, n, _ in order if layout[at][0] == "array") > 24:
        return []
    return _write(rng, bounds, tensors, layout, factors, inner_homes)


def _factors(
    rng: random.Random,
    bounds: dict[str, int],
    order: list[tuple[int, int, str]],
    layout: list[tuple[str, list[str]]],
    idle: bool,
) -> dict[tuple[int, int], int]:
    """Draw the factor of every loop, innermost first; the outermost of a rank takes what is left."""
    factors: dict[tuple[int, int], int] = {}
    stride = dict.fromkeys(bounds, 1)
    for place, (at, n, rank) in reversed(list(enumerate(order))):
        left = -(-bounds[rank] // stride[rank])
        outer = [layout[a][0] for a, _, r in order[:place] if r == rank]
        if not outer:
            factor = left
        elif left == 1:
            factor = 1
        else:
            exact = [f for f in range(1, left + 1) if left % f == 0]
            ragged = range(2, left + 1)
            if left > 2 and rng.random() < (0.8 if "array" in outer else 0.4):  # leave something for further out
                exact, ragged = exact[:-1], range(2, left)
            factor = rng.choice(exact if rng.random() < 0.5 else ragged)
            if layout[at][0] == "array" and factor == 1 and rng.random() < 0.7:
                factor = rng.choice(ragged)
            if idle and rng.random() < 0.03:
                factor = left + rng.choice([1, 2])
        factors[at, n] = factor
        stride[rank] *= factor
    return factors


def _write(
    rng: random.Random,
    bounds: dict[str, int],
    tensors: list[Tensor],
    layout: list[tuple[str, list[str]]],
    factors: dict[tuple[int, int], int],
    inner_homes: bool,
) -> list[Node]:
    """Write the nest, with what each memory keeps and how each array shares."""
    nest: list[Node] = []
    memories = numbers = 0
    keep_rate = rng.choice([0.4, 0.7, 0.7, 0.9])
    same = rng.choice(["none", "tile", "tile", "element", "element", ""])
    last = max(at for at, (what, _) in enumerate(layout) if what == "memory")
    homed: set[str] = set()
    reducing: set[str] = set()  # ranks with loops so far
    for at, (what, inside) in enumerate(layout):
        if what == "memory":
            kept = []
            for tensor in tensors:
                further_in = inner_homes and at != last and rng.random() < 0.3
                whole = tensor.role == "input" or not (reducing - tensor.ranks)
                if tensor.name not in homed and inner_homes and not whole:
                    raise AssertionError("the home of an output came too late")
                if memories == 0 or tensor.name not in homed:
                    if further_in and _next_is_whole(tensor, layout, factors, at):
                        continue
                elif rng.random() >= keep_rate:
                    continue
                kept.append(tensor.name)
                homed.add(tensor.name)
            nest.append(("memory", f"M{memories}", tuple(kept)))
            memories += 1
        elif what == "loop":
            nest.append(("loop", inside[0], factors[at, 0]))
        else:
            multicast = same or rng.choice(["none", "tile", "element"])
            if rng.random() < 0.2:
                multicast = rng.choice(["none", "tile", "element"])
            spatial = tuple((rank, factors[at, n]) for n, rank in enumerate(inside))
            nest.append(("array", f"A{numbers}", multicast, rng.random() < 0.6, spatial))
            numbers += 1
        reducing |= {rank for n, rank in enumerate(inside) if factors[at, n] > 1}
    nest.append(("compute",))
    return nest


def _next_is_whole(
    tensor: Tensor, layout: list[tuple[str, list[str]]], factors: dict[tuple[int, int], int], at: int
) -> bool:
    """Whether no loop that reduces into an output stands between here and the next memory (inputs: always)."""
    if tensor.role == "input":
        return True
    for place in range(at + 1, len(layout)):
        what, inside = layout[place]
        if what == "memory":
            return True
        if any(rank not in tensor.ranks and factors[place, n] > 1 for n, rank in enumerate(inside)):
            return False
    return False


def to_yaml(problem: Problem, name: str = "random") -> tuple[str, str, str]:
    """Return architecture, workload and mapping of a problem in the user's formats (formats.md)."""
    return _arch_yaml(problem, name), _workload_yaml(problem, name), _mapping_yaml(problem)


def _axes(loops: tuple[tuple[str, int], ...]) -> dict[str, list[tuple[str, int]]]:
    """Put the loops of an array on its axes: the last one on y, those before it (or the only one) on x."""
    if len(loops) == 1 or len({rank for rank, _ in loops}) < len(loops):
        return {"x": list(loops)}  # one rank twice: the order within one axis says which is further in
    return {"x": list(loops[:-1]), "y": list(loops[-1:])}


def _arch_yaml(problem: Problem, name: str) -> str:
    """Write the architecture: the memories and arrays of the nest, in its order."""
    lines = ["arch:", f"  name: {name}", "  libraries: [relative]", "  nodes:"]
    memories = [n[1] for n in problem.nest if n[0] == "memory"]
    for node in problem.nest:
        if node[0] == "memory":
            at = memories.index(node[1])
            kind = "dram" if at == 0 else "regfile" if at == len(memories) - 1 else "sram"
            lines += [f"  - memory: {node[1]}", f"    class: {kind}"]
        elif node[0] == "array":
            shape = ", ".join(f"{axis}: {prod(f for _, f in loops)}" for axis, loops in _axes(node[4]).items())
            lines += [
                f"  - array: {node[1]}",
                f"    shape: {{{shape}}}",
                f"    multicast: {node[2]}",
                f"    reduce: {str(node[3]).lower()}",
            ]
    return "\n".join([*lines, "  - compute: MAC", "    class: mac", ""])


def _workload_yaml(problem: Problem, name: str) -> str:
    """Write the workload in op form; every tensor is of a kind of its own."""
    kinds = [f"kind_{t.name}" for t in problem.tensors]
    lines = [
        "workload:",
        f"  name: {name}",
        f"  kinds: [{', '.join(kinds)}]",
        f"  bits: {{{', '.join(f'{kind}: 8' for kind in kinds)}}}",
        "  ops:",
        "  - name: op",
        "    stage: forward",
        "    action: multiply_accumulate",
        f"    ranks: {{{', '.join(f'{rank}: {bound}' for rank, bound in problem.ranks.items())}}}",
        f'    compute: "{_statement(problem)}"',
        "    tensors:",
    ]
    for tensor, kind in zip(problem.tensors, kinds, strict=True):
        entry = [f"kind: {kind}"]
        spans = [dim.span(problem.ranks) for dim in tensor.dims]
        if any(low < 0 or high != dim.size - 1 for dim, (low, high) in zip(tensor.dims, spans, strict=True)):
            entry.append(f"shape: [{', '.join(str(dim.size) for dim in tensor.dims)}]")
        if tensor.initialised:
            entry.append("initialised: true")
        lines.append(f"      {tensor.name}: {{{', '.join(entry)}}}")
    return "\n".join([*lines, ""])


def _statement(problem: Problem) -> str:
    """Write the op as text: a sum of products, or a function where there are several results."""

    def access(tensor: Tensor) -> str:
        return f"{tensor.name}[{','.join(map(_expression, tensor.dims))}]"

    inputs = [access(t) for t in problem.tensors if t.role == "input"]
    outputs = [access(t) for t in problem.tensors if t.role == "output"]
    if len(outputs) > 1:
        return f"{', '.join(outputs)} = f({', '.join(inputs)})"
    return f"{outputs[0]} += {' * '.join(inputs)}"


def _expression(dim: Dim) -> str:
    """Write a dimension as text, such as ``2*p + r - 1``."""
    terms = [(coef, rank if abs(coef) == 1 else f"{abs(coef)}*{rank}") for rank, coef in dim.ranks.items()]
    terms.sort(key=lambda term: term[0] < 0)  # a leading minus only where nothing is positive
    if dim.offset or not terms:
        terms.append((dim.offset, str(abs(dim.offset))))
    text = "".join(f" {'-' if coef < 0 else '+'} {term}" for coef, term in terms)
    return text.removeprefix(" + ").strip()


def _mapping_yaml(problem: Problem) -> str:
    """Write the mapping: temporal loops in a row share a `for`, every memory says what it keeps."""
    lines = ["mapping:", '- ops: "op"', "  nest:"]
    row: list[str] = []
    for node in problem.nest:
        if node[0] == "loop":
            row.append(f"{node[1]} {node[2]}")
            continue
        if row:
            lines.append(f"  - for: {', '.join(row)}")
            row = []
        if node[0] == "memory":
            lines += [f"  - memory: {node[1]}", f"    keep: [{', '.join(node[2])}]"]
        elif node[0] == "array":
            lines.append(f"  - array: {node[1]}")
            for axis, loops in _axes(node[4]).items():
                lines.append(f"    {axis}: {', '.join(f'{rank} {factor}' for rank, factor in loops)}")
    return "\n".join([*lines, "  - compute: MAC", ""])
