"""Canvases into video files: H.264 in mp4, or an animated WebP for sharing."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pygame
from numpy.typing import NDArray

from visualiser import config
from visualiser.audio import decode
from visualiser.files import free_path
from visualiser.types import Sound, Tick, UserError
from visualiser.voice import Fresh, Heard, Voice

if TYPE_CHECKING:
    import av

Pixels = NDArray[np.uint8]  # (H, W, 4), blue, green, red, unused: as surfaces hold them
TIME_BASE = Fraction(1, 90_000)
SUFFIXES = (".mp4", ".webp")
RECORDINGS = config.ROOT / "recordings"


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

    size: (width, height), even; fps: what players are told; song: a file whose sound goes along,
    up to seconds; has_voice: or sound comes through `hear`. A WebP has none.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        fps: float,
        crf: int = 18,
        preset: str = "medium",
        song: Path | None = None,
        seconds: float = float("inf"),
        has_voice: bool = False,
    ) -> None:
        import av

        if path.suffix.lower() not in SUFFIXES:
            raise UserError(f"{path}: the ending must be {' or '.join(SUFFIXES)}")
        mp4 = path.suffix.lower() == ".mp4"
        # With its index after the first fragment the file can say where picture and sound begin;
        # without, both come late by what their encoders look ahead, and not by the same.
        flags = "hybrid_fragmented+delay_moov"
        crash = {"flush_packets": "1", "frag_duration": "500000"}  # us: what a crash can cost
        options = {"movflags": flags, **crash} if mp4 else {"loop": "0"}
        self.path = path
        self.size = size
        self._seconds = seconds
        self._last = -1
        try:
            self._file = av.open(str(path), "w", options=options)
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror or error}") from None
        rate = Fraction(fps).limit_denominator(1001)
        if mp4:
            video = self._file.add_stream("libx264", rate=rate)
            video.options = {"crf": str(crf), "preset": preset}
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
        self._song: Iterator[Any] | None = self._open_song(song) if song and mp4 else None
        self._sung = 0.0
        self._voice_over = Voice(self._file) if has_voice and mp4 else None

    def write(self, pixels: Pixels, t: float) -> None:
        """Add a picture that is seen from t seconds on; t must grow."""
        import av

        at = max(round(t / self._unit), self._last + 1)
        self._last = at
        picture = av.VideoFrame.from_ndarray(pixels, format="bgra")
        picture = picture.reformat(format="yuv420p", dst_colorspace=1, dst_color_range=1)
        picture.pts, picture.time_base = at, self._unit
        self._mux(picture)
        self._sing(t)
        if self._voice_over is not None:
            self._voice_over.keep_up(t)

    def hear(self, heard: Heard) -> None:
        """Add sound; its t counts as those of pictures do."""
        if self._voice_over is not None:
            self._voice_over.hear(heard)

    def close(self) -> None:
        """Finish the file."""
        try:
            self._sing(self._seconds)
            self._mux(None)
            if self._song is not None:
                self._file.mux(self._voice.encode(None))
            if self._voice_over is not None:
                self._voice_over.close(float(self._last * self._unit))
        finally:
            self._file.close()

    def _mux(self, picture: av.VideoFrame | None) -> None:
        for packet in self._video.encode(picture):
            # The very last has nobody behind it to tell how long it is seen; at 0 players drop it.
            packet.duration = packet.duration or self._frame
            self._file.mux(packet)

    def _open_song(self, song: Path) -> Iterator[av.AudioFrame]:
        self._voice = self._file.add_stream("aac", rate=48_000, layout="stereo")
        self._voice.bit_rate = 256_000
        # What is damaged has been said by the source that the show listens to.
        return decode.frames(song, deque(maxlen=1), "stereo", 1024)

    def _sing(self, until: float) -> None:
        """Encode the song's sound up to a time, s, so that it lies beside its pictures."""
        while self._song is not None and self._sung < min(until, self._seconds):
            frame = next(self._song, None)
            if frame is None:
                return
            frame.pts, frame.time_base = round(self._sung * 48_000), Fraction(1, 48_000)
            self._sung += frame.samples / 48_000
            self._file.mux(self._voice.encode(frame))


def finish(writer: VideoWriter) -> None:
    """Close a file that someone waits for. Raises UserError where that is not possible."""
    try:
        writer.close()
    except OSError as error:
        raise UserError(f"cannot finish {writer.path}: {error.strerror or error}") from None


