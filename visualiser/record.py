"""Recording while the show plays: the window never waits."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pygame

from visualiser import config, crew, typed
from visualiser.audio.source import drain
from visualiser.files import claim, name_now, onto_disk
from visualiser.types import Sound, Tick, UserError
from visualiser.video.encoders import chosen
from visualiser.video.formats import FORMATS, Format, Quality
from visualiser.video.picture import Pixels, fitted, pixels_of
from visualiser.video.pictures import is_sequence
from visualiser.video.writer import Writer, open_writer
from visualiser.voice import Fresh, Heard

RECORDINGS = config.ROOT / "recordings"
WAITING = 1 << 27  # bytes of frames, of the output's size, that may wait for the encoder
BEHIND_S = 0.4  # the encoder may be, with what waits for it: that much is lost in a crash
STARVED_S = 2.0  # of nothing written, that someone should know of
LOOK_S = 1.0  # between two looks whether the file is there still, and on the disk
SPARE = 4  # frames whose memory is kept
Size = tuple[int, int]


class Recorder:
    """One recording, from its first frame to its end. The window never waits: the file is chosen,
    opened and finished, and frames are scaled and encoded, on a thread, and a frame that finds the
    encoder busy is left out: the one before it is seen longer.

    begin: opens the file; fps: at most so many frames a second are taken, where there are more;
    constant: in a file all frames are seen equally long: those that are missing are repeated.

    error: what ended the recording, or ""; frames: taken; dropped: left out; repeated: seen twice.
    """

    def __init__(
        self,
        begin: Callable[[], Writer],
        fps: float,
        constant: bool = False,
    ) -> None:
        self.path: Path | None = None
        self.error = ""
        self.frames = self.dropped = self.repeated = 0
        self._begin = begin
        self._fps = fps
        self._constant = constant
        self._began: float | None = None
        self._due = 0.0  # when the next frame is wanted
        self._queue: queue.SimpleQueue[tuple[Pixels, float] | None] = queue.SimpleQueue()
        self._spare: deque[Pixels] = deque(maxlen=SPARE)  # memory of frames that are done
        self._written = 0.0  # the time of the last frame that the encoder is done with, s
        self._sounds: deque[Heard] = deque(maxlen=4096)  # a minute of ticks
        self._last: Pixels | None = None
        self._slot = -1
        self._looked = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="record", daemon=True)
        self._thread.start()

    def write(self, canvas: pygame.Surface, tick: Tick, heard: Heard | None = None) -> None:
        """canvas: of any size; tick: of now; heard: the sound since the last."""
        t = tick.t
        if self._began is None:
            self._began = self._due = t
        if heard is not None:
            self._sounds.append(replace(heard, t=heard.t - self._began))
        if t + tick.dt / 2 < self._due:
            return  # the next frame is nearer
        self._due += 1 / self._fps
        if self._due < t:  # some were missing
            self._due = t + 1 / self._fps
        is_behind = self.behind(t) > BEHIND_S and not self._queue.empty()
        waiting = self.waiting * 4 * canvas.get_width() * canvas.get_height()
        if waiting >= WAITING or is_behind:
            self.dropped += 1
            return
        spare = self._spare.popleft() if self._spare else None
        self._queue.put((pixels_of(canvas, canvas.get_size(), spare), t - self._began))
        self.frames += 1

    def seconds(self, t: float) -> float:
        """How long it has gone on by t, s."""
        return 0.0 if self._began is None else t - self._began

    def behind(self, t: float) -> float:
        """How much of what was shown by t, s, is not yet in the file, s."""
        return self.seconds(t) - self._written

    def finish(self) -> None:
        """Nothing more comes: write what is queued, and finish the file."""
        self._queue.put(None)

    @property
    def is_done(self) -> bool:
        return not self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """Frames that are not yet taken by the encoder."""
        return self._queue.qsize()

    def close(self) -> None:
        """Wait until it is done."""
        self._thread.join()

    @property
    def left_out(self) -> str:
        """In words, or "" if nothing is."""
        counts = ((self.dropped, "left out"), (self.repeated, "repeated"))
        return ", ".join(f"{n} {what}" for n, what in counts if n)

    def _run(self) -> None:
        writer: Writer | None = None
        try:
            writer = self._begin()
            self.path = writer.path
        except Exception as error:
            self._fail(error)
        for pixels, t in iter(self._queue.get, None):
            if writer is not None and not self.error:
                self._attempt(self._write, writer, pixels, t)
                self._written = writer.written
            if not self._constant:  # else it may be repeated
                self._spare.append(pixels)
        if writer is not None:
            self._attempt(writer.close)
            self._attempt(self._look, writer)
            if not self.frames:  # it is empty: as if it had never been
                with suppress(OSError):
                    writer.path.unlink()

    def _write(self, writer: Writer, pixels: Pixels, t: float) -> None:
        while self._sounds:
            writer.hear(self._sounds.popleft())
        if time.monotonic() - self._looked >= LOOK_S:
            self._look(writer)
        picture = fitted(_cut(pixels, writer.size), writer.size)
        if self._constant:
            slot = round(t * self._fps)
            while self._last is not None and self._slot + 1 < slot:
                self._slot += 1
                self.repeated += 1
                writer.write(self._last, self._slot / self._fps)
            if slot <= self._slot:
                self.dropped += 1
                return
            self._slot, t = slot, slot / self._fps
            self._last = picture
        writer.write(picture, t)

    def _look(self, writer: Writer) -> None:
        """A file that somebody took away would be written on, by a name that nobody has; and the
        system keeps what is written in memory for half a minute, where a power cut finds it."""
        self._looked = time.monotonic()
        there = writer.path.parent if is_sequence(writer.path) else writer.path
        if not there.exists():
            raise UserError(f"{there} has gone")
        if there == writer.path:
            onto_disk(there)

    def _attempt(self, do: Callable[..., None], *args: object) -> None:
        try:
            do(*args)
        except Exception as error:  # a full disk, above all; whatever it is, the show goes on
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        why = getattr(error, "strerror", None) or str(error)
        is_told = isinstance(error, UserError)
        self.error = self.error or (why if is_told else f"cannot write {self.path or 'it'}: {why}")


def _cut(pixels: Pixels, size: Size) -> Pixels:
    """Without the pixel by which it is larger, if it is by no more."""
    over = pixels.shape[1] - size[0], pixels.shape[0] - size[1]
    return pixels[: size[1], : size[0]].copy() if max(over) == 1 and min(over) >= 0 else pixels


class Recording:
    """Starts and stops recordings of what the audience sees, each into a new file."""

    def __init__(self, settings: config.Record) -> None:
        self.notices: list[str] = []
        self._settings = settings
        self._kind = FORMATS[f".{settings.format}"]
        self._recorder: Recorder | None = None
        self._ending: list[Recorder] = []
        self._said: deque[str] = deque()  # by threads
        self._is_starved = False  # and someone was told
        self._fresh = Fresh()

    def toggle(self, size: Size) -> None:
        if self._recorder:
            self.stop()
        else:
            self.start(size)

    def start(self, size: Size) -> None:
        """size: of the output; the file keeps it, whatever becomes of that."""
        options = self._settings
        if options.size != config.OUTPUT:
            size = typed.size(options.size)
        fps = self._kind.rate(options.fps)
        # Single pictures and GIFs have no times of their own, or only coarse ones.
        constant = options.constant or self._kind.suffix in (".png", ".gif")
        self._recorder = Recorder(lambda: self._open(self._kind.size(size), fps), fps, constant)

    def _open(self, size: Size, fps: float) -> Writer:
        """On the recorder's thread."""
        options = self._settings
        kind, line = chosen(self._kind, options.encoder, size, fps)
        if line:
            self._said.append(line)
        quality = Quality(options.crf, options.live_preset, live=True)
        path = _new_path(kind)
        # Only now, or what comes once would take long; and before the encoder's threads begin,
        # which are like the one that they come from.
        crew.step_back(options.yields)
        channels = 1 if options.sound else 0
        return open_writer(path, size, fps, quality, channels, kind=kind)

    def write(self, canvas: pygame.Surface, tick: Tick, sound: Sound | None = None) -> None:
        """Record what is on the canvas now, and what was heard last."""
        heard = self._fresh.of(sound) if sound is not None else None
        self._tell()
        recorder = self._recorder
        if recorder is None:
            return
        if recorder.error:
            self.stop()
        else:
            recorder.write(canvas, tick, heard)
            self._warn(recorder.behind(tick.t))

    def _warn(self, behind_s: float) -> None:
        """Once, where a recording does not get on; and again where that comes back."""
        if behind_s > STARVED_S and not self._is_starved:
            why = "this machine is too slow for it"
            if self._settings.yields:
                why = "yields = false in [record] gives it more time"
            self.notices.append(f"nothing recorded for {STARVED_S:.0f} s: {why}")
        self._is_starved = behind_s > (BEHIND_S if self._is_starved else STARVED_S)

    def stop(self) -> None:
        """Let the file be finished; where it is, is told once it is."""
        if self._recorder is not None:
            self._recorder.finish()
            self._ending.append(self._recorder)
            self._recorder = None

    def close(self) -> None:
        """Stop, and wait until all files are finished."""
        self.stop()
        for recorder in self._ending:
            recorder.close()
        self._tell()

    def marker(self, t: float) -> str:
        """In the line at the foot, t s into the show."""
        recorder = self._recorder
        if recorder is None:
            return "saving the recording" if self._ending else ""
        at = int(recorder.seconds(t))
        return ", ".join(filter(None, (f"REC {at // 60}:{at % 60:02}", recorder.left_out)))

    def _tell(self) -> None:
        self.notices += drain(self._said)
        for recorder in [each for each in self._ending if each.is_done]:
            self._ending.remove(recorder)
            if recorder.error:
                self.notices.append(f"recording stopped: {recorder.error}")
            elif recorder.frames:
                counts = ", ".join(filter(None, (f"{recorder.frames} frames", recorder.left_out)))
                self.notices.append(f"recorded {recorder.path} ({counts})")


def _new_path(kind: Format) -> Path:
    """Where a recording goes: nothing is there yet. Raises UserError where it cannot be written."""
    if kind.suffix == ".png":
        return claim(RECORDINGS, name_now(), "") / "%05d.png"
    return claim(RECORDINGS, name_now(), kind.suffix)
