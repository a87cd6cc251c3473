"""Records as pandas DataFrames. pandas is an optional dependency, and is imported here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame


def frame_of(rows: Iterable[Mapping[str, object]], columns: Iterable[str] | None = None, who: str = "frame",
             instead: str = "pandas.DataFrame(rows)") -> DataFrame:  # fmt: skip
    """A DataFrame, a record a row. columns: all of them, in order; None: as the records have them.

    Raises: ImportError, which says how to install it, if pandas is missing. who, instead: for that message.
    """
    try:
        import pandas
    except ImportError as error:
        hint = f"pip install 'sata[pandas]'; without it, {instead} or --csv elsewhere"
        raise ImportError(f"{who} needs pandas: {hint}", name=error.name) from None

    return pandas.DataFrame([dict(row) for row in rows], columns=None if columns is None else list(columns))
