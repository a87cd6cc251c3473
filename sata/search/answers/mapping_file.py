"""The mapping that was found, as the file a user would write, its certificate in the comments at the top."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sata.search.answers.scope import CACHE, FILE_ORDER, gap_of, scope_of
from sata.search.model.answer import Answer, MappingPoint
from sata.specs.model import Arch, Array, Memory


def chosen(answer: Answer) -> MappingPoint:
    """The one mapping of an answer that a file takes: of a Pareto front, that with the least product."""
    return (
        min(answer.points, key=lambda p: p.energy_pj * p.cycles) if answer.objective == "pareto" else answer.points[0]
    )


def nest_of_point(point: MappingPoint, arch: Arch, compute: str, arrays: bool = False) -> list[dict[str, Any]]:
    """The nest as data in the format of mappings. Arrays that nothing is unrolled on are left out, unless `arrays`."""
    kinds = {n.name: n for way in arch.ways() for n in way}
    nest: list[dict[str, Any]] = []
    for number, name in enumerate(point.items):
        here = [p for p in point.loops if p.item == number]
        node = kinds[name]
        if isinstance(node, Memory):
            nest.append({"memory": name, "keep": list(point.keeps[name])})
        elif isinstance(node, Array):
            axes = {a: ", ".join(f"{p.rank} {p.factor}" for p in here if p.axis == a) for a in node.shape}
            if arrays or any(axes.values()):
                nest.append({"array": name, **{a: text for a, text in axes.items() if text}})
        else:
            nest.append({"compute": compute})
        temporal = ", ".join(f"{p.rank} {p.factor}" for p in here if not p.axis)
        if temporal:
            nest.append({"for": temporal})
    return nest


def mapping_data(answers: Mapping[str, Answer], arch: Arch) -> list[dict[str, Any]]:
    """The value of `mapping:` for ops by name; fused ones have one entry."""
    entries: list[dict[str, Any]] = []
    for ops, nest in _entries(answers, arch):
        entries.append({"ops": ops[0] if len(ops) == 1 else list(ops), "nest": nest})
    return entries


def _entries(answers: Mapping[str, Answer], arch: Arch) -> Iterator[tuple[tuple[str, ...], list[dict[str, Any]]]]:
    """(names of ops, their nest), in the order of the first op of each."""
    for op, answer in answers.items():
        fusion = answer.fusion
        if fusion is None or not fusion.split or len(fusion.ops) == 1:
            point = chosen(answer)
            yield (op,), nest_of_point(point, arch, point.items[-1])
        elif op == fusion.ops[0]:
            points = [chosen(answers[name]) for name in fusion.ops]
            yield fusion.ops, fused_nest(points, fusion.split, arch, fusion.loops)


def fused_nest(
    points: Sequence[MappingPoint], home: str, arch: Arch, loops: Sequence[tuple[str, int]] = (), arrays: bool = False
) -> list[dict[str, Any]]:
    """One nest of several points: what they share down to their home, and loops right below it, then a way for each."""
    turns = [(rank, factor) for rank, factor in loops if factor > 1]
    points = [replace(p, loops=p.loops[len(turns) :]) for p in points]
    nests = [nest_of_point(p, arch, p.items[-1], arrays) for p in points]
    ends = [next(n for n, node in enumerate(nest) if node.get("memory") == home) for nest in nests]
    trunk = []
    for alike in zip(*(nest[: end + 1] for nest, end in zip(nests, ends, strict=True)), strict=True):
        node = dict(alike[0])
        if "memory" in node:
            node["keep"] = list(dict.fromkeys(name for own in alike for name in own["keep"]))
        trunk.append(node)
    if turns:
        trunk.append({"for": ", ".join(f"{rank} {factor}" for rank, factor in turns)})
    return [*trunk, {"split": [nest[end + 1 :] for nest, end in zip(nests, ends, strict=True)]}]


def mapping_text(answers: Mapping[str, Answer], arch: Arch, header: Sequence[str]) -> str:
    """The file: comments, then an entry for every op, or for those that are fused, with its own certificate."""
    lines = [*(f"# {line}".rstrip() for line in header), "mapping:"]
    for ops, nest in _entries(answers, arch):
        lines += [f"# {line}" for op in ops for line in certificate(answers[op])]
        lines += [f"# {line}" for line in fused_certificate(answers[ops[0]])]
        lines += [f"- ops: {_quoted(ops[0]) if len(ops) == 1 else '[' + ', '.join(map(_quoted, ops)) + ']'}", "  nest:"]
        for node in nest:
            lines += _lines(node)
    return "\n".join([*lines, ""])


def _lines(node: Mapping[str, Any]) -> list[str]:
    if "split" not in node:
        return [f"  - {_node(node)}"]
    lines = ["  - split:"]
    for way in node["split"]:
        lines += [f"    {'- -' if not n else '  -'} {_node(inner)}" for n, inner in enumerate(way)]
    return lines


def _node(node: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{k}: {_value(v)}" for k, v in node.items()) + "}"


def fused_certificate(answer: Answer) -> list[str]:
    """What is known of ops that were searched together, where this op is the first of them."""
    fusion = answer.fusion
    if fusion is None or answer.op != fusion.ops[0]:
        return []
    names = " and ".join(fusion.ops)
    if fusion.loops:
        turns = ", ".join(f"{rank} {factor}" for rank, factor in fusion.loops)
        sure = "proven optimal" if fusion.proven else f"within {gap_of(answer):.3%} of the optimum"
        what = f"a cycle over {turns}, a loop right below {fusion.split}: {fusion.value:.6g}, {sure}"
        return [f"{names}: {what}", f"  scope: they share that loop and {fusion.split} alone, which keeps what passes"]
    if not fusion.kinds:
        return [f"{names} cannot be fused here"]
    where = CACHE if answer.cached else scope_of(answer)
    if fusion.split:
        sure = f"proven optimal ({where})" if fusion.proven else f"within {gap_of(answer):.3%} of the optimum"
        what = f"fused below {fusion.split}: {fusion.value:.6g}, {sure}; apart {fusion.apart:.6g} was found"
    elif fusion.fused >= fusion.value * (1 - 1e-10):
        what = f"apart: {fusion.value:.6g}; fused they are proven ({where}) to be no better"
    else:
        what = f"apart: {fusion.value:.6g}; nothing better was found fused; their lower bound is {fusion.fused:.6g}"
    return [
        f"{names}: {what}",
        f"  scope: {scope_of(answer)}; {fusion.kinds} ways to share loops and a home, as docs/search.md says",
    ]


def certificate(answer: Answer) -> list[str]:
    """What is known of an answer, in a few lines."""
    point = chosen(answer)
    scope = "imperfect and exact factors" if answer.ragged else "exact factors"
    where = CACHE if answer.cached else FILE_ORDER
    sure = f"proven optimal ({where})" if answer.proven else f"within {answer.gap:.3%} of the optimum"
    if answer.objective == "pareto":
        known = "proven" if answer.proven else "not proven complete"
        sure = f"Pareto front of {len(answer.points)}, {known}; least product"
    if answer.fusion is not None and answer.fusion.split:
        what = "a cycle" if answer.fusion.loops else "a fused pair" if len(answer.fusion.ops) == 2 else "a fused group"
        sure = f"its part of {what}, below {answer.fusion.split}"
    counts = answer.counts
    cycles = f"{point.cycles:.6g} cycles"
    if answer.fusion is not None and answer.fusion.split and not point.cycles:
        cycles = "no cycles beyond those of the op it overlaps"
    return [
        f"{answer.op}: {point.energy_pj:.6g} pJ, {cycles}; {answer.objective}: {sure}",
        *([f"  nest: that of {answer.origin}"] if answer.origin else []),
        "  scope: memories in the order of the file, each at one height;"
        f" {answer.skeletons} choices of what memories keep, every order, {scope}; partial mappings: "
        f"{counts.get('generated', 0)} made, {counts.get('pruned', 0)} pruned by bound, "
        f"{counts.get('dominated', 0)} dominated, {counts.get('too_large', 0)} too large; bound {answer.bound:.6g}",
    ]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_quoted(v) if not v.isidentifier() else v for v in value) + "]"
    text = str(value)
    return text if text.replace("_", "").isalnum() else _quoted(text)
