"""The show: drivers, models and modes, changed while it plays."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from conftest import SHIPPED, draw_z, hear, make_model, picture_of, ticks
from hypothesis import given, settings
from hypothesis import strategies as st

from visualiser.controls import Command, Controls, Nudge, Value
from visualiser.decode import Inline, Network, Worker
from visualiser.drivers import drivers
from visualiser.drivers.base import Driver
from visualiser.frame import Frame
from visualiser.nets import checkpoint
from visualiser.show import Mover, Show, declare
from visualiser.types import Features, FloatArray, Tick, UserError


class Drawn:
    """A decoder that keeps what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[Frame] = []
        self.closed = False

    def submit(self, frame: Frame) -> None:
        self.asked.append(frame)

    def latest(self) -> Frame | None:
        return draw_z(self.asked[-1])

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def make_show(make_controls, models_folder: Path) -> Callable[..., Show]:
    def make(decoder: object = None, folder: Path = models_folder, **values: object) -> Show:
        return Show(make_controls(**values), decoder or Drawn(), 1, folder)

    return make


def play(show: Show, n: int, commands: dict[int, list[Command]] | None = None) -> list[Frame]:
    """n frames at 60 fps, with commands at some of them."""
    return [
        show.update(tick, hear(0.5, 0.2), (commands or {}).get(tick.index, ())) for tick in ticks(n)
    ]


def latents(frames: list[Frame]) -> np.ndarray:
    return np.array([frame.z for frame in frames])


# --- pause, step, speed


def test_a_frame_holds_what_made_it(make_show) -> None:
    show = make_show()
    for frame, tick in zip(play(show, 5), ticks(5), strict=True):
        assert frame.tick == tick and frame.model is show.model
        assert frame.z.shape == (3,) and frame.field is None
        np.testing.assert_array_equal(frame.image, picture_of(frame.z))


def test_before_the_first_picture_there_is_the_drivers_input(make_show) -> None:
    class Slow(Drawn):
        def latest(self) -> None:
            return None

    for mode in ("latent", "pixel"):
        frame = play(make_show(Slow(), show__mode=mode), 3)[-1]
        assert frame.image is None and frame.tick.index == 2
        assert (frame.z is None) == (mode == "pixel") == (frame.field is not None)


@pytest.mark.parametrize("mode", ["latent", "pixel"])
def test_pause_stands_still_and_goes_on_from_there(make_show, mode: str) -> None:
    quit_at, on_at = 30, 60
    pause: list[Command] = [("show.pause", Nudge(1))]
    show = make_show(show__mode=mode)
    frames = play(show, 90, {quit_at: pause, on_at: pause})
    paused, straight = latents(frames), latents(play(make_show(show__mode=mode), 61))
    assert (paused[29:60] == paused[29]).all()
    np.testing.assert_allclose(paused[60:], straight[30:60], atol=1e-4)
    assert not show.paused


def test_step_is_one_frame_further_while_paused(make_show) -> None:
    step: list[Command] = [("show.step", Nudge(1))]
    show = make_show()
    frames = latents(play(show, 20, {3: [("show.pause", Nudge(1))], 8: step, 12: step, 13: step}))
    moved = np.flatnonzero(np.abs(np.diff(frames, axis=0)).max(axis=1)) + 1
    np.testing.assert_array_equal(moved, [1, 2, 8, 12, 13])
    assert show.paused


def test_speed_sets_the_pace_of_every_driver_and_never_jumps(make_show) -> None:
    for driver in drivers():
        slow = latents(play(make_show(show__driver=driver, random__hold=0.2), 121))
        fast = latents(play(make_show(show__driver=driver, random__hold=0.2, show__speed=2.0), 61))
        np.testing.assert_allclose(slow[::2], fast, atol=1e-3)
    faster: list[Command] = [("show.speed", 20.0)]
    frames = latents(play(make_show(), 400, {399: faster}))
    ordinary = np.abs(np.diff(frames[:399], axis=0)).max()
    assert np.abs(frames[399] - frames[398]).max() < 21 * ordinary


