"""A take as a video: at another size, at another rate, with another look if asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pygame

from visualiser import config
from visualiser.audio.file import AudioFile
from visualiser.controls import Control, Value
from visualiser.curtain import Curtain
from visualiser.decode import Network
from visualiser.look.flash import FlashGuard
from visualiser.look.panes import Panes
from visualiser.nets import checkpoint
from visualiser.record import VideoWriter, finish, pixels_of
from visualiser.takes.events import digest
from visualiser.takes.log import flac_of
from visualiser.takes.read import Take
from visualiser.takes.replay import Replay
from visualiser.types import UserError
from visualiser.voice import Heard

STOPS = Callable[[], bool]


@dataclass(frozen=True)
class Wish:
    """How a take is to be seen. size: px; song: instead of the one that was heard; start_s, stop_s:
    which part of it; instead: values of controls, whatever they were; preset: of x264."""

    size: tuple[int, int]
    fps: float
    song: Path | None = None
    start_s: float = 0.0
    stop_s: float | None = None
    instead: Mapping[str, Value] | None = None
    preset: str | None = None


def missing(take: Take, instead: Mapping[str, Value] = {}, folder: Path = checkpoint.MODELS
            ) -> list[str]:  # fmt: skip
    """What a take needs and what is not there, or not as it was: a line each."""
    lines = []
    for name, was in take.models.items() if "show.model" not in instead else ():
        path = here(name, folder)
        if path is None:
            have = ", ".join(checkpoint.names(folder)) or "none"
            lines.append(f"its model {Path(name).stem} is gone; --model takes another: {have}")
        elif was and digest(path) != was:
            lines.append(f"its model {path.stem} is another now; --model {path.stem} takes it so")
    return lines


def here(name: str, folder: Path = checkpoint.MODELS) -> Path | None:
    """Where a model's file is now: where it was, or of the same name in the folder."""
    places = (Path(name), folder / Path(name).name)
    return next((path for path in places if path.is_file()), None)


def sound_of(take: Take) -> Path | None:
    """The sound that is kept beside it, or the song that was heard, if it is still there."""
    song = Path(take.head.song) if take.head.song else None
    return next((path for path in (flac_of(take.path), song) if path and path.is_file()), None)


def film(
    take: Take,
    out: Path,
    wish: Wish,
    declared: list[Control],
    record: config.Record,
    report: Callable[[int, int], object] = lambda done, frames: None,
    stopping: STOPS = lambda: False,
) -> tuple[int, int]:
    """Draw a take into a video; returns frames written, and wanted.

    Raises UserError where a model is gone or has changed, and no other was asked for.
    """
    instead = dict(wish.instead or {})
    if lines := missing(take, instead):
        raise UserError("\n".join(f"{take.path}: {line}" for line in lines))
    end_s = take.seconds if wish.stop_s is None else min(wish.stop_s, take.seconds)
    frames = int((end_s - wish.start_s) * wish.fps + 1e-6) + 1
    if end_s < wish.start_s:
        raise UserError(f"{take.path}: it is {take.seconds:.1f} s long; allowed is a part of that")
    path = wish.song or sound_of(take)
    song = AudioFile(path, loop=True) if path else None
    is_beside = path == flac_of(take.path)
    replay = Replay(take, declared, instead, checkpoint.MODELS)
    panes, canvas = Panes(replay.controls), pygame.Surface(wish.size, 0, 32)
    curtain, guard = Curtain(replay.controls), FlashGuard(replay.controls)
    network = Network()
    size = (wish.size[0] & ~1, wish.size[1] & ~1)
    writer = VideoWriter(out, size, wish.fps, record.crf, wish.preset or record.render_preset,
                         has_voice=song is not None)  # fmt: skip
    done, heard_to = 0, 0.0
    try:
        for moment in replay.moments(wish.fps, wish.start_s, end_s):
            frame = network.draw(moment.frame)
            panes.draw(frame, canvas, moment.tick, moment.features)
            curtain.advance(moment.tick)
            if not curtain.is_open:  # black, frozen or fading, as it was
                pane = panes.picture(canvas)
                curtain.draw(pane, pane)
            guard.limit(canvas, moment.tick.t)
            if song is not None:
                until = (done + 1) / wish.fps
                at = moment.tick.t if is_beside or wish.song else replay.song_at(moment.tick.t)
                if at is not None:
                    writer.hear(_sung(song, at, heard_to, until))
                heard_to = until
            writer.write(pixels_of(canvas), done / wish.fps)
            done += 1
            report(done, frames)
            if stopping():
                break
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror or error}") from None
    finally:
        replay.close()
        if song is not None:
            song.close()
        finish(writer)
    return done, frames


def _sung(song: AudioFile, at: float, start: float, until: float) -> Heard:
    """The song's sound from one time of the video to another; at: where it is at the first."""
    rate = song.window(at, 1).samplerate
    n = round(until * rate) - round(start * rate)
    samples = song.window(at + n / rate, n).samples
    return Heard(samples, rate, start)
