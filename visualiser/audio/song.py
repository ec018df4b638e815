"""A song that is heard in the room, with the picture in step."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Generator
from math import inf
from pathlib import Path

import numpy as np

from visualiser.audio import decode, owner
from visualiser.audio.inputs import NoPortAudio
from visualiser.audio.output import Output
from visualiser.audio.owner import OWNER, Owner
from visualiser.audio.ring import Ring
from visualiser.audio.source import SAMPLERATE, ShowClock, drain
from visualiser.types import FloatArray, Sound, UserError

_CAPACITY = 1 << 18  # samples: those that were heard, for windows, and those that are decoded ahead
_AHEAD = 96_000  # how far ahead of what is heard: 2 s
_CHUNK = 8192
_AGAIN_S = 1.0  # between attempts to get an output
_PATIENCE_S = 3.0  # how long the first may take to open, before the show goes on without


class Song:
    """A sound file through the default output. What window() gives for show time t is what leaves
    the loudspeaker then, by the clock of the output, whatever that drifts by: it pauses with the
    output, and is heard from its start when the output has opened.

    Where there is no output, or no longer, the song goes on unheard at the show's clock, a line
    says so, and it is heard again as soon as one is there. `end` counts samples of the song,
    through all turns of its loop.

    Raises UserError, one line, as AudioFile does.
    """

    def __init__(self, path: str | Path, loop: bool = True) -> None:
        self.path = Path(path)
        self.label = self.path.name
        self._loop = loop
        self._notices: deque[str] = deque(maxlen=8)
        self._ring = Ring(_CAPACITY, 2)
        blocks = decode.stereo(self.path, self._notices)
        first = next(blocks, None)
        if first is None or not len(first):
            raise UserError(f"{path}: there is no sound in it, its length is zero")
        # Kept by the show's thread:
        self._clock = ShowClock()
        self._heard = 0  # samples that have left the loudspeaker
        self._last_t: float | None = None
        self._began_t = 0.0
        # Kept by PortAudio's:
        self._output: Output | None = None
        self._is_muted = False
        self._said = ""  # the last line about something nobody thought of
        self._is_stale = False
        self._again = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._decode, args=(first, blocks), name="song", daemon=True
        )
        self._thread.start()
        OWNER.attach(self)

    # --- the show's thread

    @property
    def is_audible(self) -> bool:
        """Whether it is heard in the room now."""
        output = self._output
        return output is not None and output.has_begun

    @property
    def state(self) -> str:
        return "hearing" if self.is_audible or self._is_muted else "opening"

    def window(self, t: float, n: int) -> Sound:
        self._clock.learn(t)
        if self._last_t is None:
            self._last_t = self._began_t = t
        passed, self._last_t = max(0.0, t - self._last_t), t
        output = self._output
        heard = self._heard
        if output is not None:
            heard = output.heard(self._clock.moment(t)) if output.has_begun else heard
        elif self._is_muted or t - self._began_t > _PATIENCE_S:
            heard += round(passed * SAMPLERATE)
        self._heard = max(self._heard, min(heard, self._ring.written))
        samples: FloatArray = self._ring.read(n, self._heard).mean(axis=1)
        return Sound(np.clip(samples, -1.0, 1.0), SAMPLERATE, self._heard, t)

    def notices(self) -> list[str]:
        return drain(self._notices)

    def close(self) -> None:
        self._stop.set()
        OWNER.detach(self, owner.CLOSE_S)
        self._thread.join(owner.CLOSE_S)

    # --- its own

    def _decode(self, block: FloatArray, blocks: Generator[FloatArray, None, None]) -> None:
        """Keep the ring filled ahead of what is heard."""
        turn = 0  # samples decoded in this turn of the loop
        while not self._stop.is_set():
            for start in range(0, len(block), _CHUNK):
                part = block[start : start + _CHUNK]
                while self._ring.written + len(part) > self._heard + _AHEAD:
                    if self._stop.wait(0.05):
                        blocks.close()
                        return
                self._ring.append(part)
                turn += len(part)
            try:
                following = next(blocks, None)
                if following is None and self._loop and turn:
                    turn = 0
                    blocks = decode.stereo(self.path, deque(maxlen=1))  # damage was said before
                    following = next(blocks, None)
            except UserError as error:  # deleted while it played: no reason to stop a set
                self._notices.append(f"{error}; playing silence")
                following = None
                self._loop = False
            block = np.zeros((_CHUNK, 2), np.float32) if following is None else following

    # --- PortAudio's thread

    def tend(self, owner: Owner, now: float) -> None:
        if self._output is not None:
            if not self._output.is_lost(now):
                return
            self._mute("the sound output has gone: the song goes on unheard")
            self.drop()
            self._again = 0.0
        if now < self._again:
            return
        try:
            if self._is_stale:
                owner.refresh(self)
            self._output = Output(self._ring, lambda: self._heard)
            self._is_stale = self._is_muted = False
        except UserError as error:
            self._mute(f"{error}: the song goes on unheard")
            is_hopeless = isinstance(error, NoPortAudio)
            self._again = inf if is_hopeless else time.perf_counter() + _AGAIN_S

    def _mute(self, line: str) -> None:
        if not self._is_muted:
            self._notices.append(line)
        self._is_muted = self._is_stale = True

    def drop(self) -> None:
        output, self._output = self._output, None
        if output is not None:
            output.close()

    def has_streams(self) -> bool:
        return self._output is not None

    def say(self, line: str) -> None:
        if line != self._said:
            self._notices.append(line)
        self._said = line
