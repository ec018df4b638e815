"""The eye: crisp edges at every size, looks on every kind of picture, changes without a cut."""

from __future__ import annotations

import importlib
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import hear
from hypothesis import given, settings
from hypothesis import strategies as st
from stage import Stage, picture, shape

from visualiser.data.shapes import KINDS
from visualiser.discover import discover
from visualiser.look.field import field_of, true_distances
from visualiser.look.looks import looks
from visualiser.look.looks.base import Look
from visualiser.look.oklab import to_linear
from visualiser.look.palette import palettes
from visualiser.types import UserError

LOOKS = tuple(looks())
SOLID = {"look__look": "fill", "look__palette": "silver"}
PICTURES = ("distance", "grey", "colour")


def covered(canvas: np.ndarray) -> np.ndarray:
    """(H, W) 0..1 how much of each pixel the shape covers, where fill draws it in silver."""
    light = to_linear(canvas[..., 1] / 255)
    ends = palettes()["silver"](np.array([0.0, 1.0], np.float32))[:, 1]
    return (light - ends[0]) / (ends[1] - ends[0])


def rasterised(name: str, side: int, stroke: float = 0.0, turn: float = 0.0) -> np.ndarray:
    """The same from the true shape."""
    return np.clip(0.5 - shape(name, side, 0.3, stroke, turn) * side, 0, 1)


def greys(cover: np.ndarray) -> int:
    return int(((cover > 0.1) & (cover < 0.9)).sum())


# --- crisp


def large(name: str) -> Any:
    """2160 lines take their time: two kinds are enough where all the smaller ones are tried."""
    return pytest.param(name, 2160, marks=() if name in ("circle", "star") else pytest.mark.soak)


