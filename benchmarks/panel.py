"""What the sliders and the map cost a frame."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pygame

from benchmarks.row import Row
from visualiser import latents
from visualiser.controls import Controls
from visualiser.frame import Frame
from visualiser.look.palette import palettes
from visualiser.nets.checkpoint import Card, Checkpoint
from visualiser.nets.dense import architecture
from visualiser.panel import Panel
from visualiser.run import declared_controls
from visualiser.types import Tick

DIRECTIONS = 64


def panel(quick: bool) -> Iterator[Row]:
    """64 sliders and the map at 1280x720, every value moving every frame."""
    layers = architecture(28, 28, (64,), DIRECTIONS)
    rng = np.random.default_rng(1)
    weights = {
        name: rng.standard_normal(shape).astype(np.float32) * 0.1
        for name, shape in layers.weights().items()
    }
    model = Checkpoint("wide", Card(architecture=layers), weights, latents.standard(DIRECTIONS))
    controls = Controls(declared_controls(), {"window.panel": True})
    drawn, canvas = Panel(controls), pygame.Surface((1280, 720), 0, 32)
    palette, held = palettes()["ember"], [bool(i % 3) for i in range(DIRECTIONS)]
    took: list[float] = []
    is_drawn = False
    try:
        for i in range(400 if quick else 2000):
            along = np.sin(i / 40 + np.arange(DIRECTIONS)).astype(np.float32)
            for direction, place in enumerate(along.tolist(), 1):
                controls.apply((f"latents.{direction}", place))
            frame = Frame(Tick(i, i / 60, 1 / 60), model, along, along=along)
            began = time.perf_counter()
            drawn.draw(canvas, frame, held, palette, 18, 36)
            took.append((time.perf_counter() - began) * 1e3)
            while not is_drawn and not drawn.atlas.is_drawn:
                time.sleep(0.02)
                drawn.atlas.follow(frame)
            is_drawn = True
    finally:
        drawn.close()
    note = f"{DIRECTIONS} sliders, a map of {drawn.atlas.n_pictures} pictures"
    yield Row("panel: a frame, median", float(np.median(took)), "ms", 2.0, note=note)
    yield Row("panel: a frame, p99", float(np.percentile(took, 99)), "ms")
