"""What the picture makes of the sound: still where nothing is heard, and moved by what is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pygame

from benchmarks import drums
from benchmarks.drums import RATE, Wave
from benchmarks.ear import HELD_OUT
from benchmarks.row import Row
from visualiser.audio.analysis import Ear
from visualiser.types import FloatArray, Sound, Tick

FPS = 60
SIZE = (320, 180)
SETTLED_S = 2.0  # of a piece, before anything is judged
AFTER_S = 1.0  # the end of the music, from where on the picture must be still
WINDOW_S = 2.0  # of loudness and motion, to compare them


def motion(
    samples: FloatArray, quiet_s: tuple[float, float] = (0.0, 0.0), seed: int = 1
) -> FloatArray:
    """(ticks,): how much the picture changes with each, mean of its levels 0..255, by the real ear,
    show and look. quiet_s: from when to when nobody looks, and it is 0; seed: of the show."""
    from visualiser.controls import Controls
    from visualiser.decode import Inline, Network
    from visualiser.look.panes import Panes
    from visualiser.run import declared_controls
    from visualiser.show import Show

    controls = Controls(declared_controls(), {"show.driver": "audio", "look.output_only": True})
    show, panes, ear = Show(controls, Inline(Network().draw), seed), Panes(controls), Ear()
    canvas = pygame.Surface(SIZE, 0, 32)
    n = max(ear.n_samples, RATE // 4)
    padded = np.concatenate([np.zeros(n, np.float32), samples])
    found, before = [], None
    for index in range(1, int(len(samples) / RATE * FPS) + 1):
        tick = Tick(index, index / FPS, 1 / FPS)
        end = round(tick.t * RATE)
        heard = ear.listen(Sound(padded[end : end + n], RATE, end, tick.t), tick.dt)
        frame = show.update(tick, heard)
        if quiet_s[0] <= tick.t < quiet_s[1]:
            found.append(0.0)
            continue
        panes.draw(frame, canvas, tick, heard)
        seen = pygame.surfarray.array3d(canvas).astype(np.float32)
        found.append(0.0 if before is None else float(np.abs(seen - before).mean()))
        before = seen
    show.close()
    return np.array(found, np.float32)


def still(quick: bool) -> Iterator[Row]:
    """Motion a second after the music, and after ten minutes of a room's noise, over that in it."""
    minutes = 1 if quick else 10
    music_s, wait_s = 12.0, minutes * 60.0
    music = drums.any_drums(HELD_OUT + 2000, seconds=music_s).samples
    room = drums.room(wait_s)
    level = motion(np.concatenate([music, room]), (music_s + 5, music_s + wait_s - 5))
    loud = level[round(SETTLED_S * FPS) : round(music_s * FPS)].mean()
    first = round((music_s + AFTER_S) * FPS)
    after = level[first : round((music_s + 5) * FPS)].mean()
    late = level[-4 * FPS :].mean()
    what = "still: motion over that in the music"
    yield Row(f"{what}, 1 s after its end", float(after / loud * 100), "%", 2.0)
    yield Row(f"{what}, after {minutes} min of room noise", float(late / loud * 100), "%", 2.0)


def follow(quick: bool) -> Iterator[Row]:
    """Peaks of visual change against onsets, and loudness against motion."""
    n = 3 if quick else 12
    any_peak: list[float] = []
    plain_peak: list[float] = []
    for i in range(n):
        made = drums.any_drums(HELD_OUT + 3000 + i)
        changed = motion(made.samples, seed=i + 1)
        known = made.onsets[made.onsets > SETTLED_S]
        for found, at in ((any_peak, peaks(changed)), (plain_peak, prominent(changed))):
            found.append(drums.f_measure(at[at > SETTLED_S - 0.06], known, 0.06)[0])
    for what, fs in (("peaks", any_peak), ("plain peaks", plain_peak)):
        note = f"worst {min(fs):.2f}, n {n}"
        yield Row(f"follow: F of {what} of change, 60 ms", float(np.mean(fs)), "", 0.85, True, note)
    for what, make in MATERIAL.items():
        pairs = []
        for i in range(n):
            samples = make(HELD_OUT + 4000 + i)
            pairs.append(loudness_and_motion(samples, motion(samples, seed=i + 1)))
        linear, decibels = np.array(pairs).T
        note = f"worst {linear.min():.2f}; in dB {decibels.mean():.2f}, {decibels.min():.2f}; n {n}"
        yield Row(f"follow: loudness and motion, {what}", float(linear.mean()), "", 0.8, True, note)


