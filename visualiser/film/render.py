"""Rendering: a film into a file, the same every time.

A film is drawn and encoded in segments, which are joined in the end: what is done is not lost when
it is stopped, and several workers can share it. Loops for sharing are drawn in one go.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from visualiser import loops
from visualiser.config import Record, Settings
from visualiser.files import free_path
from visualiser.film.ahead import ahead
from visualiser.film.drawing import Drawing
from visualiser.film.encode import encode
from visualiser.film.join import join, lay_out
from visualiser.film.parts import Parts
from visualiser.film.performance import Order, Performance, Played
from visualiser.film.segments import SEGMENT_S, Form, Segment, cut
from visualiser.film.soundtrack import Soundtrack
from visualiser.record import RECORDINGS
from visualiser.run import signals
from visualiser.types import UserError
from visualiser.video.formats import Quality, format_of
from visualiser.video.picture import pixels_of
from visualiser.video.pictures import is_sequence
from visualiser.video.writer import open_writer

Report = Callable[[int, int], object]  # told of frames done, and of how many there will be
Say = Callable[[str], object]  # told lines for whoever waits


class Hands(Protocol):
    """Who draws the segments of a job."""

    def take(self, segment: Segment, job: Job) -> None:
        """Have a segment drawn, now or while others are."""

    def end(self, job: Job) -> None:
        """Wait until all of them are, or the job is to stop."""


class Alone:
    """This process, one segment after the other."""

    def take(self, segment: Segment, job: Job) -> None:
        job.keep(segment, lambda path: encode(segment, path, job.count, job.stopping))

    def end(self, job: Job) -> None:
        return


def is_cut(out: Path) -> bool:
    """Whether a film is made of segments."""
    return bool(format_of(out).part)


def render(
    performance: Performance,
    out: Path,
    size: tuple[int, int],
    fps: float,
    record: Record,
    report: Report = lambda done, frames: None,
    preset: str | None = None,
    alpha: bool = False,
    say: Say = lambda line: print(line, file=sys.stderr),
    hands: Hands | None = None,
    segment_s: float = SEGMENT_S,
) -> tuple[int, int]:
    """Draw a performance into a file; returns frames written, and wanted.

    fps: one that the format has; preset: of x264, instead of config.toml's; alpha: without the
    ground of what is drawn; hands: who draws, if not this process alone. Ctrl-C leaves a file of
    what there is, and returns early; the same call goes on, where the format can be cut. Raises
    UserError where it cannot be written.
    """
    quality = Quality(record.crf, preset or record.render_preset)
    form = Form(size, fps, out.suffix.lower(), quality, alpha)
    try:
        with signals() as stopping:
            if is_cut(out):
                job = Job(performance, Parts(out), form, report, say, stopping)
                return job.run(hands or Alone(), segment_s)
            return _in_one_go(performance, out, form, report, stopping)
    finally:
        performance.close()


class Job:
    """A film that is rendered in segments. stopping: whether no more of it is to be drawn."""

    def __init__(
        self,
        performance: Performance,
        parts: Parts,
        form: Form,
        report: Report,
        say: Say,
        stopping: Callable[[], bool],
    ) -> None:
        self._performance, self._parts, self._form = performance, parts, form
        self._report, self._say, self.stopping = report, say, stopping
        self._done = 0  # frames that are drawn
        self._tail = 0  # frames of the part that was stopped
        self._wanted: list[tuple[str, int]] = []  # parts in order, and their frames

    def run(self, hands: Hands, segment_s: float) -> tuple[int, int]:
        self._parts.begin()
        is_new = False  # whether a part was met that is not there
        with ahead(cut(self._performance, self._form, segment_s), 1) as segments:
            for segment in segments:
                if self.stopping():
                    break
                self._wanted.append((segment.name, segment.frames))
                if self._parts.path(segment.name).exists():
                    self._done += segment.frames
                    continue
                if not is_new:
                    is_new = True
                    self._tell_found(segment.name)
                hands.take(segment, self)
        if not is_new:
            self._tell_found()
        hands.end(self)
        return self._finish(is_whole=not self.stopping())

    def _tell_found(self, missing: str = "") -> None:
        """missing: the name of the first part that is not there."""
        if self._done:
            self._say(f"{self._parts.out}: {self._done} frames are done already")
        if missing and self._parts.is_other(missing):
            self._say(f"{self._parts.folder} holds parts of another film: they are not used")

    def keep(self, segment: Segment, write: Callable[[Path], int]) -> None:
        """Have a part written to the path that `write` is given; it says how many frames there
        are: fewer where the job was stopped."""

        def is_whole(path: Path) -> bool:
            frames = write(path)
            if frames < segment.frames:
                self._tail = frames
            return frames == segment.frames

        self._parts.keep(segment.name, is_whole)

    def count(self, frames: int = 1) -> None:
        """So many more are drawn."""
        self._done += frames
        self._report(self._done, self._performance.frames)

    def _finish(self, is_whole: bool) -> tuple[int, int]:
        parts, have, out = self._parts, [], self._parts.out
        for name, frames in self._wanted:
            if not parts.path(name).exists():
                break
            have.append((parts.path(name), frames))
        if self._tail:
            have.append((parts.tail, self._tail))
        done = sum(frames for _, frames in have)
        fps, soundtrack = self._form.fps, self._performance.soundtrack
        if have:
            parts.finish(lambda path: _together(have, path, fps, soundtrack), is_whole)
        if not is_whole:
            what = f"{out} holds what there is" if have else "nothing is done yet"
            self._say(f"stopped: {what}; the same command goes on")
        return done, done if is_whole else self._performance.frames


def _together(
    parts: Sequence[tuple[Path, int]], out: Path, fps: float, soundtrack: Soundtrack | None
) -> None:
    if is_sequence(out):
        lay_out(parts, out)
    else:
        join(parts, out, fps, soundtrack)


def _in_one_go(
    performance: Performance,
    out: Path,
    form: Form,
    report: Report,
    stopping: Callable[[], bool],
) -> tuple[int, int]:
    """Into a folder beside its place at first: what is there stays until this is whole."""
    loops.load()
    try:
        with TemporaryDirectory(dir=out.absolute().parent, prefix=f".{out.name}.") as folder:
            part = Path(folder) / out.name
            done = _draw(performance, part, form, report, stopping)
            if part.exists():
                part.replace(out)
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror or error}") from None
    return done, performance.frames


def _draw(
    performance: Performance,
    path: Path,
    form: Form,
    report: Report,
    stopping: Callable[[], bool],
) -> int:
    drawing, alpha = Drawing(performance.controls, form.size, form.alpha), form.alpha
    track, fps, done = performance.soundtrack, form.fps, 0
    size = format_of(path, alpha).size(form.size)
    writer = open_writer(path, size, fps, form.quality, 2 if track else 0, alpha)
    try:
        for moment in performance.moments():
            if moment.is_before:
                drawing.approach(moment, 0.0)
                continue
            canvas = drawing.draw(moment)
            if track is not None and (heard := track.between(done / fps, (done + 1) / fps)):
                writer.hear(heard)
            writer.write(pixels_of(canvas, writer.size), done / fps)
            done += 1
            report(done, performance.frames)
            if stopping():
                break
    finally:
        writer.close()
    return done


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