def test_the_same_seed_is_the_same_show(make_show) -> None:
    commands: dict[int, list[Command]] = {
        20: [("show.driver", "random")], 40: [("show.model", "wide")], 60: [("show.mode", "pixel")],
    }  # fmt: skip
    one, again = (play(make_show(show__fade=0.4), 80, commands) for _ in range(2))
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a.z, b.z)
        np.testing.assert_array_equal(a.image, b.image)


# --- models


def test_the_next_model_is_played_from_the_frame_it_is_asked_for(make_show) -> None:
    show = make_show()
    frames = play(show, 10, {4: [("show.model", Nudge(1))], 8: [("show.model", "small")]})
    assert [f.model.name for f in frames] == ["small"] * 4 + ["wide"] * 4 + ["small"] * 2
    assert [len(f.z) for f in frames] == [3] * 4 + [5] * 4 + [3] * 2
    assert show.notices == []


@pytest.mark.parametrize("how", ["cut", "gone", "foreign", "nan"])
def test_a_model_that_has_gone_bad_leaves_the_show_playing(
    make_show, models_folder: Path, tmp_path: Path, how: str
) -> None:
    folder = tmp_path / "models"
    shutil.copytree(models_folder, folder)
    show = make_show(folder=folder)
    bad = folder / "wide.safetensors"
    if how == "cut":
        bad.write_bytes(bad.read_bytes()[:-10])
    elif how == "gone":
        bad.unlink()
    elif how == "foreign":
        bad.write_bytes(b"PK\x03\x04 and so on")
    else:
        bad.write_bytes(bad.read_bytes()[:-4] + np.float32(np.nan).tobytes())
    frames = play(show, 20, {5: [("show.model", "wide")], 10: [("show.model", Nudge(1))]})
    assert {f.model.name for f in frames} == {"small"}
    straight = latents(play(make_show(folder=folder), 20))
    np.testing.assert_array_equal(latents(frames), straight)  # as if nothing had been asked
    assert len(show.notices) == 2 and all("wide" in line for line in show.notices)
    assert all("\n" not in line for line in show.notices)
    assert show.controls["show.model"] == "small"
    # And once it is whole again, it plays.
    shutil.copy(models_folder / "wide.safetensors", bad)
    assert play(show, 3, {1: [("show.model", "wide")]})[-1].model.name == "wide"


