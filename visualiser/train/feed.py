"""Batches made on a thread, while the network learns from those before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Feed(Generic[T]):
    """The batches of some steps, in their order, a few of them ahead. What goes wrong in making one
    is raised where it is taken."""

    def __init__(self, make: Callable[[int], T], steps: range, ahead: int = 4) -> None:
        self._make = make
        self._steps = steps
        self._queue: queue.Queue[T | Exception] = queue.Queue(maxsize=ahead)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def __enter__(self) -> Feed[T]:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._closed.set()
        while not self._queue.empty():  # one that waits to put can go on, and see that it is over
            self._queue.get_nowait()
        self._thread.join()

    def __iter__(self) -> Iterator[T]:
        for _ in self._steps:
            item = self._queue.get()
            if isinstance(item, Exception):
                raise item
            yield item

    def _run(self) -> None:
        for step in self._steps:
            try:
                item: T | Exception = self._make(step)
            except Exception as error:
                item = error
            while not self._closed.is_set():
                try:
                    self._queue.put(item, timeout=0.1)
                    break
                except queue.Full:
                    continue
            if self._closed.is_set() or isinstance(item, Exception):
                return
