"""Recorded tensors in .npz files: plain, or bit-packed by numpy.packbits over the flattened tensor.

Nothing in a file is trusted: no pickles, sizes are bounded before memory is taken, a header must fit what follows it.
The shape of a packed or flattened array is said by `shape:`, by an array NAME.shape or NAME_shape in the file, or by
shapes.json beside it: `{array: shape}`, or `{file without .npz: {array: shape}}`, where the file's name may begin with
`spikes_` and the entry not.
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from itertools import accumulate
from math import prod
from operator import mul
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from sata.counts.density.interface import BadParameter, Subject
from sata.specs.text.faults import SpecError, did_you_mean
from sata.specs.text.files import note, read_at_most
from sata.specs.text.find import beside, is_within, outside, roots_of
from sata.specs.text.memory import TooMuchMemory, need

LARGEST_FILE = 1 << 29  # bytes
MOST_ELEMENTS = 1 << 27  # of a tensor: a byte each
LARGEST_JSON = 1 << 22


@dataclass(frozen=True, slots=True)
class Content:
    """A recorded tensor: 1 where it is not zero."""

    values: NDArray[np.bool_]
    digest: str

    def fitted(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """In the shape of its tensor. Neighbouring dimensions may be one (a flattened image, channels that groups
        split), and those of size 1 missing or too many. Raises: BadParameter."""
        own, wanted = _ends(self.values.shape), _ends(shape)
        if self.values.size != prod(shape) or not (own <= wanted or wanted <= own):
            message = f"the recorded tensor has the shape {list(self.values.shape)}, its tensor {list(shape)}"
            first, second, *rest = (*self.values.shape, 1, 1)
            if len(rest) > 2 and _ends((second, first, *rest)) <= wanted:
                hint = "with the first two swapped it fits: the batch comes before time, save array.swapaxes(0, 1)"
                raise BadParameter("array", message, hint)
            raise BadParameter("array", message, "neighbouring dimensions may be one, those of size 1 left out")
        return self.values.reshape(shape)


def _ends(shape: tuple[int, ...]) -> set[int]:
    """How many blocks each dimension and those before it make: if those of one shape are among those of another, the
    other splits its dimensions."""
    return set(accumulate(shape, mul, initial=1))


def read_trace(given: Mapping[str, Any], subject: Subject) -> Content:
    """The tensor that `file`, `array` and `shape` name. Raises: BadParameter."""
    name = given["file"]
    if not isinstance(name, str) or not name:
        raise BadParameter("file", "'file' must be the name of an .npz file")
    array = given.get("array")
    if array is not None and (not isinstance(array, str) or not array):
        raise BadParameter("array", "'array' must be the name of an array in the file")
    shape = _stated(given["shape"]) if "shape" in given else None
    try:
        path = beside(name, Path(subject.folder), subject.where, "trace", "*.npz")
    except SpecError as error:
        raise BadParameter("file", error.faults[0].message, error.faults[0].hint) from None
    note(path)
    shapes = path.parent / "shapes.json"
    if shapes.is_file():
        if not is_within(shapes, roots_of(Path(subject.folder), "trace")):
            raise BadParameter("file", outside("shapes.json", "trace"))
        note(shapes)
    return _read(path.resolve(), array, shape, _state(path), _state(shapes), _elements(subject.shape))


def _elements(shape: tuple[int, ...]) -> int:
    """Raises: BadParameter for a tensor that is too large to be recorded."""
    if prod(shape) > MOST_ELEMENTS:
        raise BadParameter("", f"a trace may have at most 2**{MOST_ELEMENTS.bit_length() - 1} elements; "
                           f"the tensor has {prod(shape):,}")  # fmt: skip
    return prod(shape)


def _stated(value: Any) -> tuple[int, ...]:
    sizes = value if isinstance(value, (list, tuple)) else ()
    if not sizes or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in sizes):
        raise BadParameter("shape", "'shape' must be a list of whole numbers of at least 1")
    if prod(sizes) > MOST_ELEMENTS:
        raise BadParameter("shape", f"'shape' has {prod(sizes):,} elements; at most 2**27 are read")
    return tuple(sizes)


def _state(path: Path) -> tuple[int, int]:
    """What tells whether a file has changed."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=64)
def _read(path: Path, array: str | None, shape: tuple[int, ...] | None, _changed: tuple[int, int],
          _shapes_changed: tuple[int, int], elements: int) -> Content:  # fmt: skip
    with _opened(path) as archive:
        arrays = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]
        name = _chosen(array, arrays, path)
        data = _array(archive, name, path)
        shape = shape or _shape_in(archive, arrays, name, path) or _shape_beside(path, name)
    values = _unpacked(data, shape, elements, name)
    digest = sha256(repr(values.shape).encode() + np.packbits(values).tobytes()).hexdigest()
    values.flags.writeable = False
    return Content(values, digest)


def array_names(path: Path) -> list[str]:
    """The arrays of an .npz file but those that say shapes. Raises: BadParameter."""
    with _opened(path) as archive:
        arrays = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]
    return _tensors(arrays)


def _tensors(arrays: list[str]) -> list[str]:
    return [n for n in arrays if not any(n in (f"{m}.shape", f"{m}_shape") for m in arrays)]


