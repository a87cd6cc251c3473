"""What a run may reach: one rule for the files that a file names, and whether code that a file names may run.

The user may name any file. A file may name others (include, table, library, trace, template, constraints, what a sweep
varies) by a relative name only; links followed, the file must lie in the folder of the file that names it, in the
current folder, or among the shipped ones. Recordings may also lie in the folders of `FileAccess.data`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sata.specs.text.faults import Fault, SpecError, Where
from sata.specs.text.memory import limited


@dataclass(frozen=True, slots=True)
class FileAccess:
    """What is granted beside the rule.

    data: further folders in which recordings may lie.
    plugins: whether a class that a file prices by `estimator:` may import the module that it names.
    code: False runs no plug-in at all, installed or not: their prices are then not known.
    skipped: with `code` False, the classes whose plug-ins were not asked.
    unloaded: with `code` False, what else of installed packages was not loaded, such as `the format 'x' of pack 1.0`.
    """

    data: tuple[str, ...] = ()
    plugins: bool = False
    code: bool = True
    skipped: set[str] = field(default_factory=set, compare=False, repr=False, hash=False)
    unloaded: set[str] = field(default_factory=set, compare=False, repr=False, hash=False)


_granted: ContextVar[FileAccess] = ContextVar("sata_access", default=FileAccess())  # noqa: B039 - what is skipped is only noted


def granted() -> FileAccess:
    """What is granted now."""
    return _granted.get()


@contextmanager
def granting(access: FileAccess) -> Iterator[FileAccess]:
    """Grant this, and nothing else, while the context lasts."""
    token = _granted.set(access)
    try:
        yield access
    finally:
        _granted.reset(token)


@contextmanager
def allow(*, plugins: bool = False, data: str | Path | None = None) -> Iterator[None]:
    """What `--allow-plugins` and `--data FOLDER` are on the command line, for calls inside the context.

    plugins: whether modules that a library names by `estimator:` may be imported. Importing a module runs it.
    data: a further folder in which recordings may lie.
    Raises: SpecError if `data` is not a folder.
    """
    now = granted()
    folders = () if data is None else (checked_folder(str(data)),)
    with granting(replace(now, plugins=now.plugins or plugins, data=(*now.data, *folders))):
        yield


def checked_folder(name: str) -> str:
    """The full path of a folder that the user names for recordings. Raises: SpecError if it is not a folder."""
    try:
        path = Path(name).resolve()
        if path.is_dir():
            return str(path)
        reason = "is not a folder" if path.exists() else "no such folder"
    except (OSError, ValueError) as error:
        reason = f"cannot be opened: {(getattr(error, 'strerror', None) or str(error)).lower()}"
    raise SpecError([Fault(Where(name), f"{reason}; --data takes a folder of recordings")])


@dataclass(frozen=True)
class Granted:
    """Work that is done with what was granted where it was given: in another process nothing is granted otherwise."""

    work: Callable[..., Any]
    access: FileAccess
    memory: int | None = None  # bytes that each process may take; None: as it is

    def __call__(self, *args: Any) -> Any:
        """The work."""
        if self.memory is None:
            with granting(self.access):
                return self.work(*args)
        with granting(self.access), limited(self.memory):
            return self.work(*args)
