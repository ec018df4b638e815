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


@contextmanager
def bar(what: str, unit: str) -> Iterator[Report]:
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
    task = progress.add_task(what, total=None, note="")

    def report(done: int, total: int, note: str = "") -> None:
        if console.is_terminal:
            progress.start()  # no more than once
        progress.update(task, completed=done, total=total, note=note)

    try:
        yield report
    finally:
        if progress.live.is_started:
            progress.stop()
