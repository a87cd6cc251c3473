"""One row of a table of a result: name -> value."""

from __future__ import annotations

from typing import Any

Record = dict[str, Any]