def test_a_show_without_its_model_does_not_begin(make_controls, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no model called 'small'.*none yet"):
        Show(make_controls(), Drawn(), 1, tmp_path)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_model_plays_under_every_driver_in_every_mode(name: str) -> None:
    controls = Controls(declare(SHIPPED), {"show.model": name})
    show = Show(controls, Inline(Network().draw), 1)
    colours = (3,) if show.model.architecture.pictures == "colour" else ()
    # Distances go beyond a picture's edge, but not far: an outline is never more than that away.
    lowest, highest = (-1, 2) if show.model.architecture.pictures == "distance" else (0, 1)
    for driver in drivers():
        for mode in ("latent", "pixel", "draw"):
            asked: list[Command] = [("show.driver", driver), ("show.mode", mode)]
            frame = play(show, 3, {0: asked})[-1]
            assert frame.image.shape == (*show.model.shape, *colours) and frame.error == ""
            assert frame.image.min() >= lowest and frame.image.max() <= highest
            assert (frame.field is not None) == (mode != "latent")
    show.close()


# --- modes


def test_the_mode_changes_what_the_network_is_given(make_show) -> None:
    show = make_show()
    onward: list[Command] = [("show.mode", Nudge(1))]
    play(show, 12, {3: [("show.mode", "pixel")], 6: onward, 9: onward})
    asked = show.decoder.asked
    assert [f.field is not None for f in asked] == [False] * 3 + [True] * 6 + [False] * 3
    assert all(f.z is None for f in asked[3:9])
    assert all(f.field.shape == (28, 28) for f in asked[3:6])
    assert all(not f.field.any() for f in asked[6:9]), "nobody has drawn yet"


@pytest.mark.parametrize("mode", ["latent", "pixel"])
def test_pictures_and_what_made_them_stay_together_on_the_thread(make_show, mode: str) -> None:
    """Models, drivers and modes change while a slow network draws on another thread."""

    def slow(frame: Frame) -> Frame:
        time.sleep(0.002 * (frame.tick.index % 3))
        return draw_z(frame)

    show = make_show(Worker(slow), show__mode=mode)
    try:
        frames = []
        for tick in ticks(150):
            asked: list[Command] = []
            if tick.index % 20 == 5:
                asked.append(("show.model", Nudge(1)))
            if tick.index % 15 == 7:
                asked.append(("show.driver", Nudge(1)))
            frames.append(show.update(tick, hear(0.5, 0.2), asked))
            time.sleep(0.0005)
        drawn = [f for f in frames if f.image is not None]
        assert len({f.tick.index for f in drawn}) > 10
        for frame in drawn:
            np.testing.assert_array_equal(frame.image, picture_of(frame.z))
            if mode == "latent":
                assert len(frame.z) == frame.model.latent_dim
            else:
                np.testing.assert_array_equal(frame.z, np.full(3, frame.field.mean(), np.float32))
        indices = [f.tick.index for f in drawn]
        assert indices == sorted(indices), "time never runs backwards"
    finally:
        show.close()


def test_closing_the_show_closes_its_decoder(make_show) -> None:
    show = make_show()
    show.close()
    assert show.decoder.closed


# --- cross-fades

ORDINARY = 0.13  # the furthest a latent goes in a 60th of a second without a fade
ORDINARY_GREY = 0.15  # and a pixel of a field


def controls_for(fade_s: float) -> Controls:
    held = {"random.hold": 60.0, "show.fade": fade_s, "show.model": "small"}
    return Controls(declare(["small"]), held)


@settings(max_examples=10, deadline=None)
@given(
    start=st.sampled_from(list(drivers())),
    switches=st.lists(
        st.tuples(st.sampled_from(list(drivers())), st.integers(0, 45)), min_size=1, max_size=6
    ),
    fade_s=st.sampled_from([0.3, 1.0, 1.5]),
)
def test_switching_never_jumps_not_even_in_the_middle_of_a_fade(
    start: str, switches: list[tuple[str, int]], fade_s: float
) -> None:
    controls, mover = controls_for(fade_s), Mover(start, 5, 1)
    heard = hear(0.5, 0.1)
    mover.advance(Tick(0, 0.0, 0.0), 0.0, heard, controls)
    point, field = mover.point(), mover.field()
    # How fast a fade goes at its fastest: a smooth step over a quarter circle.
    fastest = 1.5 / (fade_s * 60)
    playing, faded = start, 10_000
    for name, frames in [(start, 3), *switches, (start, 60)]:
        mover.choose(name)
        if name != playing:
            playing, faded = name, 0
        np.testing.assert_allclose(mover.point(), point, atol=1e-6)
        np.testing.assert_allclose(mover.field(), field, atol=1e-6)
        for i in range(frames):
            mover.advance(Tick(i, 0.0, 1 / 60), 1 / 60, heard, controls)
            went = np.abs(mover.point() - point).max()
            painted = np.abs(mover.field() - field).max()
            # At first a fade hardly moves: it begins as it ends, softly.
            faded += 1
            share = min(3 * (faded / (fade_s * 60)) ** 2, fastest)
            assert went < ORDINARY + share * np.pi / 2 * 7
            assert painted < ORDINARY_GREY + share
            point, field = mover.point(), mover.field()
    assert np.isfinite(point).all() and field.min() >= 0 and field.max() <= 1


@pytest.mark.parametrize("fade_s", [0.0, 0.5, 2.0])
def test_a_fade_takes_the_time_that_is_set_and_ends_on_the_new_driver(fade_s: float) -> None:
    controls, mover = controls_for(fade_s), Mover("perlin", 4, 1)
    heard = hear()
    mover.choose("random")
    alone = drivers()["random"](4, 1)
    arrived = 0.0
    for i in range(200):
        mover.advance(Tick(i, 0.0, 1 / 60), 1 / 60, heard, controls)
        alone.advance(Tick(i, 0.0, 1 / 60), heard, controls.section("random"))
        if np.array_equal(mover.point(), alone.point()):
            np.testing.assert_array_equal(mover.field(), alone.field())
            break
        arrived = (i + 1) / 60
    assert arrived == pytest.approx(fade_s, abs=0.04)


def test_a_fade_takes_wall_time_whatever_the_speed(make_show) -> None:
    """At a twentieth of the pace the cross-fade is not twenty times as long."""
    frames = latents(
        play(
            make_show(show__speed=0.05, show__fade=0.5, random__hold=60.0),
            80,
            {10: [("show.driver", "random")]},
        )
    )
    assert np.abs(np.diff(frames[10:40], axis=0)).max() > 0.02
    np.testing.assert_array_equal(frames[42:], np.broadcast_to(frames[42], frames[42:].shape))


def test_choosing_a_driver_while_paused_shows_nothing_until_it_goes_on(make_show) -> None:
    pause: list[Command] = [("show.pause", Nudge(1))]
    frames = latents(play(make_show(), 60, {5: pause, 10: [("show.driver", "audio")], 30: pause}))
    assert (frames[5:30] == frames[5]).all()
    assert np.abs(np.diff(frames[30:], axis=0)).max() > 0


def test_a_driver_goes_on_from_where_it_was_left() -> None:
    controls, mover = controls_for(0.0), Mover("perlin", 4, 1)
    heard = hear()

    def advance(n: int) -> None:
        for i in range(n):
            mover.advance(Tick(i, 0.0, 1 / 60), 1 / 60, heard, controls)

    advance(100)
    left = mover.point()
    mover.choose("random")
    advance(50)
    assert np.abs(mover.point() - left).max() > 0.3
    mover.choose("perlin")
    advance(1)
    assert np.abs(mover.point() - left).max() < ORDINARY


def test_in_the_middle_of_a_fade_points_are_as_far_out_as_ever() -> None:
    """A straight blend of two independent points gathers around the middle of the latents."""
    controls = controls_for(1.0)
    middles = []
    for seed in range(60):
        mover = Mover("perlin", 16, seed)
        mover.advance(Tick(0, 0.0, 1.0), 0.0, hear(), controls)
        mover.choose("random")
        mover.advance(Tick(1, 0.5, 0.5), 0.5, hear(), controls)
        middles.append(mover.point())
    assert np.std(middles) == pytest.approx(1.0, abs=0.12)


def test_models_with_any_number_of_latents_play(make_controls, tmp_path: Path) -> None:
    for dim in (1, 2, 32):
        made = make_model("any", 8, 8, (4,), dim)
        checkpoint.write(tmp_path / "any.safetensors", made)
        show = Show(make_controls(["any"]), Drawn(), 1, tmp_path)
        for driver in drivers():
            frames = play(show, 4, {1: [("show.driver", driver)]})
            assert frames[-1].z.shape == (dim,) and np.isfinite(latents(frames)).all()


# --- a driver that fails


class Clumsy(Driver):
    name, key, blurb = "clumsy", "9", "falls over"
    what: ClassVar[str] = ""

    def advance(self, tick: Tick, features: Features, value: Mapping[str, Value]) -> None:
        if self.what == "raises":
            raise ZeroDivisionError("division by zero")

    def point(self) -> FloatArray:
        if self.what == "no number":
            return np.full(self.latent_dim, np.nan, np.float32)
        return np.zeros(self.latent_dim + 1, np.float32)

    def field(self) -> FloatArray:
        return np.zeros((28, 28), np.float32)


@pytest.mark.parametrize("what", ["raises", "no number", "too many numbers"])
def test_a_driver_that_fails_gives_way_and_the_show_goes_on(
    what: str, models_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Clumsy, "what", what)
    monkeypatch.setattr("visualiser.show.drivers", lambda: {**drivers(), "clumsy": Clumsy})
    controls = Controls(declare(["small"]), {"show.model": "small", "show.driver": "clumsy"})
    show = Show(controls, Inline(draw_z), 1, models_folder)
    for tick in ticks(5):
        frame = show.update(tick, hear())
    assert controls["show.driver"] == "perlin"
    assert len(show.notices) == 1 and "the driver clumsy failed" in show.notices[0]
    assert frame.image is not None
