"""A segment's pictures as an encoder takes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from visualiser.crew import help_with
from visualiser.film.ahead import ahead
from visualiser.film.segments import Given, Laid, Segment, drawn, laid_out
from visualiser.look.flash import FlashGuard, places
from visualiser.look.sheet import (
    NO_GROUND,
    NO_PLANES,
    Grounds,
    Sheet,
    are_ready,
    painted,
    strip_for,
)
from visualiser.loops.pixels import Words
from visualiser.video.picture import blank, view_of
from visualiser.video.writer import VideoWriter

if TYPE_CHECKING:
    import av

CANVASES = 3  # one is drawn on, one waits, one is converted
PAINTING = 3  # sheets that wait to be painted, or for the guard


def pictures(segment: Segment, video: VideoWriter) -> Generator[av.VideoFrame, None, None]:
    """While one is painted, or converted, the next is drawn."""
    if video.pixels == "yuv420p" and not segment.form.alpha and are_ready():
        yield from _Painter(segment, video).pictures()
        return
    with ahead(drawn(segment, CANVASES), CANVASES - 2) as canvases:
        for canvas in canvases:
            yield video.picture(view_of(canvas, video.size))


class _Painter:
    """Has sheets painted, right into pictures for the encoder. The guard sees what came out: where
    it changes one, which is seldom, that one is painted on its canvas and converted from there."""

    def __init__(self, segment: Segment, video: VideoWriter) -> None:
        self._segment, self._video = segment, video
        self._given = Given()
        self._guard = FlashGuard(self._given)
        self._places = places(segment.form.size)
        self._grounds = Grounds(video.size)
        self._strips: list[Words] = []  # that nobody paints on

    def pictures(self) -> Generator[av.VideoFrame, None, None]:
        waiting: deque[_Waiting] = deque()
        for laid in laid_out(self._segment, PAINTING + 1):
            waiting.append((laid, help_with(partial(self._paint, laid))))
            if len(waiting) > PAINTING:
                yield from self._seen(*self._first(waiting))
        while waiting:
            yield from self._seen(*self._first(waiting))

    def _first(self, waiting: deque[_Waiting]) -> _Waiting:
        """Take it out. Where that is to be waited for, this thread paints one that is not begun."""
        for n, (laid, painting) in enumerate(waiting):
            if waiting[0][1].done():
                break
            if painting.cancel():
                done: Future[_Painted] = Future()
                done.set_result(self._paint(laid))
                waiting[n] = laid, done
        return waiting.popleft()

    def _paint(self, laid: Laid) -> _Painted:
        """On any thread."""
        if not isinstance(laid.canvas, Sheet):
            return None, None
        picture, planes = blank(self._video.size) if laid.is_shown else (None, NO_PLANES)
        try:
            strip = self._strips.pop()
        except IndexError:
            strip = strip_for(self._segment.form.size)
        ground = self._grounds.under(laid.canvas, strip) if laid.is_shown else NO_GROUND
        seen = laid.canvas.convert(strip, self._places, self._video.size, planes, ground)
        self._strips.append(strip)
        return seen, picture

    def _seen(self, laid: Laid, painting: Future[_Painted]) -> Generator[av.VideoFrame, None, None]:
        seen, picture = painting.result()
        self._given.take(laid.values)
        self._guard.limit(laid.canvas, laid.t, seen)
        if not laid.is_shown:
            return
        if picture is None or self._guard.share < 1:
            picture = self._video.picture(view_of(painted(laid.canvas), self._video.size))
        yield picture


_Painted = tuple[Words | None, "av.VideoFrame | None"]  # at the guard's places; where it is a sheet
_Waiting = tuple[Laid, Future[_Painted]]
