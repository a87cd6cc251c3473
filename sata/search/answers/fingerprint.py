"""What tells tasks apart: a text of everything that an answer depends on, and its hash.

Names of ops and layers and places in files are not part of it, so that identical layers are one task; names of nodes,
tensors and ranks stay, since a mapping speaks of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import Any

from sata.counts.density import MODELS, model_of
from sata.search.engine.group import GroupTask
from sata.search.engine.solve import Task
from sata.specs.encodings import FORMATS
from sata.specs.model import Density, Memory, Op, Tensor
from sata.specs.text.files import watching
from sata.version import __version__

REVISION = 11  # raised whenever the search may answer otherwise: what was kept before is then found no more
_PLACES = frozenset({"where", "places", "folder", "kinds"})
_LEFT_OUT: Mapping[str, frozenset[str]] = {
    "Op": frozenset({"name", "layer", "stage", "function", "compute"}),
    "Tensor": frozenset({"of", "stated"}),
    "Arch": frozenset({"name", "libraries"}),
    "Price": frozenset({"origin", "uncertainty", "library", "area_um2"}),
    "Task": frozenset({"budget", "starts"}),
    "GroupTask": frozenset({"budget", "starts"}),
    "CycleTask": frozenset({"budget", "starts", "text"}),
}


class Unknown(TypeError):
    """A value that has no text: a task that holds it is like no other."""


def ops_of(task: Task) -> tuple[Op, ...]:
    """The ops of a task, one or several that may be fused."""
    return task.ops if isinstance(task, GroupTask) else (task.op,)


def name_of(task: Task) -> str:
    """Its ops' names, joined by `+`."""
    return "+".join(op.name for op in ops_of(task))


def size_of(task: Task) -> float:
    """How long a search may take, compared with others: the more ranks an op has, and the larger they are."""
    size = 1.0
    for op in ops_of(task):
        for bound in op.ranks.values():
            size *= 1 + max(bound.bit_length(), 1)
    return size


def fingerprint_of(task: Task) -> str:
    """A hash in hexadecimal of all that the answer depends on, this version of sata included.

    Raises: Unknown if there is something in it that has no text.
    """
    text = "\n".join([__version__, str(REVISION), fingerprint_text(task), *_packages(task), *_files(task)])
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def fingerprint_text(value: Any) -> str:
    """One text for equal values, different ones for different values; the order of mappings counts.

    Raises: Unknown.
    """
    return "".join(_parts(value))


def _parts(value: Any) -> Iterator[str]:
    if value is None or isinstance(value, (bool, int, float, str)):
        yield f"{type(value).__name__[0]}{value!r};"
    elif isinstance(value, Enum):
        yield f"e{type(value).__name__}.{value.name};"
    elif is_dataclass(value) and not isinstance(value, type):
        name = type(value).__name__
        skipped = _PLACES | _LEFT_OUT.get(name, frozenset())
        yield f"{name}("
        for field in fields(value):
            if field.name not in skipped:
                yield f"{field.name}="
                yield from _parts(getattr(value, field.name))
        yield ")"
    elif isinstance(value, (tuple, list)):
        yield "["
        for item in value:
            yield from _parts(item)
        yield "]"
    elif isinstance(value, Mapping):
        yield "{"
        for key, item in value.items():
            yield from _parts(key)
            yield from _parts(item)
        yield "}"
    elif isinstance(value, Set):
        yield from _parts(sorted(value))
    elif hasattr(value, "item") and getattr(value, "ndim", 1) == 0:  # a number of numpy
        yield from _parts(value.item())
    else:
        raise Unknown(f"{type(value).__name__} has no text")


def _packages(task: Task) -> Iterator[str]:
    """Packages, with their versions, of the density models and formats that are not sata's own: another version may
    answer otherwise."""
    models = [t.density.model for op in ops_of(task) for t in op.tensors if isinstance(t.density, Density)]
    yield from (f"{name} {MODELS.owner(name)}" for name in models if name not in MODELS.own)
    memories = [node for path in task.arch.ways() for node in path if isinstance(node, Memory)]
    formats = [rank.name for memory in memories for form in memory.format.values() for rank in form.ranks]
    yield from (f"{name} {FORMATS.owner(name)}" for name in formats if name not in FORMATS.own)


def _files(task: Task) -> Iterator[str]:
    """The hash of every recorded tensor that a density names: its file may change while its name does not."""
    for op in ops_of(task):
        for tensor in op.tensors:
            if isinstance(tensor.density, Density) and "file" in tensor.density.given():
                yield _recorded(tensor)


def _recorded(tensor: Tensor) -> str:
    with watching() as files:
        model_of(tensor)
    if not files:
        raise Unknown(f"the file behind the density of '{tensor.name}' is not known")
    return " ".join(sha256(Path(f).read_bytes()).hexdigest() for f in sorted(files))