@pytest.mark.parametrize(
    ("name", "side"), [*product(KINDS, (540, 1080)), *(large(name) for name in KINDS)]
)
def test_edges_are_as_crisp_as_the_screen_at_every_size(name: str, side: int) -> None:
    turn = 0.2  # along a diagonal it is a matter of luck how many pixels an edge meets
    drawn = covered(Stage((side, side), **SOLID).draw(shape(name, turn=turn)))
    true = rasterised(name, side, turn=turn)
    assert greys(drawn) <= 1.2 * greys(true)
    assert np.abs(drawn - true).mean() < 0.002, "and the shape is that shape"
    if name in ("circle", "square"):
        row = drawn[side // 2, : side // 2]
        rises = np.interp([0.1, 0.9], np.maximum.accumulate(row), np.arange(len(row)))
        assert rises[1] - rises[0] <= 2, "px from a tenth to nine tenths"


@pytest.mark.parametrize("steepness", [0.3, 0.6, 1.0, 1.8, 2.5])
def test_an_edge_is_crisp_too_where_distances_rise_too_slowly_or_too_fast(steepness: float) -> None:
    """As they do in the middle of a morph."""
    drawn = covered(Stage((1080, 1080), **SOLID).draw(shape("circle") * np.float32(steepness)))
    assert 0.8 < greys(drawn) / greys(rasterised("circle", 1080)) < 1.2


def test_thin_strokes_stay_whole_and_as_wide_as_they_are() -> None:
    drawn = covered(Stage((1080, 1080), **SOLID).draw(shape("square", stroke=0.06)))
    true = rasterised("square", 1080, stroke=0.06)
    assert drawn.sum() == pytest.approx(true.sum(), rel=0.03)
    assert greys(drawn) <= 1.2 * greys(true)


@pytest.mark.parametrize("name", KINDS)
def test_true_distances_are_left_alone(name: str) -> None:
    distance = shape(name)
    mended = true_distances(distance, (1 / 64, 1 / 64))
    assert (np.sign(mended) == np.sign(distance)).all()
    assert np.abs(mended - distance).mean() < 0.001
    assert np.abs(mended - distance)[np.abs(distance) > 0.1].max() < 1e-4


def test_greys_of_a_pixel_network_are_crisp_too() -> None:
    drawn = covered(Stage((1080, 1080), "grey", **SOLID).draw(picture("grey", "circle", 56)))
    assert greys(drawn) <= 2.5 * greys(rasterised("circle", 1080))
    assert np.abs(drawn - rasterised("circle", 1080)).mean() < 0.01


def test_dark_glows_have_no_steps_that_8_bits_would_show() -> None:
    canvas = Stage((1000, 1000), look__look="neon").draw(shape("circle", radius=0.1))
    row = canvas[20:22, 500:].mean(axis=(0, 2))
    assert len(np.unique(row)) > 1.5 * len(np.unique(canvas[20, 500:].max(axis=1)))


# --- beside the square


def test_distances_go_on_beyond_the_square() -> None:
    field = field_of(shape("star", 64), "distance", 16 / 9)
    assert field.size[0] >= 16 / 9 and field.size[1] >= 1
    wide = shape("star", 192, 0.3 / 3) * 3  # the same shape in a picture three times as wide
    h, w = field.values.shape
    top, left = 96 - h // 2, 96 - w // 2
    np.testing.assert_allclose(field.values, wide[top : top + h, left : left + w], atol=0.005)


@settings(max_examples=40, deadline=None)
@given(
    aspect=st.floats(0.2, 5),
    h=st.integers(1, 40),
    w=st.integers(1, 40),
    kind=st.sampled_from(PICTURES),
    scale=st.sampled_from([0.0, 1.0, 1e6, np.nan]),
)
def test_any_picture_becomes_a_field(
    aspect: float, h: int, w: int, kind: str, scale: float
) -> None:
    shaped = (h, w, 3) if kind == "colour" else (h, w)
    image = (np.random.default_rng(1).standard_normal(shaped) * scale).astype(np.float32)
    field = field_of(image, kind, aspect)
    assert np.isfinite(field.values).all() and field.values.dtype == np.float32
    if kind != "colour":
        assert field.size[0] >= min(max(aspect, 1), 1) and field.size[1] >= 1


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280)])
def test_the_output_alone_fills_the_canvas_with_its_ground(size: tuple[int, int]) -> None:
    ground = palettes()["gallery"].srgb(2)[0]
    for kind in ("distance", "grey"):
        canvas = Stage(size, kind, look__look="fill", look__palette="gallery").draw(picture(kind))
        assert (canvas[[0, 0, -1, -1], [0, -1, 0, -1]] == ground).all()
    glow = Stage(size, look__look="contour").draw(picture("distance"))
    strip = glow[:, :200] if size[0] > size[1] else glow[:200]
    assert len(np.unique(strip.reshape(-1, 3), axis=0)) > 30, "lines go on to the edge"


# --- looks


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize("look", LOOKS)
def test_every_look_draws_every_kind_of_picture(look: str, kind: str, smooth: bool) -> None:
    stage = Stage((160, 90), kind, look__look=look, look__smooth=smooth)
    canvas = stage.draw(picture(kind))
    assert canvas[20:70, 45:115].std() > 8, "there is something to see"
    assert not np.array_equal(canvas, stage.draw(picture(kind, "circle")))


@settings(max_examples=40, deadline=None)
@given(
    look=st.sampled_from(LOOKS),
    data=st.data(),
    pixel=st.floats(1e-4, 0.1),
    far=st.floats(0.01, 3),
)
def test_a_look_gives_every_depth_a_colour(
    look: str, data: st.DataObject, pixel: float, far: float
) -> None:
    made = looks()[look]()
    value = {
        c.name: data.draw(st.floats(c.lo, c.hi), c.id) for c in made.controls if c.kind == "number"
    }
    made.advance(data.draw(st.floats(0, 10), "dt"), value)
    depth = np.linspace(-far, far / 2, 300, dtype=np.float32)
    colours = made.colours(depth, np.full(300, pixel, np.float32), palettes()["ember"], value)
    assert colours.shape == (300, 3) and np.isfinite(colours).all()
    assert colours.min() >= -1e-5 and colours.max() <= 1 + 1e-5


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_goes_by_the_time_and_not_by_the_frames(look: str) -> None:
    ends, image = [], picture("distance")
    for fps in (30, 120):
        stage = Stage((120, 120), look__look=look)
        for _ in range(fps):
            stage.draw(image, 1 / fps)
        ends.append(stage.seen().astype(int))
    assert np.abs(ends[0] - ends[1]).max() <= 3


