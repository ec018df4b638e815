"""Threads that help with one picture at a time. numpy lets go of the interpreter while it works, so
a share of the arithmetic can go to another core."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache

THREADS = max(1, min(4, os.cpu_count() or 1))  # that work, with the one that asks for help
BEHIND = 10  # as `nice` counts


_thread = threading.local()


def step_back() -> None:
    """From now on this thread, and those that it starts, wait for those that have not much time:
    it has no helpers, and comes last to a core, where threads have a priority of their own."""
    _thread.is_alone = True
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BEHIND)


def helpers() -> int:
    """How many threads there are that help this one."""
    return 0 if getattr(_thread, "is_alone", False) else THREADS - 1


def help_with(work: Callable[[], object]) -> Future[object]:
    """Let another thread do it, beside the one that asks, which is to wait for its result."""
    return _pool().submit(work)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(THREADS - 1, 1), "crew")
