"""A table of records that nobody can change: what counts, explanations, prices, sweeps and listings come as."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, overload

from sata.report.frames import frame_of
from sata.report.frozen import FrozenRecord, frozen

if TYPE_CHECKING:
    from pandas import DataFrame

Cell = str | int | float | bool | None
Row = Mapping[str, object]


class RecordTable(Sequence[Row]):
    """Records in order, each a mapping from column to value: `table[0]["op"]`, `len(table)`, `for row in table`."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Iterable[Mapping[str, object]]) -> None:
        self._rows: tuple[FrozenRecord, ...] = tuple(frozen(dict(row)) for row in rows)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> RecordTable: ...

    def __getitem__(self, at: int | slice) -> Row | RecordTable:
        return RecordTable(self._rows[at]) if isinstance(at, slice) else self._rows[at]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecordTable) and self._rows == other._rows

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} rows, columns {', '.join(self.columns)}>"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of columns, in the order in which they first appear."""
        return tuple(dict.fromkeys(name for row in self._rows for name in row))

    def frame(self) -> DataFrame:
        """The table as a pandas DataFrame.

        Raises: ImportError, which says how to install it, if pandas, an optional dependency, is missing.
        """
        return frame_of(self._rows, self.columns)
