"""Rendering: the same show as live, with another clock, source, decoder and sink."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pygame

from visualiser.audio.file import DEMO, AudioFile, audio_duration_s
from visualiser.audio.source import Silence, Source
from visualiser.clock import FixedClock
from visualiser.config import Settings
from visualiser.controls import Controls
from visualiser.cues import Cues
from visualiser.decode import Inline, Network
from visualiser.files import free_path
from visualiser.listener import Listener
from visualiser.look import flash
from visualiser.look import panes as look
from visualiser.record import RECORDINGS, VideoWriter, finish, pixels_of
from visualiser.run import CUES, declared_controls, signals
from visualiser.show import Show
from visualiser.types import UserError

PREVIEW_S = 10.0


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
        stopping = stack.enter_context(signals())
        cues = Cues(controls, CUES, waits=True)
        show = Show(controls, Inline(Network().draw), settings.show.seed, cues=cues)
        stack.callback(show.close)
        source: Source = Silence()
        if song:
            source = AudioFile(song)
        elif controls["show.driver"] == "audio":
            source = AudioFile(DEMO, loop=True)
        stack.callback(source.close)
        listener = Listener(source, settings.sound, controls)
        canvas = pygame.Surface(size, 0, 32)
        panes = look.Panes(controls)
        guard = flash.FlashGuard(controls)
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
                guard.limit(canvas, tick.t)
                writer.write(pixels_of(canvas), tick.t)
                done += 1
                report(done, clock.frames)
                if stopping():
                    break
        except OSError as error:
            raise UserError(f"cannot write {out}: {error.strerror or error}") from None
        finally:
            finish(writer)
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
