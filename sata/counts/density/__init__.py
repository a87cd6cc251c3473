"""Density models: how non-zeros are distributed in the tiles of a tensor. One file and one row of `MODELS` each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from weakref import WeakValueDictionary

import numpy as np

from sata.counts.density.interface import BadParameter, IntArray, Model, Sight, Subject, time_dimension
from sata.counts.density.uniform import Uniform
from sata.specs.model import Density, Tensor, Workload
from sata.specs.registry import NotRunError, Registry, class_like, raised
from sata.specs.text.faults import Fault, Faults, SpecError, Where

__all__ = ["MODELS", "Model", "Sight", "TileGrid", "check_densities", "model_of", "over_grid", "shared"]

MODELS: Registry[type[Model]] = Registry(
    "density model",
    "sata.density_models",
    {
        "uniform": "sata.counts.density.uniform:Uniform",
        "structured": "sata.counts.density.structured:Structured",
        "banded": "sata.counts.density.banded:Banded",
        "temporal": "sata.counts.density.temporal:Temporal",
        "runs": "sata.counts.density.runs:Runs",
        "blocks": "sata.counts.density.blocks:Blocks",
        "trace": "sata.counts.density.trace:Trace",
    },
    class_like(Model),
)

_alive: WeakValueDictionary[Model, Model] = WeakValueDictionary()


def model_of(tensor: Tensor) -> Model:
    """The density model of a tensor: equal models are one object, so that their features mean the same.

    Raises: SpecError where parameters do not do, or do not fit the tensor.
    """
    shape = tuple(dim.size for dim in tensor.dims)
    time = time_dimension(tensor)
    if not isinstance(tensor.density, Density):
        return _plain(shape, time, tensor.density)
    names = tuple(tuple(rank for rank, _ in dim.terms) for dim in tensor.dims)
    subject = Subject(shape, time, names, tensor.density.folder, tensor.density.where)
    try:
        # a file may have changed: its model is asked for each time
        if "file" in tensor.density.given():
            return shared(build_model(tensor.density, subject))
        if tensor.density.model not in MODELS.own:
            _class_of(tensor.density.model)  # also a model that is kept is not used where its code may not run
        return shared(_built(tensor.density, subject, repr(tensor.density.parameters)))
    except BadParameter as error:
        place = tensor.density.place(error.key)
        raise SpecError([Fault(place, error.message, error.hint)]) from None


def build_model(density: Density, subject: Subject) -> Model:
    """Raises: BadParameter."""
    model = _class_of(density.model)
    if density.model in MODELS.own:
        return model.read(density.given(), subject)
    try:
        return model.read(density.given(), subject)
    except BadParameter:
        raise
    except Exception as error:  # noqa: BLE001 - code of others, which may do anything
        message = f"the density model '{density.model}' of {MODELS.owner(density.model)} raised {raised(error)}"
        raise BadParameter("model", message) from None


def _class_of(name: str) -> type[Model]:
    """Raises: BadParameter; NotRunError for one of a package where no code of others may run."""
    try:
        return MODELS[name]
    except KeyError:
        raise BadParameter("", f"the density model '{name}' is not known", MODELS.hint(name)) from None
    except NotRunError:
        raise
    except SpecError as error:
        raise BadParameter("model", *_sentence(error)) from None


def _sentence(error: SpecError) -> tuple[str, str]:
    fault = error.faults[0]
    return fault.message, fault.hint


@lru_cache(maxsize=4096)
def _built(density: Density, subject: Subject, _text: str) -> Model:
    """`build_model`, kept. The text tells 1 from true, which are equal otherwise."""
    return build_model(density, subject)


@lru_cache(maxsize=4096)
def _plain(shape: tuple[int, ...], time: int | None, density: float | tuple[float, ...] | None) -> Model:
    """A number or a list of them is the uniform model; nothing is dense."""
    steps = density if isinstance(density, tuple) else (1.0 if density is None else density,)
    if len(set(steps)) == 1 or time is None:
        steps = (sum(steps) / len(steps),)
    return shared(Uniform(shape, time, steps))


def shared(model: Model) -> Model:
    """The one object that stands for all equal models: what their features mean is kept in it."""
    return _alive.setdefault(model, model)


def check_densities(workload: Workload, faults: Faults) -> None:
    """A fault for every model whose parameters do not do or do not fit a tensor that has it; of several tensors that a
    statement is for, the first is named."""
    said: set[tuple[object, str]] = set()
    for op in workload.ops:
        for tensor in op.tensors:
            if isinstance(tensor.density, Density):
                try:
                    model_of(tensor)
                except NotRunError:
                    continue  # noted: the command says what it leaves out
                except SpecError as error:
                    for fault in error.faults:
                        at = fault.where  # an alias of YAML, or a density of a layer: one place of several tensors
                        key = ((at.file, at.line, at.column) if at.line else at, fault.message)
                        if key not in said:
                            faults.extend([_named(fault, op.name, tensor.name)])
                        said.add(key)


def _named(fault: Fault, op: str, tensor: str) -> Fault:
    """The fault with the tensor it was met at, where its path does not tell."""
    path = fault.where.path
    if f".{tensor}." in f"{path}." or "->" in path:
        return fault
    where = Where(fault.where.file, fault.where.line, fault.where.column, path)
    return Fault(where, f"{fault.message} (tensor {tensor} of {op})", fault.hint)


@dataclass(frozen=True, slots=True)
class TileGrid:
    """Means over the tiles of a grid that begins at 0, ragged tiles at the ends included."""

    tiles: int
    p_empty: float
    expected: float


def over_grid(model: Model, extents: tuple[int, ...]) -> TileGrid:
    """The mean share of empty tiles and of non-zeros a tile. extents: of a whole tile, one a dimension."""
    features, weights = [], []
    count = len(extents)
    for dim, (size, extent) in enumerate(zip(model.shape, extents, strict=True)):
        axis = [-1 if n == dim else 1 for n in range(count)]
        found, often = np.unique(_grid_features(model, dim, size, extent), return_counts=True)
        features.append(found.reshape(axis))
        weights.append(often.reshape(axis))
    tiles = prod(-(-size // extent) for size, extent in zip(model.shape, extents, strict=True))
    weight = prod(weights, start=np.ones(())) / tiles
    return TileGrid(tiles, float((model.p_empty(*features) * weight).sum()),
                float((model.expected(*features) * weight).sum()))  # fmt: skip


def _grid_features(model: Model, dim: int, size: int, extent: int) -> IntArray:
    """The feature of every tile along a dimension."""
    starts = range(0, size, extent)
    if model.sight(dim) is Sight.SIZE:
        return np.array([min(extent, size - start) for start in starts], dtype=np.int64)
    anywhere = model.sight(dim) is Sight.SHAPE  # where it lies does not matter: at the beginning, in short masks
    masks = (((1 << min(extent, size - start)) - 1) << (0 if anywhere else start) for start in starts)
    return np.array([model.feature(dim, mask) for mask in masks], dtype=np.int64)
