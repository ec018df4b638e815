"""Long runs: `make soak`. Minutes, not seconds."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pygame
import pytest

from visualiser.audio.analysis import Ear
from visualiser.audio.file import DEMO, AudioFile
from visualiser.controls import Command, Controls, Nudge
from visualiser.decode import Inline, Network
from visualiser.look.panes import Panes
from visualiser.run import declared_controls
from visualiser.show import Show
from visualiser.types import Tick

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]


def resident_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def test_an_hour_of_playing_takes_no_more_memory_than_its_first_minutes() -> None:
    """The real show, ear and panes at 20 fps of simulated time, with somebody at the keys."""
    fps, dice = 20, random.Random(1)
    controls = Controls(declared_controls())
    show = Show(controls, Inline(Network().draw), seed=1)
    source, ear, panes = AudioFile(DEMO, loop=True), Ear(), Panes(controls)
    canvas = pygame.Surface((480, 270), 0, 32)
    playable = [c.id for c in controls if c.id.startswith("show.") and c.id != "show.step"]
    settled = 0.0
    for i in range(3600 * fps):
        tick = Tick(i, i / fps, 1 / fps)
        commands: list[Command] = []
        if i % (7 * fps) == 0:
            commands.append((dice.choice(playable), Nudge(dice.choice((-1, 1)))))
        if i % (60 * fps) == 0:
            show.paused = False
        features = ear.listen(source.window(tick.t, ear.n_samples), tick.dt)
        frame = show.update(tick, features, commands)
        assert frame.image is not None and np.isfinite(frame.image).all() and not frame.error
        panes.draw(frame, canvas, tick, features)
        show.notices.clear()
        if i == 300 * fps:
            settled = resident_mb()
    source.close()
    show.close()
    assert resident_mb() < settled + 20
