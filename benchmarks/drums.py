"""Sound whose beginnings and beats are known: drum patterns, harder material, and what has no beat.

Everything comes from a seed, so that figures can be taken on seeds that nobody tuned with.
"""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visualiser.types import FloatArray

RATE = 48_000
Wave = NDArray[np.float64]

# Sixteen steps a bar: kick, snare, closed hat; x is a hit, o a soft one.
PATTERNS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "four": (("x...x...x...x...", "....x.......x...", "..x...x...x...x."),),
    "four, 16th hats": (("x...x...x...x...", "....x.......x...", "xoxoxoxoxoxoxoxo"),),
    "rock": (
        ("x.......x.......", "....x.......x...", "x.x.x.x.x.x.x.x."),
        ("x.......x.x.....", "....x.......x...", "x.x.x.x.x.x.x.x."),
    ),
    "breakbeat": (
        ("x.x.......xx....", "....x..o.o..x..o", "x.x.x.x.x.x.x.x."),
        ("x.x.......x.....", "....x..o.o....x.", "x.x.x.x.x.x.x.x."),
    ),
    "half-time": (("x.........x.....", "........x.......", "x.x.x.x.x.x.x.x."),),
    "hip-hop": (
        ("x......x..x.....", "....x.......x...", "x.x.x.x.x.x.x.x."),
        ("x.x.......x..x..", "....x.......x...", "x.x.x.x.x.x.x.x."),
    ),
    "drum and bass": (("x.........x.....", "....x.......x...", "x.x.x.x.x.x.x.x."),),
    "four, bare": (("x...x...x...x...", "................", "..x...x...x...x."),),
    "rock, no hats": (
        ("x.......x.......", "....x.......x...", "................"),
        ("x.......x.x.....", "....x.......x...", "................"),
    ),
    "hip-hop, 16th hats": (
        ("x.....x...x.....", "....x.......x...", "xoxoxoxoxoxoxoxo"),
        ("x..x......x.....", "....x.......x..o", "xoxoxoxoxxxoxoxo"),
    ),
    "rock, quarter hats": (("x.......x.x.....", "....x.......x...", "x...x...x...x..."),),
}
# Where people play them, in beats a minute.
TEMPI = {
    "four": (100, 150),
    "four, 16th hats": (90, 140),
    "rock": (70, 180),
    "breakbeat": (90, 180),
    "half-time": (120, 155),
    "hip-hop": (70, 105),
    "drum and bass": (160, 180),
    "four, bare": (100, 150),
    "rock, no hats": (90, 150),
    "hip-hop, 16th hats": (78, 95),
    "rock, quarter hats": (90, 160),
}


@dataclass(frozen=True)
class Made:
    """samples: (n,) float32 mono at 48 kHz; onsets, beats: their times in seconds; bpm: 0 where
    there is no beat."""

    samples: FloatArray
    onsets: Wave
    beats: Wave
    bpm: float
    name: str


