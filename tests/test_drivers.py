"""What holds for every driver. A new one is tested by being there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from conftest import hear, ticks

from visualiser.controls import Controls, Value
from visualiser.drivers import drivers
from visualiser.drivers.base import Driver
from visualiser.types import Features, Tick

EVERY = pytest.mark.parametrize("name", drivers())
SMOOTH = pytest.mark.parametrize("name", [name for name in drivers() if name != "random"])


def defaults(name: str, **other: Value) -> dict[str, Value]:
    return {c.name: c.default for c in drivers()[name].controls} | other


def make(name: str, latent_dim: int = 5, seed: int = 1) -> Driver:
    return drivers()[name](latent_dim, seed)


def music(t: float) -> Features:
    """Something to hear that changes 10 times a second: whoever asks in between hears the same."""
    rng = np.random.default_rng(int(t * 10 + 1e-6))
    return hear(float(rng.uniform(0.2, 1)), rng.uniform(0, 1, 16))


def play(
    driver: Driver,
    seconds: float,
    fps: float,
    hears: Callable[[float], Features] = music,
    value: Mapping[str, Value] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The points and the fields of every tick."""
    value = defaults(driver.name) if value is None else value
    points, fields = [], []
    for tick in ticks(round(seconds * fps) + 1, fps):
        # What is heard in the tick that ends now: its middle, so that no rate sits on an edge.
        driver.advance(tick, hears(max(tick.t - tick.dt / 2, 0)), value)
        points.append(driver.point().copy())
        fields.append(driver.field().copy())
    return np.array(points), np.array(fields)


def test_the_four_of_the_first_day_are_there_on_their_keys() -> None:
    found = [(d.name, d.key) for d in drivers().values()][:4]
    assert found == [("perlin", "1"), ("simplex", "2"), ("random", "3"), ("audio", "4")]


@EVERY
@pytest.mark.parametrize("latent_dim", [1, 4, 64])
def test_points_and_fields_are_what_they_should_be(name: str, latent_dim: int) -> None:
    driver = make(name, latent_dim)
    assert np.isfinite(driver.point()).all() and driver.point().shape == (latent_dim,)
    assert driver.field().shape == (28, 28), "also before the first tick"
    points, fields = play(driver, 1.0, 20)
    assert points.shape == (21, latent_dim) and points.dtype == np.float32
    assert fields.shape == (21, 28, 28) and fields.dtype == np.float32
    assert np.isfinite(points).all() and np.isfinite(fields).all()
    assert fields.min() >= 0 and fields.max() <= 1
    assert (np.ptp(points, axis=0) > 0).all(), "every latent moves"
    assert np.ptp(fields, axis=0).max() > 0.1


@EVERY
def test_the_ends_of_every_control_are_playable(name: str) -> None:
    driver = make(name)
    for control in driver.controls:
        ends = (control.lo, control.hi) if control.kind == "number" else (control.default,)
        for end in ends:
            points, fields = play(make(name), 0.3, 30, value=defaults(name, **{control.name: end}))
            assert np.isfinite(points).all(), control.id
            assert fields.min() >= 0 and fields.max() <= 1, control.id
            assert fields.shape[1:] == (28, 28), control.id


@EVERY
def test_the_same_seed_is_the_same_path_and_another_is_another(name: str) -> None:
    (one, one_field), (again, again_field), (other, other_field) = (
        play(make(name, 5, seed), 2.0, 30) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one, again)
    np.testing.assert_array_equal(one_field, again_field)
    assert np.abs(one - other).max() > 0.5
    if name != "audio":  # whose field is what is heard, whatever the seed
        assert np.abs(one_field - other_field).max() > 0.2


@EVERY
def test_the_path_is_the_same_at_30_and_at_120_frames_a_second(name: str) -> None:
    """Also across jumps: they come at the same times."""
    slow, slow_field = play(make(name), 2.5, 30)
    fast, fast_field = play(make(name), 2.5, 120)
    np.testing.assert_allclose(fast[::4], slow, atol=1e-4)
    np.testing.assert_allclose(fast_field[::4], slow_field, atol=1e-4)


