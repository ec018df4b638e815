"""Threads that help with one picture at a time. numpy lets go of the interpreter while it works, so
a share of the arithmetic can go to another core."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

THREADS = max(1, min(4, os.cpu_count() or 1))  # that work, with the one that asks for help


_thread = threading.local()


@contextmanager
def alone() -> Iterator[None]:
    """In it, this thread has no helpers: those are for who has not much time."""
    _thread.is_alone = True
    try:
        yield
    finally:
        _thread.is_alone = False


def helpers() -> int:
    """How many threads there are that help this one."""
    return 0 if getattr(_thread, "is_alone", False) else THREADS - 1


def help_with(work: Callable[[], object]) -> Future[object]:
    """Let another thread do it, beside the one that asks, which is to wait for its result."""
    return _pool().submit(work)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(THREADS - 1, 1), "crew")
