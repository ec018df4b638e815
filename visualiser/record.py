"""Recording while the show plays: the window never waits."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pygame

from visualiser import config
from visualiser.files import free_path
from visualiser.types import Sound, Tick, UserError
from visualiser.video.writer import Pixels, VideoWriter, pixels_of
from visualiser.voice import Fresh, Heard

RECORDINGS = config.ROOT / "recordings"
BEHIND_S = 0.15  # the encoder may be, with what waits for it


class Recorder:
    """Records while the show plays. The window never waits: the file is opened, and frames are
    encoded, on a thread, and a frame that finds the encoder busy is left out: the one before it is
    seen longer. Few frames wait, and none for long: what waits is lost in a crash.

    error: what ended the recording, or ""; frames: taken; dropped: left out.
    """

    def __init__(self, path: Path, size: tuple[int, int], open_file: Callable[[], VideoWriter]):
        self.path = path
        self.size = size
        self.error = ""
        self.frames = self.dropped = 0
        self._open_file = open_file
        self._began: float | None = None
        self._taken = 0.0  # by the encoder: the time of the last one, s from the first
        self._queue: queue.Queue[tuple[Pixels, float] | None] = queue.Queue(maxsize=8)
        self._sounds: deque[Heard] = deque(maxlen=4096)  # a minute of ticks
        self._thread = threading.Thread(target=self._run, name="record", daemon=True)
        self._thread.start()

    def write(self, canvas: pygame.Surface, t: float, heard: Heard | None = None) -> None:
        """canvas: of `size`, or a pixel larger; t: the tick's time, s; heard: the sound since."""
        self._began = t if self._began is None else self._began
        if heard is not None:
            self._sounds.append(replace(heard, t=heard.t - self._began))
        t -= self._began
        is_behind = t - self._taken > BEHIND_S and not self._queue.empty()
        if self._queue.full() or is_behind:
            self.dropped += 1
        else:
            self._queue.put((pixels_of(canvas), t))
            self.frames += 1

    @property
    def waiting(self) -> int:
        """Frames that are not yet taken by the encoder."""
        return self._queue.qsize()

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
            pixels, self._taken = item
            if writer is not None and not self.error:
                self._attempt(writer.write, pixels, self._taken)
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
                path,
                size,
                options.fps,
                options.crf,
                options.live_preset,
                channels=1 if options.sound else 0,
                is_live=True,
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
