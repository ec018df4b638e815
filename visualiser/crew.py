"""Threads that help with one picture at a time. numpy lets go of the interpreter while it works, so
a share of the arithmetic can go to another core."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache

THREADS = max(1, min(4, os.cpu_count() or 1))  # that work, with the one that asks for help


def help_with(work: Callable[[], object]) -> Future[object]:
    """Let another thread do it, beside the one that asks, which is to wait for its result."""
    return _pool().submit(work)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(THREADS - 1, 1), "crew")
