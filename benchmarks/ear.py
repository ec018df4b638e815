"""What hearing promises: onsets, tempo and beat on sound whose own are known; stillness; cost."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from benchmarks import drums
from benchmarks.drums import RATE, Made
from benchmarks.row import Row
from visualiser.audio.analysis import Ear
from visualiser.types import CONFIDENT, Features, FloatArray, Sound

FPS = 60
HELD_OUT = 700_000  # seeds from here on were never tuned with
LOCK_S = 4.0  # after the start of the sound, tempo and beat must be known


def listen(
    samples: FloatArray, ear: Ear | None = None, fps: float = FPS, rate: int = RATE
) -> tuple[np.ndarray, list[Features]]:
    """Times of the ticks (n,) in seconds, and what is heard at each."""
    ear = ear or Ear()
    n = max(ear.n_samples, rate // 4)
    padded = np.concatenate([np.zeros(n, np.float32), samples])
    times = np.arange(1, int(samples.size / rate * fps) + 1) / fps
    heard = []
    for t in times:
        end = round(t * rate)
        heard.append(ear.listen(Sound(padded[end : end + n], rate, end, t), 1 / fps))
    return times, heard


def onset_times(times: np.ndarray, heard: list[Features]) -> np.ndarray:
    return times[[features.onset > 0 for features in heard]]


def onsets(quick: bool) -> Iterator[Row]:
    """F-measure of onsets, as they reach a tick, against those that were laid."""
    n = 11 if quick else 66
    sets = {
        "drum patterns": ([drums.any_drums(HELD_OUT + i) for i in range(n)], 0.9),
        "syncopated": ([drums.syncopated(HELD_OUT + i) for i in range(n // 5)], 0.75),
        "soft attacks": ([drums.soft(HELD_OUT + i) for i in range(n // 5)], 0.75),
        "sung": ([drums.sung(HELD_OUT + i) for i in range(n // 5)], 0.75),
    }
    for name, (made, limit) in sets.items():
        found = np.array(
            [drums.f_measure(onset_times(*listen(one.samples)), one.onsets) for one in made]
        )
        f, precision, recall = found.mean(axis=0)
        note = f"precision {precision:.2f}, recall {recall:.2f}, worst F {found[:, 0].min():.2f}"
        yield Row(f"onsets: F, {name}", float(f), "", limit, True, f"{note}, n {len(made)}")


def beat(quick: bool) -> Iterator[Row]:
    """Tempo 4 s after the start, and how far off the counted beats are from then on."""
    made = [drums.any_drums(HELD_OUT + 1000 + i) for i in range(11 if quick else 88)]
    right, on_time, off_ms, confident = [], [], [], []
    wrong: list[str] = []
    for one in made:
        times, heard = listen(one.samples)
        at = int(np.searchsorted(times, one.beats[0] + LOCK_S))
        right.append(abs(heard[at].bpm / one.bpm - 1) < 0.02)
        if not right[-1]:
            wrong.append(f"{one.name} {heard[at].bpm / one.bpm:.2f}")
            continue
        confident.append(heard[at].beat_confidence >= CONFIDENT)
        errors_s = beat_errors_s(one, times, heard)
        on_time.append((np.abs(errors_s) <= 0.04).mean())
        off_ms.extend(np.abs(errors_s) * 1e3)
    note = f"n {len(made)}; wrong: {', '.join(wrong) or 'none'}"
    yield Row("beat: tempo within 2 % after 4 s", float(np.mean(right)), "", 0.95, True, note)
    yield Row("beat: of those, with confidence", float(np.mean(confident)), "", 0.9, True)
    note = f"median {np.median(off_ms):.0f} ms, p95 {np.percentile(off_ms, 95):.0f} ms"
    yield Row("beat: beats within 40 ms once locked", float(np.mean(on_time)), "", 0.95, True, note)


def beat_errors_s(one: Made, times: np.ndarray, heard: list[Features]) -> np.ndarray:
    """How late (positive: early) each true beat from 4 s on was counted, in seconds."""
    late = one.beats[(one.beats > one.beats[0] + LOCK_S) & (one.beats < times[-1])]
    counted = np.interp(late, times, [features.beats for features in heard])
    return ((counted + 0.5) % 1.0 - 0.5) * 60 / one.bpm


def no_beat(quick: bool) -> Iterator[Row]:
    """How long a beat is reported with confidence where there is none."""
    for kind in ("white", "pink", "silence", "hum", "pad", "speech"):
        shares = []
        for i in range(2 if quick else 8):
            made = drums.beatless(kind, HELD_OUT + 2000 + i)
            _, heard = listen(made.samples)
            shares.append(np.mean([f.beat_confidence >= CONFIDENT for f in heard]))
        note = f"worst {max(shares):.2f}, n {len(shares)}"
        yield Row(f"no beat: share of time with one, {kind}", float(np.mean(shares)), "", 0.02,
                  note=note)  # fmt: skip


def level(quick: bool) -> Iterator[Row]:
    """After a drop and a rise of 50 dB; in the room's noise after the music."""
    loud = drums.any_drums(HELD_OUT + 3000, 12.0).samples
    loud = loud / np.abs(loud).max()
    for name, sound in (
        ("drums", loud),
        ("a tone", 0.9 * np.sin(np.arange(12 * RATE) / RATE * 2 * np.pi * 440, dtype=np.float32)),
    ):
        quiet = sound * np.float32(10 ** (-50 / 20))
        times, heard = listen(np.concatenate([sound, quiet]))
        tops = np.array([features.bands.max() for features in heard])
        after = times - sound.size / RATE
        full = after[(after > 0.5) & (tops >= 0.9)]
        took = float(full[0]) if full.size else float("inf")
        yield Row(f"level: full scale after -50 dB, {name}", took, "s", 5.0)
        times, heard = listen(np.concatenate([quiet, sound]))
        stuck = np.array([features.bands for features in heard]) > 0.98
        yield Row(f"level: longest clip after +50 dB, {name}", _longest(stuck) / FPS, "s", 0.5)
    minutes = 1 if quick else 10
    room = np.concatenate([loud, drums.room(minutes * 60)])
    times, heard = listen(room)
    calm = times > loud.size / RATE + 1
    values = np.array([max(f.rms, f.bands.max(), f.onset) for f in heard])[calm]
    note = f"{minutes} min of noise at -60 dBFS with hum after drums"
    yield Row("level: most that is heard in the room", float(values.max()), "", 0.0, note=note)


def _longest(stuck: np.ndarray) -> int:
    """Ticks of the longest run in any column of (ticks, n) bool."""
    longest = 0
    run = np.zeros(stuck.shape[1], int)
    for row in stuck:
        run = (run + 1) * row
        longest = max(longest, int(run.max()))
    return longest


def cost(quick: bool) -> Iterator[Row]:
    """Milliseconds a tick, at 48 kHz and 60 ticks a second."""
    made = drums.any_drums(HELD_OUT + 4000, 12.0)
    ear = Ear()
    n = ear.n_samples
    padded = np.concatenate([np.zeros(n, np.float32), made.samples])
    took: list[float] = []
    for _ in range(1 if quick else 5):
        for end in range(RATE // FPS, made.samples.size, RATE // FPS):
            sound = Sound(padded[end : end + n], RATE, end, end / RATE)
            began = time.perf_counter()
            ear.listen(sound, 1 / FPS)
            took.append((time.perf_counter() - began) * 1e3)
    yield Row("cost: a tick of hearing, median", float(np.median(took)), "ms", 0.5)
    yield Row("cost: a tick of hearing, p99", float(np.percentile(took, 99)), "ms", 1.5)
