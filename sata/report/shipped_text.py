"""What `sata list` and `sata templates` print: what ships, and what templates ask of an architecture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sata.report.text import Block, Lines, TextTable
from sata.specs.shipped import ShippedFile
from sata.specs.workload.template_actions import ActionRequest
from sata.specs.workload.template_file import Header

_TITLES = {
    "arch": "Architectures",
    "workloads": "Workloads",
    "mappings": "Mappings, taken for the architecture of their name",
    "components": "Component libraries (sata components lists their classes)",
    "sweeps": "Sweeps (sata sweep makes their tables)",
    "templates": "Templates (sata templates says what they ask for)",
}
_USE = (
    "run      sata run arch/sata.yaml workloads/vgg5_cifar10.yaml",
    "print    sata list workloads/vgg5_cifar10.yaml",
    "copy     sata list mappings/sata.yaml --copy .",
)


def list_blocks(files: Sequence[ShippedFile], users: Mapping[str, Sequence[str]]) -> list[Block]:
    """The files of each folder with what they say of themselves, and which architectures take them."""
    blocks: list[Block] = []
    for folder, title in _TITLES.items():
        here = [file for file in files if file.folder == folder]
        room = max((len(file.name) for file in here), default=0)
        if here:
            by = {name: f" (of {', '.join(takers)})" for name, takers in users.items()}
            lines = tuple(f"  {file.name.ljust(room)}  {file.about}{by.get(file.name, '')}" for file in here)
            blocks.append(Lines(title, lines))
    return blocks


def use_block() -> Block:
    """How to run, print and copy what ships."""
    return Lines("To use them", tuple(f"  {line}" for line in _USE))


def list_data(files: Sequence[ShippedFile], users: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """The same as data."""
    return [{"file": file.name, "folder": file.folder, "about": file.about, "used_by": list(users.get(file.name, ()))}
            for file in files]  # fmt: skip


def template_blocks(name: str, header: Header, asked: Sequence[ActionRequest]) -> list[Block]:
    """What a template is for, its options, and a table of its ops and of the actions that they ask for."""
    lines = [f"  {header.about}"] if header.about else []
    for option, said in header.options.items():
        values = " | ".join(_yaml(value) for value in (said.default, *(v for v in said.values if v != said.default)))
        lines.append(f"  option  {option}: {values}{f' ({said.about})' if said.about else ''}")
    return [Lines(name, tuple(lines)), *_ops_tables(name, asked), *_closing(asked)]


def _ops_tables(name: str, asked: Sequence[ActionRequest]) -> list[Block]:
    """The ops that are there by default, then those of each option; the actions of one op stand together."""
    order = list(dict.fromkeys(one.op for one in asked))
    rows = sorted(asked, key=lambda one: order.index(one.op))
    head = ("op", "stage", "action", "of layers")
    return [
        TextTable(f"Ops of {name}{f' with {option}' if option else ''}", head, "llll",
              tuple((one.op, one.stage, one.action, ", ".join(one.layers)) for one in rows if one.option == option))
        for option in dict.fromkeys(one.option for one in asked)
    ]  # fmt: skip


def _closing(asked: Sequence[ActionRequest]) -> list[Block]:
    """What else is needed, and when which of two actions is asked for."""
    lines = ["  The class of a compute prices the actions of the ops that a mapping puts on it, the class of a memory "
             "read and write."]  # fmt: skip
    if {"accumulate", "multiply_accumulate"} <= {one.action for one in asked}:
        lines.append("  accumulate: the input is spikes, multiply_accumulate: it has several bits.")
    return [Lines("", tuple(lines))]


def template_data(name: str, header: Header, asked: Sequence[ActionRequest]) -> Mapping[str, Any]:
    """The same as data."""
    return {
        "template": name,
        "about": header.about,
        "options": {
            option: {"values": list(said.values), "default": said.default, "about": said.about}
            for option, said in header.options.items()
        },
        "ops": [
            {
                "op": one.op,
                "stage": one.stage,
                "action": one.action,
                "layers": list(one.layers),
                "only_with": one.option,
            }
            for one in asked
        ],
    }


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