def test_what_begins_throws_and_leaps_the_same_at_every_rate() -> None:
    def path(fps: int) -> np.ndarray:
        driver, points = make("audio"), []
        for tick in ticks(2 * fps + 1, fps):
            begins = tick.index % (fps // 5) == 0
            heard = replace(hear(0.6, 0.4), onset_low=float(begins), onset_high=0.5 * begins)
            driver.advance(tick, heard, defaults("audio"))
            points.append(driver.point().copy())
        return np.array(points)

    fast = path(120)
    for fps in (10, 30, 60):
        np.testing.assert_allclose(fast[:: 120 // fps], path(fps), atol=1e-4)
    assert np.ptp(fast, axis=0).max() > 0.5


@EVERY
def test_no_time_is_no_motion(name: str) -> None:
    driver = make(name)
    play(driver, 1.0, 30)
    here, field = driver.point().copy(), driver.field().copy()
    for _ in range(5):
        driver.advance(Tick(40, 1.0, 0.0), music(0.95), defaults(name))
    np.testing.assert_array_equal(driver.point(), here)
    np.testing.assert_array_equal(driver.field(), field)


@EVERY
@pytest.mark.parametrize("latent_dim", [2, 16])
def test_a_long_walk_is_about_standard_normal(name: str, latent_dim: int) -> None:
    """So that a model's map takes it to all that was learned, as often as it was learned."""
    driver, points = make(name, latent_dim), []
    for tick in ticks(700, fps=0.4):
        driver.advance(tick, hear(rms=1.0), defaults(name))
        points.append(driver.point())
    path = np.array(points)
    assert np.abs(path.mean(axis=0)).max() < 0.3
    assert np.abs(path.std(axis=0) - 1).max() < 0.3
    assert (np.abs(path) < 2).mean() > 0.9


@EVERY
def test_controls_belong_to_their_driver_and_start_inside_their_range(name: str) -> None:
    kind = drivers()[name]
    assert kind.name == name and kind.key and kind.blurb
    for control in kind.controls:
        assert control.section == name and control.name and control.label
        if control.kind == "number":
            assert control.lo <= float(control.default) <= control.hi
            assert control.lo < control.hi
        if control.kind == "choice":
            assert control.default in control.choices
    Controls([c for d in drivers().values() for c in d.controls])  # and no two are called alike


@EVERY
def test_a_change_of_pace_does_not_jump(name: str) -> None:
    """However long it has played: what is changed is how it goes on, not how it came here."""
    for control in drivers()[name].controls:
        if control.name not in ("speed", "hold", "calm"):
            continue
        driver = make(name)
        play(driver, 20.2, 10, hears=lambda t: hear(0.5, 0.3))
        before, painted = driver.point().copy(), driver.field().copy()
        lo = control.lo if control.name != "hold" else 0.1  # no hold is a jump each frame
        for i, pace in enumerate((lo, control.hi, lo, control.hi)):
            tick = Tick(203 + i, 20.2 + i * 1e-3, 1e-3)
            driver.advance(tick, hear(0.5, 0.3), defaults(name, **{control.name: pace}))
        assert np.abs(driver.point() - before).max() < 0.2, control.id
        assert np.abs(driver.field() - painted).max() < 0.2, control.id


@SMOOTH
def test_twice_the_speed_is_the_same_path_in_half_the_time(name: str) -> None:
    if "speed" not in defaults(name):
        return
    slow, _ = play(make(name), 4.0, 30, lambda t: hear(0.5), defaults(name, speed=0.5))
    fast, _ = play(make(name), 2.0, 30, lambda t: hear(0.5), defaults(name, speed=1.0))
    np.testing.assert_allclose(slow[::2], fast, atol=1e-4)


@SMOOTH
def test_between_two_frames_it_moves_a_little(name: str) -> None:
    points, _ = play(make(name), 10.0, 60, hears=lambda t: hear(0.5, 0.5))
    steps = np.abs(np.diff(points[1:], axis=0))
    assert steps.max() < 0.1
    assert np.ptp(points[1:], axis=0).max() > 1


# --- random


def test_random_jumps_when_its_time_has_come_and_holds_till_then() -> None:
    points, fields = play(make("random"), 2.9, 60, value=defaults("random", hold=0.5))
    changed = np.flatnonzero(np.abs(np.diff(points, axis=0)).max(axis=1)) + 1
    np.testing.assert_array_equal(changed, [30, 60, 90, 120, 150])
    painted = np.flatnonzero(np.abs(np.diff(fields, axis=0)).max(axis=(1, 2))) + 1
    np.testing.assert_array_equal(painted, changed)
    assert np.abs(np.diff(points[changed], axis=0)).max() > 0.5


def test_random_without_hold_is_new_each_frame() -> None:
    points, fields = play(make("random"), 1.0, 30, value=defaults("random", hold=0.0))
    assert np.abs(np.diff(points[1:], axis=0)).max(axis=1).min() > 0.05
    assert np.abs(np.diff(fields[1:], axis=0)).max(axis=(1, 2)).min() > 0.1


def test_random_grain_is_the_edge_of_the_squares() -> None:
    for grain in (1, 4, 14):
        driver = make("random")
        driver.advance(Tick(1, 0.1, 0.1), hear(), defaults("random", grain=float(grain)))
        field = driver.field()
        assert len(np.unique(field)) == (28 // grain) ** 2
        np.testing.assert_array_equal(field, np.repeat(field[:, ::grain], grain, axis=1))


# --- audio


def way(points: np.ndarray) -> float:
    """How far a path goes."""
    return float(np.linalg.norm(np.diff(points[2:], axis=0), axis=1).sum())


def test_silence_all_but_stands_still_and_louder_is_faster() -> None:
    ways = [
        way(play(make("audio"), 10.0, 30, hears=lambda t, rms=rms: hear(rms))[0])
        for rms in (0.0, 0.25, 0.5, 1.0)
    ]
    assert ways[0] < 0.05 * ways[3]
    assert ways[0] < ways[1] < ways[2] < ways[3]
    quiet, _ = play(make("audio"), 10.0, 30, hears=lambda t: hear(0.0))
    assert np.abs(np.diff(quiet[1:], axis=0)).max() * 30 < 0.25, "deviations a second"


def test_a_quiet_passage_moves_less_than_a_loud_one_in_proportion() -> None:
    """Though the gain shows both in full; without dynamics they move alike."""

    def moved(loudness: float, **other: Value) -> float:
        def hears(t: float) -> Features:
            kick = float(int(t * 60 + 1e-6) % 30 == 0)
            return replace(music(t), loudness=loudness, onset=kick, onset_low=kick)

        return way(play(make("audio"), 8.0, 60, hears, defaults("audio", **other))[0])

    loud, softer, quiet = (moved(loudness) for loudness in (1.0, 0.5, 0.25))
    assert 0.35 < softer / loud < 0.65
    assert 0.1 < quiet / loud < 0.35
    assert moved(0.25, dynamics=0.0) == pytest.approx(moved(1.0, dynamics=0.0))


def test_a_pull_lets_go_smoothly_and_stays_in_silence() -> None:
    """At its fastest at once, then slower and slower: what begins next stands out."""

    def steps(rms: float) -> np.ndarray:
        driver, value = make("audio", 4), defaults("audio", speed=0.0, distance=0.0)
        driver.advance(Tick(1, 1 / 60, 1 / 60), hear(rms, 1.0), value)
        points = []
        for i in range(120):
            driver.advance(Tick(2 + i, (2 + i) / 60, 1 / 60), hear(rms), value)
            points.append(driver.point())
        return np.linalg.norm(np.diff(np.array(points), axis=0), axis=1)

    lets_go = steps(0.5)
    assert (np.diff(lets_go) <= 1e-6).all() and 0.01 < lets_go[0] < 0.15
    assert lets_go[-1] < 0.01 * lets_go[0]
    assert not steps(0.0).any()


@pytest.mark.parametrize("every_s", [0.4, 0.5, 0.6])
def test_a_beat_moves_at_once_and_then_ever_less_until_the_next(every_s: float) -> None:
    def hears(t: float) -> Features:
        since_s = t % every_s
        level, kick = float(np.exp(-since_s / 0.15)), 0.5 * (since_s < 1 / 60)
        return replace(hear(level, level), onset=kick, onset_low=kick)

    points, _ = play(make("audio", 4), 6 * every_s, 60, hears)
    beat = np.linalg.norm(np.diff(points, axis=0), axis=1)[-round(every_s * 60) :]
    assert beat.argmax() == 0
    rises = beat - np.minimum.accumulate(beat)
    assert rises.max() < 0.02 * beat[0]


def test_louder_bands_pull_further_each_latent_by_its_own() -> None:
    def pulled(bands: float | list[float]) -> np.ndarray:
        driver = make("audio", 4)
        rest = driver.point()
        driver.advance(Tick(1, 0.0, 0.0), hear(1.0, bands), defaults("audio"))
        return np.abs(driver.point() - rest)

    quiet, loud = pulled(0.3), pulled(0.9)
    assert (quiet > 0.1).all()
    np.testing.assert_allclose(loud, quiet * 3, rtol=1e-3)
    bass = pulled([1.0, 1.0] + [0.0] * 14)
    treble = pulled([0.0] * 14 + [1.0, 1.0])
    assert bass.argmax() == 0 and bass[1:].max() < 0.01
    assert treble.argmax() == 3 and treble[:3].max() < 0.01


def test_the_field_is_a_shape_whose_outline_is_the_spectrum() -> None:
    """Bass below, treble above; louder is larger, and silence is nothing."""

    def lit(bands: float | list[float]) -> np.ndarray:
        driver = make("audio")
        driver.advance(Tick(1, 0.1, 0.1), hear(1.0, bands), defaults("audio"))
        return driver.field() > 0.5

    assert not lit(0.0).any()
    areas = [lit(loud).sum() for loud in (0.2, 0.4, 0.8, 1.0)]
    assert sorted(set(areas)) == areas and areas[0] > 0
    bass, treble = lit([1.0] * 4 + [0.0] * 12), lit([0.0] * 12 + [1.0] * 4)
    assert bass[14:].any() and not bass[:14].any()
    assert treble[:14].any() and not treble[14:].any()
    both_sides = lit([0.3, 0.9] * 8)
    assert (both_sides == both_sides[:, ::-1]).all()


def test_the_field_swells_and_shrinks_too_slowly_to_flash_and_vanishes_in_silence() -> None:
    driver, value, light = make("audio"), defaults("audio"), []
    for i, loud in enumerate([0.2] * 10 + [1.0] * 60 + [0.2] * 30 + [0.0] * 60):
        driver.advance(Tick(i, i / 60, 1 / 60), hear(loud, loud), value)
        light.append(driver.field().mean())
    steps = np.diff(light)
    assert light[69] > 5 * light[9] and np.abs(steps).max() < 0.15 * light[69]
    assert light[99] > 0.3 * light[69], "half a second later"
    assert light[-1] == 0, "a second after the end"


def test_a_beginning_pushes_out_its_part_of_the_field_and_the_rest_in() -> None:
    """At once; and as much light is seen as before."""
    for part, rows in (("onset_low", slice(20, 28)), ("onset_high", slice(0, 8))):
        driver, value = make("audio"), defaults("audio")
        driver.advance(Tick(1, 1 / 60, 1 / 60), hear(1.0, 0.6), value)
        before = driver.field()
        driver.advance(Tick(2, 2 / 60, 1 / 60), replace(hear(1.0, 0.6), **{part: 1.0}), value)
        after = driver.field()
        assert after[rows].sum() > before[rows].sum() + 4
        assert after.sum() == pytest.approx(before.sum(), rel=0.1)
        for i in range(60):
            driver.advance(Tick(3 + i, (3 + i) / 60, 1 / 60), hear(1.0, 0.6), value)
        np.testing.assert_allclose(driver.field(), before, atol=0.05)


@pytest.mark.parametrize("n_bands", [4, 64])
def test_any_number_of_bands_will_do(n_bands: int) -> None:
    for latent_dim in (1, 7, 100):
        driver = make("audio", latent_dim)
        driver.advance(Tick(1, 0.1, 0.1), hear(1.0, 1.0, n_bands), defaults("audio"))
        assert np.isfinite(driver.point()).all()
        assert driver.field().max() == 1


def test_bass_pulls_the_direction_it_is_given_and_the_others_follow() -> None:
    bass, treble = hear(1.0, [1.0] + [0.0] * 15), hear(1.0, [0.0] * 15 + [1.0])
    for first, order, expected in ((1, "rising", (0, 3)), (2, "rising", (1, 0)),
                                   (2, "falling", (1, 2)), (7, "rising", (2, 1))):  # fmt: skip
        for heard, direction in zip((bass, treble), expected, strict=True):
            driver = make("audio", 4)
            rest = driver.point()
            value = defaults("audio", bass_to=first, order=order)
            driver.advance(Tick(1, 0.0, 0.0), heard, value)
            assert np.abs(driver.point() - rest).argmax() == direction


def test_a_beginning_throws_its_direction_at_once_and_it_comes_back() -> None:
    kick, value = replace(hear(0.0), onset=1.0, onset_low=1.0), defaults("audio", distance=0)
    driver = make("audio", 4)
    rest = driver.point()
    driver.advance(Tick(1, 1 / 60, 1 / 60), kick, value)
    thrown = np.abs(driver.point() - rest)
    assert thrown[0] > 1.0 and thrown[1:].max() < 0.05
    for i in range(60):
        driver.advance(Tick(i, i / 60, 1 / 60), hear(0.0), value)
    assert np.abs(driver.point() - rest).max() < 0.1


@pytest.mark.parametrize("bars", ["4", "8", "16"])
def test_a_loop_comes_back_to_where_it_was_with_its_bars(bars: str) -> None:
    """Whatever the tempo; and without a sure beat there is none."""
    driver, value = make("audio", 6), defaults("audio", loop=bars, calm=0, distance=0)

    def at(beats: float, sure: float = 1.0) -> np.ndarray:
        heard = replace(hear(0.0), bpm=174.0, beats=beats, beat_confidence=sure)
        driver.advance(Tick(1, 0.1, 0.1), heard, value)
        return driver.point()

    for _ in range(200):
        at(0.0)
    turn = 4 * int(bars)
    path = np.array([at(turn * k / 64) for k in range(128)])
    np.testing.assert_allclose(path[64:], path[:64], atol=1e-3)
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() < 1.0, "no seam"
    assert np.ptp(path, axis=0).min() > 0.5
    for _ in range(200):
        at(0.0, sure=0.1)
    still = np.array([at(turn * k / 64, sure=0.1) for k in range(64)])
    assert np.ptp(still, axis=0).max() < 1e-3
