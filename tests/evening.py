"""A set of some seconds, played and written down as a take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from conftest import hear

from visualiser.controls import Controls, Nudge, Stroke
from visualiser.decode import Inline, Network
from visualiser.frame import Frame
from visualiser.run import declared_controls
from visualiser.show import Show
from visualiser.takes.events import Head, rounded
from visualiser.takes.log import Log
from visualiser.takes.read import Take, read
from visualiser.types import Features, Tick

COMMANDS: dict[int, list[Any]] = {
    20: [("show.driver", "audio"), ("audio.kick", 2.0)],
    60: [("latents.2", 1.25), ("show.speed", 2.0)],
    80: [("latents.release", True)],
    100: [("show.pause", True)],
    110: [("show.pause", True)],
    130: [("draw.line", Stroke((0.2, 0.2), (0.8, 0.7)))],
    140: [("show.mode", "latent")],
    170: [("show.model", Nudge(1))],
    190: [("cues.store", 1), ("cues.time", 0.5)],
    195: [("show.driver", "simplex"), ("look.look", "neon"), ("perlin.speed", 1.0)],
    200: [("cues.recall", 1)],
    212: [("cues.undo", True)],
    225: [("show.driver", "random")],
}


def evening(
    folder: Path, n: int = 240, model: str = "shapes", seed: int = 3, **head: Any
) -> tuple[list[Frame], Take]:
    """A set that is played and written down; its frames, and the take. head: more of that."""
    controls = Controls(declared_controls(), {"show.model": model})
    show = Show(controls, Inline(Network().draw), seed)
    values = {each.id: controls[each.id] for each in controls if each.is_setting}
    models = controls.get("show.model").choices
    log = Log(Head(seed, values, "2026-11-24T20:00:00", models=models, **head), folder=folder)
    rng, t, frames = np.random.default_rng(seed), 5.0, []
    for i in range(n):
        dt = float(rng.uniform(0.012, 0.022)) if i else 0.0
        t += dt
        heard = hear(rng.random(), rng.random(16))
        features = rounded(Features(heard.rms, heard.bands, -20.0, onset_low=float(i % 30 == 0),
                                    loudness=rng.random()))  # fmt: skip
        asked = COMMANDS.get(i, [])
        tick = Tick(i, t, dt)
        frames.append(show.update(tick, features, asked))
        log.write(tick, features, asked, show, song_at=t - 3.0 if "song" in head else None)
    log.close()
    show.close()
    return frames, read(next(folder.glob("*.take.gz")))
