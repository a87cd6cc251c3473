"""`python -m sata.cli` is `sata`."""

from __future__ import annotations

import os
import sys

from sata.version import __file__ as _here

# `python -m` puts the current folder first on the path, where any file named like a module would be run
if sys.path[:1] in ([""], [os.getcwd()]) and os.getcwd() != os.path.dirname(os.path.dirname(os.path.abspath(_here))):
    del sys.path[0]

from sata.cli import main

main(prog_name="sata")
