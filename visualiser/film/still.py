"""One picture of a film."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from visualiser.film.drawing import Drawing
from visualiser.film.performance import Performance
from visualiser.types import UserError
from visualiser.video.picture import pixels_of
from visualiser.video.writer import open_writer


def ask_for_one(options: argparse.Namespace) -> None:
    """Change the options of `render`, so that what is performed ends with the picture that is at
    --from."""
    if options.seconds is not None:
        raise UserError("--seconds: one picture has none; --from S says which it is")
    at = options.start or 0.0
    if options.take:
        options.start, options.seconds = at, 0.0
    else:
        options.start, options.seconds = None, at + 1 / options.fps


def still(
    performance: Performance,
    out: Path,
    size: tuple[int, int],
    fps: float,
    alpha: bool = False,
    report: Callable[[int, int], object] = lambda done, frames: None,
) -> None:
    """Draw the last picture of a performance into a file. Raises UserError where it cannot be
    written."""
    drawing = Drawing(performance.controls, size, alpha)
    frames = performance.frames
    at = (frames - 1) / fps
    canvas = drawing.canvas
    try:
        for moment in performance.moments():
            if moment.tick.t < at - 0.5 / fps:
                drawing.approach(moment, at)
            else:
                canvas = drawing.draw(moment)
            report(max(round(moment.tick.t * fps), 0) + 1, frames)
    finally:
        performance.close()
    writer = open_writer(out, size, fps, alpha=alpha)
    writer.write(pixels_of(canvas, size), 0.0)
    writer.close()
