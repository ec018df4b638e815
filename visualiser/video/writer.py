"""Canvases into video files: H.264 in mp4, or an animated WebP for sharing."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pygame
from numpy.typing import NDArray

from visualiser.types import UserError
from visualiser.voice import Heard, Voice

if TYPE_CHECKING:
    import av

Pixels = NDArray[np.uint8]  # (H, W, 4), blue, green, red, unused: as surfaces hold them
TIME_BASE = Fraction(1, 90_000)
AT_ONCE = "rc-lookahead=0:sync-lookahead=0:bframes=0:mbtree=0"
MOST_THREADS = 4  # each holds a frame back
SUFFIXES = (".mp4", ".webp")


def pixels_of(canvas: pygame.Surface) -> Pixels:
    """A copy of a 32-bit canvas (H, W, 4), cut to even width and height, as H.264 needs."""
    width, height = canvas.get_size()
    rows = np.frombuffer(memoryview(canvas.get_buffer()), np.uint8)  # type: ignore[arg-type]
    rows = rows.reshape(height, canvas.get_pitch())[: height & ~1, : 4 * (width & ~1)]
    return rows.copy().reshape(height & ~1, width & ~1, 4)


class VideoWriter:
    """Writes one video file, frame by frame, at true timestamps.

    The mp4 is fragmented while it grows, so that it can be played up to the last second even if
    the program is killed, and becomes an ordinary mp4 when it is closed. Raises UserError where
    the file cannot be begun; OSError from write and close where the disk is full.

    size: (width, height), even; fps: what players are told; channels: of the sound that comes
    through `hear`, 0 where none does. A WebP has none. is_live: nothing is held back, so that a
    crash costs little; what looks ahead makes smaller files.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        fps: float,
        crf: int = 18,
        preset: str = "medium",
        channels: int = 0,
        is_live: bool = False,
    ) -> None:
        import av

        if path.suffix.lower() not in SUFFIXES:
            raise UserError(f"{path}: the ending must be {' or '.join(SUFFIXES)}")
        mp4 = path.suffix.lower() == ".mp4"
        # With its index after the first fragment the file can say where picture and sound begin;
        # without, both come late by what their encoders look ahead, and not by the same.
        flags = "hybrid_fragmented+delay_moov"
        # us: what a crash can cost, and how long a picture waits for sound that is late
        crash = {"flush_packets": "1", "frag_duration": "100000", "max_interleave_delta": "100000"}
        options = {"movflags": flags, **crash} if mp4 else {"loop": "0"}
        self.path = path
        self.size = size
        self._last = -1
        try:
            self._file = av.open(str(path), "w", options=options)
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror or error}") from None
        rate = Fraction(fps).limit_denominator(1001)
        if mp4:
            video = self._file.add_stream("libx264", rate=rate)
            video.options = {"crf": str(crf), "preset": preset}
            if is_live:
                video.options = {**video.options, "x264-params": AT_ONCE}
                video.codec_context.thread_count = min(os.cpu_count() or 1, MOST_THREADS)
            video.gop_size = max(round(fps), 1)  # about a second, for players that jump
        else:
            video = self._file.add_stream("libwebp_anim", rate=rate)
            video.options = {"quality": "80", "compression_level": "4"}
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        self._unit = TIME_BASE if mp4 else 1 / rate
        self._frame = round(1 / rate / self._unit)  # how long one is seen
        video.time_base = video.codec_context.time_base = self._unit
        video.codec_context.color_primaries = video.codec_context.color_trc = 1  # bt709
        video.codec_context.colorspace, video.codec_context.color_range = 1, 1  # bt709, limited
        self._video = video
        self._voice = Voice(self._file, channels=channels) if channels and mp4 else None

    def write(self, pixels: Pixels, t: float) -> None:
        """Add a picture that is seen from t seconds on; t must grow."""
        import av

        at = max(round(t / self._unit), self._last + 1)
        self._last = at
        picture = av.VideoFrame.from_ndarray(pixels, format="bgra")
        picture = picture.reformat(format="yuv420p", dst_colorspace=1, dst_color_range=1)
        picture.pts, picture.time_base = at, self._unit
        self._mux(picture)
        if self._voice is not None:
            self._voice.keep_up(t)

    def hear(self, heard: Heard) -> None:
        """Add sound; its t counts as those of pictures do."""
        if self._voice is not None:
            self._voice.hear(heard)

    def close(self) -> None:
        """Finish the file."""
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
            self._file.mux(packet)


def finish(writer: VideoWriter) -> None:
    """Close a file that someone waits for. Raises UserError where that is not possible."""
    try:
        writer.close()
    except OSError as error:
        raise UserError(f"cannot finish {writer.path}: {error.strerror or error}") from None
