"""What ships with sata: its files, what each says of itself, and copies of them to begin with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sata.specs.text.faults import Fault, SpecError, Where, did_you_mean
from sata.specs.text.find import FOLDERS, shipped
from sata.specs.workload.template_file import SHIPPED as TEMPLATES

TEMPLATE_FOLDER = "templates"
LIST_FOLDERS = (*FOLDERS, TEMPLATE_FOLDER)
_TABLE = re.compile(r"\btable: *([\w./-]+\.csv)\b")  # what a library reads


@dataclass(frozen=True, slots=True)
class ShippedFile:
    """A shipped file: its folder, its path, and the first sentence of the comment that it begins with."""

    folder: str
    path: Path
    about: str

    @property
    def name(self) -> str:
        """Its name on the command line: `arch/sata.yaml`."""
        return f"{self.folder}/{self.path.name}"

    @property
    def reads(self) -> tuple[Path, ...]:
        """The tables beside it that a library reads."""
        text = self.path.read_text(encoding="utf-8")
        found = [self.path.parent / name for name in dict.fromkeys(_TABLE.findall(text))]
        return tuple(path for path in found if path.is_file())


def folder_of(name: str) -> Path:
    """Where the files of one of `LIST_FOLDERS` lie."""
    return TEMPLATES if name == TEMPLATE_FOLDER else shipped(name)


def list_shipped_files(folders: Sequence[str] = LIST_FOLDERS) -> list[ShippedFile]:
    """All YAML files that ship, folder by folder."""
    return [
        ShippedFile(folder, path, _about(path))
        for folder in folders
        for path in sorted(folder_of(folder).glob("*.yaml"))
    ]


def users() -> dict[str, list[str]]:
    """`components/sata_32nm.yaml` -> the shipped architectures that take it, as a library or for their mapping."""
    from sata.specs import load

    found: dict[str, list[str]] = {}
    for file in list_shipped_files(["arch"]):
        arch = load(str(file.path)).arch
        assert arch is not None
        for name in (f"mappings/{arch.name}.yaml", *(f"components/{library}.yaml" for library in arch.libraries)):
            found.setdefault(name, []).append(file.name)
    return found


def find_shipped(name: str) -> ShippedFile:
    """The shipped file that `arch/sata.yaml`, `arch/sata` or, where there is one only, `vgg5_cifar10` means.

    Raises: SpecError that names the nearest, or those among which the name does not choose.
    """
    files = list_shipped_files()
    wanted = PurePosixPath(name if name.endswith(".yaml") else f"{name}.yaml").as_posix()
    found = [file for file in files if wanted in (file.name, file.path.name)]
    if len(found) == 1:
        return found[0]
    names = [file.name for file in found or files]
    if found:
        raise SpecError([Fault(Where(), f"'{name}' may be {' or '.join(names)}", "say which")])
    stems = {file.path.stem: file.name for file in files}
    near = did_you_mean(PurePosixPath(wanted).stem, stems).split("'")[1:2]
    hint = f"did you mean '{stems[near[0]]}'?" if near else "`sata list` lists what there is"
    raise SpecError([Fault(Where(), f"no shipped file '{name}'", hint)])


def how_to_change(label: str) -> str:
    """What to do about a fault in a file of this label where that file is a shipped one outside the current folder;
    else an empty text."""
    folder, _, name = label.partition("/")
    path = shipped(folder) / name if folder in FOLDERS and name else None
    if path is None or Path(label).is_file() or not path.is_file():
        return ""
    return f"{label} ships with sata: `sata list {label} --copy .` copies it here, where it goes before the shipped one"


def copies(files: Sequence[ShippedFile], folder: Path) -> dict[Path, Path]:
    """Target -> source of copies below `folder`, with the tables that libraries read: `mappings/sata.yaml` stays that.

    Raises: SpecError for targets that are there already.
    """
    found = {folder / file.folder / path.name: path for file in files for path in (file.path, *file.reads)}
    there = [
        Fault(Where(str(target)), "is there already and is not overwritten") for target in found if target.exists()
    ]
    if there:
        raise SpecError(there)
    return found


def _about(path: Path) -> str:
    """The first sentence of the leading comment, without what it says in brackets."""
    text = " ".join(_comment(path))
    for _ in range(2):  # brackets may stand in brackets
        text = re.sub(r"\s*\([^()]*\)", "", text)
    return re.split(r"(?<=[a-z0-9\]])[.:;] (?=[A-Z0-9a-z])", f"{text} ", maxsplit=1)[0].strip().rstrip(".:")


def _comment(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("#") or not line.strip("# \n"):
                return
            yield line.strip("# \n")
