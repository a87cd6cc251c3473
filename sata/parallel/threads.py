"""One BLAS thread in every process of a search: it works on small arrays, and its processes share the cores already."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

NAMES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_SETTERS = ("openblas_set_num_threads", "openblas_set_num_threads64_", "scipy_openblas_set_num_threads",
            "scipy_openblas_set_num_threads64_")  # fmt: skip


def one_blas_thread() -> None:
    """For this process and those it begins: by the environment, and where a library is there already, by its own
    function. What cannot be told keeps its threads."""
    for name in NAMES:
        os.environ[name] = "1"
    if "numpy" in sys.modules:
        for path in _loaded():
            with suppress(OSError):
                library = ctypes.CDLL(path)
                for setter in _SETTERS:
                    if hasattr(library, setter):
                        getattr(library, setter)(1)


def _loaded() -> set[str]:
    """Files of BLAS libraries in this process, where the system says."""
    with suppress(OSError):
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
        return {parts[5] for line in lines if "blas" in line.lower() and len(parts := line.split(None, 5)) == 6}
    return set()
