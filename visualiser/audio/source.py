"""Where sound comes from: a microphone, a file, a song that is played, or nothing.

Every source answers one question: which n samples end at show time t? Live and offline therefore
run the same code, and a file gives the same samples at every frame rate.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Protocol

import numpy as np

from visualiser.types import Sound

# `av` and `sounddevice` are imported where they are used: they cost 0.4 s each, and `sounddevice`
# cannot be imported at all where the system has no PortAudio.

SAMPLERATE = 48_000  # of files and silence; a microphone has its own
_LEAP_S = 0.25  # a show's clock that is off by more has been set anew


class Source(Protocol):
    """Something to listen to. Methods are called from one thread, the one with the show's loop.

    label: short text for the screen, such as "microphone USB Audio", "song.mp3", "demo loop".
    """

    label: str

    @property
    def state(self) -> str:
        """What it does: "hearing"; or why there is silence: "opening", "lost" (the device has gone)
        or "silent" (it is open, and delivers nothing)."""
        ...

    def window(self, t: float, n: int) -> Sound:
        """The n samples that end at show time t (seconds from 0; it should only grow).

        Zeros where there is nothing yet, or no longer. The caller may keep what it gets; n is at
        most 131072. `end` never goes back while t does not: while nothing is heard it grows with t,
        as if silence were, and when a stream opens (again) what it brings is counted on from there.
        """
        ...

    def notices(self) -> list[str]:
        """Lines for the person since the last call; usually none. Each is said once."""
        ...

    def close(self) -> None:
        """Let go of devices, files and threads; may be called twice."""
        ...


class Silence:
    """No sound at all."""

    label = "silence"
    state = "hearing"

    def window(self, t: float, n: int) -> Sound:
        return Sound(np.zeros(n, np.float32), SAMPLERATE, round(t * SAMPLERATE), t)

    def notices(self) -> list[str]:
        return []

    def close(self) -> None:
        pass


class ShowClock:
    """Which time.perf_counter() belongs to a show's time: learned from the times that are asked
    for, each of them while it is the present one.

    A question always comes a little later than its tick, and never earlier: so the earliest counts.
    """

    def __init__(self) -> None:
        self._origin: float | None = None

    def learn(self, t: float) -> None:
        origin = time.perf_counter() - t
        if self._origin is None or not 0 <= origin - self._origin <= _LEAP_S:
            self._origin = origin

    def show(self, moment: float) -> float:
        """perf_counter's seconds as the show's."""
        return moment - (self._origin or 0.0)

    def moment(self, t: float) -> float:
        """The show's seconds as perf_counter's."""
        return t + (self._origin or 0.0)


def drain(lines: deque[str]) -> list[str]:
    """Take out what is there; another thread may add meanwhile."""
    return [lines.popleft() for _ in range(len(lines))]
