"""The room's floor and the gain: still in the room's noise, there for quiet music."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import drums
from benchmarks.drums import RATE
from benchmarks.ear import listen
from visualiser.audio.analysis import Ear
from visualiser.audio.floor import LEARN_S, Floor
from visualiser.audio.gain import Gain
from visualiser.types import Features, FloatArray, Sound


@pytest.fixture(scope="module")
def music() -> FloatArray:
    made = drums.drums("rock", 110, 71, 6.0, start_s=0.0, level_dbfs=-15.0)
    return made.samples


def bands(heard: list[Features]) -> np.ndarray:
    return np.array([features.bands for features in heard])


def test_a_second_after_the_music_all_is_still_and_stays_so_in_the_rooms_noise(music) -> None:
    times, heard = listen(np.concatenate([music, drums.room(20.0, -60.0)]), fps=30)
    calm = times > music.size / RATE + 1
    for features in np.array(heard, dtype=object)[calm]:
        assert features.rms == 0 and not features.bands.any() and features.onset == 0
        assert features.energy < 0.05


@pytest.mark.parametrize("level_dbfs", [-45.0, -62.0, -68.0])
def test_quiet_music_is_heard(level_dbfs: float) -> None:
    made = drums.drums("four", 120, 72, 7.0, level_dbfs=level_dbfs)
    _, heard = listen(made.samples, fps=30)
    assert bands(heard)[-60:].max() > 0.9


def test_after_a_drop_of_50_db_music_is_at_full_scale_again_in_five_seconds(music) -> None:
    times, heard = listen(np.concatenate([music, music * np.float32(10 ** (-50 / 20))]), fps=30)
    after = times - music.size / RATE
    assert bands(heard)[(after > 0.3) & (after < 1)].max() < 0.5
    assert bands(heard)[(after > 4) & (after < 5)].max() > 0.9


def test_after_a_rise_of_50_db_nothing_sticks_to_the_top(music) -> None:
    times, heard = listen(np.concatenate([music * np.float32(10 ** (-50 / 20)), music]), fps=30)
    after = times - music.size / RATE
    for start in np.arange(0.0, 4.0, 0.25):
        half_a_second = bands(heard)[(after > start) & (after <= start + 0.5)]
        assert not (half_a_second > 0.98).all(axis=0).any()


def test_a_learned_floor_stills_a_louder_room_and_lets_music_through(music) -> None:
    ear, noise = Ear(), drums.room(14.0, -45.0)
    ear.learn_floor()
    listen(noise[: 4 * RATE], ear, fps=30)
    assert not ear.learning and ear.learned_floor is not None
    assert ear.learned_floor.shape == (ear.n_bands,)

    again = Ear(learned_floor=ear.learned_floor)
    _, heard = listen(noise[4 * RATE :], again, fps=30)
    assert not bands(heard).any() and not any(features.onset for features in heard)
    again.reset()
    _, heard = listen(music + noise[: music.size], again, fps=30)
    assert bands(heard)[60:].max() > 0.9
    again.use_floor(None)
    assert again.learned_floor is None


def test_nothing_is_shown_while_the_room_is_learned(music) -> None:
    ear = Ear()
    ear.learn_floor()
    times, heard = listen(music, ear, fps=30)
    assert not bands(heard)[times < LEARN_S - 0.1].any()


def test_a_floor_of_another_number_of_bands_is_left_out() -> None:
    assert Ear(n_bands=8, learned_floor=np.zeros(16, np.float32)).learned_floor is None


def test_a_steady_louder_room_becomes_the_floor() -> None:
    _, heard = listen(drums.room(14.0, -50.0), fps=30)
    assert not bands(heard)[-60:].any()


@settings(max_examples=50, deadline=None)
@given(levels=st.lists(st.floats(-120, 0), min_size=1, max_size=40), dt=st.floats(0, 5))
def test_floor_and_gain_keep_their_ranges(levels: list[float], dt: float) -> None:
    floor, gain = Floor(4, -58.0), Gain(0.03, 1.5)
    floor.learn()
    for level in levels:
        floor.follow(level, np.full(4, level - 6), dt)
        gain.follow(level, dt, level > floor.level_dbfs)
        assert np.isfinite(floor.bands_dbfs).all() and -120 <= floor.level_dbfs <= 20
        assert -120 <= gain.full_db <= 1


@settings(max_examples=60, deadline=None)
@given(
    ticks=st.lists(
        st.tuples(
            st.sampled_from([8_000, 44_100, 48_000, 192_000]),
            st.integers(0, 10**9),
            st.sampled_from(["nan", "inf", "square", "zero", "offset", "noise", "none"]),
            st.floats(0, 2),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_whatever_a_device_delivers_every_feature_keeps_its_range(ticks) -> None:
    ear = Ear()
    for rate, end, kind, dt in ticks:
        n = 0 if kind == "none" else ear.n_samples
        square = np.where(np.arange(n) // 40 % 2, 1.0, -1.0)
        sound = {
            "nan": np.full(n, np.nan), "inf": np.full(n, -np.inf), "square": square,
            "zero": np.zeros(n), "offset": np.full(n, 0.8), "none": np.zeros(0),
            "noise": np.random.default_rng(end).standard_normal(n),
        }[kind].astype(np.float32)  # fmt: skip
        heard = ear.listen(Sound(sound, rate, end, 0.0), dt)
        shares = [heard.rms, heard.onset, heard.onset_low, heard.onset_mid, heard.onset_high]
        shares += [heard.energy, heard.beat_confidence, heard.beat_phase]
        assert all(0 <= share <= 1 for share in shares)
        for row in (heard.bands, heard.floor):
            assert row.dtype == np.float32 and ((row >= 0) & (row <= 1)).all()
        assert np.isfinite([heard.gain_db, heard.bpm, heard.beats]).all()
        assert -120 <= heard.level_dbfs <= 0
