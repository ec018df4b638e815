"""One open stream to the default sound output."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from visualiser.audio.inputs import portaudio
from visualiser.audio.ring import Ring
from visualiser.audio.source import SAMPLERATE
from visualiser.types import FloatArray, UserError

_BUFFER_S = 0.2  # what the output is given ahead; it is known, so it delays nothing that is seen
_STALL_S = 1.0  # an output that asks for nothing for so long has gone
_GRACE_S = 3.0  # and how long it may take to ask first
_LATE_S = 2.0  # a delay longer than this is none
_JUMP_S = 0.03  # what is off by more than this is not jitter
_STEADY_S = 0.3  # and for so long there must have been none before the song begins
_TURN = 0.02  # how much of what is off is taken up with each block
_TURN_EARLY = 0.2  # blocks are asked for late at times, and never early: what is early is truer


class Output:
    """Plays a ring's samples, (.., 2) at 48 kHz, from `start()` on, which is asked when the output
    runs steadily. Opens in the constructor, on the thread that owns PortAudio; UserError says why
    it cannot. A ring that runs dry is heard as silence, and what comes later is heard later."""

    def __init__(self, ring: Ring, start: Callable[[], int]) -> None:
        sounddevice = portaudio()
        self._ring = ring
        self._start = start
        self._opened = time.perf_counter()
        self._played = -1  # samples handed over, ever
        self._latency = 0.0
        self._has_finished = False
        self._came = 0.0  # when the last block was asked for
        self._warmed = 0  # samples of silence before the first of the song
        self._zero, self._since = 0.0, 0.0  # of _is_steady()
        # When sample 0 would have been heard, how many are handed over:
        self._said: tuple[float, int] | None = None
        try:
            self._stream = sounddevice.OutputStream(
                channels=2,
                samplerate=SAMPLERATE,
                dtype="float32",
                blocksize=1024,
                latency=_BUFFER_S,
                callback=self._fill,
                finished_callback=self._finish,
            )
        except (sounddevice.PortAudioError, ValueError) as error:
            raise UserError(f"no sound output can be opened: {error}") from None
        try:
            self._stream.start()
        except sounddevice.PortAudioError as error:
            self.close()
            raise UserError(f"the sound output does not start: {error}") from None
        self._latency = getattr(self._stream, "latency", 0.0)

    def _fill(self, out: FloatArray, frames: int, times: Any, status: Any) -> None:
        now = time.perf_counter()
        # PortAudio's clock is its own; how long it is until the block is heard can be told by it.
        delay = times.outputBufferDacTime - times.currentTime
        if times.outputBufferDacTime <= 0 or not 0 <= delay < _LATE_S:
            delay = self._latency
        self._came = now
        if not self._is_steady(now, now + delay - self._warmed / SAMPLERATE):
            self._warmed += frames
            out[:] = 0
            return
        if self._played < 0:
            self._played = self._start()
        began = self._played
        ready = min(frames, self._ring.written - began)
        if ready:
            self._ring.copy(out[:ready], began + ready)
        out[ready:] = 0
        self._played = began + ready
        zero = now + delay - began / SAMPLERATE
        if self._said is not None and abs(zero - self._said[0]) < _JUMP_S:
            turn = _TURN if zero > self._said[0] else _TURN_EARLY
            zero = self._said[0] + turn * (zero - self._said[0])
        self._said = (zero, self._played)

    def _is_steady(self, now: float, zero: float) -> bool:
        """Whether the output has woken up: at first it takes blocks at once, then none for a while,
        and what it says of when they are heard is not true. zero: when the first would have been
        heard."""
        if self._played >= 0:
            return True
        if abs(zero - self._zero) > _JUMP_S:
            self._zero, self._since = zero, now
        return now - self._since > _STEADY_S

    def _finish(self) -> None:
        self._has_finished = True

    @property
    def has_begun(self) -> bool:
        return self._said is not None

    def heard(self, moment: float) -> int:
        """How many samples have been heard at a moment, perf_counter's; none that were not handed
        over, so that it stands still where the output does."""
        assert self._said is not None
        zero, played = self._said
        return min(round((moment - zero) * SAMPLERATE), played)

    def is_lost(self, now: float) -> bool:
        if self._said is None:
            return self._has_finished or now - self._opened > _GRACE_S
        return self._has_finished or now - self._came > _STALL_S

    def close(self) -> None:
        self._stream.close(ignore_errors=True)
