"""What the picture makes of the sound: still where nothing is heard, and moved by what is."""

from __future__ import annotations

from collections.abc import Iterator

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


def motion(samples: FloatArray, quiet_s: tuple[float, float] = (0.0, 0.0)) -> FloatArray:
    """(ticks,): how much the picture changes with each, mean of its levels 0..255, by the real ear,
    show and look. quiet_s: from when to when nobody looks, and it is 0."""
    from visualiser.controls import Controls
    from visualiser.decode import Inline, Network
    from visualiser.look.panes import Panes
    from visualiser.run import declared_controls
    from visualiser.show import Show

    controls = Controls(declared_controls(), {"show.driver": "audio", "look.output_only": True})
    show, panes, ear = Show(controls, Inline(Network().draw), 1), Panes(controls), Ear()
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
    fs, pairs = [], []
    for i in range(3 if quick else 12):
        made = drums.any_drums(HELD_OUT + 3000 + i)
        changed = motion(made.samples)
        at = peaks(changed)
        known = made.onsets[made.onsets > SETTLED_S]
        fs.append(drums.f_measure(at[at > SETTLED_S - 0.06], known, 0.06)[0])
        pairs.append(_loudness_and_motion(i))
    note = f"worst {min(fs):.2f}, n {len(fs)}"
    yield Row("follow: F of peaks of change, 60 ms", float(np.mean(fs)), "", 0.85, True, note)
    note = f"worst {min(pairs):.2f}"
    yield Row(
        "follow: loudness and motion, correlation", float(np.mean(pairs)), "", 0.8, True, note
    )


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


def _loudness_and_motion(i: int) -> float:
    """Of a piece that gets louder and quieter, by 2 s windows."""
    made = drums.any_drums(HELD_OUT + 4000 + i, seconds=24.0)
    rng = np.random.default_rng([5, i])
    steps = np.repeat(10 ** (rng.uniform(-24, 0, 12) / 20), round(WINDOW_S * RATE))
    samples = (made.samples[: len(steps)] * steps[: len(made.samples)]).astype(np.float32)
    changed = motion(samples)
    n = round(WINDOW_S * FPS)
    windows = len(changed) // n
    moved = changed[: windows * n].reshape(windows, n).mean(1)
    size = round(WINDOW_S * RATE)
    loud = np.sqrt((samples[: windows * size].reshape(windows, size) ** 2).mean(1))
    return float(np.corrcoef(loud[1:], moved[1:])[0, 1])