def drums(
    pattern: str,
    bpm: float,
    seed: int,
    seconds: float = 12.0,
    swing: float = 0.0,
    bed: bool = True,
    start_s: float = 0.5,
    level_dbfs: float = -16.0,
    sections: Sequence[str] = ("ksh",),
) -> Made:
    """A pattern in a random kit, with bass, pad and noise under it where `bed` is true.

    swing: how late every other sixteenth is, in sixteenths, 0 to 0.33; start_s: silence before;
    sections: equally long, each says who plays: k kick, s snare, h hat, "" nobody.
    """
    rng = np.random.default_rng(seed)
    out = np.zeros(round(seconds * RATE))
    kick, snare, hat = _kick(rng), _snare(rng), _hat(rng)
    hat_loud, snare_loud = rng.uniform(0.1, 0.3), rng.uniform(0.5, 1.0)
    loud = {0: 1.0, 1: snare_loud, 2: hat_loud}
    sixteenth = 60 / bpm / 4
    onsets: list[float] = []
    kicks: list[float] = []
    bars = PATTERNS[pattern]
    for step in range(int((seconds - start_s) / sixteenth)):
        bar = bars[step // 16 % len(bars)]
        at = start_s + (step + (swing if step % 2 else 0)) * sixteenth
        if at > seconds - 0.1:
            break
        playing = sections[int(at / seconds * len(sections))]
        for which, sound in ((0, kick), (1, snare), (2, hat)):
            hit = bar[which][step % 16]
            if hit != "." and "ksh"[which] in playing:
                humane = at + rng.normal(0, 0.002)
                gain = loud[which] * rng.uniform(0.85, 1.0) * (1.0 if hit == "x" else 0.5)
                _lay(out, sound, humane, gain)
                onsets.append(humane)
                if which == 0:
                    kicks.append(at)
    peak = np.abs(out).max()
    if bed:
        end_s = seconds - 0.1
        notes = _bass_notes(rng, kicks, start_s, end_s, sixteenth)
        _bass_line(out, rng, notes, sixteenth, peak * rng.uniform(0.15, 0.3))
        plucks = _plucked(out, rng, start_s, end_s, sixteenth, peak * rng.uniform(0.05, 0.2))
        onsets += [*notes, *plucks]
        _pads(out, rng, start_s, 16 * sixteenth, peak * rng.uniform(0.03, 0.1))
        noise = coloured(seconds, float(rng.choice([0.0, 0.5])), seed + 1)
        out += noise * peak * 10 ** (rng.uniform(-56, -42) / 20) * (_clock(out) >= start_s)
    beats = np.arange(start_s, seconds, 4 * sixteenth)
    return Made(_level(out, level_dbfs), merge(onsets), beats, bpm, f"{pattern}, {bpm:.0f} bpm")


def saved(path: Path, samples: FloatArray, rate: int = RATE) -> Path:
    """As a file, 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def any_drums(seed: int, seconds: float = 12.0, bed: bool = True) -> Made:
    """A pattern, tempo, swing and level by seed."""
    rng = np.random.default_rng(seed + 10_000)
    name = list(PATTERNS)[seed % len(PATTERNS)]
    swing = float(rng.choice([0.0, 0.0, rng.uniform(0, 0.25)]))
    bpm = float(rng.uniform(*TEMPI[name]))
    return drums(name, bpm, seed, seconds, swing, bed, level_dbfs=float(rng.uniform(-30, -10)))


def dropping_out(seed: int, seconds: float = 32.0) -> Made:
    """Drums alone, whose parts play and drop out every 4 s: all, the kick, hats, nobody."""
    rng = np.random.default_rng(seed + 20_000)
    name = list(PATTERNS)[seed % len(PATTERNS)]
    order = ["ksh", *rng.permutation(["ksh", "ksh", "k", "ks", "h", "", "ksh"])]
    bpm = float(rng.uniform(*TEMPI[name]))
    return drums(name, bpm, seed, seconds, bed=False, start_s=0.1, sections=order)


def syncopated(seed: int, seconds: float = 10.0) -> Made:
    """Drums on random sixteenths, without a hat to count by, over bass and pad."""
    rng = np.random.default_rng(seed)
    out = np.zeros(round(seconds * RATE))
    sixteenth = 60 / rng.uniform(80, 140) / 4
    sounds = (_kick(rng), _snare(rng), _tom(rng), _hat(rng))
    onsets = []
    for step in range(int((seconds - 1) / sixteenth)):
        if rng.random() < 0.4:
            at = 0.5 + step * sixteenth + rng.normal(0, 0.004)
            _lay(out, sounds[rng.integers(4)], at, rng.uniform(0.3, 1))
            onsets.append(at)
    _pads(out, rng, 0.5, 16 * sixteenth, 0.05)
    out += coloured(seconds, 0.5, seed) * 0.005
    return Made(_level(out, -18), merge(onsets), np.zeros(0), 0.0, "syncopated")


def soft(seed: int, seconds: float = 10.0) -> Made:
    """Notes that swell in 15 to 60 ms, one after the other and over each other."""
    rng = np.random.default_rng(seed)
    out = np.zeros(round(seconds * RATE))
    onsets, at = [], 0.5
    while at < seconds - 0.6:
        hz = 110 * 2 ** (rng.integers(0, 30) / 12)
        attack = rng.uniform(0.015, 0.06)
        t = np.arange(round(rng.uniform(0.3, 0.9) * RATE)) / RATE
        shape = np.clip(t / attack, 0, 1) ** 1.5 * np.exp(-t / rng.uniform(0.2, 0.5))
        shape *= np.clip((t[-1] - t) / 0.05, 0, 1)
        tone = _overtones(2 * np.pi * hz * t, [k**-1.5 for k in range(1, 9)]) * shape
        _lay(out, tone, at, rng.uniform(0.5, 1))
        onsets.append(at + attack * 0.3)  # where it can first be heard
        at += rng.uniform(0.2, 0.7)
    out += coloured(seconds, 0.5, seed) * 0.004
    return Made(_level(out, -18), merge(onsets), np.zeros(0), 0.0, "soft attacks")


def sung(seed: int, seconds: float = 10.0, gap_s: tuple[float, float] = (0.05, 0.3)) -> Made:
    """Syllables: a buzzing throat with vibrato through three formants, and a consonant in front."""
    rng = np.random.default_rng(seed)
    out = np.zeros(round(seconds * RATE))
    onsets, at = [], 0.5
    vowels = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480))
    while at < seconds - 0.7:
        length = rng.uniform(0.12, 0.4)
        t = np.arange(round(length * RATE)) / RATE
        hz = rng.uniform(110, 260)
        wobble = 1 + 0.012 * np.sin(2 * np.pi * 5.5 * t + rng.uniform(0, 6))
        phase = 2 * np.pi * np.cumsum(hz * wobble) / RATE
        formants = vowels[rng.integers(4)]
        gains = [
            sum(1 / (1 + ((k * hz - f) / 90) ** 2) / (i + 1) for i, f in enumerate(formants)) + 0.01
            for k in range(1, int(5000 / hz))
        ]
        tone = _overtones(phase, gains)
        tone *= np.clip(t / 0.02, 0, 1) * np.clip((length - t) / 0.05, 0, 1)
        if rng.random() < 0.5:
            breath = _highpass(rng.standard_normal(round(0.06 * RATE)), 2500)
            _lay(out, breath * np.hanning(breath.size), at - 0.05, 0.1)
        _lay(out, tone, at, rng.uniform(0.5, 1))
        onsets.append(at)
        at += length + rng.uniform(*gap_s)
    out += coloured(seconds, 0.5, seed) * 0.003
    return Made(_level(out, -20), merge(onsets), np.zeros(0), 0.0, "sung")


def beatless(kind: str, seed: int, seconds: float = 20.0) -> Made:
    """white, pink, silence, pad, speech or hum: what has no beat."""
    rng = np.random.default_rng(seed)
    out = np.zeros(round(seconds * RATE))
    if kind in ("white", "pink"):
        out += coloured(seconds, 0.0 if kind == "white" else 0.5, seed)
    elif kind == "pad":
        _pads(out, rng, 0.3, rng.uniform(1.7, 4.5), 1.0)
        out += coloured(seconds, 0.5, seed) * 0.003
    elif kind == "speech":
        return sung(seed, seconds, (0.0, 0.25 + 0.2 * rng.random()))
    elif kind == "hum":
        out += room(seconds, 0.0, seed)
    if kind != "silence":
        out = _level(out, rng.uniform(-30, -12)).astype(float)
    return Made(out.astype(np.float32), np.zeros(0), np.zeros(0), 0.0, kind)


def room(seconds: float, level_dbfs: float = -60.0, seed: int = 1) -> FloatArray:
    """Room noise with mains hum, (n,) float32."""
    noise = coloured(seconds, 0.5, seed)
    t = np.arange(noise.size) / RATE
    hum = sum(np.sin(2 * np.pi * 50 * k * t + k) / k for k in (1, 2, 3, 5))
    return _level(noise + 0.7 * hum, level_dbfs)


def coloured(seconds: float, slope: float, seed: int) -> Wave:
    """Noise of RMS 1 whose amplitude falls with frequency ** slope: 0 white, 0.5 pink, 1 brown."""
    n = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(n))
    spectrum /= np.maximum(np.fft.rfftfreq(n, 1 / RATE), 20) ** slope
    out: Wave = np.fft.irfft(spectrum, n)
    return out / np.sqrt((out**2).mean())


def merge(times: list[float], apart_s: float = 0.03) -> Wave:
    """Sorted times; what is closer than apart_s to the one before is heard as one."""
    kept: list[float] = []
    for t in sorted(times):
        if not kept or t - kept[-1] >= apart_s:
            kept.append(t)
    return np.array(kept)


def f_measure(found: Wave, true: Wave, window_s: float = 0.05) -> tuple[float, float, float]:
    """F, precision and recall of times, one to one within window_s, as mir_eval.onset has it."""
    if not found.size or not true.size:
        return 0.0, 0.0, 0.0
    hits = i = j = 0
    while i < found.size and j < true.size:  # sorted, so the greedy matching is a largest one
        if abs(found[i] - true[j]) <= window_s:
            hits, i, j = hits + 1, i + 1, j + 1
        elif found[i] < true[j]:
            i += 1
        else:
            j += 1
    precision, recall = hits / found.size, hits / true.size
    return 2 * hits / (found.size + true.size), precision, recall


def _clock(out: Wave) -> Wave:
    return np.arange(out.size) / RATE


def _lay(out: Wave, sound: Wave, at_s: float, gain: float) -> None:
    start = max(0, round(at_s * RATE))
    end = min(out.size, start + sound.size)
    if end > start:
        out[start:end] += gain * sound[: end - start]


def _level(out: Wave, rms_dbfs: float) -> FloatArray:
    out = out * 10 ** (rms_dbfs / 20) / np.sqrt((out**2).mean())
    return np.clip(out, -1, 1).astype(np.float32)


def _highpass(sound: Wave, hz: float) -> Wave:
    spectrum = np.fft.rfft(sound)
    spectrum /= 1 + (hz / np.maximum(np.fft.rfftfreq(sound.size, 1 / RATE), 1)) ** 6
    out: Wave = np.fft.irfft(spectrum, sound.size)
    return out / np.abs(out).max()


def _overtones(phase: Wave, gains: Sequence[float]) -> Wave:
    """The sum of gains[k - 1] * sin(k * phase), by Clenshaw's recurrence: sines cost the most."""
    twice, one, two = 2 * np.cos(phase), np.zeros_like(phase), np.zeros_like(phase)
    for gain in reversed(gains):
        two *= -1
        two += twice * one
        two += gain
        one, two = two, one
    out: Wave = one * np.sin(phase)
    return out


def _kick(rng: np.random.Generator) -> Wave:
    t = np.arange(round(0.4 * RATE)) / RATE
    low = rng.uniform(42, 65)
    sweep = low + rng.uniform(60, 160) * np.exp(-t / rng.uniform(0.015, 0.04))
    body = np.sin(2 * np.pi * np.cumsum(sweep) / RATE) * np.exp(-t / rng.uniform(0.06, 0.14))
    click = np.sin(2 * np.pi * rng.uniform(1500, 4000) * t) * np.exp(-t / 0.003)
    return (body + rng.uniform(0.0, 0.3) * click) * np.clip(t / 0.001, 0, 1)


def _snare(rng: np.random.Generator) -> Wave:
    t = np.arange(round(0.3 * RATE)) / RATE
    body = np.sin(2 * np.pi * rng.uniform(170, 250) * t) * np.exp(-t / rng.uniform(0.03, 0.07))
    rattle = _highpass(rng.standard_normal(t.size), rng.uniform(600, 2000)) * 2
    return 0.5 * body + 0.5 * rattle * np.exp(-t / rng.uniform(0.04, 0.1))


def _hat(rng: np.random.Generator) -> Wave:
    t = np.arange(round(0.2 * RATE)) / RATE
    noise = _highpass(rng.standard_normal(t.size), rng.uniform(5000, 8000))
    return noise * np.exp(-t / rng.uniform(0.012, 0.04)) * 2


def _tom(rng: np.random.Generator) -> Wave:
    t = np.arange(round(0.4 * RATE)) / RATE
    hz = rng.uniform(90, 180)
    return np.sin(2 * np.pi * hz * (t + 0.02 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / 0.12)


def _bass_notes(
    rng: np.random.Generator, kicks: list[float], start: float, end: float, sixteenth: float
) -> list[float]:
    """Times: with the kicks, on all eighths, on the off-beats alone, or anyhow."""
    style = rng.choice(["kicks", "kicks", "eighths", "off-beats", "anyhow"])
    if style == "kicks":
        return list(kicks)
    steps = np.arange(int((end - start) / sixteenth))
    if style == "eighths":
        steps = steps[::2]
    elif style == "off-beats":
        steps = steps[2::4]
    else:
        bar = rng.random(16) < 0.35
        steps = steps[bar[steps % 16]]
    return [start + float(step) * sixteenth for step in steps]


def _bass_line(
    out: Wave, rng: np.random.Generator, times: list[float], sixteenth: float, loud: float
) -> None:
    root = rng.uniform(41, 65)
    for at in times:
        hz = root * 2 ** (rng.choice([0, 0, 3, 5, 7, 12]) / 12)
        t = np.arange(round(sixteenth * rng.uniform(1.0, 1.9) * RATE)) / RATE
        tone = _overtones(2 * np.pi * hz * t, [k**-1.3 for k in range(1, 8)])
        shape = np.clip(t / 0.01, 0, 1) * np.clip((t[-1] - t) / 0.03, 0, 1)
        _lay(out, tone * shape, at, loud)


def _plucked(
    out: Wave, rng: np.random.Generator, start: float, end: float, sixteenth: float, loud: float
) -> list[float]:
    """A melody on some of the eighths, in half of all pieces; its times."""
    if rng.random() < 0.5:
        return []
    root, bar = rng.uniform(260, 520), rng.random(8) < rng.uniform(0.3, 0.9)
    times = []
    for eighth in range(int((end - start) / sixteenth / 2)):
        if bar[eighth % 8]:
            hz = root * 2 ** (rng.choice([0, 3, 5, 7, 10, 12]) / 12)
            t = np.arange(round(0.4 * RATE)) / RATE
            ring = np.exp(-t / 0.1) * np.sin(2 * np.pi * 3 * hz * t)
            tone = np.sin(2 * np.pi * hz * t + ring) * np.exp(-t / 0.15) * np.clip(t / 0.003, 0, 1)
            times.append(start + eighth * 2 * sixteenth)
            _lay(out, tone, times[-1], loud)
    return times


def _pads(out: Wave, rng: np.random.Generator, start: float, every: float, loud: float) -> None:
    """Chords of detuned saws that swell and fade into each other."""
    at = start
    while at < out.size / RATE:
        t = np.arange(round((every + 0.6) * RATE)) / RATE
        shape = np.clip(t / 0.5, 0, 1) * np.clip((t[-1] - t) / 0.6, 0, 1)
        root = 130 * 2 ** (rng.integers(0, 12) / 12)
        chord = np.zeros(t.size)
        for step in (0, 4, 7, 11):
            for detune in (0.997, 1.003):
                hz = root * 2 ** (step / 12) * detune
                phase = rng.uniform(0, 6)
                chord += _overtones(2 * np.pi * hz * t + phase, [k**-1.4 for k in range(1, 11)])
        _lay(out, chord / 4 * shape, at, loud)
        at += every