def measured(path: Path, name: str) -> Content:
    """The tensor `name` of a file, in its own shape. Raises: BadParameter."""
    note(path)
    return _read(path.resolve(), name, None, _state(path), _state(path.parent / "shapes.json"), 0)


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        with path.open("rb") as stream:
            content = read_at_most(stream, LARGEST_FILE)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BadParameter("file", f"'{path.name or path}' cannot be read: {reason}") from None
    if len(content) > LARGEST_FILE:
        raise BadParameter("file", f"'{path.name}' is larger than {LARGEST_FILE >> 20} MiB")
    try:
        return zipfile.ZipFile(BytesIO(content))
    except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError):
        raise BadParameter(
            "file", f"'{path.name}' is not a .npz file, or a part of one", "numpy.savez writes them"
        ) from None


def _chosen(array: str | None, arrays: list[str], path: Path) -> str:
    tensors = _tensors(arrays)
    if array is None and len(tensors) == 1:
        return tensors[0]
    listed = ", ".join(tensors[:12]) + (", ..." if len(tensors) > 12 else "")
    if array is None:
        raise BadParameter("file", f"'{path.name}' holds {len(tensors)} arrays, and none is chosen",
                           f"say 'array:', one of {listed}" if tensors else "")  # fmt: skip
    if array not in arrays:
        raise BadParameter("array", f"'{path.name}' holds no array '{array}'",
                           did_you_mean(array, tensors) or f"arrays: {listed}")  # fmt: skip
    return array


def _array(archive: zipfile.ZipFile, name: str, path: Path) -> NDArray[Any]:
    """One array of the archive, read without numpy's loader: its header is checked before memory is taken."""
    try:
        if archive.getinfo(f"{name}.npy").compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise EOFError
        with archive.open(f"{name}.npy") as stream:
            return _npy(stream, name)
    except BadParameter:
        raise
    except Exception:  # noqa: BLE001 - whatever zipfile, zlib or the reader of headers makes of anything
        raise BadParameter(
            "file", f"array '{name}' of '{path.name}' cannot be read: it is damaged or truncated"
        ) from None


def _npy(stream: IO[bytes], name: str) -> NDArray[Any]:
    version = npy.read_magic(stream)
    header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, by_column, dtype = header(stream)
    if dtype.hasobject or dtype.kind not in "biuf":
        raise BadParameter("array", f"array '{name}' holds {dtype.name}; numbers are expected")
    if prod(shape) > MOST_ELEMENTS:
        raise BadParameter("array", f"array '{name}' has {prod(shape):,} elements; at most 2**27 are read")
    wanted = prod(shape) * dtype.itemsize
    try:
        need(2 * wanted + 4 * prod(shape), f"array '{name}', with {prod(shape):,} elements,")
    except TooMuchMemory as error:
        raise BadParameter("array", str(error)) from None
    content = stream.read(wanted)
    if len(content) != wanted:
        raise EOFError
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_column else "C")


def _shape_in(archive: zipfile.ZipFile, arrays: list[str], name: str, path: Path) -> tuple[int, ...] | None:
    for other in (f"{name}.shape", f"{name}_shape"):
        if other in arrays:
            sizes = _array(archive, other, path).ravel()[:32]
            whole = [int(n) if np.isfinite(n) and n == int(n) else 0 for n in sizes]
            return _checked(whole, f"array '{other}'")
    return None


def _shape_beside(path: Path, name: str) -> tuple[int, ...] | None:
    """What shapes.json says."""
    file = path.parent / "shapes.json"
    if not file.is_file():
        return None
    try:
        with file.open("rb") as stream:
            data = json.loads(stream.read(LARGEST_JSON))
    except (OSError, ValueError, RecursionError):
        raise BadParameter("file", "shapes.json beside the trace is not a JSON file") from None
    for key in (path.stem, path.stem.removeprefix("spikes_")):
        if isinstance(data, dict) and isinstance(data.get(key), dict):
            data = data[key]
            break
    shape = data.get(name) if isinstance(data, dict) else None
    return None if shape is None else _checked(shape, f"'{name}' in shapes.json")


def _checked(shape: Any, source: str) -> tuple[int, ...]:
    try:
        return _stated(shape)
    except BadParameter:
        raise BadParameter("array", f"{source} is not a shape: whole numbers of at least 1 are expected") from None


def _unpacked(data: NDArray[Any], shape: tuple[int, ...] | None, elements: int, name: str) -> NDArray[np.bool_]:
    """The array with its own shape. `elements`: of the tensor that it is for, 0 where none is known."""
    if data.dtype.kind == "f" and np.isnan(data).any():
        raise BadParameter("array", f"array '{name}' holds NaN")
    if shape is None:
        if data.size != elements and data.dtype == np.uint8 and data.size == -(-elements // 8):
            raise BadParameter("array", f"array '{name}' looks bit-packed, and nothing says its shape",
                               "say 'shape: [...]'")  # fmt: skip
        return np.ascontiguousarray(data != 0)
    total = prod(shape)
    if data.size == total:
        return np.ascontiguousarray((data != 0).reshape(shape))
    if data.dtype != np.uint8 or data.ndim != 1 or data.size != -(-total // 8):
        raise BadParameter("array", f"array '{name}' has {data.size:,} elements of type {data.dtype.name}; the shape "
                           f"{list(shape)} takes {total:,}, or {-(-total // 8):,} bytes bit-packed")  # fmt: skip
    return np.unpackbits(data, count=total).astype(bool).reshape(shape)
