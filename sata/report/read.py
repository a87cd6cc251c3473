"""A result from its JSON, as `sata run --json` wrote it: also by another version, by hand, or cut off.

Only what is read is checked, and what is not there is empty: a result of an older version has no nests, one of a newer
version has more. Nothing is trusted: sizes are bounded, numbers are finite, texts are texts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sata.report.result import Record, Result
from sata.specs.text.faults import Fault, SpecError, Where, did_you_mean
from sata.specs.text.files import note, read_at_most

LARGEST_BYTES = 512 << 20
_MOST_FAULTS = 10  # of one file: a table whose columns have other names is one mistake
_HINT = "write one by `sata run ... --json FILE`"

_TEXT, _NUMBER, _MAYBE, _LIST, _MAP = "text", "a number", "a number or null", "a list", "a mapping"
_TEXT_OR, _LIST_OR = "text or null", "a list or null"
# What every row of a list must have. Fields beyond these are used where they are there.
FIELDS: Mapping[str, Mapping[str, str]] = {
    "records": {"op": _TEXT, "layer": _TEXT, "stage": _TEXT, "component": _TEXT, "class": _TEXT, "tensor": _TEXT,
                "kind": _TEXT, "action": _TEXT, "outcome": _TEXT, "count": _NUMBER, "energy_pj": _NUMBER},
    "ops": {"op": _TEXT, "layer": _TEXT, "stage": _TEXT, "action": _TEXT, "group": _TEXT, "compute": _TEXT,
            "cycles": _NUMBER, "bound_by": _TEXT, "computes": _NUMBER, "actual": _NUMBER, "gated": _NUMBER,
            "skipped": _NUMBER, "steps": _NUMBER, "instances": _NUMBER, "utilization": _NUMBER},
    "traffic": {"op": _TEXT, "memory": _TEXT, "tensor": _TEXT, "kind": _TEXT, "tile": _NUMBER, "instances": _NUMBER,
                "fills": _NUMBER, "reads": _NUMBER, "updates": _NUMBER, "drains": _NUMBER, "merge_reads": _NUMBER},
    "occupancy": {"group": _TEXT, "memory": _TEXT, "ops": _TEXT, "bits": _NUMBER, "limit_bits": _MAYBE},
    "kept": {"layer": _TEXT, "tensor": _TEXT, "kind": _TEXT, "bits": _NUMBER},
    "omitted": {"op": _TEXT, "why": _TEXT},
    "components": {"node": _TEXT, "class": _TEXT, "instances": _NUMBER, "area_um2": _MAYBE, "leakage_mw": _MAYBE,
                   "energy_pj": _NUMBER},
    "uncertainty": {"op": _TEXT, "layer": _TEXT, "stage": _TEXT, "component": _TEXT, "class": _TEXT, "pj": _NUMBER},
    "prices": {"node": _TEXT, "component": _TEXT, "attributes": _TEXT, "quantity": _TEXT, "value": _MAYBE,
               "unit": _TEXT, "cycles": _NUMBER, "instances": _NUMBER, "library": _TEXT, "origin": _TEXT},
    "architecture": {"node": _TEXT, "is": _TEXT, "instances": _NUMBER, "depth": _NUMBER, "way": _TEXT},
    "nests": {"group": _TEXT, "layer": _TEXT, "ops": _LIST, "rows": _LIST},
    "tensors": {"op": _TEXT, "layer": _TEXT, "stage": _TEXT, "tensor": _TEXT, "kind": _TEXT, "role": _TEXT,
                "elements": _NUMBER, "bits": _MAYBE, "density": _MAYBE},
}  # fmt: skip
# Fields of rows whose form depends on their sort; what reads them relies on these.
_INNER: Mapping[str, Mapping[str, str]] = {
    "memory": {"size_bits": _MAYBE, "width_bits": _MAYBE, "buffers": _NUMBER, "read_bits_per_cycle": _MAYBE,
               "write_bits_per_cycle": _MAYBE, "keep": _LIST_OR, "may_keep": _LIST_OR, "format": _MAP},
    "array": {"shape": _MAP, "multicast": _TEXT},
    "compute": {"gate": _LIST, "skip": _LIST},
}  # fmt: skip
_ROW: Mapping[str, Mapping[str, str]] = {
    "memory": {"node": _TEXT, "keeps": _LIST, "rules": _LIST},
    "loop": {"rank": _TEXT, "factor": _NUMBER, "stride": _NUMBER},
    "array": {"node": _TEXT, "loops": _LIST}, "compute": {"node": _TEXT, "action": _TEXT}, "op": {"op": _TEXT},
}  # fmt: skip
_META = {"sata": _TEXT, "command": _TEXT, "arch": _TEXT, "workload": _TEXT, "timesteps": _NUMBER, "batch": _NUMBER,
         "technology_nm": _MAYBE, "clock_hz": _MAYBE, "variables": _MAP, "inputs": _LIST, "files": _LIST,
         "unselected": _LIST, "unasked": _LIST}  # fmt: skip
_TYPES: Mapping[str, tuple[type, ...]] = {
    _TEXT: (str,), _NUMBER: (int, float), _MAYBE: (int, float, type(None)), _LIST: (list,), _MAP: (dict,),
    _TEXT_OR: (str, type(None)), _LIST_OR: (list, type(None)),
}  # fmt: skip


def read_text(name: str) -> str:
    """The text of a file of data. Raises: SpecError if it cannot be read, is not a text or is larger than 512 MiB."""
    where = Where(name if name.isprintable() else repr(name)[1:-1])
    try:
        if Path(name).is_dir():
            raise SpecError([Fault(where, "is a directory, expected a file")])
        note(Path(name))
        with open(name, "rb") as file:
            data = read_at_most(file, LARGEST_BYTES)
    except (OSError, ValueError) as error:
        if isinstance(error, SpecError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise SpecError([Fault(where, f"cannot be read: {reason.lower()}")]) from None
    if len(data) > LARGEST_BYTES:
        raise SpecError([Fault(where, f"is larger than {LARGEST_BYTES >> 20} MiB")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SpecError([Fault(where, "not text: it holds binary data")]) from None


def result_from_json(name: str) -> Any:
    """The data of a JSON file. Raises: SpecError with line and column of what is not a JSON."""
    text = read_text(name)
    try:
        return json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
        message = "the JSON ends too early" if cut and text.strip() else f"not JSON: {error.msg.lower()}"
        raise SpecError([Fault(Where(name, error.lineno, error.colno), message, _HINT)]) from None
    except RecursionError:
        raise SpecError([Fault(Where(name), "not a result: lists or mappings nested too deep")]) from None
    except ValueError as error:  # NaN and Infinity, which are no JSON; a number of more than 4300 digits
        raise SpecError([Fault(Where(name), f"not JSON: {str(error).split(';')[0].lower()}")]) from None


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is not a number")


def read_result(name: str) -> Result:
    """The result that a JSON file holds. Raises: SpecError with the first faults of the file."""
    return result_from_data(result_from_json(name), name)


def result_from_data(data: Any, name: str = "") -> Result:
    """The result that `Result.to_dict()` made such data of. name: of the file, for faults. Raises: SpecError."""
    faults: list[Fault] = []
    if not isinstance(data, dict):
        raise SpecError([Fault(Where(name), f"not a result: expected a mapping, found {_found(data)}", _HINT)])
    missing = [key for key in ("records", "ops") if key not in data]
    if missing:
        near = next((h for key in missing if (h := did_you_mean(key, [k for k in data if k not in FIELDS]))), "")
        keys = " and ".join(f"'{key}'" for key in missing)
        raise SpecError([Fault(Where(name), f"not a result of sata: it has no {keys}", near or _HINT)])
    for key, fields in FIELDS.items():
        _check_list(data.get(key, []), key, fields, name, faults)
    _check_inner(data, name, faults)
    meta, totals = data.get("meta", {}), data.get("totals", {})
    for key, value in (("meta", meta), ("totals", totals)):
        if not isinstance(value, dict):
            faults.append(_expected(name, key, "a mapping", value))
    if not faults:
        _check_row(meta, "meta", {key: sort for key, sort in _META.items() if key in meta}, name, faults)
        area = {key: _MAYBE for key in ("area_um2", "leakage_mw") if key in totals}
        _check_row(totals, "totals", area, name, faults)
    if faults:
        raise SpecError(faults[:_MOST_FAULTS])
    lists = {key: data.get(key, []) for key in FIELDS}
    return Result(**lists, meta=meta, area_um2=totals.get("area_um2"), leakage_mw=totals.get("leakage_mw"))


def _check_list(rows: Any, path: str, fields: Mapping[str, str], name: str, faults: list[Fault]) -> None:
    if not isinstance(rows, list):
        faults.append(_expected(name, path, "a list", rows))
        return
    for number, row in enumerate(rows):
        if len(faults) >= _MOST_FAULTS:
            return
        if not isinstance(row, dict):
            faults.append(_expected(name, f"{path}[{number}]", "a mapping", row))
        else:
            _check_row(row, f"{path}[{number}]", fields, name, faults)


def _check_row(row: Record, path: str, fields: Mapping[str, str], name: str, faults: list[Fault]) -> None:
    for field, sort in fields.items():
        if field not in row:
            near = did_you_mean(field, [key for key in row if key not in fields])
            faults.append(Fault(Where(name, path=path), f"missing key '{field}'", near))
            return
        value = row[field]
        if not isinstance(value, _TYPES[sort]) or isinstance(value, bool) or not _finite(value):
            faults.append(_expected(name, f"{path}.{field}", sort, value))


def _finite(value: Any) -> bool:
    """Whether a number is one that arithmetic on floats survives: `1e999` in JSON is infinite."""
    if not isinstance(value, (int, float)):
        return True
    return math.isfinite(value) if isinstance(value, float) else abs(value) < 1 << 1000


def _check_inner(data: Record, name: str, faults: list[Fault]) -> None:
    """Rows of the architecture and of nests by their sort."""
    if faults:
        return
    for number, row in enumerate(data.get("architecture", [])):
        _check_sort(row, f"architecture[{number}]", _INNER, name, faults)
    for number, nest in enumerate(data.get("nests", [])):
        _check_list(nest["ops"], f"nests[{number}].ops", {"op": _TEXT, "compute": _TEXT}, name, faults)
        path = f"nests[{number}].rows"
        _check_list(nest["rows"], path, {"is": _TEXT, "op": _TEXT_OR, "text": _TEXT, "depth": _NUMBER}, name, faults)
        if not faults:
            for place, row in enumerate(nest["rows"]):
                _check_sort(row, f"{path}[{place}]", _ROW, name, faults)
    for number, row in enumerate(data.get("traffic", [])):
        stored = {"format": _TEXT, "metadata_read_bits": _NUMBER, "metadata_write_bits": _NUMBER}
        there = {field: sort for field, sort in stored.items() if field in row}
        _check_row(row, f"traffic[{number}]", there, name, faults)
    for number, row in enumerate(data.get("tensors", [])):
        steps = row.get("steps")
        if steps is not None and not (isinstance(steps, list) and all(_is_number(value) for value in steps)):
            faults.append(_expected(name, f"tensors[{number}].steps", "a list of numbers or null", steps))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and _finite(value)


def _check_sort(row: Record, path: str, sorts: Mapping[str, Mapping[str, str]], name: str, faults: list[Fault]) -> None:
    _check_row(row, path, sorts.get(row["is"], {}), name, faults)
    for field in ("keeps", "loops", "gate", "skip", "keep", "may_keep", "rules"):
        words = row.get(field)
        if isinstance(words, list) and not all(isinstance(word, str) for word in words):
            faults.append(_expected(name, f"{path}.{field}", "a list of texts", words))


def _expected(name: str, path: str, what: str, value: Any) -> Fault:
    return Fault(Where(name, path=path), f"expected {what}, found {_found(value)}")


def _found(value: Any) -> str:
    """What a value is, in a word or two."""
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return "a number too large" if not _finite(value) else f"the number {value:g}"
    if isinstance(value, str):
        return f"'{value}'" if len(value) <= 40 else f"'{value[:38]}..'"
    return "a list" if isinstance(value, list) else "a mapping"
