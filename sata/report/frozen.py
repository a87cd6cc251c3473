"""Records and lists that nobody can change: results are values, and still print, compare and pickle as plain ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn


def _refuse(_self: object, *_args: object, **_named: object) -> NoReturn:
    """Raises: TypeError."""
    raise TypeError("results are not changed in place; take a copy: dict(record), list(records)")


class FrozenRecord(dict[str, Any]):
    """A dict that stays as it is. `dict(record)` and `record | {...}` give plain ones."""

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = __ior__ = _refuse

    def __reduce__(self) -> tuple[type[FrozenRecord], tuple[dict[str, Any]]]:
        """Pickled and copied as a whole, not key by key."""
        return FrozenRecord, (dict(self),)


class FrozenList(list[Any]):
    """A list that stays as it is. `list(records)` and slices are plain ones."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = pop = remove = clear = sort = reverse = _refuse

    def __reduce__(self) -> tuple[type[FrozenList], tuple[list[Any]]]:
        """Pickled and copied as a whole, not item by item."""
        return FrozenList, (list(self),)


def frozen(value: Any) -> Any:
    """A value of dicts and lists, frozen to the bottom."""
    if isinstance(value, dict):
        return FrozenRecord({key: frozen(inner) for key, inner in value.items()})
    return FrozenList(map(frozen, value)) if isinstance(value, (list, tuple)) else value


def frozen_rows(rows: Iterable[dict[str, Any]]) -> FrozenList:
    """Flat records, frozen."""
    return FrozenList(map(FrozenRecord, rows))


def thawed(value: Any) -> Any:
    """A plain copy, dicts and lists to the bottom."""
    if isinstance(value, dict):
        return {key: thawed(inner) for key, inner in value.items()}
    return [thawed(inner) for inner in value] if isinstance(value, list) else value