def test_while_the_show_is_paused_nothing_moves_but_fades_go_on() -> None:
    stage = Stage((120, 120), look__look="contour", contour__drift=3.0)
    still = [stage.draw(picture("distance"), dt) for dt in (0.0, 0.1, 0.0)]
    assert not np.array_equal(still[0], still[1])
    assert np.array_equal(still[1], still[2])


# --- changes


def steps(pictures: list[np.ndarray]) -> np.ndarray:
    """How far each is from the one before, at the pixel that changes most."""
    return np.abs(np.diff(np.array(pictures).astype(int), axis=0)).max(axis=(1, 2, 3))


@pytest.mark.parametrize(
    ("id", "value"),
    [("look.look", "neon"), ("look.palette", "gallery"), ("mirror.on", True), ("trails.on", True)],
)
@pytest.mark.parametrize("kind", ["distance", "grey"])
def test_what_is_switched_fades_without_a_cut(id: str, value: object, kind: str) -> None:
    stage = Stage((96, 96), kind, look__look="gradient", look__fade=0.5)
    image = picture(kind, "circle") if kind == "grey" else shape("circle") * np.float32(0.3)
    stage.draw(image)
    stage.set(id, value)
    pictures = [stage.draw(image, 1 / 240) for _ in range(130)]
    moved = steps(pictures)
    assert moved.max() < 60, "no cut"
    if id != "trails.on":  # for the past has to come into being first
        assert moved[122:].max() <= 2, "and then it is there"
        assert np.abs(pictures[-1].astype(int) - pictures[0]).max() > 60


def test_a_fade_that_is_interrupted_goes_on_from_what_is_seen() -> None:
    stage = Stage((96, 96), look__look="gradient", look__fade=1.0)
    image, dice = picture("distance"), np.random.default_rng(3)
    pictures = [stage.draw(image)]
    for i in range(200):
        if i % 23 == 0:
            stage.set("look.look", str(dice.choice(["fill", "neon", "gradient", "duotone"])))
            stage.set("look.palette", str(dice.choice(["ember", "gallery", "acid"])))
        pictures.append(stage.draw(image, 1 / 240))
    assert steps(pictures).max() < 16


def test_without_a_fade_it_is_a_cut() -> None:
    stage = Stage((96, 96), look__look="fill", look__fade=0.0)
    stage.draw(picture("distance"))
    stage.set("look.look", "neon")
    fresh = Stage((96, 96), look__look="neon").draw(picture("distance"))
    np.testing.assert_array_equal(stage.draw(picture("distance"), 1 / 60), fresh)


@pytest.mark.parametrize("kind", PICTURES)
def test_brightness_is_of_the_light_and_sound_may_make_it(kind: str) -> None:
    def light(rms: float = 0.0, **values: float) -> float:
        stage = Stage((96, 96), kind, look__look="duotone", **values)
        return float(to_linear(stage.draw(picture(kind), features=hear(rms)) / 255).mean())

    whole = light()
    assert light(look__brightness=0.5) == pytest.approx(whole / 2, rel=0.03)
    assert light(look__brightness=0.0) < 0.001
    assert light(look__brightness_from_sound=1.0) < 0.001
    assert light(1.0, look__brightness_from_sound=1.0) == pytest.approx(whole, rel=0.01)
    assert light(0.5, look__brightness_from_sound=0.5) == pytest.approx(0.75 * whole, rel=0.03)


