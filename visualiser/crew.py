"""Threads that help with one picture at a time. numpy lets go of the interpreter while it works, so
a share of the arithmetic can go to another core."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import TypeVar

THREADS = max(1, min(4, os.cpu_count() or 1))  # that work, with the one that asks for help
MANY = 750_000  # pixels: threads that share fewer wait for each other more than they save

Part = TypeVar("Part")
Held = TypeVar("Held")

_thread = threading.local()


def step_back(yields: bool) -> None:
    """From now on this thread has no helpers: those are for who has not much time. yields: and
    where there is such a policy (Linux), it and the threads that it starts have a core only while
    nobody else wants it. A low priority is not enough for that: whoever has a core keeps it for
    some milliseconds."""
    _thread.is_alone = True
    if yields and sys.platform == "linux":
        with suppress(OSError):
            os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))


def helpers(pixels: int) -> int:
    """How many threads there are that help this one with so many pixels."""
    is_alone = getattr(_thread, "is_alone", False)
    return 0 if is_alone or pixels < MANY else THREADS - 1


def help_with(work: Callable[[], Held]) -> Future[Held]:
    """Let another thread do it, beside the one that asks, which is to wait for its result."""
    return _pool().submit(work)


def share(
    do: Callable[[Iterator[Part], Held], None], parts: list[Part], held: Held, n_helpers: int
) -> None:
    """Let this thread and its helpers each do the next part that is left; errors come back. held:
    what they do it to, of which nobody holds on to anything afterwards: a surface is locked as long
    as somebody does."""
    left = iter(parts)
    # A helper that is done may hold on to what it was given for a while: that is a list, which is
    # emptied here.
    holding = [held]
    del held
    try:
        helping = [help_with(lambda: do(left, holding[0])) for _ in range(n_helpers)]
        do(left, holding[0])
        for helper in helping:
            helper.result()
    finally:
        holding.clear()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(THREADS - 1, 1), "crew")
