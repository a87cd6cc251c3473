"""The command line. It and what is below it are the only places of the package that print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sata.cli.group import main

__all__ = ["main"]


def __getattr__(name: str) -> Any:
    """`main`, loaded when it is asked for: `python -m sata.cli` first leaves the current folder out of the path."""
    if name != "main":
        raise AttributeError(f"module 'sata.cli' has no attribute '{name}'")
    from sata.cli.group import main

    return main
