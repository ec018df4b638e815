"""Loops over every pixel of a picture, or place of one, which numba compiles.

To load them takes half a second, and some more on the first time on a machine: what makes films
waits for that, while a window starts without them. Whoever has a loop can do the same with numpy or
ffmpeg, more slowly: until they are loaded, or where numba is not there.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar

from visualiser.loops import decoder, field, flashes, pixels, points

Loop = TypeVar("Loop", bound=Callable[..., Any])

SWITCH_S = 0.0001  # that another thread has the interpreter's lock while loading
# Processors that have vectors of 512 bits and are no faster with them: they lower their clock.
# LLVM takes all others that Intel has made since for such, too, and has them do half at a time.
SHORT_OF_BREATH = ("skylake-avx512", "cascadelake", "cooperlake")

# And what each takes, as numba says it.
_LOOPS = {
    **decoder.LOOPS,
    **field.LOOPS,
    **flashes.LOOPS,
    **pixels.LOOPS,
    **points.LOOPS,
}
_compiled: dict[Callable[..., Any], Any] = {}


def compiled(loop: Loop) -> Loop | None:
    """The compiled one, if they are loaded; it lets go of the interpreter's lock."""
    return _compiled.get(loop)


def load(stopping: Callable[[], bool] = lambda: False) -> bool:
    """Compile all of them, or take those that were kept; whether there are any now."""
    try:
        from numba import njit
    except ImportError:
        return False
    _take_long_vectors()
    for loop, types in _LOOPS.items():
        if loop in _compiled or stopping():
            continue
        bound = _bound(loop)
        try:
            _compiled[loop] = njit(types, nogil=True, cache=True)(bound)
        except RuntimeError:  # there is no folder where it could be kept
            _compiled[loop] = njit(types, nogil=True)(bound)
    return True


def _take_long_vectors() -> None:
    from llvmlite import binding
    from numba.core import config

    told = vars(config)
    if told["CPU_NAME"] is not None or told["CPU_FEATURES"] is not None:
        return
    try:
        name, features = binding.get_host_cpu_name(), binding.get_host_cpu_features()
    except RuntimeError:  # LLVM does not know what this machine has
        return
    if features.get("avx512f") and name not in SHORT_OF_BREATH:
        told |= {"CPU_NAME": name, "CPU_FEATURES": f"{features.flatten()},-prefer-256-bit"}


def _bound(loop: Callable[..., Any]) -> FunctionType:
    """The same, but that it calls compiled loops where it calls those before it in its file."""
    assert isinstance(loop, FunctionType)
    beside = [each for each in _compiled if each.__module__ == loop.__module__]
    before = {each.__name__: _compiled[each] for each in beside}
    return FunctionType(loop.__code__, {**loop.__globals__, **before}, loop.__name__)


class Loading:
    """Loads them on a thread of its own, while pictures are shown."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Once; from then on this does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._load, name="loops")
            self._thread.start()

    def close(self) -> None:
        """Wait for the one that is being compiled."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _load(self) -> None:
        # It hardly lets go of the interpreter's lock by itself, and pictures are to wait less.
        before = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)
        try:
            load(self._stopped.is_set)
            gc.freeze()  # what is loaded stays; looking through it again and again costs frames
        finally:
            sys.setswitchinterval(before)
