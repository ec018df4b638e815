"""An hour of sound through the real stream, ring, microphone and ear, as fast as it goes."""

from __future__ import annotations

import sys
import time
import types
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.row import Row
from visualiser import config
from visualiser.audio import microphone, owner, source, tap
from visualiser.audio.microphone import Microphone
from visualiser.controls import Controls
from visualiser.listener import Listener, declare
from visualiser.types import Tick

RATE = 48_000
FPS = 60
_BLOCK = 256
_AGE_S = 0.003  # of the newest sample of a block when it comes here
_TRUE = 1 + 60e-6  # how much faster the device's clock runs than ours: an hour is 0.2 s more
_CLICK_EVERY = 26_095  # samples; 32.62 ticks, so that clicks fall anywhere between two


class Hardware(types.ModuleType):
    """In place of sounddevice: one input, whose stream is fed by hand; and the time, which only
    goes on when it is told to."""

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self.now = time.perf_counter()
        self.hear: Any = None
        device = {
            "index": 0,
            "name": "line",
            "hostapi": 0,
            "max_input_channels": 2,
            "default_samplerate": float(RATE),
        }
        self.PortAudioError = type("PortAudioError", (Exception,), {})
        self.default = types.SimpleNamespace(device=[0, 0])
        self.query_hostapis = lambda: [{"name": "none"}]
        self.query_devices = lambda: [device]
        self._initialize = self._terminate = lambda: None

    def perf_counter(self) -> float:
        return self.now

    def InputStream(self, callback: Any, **options: Any) -> Any:
        self.hear = callback
        stream = types.SimpleNamespace(latency=0.01)
        stream.start = lambda: None
        stream.close = lambda ignore_errors=True: None
        return stream


@contextmanager
def hardware() -> Iterator[Hardware]:
    """The microphone's modules see this hardware, and its time, and no other."""
    made = Hardware()
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(sys.modules, {"sounddevice": made}))
        for module in (microphone, owner, source, tap):
            stack.enter_context(mock.patch.object(module, "time", made))
        stack.enter_context(mock.patch.object(owner.OWNER, "_rows", None))
        yield made


def listen(seconds: float) -> dict[str, np.ndarray]:
    """Clicks over noise, through everything, for so long. `delay`: (ticks,) s, the time asked for
    less heard_t; `late`: (clicks,) s, from the capture of each to the tick that finds it (infinite:
    never); `at`: (clicks,) s, when that was; `kept`: samples a ring keeps, at every minute."""
    rng = np.random.default_rng(1)
    sound = 0.003 * rng.standard_normal((_CLICK_EVERY, 2)).astype(np.float32)
    sound[:2400] += 0.6 * (rng.uniform(-1, 1, (2400, 1)) * np.exp(-np.arange(2400) / 400)[:, None])
    sound = np.concatenate([sound, sound[:_BLOCK]])
    with hardware() as line:
        mic = Microphone("line")
        listener = Listener(mic, config.Sound.model_validate({}), Controls(declare()))
        while line.hear is None:
            time.sleep(0.001)  # on the owner's thread
        began = line.now
        fed, delay, kept = 0, [], []
        onsets: list[float] = []
        for index in range(1, round(seconds * FPS)):
            t = index / FPS
            # Each block comes a little after its last sample was captured.
            while (came := (fed + _BLOCK) / RATE / _TRUE + _AGE_S) <= t:
                at = fed % _CLICK_EVERY
                line.now = began + came
                line.hear(
                    sound[at : at + _BLOCK],
                    _BLOCK,
                    types.SimpleNamespace(
                        currentTime=came, inputBufferAdcTime=came - _AGE_S - _BLOCK / RATE
                    ),
                    None,
                )
                fed += _BLOCK
            line.now = began + t
            features = listener.listen(Tick(index, t, 1 / FPS))
            delay.append(t - features.heard_t)
            if features.onset > 0:
                onsets.append(t)
            if index % (60 * FPS) == 1 and mic.tap is not None:
                kept.append(mic.tap.ring._samples.shape[0])
        mic.close()
        starts = np.arange(0, fed - RATE, _CLICK_EVERY) / RATE / _TRUE
        heard = np.array([*onsets, np.inf])
        late = heard[np.searchsorted(heard, starts)] - starts
    return {
        "delay": np.array(delay),
        "late": np.where(late < 0.3, late, np.inf),
        "at": starts,
        "kept": np.array(kept),
    }


def hour(quick: bool) -> Iterator[Row]:
    """Whether delay grows over an hour, and what is kept."""
    minutes = 10 if quick else 60
    found = listen(minutes * 60)
    minute = found["delay"][60:3600], found["delay"][-3600:]
    first, last = (1e3 * float(np.median(part)) for part in minute)
    top = 1e3 * float(found["delay"][60:].max())
    note = f"{first:.2f} and {last:.2f} ms, at most {top:.1f} ms, of {minutes} min"
    grown = abs(last - first)
    yield Row("latency: newest sample, last minute - first", grown, "ms", 0.5, note=note)
    early = found["late"][(found["at"] > 3) & (found["at"] < 60)]
    late = found["late"][found["at"] > (minutes - 1) * 60]
    first, last = 1e3 * float(np.median(early)), 1e3 * float(np.median(late))
    note = (
        f"{first:.1f} and {last:.1f} ms, missed {np.isinf(early).sum()} and {np.isinf(late).sum()}"
    )
    yield Row("latency: onset found, last minute - first", abs(last - first), "ms", 1.0, note=note)
    kept = found["kept"]
    note = "the same all along" if kept.min() == kept.max() else f"from {kept.min()}"
    yield Row("latency: sound kept, samples a channel", int(kept.max()), "", 2**18, note=note)
