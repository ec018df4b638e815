"""Progress bars, on stderr."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Report(Protocol):
    def __call__(self, done: int, total: int, note: str = "") -> None: ...


class Bar:
    """Called as a Report is; say: a line above the bar, or a plain one where there is none."""

    def __init__(self, what: str, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task(what, total=None, note="")
        self._is_first = True

    def __call__(self, done: int, total: int, note: str = "") -> None:
        if self._is_first:  # what was there before says nothing about the time that is left
            self._progress.reset(self._task, total=total, completed=done)
            self._is_first = False
        if self._progress.console.is_terminal:
            self._progress.start()  # no more than once
        self._progress.update(self._task, completed=done, total=total, note=note)

    def say(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def bar(what: str, unit: str) -> Iterator[Bar]:
    """Yields report(done, total, note): draws the bar, the time left, and the note behind it.

    Nothing is drawn before the first report: what cannot even start is told by its error alone;
    and nothing where nobody looks, in a pipe or a log.
    """
    console = Console(stderr=True)
    progress = Progress(
        TextColumn(what),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn(f"{unit}  {{task.fields[note]}}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )
    try:
        yield Bar(what, progress)
    finally:
        if progress.live.is_started:
            progress.stop()
