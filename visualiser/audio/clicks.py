"""Clicks that are played, and found again in what a microphone hears."""

from __future__ import annotations

import time

import numpy as np

from visualiser.audio import owner
from visualiser.audio.output import Output
from visualiser.audio.owner import OWNER, Owner
from visualiser.audio.ring import Ring
from visualiser.audio.source import SAMPLERATE
from visualiser.types import FloatArray, UserError

_CLICK_S = 0.008
_LO_HZ, _HI_HZ = 400.0, 8_000.0
_FIRST_S = 0.6
_GAP_S = (0.5, 0.7)  # from one to the next: no two gaps alike, so that none is mistaken


def click(samplerate: int) -> FloatArray:
    """(n,) -1..1: a short sweep, which is an onset in every band and like nothing else."""
    t = np.arange(round(_CLICK_S * samplerate)) / samplerate
    hi_hz = min(_HI_HZ, 0.4 * samplerate)
    turns = _LO_HZ * t + (hi_hz - _LO_HZ) * t**2 / (2 * _CLICK_S)
    sweep: FloatArray = (0.8 * np.sin(2 * np.pi * turns)).astype(np.float32)
    fade = round(0.002 * samplerate)
    sweep[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return sweep


def find_click(samples: FloatArray, samplerate: int) -> tuple[int, float]:
    """Where in (n,) samples a click is most likely to begin, and how alike it is there, 0..1."""
    wanted = click(samplerate)
    size = len(samples) + len(wanted)
    alike = np.fft.irfft(np.fft.rfft(samples, size) * np.conj(np.fft.rfft(wanted, size)), size)
    alike = np.abs(alike[: len(samples) - len(wanted) + 1])
    at = int(alike.argmax())
    there = samples[at : at + len(wanted)]
    power = float(np.dot(there, there) * np.dot(wanted, wanted))
    return at, float(alike[at]) / power**0.5 if power > 1e-12 else 0.0


class Clicks:
    """Plays clicks through the default output, from the moment when it runs steadily.

    fault: why there is no output (any more), or "".
    """

    def __init__(self, count: int) -> None:
        gaps = np.random.default_rng(1).uniform(*_GAP_S, count)
        self._starts = np.round((_FIRST_S + np.cumsum(gaps)) * SAMPLERATE).astype(int)
        sound = np.zeros((int(self._starts[-1]) + SAMPLERATE, 2), np.float32)
        for start in self._starts:
            one = click(SAMPLERATE)
            sound[start : start + len(one)] = one[:, None]
        self._ring = Ring(len(sound), 2)
        self._ring.append(sound)
        self._output: Output | None = None
        self.fault = ""
        OWNER.attach(self)

    def played(self, number: int) -> float | None:
        """When a click left the loudspeaker, by the clock of the output, in perf_counter's
        seconds; None until it has."""
        output, now = self._output, time.perf_counter()
        if output is None or not output.has_begun:
            return None
        since = output.heard(now) - int(self._starts[number])
        return now - since / SAMPLERATE if since >= 0 else None

    def close(self) -> None:
        OWNER.detach(self, owner.CLOSE_S)

    # --- PortAudio's thread

    def tend(self, owner: Owner, now: float) -> None:
        if self.fault:
            return
        try:
            if self._output is None:
                self._output = Output(self._ring, lambda: 0)
        except UserError as error:
            self.fault = str(error)
        else:
            if self._output.is_lost(now):
                self.drop()

    def drop(self) -> None:
        output, self._output = self._output, None
        if output is not None:
            self.fault = self.fault or "the sound output has gone, or takes no sound"
            output.close()

    def has_streams(self) -> bool:
        return self._output is not None

    def say(self, line: str) -> None:
        self.fault = self.fault or line
