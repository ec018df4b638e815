"""Doing the next things while somebody is busy with one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


@contextmanager
def ahead(things: Generator[Thing, None, None], n: int) -> Iterator[Iterator[Thing]]:
    """Go through things on a thread of its own: while one is used, the next is made and n wait.
    What goes wrong there is raised here, in its place. Leaving ends the thread."""
    making = _Ahead(things, n)
    try:
        yield iter(making)
    finally:
        making.close()


class _Ahead(Generic[Thing]):
    def __init__(self, things: Generator[Thing, None, None], n: int) -> None:
        self._things = things
        self._made: queue.Queue[Thing | _End] = queue.Queue(n)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ahead")
        self._thread.start()

    def __iter__(self) -> Iterator[Thing]:
        while not isinstance(thing := self._made.get(), _End):
            yield thing
        if thing.error is not None:
            raise thing.error

    def close(self) -> None:
        """Make no more of them, and wait for the one that is being made."""
        self._stopped.set()
        while self._thread.is_alive():
            with suppress(queue.Empty):
                self._made.get(timeout=0.01)

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            for thing in self._things:
                self._made.put(thing)
                if self._stopped.is_set():
                    break
            self._things.close()
        except BaseException as raised:
            error = raised
        self._made.put(_End(error))


class _End:
    """What comes after the last one. error: why it is the last."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
