"""A take, played again: the very same path, at any frame rate.

The show goes through the ticks that were, with what was heard, asked for and found on the disk
then, so its latents are those of the evening to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from visualiser.calm import has_panic
from visualiser.controls import Command, Control, Controls, Value
from visualiser.cue_files import Cue
from visualiser.decode import Inline
from visualiser.frame import Frame, Moment
from visualiser.nets import checkpoint
from visualiser.show import Decoder, Show
from visualiser.takes.events import Event, Head
from visualiser.takes.read import Part, Take
from visualiser.types import FloatArray, Tick
from visualiser.way import Step, Way


class Replay:
    """declared: all controls; instead: values that take the place of those in the take, by id,
    whatever is asked of them in it; folder: of the models.

    controls: as they are at the moment that was given last.
    """

    def __init__(
        self, take: Take, declared: list[Control], instead: Mapping[str, Value], folder: Path
    ) -> None:
        self._take = take
        self._instead = dict(instead)
        self._folder = folder
        self._models = next((c.choices for c in declared if c.id == "show.model"), ())
        self._declared = declared
        choices, values = self._start(take.head)
        self.controls = Controls(
            [replace(c, choices=choices) if c.id == "show.model" else c for c in declared], values
        )
        self._show = self._play(take.parts[0])

    def moments(self, fps: float, start_s: float = 0.0, stop_s: float | None = None
                ) -> Iterator[Moment]:  # fmt: skip
        """At an even rate, from start_s to stop_s of the take, or its end; and before those all
        that were, from the beginning of what was played in one go."""
        stop_s = self._take.seconds if stop_s is None else min(stop_s, self._take.seconds)
        parts, n, dt = self._take.parts, 0, 0.0
        first = parts[0].events[0].tick.t + parts[0].begin_s
        for begins, part in zip(self._take.begins, parts, strict=True):
            is_last = part is parts[-1]
            ends = stop_s + 1e-9 if is_last else min(begins + part.seconds, stop_s + 1e-9)
            if start_s + n / fps >= ends:
                continue  # what is over by start_s is not gone through
            self._begin(part)
            way, anew = Way(self._steps(part)), True
            began = begins - part.begin_s  # the time of its first tick
            if n == 0:
                n = -int((start_s - began) * fps + 1e-6)
            while (t := start_s + n / fps) < ends:
                frame, features = way.to(t - began)
                if part is not parts[0]:  # times go on from those of the part before
                    came = frame.tick.t - part.events[0].tick.t - part.begin_s
                    frame = replace(frame, tick=replace(frame.tick, t=first + begins + came))
                tick = Tick(n, n / fps, dt)
                yield Moment(tick, frame, features, anew or way.has_panicked)
                n, dt, anew = n + 1, 1 / fps, False

    def ticks(self) -> Iterator[Frame]:
        """What the show gave at its own ticks, as it did then."""
        for part in self._take.parts:
            self._begin(part)
            for event in part.events:
                yield self._go(event)

    def song_at(self, t: float) -> float | None:
        """Where the song is at t of the take, s, or None where there is none."""
        return self._take.song_at(t)

    def close(self) -> None:
        self._show.close()

    def _begin(self, part: Part) -> None:
        """Each part has a show of its own, with the same controls."""
        self._show.close()
        choices, values = self._start(part.head)
        self.controls.limit("show.model", choices)
        self.controls.begin(values)
        self._show = self._play(part)

    def _start(self, head: Head) -> tuple[tuple[str, ...], dict[str, Value]]:
        """Models to choose from, and values, as they were at its start."""
        values = head.settings(self._declared) | self._instead
        if "show.model" in values:
            values["show.model"] = _here(str(values["show.model"]), self._folder)
        choices = head.models or self._models
        wanted = str(values.get("show.model", ""))
        return (choices if wanted in choices or not wanted else (*choices, wanted)), values

    def _play(self, part: Part) -> Again:
        # Nothing is drawn here: only of frames that are shown it is worth while.
        decoder = Inline(lambda frame: frame)
        is_told = bool(part.head.models) and "show.model" not in self._instead
        return Again(self.controls, decoder, part.head.seed, self._folder, is_told)

    def _steps(self, part: Part) -> Iterator[Step]:
        """Of a part, their times counted from its first tick on."""
        began = part.events[0].tick.t
        for event in part.events:
            has_panicked = has_panic(event.commands)
            frame = self._go(event)
            yield Step(event.tick.t - began, frame, event.features, has_panicked)

    def _go(self, event: Event) -> Frame:
        asked = [command for command in event.commands if command[0] not in self._instead]
        if event.found is not None:
            cues = event.found.cues.items()
            found = {slot: cue and self._instead_of(cue) for slot, cue in cues}
            self._show.cues.take(replace(event.found, cues=found))
        return self._show.go(event, asked)

    def _instead_of(self, cue: Cue) -> Cue:
        values = {id: self._instead.get(id, value) for id, value in cue.controls.items()}
        model = str(self._instead.get("show.model", cue.model))
        return replace(cue, model=model, controls=values)


class Again(Show):
    """A show that is told what it found on the disk then. is_told: also which model plays."""

    def __init__(
        self, controls: Controls, decoder: Decoder, seed: int, folder: Path, is_told: bool
    ) -> None:
        super().__init__(controls, decoder, seed, folder)
        self._is_told = is_told
        self._event: Event | None = None

    def go(self, event: Event, commands: Iterable[Command]) -> Frame:
        """The tick of that event."""
        self._event = event
        commands = list(commands)
        for name in event.offered:
            self.controls.offer("show.model", name)
        if event.departed is not None and not any(id == "show.drop" for id, _ in commands):
            self.depart(event.departed)  # of what was drawn
        return self.update(event.tick, event.features, commands)

    def _start_from(self, path: Path) -> None:
        if self._event is not None and self._event.departed is not None:
            self._start_at(self._event.departed)  # else it could not be read then

    def depart(self, point: FloatArray) -> None:
        if len(point) == self.model.latents.n_directions:  # else it is another model, on demand
            super().depart(point)

    def _follow_controls(self, onward: Command | None) -> None:
        if self._is_told and self._event is not None:
            name = _here(self._event.plays or self._playing, self._folder)
            self.controls.offer("show.model", name)
            self.controls.apply(("show.model", name))
            onward = None
        super()._follow_controls(onward)


def _here(name: str, folder: Path) -> str:
    """A model that was given by its path, and has gone from there, by its name in the folder."""
    path = Path(name)
    if checkpoint.is_path(name) and not path.is_file() and (folder / path.name).is_file():
        return path.stem
    return name
