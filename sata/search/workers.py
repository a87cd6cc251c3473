"""Many ops, in processes of this machine. What is found does not depend on how many there are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor
from typing import Any

from sata.search.solve import Answer, Task, solve

TRIES = 3  # how often a task is given to a new worker when one is killed


def solve_all(
    tasks: Iterable[Task], workers: int | None = None, done: Callable[[int, Answer], None] | None = None
) -> list[Answer]:
    """The answers, in the order of the tasks. A worker that is killed costs only the work it had in hand."""
    todo = list(tasks)
    workers = min(workers or os.cpu_count() or 1, len(todo))
    found: dict[int, Answer] = {}
    if workers <= 1:
        for number, task in enumerate(todo):
            found[number] = solve(task)
            if done is not None:
                done(number, found[number])
    tries = 0
    while len(found) < len(todo):
        missing = [n for n in range(len(todo)) if n not in found]
        try:
            _round(todo, missing, workers, found, done)
        except BrokenProcessPool:
            tries += 1
            if tries >= TRIES:  # it is the work that kills them: do it here, where the reason shows
                for n in [n for n in range(len(todo)) if n not in found]:
                    found[n] = solve(todo[n])
    return [found[n] for n in range(len(todo))]


def _round(todo: list[Task], missing: list[int], workers: int, found: dict[int, Answer],
           done: Callable[[int, Answer], None] | None) -> None:  # fmt: skip
    """Give all missing tasks to a pool, and take what comes back until all have or a worker dies."""
    with ProcessPoolExecutor(max_workers=workers) as pool:
        futures: dict[Future[Any], int] = {pool.submit(solve, todo[n]): n for n in missing}
        waiting = set(futures)
        while waiting:
            try:
                ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            except KeyboardInterrupt:  # workers heard it too, and are about to answer with the best so far
                continue
            for future in sorted(ready, key=lambda f: futures[f]):
                found[futures[future]] = future.result()
                if done is not None:
                    done(futures[future], found[futures[future]])
