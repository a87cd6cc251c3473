"""What every test has: a cache of its own, so that none sees what another run has found; and Ctrl-C, which a shell
takes from what it runs in the background, and those tests wait for that send it."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile

_folder = tempfile.mkdtemp(prefix="sata-cache-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ["SATA_CACHE"] = _folder

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
