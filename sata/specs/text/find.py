"""Where files are: the current folder first, then what the package ships."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from sata.specs.text.access import granted
from sata.specs.text.faults import Fault, SpecError, Where, did_you_mean

FOLDERS = ("arch", "workloads", "mappings", "components", "sweeps")


def shipped(folder: str) -> Path:
    """A shipped folder, one of FOLDERS: in the wheel, else in the checkout."""
    package = Path(__file__).resolve().parents[2]
    inside = package / "shipped" / folder
    return inside if inside.is_dir() else package.parent / folder


def find(name: str, folder: str = "", base: Path | None = None) -> Path:
    """The file that `name` means: `arch/sata.yaml`, `sata.yaml` and `sata` all find the shipped architecture.

    A file of the current folder goes before a shipped one; between them stand those of `base`, the folder of the file
    that says the name, if one does. `folder` may be empty: then only names that start with a shipped folder's name are
    looked up there.
    Raises: SpecError naming the nearest file if there is none, or if it is a directory.
    """
    try:
        for path in _candidates(name, folder, base):
            if path.is_file():
                return path
        is_folder = Path(name).is_dir()
    except (OSError, ValueError) as error:  # a name that the system refuses: too long, a NUL, a loop of links
        raise SpecError([Fault(Where(_short(name)), f"cannot be opened: {_reason(error)}")]) from None
    if is_folder:
        inside = sorted(p.name for p in Path(name).glob("*.y*ml"))[:5]
        hint = f"it holds {', '.join(inside)}" if inside else ""
        raise SpecError([Fault(Where(_short(name)), "is a directory, a YAML file is expected", hint)])
    if Path(name).exists():
        raise SpecError([Fault(Where(_short(name)), "is not a regular file")])
    raise SpecError([Fault(Where(_short(name)), "no such file", _near(name, folder, base))])


def beside(text: str, folder: Path, where: Where, role: str = "included file", pattern: str = "*.y*ml") -> Path:
    """The file that another one, in `folder`, names: beside it, else among the shipped ones; of the role "trace" also
    in the folders of recordings that are granted. It must lie where `sata.specs.text.access` says.

    Raises: SpecError, at `where`, for a file that lies elsewhere or is not there; the hint is the nearest of `pattern`.
    """
    relative_name(text, where)
    roots = roots_of(folder, role)
    data = [Path(f) for f in granted().data] if role == "trace" else []
    candidates = [top / text for top in (folder, *data, *map(shipped, FOLDERS))]
    candidates += [shipped(f).parent / text for f in FOLDERS if text.startswith(f + "/")]
    include = role == "included file"
    try:
        for path in candidates:
            if not path.is_file():
                continue
            if not is_within(path, roots):
                raise SpecError([Fault(where, outside(text, role))])
            return path
        is_folder = not include and (folder / text).is_dir()
    except SpecError:
        raise
    except (OSError, ValueError) as error:  # a name that the system refuses
        raise SpecError([Fault(where, f"'{text}' cannot be opened: {_reason(error)}")]) from None
    if is_folder:
        raise SpecError([Fault(where, f"'{text}' is a directory, a file is expected")])
    if not is_within(folder / text, roots):
        raise SpecError([Fault(where, outside(text, role))])
    looked = folder if include or ".." in Path(text).parts else (folder / text).parent
    near = nearest_file(text, [p.relative_to(folder).as_posix() for p in looked.glob(pattern)])
    raise SpecError([Fault(where, f"no such file '{text}'" + (" to include" if include else ""), near)])


def relative_name(text: str, where: Where) -> None:
    """Raises: SpecError for a name that a file may not give another one: an absolute one, or none at all."""
    if not text or Path(text).is_absolute() or "\0" in text or len(text) > 1000:
        raise SpecError([Fault(where, f"'{text[:60]}' must be a relative file name")])


def roots_of(folder: Path, role: str = "") -> list[Path]:
    """The folders in which a file may lie that one of `folder` names."""
    data = [Path(f) for f in granted().data] if role == "trace" else []
    return [p.resolve() for p in (folder, Path(), *data, *(shipped(f) for f in FOLDERS))]


def is_within(path: Path, roots: Iterable[Path]) -> bool:
    """Whether a file lies in one of these folders, links followed."""
    real = path.resolve()
    return any(real.is_relative_to(root) for root in roots)


def outside(text: str, role: str = "") -> str:
    """What is said of a file that lies elsewhere."""
    saying = "including file's folder" if role == "included file" else "folder of the file that names it"
    more = "; --data FOLDER allows one more for recordings" if role == "trace" else ""
    return f"'{text}' lies outside the {saying}, the current folder and the shipped ones{more}"


def mapping_name(arch: str) -> str:
    """The file of the mapping that is taken for an architecture where none is named; "" for a name that would lead
    out of the folder."""
    name = f"mappings/{arch}.yaml"
    plain = arch.isprintable() and len(arch) < 200 and not {"/", "\\", "\0"} & set(arch) and not arch.startswith(".")
    return name if plain else ""


def label_of(name: str, path: Path) -> str:
    """How faults call the file: as the user gave it, or `arch/sata.yaml` where the ending or folder was left out."""
    if Path(name) == path:
        return name
    for folder in FOLDERS:
        if path.is_relative_to(shipped(folder)):
            return f"{folder}/{path.relative_to(shipped(folder)).as_posix()}"
    return path.as_posix()


def _candidates(name: str, folder: str, base: Path | None) -> list[Path]:
    names = [name, f"{name}.yaml"]
    found = [Path(n) for n in names]
    if not Path(name).is_absolute():
        tops = [Path()] if base is None else [Path(), base]
        found = [top / inner / n for top in tops for inner in (["", folder] if folder else [""]) for n in names]
    for known in FOLDERS:
        parts = Path(name).parts
        if not parts or Path(name).is_absolute() or ".." in parts:
            continue
        if parts[0] == known and len(parts) > 1:
            found += [shipped(known) / Path(*parts[1:-1]) / n for n in (parts[-1], f"{parts[-1]}.yaml")]
        elif known == folder:
            found += [shipped(known) / n for n in names]
    return found


def _near(name: str, folder: str, base: Path | None) -> str:
    """`did you mean 'x'?` among the files beside the missing one and the shipped ones of its folder."""
    here = Path(name).parent
    tops = [here, *([base / here, base / folder / here] if base is not None else [])]
    known = {(top / p.name).as_posix() for top in tops if top.is_dir() for p in top.glob("*.y*ml")}
    for candidate in FOLDERS:
        if candidate == folder or here.parts[:1] == (candidate,):
            known |= {f"{candidate}/{p.name}" for p in shipped(candidate).glob("*.y*ml")}
    stem = Path(name).name.removesuffix(".yaml")
    named = [f"{f}/{stem}.yaml" for f in FOLDERS if (shipped(f) / f"{stem}.yaml").is_file()]
    bare = not folder and here == Path() and named  # any of the shipped folders may be meant
    hint = f"did you mean {' or '.join(repr(n) for n in named)}?" if bare else nearest_file(name, known)
    folder = folder or (here.parts[0] if here.parts[:1] and here.parts[0] in FOLDERS else "")
    looked = [str(here) if str(here) != "." else "the current folder", *_looked_beside(here, folder, base)]
    said = f"looked in {listed_and([*looked, *([f'the shipped {folder}'] if folder else [])])}"
    return f"{hint} ({said})" if hint else said


def _looked_beside(here: Path, folder: str, base: Path | None) -> list[str]:
    """The further folders that were looked in for a name that stands in a file of `base`."""
    if base is None or here.is_absolute():
        return []
    elsewhere = base.resolve() != Path.cwd()
    tops = [Path(folder) / here, *([base / here, base / folder / here] if elsewhere else [])]
    return [top.as_posix() for top in dict.fromkeys(tops)]


def listed_and(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def nearest_file(name: str, known: Iterable[str]) -> str:
    """`did you mean 'x'?` without regard to endings and folders, which all files share."""
    stems = {Path(k).stem: k for k in sorted(known)}
    hint = did_you_mean(Path(name).stem, stems)
    near = hint.removeprefix("did you mean '").removesuffix("'?")
    return f"did you mean '{stems[near]}'?" if hint else ""


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()


def _short(name: str) -> str:
    text = name if name.isprintable() else repr(name)[1:-1]
    return text if len(text) <= 120 else text[:100] + "..."
