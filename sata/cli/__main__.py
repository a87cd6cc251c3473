"""`python -m sata.cli` is `sata`."""

from __future__ import annotations

from sata.cli import main

main(prog_name="sata")
