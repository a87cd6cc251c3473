"""A seeded fuzzer that knows the structure of what it breaks: every shipped and documented YAML, CSV, NPZ and template.

`python -m tests.fuzz --help`. A few seconds of it are part of the tests, half a minute of `.ci/run`.
"""
