"""Rendering: frame by frame into a file, the same every time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from visualiser.audio.file import audio_duration_s
from visualiser.config import Record, Settings
from visualiser.files import free_path
from visualiser.film.drawing import Drawing
from visualiser.film.performance import Order, Performance, Played
from visualiser.record import RECORDINGS
from visualiser.run import signals
from visualiser.types import UserError
from visualiser.video.formats import Quality, format_of
from visualiser.video.picture import pixels_of
from visualiser.video.writer import finish, open_writer

PREVIEW_S = 10.0
Report = Callable[[int, int], object]  # told of frames done, and of how many there will be


def length_of(song: Path | None) -> float:
    """How long a film is if nobody says: as its song, or PREVIEW_S, s."""
    return audio_duration_s(song) if song else PREVIEW_S


def render(
    performance: Performance,
    out: Path,
    size: tuple[int, int],
    fps: float,
    record: Record,
    report: Report = lambda done, frames: None,
    preset: str | None = None,
    alpha: bool = False,
) -> tuple[int, int]:
    """Draw a performance into a file; returns frames written, and wanted.

    fps: one that the format has; preset: of x264, instead of config.toml's; alpha: without the
    ground of what is drawn. Ctrl-C finishes the file where it is and returns
    early. Raises UserError where it cannot be written.
    """
    drawing = Drawing(performance.controls, size, alpha)
    track = performance.soundtrack
    done = 0
    with signals() as stopping:
        quality = Quality(record.crf, preset or record.render_preset)
        cut = format_of(out, alpha).size(size)
        writer = open_writer(out, cut, fps, quality, 2 if track else 0, alpha)
        try:
            for moment in performance.moments():
                canvas = drawing.draw(moment)
                if track is not None and (heard := track.between(done / fps, (done + 1) / fps)):
                    writer.hear(heard)
                writer.write(pixels_of(canvas, writer.size), done / fps)
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
