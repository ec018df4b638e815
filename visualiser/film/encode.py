"""One segment into a file."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING

from visualiser import loops
from visualiser.film.ahead import ahead
from visualiser.film.segments import Segment, drawn
from visualiser.video.formats import FORMATS
from visualiser.video.picture import view_of
from visualiser.video.writer import VideoWriter

if TYPE_CHECKING:
    import av

# Of the encoder, on every machine alike, for its pictures depend on their number. Where there are
# more cores than that, more workers are of more use.
THREADS = 8
READY = 8  # pictures that may wait for it
CANVASES = 3  # one is drawn on, one waits, one is converted


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


def pictures(segment: Segment, video: VideoWriter) -> Generator[av.VideoFrame, None, None]:
    """A segment's pictures as a writer adds them. While one is converted the next is drawn, and a
    network draws those after it."""
    with ahead(drawn(segment, CANVASES), CANVASES - 2) as canvases:
        for canvas in canvases:
            yield video.picture(view_of(canvas, video.size))
