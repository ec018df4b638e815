"""Doing the next things while somebody is busy with one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

LOOK_S = 0.1  # between two looks whether it is to stop

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
        self._thread.join()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            for thing in self._things:
                self._give(thing)
                if self._stopped.is_set():
                    break
            self._things.close()
        except BaseException as raised:
            error = raised
        self._give(_End(error))

    def _give(self, thing: Thing | _End) -> None:
        """Wait until there is room for it, or nobody wants it any more."""
        while not self._stopped.is_set():
            with suppress(queue.Full):
                self._made.put(thing, timeout=LOOK_S)
                return


class _End:
    """What comes after the last one. error: why it is the last."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
