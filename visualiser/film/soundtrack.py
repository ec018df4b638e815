"""The sound of a film: any stretch of it, in stereo."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np

from visualiser.audio import decode
from visualiser.audio.file import DEMO, AudioFile
from visualiser.audio.source import SAMPLERATE, Silence, Source
from visualiser.film.loop import Round
from visualiser.types import FloatArray, UserError
from visualiser.voice import Heard


def source_of(song: Path | None, driver: str, turn_s: float | None = None) -> Source:
    """What a film listens to: without a song, drivers of sound have the demo loop. turn_s: of a
    loop, which hears its first seconds again and again."""
    is_demo = song is None and driver == "audio"
    path = DEMO if is_demo else song
    if path is None:
        return Silence()
    return AudioFile(path, is_demo) if turn_s is None else Round(path, turn_s, is_demo)


class Stretches:
    """A sound file's samples, from wherever they are asked for; after its end there is silence.

    Going on from where the last stretch ended is free, further on is decoded, and back is decoded
    from the start. Raises UserError, one line, where the file is none.
    """

    def __init__(self, path: Path, loop: bool = False) -> None:
        self._path, self._loop = path, loop
        self._begin()

    def _begin(self) -> None:
        # What is damaged is said by the source that the show listens to.
        self._blocks = decode.stereo(self._path, deque(maxlen=1))
        block = next(self._blocks, None)
        if block is None:
            raise UserError(f"{self._path}: there is no sound in it, its length is zero")
        self._waiting = block
        self._at = 0  # of the first that waits

    def read(self, start: int, n: int) -> FloatArray:
        """(n, 2) from sample start on, -1..1; before the file's beginning it is silent, too."""
        early = min(max(-start, 0), n)
        parts = [np.zeros((early, 2), np.float32)]
        start, n = max(start, 0), n - early
        if start < self._at:
            self._begin()
        while n > 0:
            skipped = min(start - self._at, len(self._waiting))
            part = self._waiting[skipped : skipped + n]
            parts.append(part)
            self._at += skipped + len(part)
            self._waiting = self._waiting[skipped + len(part) :]
            start, n = start + len(part), n - len(part)
            if n > 0 and not self._more():
                parts.append(np.zeros((n, 2), np.float32))
                break
        return np.clip(np.concatenate(parts), -1.0, 1.0)

    def _more(self) -> bool:
        block = next(self._blocks, None)
        if block is None and self._loop:
            self._blocks = decode.stereo(self._path, deque(maxlen=1))
            block = next(self._blocks, None)
        if block is None:
            return False
        self._waiting = block
        return True

    def close(self) -> None:
        self._blocks.close()


class Soundtrack:
    """place: where in the file, s, what is heard at t of the film stands; None is silence."""

    def __init__(
        self, path: Path, loop: bool = False, place: Callable[[float], float | None] = lambda t: t
    ) -> None:
        self._stretches = Stretches(path, loop)
        self._place = place

    def between(self, start: float, until: float) -> Heard | None:
        """What is heard from one time of the film to another, s; None where that is nothing."""
        at = self._place(start)
        if at is None:
            return None
        n = round(until * SAMPLERATE) - round(start * SAMPLERATE)
        return Heard(self._stretches.read(round(at * SAMPLERATE), n), SAMPLERATE, start)

    def close(self) -> None:
        self._stretches.close()
