"""Playing and rendering: the same show with different clocks, sources, decoders and sinks."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import numpy as np
import pygame

from visualiser import config
from visualiser.audio.analysis import Ear
from visualiser.audio.source import (
    DEMO,
    AudioFile,
    Microphone,
    Silence,
    Source,
    audio_duration_s,
)
from visualiser.clock import FixedClock, WallClock
from visualiser.config import ROOT, Settings
from visualiser.controls import Control, Controls
from visualiser.decode import Inline, Network, Worker
from visualiser.files import free_path, write_bytes
from visualiser.look import panes as look
from visualiser.nets import checkpoint
from visualiser.record import Recorder, VideoWriter, pixels_of
from visualiser.show import Show, declare
from visualiser.types import Features, Sound, Tick, UserError
from visualiser.window import CONTROLS, MESSAGE_S, Status, Window

RECORDINGS = ROOT / "recordings"
SCREENSHOTS = ROOT / "screenshots"
PREVIEW_S = 10.0
HOP_S = 0.004  # s; nothing new can be heard sooner than a block of sound comes


def declared_controls(model: str | None = None) -> list[Control]:
    """Every control there is; model: one to choose from beside those in models/, by path."""
    names = checkpoint.names()
    models = [*names, model] if model and checkpoint.is_path(model) else names
    return [*declare(models), *look.declare(), *CONTROLS]


class Listener:
    """A source and the ear that listens to it, once a tick; but where ticks come faster than new
    sound does, only every few milliseconds."""

    def __init__(self, source: Source, sound: config.Sound) -> None:
        self.source = source
        self._heard: Features | None = None
        self._waited = 0.0
        self._ear = Ear(
            n_bands=sound.bands,
            n_fft=sound.n_fft,
            f_lo_hz=sound.low_hz,
            f_hi_hz=sound.high_hz,
            attack_s=sound.attack_s,
            release_s=sound.release_s,
            gain_attack_s=sound.gain_attack_s,
            gain_release_s=sound.gain_release_s,
            floor_dbfs=sound.floor_dbfs,
            range_db=sound.range_db,
            tilt_db_per_octave=sound.tilt_db_per_octave,
            learned_floor=np.array(sound.room_dbfs, np.float32) if sound.room_dbfs else None,
        )

    def listen(self, tick: Tick) -> Features:
        self._waited += tick.dt
        if self._heard is not None and self._waited < HOP_S:
            return self._heard
        dt, self._waited = self._waited, 0.0
        samples = self.source.window(tick.t, self._ear.n_samples)
        samplerate = self.source.samplerate
        self._heard = self._ear.listen(
            Sound(samples, samplerate, round(tick.t * samplerate), tick.t), dt
        )
        return self._heard


def has_display() -> bool:
    """Whether a window can be seen, or SDL was told where to draw instead."""
    if wanted := os.environ.get("SDL_VIDEODRIVER"):
        try:
            pygame.display.init()
        except pygame.error as error:
            raise UserError(f"SDL_VIDEODRIVER={wanted} gives no window: {error}") from None
        return True
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        return False  # asking SDL would make its libraries complain on stderr
    pygame.display.init()
    return pygame.display.get_driver() not in ("dummy", "offscreen")


def perform(
    settings: Settings,
    song: Path | None = None,
    record: bool = False,
    seconds: float = float("inf"),
    timing: Path | None = None,
) -> None:
    """Play until someone quits. timing: where to write when frames were shown, as JSON."""
    controls = Controls(declared_controls(settings.model), settings.controls)
    with ExitStack() as stack:
        stopping = stack.enter_context(_signals())
        worker = Worker(Network().draw)
        show = Show(controls, worker, settings.show.seed)
        stack.callback(show.close)
        window = Window(settings.window, controls, "Squircle")
        stack.callback(window.close)
        source: Source = AudioFile(song, loop=True) if song else Microphone(settings.sound.input)
        stack.callback(source.close)
        listener = Listener(source, settings.sound)
        recording = Recording(settings.record)
        messages = Messages()

        def end_recording() -> None:
            recording.stop()
            for line in recording.notices:
                messages.say(line)

        stack.callback(end_recording)
        if record:
            recording.start(window.canvas.get_size())
        shown = Shown(timing)
        stack.callback(shown.write)

        gc.collect()
        gc.freeze()  # what is here stays; looking through it again and again costs frames
        clock = WallClock(settings.window.fps)
        for tick in clock.ticks():
            features = listener.listen(tick)
            commands = list(window.commands())
            frame = show.update(tick, features, commands)
            window.draw(frame, tick, features)
            recording.write(window, tick)

            asked = {id for id, _ in commands}
            if "window.screenshot" in asked:
                messages.say(_screenshot(window.canvas))
            if "window.record" in asked:
                recording.toggle(window.canvas.get_size())
            for line in [*source.notices(), *show.notices, *recording.notices]:
                messages.say(line)
            show.notices.clear()
            recording.notices.clear()

            status = Status(
                driver=str(controls["show.driver"]),
                model=frame.model.name,
                mode=str(controls["show.mode"]),
                speed=controls.number("show.speed"),
                paused=show.paused,
                source=source.label,
                recording=recording.marker(tick.t),
                message=messages.now(tick.t),
            )
            window.add_words(frame, features, status, tick.t)
            clock.hold()
            window.flip()
            shown.count(frame.tick.index, frame.image is not None)
            if "window.quit" in asked or tick.t >= seconds or stopping():
                return


def render(
    settings: Settings,
    out: Path,
    size: tuple[int, int],
    fps: float,
    song: Path | None = None,
    seconds: float | None = None,
    report: Callable[[int, int], object] = lambda done, frames: None,
    preset: str | None = None,
) -> tuple[int, int]:
    """The same show into a video, the same every time; returns frames written, and wanted.

    seconds: None is the song's length, or 10 without one. report: told of frames done, and of how
    many there will be. preset: of x264, instead of config.toml's. Ctrl-C finishes the file where it
    is and returns early.
    """
    if seconds is None:
        seconds = audio_duration_s(song) if song else PREVIEW_S
    clock = FixedClock(fps, seconds)
    controls = Controls(declared_controls(settings.model), settings.controls)
    with ExitStack() as stack:
        stopping = stack.enter_context(_signals())
        show = Show(controls, Inline(Network().draw), settings.show.seed)
        stack.callback(show.close)
        source: Source = Silence()
        if song:
            source = AudioFile(song)
        elif controls["show.driver"] == "audio":
            source = AudioFile(DEMO, loop=True)
        stack.callback(source.close)
        listener = Listener(source, settings.sound)
        canvas = pygame.Surface(size, 0, 32)
        panes = look.Panes(controls)
        writer = VideoWriter(
            out,
            (size[0] & ~1, size[1] & ~1),
            fps,
            settings.record.crf,
            preset or settings.record.render_preset,
            song,
            clock.frames / fps,
        )
        done = 0
        try:
            for tick in clock.ticks():
                features = listener.listen(tick)
                frame = show.update(tick, features)
                panes.draw(frame, canvas, tick, features)
                writer.write(pixels_of(canvas), tick.t)
                done += 1
                report(done, clock.frames)
                if stopping():
                    break
        except OSError as error:
            raise UserError(f"cannot write {out}: {error.strerror or error}") from None
        finally:
            _close(writer)
        return done, clock.frames


def preview(
    settings: Settings,
    song: Path | None,
    seconds: float,
    report: Callable[[int, int], object] = lambda done, frames: None,
) -> Path:
    """What `perform` does where there is no display: a short video of the same show.

    An earlier preview is kept under another name. Returns the new one's path.
    """
    path, free = RECORDINGS / "preview.mp4", free_path(RECORDINGS, "preview", ".mp4")
    if free != path:
        path.rename(free)
        print(f"the preview that was there is now {free}", file=sys.stderr)
    size = (settings.window.width, settings.window.height)
    render(settings, path, size, settings.window.fps or 60, song, seconds, report, "veryfast")
    return path


def _close(writer: VideoWriter) -> None:
    try:
        writer.close()
    except OSError as error:
        raise UserError(f"cannot finish {writer.path}: {error.strerror or error}") from None


class Recording:
    """Starts and stops recordings of the canvas, each into a new file."""

    def __init__(self, settings: config.Record) -> None:
        self.notices: list[str] = []
        self._settings = settings
        self._recorder: Recorder | None = None
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
            lambda: VideoWriter(path, size, options.fps, options.crf, options.live_preset),
        )

    def write(self, window: Window, tick: Tick) -> None:
        """Record what is on the canvas now."""
        recorder = self._recorder
        if recorder is None:
            return
        if recorder.error:
            self.notices.append(f"recording stopped: {recorder.error}")
            self._end()
            return
        if recorder.frames == 0:
            self._began = tick.t
        canvas = window.canvas
        if (canvas.get_width() & ~1, canvas.get_height() & ~1) != recorder.size:
            canvas = pygame.transform.smoothscale(canvas, recorder.size)
        recorder.write(canvas, tick.t)

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


class Messages:
    """Lines for the person: on stderr at once, and on screen for a while."""

    def __init__(self) -> None:
        self._line = ""
        self._until: float | None = None

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)
        self._line, self._until = line, None

    def now(self, t: float) -> str:
        """What is on screen at show time t."""
        if self._until is None:
            self._until = t + MESSAGE_S
        return self._line if t < self._until else ""


class Shown:
    """When frames were shown, for whoever asked; times are time.time()'s."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._flips: list[float] = []
        self._pictures: list[float] = []
        self._last = -1

    def count(self, index: int, is_picture: bool) -> None:
        """A flip has shown the frame of tick `index`."""
        if self._path is None:
            return
        now = time.time()
        self._flips.append(now)
        if is_picture and index != self._last:
            self._pictures.append(now)
            self._last = index

    def write(self) -> None:
        if self._path is not None:
            report = {"flips": self._flips, "pictures": self._pictures}
            write_bytes(self._path, json.dumps(report).encode())


def _screenshot(canvas: pygame.Surface) -> str:
    stem = datetime.now().strftime("squircle-%Y-%m-%d-%H%M%S")
    try:
        path = free_path(SCREENSHOTS, stem, ".png")
        pygame.image.save(canvas, str(path))
    except (UserError, OSError, pygame.error) as error:
        return f"no screenshot: {error}"
    return f"saved {path}"


@contextmanager
def _signals() -> Iterator[Callable[[], bool]]:
    """Ctrl-C and a polite kill end the show as `quit` does; a second one ends it at once."""
    stopped: list[int] = []

    def stop(number: int, frame: object) -> None:
        if stopped:
            raise KeyboardInterrupt
        stopped.append(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(stopped)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
