"""One segment into a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from visualiser import loops
from visualiser.film.ahead import ahead
from visualiser.film.frames import pictures
from visualiser.film.segments import Segment
from visualiser.video.formats import FORMATS
from visualiser.video.writer import VideoWriter

# Of the encoder, on every machine alike, for its pictures depend on their number. Where there are
# more cores than that, more workers are of more use.
THREADS = 8
READY = 8  # pictures that may wait for it


def encode(
    segment: Segment,
    path: Path,
    counted: Callable[[], object] = lambda: None,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Draw a segment into a file; how many frames: all of them, or as many as there were when it
    was to stop. OSError where it cannot be written."""
    loops.load()
    form = segment.form
    kind = FORMATS[form.suffix]
    size = kind.size(form.size)
    video = VideoWriter(path, kind, size, form.fps, form.quality, 0, form.alpha, THREADS)
    done = 0
    try:
        with ahead(pictures(segment, video), READY) as ready:
            for picture in ready:
                video.add(picture, done / form.fps)
                done += 1
                counted()
                if stopping():
                    break
    finally:
        video.close()
    return done
