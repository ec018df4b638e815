"""A take, to be seen at another size, at another rate, with another look if asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from visualiser.audio.file import audio_duration_s
from visualiser.controls import Control, Value
from visualiser.film.soundtrack import Soundtrack
from visualiser.frame import Moment
from visualiser.nets import checkpoint
from visualiser.takes.log import flac_of
from visualiser.takes.needs import missing, song_lacks, sound_of
from visualiser.takes.read import Take
from visualiser.takes.replay import Replay
from visualiser.times import spoken
from visualiser.types import UserError

UNEVEN_S = 0.1  # that nobody hears
CHANGES = "--audio, --seconds, --driver, --model, --mode, --look, --output-only, --alpha"


@dataclass(frozen=True)
class Wish:
    """Which part of a take, and how it is to be heard and seen. song: instead of the one that was
    heard; seconds: None is up to its end; instead: values of controls, whatever they were."""

    song: Path | None = None
    start_s: float = 0.0
    seconds: float | None = None
    instead: Mapping[str, Value] = field(default_factory=dict)


class Replayed:
    """Raises UserError where a model is gone or has changed, and no other was asked for."""

    def __init__(self, take: Take, wish: Wish, fps: float, declared: list[Control]) -> None:
        if lines := missing(take, wish.instead):
            raise UserError("\n".join(f"{take.path}: {line}" for line in lines))
        self._start_s, self._fps = wish.start_s, fps
        self._end_s = take.seconds
        if wish.seconds is not None:  # as many pictures as any other film of that length
            shown_s = (max(round(wish.seconds * fps), 1) - 1) / fps
            self._end_s = min(wish.start_s + shown_s, take.seconds)
        if self._end_s < wish.start_s:
            raise UserError(
                f"{take.path}: it is {take.seconds:.1f} s long; allowed is a part of it"
            )
        self.frames = int((self._end_s - wish.start_s) * fps + 1e-6) + 1
        self._replay = Replay(take, declared, wish.instead, checkpoint.MODELS)
        self.controls = self._replay.controls
        path = wish.song or sound_of(take)
        is_beside = path == flac_of(take.path)
        place = self._at if is_beside or wish.song else self._sung
        loop = take.head.loops and not (is_beside or wish.song)  # as it was played
        self.soundtrack = Soundtrack(path, loop, place) if path else None
        self._wish, self._take = wish, take

    @cached_property
    def notices(self) -> list[str]:
        """A line where the song that was heard is gone, or another; or that was asked for is not as
        long as the film: all of it is decoded to know. UserError as for any song."""
        if self._wish.song:
            return _uneven(self._wish, self._end_s)
        return [
            f"{self._take.path}: {line}" for line in song_lacks(self._take.path, self._take.head)
        ]

    def _at(self, t: float) -> float:
        return t + self._start_s

    def _sung(self, t: float) -> float | None:
        return self._replay.song_at(t + self._start_s)

    def moments(self) -> Iterator[Moment]:
        return self._replay.moments(self._fps, self._start_s, self._end_s)

    def close(self) -> None:
        self._replay.close()
        if self.soundtrack is not None:
            self.soundtrack.close()


def _uneven(wish: Wish, end_s: float) -> list[str]:
    """A line where the song that was wished for ends before the film does, at end_s of its take, or
    after, if the film was not to be shorter."""
    assert wish.song is not None
    song_s = audio_duration_s(wish.song)
    lengths = f"{wish.song}: it is {spoken(song_s)} long, and the take is shown to {spoken(end_s)}"
    if song_s < end_s - UNEVEN_S:
        return [f"{lengths}: after its end it is silent"]
    if song_s > end_s + UNEVEN_S and wish.seconds is None:
        return [f"{lengths}: the rest is cut off"]
    return []
