"""Where files are: the current folder first, then what the package ships."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sata.specs.faults import Fault, SpecError, Where, did_you_mean

FOLDERS = ("arch", "workloads", "mappings", "components", "sweeps")


def shipped(folder: str) -> Path:
    """A shipped folder, one of FOLDERS: in the wheel, else in the checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "shipped" / folder
    return inside if inside.is_dir() else package.parent / folder


def find(name: str, folder: str = "") -> Path:
    """The file that `name` means: `arch/sata.yaml`, `sata.yaml` and `sata` all find the shipped architecture.

    A file of the current folder goes before a shipped one. `folder` may be empty: then only names that start with a
    shipped folder's name are looked up there.
    Raises: SpecError naming the nearest file if there is none, or if it is a directory.
    """
    try:
        for path in _candidates(name, folder):
            if path.is_file():
                return path
        is_folder = Path(name).is_dir()
    except (OSError, ValueError) as error:  # a name that the system refuses: too long, a NUL, a loop of links
        reason = getattr(error, "strerror", None) or str(error)
        raise SpecError([Fault(Where(_short(name)), f"cannot be opened: {reason.lower()}")]) from None
    if is_folder:
        inside = sorted(p.name for p in Path(name).glob("*.y*ml"))[:5]
        hint = f"it holds {', '.join(inside)}" if inside else ""
        raise SpecError([Fault(Where(_short(name)), "is a directory, a YAML file is expected", hint)])
    if Path(name).exists():
        raise SpecError([Fault(Where(_short(name)), "is not a regular file")])
    raise SpecError([Fault(Where(_short(name)), "no such file", _near(name, folder))])


def beside(text: str, folder: Path, where: Where, role: str = "included file", pattern: str = "*.y*ml") -> Path:
    """The file that another one, in `folder`, names: beside it, else among the shipped ones. It must lie in that
    folder, in the current one or among the shipped ones.

    Raises: SpecError, at `where`, for a file that lies elsewhere or is not there; the hint is the nearest of `pattern`.
    """
    if Path(text).is_absolute() or "\0" in text or len(text) > 1000:
        raise SpecError([Fault(where, f"'{text[:60]}' must be a relative file name")])
    roots = [p.resolve() for p in (folder, Path(), *(shipped(f) for f in FOLDERS))]
    candidates = [folder / text, *(shipped(f) / text for f in FOLDERS)]
    candidates += [shipped(f).parent / text for f in FOLDERS if text.startswith(f + "/")]
    include = role == "included file"
    for path in candidates:
        if not path.is_file():
            continue
        if not any(path.resolve().is_relative_to(root) for root in roots):
            saying = "including file's folder" if include else "folder of the file that names it"
            raise SpecError(
                [Fault(where, f"'{text}' lies outside the {saying}, the current folder and the shipped ones")]
            )
        return path
    if not include and (folder / text).is_dir():
        raise SpecError([Fault(where, f"'{text}' is a directory, a file is expected")])
    looked = folder if include or ".." in Path(text).parts else (folder / text).parent
    near = nearest_file(text, [p.relative_to(folder).as_posix() for p in looked.glob(pattern)])
    raise SpecError([Fault(where, f"no such file '{text}'" + (" to include" if include else ""), near)])


def label_of(name: str, path: Path) -> str:
    """How faults call the file: as the user gave it, or `arch/sata.yaml` where the ending or folder was left out."""
    if Path(name) == path:
        return name
    for folder in FOLDERS:
        if path.is_relative_to(shipped(folder)):
            return f"{folder}/{path.relative_to(shipped(folder)).as_posix()}"
    return path.as_posix()


def _candidates(name: str, folder: str) -> list[Path]:
    names = [name, f"{name}.yaml"]
    found = [Path(n) for n in names]
    if folder and not Path(name).is_absolute():
        found += [Path(folder) / n for n in names]
    for known in FOLDERS:
        parts = Path(name).parts
        if not parts or Path(name).is_absolute() or ".." in parts:
            continue
        if parts[0] == known and len(parts) > 1:
            found += [shipped(known) / Path(*parts[1:-1]) / n for n in (parts[-1], f"{parts[-1]}.yaml")]
        elif known == folder:
            found += [shipped(known) / n for n in names]
    return found


def _near(name: str, folder: str) -> str:
    """`did you mean 'x'?` among the files beside the missing one and the shipped ones of its folder."""
    here = Path(name).parent
    known = {(here / p.name).as_posix() for p in here.glob("*.y*ml")} if here.is_dir() else set()
    for candidate in FOLDERS:
        if candidate == folder or here.parts[:1] == (candidate,):
            known |= {f"{candidate}/{p.name}" for p in shipped(candidate).glob("*.y*ml")}
    hint = nearest_file(name, known)
    folder = folder or (here.parts[0] if here.parts[:1] and here.parts[0] in FOLDERS else "")
    looked = [str(here) if str(here) != "." else "the current folder", *([f"the shipped {folder}"] if folder else [])]
    return f"{hint} (looked in {' and '.join(looked)})" if hint else f"looked in {' and '.join(looked)}"


def nearest_file(name: str, known: Iterable[str]) -> str:
    """`did you mean 'x'?` without regard to endings and folders, which all files share."""
    stems = {Path(k).stem: k for k in sorted(known)}
    hint = did_you_mean(Path(name).stem, stems)
    near = hint.removeprefix("did you mean '").removesuffix("'?")
    return f"did you mean '{stems[near]}'?" if hint else ""


def _short(name: str) -> str:
    text = name if name.isprintable() else repr(name)[1:-1]
    return text if len(text) <= 120 else text[:100] + "..."
