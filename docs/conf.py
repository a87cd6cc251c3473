"""The site: `pip install '.[docs]' && sphinx-build -W --keep-going docs build/site`.

The pages are Markdown that reads as well on a forge. What a site needs beyond that is made here while it is built:
the navigation comes from the tables of index.md, and links to files outside docs/ become downloads of these files.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from sata.version import __version__  # noqa: E402

project = "sata"
author = "sata authors"
release = version = __version__
extensions = ["myst_parser"]
myst_heading_anchors = 4  # as forges make them: `#own-energies`
exclude_patterns = ["plugin_template", "notebooks"]
html_theme = "furo"
html_title = f"sata {__version__}"
html_copy_source = False
nitpicky = True
suppress_warnings = ["misc.highlighting_failure"]  # there is no lexer for csv, nor for templates of YAML

_SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_PAGE = re.compile(r"^\| \[(\S+)\.md\]", re.MULTILINE)
_OUTSIDE = re.compile(r"(?<!!)\[([^\]]+)\]\(((?:\.\./|plugin_template/|notebooks/)[^)#\s]+)(?:#[^)\s]*)?\)")


def navigation(index: str) -> str:
    """The hidden tables of contents that follow from index.md: one for each section, with the pages it lists."""
    found = [(title, "\n".join(_PAGE.findall(text))) for title, text in _SECTION.findall(index)]
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{pages}\n```\n" for title, pages in found if pages
    )


def downloads(text: str) -> str:
    """Links to files that are no pages of the site, as downloads; those to folders as plain text."""

    def link(match: re.Match[str]) -> str:
        name, target = match[1], match[2]
        return f"{{download}}`{name.strip('`')} <{target}>`" if (HERE / target).is_file() else name

    return _OUTSIDE.sub(link, text)


def _source_read(_app: Any, name: str, source: list[str]) -> None:
    source[0] = downloads(source[0]) + (navigation(source[0]) if name == "index" else "")


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _source_read)
