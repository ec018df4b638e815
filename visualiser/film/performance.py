"""What a film is of: a show that plays now, or a take of one that did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from visualiser.audio.file import DEMO, AudioFile
from visualiser.audio.source import Silence, Source
from visualiser.clock import FixedClock
from visualiser.config import Settings
from visualiser.controls import Controls
from visualiser.cues import Cues
from visualiser.decode import Inline
from visualiser.film.soundtrack import Soundtrack
from visualiser.frame import Moment
from visualiser.listener import Listener
from visualiser.run import CUES, declared_controls
from visualiser.show import Show


class Performance(Protocol):
    """The same moments every time, at an even rate.

    controls: as they are at the moment that was given last; frames: how many moments there are;
    soundtrack: what is heard with it, if anything.
    """

    controls: Controls
    frames: int
    soundtrack: Soundtrack | None

    def moments(self) -> Iterator[Moment]: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Order:
    """A film that is wanted. size: px; fps: frames a second; song: what is heard; seconds: how
    long."""

    settings: Settings
    size: tuple[int, int]
    fps: float
    seconds: float
    song: Path | None = None


class Played:
    """A show that plays with another clock and source than live."""

    def __init__(self, order: Order) -> None:
        settings, song = order.settings, order.song
        self._clock = FixedClock(order.fps, order.seconds)
        self.frames = self._clock.frames
        self.controls = Controls(declared_controls(settings.model), settings.controls)
        cues = Cues(self.controls, CUES, waits=True)
        # Nothing is drawn here: only of frames that are shown it is worth while.
        self._show = Show(self.controls, Inline(lambda frame: frame), settings.show.seed, cues=cues)
        source: Source = Silence()
        if song:
            source = AudioFile(song)
        elif self.controls["show.driver"] == "audio":
            source = AudioFile(DEMO, loop=True)
        self.soundtrack = Soundtrack(song) if song else None
        self._source = source
        self._listener = Listener(source, settings.sound, self.controls)

    def moments(self) -> Iterator[Moment]:
        for tick in self._clock.ticks():
            features = self._listener.listen(tick)
            yield Moment(tick, self._show.update(tick, features), features)

    def close(self) -> None:
        self._show.close()
        self._source.close()
        if self.soundtrack is not None:
            self.soundtrack.close()
