"""The sound of a recording: what was heard, at the times at which it was heard."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from visualiser.smoothing import step
from visualiser.types import FloatArray, Sound

if TYPE_CHECKING:
    from av import AudioResampler
    from av.audio.stream import AudioStream
    from av.container import OutputContainer

RATE = 48_000
# of each codec: samples at a time, how they lie, and whether it is told how many bits it has
CODECS = {
    "aac": (1024, "fltp", True),
    "libopus": (960, "s16", True),
    "flac": (4608, "s16", False),
    "pcm_s16le": (1024, "s16", False),
}
BEHIND_S = 0.5  # sound that is later than this does not come: silence takes its place
JUMP_S = 0.08  # off by more, it is a gap or another source, and no drift
SETTLE_S = 4.0  # time constant in which the drift is measured: single times are a few ms off


@dataclass(frozen=True)
class Heard:
    """New sound: samples (n,) mono or (n, channels), -1..1; t: when the first was heard, s."""

    samples: FloatArray
    samplerate: int
    t: float


class Fresh:
    """What is new in one window of sound after the other."""

    def __init__(self) -> None:
        self._end: int | None = None

    def of(self, sound: Sound) -> Heard | None:
        """The samples since the last call; those that no window holds any more are silence."""
        before, self._end = self._end, sound.end
        n = sound.end - before if before is not None else 0
        if n <= 0 or n > 10 * sound.samplerate:
            return None  # the first, or another sound
        samples = sound.samples[-n:]
        lost = n - samples.size
        if lost > 0:
            samples = np.concatenate([np.zeros(lost, np.float32), samples])
        return Heard(samples.copy(), sound.samplerate, sound.t - n / sound.samplerate)


class Voice:
    """A track of sound in a file that is being written. codec: one of CODECS; channels: 1 or
    2, whatever comes.

    A sound card's clock is not the show's: what comes is stretched by a sample here and there, so
    that an hour later it is still beside its pictures.
    """

    def __init__(self, file: OutputContainer, codec: str, channels: int = 1) -> None:
        self._file = file
        self._channels = channels
        self._layout = "mono" if channels == 1 else "stereo"
        stream: Any = file.add_stream(codec, rate=RATE, layout=self._layout)
        self._stream: AudioStream = stream
        self._frame, self._format, is_lossy = CODECS[codec]
        self._stream.format = self._format
        if is_lossy:
            self._stream.bit_rate = 160_000 if channels == 1 else 256_000
        self._left = self._silence(0)  # encoded with the next ones
        self._written = 0  # samples, with those that are left
        self._drift = 0.0  # samples that the sound is late
        self._is_new = True
        self._resampler: tuple[int, AudioResampler] | None = None

    def hear(self, heard: Heard) -> None:
        """Add what was heard next; what is older than the file's beginning is left out."""
        samples = self._at_rate(self._spread(heard.samples), heard.samplerate)
        early = max(math.ceil(-heard.t * RATE), 0)
        samples, t = samples[early:], max(heard.t, 0.0)
        if not len(samples):
            return
        drift = t * RATE - self._written
        if self._is_new or abs(drift) > JUMP_S * RATE:
            self._is_new, self._drift = False, 0.0
            if drift >= 0:
                self._add(self._silence(round(drift)))
            else:
                samples = samples[round(-drift) :]
        else:
            part = step(len(samples) / RATE, SETTLE_S)
            self._drift += part * (drift - self._drift)
            if abs(self._drift) > 1 and len(samples) > 2:
                one = 1 if self._drift > 0 else -1
                samples = _stretched(samples, len(samples) + one)
                self._drift -= one
        self._add(samples)

    def keep_up(self, t: float) -> None:
        """The pictures are at t: where no sound came for long there was none."""
        missing = round((t - BEHIND_S) * RATE) - self._written
        if missing > 0:
            self._add(self._silence(missing))
            self._is_new = True

    def close(self, t: float) -> None:
        """Fill up to t with silence, and finish."""
        self._add(self._silence(max(round(t * RATE) - self._written, 0)))
        rest, self._left = self._left, self._silence(0)
        self._encode(rest)
        self._file.mux(self._stream.encode(None))

    def _silence(self, n: int) -> FloatArray:
        return np.zeros((n, self._channels), np.float32)

    def _spread(self, samples: FloatArray) -> FloatArray:
        """(n, channels), whatever there were."""
        if samples.ndim == 1:
            samples = samples[:, None]
        if samples.shape[1] > self._channels:
            samples = samples.mean(axis=1, keepdims=True)
        return np.repeat(samples, self._channels // samples.shape[1], axis=1)

    def _at_rate(self, samples: FloatArray, samplerate: int) -> FloatArray:
        if samplerate == RATE:
            return samples
        import av

        if self._resampler is None or self._resampler[0] != samplerate:
            self._resampler = samplerate, av.AudioResampler("fltp", self._layout, RATE)
        planes = np.ascontiguousarray(samples.T)
        frame: Any = av.AudioFrame.from_ndarray(planes, format="fltp", layout=self._layout)
        frame.sample_rate = samplerate
        frames = self._resampler[1].resample(frame)
        parts = [np.asarray(each.to_ndarray().T, np.float32) for each in frames]
        return np.concatenate([self._silence(0), *parts])

    def _add(self, samples: FloatArray) -> None:
        self._written += len(samples)
        waiting = np.concatenate([self._left, samples])
        whole = len(waiting) // self._frame * self._frame
        self._left = waiting[whole:]
        self._encode(waiting[:whole])

    def _encode(self, samples: FloatArray) -> None:
        import av

        begun = self._written - len(self._left) - len(samples)
        for start in range(0, len(samples), self._frame):
            part = samples[start : start + self._frame]
            if self._format == "s16":  # channels lie side by side
                levels = np.clip(np.round(part * 32767), -32768, 32767).astype(np.int16)
                planes = levels.reshape(1, -1)
            else:
                planes = np.ascontiguousarray(part.T)
            frame: Any = av.AudioFrame.from_ndarray(
                planes, format=self._format, layout=self._layout
            )
            frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
            frame.pts = begun + start
            self._file.mux(self._stream.encode(frame))


def _stretched(samples: FloatArray, n: int) -> FloatArray:
    """(n, channels) the same sound, over as many samples."""
    before = np.arange(len(samples))
    at = (np.arange(n) + 0.5) * len(samples) / n - 0.5
    channels = [np.interp(at, before, channel) for channel in samples.T]
    return np.stack(channels, axis=1).astype(np.float32)
