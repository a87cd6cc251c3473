"""How a search goes, on standard error: a few lines that are redrawn in a terminal, one every ten seconds elsewhere."""

from __future__ import annotations

import math
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from sata.search.run.scheduler import Progress, Watcher
from sata.specs.text.said import escaped

if TYPE_CHECKING:
    from rich.live import Live

    from sata.search.engine.solve import Answer, Task

PATIENCE = 1.0  # seconds before anything is drawn
EVERY = 0.1  # seconds between two pictures
LINE_EVERY = 10.0  # seconds between two lines where there is no terminal
MOST_LINES = 8  # tasks that are shown at once


class ProgressDisplay(Watcher):
    """Counts what happens, and draws it while `live`. A context: nothing is left on the screen behind it."""

    def __init__(self, tasks: int, budget: float | None = None) -> None:
        self.tasks, self.budget = tasks, budget
        self.start = time.monotonic()
        self.open: dict[int, tuple[str, Progress | None, float]] = {}
        self.answers: list[Answer] = []
        self.kept = self.killed = 0
        self.stopped = False
        self._looked = 0
        self._drawn = 0.0
        self._said = self.start
        self._live: Live | None = None
        self._drawing = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def __enter__(self) -> ProgressDisplay:
        return self

    def __exit__(self, *_error: Any) -> None:
        if self._live is not None:
            self._live.stop()

    # --- what happens -------------------------------------------------------------------------------------------

    def begun(self, number: int, task: Task) -> None:
        from sata.search.answers.fingerprint import name_of

        self.open[number] = name_of(task), None, time.monotonic()
        self.draw()

    def news(self, number: int, news: Progress) -> None:
        name, _, since = self.open.get(number, (news.op, None, time.monotonic()))
        self.open[number] = name, news, since
        self.draw()

    def done(self, number: int, answer: Answer, kept: bool) -> None:
        self.open.pop(number, None)
        self.answers.append(answer)
        self.kept += kept
        if not kept:
            self._looked += answer.counts.get("generated", 0)
        self.draw()

    def lost(self, number: int, why: str) -> None:
        self.open.pop(number, None)
        self.killed += 1

    def stopping(self) -> None:
        self.stopped = True
        before = "\n" if self._drawing else ""  # the terminal has shown ^C
        click.echo(
            f"{before}stopping: every op still gets a first mapping; press Ctrl-C again to end without", err=True
        )

    def waited(self) -> None:
        self.draw()

    # --- what is shown ------------------------------------------------------------------------------------------

    def draw(self) -> None:
        now = time.monotonic()
        if not self._drawing:
            if now - self._said >= LINE_EVERY:
                self._said = now
                click.echo(self.line(now), err=True)
            return
        if now - self.start < PATIENCE or now - self._drawn < EVERY:
            return
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        if self._live is None:
            console = Console(stderr=True, highlight=False, markup=False, emoji=False)
            self._live = Live(console=console, transient=True, auto_refresh=False)
            self._live.start()
        self._drawn = now
        self._live.update(Text("\n".join(self.lines(now)), no_wrap=True, overflow="ellipsis"), refresh=True)

    def line(self, now: float) -> str:
        """All in one: how far the whole is, then the task that has the largest gap."""
        head, *_ = self.lines(now)
        told = [(_gap(news), name, news, since) for name, news, since in self.open.values() if news is not None]
        if not told:
            return head
        _, name, news, since = max(told, key=lambda row: row[0])
        return f"{head}; {_row(name, news, now - since).strip()}"

    def lines(self, now: float) -> list[str]:
        """A line for all, and one for each task that is worked on."""
        seconds = now - self.start
        looked = self._looked + sum(n.looked for _, n, _ in self.open.values() if n is not None)
        proven = sum(a.proven for a in self.answers)
        head = [f"{len(self.answers)} of {self.tasks} searches done, {proven} proven"]
        if self.kept:
            head.append(f"{self.kept} from the cache")
        head += [f"{looked:,} labels, {looked / max(seconds, 1e-9):,.0f}/s", self._time(seconds)]
        if self.stopped:
            head.append("stopping")
        rows = sorted(self.open.items())
        found = [", ".join(head), *(_row(name, news, now - since) for _, (name, news, since) in rows[:MOST_LINES])]
        if len(rows) > MOST_LINES:
            found.append(f"  and {len(rows) - MOST_LINES} more")
        return found

    def _time(self, seconds: float) -> str:
        """What the budget leaves; without one what is likely, from what is done, once a quarter is."""
        if self.budget is not None:
            return f"{max(0.0, self.budget - seconds):.0f} s left of {self.budget:.0f} s"
        fresh = len(self.answers) - self.kept
        todo = self.tasks - self.kept
        if fresh * 4 >= todo > fresh:
            return f"{seconds:.0f} s, about {seconds / fresh * (todo - fresh):.0f} s left"
        return f"{seconds:.0f} s"


def _gap(news: Progress) -> float:
    return news.best / news.bound if news.bound > 0 else math.inf


def _row(name: str, news: Progress | None, seconds: float) -> str:
    if news is None:
        return f"  {escaped(name)}: {seconds:.0f} s"
    words = [f"{news.looked:,} labels", f"{seconds:.0f} s"]
    if math.isfinite(news.best):
        words.append(f"best {news.best:.6g}")
        if 0 < news.bound < news.best:
            words.append(f"bound {news.bound:.6g}, gap {news.best / news.bound - 1:.2%}")
    else:
        words.append("nothing found yet")
    return f"  {escaped(name)}: {', '.join(words)}"
