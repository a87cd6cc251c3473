"""What every test has: a cache of its own, so that none sees what another run has found."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

_folder = tempfile.mkdtemp(prefix="sata-cache-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ["SATA_CACHE"] = _folder
