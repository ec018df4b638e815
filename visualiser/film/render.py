"""Rendering: frame by frame into a file, the same every time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from visualiser.config import Record, Settings
from visualiser.files import free_path
from visualiser.film.drawing import Drawing
from visualiser.film.performance import Order, Performance, Played
from visualiser.record import RECORDINGS
from visualiser.run import signals
from visualiser.types import UserError
from visualiser.video.writer import VideoWriter, finish, pixels_of

Report = Callable[[int, int], object]  # told of frames done, and of how many there will be


def render(
    performance: Performance,
    out: Path,
    size: tuple[int, int],
    fps: float,
    record: Record,
    report: Report = lambda done, frames: None,
    preset: str | None = None,
) -> tuple[int, int]:
    """Draw a performance into a file; returns frames written, and wanted.

    preset: of x264, instead of config.toml's. Ctrl-C finishes the file where it is and returns
    early. Raises UserError where it cannot be written.
    """
    drawing = Drawing(performance.controls, size)
    track = performance.soundtrack
    done = 0
    with signals() as stopping:
        writer = VideoWriter(
            out,
            (size[0] & ~1, size[1] & ~1),
            fps,
            record.crf,
            preset or record.render_preset,
            channels=2 if track else 0,
        )
        try:
            for moment in performance.moments():
                canvas = drawing.draw(moment)
                if moment.is_before:
                    continue
                if track is not None and (heard := track.between(done / fps, (done + 1) / fps)):
                    writer.hear(heard)
                writer.write(pixels_of(canvas), done / fps)
                done += 1
                report(done, performance.frames)
                if stopping():
                    break
        except OSError as error:
            raise UserError(f"cannot write {out}: {error.strerror or error}") from None
        finally:
            performance.close()
            finish(writer)
    return done, performance.frames


def preview(
    settings: Settings,
    song: Path | None,
    seconds: float,
    report: Report = lambda done, frames: None,
) -> Path:
    """What `perform` does where there is no display: a short video of the same show.

    An earlier preview is kept under another name. Returns the new one's path.
    """
    path, free = RECORDINGS / "preview.mp4", free_path(RECORDINGS, "preview", ".mp4")
    if free != path:
        path.rename(free)
        print(f"the preview that was there is now {free}", file=sys.stderr)
    size = (settings.window.width, settings.window.height)
    fps = settings.window.fps or 60
    order = Order(settings, size, fps, seconds, song)
    render(Played(order), path, size, fps, settings.record, report, "veryfast")
    return path
