"""Canvases into video files, of whatever format the ending asks for."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from visualiser.types import UserError
from visualiser.video.formats import Format, Quality, exact, format_of
from visualiser.video.gif import GifWriter
from visualiser.video.picture import Pixels, picture_of
from visualiser.video.pictures import PictureWriter
from visualiser.voice import Heard, Voice

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

UNITS = {".mp4": Fraction(1, 90_000), ".mov": Fraction(1, 90_000)}  # of time; else ms, s
LIVE_THREADS = 4  # each holds a picture back


class Writer(Protocol):
    """A file, or files, that pictures go into one by one, each seen from its time on.

    path: as it was asked for; size: (width, height) of every picture, px; written: the time of the
    last picture that is no longer held back, s.
    """

    path: Path
    size: tuple[int, int]
    written: float

    def write(self, pixels: Pixels, t: float) -> None:
        """Add a picture, (height, width, 4), that is seen from t seconds on; t must grow."""

    def hear(self, heard: Heard) -> None:
        """Add sound, where the format has any; its t counts as those of pictures do."""

    def close(self) -> None:
        """Finish the file."""


def open_writer(
    path: Path,
    size: tuple[int, int],
    fps: float,
    quality: Quality | None = None,
    channels: int = 0,
    alpha: bool = False,
    kind: Format | None = None,
) -> Writer:
    """Begin a file of the format that its ending says.

    size: as `Format.size` gives it; fps: what players are told; channels: of the sound that comes
    through `hear`, 0 where none does; alpha: whether the pixels' fourth byte means something; kind:
    the format, if it has another encoder than most. Raises UserError where the file cannot be
    begun; write and close raise OSError where the disk is full.
    """
    kind = kind or format_of(path, alpha)
    if kind.suffix == ".png":
        return PictureWriter(path, size, alpha)
    if kind.suffix == ".gif":
        return GifWriter(path, size, fps)
    return VideoWriter(path, kind, size, fps, quality or Quality(), channels, alpha)


class VideoWriter:
    """Writes one video file, frame by frame, at true timestamps.

    An mp4 or mov is fragmented while it grows, so that it can be played up to the last second even
    if the program is killed, and becomes an ordinary one when it is closed.

    threads: of the encoder, 0 is as the machine has them. What is made of a picture may depend on
    their number.
    """

    def __init__(
        self,
        path: Path,
        kind: Format,
        size: tuple[int, int],
        fps: float,
        quality: Quality,
        channels: int = 0,
        alpha: bool = False,
        threads: int = 0,
    ) -> None:
        import av

        self.path = path
        self.size = size
        self.written = 0.0
        self._last = -1
        self._is_opaque = not alpha
        try:
            self._file = av.open(str(path), "w", options=dict(kind.container(quality)))
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror or error}") from None
        rate = exact(fps)
        stream: Any = self._file.add_stream(kind.codec, rate=rate)
        video: VideoStream = stream
        video.options = dict(kind.options(quality))
        if quality.live and not threads:
            threads = min(os.cpu_count() or 1, LIVE_THREADS)
        if threads:
            video.codec_context.thread_count = threads
        video.gop_size = max(round(fps), 1)  # about a second, for players that jump
        video.width, video.height = size
        video.pix_fmt = kind.alpha if alpha else kind.pixels
        self._unit = UNITS.get(kind.suffix, Fraction(1, 1000))
        self._frame = round(1 / rate / self._unit)  # how long one is seen
        video.time_base = video.codec_context.time_base = self._unit
        if str(video.pix_fmt).startswith(("yuv", "nv12")):
            video.codec_context.color_primaries = video.codec_context.color_trc = 1  # bt709
            video.codec_context.colorspace, video.codec_context.color_range = 1, 1  # limited
        self._video = video
        self._voice = Voice(self._file, kind.sound, channels) if channels and kind.sound else None

    @property
    def pixels(self) -> str:
        """The format in which the encoder takes pictures, as ffmpeg calls it."""
        return str(self._video.pix_fmt)

    def write(self, pixels: Pixels, t: float) -> None:
        """As Writer says."""
        self.add(self.picture(pixels), t)

    def picture(self, pixels: Pixels) -> av.VideoFrame:
        """Pixels as the encoder takes them, for `add`. They may be a canvas's own memory: it is
        held no longer than this takes."""
        if self._is_opaque and self.pixels == "bgra":
            pixels[..., 3] = 255
        return picture_of(pixels, self.pixels)

    def add(self, picture: av.VideoFrame, t: float) -> None:
        """As `write`."""
        at = max(round(t / self._unit), self._last + 1)
        self._last = at
        picture.pts, picture.time_base = at, self._unit
        self._mux(picture)
        if self._voice is not None:
            self._voice.keep_up(t)

    def hear(self, heard: Heard) -> None:
        """As Writer says."""
        if self._voice is not None:
            self._voice.hear(heard)

    def close(self) -> None:
        """As Writer says."""
        try:
            self._mux(None)
            if self._voice is not None:
                self._voice.close(float(self._last * self._unit))
        finally:
            self._file.close()

    def _mux(self, picture: av.VideoFrame | None) -> None:
        for packet in self._video.encode(picture):
            # The very last has nobody behind it to tell how long it is seen; at 0 players drop it.
            packet.duration = packet.duration or self._frame
            if packet.pts is not None and packet.time_base is not None:
                self.written = float(packet.pts * packet.time_base)
            self._file.mux(packet)
