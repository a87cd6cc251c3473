"""The command line. It and what is below it are the only places of the package that print."""

from __future__ import annotations

from sata.cli.group import main

__all__ = ["main"]
