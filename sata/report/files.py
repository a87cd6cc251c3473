"""Results as files: JSON and CSV, written whole or not at all.

A file is first written beside its target, under a name of its own, and then put in its place in one step. So a reader
never meets half a file, and a run that fails leaves what was there before.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import stat
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sata.report.result import Result
from sata.specs.text.faults import Fault, SpecError, Where
from sata.specs.text.files import was_read

FIELDS = (
    "op", "layer", "stage", "component", "class", "tensor", "kind", "action", "outcome", "count", "price_pj",
    "energy_pj", "part",
)  # fmt: skip
STDOUT = "-"
# what could steer a terminal and JSON does not escape by itself: C1, marks of direction, line ends, halves of pairs
_STEERING = re.compile("[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def json_text(data: Any) -> str:
    """Data as JSON, numbers of numpy included, ending with a line break."""
    text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"
    return text if text.isascii() else _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not data")


def csv_text(records: Iterable[Mapping[str, Any]], fields: Sequence[str] = FIELDS) -> str:
    """Records as CSV with a header; lines end with a line feed."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue()


def result_json(result: Result) -> str:
    """`Result.to_dict()` as JSON: what `--json` writes."""
    return json_text(result.to_dict())


def result_csv(result: Result) -> str:
    """The tidy records as CSV: what `--csv` writes."""
    return csv_text(result.records)


def check_targets(targets: Mapping[str, str], inputs: Iterable[str] = ()) -> None:
    """Refuse targets that cannot be written, before the work is done. targets: option name -> file, or `-`.

    inputs: files that must not be overwritten, beside all that have been read so far.
    Raises: SpecError, one fault a target.
    """
    faults = [f for option, name in targets.items() if (f := _fault(option, name, inputs)) is not None]
    paths = [os.path.realpath(name) for name in targets.values() if name != STDOUT]
    if len(set(paths)) < len(paths) or list(targets.values()).count(STDOUT) > 1:
        faults.append(Fault(Where(), f"{' and '.join(targets)} have the same target", "give each a file of its own"))
    if faults:
        raise SpecError(faults)


def _fault(option: str, name: str, inputs: Iterable[str]) -> Fault | None:
    if name == STDOUT:
        return None
    try:
        path = _real(name)
        folder = path.parent
        if path.is_dir():
            return Fault(Where(name), f"is a directory, {option} needs a file", f"such as {name.rstrip('/')}/result")
        if not folder.is_dir():
            return Fault(Where(name), f"cannot be written for {option}: there is no folder '{folder}'")
        if path.is_file() and (was_read(path) or any(_is_file(i) and path.samefile(i) for i in inputs)):
            return Fault(Where(name), f"is an input of this run; {option} would overwrite it")
        writable = os.access(path, os.W_OK) if path.exists() else True
        if not writable or (_replaceable(path) and not os.access(folder, os.W_OK | os.X_OK)):
            what = "the file" if not writable else f"the folder '{folder}'"
            return Fault(Where(name), f"cannot be written for {option}: {what} is not writable")
    except (OSError, ValueError) as error:  # too long, a NUL, a loop of links
        return _refused(name, error)
    return None


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


def _refused(name: str, error: Exception) -> Fault:
    reason = getattr(error, "strerror", None) or str(error)
    return Fault(Where(name if name.isprintable() else repr(name)[1:-1]), f"cannot be written: {reason.lower()}")


def _real(name: str) -> Path:
    """Where the file is: a link is followed, so that it stays a link."""
    return Path(os.path.realpath(name)) if not name.startswith("/dev/") else Path(name)


def _replaceable(path: Path) -> bool:
    """Is it a file, or nothing yet? Pipes and devices are written to as they are."""
    if path.parts[:2] == ("/", "dev"):
        return False
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


def write_files(texts: Mapping[str, str] | Mapping[str, bytes]) -> None:
    """Write files, text in UTF-8, each whole; none is put in place before all are written.

    Raises: SpecError if one cannot be written, or was read before.
    """
    faults = [Fault(Where(name), "is an input of this run, and is not overwritten")
              for name in texts if (path := _real(name)).is_file() and was_read(path)]  # fmt: skip
    if faults:
        raise SpecError(faults)
    ready: list[tuple[Path, Path]] = []
    name = ""
    try:
        for name, text in texts.items():
            path = _real(name)
            if _replaceable(path):
                ready.append((_beside(path, text), path))
            else:
                path.write_bytes(_bytes(text))
        for temporary, path in ready:
            name = str(path)
            temporary.replace(path)
    except OSError as error:
        raise SpecError([_refused(name, error)]) from None
    finally:
        for temporary, _ in ready:
            temporary.unlink(missing_ok=True)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "backslashreplace")


def _beside(path: Path, text: str | bytes) -> Path:
    """A new file in the folder of `path` that holds the text and has the permissions that `path` has or would get."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        mode = 0o666 & ~_umask()
    handle, made = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".tmp", dir=path.parent)
    temporary = Path(made)
    try:
        with open(handle, "wb") as out:
            out.write(_bytes(text))
            out.flush()
            os.fsync(out.fileno())  # before it is put in its place: what is there is whole after a loss of power too
        temporary.chmod(mode)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
