"""A film in segments, each of which can be drawn alone, anywhere and in any order.

The show is gone through once, from its start, without drawing anything. What it gives for a
segment, a few hundred moments, is all that the segment depends on, together with what has built up
before it: colours on their way, lanes, fades. The guard cannot be skipped to, for it goes by the
pixels, and by extremes that may be minutes old; so it begins anew with every segment, and sees some
seconds before that do not count. All that makes a segment what it is is in it; it comes out the
same whoever draws it, whenever, and how often that was broken off.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from operator import itemgetter
from pathlib import Path

import pygame

from visualiser.config import ROOT
from visualiser.controls import Controls, Value
from visualiser.film.drawing import Drawing
from visualiser.film.packing import Models, models_of, pack, unpack
from visualiser.film.performance import Performance
from visualiser.frame import Moment
from visualiser.look.sheet import Canvas
from visualiser.video.formats import FORMATS, Quality

SEGMENT_S = 10.0

Moments = tuple[list[dict[str, Value]], list[tuple[Moment, int]]]  # values, which of them each has


@dataclass(frozen=True)
class Form:
    """How a film is drawn and encoded. size: px; suffix: of its file; alpha: without its ground."""

    size: tuple[int, int]
    fps: float
    suffix: str
    quality: Quality
    alpha: bool = False

    @property
    def part(self) -> str:
        """The ending of its segments' files."""
        return FORMATS[self.suffix].part


@dataclass(frozen=True, eq=False)
class Segment:
    """index: of its first frame in the film; frames: how many it has; content: what its moments
    are drawn on top of, and those, both packed; program: that packed them; moments: the same as
    they were, as long as it stays in the process that cut it."""

    index: int
    frames: int
    form: Form
    content: tuple[bytes, bytes]
    models: Models
    program: str
    moments: Moments | None = None

    @property
    def name(self) -> str:
        """Another one as soon as anything about its pictures is."""
        found = hashlib.sha256(b"".join(self.content))
        for part in (self.program, repr(self.form), *sorted(self.models)):
            found.update(part.encode())
        return f"{self.index:08}-{found.hexdigest()[:24]}{self.form.part}"

    def to_send(self) -> Segment:
        """It without what goes elsewhere, or nowhere: the models, and what is packed in it, too."""
        return replace(self, models={}, moments=None)


def cut(
    performance: Performance, form: Form, segment_s: float = SEGMENT_S
) -> Generator[Segment, None, None]:
    """The segments of a film, in order. Moments before its beginning are drawn, and not shown."""
    length = max(round(segment_s * form.fps), 1)
    controls = performance.controls
    scout = Drawing(controls, form.size, form.alpha)
    seen = [each.id for each in controls if each.kind != "live" and each.id in controls.values]
    values_of = itemgetter(*seen)
    now: tuple[Value, ...] = ()
    values: dict[str, Value] = {}
    before: Moment | None = None
    open_: deque[_Open] = deque()  # one is drawn, and the next is looked ahead for
    start, index = 0, -1
    for moment in performance.moments():
        index = round(moment.tick.t * form.fps) if moment.is_before else index + 1
        if index >= performance.frames:
            break
        given = values_of(controls.values)
        if given != now:
            now, values = given, dict(zip(seen, given, strict=True))
        while start < performance.frames and start - index <= scout.memory_s * form.fps:
            models = models_of([before.frame.model] if before else [])
            state = pack(scout.state, models)
            open_.append(_Open(start, min(start + length, performance.frames), state, models))
            start += length
        scout.skip(moment)
        before = moment
        for each in open_:
            each.add(moment, values)
        if open_ and index + 1 == open_[0].stop:
            yield open_.popleft().closed(form)
    if open_ and open_[0].start <= index:  # there were fewer than was said
        yield open_.popleft().closed(form, index + 1)


class _Open:
    """A segment whose moments are being collected. stop: the index behind its last frame."""

    def __init__(self, start: int, stop: int, state: bytes, models: Models) -> None:
        self.start, self.stop = start, stop
        self._state, self._models = state, models
        self._values: list[dict[str, Value]] = []
        self._moments: list[tuple[Moment, int]] = []

    def add(self, moment: Moment, values: dict[str, Value]) -> None:
        if not self._values or self._values[-1] is not values:
            self._values.append(values)
        self._moments.append((moment, len(self._values) - 1))
        if moment.frame.model not in self._models.values():
            self._models |= models_of([moment.frame.model])

    def closed(self, form: Form, stop: int | None = None) -> Segment:
        moments = self._values, self._moments
        content = self._state, pack(moments, self._models)
        frames = (stop or self.stop) - self.start
        return Segment(self.start, frames, form, content, self._models, program(), moments)


def drawn(segment: Segment, canvases: int = 1) -> Generator[pygame.Surface, None, None]:
    """A segment's pictures, frame by frame. canvases: of as many each stays as it is while the
    others are drawn on."""
    for drawing, moment, _, is_shown in _moments(segment, canvases):
        seen = drawing.draw(moment)
        if is_shown:
            yield seen


@dataclass(frozen=True)
class Laid:
    """A picture as `Drawing.lay` has it. values: of the controls; is_shown: whether it is one of
    the segment's own, and not one that the guard only sees before those."""

    canvas: Canvas
    t: float
    values: Mapping[str, Value]
    is_shown: bool


def laid_out(segment: Segment, canvases: int) -> Generator[Laid, None, None]:
    """The same before anything is painted, where that can be, and before the guard."""
    for drawing, moment, values, is_shown in _moments(segment, canvases):
        yield Laid(drawing.lay(moment), moment.tick.t, values, is_shown)


def _moments(
    segment: Segment, canvases: int
) -> Generator[tuple[Drawing, Moment, Mapping[str, Value], bool], None, None]:
    given = Given()
    state, packed = segment.content
    values, moments = segment.moments or unpack(packed, segment.models, given)
    drawing = None
    for n, (moment, which) in enumerate(moments):
        given.take(values[which])
        if drawing is None:
            before = unpack(state, segment.models, given)
            drawing = Drawing(given, segment.form.size, state=before, canvases=canvases)
        yield drawing, moment, values[which], n >= len(moments) - segment.frames


class Given(Controls):
    """Controls that have the values they are given, and that nobody can change."""

    def __init__(self) -> None:
        super().__init__(())
        self._given: Mapping[str, Value] = {}

    def take(self, values: Mapping[str, Value]) -> None:
        if values is self._given:
            return
        self._given, self._values, self._sections = values, dict(values), {}
        for id, value in values.items():
            section, _, name = id.partition(".")
            self._sections.setdefault(section, {})[name] = value


@cache
def program() -> str:
    """The same for all that draw the same: a digest of what this program is made of."""
    found = hashlib.sha256()
    package = Path(__file__).resolve().parents[1]
    for path in sorted((*package.rglob("*.py"), *(ROOT / "assets" / "palettes").glob("*.hex"))):
        found.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    for name in ("numpy", "av", "pygame-ce", "numba"):
        with suppress(PackageNotFoundError):
            found.update(f"{name} {version(name)}\n".encode())
    return found.hexdigest()
