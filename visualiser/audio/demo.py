"""The demo loop, made from nothing: eight bars at 120 beats a minute, sixteen seconds.

`python -m visualiser.audio.demo` writes assets/demo.flac. It is what plays where there is no
microphone, so it has what an instrument must react to: kick, clap and hats, a bass line, chords,
a melody, and two quiet bars without drums. Everything is laid on a circle of samples, so that
what rings past the end comes in at the start, and the loop has no seam.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visualiser.audio.file import DEMO
from visualiser.types import FloatArray, UserError

SAMPLERATE = 48_000
BEAT_S = 0.5
BARS = 8
SEED = 2021  # the year of the streams that this instrument grew from
LOOP = round(BARS * 4 * BEAT_S * SAMPLERATE)  # samples in the whole loop

Wave = NDArray[np.float64]

# One chord a bar, as MIDI notes, low to high: Am7, Fmaj7, C, G, and round again.
CHORDS = [(57, 60, 64, 67), (53, 57, 60, 64), (55, 60, 64, 67), (55, 59, 62, 67)] * 2
ROOTS = [33, 29, 36, 31] * 2
BASS_STEPS = [0, 3, 6, 8, 11, 14]  # sixteenths of a bar
MELODY = [0, 2, 3, 1, 2, 3, 1, 2]  # which chord note each eighth of a bar plays
BREAK = (4, 5)  # the bars without drums or bass


def demo_samples(seed: int = SEED) -> FloatArray:
    """The loop: (768000,) float32 mono at 48 kHz, peak 0.89 (-1 dBFS); the same for a seed."""
    # Plain uniform noise only: numpy does not promise its other distributions for ever.
    rng = np.random.default_rng(seed)

    def noise(seconds: float, lo_hz: float, hi_hz: float) -> Wave:
        return _band(rng.uniform(-1.0, 1.0, round(seconds * SAMPLERATE)), lo_hz, hi_hz)

    drums, bass, pad, bell = (np.zeros(LOOP) for _ in range(4))
    clap = noise(0.3, 900, 6_000) * _decay(0.3, 0.06)
    hat = noise(0.12, 7_000, 18_000) * _decay(0.12, 0.02)
    open_hat = noise(0.3, 6_000, 16_000) * _decay(0.3, 0.09)
    swell = noise(4.0, 1_000, 12_000) * np.linspace(0.0, 1.0, 4 * SAMPLERATE) ** 3

    for bar in range(BARS):
        playing = bar not in BREAK
        for beat in range(4):
            if playing:
                _lay(drums, _kick(), bar, beat, 0.95)
                _lay(drums, open_hat, bar, beat + 0.5, 0.15)
                if beat % 2:
                    _lay(drums, clap, bar, beat, 0.5)
                for step, loud in enumerate((0.11, 0.05, 0.0, 0.07)):
                    _lay(drums, hat, bar, beat + step / 4, loud * rng.uniform(0.8, 1.2))
        if playing:
            for step in BASS_STEPS:
                note = ROOTS[bar] + (12 if step in (6, 14) else 0)
                _lay(bass, _bass(_hz(note)), bar, step / 4, 0.38)
        for note in CHORDS[bar]:
            _lay(pad, _pad(_hz(note)), bar, 0.0, 0.028)
        if bar in BREAK or bar % 2:
            for eighth, which in enumerate(MELODY):
                _lay(bell, _bell(_hz(CHORDS[bar][which] + 12)), bar, eighth / 2, 0.07)
    _lay(drums, swell, BREAK[0], 0.0, 0.05)

    # The pad ducks under every kick, as it would in the club.
    beat_phase = np.arange(LOOP) / (BEAT_S * SAMPLERATE) % 1.0
    in_break = np.isin(np.arange(LOOP) * BARS // LOOP, BREAK)
    pad *= np.where(in_break, 0.7, 1.0 - 0.75 * np.exp(-beat_phase / 0.3))

    dry = drums + bass + pad + bell
    mix = dry + 0.25 * _room(pad + bell + 0.15 * drums, rng)
    mix = np.tanh(mix)  # a soft limit instead of clipped peaks
    loop: FloatArray = (mix * (10 ** (-1 / 20) / np.abs(mix).max())).astype(np.float32)
    return loop


def write_demo(path: Path = DEMO, force: bool = False) -> None:
    """Write the loop as 16-bit mono FLAC; UserError when `path` exists and `force` is not given."""
    import av

    if path.exists() and not force:
        raise UserError(f"{path} exists already; --force writes it again")
    path.parent.mkdir(parents=True, exist_ok=True)
    pcm = np.round(demo_samples() * 32767).astype(np.int16)
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=SAMPLERATE, layout="mono", format="s16")
        for start in range(0, LOOP, 4096):
            frame = av.AudioFrame.from_ndarray(pcm[None, start : start + 4096], "s16", "mono")
            frame.sample_rate = SAMPLERATE
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _lay(track: Wave, sound: Wave, bar: int, beat: float, loud: float) -> None:
    """Add a sound at a bar and beat of the circular track."""
    at = round((bar * 4 + beat) * BEAT_S * SAMPLERATE)
    track[np.arange(at, at + sound.size) % LOOP] += loud * sound


def _hz(note: int) -> float:
    return float(440.0 * 2 ** ((note - 69) / 12))


def _time(seconds: float) -> Wave:
    return np.arange(round(seconds * SAMPLERATE)) / SAMPLERATE


def _decay(seconds: float, tau_s: float) -> Wave:
    """An envelope that falls to 1/e in tau_s, with 1 ms of attack and 5 ms of end, so no clicks."""
    t = _time(seconds)
    edges: Wave = np.clip(t / 0.001, 0, 1) * np.clip((seconds - t) / 0.005, 0, 1)
    return edges * np.exp(-t / tau_s)


def _band(sound: Wave, lo_hz: float, hi_hz: float) -> Wave:
    """Keep lo_hz..hi_hz, with edges soft enough not to ring; peak 1."""
    hz = np.fft.rfftfreq(sound.size, 1 / SAMPLERATE)
    shape = 1 / (1 + (lo_hz / np.maximum(hz, 1.0)) ** 8) / (1 + (hz / hi_hz) ** 8)
    out: Wave = np.fft.irfft(np.fft.rfft(sound) * shape, sound.size)
    out /= np.abs(out).max()
    return out


def _harmonics(hz: float, seconds: float, weight: Callable[[int, Wave], Wave | float]) -> Wave:
    """A tone from its harmonics below 12 kHz; weight(k, time) is how loud the k-th one is."""
    t = _time(seconds)
    out = np.zeros(t.size)
    for k in range(1, min(24, int(12_000 / hz)) + 1):
        out += weight(k, t) * np.sin(2 * np.pi * k * hz * t)
    return out


@cache
def _kick() -> Wave:
    """A drop from 170 to 48 Hz with a click in front."""
    t = _time(0.4)
    sweep_hz = 48 + 122 * np.exp(-t / 0.03)
    body = np.sin(2 * np.pi * np.cumsum(sweep_hz) / SAMPLERATE) * _decay(0.4, 0.11)
    return body + 0.25 * np.sin(2 * np.pi * 3_200 * t) * _decay(0.4, 0.003)


@cache
def _bass(hz: float) -> Wave:
    """A plucked saw: the higher the harmonic, the sooner it is gone."""
    tone = _harmonics(hz, 0.35, lambda k, t: np.exp(-t * (3 + 2.5 * k)) / k)
    return tone * _decay(0.35, 0.3)


@cache
def _pad(hz: float) -> Wave:
    """Two slightly detuned soft saws that fade into the next bar's chord."""
    seconds = 4 * BEAT_S + 0.6
    t = _time(seconds)
    fade = np.clip(t / 0.5, 0, 1) * np.clip((seconds - t) / 0.6, 0, 1)
    voices = [_harmonics(hz * detune, seconds, lambda k, _: k**-1.4) for detune in (0.997, 1.003)]
    return (voices[0] + voices[1]) * np.sin(fade * np.pi / 2)


@cache
def _bell(hz: float) -> Wave:
    """A small FM bell."""
    t = _time(0.9)
    ring = 1.6 * np.exp(-t / 0.15) * np.sin(2 * np.pi * 3.01 * hz * t)
    return np.sin(2 * np.pi * hz * t + ring) * _decay(0.9, 0.3)


def _room(sound: Wave, rng: np.random.Generator) -> Wave:
    """A reverberation of one second, convolved round the circle so that its tail wraps too."""
    t = _time(1.0)
    echo = np.zeros(LOOP)
    echo[: t.size] = _band(rng.uniform(-1.0, 1.0, t.size), 200, 7_000) * np.exp(-t / 0.22)
    echo /= np.sqrt((echo**2).sum())
    return np.fft.irfft(np.fft.rfft(sound) * np.fft.rfft(echo), LOOP)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m visualiser.audio.demo", description=__doc__)
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    parser.add_argument("path", nargs="?", type=Path, default=DEMO)
    options = parser.parse_args(arguments)
    try:
        write_demo(options.path, options.force)
    except UserError as error:
        parser.exit(1, f"{error}\n")
    print(f"{options.path}: {LOOP / SAMPLERATE:g} s, {options.path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