def _levels(seed: int) -> FloatArray:
    """A piece that is louder and quieter by up to 24 dB every 2 s."""
    gains_db = np.random.default_rng([5, seed]).uniform(-24, 0, 16)
    return _at(seed, np.repeat(gains_db, 2))


def _sections(seed: int) -> FloatArray:
    """One whose sections of 4 s are by turns loud and 6 to 24 dB quieter."""
    down_db = np.random.default_rng([6, seed]).uniform(6, 24)
    return _at(seed, np.repeat([0, -down_db] * 4, 4))


def _builds(seed: int) -> FloatArray:
    """One that builds up by 24 dB in 14 s, and breaks down, twice."""
    return _at(seed, np.tile([*np.linspace(-24, 0, 56), *[-24.0] * 8], 2), each_s=0.25)


def _at(seed: int, gains_db: Wave, each_s: float = 1.0) -> FloatArray:
    """A piece at so many decibels, each for each_s."""
    samples = drums.any_drums(seed, seconds=len(gains_db) * each_s).samples
    gain_db = gains_db[(np.arange(samples.size) / RATE / each_s).astype(int)]
    return (samples * 10 ** (gain_db / 20)).astype(np.float32)


MATERIAL: dict[str, Callable[[int], FloatArray]] = {
    "levels": _levels,
    "sections": _sections,
    "builds": _builds,
    "parts drop out": lambda seed: drums.dropping_out(seed).samples,
}


def peaks(changed: FloatArray) -> Wave:
    """(n,) times in seconds of changes that stand out of those within a tenth of a second."""
    near = 3  # ticks to each side
    found = []
    typical = float(np.median(changed))
    for k in range(near, len(changed) - near):
        here = changed[k - near : k + near + 1]
        if changed[k] == here.max() and changed[k] > 1.3 * here.min() and changed[k] > typical:
            found.append((k + 1) / FPS)
    return np.array(found)


def prominent(changed: FloatArray) -> Wave:
    """(n,) times in seconds of the peaks that anyone sees: half a standard deviation above the
    higher of the lowest points between them and what is higher, and 80 ms from any higher one."""
    apart, least = round(0.08 * FPS), changed.std() / 2
    kept: list[int] = []
    for k in np.argsort(-changed):
        higher = np.flatnonzero(changed > changed[k])
        left, right = higher[higher < k], higher[higher > k]
        before = changed[left[-1] if left.size else 0 : k + 1].min()
        after = changed[k : right[0] + 1 if right.size else len(changed)].min()
        is_far = all(abs(k - other) >= apart for other in kept)
        if is_far and changed[k] - max(before, after) > least:
            kept.append(int(k))
    return (np.sort(np.array(kept)) + 1) / FPS


def loudness_and_motion(samples: FloatArray, changed: FloatArray) -> tuple[float, float]:
    """How the loudness of 2 s windows correlates with the motion in them: as amplitude, and in
    decibels down to -40 below the loudest."""
    n, size = round(WINDOW_S * FPS), round(WINDOW_S * RATE)
    windows = len(changed) // n
    moved = changed[: windows * n].reshape(windows, n).mean(1)
    loud = np.sqrt((samples[: windows * size].reshape(windows, size) ** 2).mean(1))
    loud_db = 20 * np.log10(np.maximum(loud, loud.max() / 100))
    linear, decibels = (np.corrcoef(x[1:], moved[1:])[0, 1] for x in (loud, loud_db))
    return float(linear), float(decibels)