class Recorder:
    """Records while the show plays. The window never waits: the file is opened, and frames are
    encoded, on a thread, and a frame that finds the encoder busy is left out: the one before it is
    seen longer.

    error: what ended the recording, or ""; frames: taken; dropped: left out.
    """

    def __init__(self, path: Path, size: tuple[int, int], open_file: Callable[[], VideoWriter]):
        self.path = path
        self.size = size
        self.error = ""
        self.frames = self.dropped = 0
        self._open_file = open_file
        self._began: float | None = None
        self._queue: queue.Queue[tuple[Pixels, float] | None] = queue.Queue(maxsize=8)
        self._sounds: deque[Heard] = deque(maxlen=4096)  # a minute of ticks
        self._thread = threading.Thread(target=self._run, name="record", daemon=True)
        self._thread.start()

    def write(self, canvas: pygame.Surface, t: float, heard: Heard | None = None) -> None:
        """canvas: of `size`, or a pixel larger; t: the tick's time, s; heard: the sound since."""
        self._began = t if self._began is None else self._began
        if heard is not None:
            self._sounds.append(replace(heard, t=heard.t - self._began))
        if self._queue.full():
            self.dropped += 1
        else:
            self._queue.put((pixels_of(canvas), t - self._began))
            self.frames += 1

    def close(self) -> None:
        """Write what is queued, finish the file and join."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        writer: VideoWriter | None = None
        try:
            writer = self._open_file()
        except Exception as error:
            self._fail(error)
        for item in iter(self._queue.get, None):  # to the end, so that nobody waits on a full queue
            while self._sounds and writer is not None and not self.error:
                self._attempt(writer.hear, self._sounds.popleft())
            if writer is not None and not self.error:
                self._attempt(writer.write, *item)
        if writer is not None:
            self._attempt(writer.close)

    def _attempt(self, do: Callable[..., None], *args: object) -> None:
        try:
            do(*args)
        except Exception as error:  # a full disk, above all; whatever it is, the show goes on
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        why = getattr(error, "strerror", None) or str(error)
        is_told = isinstance(error, UserError)
        self.error = self.error or (why if is_told else f"cannot write {self.path}: {why}")


class Recording:
    """Starts and stops recordings of the canvas, each into a new file."""

    def __init__(self, settings: config.Record) -> None:
        self.notices: list[str] = []
        self._settings = settings
        self._recorder: Recorder | None = None
        self._fresh = Fresh()
        self._began = 0.0

    def toggle(self, size: tuple[int, int]) -> None:
        if self._recorder:
            self.stop()
        else:
            self.start(size)

    def start(self, size: tuple[int, int]) -> None:
        """size: of the canvas; the file keeps it, whatever becomes of the window."""
        stem = datetime.now().strftime("squircle-%Y-%m-%d-%H%M%S")
        try:
            path = free_path(RECORDINGS, stem, ".mp4")
        except UserError as error:
            self.notices.append(str(error))
            return
        size = (size[0] & ~1, size[1] & ~1)
        options = self._settings
        self._recorder = Recorder(
            path,
            size,
            lambda: VideoWriter(
                path, size, options.fps, options.crf, options.live_preset, has_voice=options.sound
            ),
        )

    def write(self, canvas: pygame.Surface, tick: Tick, sound: Sound | None = None) -> None:
        """Record what is on the canvas now, and what was heard last."""
        heard = self._fresh.of(sound) if sound is not None else None
        recorder = self._recorder
        if recorder is None:
            return
        if recorder.error:
            self.notices.append(f"recording stopped: {recorder.error}")
            self._end()
            return
        if recorder.frames == 0:
            self._began = tick.t
        if (canvas.get_width() & ~1, canvas.get_height() & ~1) != recorder.size:
            canvas = pygame.transform.smoothscale(canvas, recorder.size)
        recorder.write(canvas, tick.t, heard)

    def stop(self) -> None:
        """Finish the file and say where it is."""
        if self._recorder is None:
            return
        recorder = self._end()
        if recorder.error:
            self.notices.append(f"recording stopped: {recorder.error}")
        else:
            left_out = f", {recorder.dropped} frames left out" if recorder.dropped else ""
            self.notices.append(f"recorded {recorder.path} ({recorder.frames} frames{left_out})")

    def marker(self, t: float) -> str:
        if self._recorder is None:
            return ""
        at = int(t - self._began) if self._recorder.frames else 0
        return f"REC {at // 60}:{at % 60:02}"

    def _end(self) -> Recorder:
        assert self._recorder is not None
        recorder, self._recorder = self._recorder, None
        recorder.close()
        return recorder
