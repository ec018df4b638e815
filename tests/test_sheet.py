"""What is painted in strips, and converted there, is what a canvas would have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pygame
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_segments import FORM, SCRIPTS, Scripted

from visualiser.controls import Command
from visualiser.film import frames
from visualiser.film.segments import cut, laid_out
from visualiser.look import sheet
from visualiser.look.lanes import Lines
from visualiser.look.lanes import Places as Lanes
from visualiser.look.paint import Table, fill, paint, paint_colours
from visualiser.look.sheet import (
    NO_PLANES,
    Canvas,
    Grounds,
    Places,
    Sheet,
    painted,
    strip_for,
)
from visualiser.surfaces import pixels
from visualiser.video.formats import FORMATS
from visualiser.video.picture import blank, picture_of, view_of
from visualiser.video.writer import VideoWriter

pytestmark = pytest.mark.usefixtures("loaded_loops")


def drawing(seed: int) -> Callable[[Canvas], None]:
    """Something that has all that a sheet can have, on a canvas of any size."""

    def draw(canvas: Canvas) -> None:
        rng = np.random.default_rng(seed)
        whole = canvas.get_rect()
        fill(canvas, (3, 50, 200), [whole])
        for _ in range(3):
            box = whole.inflate(*(-rng.integers(0, np.array(whole.size)))).move(
                rng.integers(-9, 9, 2)
            )
            fill(canvas, tuple(rng.integers(0, 256, 3).tolist()), [box])
        at = Lanes(whole.inflate(-2, -2), 3)
        xs, ys = np.linspace(at.left, at.head, 20, dtype=np.float32), rng.normal(size=(3, 20))
        lines = Lines(canvas, at, rng.integers(0, 256, (3, 3), np.uint8))
        heights = at.heights(ys.astype(np.float32))
        lines.draw_now(xs, heights, lines.draw_past(xs, heights))
        steps = np.linspace(0, 1, 257, dtype=np.float32)
        for _ in range(rng.integers(0, 3)):
            box = pygame.Rect(*rng.integers(0, 5, 2), *(rng.integers(5, np.array(whole.size) - 5)))
            values = rng.uniform(-1, 1, rng.integers(2, 30, 2)).astype(np.float32)
            table = Table(1 / 64, -128, np.stack([steps, 1 - steps, steps**2], axis=1), 128)
            paint(canvas, box, values, values.shape[::-1], bool(rng.integers(2)), table)
        if rng.integers(2):
            box = pygame.Rect(*rng.integers(0, 5, 2), *(rng.integers(5, np.array(whole.size) - 5)))
            picture = rng.uniform(0, 1, (*rng.integers(2, 30, 2), 3)).astype(np.float32)
            paint_colours(canvas, box, picture, bool(rng.integers(2)))

    return draw


@settings(deadline=None, max_examples=60)
@given(
    st.integers(16, 90), st.integers(16, 90), st.sampled_from([64, 1000, 1 << 17]),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_strips_are_what_a_canvas_is(width: int, height: int, strip: int, seed: int) -> None:
    size, even = (width, height), (width // 2 * 2, height // 2 * 2)
    draw, rng = drawing(seed), np.random.default_rng(seed)
    canvas, other = pygame.Surface(size, 0, 32), pygame.Surface(size, 0, 32)
    draw(canvas)
    wanted = picture_of(view_of(canvas, even), "yuv420p").to_ndarray()
    rows, columns = rng.integers(0, height, 50), rng.integers(0, width, 50)
    laid = Sheet(other)
    draw(laid)
    assert not pixels(other).any(), "it was painted before anybody wanted it"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sheet, "STRIP", strip)
        memory = strip_for(size)
    picture, planes = blank(even)
    seen = laid.convert(memory, Places(rows, columns), even, planes)
    np.testing.assert_array_equal(picture.to_ndarray(), wanted)
    np.testing.assert_array_equal(seen, pixels(canvas)[rows, columns])
    grounds = Grounds(even)
    assert not len(grounds.under(laid, memory)[0]), "boxes are not known the first time"
    ground = grounds.under(laid, memory)
    assert len(ground[0]) == even[1] // 2
    picture, planes = blank(even)
    seen = laid.convert(memory, Places(rows, columns), even, planes, ground)
    np.testing.assert_array_equal(picture.to_ndarray(), wanted)
    np.testing.assert_array_equal(seen, pixels(canvas)[rows, columns])
    np.testing.assert_array_equal(
        laid.convert(memory, Places(rows, columns), even, NO_PLANES), seen
    )
    np.testing.assert_array_equal(pixels(painted(laid)), pixels(canvas))


STROBE: dict[int, list[Command]] = {i: [("stage.black", bool(i % 2))] for i in range(20, 50)}
FLASHES = {i: [("look.brightness", 2.0 * (i % 2))] for i in range(20, 50)}
FILMS = {
    **SCRIPTS,
    "strobe": (STROBE, {"look.look": "fill", "look.palette": "silver"}),
    "flashes": (FLASHES, {"look.look": "fill", "look.palette": "silver", "look.output_only": True}),
    "colours": ({30: [("look.brightness", 0.5)]}, {"show.model": "landscapes"}),
    "blocks": ({}, {"look.smooth": False}),
    "unguarded": ({}, {"stage.guard": False}),
}


@pytest.mark.parametrize("name", FILMS)
@pytest.mark.parametrize("size", [FORM.size, (60, 130)])
def test_a_film_is_the_same_by_strips_and_by_canvas(
    name: str, size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all that comes between: fades, a curtain, other kinds of pictures, the guard."""
    script, begin = FILMS[name]
    form = replace(FORM, size=size, fps=10.0)
    segments = list(cut(Scripted(55, script, begin, 10.0), form, 5.0))
    assert any(isinstance(each.canvas, Sheet) for each in laid_out(segments[0], 1))

    def film() -> np.ndarray:
        video = VideoWriter(tmp_path / "film.mp4", FORMATS[".mp4"], size, 10.0, form.quality)
        try:
            return np.array(
                [
                    picture.to_ndarray()
                    for segment in segments
                    for picture in frames.pictures(segment, video)
                ]
            )
        finally:
            video.close()

    by_strips = film()
    monkeypatch.setattr(frames, "are_ready", lambda: False)
    np.testing.assert_array_equal(by_strips, film())
    if name == "flashes":
        unguarded = Scripted(55, script, {**begin, "stage.guard": False}, 10.0)
        segments = list(cut(unguarded, form, 5.0))
        assert (film() != by_strips).any(), "the guard had nothing to do"
