"""What is kept between architectures: libraries by name as long as their files do not change, and the prices of them.

So a sweep over sizes reads every library once, and asks for the price of a class at given attributes once.
"""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sata.costs.prices import Prices
from sata.specs.library.components import Library
from sata.specs.library.library import is_raw, parse_library
from sata.specs.text.access import granted
from sata.specs.text.faults import Fault, Faults, SpecError, Where
from sata.specs.text.files import State, note, state, watching
from sata.specs.text.find import find, is_within, outside, relative_name, roots_of
from sata.specs.text.source import Doc, read

KEPT = 16  # libraries, and sets of prices

_libraries: OrderedDict[tuple[str, str], tuple[Library, State]] = OrderedDict()
_inline: OrderedDict[tuple[str, str, str], Library] = OrderedDict()
_prices: OrderedDict[Any, Prices] = OrderedDict()


def library_of(name: str, faults: Faults, base: Path | None = None) -> Library | Doc | None:
    """The library of a file, or its document if it holds none; None with faults.

    base: the folder of the file that names it, where it may lie too.

    Raises: SpecError as `read` does.
    """
    path = find(name, "components", base)
    if base is not None and path.is_relative_to(base):
        name = path.as_posix()
    key = (os.getcwd(), name)
    if key in _libraries:
        found, before = _libraries[key]
        if state(path for path, _, _ in before) == before:
            _libraries.move_to_end(key)
            for path, _, _ in before:
                note(path)
            return found
        del _libraries[key]
    with watching() as files:
        doc = read(name, folder="components", raw=is_raw)
        if "library" not in doc.data:
            return doc
        library = parse_library(doc, faults)
    now = state(files)
    if library is not None and now is not None:
        _libraries[key] = library, now
        while len(_libraries) > KEPT:
            _libraries.popitem(last=False)
    return library


def check_named(name: str, base: Path | None, where: Where) -> None:
    """Raises: SpecError, at `where`, for a library that a file may not name (`sata.specs.text.access`). base: of that
    file, where libraries beside it are looked for."""
    relative_name(name, where)
    if not is_within(find(name, "components", base), roots_of(base or Path())):
        raise SpecError([Fault(where, outside(name))])


def inline_library(doc: Doc, faults: Faults) -> Library | None:
    """The library that stands in a document which was read for something else; None with faults.

    One that reads tables is read each time: their files may change.
    """
    data = doc.data["library"]
    listed = data.get("components") if isinstance(data, dict) else None
    tables = not isinstance(listed, list) or any(isinstance(item, dict) and "table" in item for item in listed)
    key = (doc.label, doc.text_hash, repr(data))
    if key not in _inline or tables:
        library = parse_library(doc, faults)
        if library is None or tables:
            return library
        _inline[key] = library
        while len(_inline) > KEPT:
            _inline.popitem(last=False)
    return _inline[key]


def prices_for(libraries: Sequence[Library], technology_nm: float | None, scaling: str | None) -> Prices:
    """The prices of these very libraries, those found before included. Raises: SpecError as `Prices` does."""
    key = (tuple(id(library) for library in libraries), technology_nm, scaling, tuple(sys.path), granted())
    if not granted().code:  # what is not asked is noted anew each time
        return Prices(libraries, technology_nm, scaling)
    if key not in _prices:  # whoever is kept holds its libraries, so that no other can have their ids
        _prices[key] = Prices(libraries, technology_nm, scaling)
        while len(_prices) > KEPT:
            _prices.popitem(last=False)
    _prices.move_to_end(key)
    return _prices[key]
