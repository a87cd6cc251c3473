"""The Python face of the package: what `import sata` offers. The command line is a thin layer on it.

`spec` describes a run and has a call for every question; `search`, `sweeps` and `tools` are behind it; `documents`
writes objects as the formats say them.
"""