def test_colours_drift_and_follow_loudness_and_the_ground_stays() -> None:
    def corner_and_middle(dt: float, rms: float, **values: float) -> tuple[np.ndarray, np.ndarray]:
        stage = Stage((96, 96), look__look="fill", fill__tone=0.6, **values)
        stage.draw(picture("distance"), features=hear(rms))
        canvas = stage.draw(picture("distance"), dt, hear(rms))
        return canvas[0, 0].astype(int), canvas[48, 48].astype(int)

    ground, colour = corner_and_middle(0.0, 0.0)
    for dt, rms, values in (
        (1.0, 0.0, {"look__drift": 0.2}),
        (0.0, 1.0, {"look__palette_from_sound": 0.3}),
    ):
        moved = corner_and_middle(dt, rms, **values)
        assert np.array_equal(moved[0], ground)
        assert np.abs(moved[1] - colour).max() > 30


def test_a_picture_is_the_same_whatever_was_drawn_before_it() -> None:
    """Colours are kept from frame to frame: those of other pictures, of another look before."""
    shapes = [shape(name, radius=radius) for name in ("star", "ring") for radius in (0.1, 0.45)]
    for values in ({}, {"look__look": "neon"}):
        stage = Stage((120, 90), look__fade=0.0, **values)
        for image in shapes * 2:
            fresh = Stage((120, 90), look__fade=0.0, **values)
            assert (stage.draw(image, 1 / 60) == fresh.draw(image, 1 / 60)).all()
    stage.set("look.look", "relief")
    stage.set("relief.step", 0.1)
    fresh = Stage((120, 90), look__fade=0.0, relief__step=0.1)
    assert (stage.draw(shapes[0], 1 / 60) == fresh.draw(shapes[0], 1 / 60)).all()


def test_the_same_frames_give_the_same_pictures() -> None:
    def play() -> list[np.ndarray]:
        on = {f"{name}.on": True for name in ("trails", "mirror", "kaleidoscope")}
        stage = Stage((160, 90), **{key.replace(".", "__"): v for key, v in on.items()})
        images = [shape("star", radius=0.2 + 0.1 * np.sin(i / 5)) for i in range(30)]
        return [stage.draw(image, 1 / 60) for image in images]

    np.testing.assert_array_equal(play(), play())


# --- found by themselves

LOOK = """
from visualiser.look.looks.base import Look
class {name}(Look):
    name, blurb = {called!r}, "mine"
    def colours(self, depth, pixel, palette, value):
        return palette(depth)
class {name}Unfinished(Look):
    name = "none"
"""


def test_a_file_is_all_it_takes_to_add_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "somelooks"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "mine.py").write_text(LOOK.format(name="Mine", called="mine"))
    monkeypatch.syspath_prepend(tmp_path)

    def found() -> list[str]:
        return [look.name for look in discover("somelooks", Look, "look", ("name", "blurb"))]

    assert found() == ["mine"]
    (package / "other.py").write_text(LOOK.format(name="Other", called="mine"))
    with pytest.raises(UserError, match="two looks have the same name"):
        found()
    (package / "other.py").write_text(LOOK.format(name="Other", called="x").replace("blurb", "b"))
    importlib.reload(importlib.import_module("somelooks.other"))
    with pytest.raises(UserError, match="Other has no blurb"):
        found()


@pytest.mark.parametrize("kind", PICTURES)
def test_a_canvas_is_free_again_as_soon_as_it_is_drawn(kind: str) -> None:
    """The threads that draw must have let go of it: a locked one can neither be shown nor saved."""
    stage = Stage((160, 90), kind)
    image = picture(kind, size=16)
    for _ in range(300):
        stage.draw(image)
        assert not stage.canvas.get_locked()
