"""One open stream of a sound input, and what has come through it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from visualiser.audio.inputs import Input, portaudio
from visualiser.audio.ring import HISTORY, Ring
from visualiser.types import FloatArray, UserError

STALL_S = 0.16  # a stream that has begun, and brings nothing for so long, has lost its device
GRACE_S = 2.5  # how long the first block may take: those of monitors have taken 1.6 s
_OLD_S = 2.0  # a capture time further back than this is none
_MEASURE_S = 3.0  # over how long a stream's true rate is measured
_OFF = 0.05  # how far it may be from what the stream was opened with


class Tap:
    """Opens and starts in the constructor, on the thread that owns PortAudio; UserError says why
    it cannot. channels: which to keep, from 0. samplerate: Hz, a wish; the device's own is taken
    where it is refused.

    ring: (.., channels); newest: (samples so far, when the last of them was captured, when it came
    here), times of perf_counter().
    """

    def __init__(
        self,
        device: Input,
        channels: Sequence[int] = (0,),
        samplerate: int | None = None,
        blocksize: int = 256,
        capacity: int = HISTORY,
    ) -> None:
        sounddevice = portaudio()
        self.device = device
        self.ring = Ring(capacity, len(channels))
        self.opened = time.perf_counter()
        self.newest = (0, 0.0, 0.0)
        self.has_finished = False
        self._columns = tuple(channels)
        self._latency = 0.0
        self._measured = (0, 0.0)  # the count and the time where measuring began
        refusal = ""
        self._stream: Any = None
        for rate in dict.fromkeys((samplerate or device.samplerate, device.samplerate)):
            self.samplerate = rate
            try:
                self._stream = sounddevice.InputStream(
                    device=device.index,
                    # Of fewer than a pair a sound server would make a mix of its own.
                    channels=max(max(channels) + 1, min(2, device.channels)),
                    samplerate=rate,
                    blocksize=blocksize,
                    dtype="float32",
                    latency="low",
                    callback=self._hear,
                    finished_callback=self._finish,
                )
                self._stream.start()
                self._latency = getattr(self._stream, "latency", 0.0)
                return
            except sounddevice.PortAudioError as error:
                refusal = str(error)
                self.close()
                self.has_finished = False
        raise UserError(f'the input "{device.name}" cannot be opened: {refusal}')

    def _hear(self, block: FloatArray, frames: int, times: Any, status: Any) -> None:
        now = time.perf_counter()
        self.ring.append(block, self._columns)
        length = frames / self.samplerate
        # PortAudio's clock is its own; how old a block is can be told by it all the same.
        age = times.currentTime - times.inputBufferAdcTime if times else 0.0
        if not times or times.inputBufferAdcTime <= 0 or not 0 < age < _OLD_S:
            age = length + self._latency  # this host gives no time of capture
        self.newest = (self.ring.written, now - max(age - length, 0.0), now)
        if status:  # samples were lost on the way: no measure of the rate
            self._measured = (0, 0.0)

    def _finish(self) -> None:
        self.has_finished = True

    def state(self, now: float) -> str:
        """now: perf_counter's. As Source.state."""
        count, _, came = self.newest
        if not count:
            is_late = self.has_finished or now - self.opened > GRACE_S
            return "silent" if is_late else "opening"
        return "lost" if self.has_finished or now - came > STALL_S else "hearing"

    def is_off_rate(self) -> bool:
        """Whether samples come much faster or slower than the stream was told they would: the
        device has changed its rate. Ask now and then, from one thread."""
        count, _, came = self.newest
        began, since = self._measured
        if not count or came - self.opened < 1.0:  # the first ones come in a heap
            return False
        if not began:
            self._measured = (count, came)
            return False
        if came - since < _MEASURE_S:
            return False
        self._measured = (count, came)
        return abs((count - began) / (came - since) / self.samplerate - 1) > _OFF

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close(ignore_errors=True)
