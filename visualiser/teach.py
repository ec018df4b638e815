"""Teach it on stage: drawings that are kept, and a model that learns them beside the show."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from visualiser import pictures
from visualiser.controls import Command, Control, Controls, Value, action
from visualiser.data.taught import SIZE, Example
from visualiser.lesson import ROOT, Lesson, Progress
from visualiser.nets import checkpoint, shape
from visualiser.nets.checkpoint import Checkpoint
from visualiser.types import Features, FloatArray, Tick, UserError
from visualiser.undo import History

MOST = 8  # examples that are kept
FIRST = "shapes"  # the model to begin with where the one that plays cannot be taught
PATIENCE_S = 2.0  # how long a beat is waited for
LINGER_S = 4.0  # how long it is told that it has learned

_NOTHING = "there is no shape to {}: draw one on the input pane (G), or drop a picture"


def declare() -> tuple[Control, ...]:
    return (
        action("teach.keep", "keep the drawing, or not", "'"),
        action("teach.start", "teach what is kept, and stop", "j"),
        action("teach.forget", "forget the kept examples"),
        action("teach.undo", "what was forgotten, again"),
    )


Stage = Literal["", "learning", "waiting", "learned"]  # waiting: for the beat


@dataclass(frozen=True)
class Class:
    """What is seen of it. kept: the examples; learning: how many are being learned, or were last;
    progress: of that; left_s: until it is over; stage: how far it is, and "" where there is nothing
    to tell; learned: the name of the model that it has become."""

    kept: tuple[Example, ...] = ()
    learning: int = 0
    progress: Progress = field(default_factory=Progress)
    left_s: float = 0.0
    stage: Stage = ""
    learned: str = ""


class Teacher:
    """An input of the show: when a model has learned, it asks for it, on the beat.

    folder: of the models; options: of train.teach.Pupil, by name; history: told of what is lost.
    Nothing of it waits but close().
    """

    def __init__(
        self,
        controls: Controls,
        folder: Path = checkpoint.MODELS,
        options: Mapping[str, Any] = {},
        history: History | None = None,
    ) -> None:
        self._history = history or History()
        self._controls, self._folder, self._options = controls, folder, options
        self._kept: list[Example] = []
        self._forgotten: deque[list[Example]] = deque(maxlen=MOST)
        self._dropped: list[Path] = []  # the last pictures that were, newer than the drawing
        self._last: tuple[FloatArray, Example] | None = None  # a drawing that is kept as it is now
        self._reading: list[Future[list[Example]]] = []
        self._starts = False  # as soon as what was dropped is read
        self._reader = ThreadPoolExecutor(1, "teach")
        self._lesson: Lesson | None = None
        self._over: list[Lesson] = []  # cancelled ones that have not ended yet
        self._progress = Progress()
        self._learning = self._said = 0
        self._ends = self._began = 0.0
        self._ready: tuple[str, float, float] | None = None  # a model; when, and at which beat
        self._learned = ""
        self._learned_t = -math.inf
        self._commands: list[Command] = []
        self._notices: list[str] = []

    # --- what every input has

    def commands(self) -> Iterator[Command]:
        asked, self._commands = self._commands, []
        yield from asked

    def tell(self, values: Mapping[str, Value]) -> None:
        """As every input; nothing here follows them."""

    def notices(self) -> list[str]:
        lines, self._notices = self._notices, []
        return lines

    def close(self) -> None:
        """End what is being trained, and wait for its process and threads."""
        for lesson in [*self._over, *([self._lesson] if self._lesson else [])]:
            lesson.close()
        self._reader.shutdown(cancel_futures=True)

    # --- once a tick

    def attend(
        self,
        tick: Tick,
        features: Features,
        commands: Iterable[Command],
        drawing: FloatArray,
        model: Checkpoint,
    ) -> None:
        """Carry out those commands that are about teaching, and follow what is being learned.

        drawing: (SIZE, SIZE), as it is after the commands; model: that plays.
        """
        for id, value in commands:
            if id == "draw.line" or (id == "draw.pen" and value):
                self._dropped.clear()
            elif id == "show.drop":
                self._dropped = [*self._dropped, Path(str(value))][-MOST:]
            elif id == "teach.keep":
                self._keep(drawing)
            elif id == "teach.start":
                self._toggle(tick, drawing, model)
            elif id == "teach.forget":
                self._forget()
            elif id == "teach.undo":
                self._remember()
        self._follow_reading(tick, model)
        self._follow_lesson(tick, features)
        self._follow_beat(tick, features)

    def seen(self, tick: Tick) -> Class:
        """What there is to show now."""
        stage: Stage = ""
        if self._lesson is not None:
            stage, self._progress = "learning", self._lesson.progress
        elif self._ready is not None:
            stage = "waiting"
        elif tick.t - self._learned_t < LINGER_S:
            stage = "learned"
        left_s = max(self._ends - tick.t, 0.0)
        return Class(
            tuple(self._kept), self._learning, self._progress, left_s, stage, self._learned
        )

    # --- examples

    def _keep(self, drawing: FloatArray) -> None:
        if self._dropped:
            self._read_dropped()
        elif self._last is not None and self._last[0] is drawing and self._last[1] in self._kept:
            self._kept.remove(self._last[1])
            self._last = None
            self._notices.append(f"not kept after all; {_count(len(self._kept))}")
        elif drawing.any():
            self._add(Example(drawing, True))
            self._last = drawing, self._kept[-1]
        else:
            self._notices.append(_NOTHING.format("keep"))

    def _add(self, *examples: Example) -> None:
        room = MOST - len(self._kept)
        self._kept += examples[:room]
        line = f"kept; {_count(len(self._kept))}: J teaches them"
        if len(examples) > room:
            line = f"{MOST} examples are kept, and no more can be: J teaches them"
        self._notices.append(line)

    def _read_dropped(self) -> None:
        paths, self._dropped = self._dropped, []
        self._reading.append(self._reader.submit(lambda: [read(path) for path in paths]))

    def _follow_reading(self, tick: Tick, model: Checkpoint) -> None:
        while self._reading and self._reading[0].done():
            done = self._reading.pop(0)
            if error := done.exception():
                self._notices.append(str(error))
                self._starts = False
            else:
                self._add(*done.result())
        if self._starts and not self._reading:
            self._starts = False
            self._start(tick, model)

    def _forget(self) -> None:
        if not self._kept:
            self._notices.append("no example is kept")
            return
        self._notices.append(f"{_count(len(self._kept))} forgotten: U undoes it")
        self._forgotten.append(self._kept)
        self._kept = []
        self._history.keep("", ("teach.undo", True))

    def _remember(self) -> None:
        if not self._forgotten:
            self._notices.append("no example was forgotten")
        elif examples := self._forgotten.pop():  # none where they were forgotten meanwhile
            self._add(*examples)

    # --- learning

    def _toggle(self, tick: Tick, drawing: FloatArray, model: Checkpoint) -> None:
        if self._lesson is not None:
            self._lesson.cancel()
            self._over.append(self._lesson)
            self._lesson = None
            self._notices.append("teaching is stopped; the model stays as it was")
        elif self._starts:
            self._starts = False
        elif self._reading or self._dropped:
            if self._dropped:
                self._read_dropped()
            self._starts = True
        elif self._kept or drawing.any():
            if not self._kept:
                self._kept.append(Example(drawing, True))
                self._last = drawing, self._kept[-1]
            self._start(tick, model)
        else:
            self._notices.append(_NOTHING.format("learn"))

    def _start(self, tick: Tick, model: Checkpoint) -> None:
        name = str(self._controls["show.model"])
        name = name if can_be_taught(model) else FIRST
        try:
            base = checkpoint.find(name, self._folder)
        except UserError as error:
            self._notices.append(f"nothing to begin with: {error}")
            return
        self._lesson = Lesson(base, self._kept, self._folder, self._options)
        self._learning, self._said, self._began = len(self._kept), 0, tick.t
        self._ends = tick.t + self._lesson.progress.left_s
        self._ready = None

    def _follow_lesson(self, tick: Tick, features: Features) -> None:
        self._over = [lesson for lesson in self._over if not lesson.is_over]
        lesson = self._lesson
        if lesson is None:
            return
        if lesson.progress.said != self._said:
            self._said = lesson.progress.said
            self._ends = tick.t + lesson.progress.left_s
        if not lesson.is_over:
            return
        self._lesson = None
        if lesson.path is None:
            self._notices.append(f"nothing is learned: {lesson.error}")
            return
        name = lesson.path.stem
        self._controls.offer("show.model", name)
        self._ready = name, tick.t, math.floor(features.beats)
        # The model keeps them now; they come back where it is undone.
        self._forgotten.append(self._kept[: self._learning])
        self._kept = self._kept[self._learning :]
        where = lesson.path.relative_to(ROOT) if ROOT in lesson.path.parents else lesson.path
        took_s = tick.t - self._began
        self._notices.append(
            f"learned {_count(self._learning, 'shape')} in {took_s:.0f} s: {where}"
        )

    def _follow_beat(self, tick: Tick, features: Features) -> None:
        """On the next beat, if there is one; there is always one in PATIENCE_S, or no beat."""
        if self._ready is None:
            return
        name, since, beat = self._ready
        waits = features.has_beat and math.floor(features.beats) <= beat
        if waits and tick.t - since < PATIENCE_S:
            return
        self._ready = None
        self._learned, self._learned_t = name, tick.t
        before = str(self._controls["show.model"])
        words = f"{before} draws again, as before {name}"
        self._history.keep(words, ("show.model", before), ("teach.undo", True))
        self._commands.append(("show.model", name))


def can_be_taught(model: Checkpoint) -> bool:
    """Whether it is a shape model of ours; train.teach says more exactly why not."""
    is_shape = model.architecture.pictures == "distance" and model.architecture.variational
    return is_shape and model.card.data.get("source") in ("sketches", "taught")


def read(path: Path) -> Example:
    """A picture that was dropped, as it is taught. Raises UserError."""
    found = pictures.read(path, shape.architecture(SIZE), turn_light=True)
    return Example(np.ascontiguousarray(found, np.float32), False)


def _count(n: int, what: str = "example") -> str:
    return f"{n or 'no'} {what}{'' if n == 1 else 's'}"
