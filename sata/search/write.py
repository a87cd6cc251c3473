"""The mapping that was found, as the file a user would write, its certificate in the comments at the top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sata.search.solve import Answer, Point
from sata.specs.model import Arch, Array, Memory


def chosen(answer: Answer) -> Point:
    """The one mapping of an answer that a file takes: of a Pareto front, that with the least product."""
    return (
        min(answer.points, key=lambda p: p.energy_pj * p.cycles) if answer.objective == "pareto" else answer.points[0]
    )


def nest_of_point(point: Point, arch: Arch, compute: str) -> list[dict[str, Any]]:
    """The nest as data in the format of mappings. Arrays that nothing is unrolled on are left out."""
    kinds = {n.name: n for way in arch.ways() for n in way}
    nest: list[dict[str, Any]] = []
    for number, name in enumerate(point.items):
        own = [p for p in point.loops if p.item == number]
        node = kinds[name]
        if isinstance(node, Memory):
            nest.append({"memory": name, "keep": list(point.keeps[name])})
        elif isinstance(node, Array):
            axes = {a: ", ".join(f"{p.rank} {p.factor}" for p in own if p.axis == a) for a in node.shape}
            if any(axes.values()):
                nest.append({"array": name, **{a: text for a, text in axes.items() if text}})
        else:
            nest.append({"compute": compute})
        temporal = ", ".join(f"{p.rank} {p.factor}" for p in own if not p.axis)
        if temporal:
            nest.append({"for": temporal})
    return nest


def mapping_data(answers: Mapping[str, Answer], arch: Arch) -> list[dict[str, Any]]:
    """The value of `mapping:` for ops by name."""
    found = []
    for op, answer in answers.items():
        point = chosen(answer)
        found.append({"ops": op, "nest": nest_of_point(point, arch, point.items[-1])})
    return found


def mapping_text(answers: Mapping[str, Answer], arch: Arch, header: Sequence[str]) -> str:
    """The file: comments, then an entry for every op with its own certificate."""
    lines = [*(f"# {line}".rstrip() for line in header), "mapping:"]
    for (op, answer), entry in zip(answers.items(), mapping_data(answers, arch), strict=True):
        lines += [f"# {line}" for line in certificate(answer)]
        lines += [f"- ops: {_quoted(op)}", "  nest:"]
        for node in entry["nest"]:
            lines.append(f"  - {{{', '.join(f'{k}: {_value(v)}' for k, v in node.items())}}}")
    return "\n".join([*lines, ""])


def certificate(answer: Answer) -> list[str]:
    """What is known of an answer, in a few lines."""
    point = chosen(answer)
    scope = "ragged and exact factors" if answer.ragged else "exact factors"
    sure = "proven optimal" if answer.proven else f"within {answer.gap:.3%} of the optimum"
    if answer.objective == "pareto":
        known = "proven" if answer.proven else "not proven complete"
        sure = f"Pareto front of {len(answer.points)}, {known}; least product"
    counts = answer.counts
    return [
        f"{answer.op}: {point.energy_pj:.6g} pJ, {point.cycles:.6g} cycles; {answer.objective}: {sure}",
        f"  scope: {answer.skeletons} choices of what memories keep, every order, {scope}; partial nests: "
        f"{counts.get('generated', 0)} looked at, {counts.get('hopeless', 0)} left out by bound, "
        f"{counts.get('merged', 0)} by a better one, {counts.get('unfit', 0)} too large; bound {answer.bound:.6g}",
    ]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_quoted(v) if not v.isidentifier() else v for v in value) + "]"
    text = str(value)
    return text if text.replace("_", "").isalnum() else _quoted(text)
