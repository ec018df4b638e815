"""What the ear hears."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from visualiser.audio.analysis import Ear
from visualiser.audio.file import DEMO, AudioFile
from visualiser.types import Features, Sound

RATE = 48_000


def listen(ear: Ear, sound: np.ndarray, fps: int = 60, rate: int = RATE) -> np.ndarray:
    """The bands (ticks, n_bands) of a sound from its first sample to its last."""
    return np.array([heard.bands for heard in features(ear, sound, fps, rate)])


def features(ear: Ear, sound: np.ndarray, fps: int = 60, rate: int = RATE) -> list[Features]:
    """What is heard of a sound from its first sample to its last, once a tick."""
    wanted = max(ear.n_samples, rate // 4)
    padded = np.concatenate([np.zeros(wanted), sound]).astype(np.float32)
    ends = np.arange(1, int(sound.size / rate * fps) + 1) * rate // fps
    return [ear.listen(Sound(padded[e : e + wanted], rate, e, e / rate), 1 / fps) for e in ends]


def one(samples: np.ndarray, rate: int = RATE, end: int | None = None) -> Sound:
    """A window on its own."""
    return Sound(samples, rate, samples.size if end is None else end, 0.0)


def sine(hz: float, seconds: float, rms_dbfs: float = -15.0, rate: int = RATE) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    return np.sqrt(2) * 10 ** (rms_dbfs / 20) * np.sin(2 * np.pi * hz * t)


def noise(seconds: float, rms_dbfs: float, slope: float, seed: int = 1) -> np.ndarray:
    """Noise whose amplitude falls with frequency ** slope: 0 white, 0.5 pink, 1 brown."""
    n = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(n))
    spectrum /= np.maximum(np.fft.rfftfreq(n, 1 / RATE), 20) ** slope
    sound = np.fft.irfft(spectrum, n)
    return sound * 10 ** (rms_dbfs / 20) / np.sqrt((sound**2).mean())


@pytest.fixture(scope="module")
def demo() -> np.ndarray:
    sound = AudioFile(DEMO, loop=True)
    return np.concatenate([sound.window(t, RATE).samples for t in range(1, 25)])


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000])
def test_a_tone_lifts_its_own_band_to_full_scale(rate: int) -> None:
    ear = Ear()
    for band in range(3, 14, 2):
        ear.reset()
        hz = float(np.sqrt(ear.edges_hz[band] * ear.edges_hz[band + 1]))
        bands = listen(ear, sine(hz, 1.5, rate=rate), rate=rate)[-1]
        if hz > rate / 2:
            assert not bands.any()
            continue
        assert bands.argmax() == band
        assert bands[band] > 0.95
        # Far from it there is nothing: a Hann window's sides are low.
        assert bands[: max(0, band - 3)].max(initial=0.0) < 0.05
        assert bands[band + 4 :].max(initial=0.0) < 0.05


@settings(max_examples=40, deadline=None)
@given(
    n_bands=st.integers(1, 64),
    n_fft=st.sampled_from([256, 512, 1024, 2048]),
    rate=st.sampled_from([8_000, 16_000, 44_100, 48_000, 192_000]),
)
def test_every_band_below_nyquist_hears_something(n_bands: int, n_fft: int, rate: int) -> None:
    ear = Ear(n_bands=n_bands, n_fft=n_fft, tilt_db_per_octave=0.0, range_db=90.0)
    sound = np.random.default_rng(2).uniform(-1, 1, 30_000).astype(np.float32)
    for _ in range(10):
        bands = ear.listen(one(sound, rate), 0.05).bands
    below = ear.edges_hz[:-1] < 0.95 * rate / 2
    above = ear.edges_hz[:-1] >= rate / 2
    assert bands.shape == (n_bands,) and bands.dtype == np.float32
    assert (bands[below] > 0).all()
    assert not bands[above].any()


any_sound = arrays.arrays(
    np.float32,
    st.integers(0, 600),
    elements=st.floats(width=32, allow_nan=True, allow_infinity=True)
    | st.sampled_from([0.0, 1.0, -1.0]),
)


@settings(max_examples=100, deadline=None)
@given(sound=any_sound, dt=st.floats(0.0, 10.0), rate=st.sampled_from([8_000, 48_000]))
def test_whatever_comes_in_the_values_keep_their_ranges(sound, dt: float, rate: int) -> None:
    ear = Ear(n_fft=512)
    for _ in range(3):
        heard = ear.listen(one(sound, rate), dt)
        assert np.isfinite(heard.bands).all()
        assert heard.bands.min() >= 0 and heard.bands.max() <= 1
        assert 0 <= heard.rms <= 1
        assert -120 <= heard.level_dbfs <= 0


def test_levels_are_true() -> None:
    ear = Ear()
    assert ear.listen(one(np.zeros(2048, np.float32)), 0.1).level_dbfs == -120.0
    full = sine(1000, 0.1, rms_dbfs=-3.01).astype(np.float32)
    assert ear.listen(one(full), 0.1).level_dbfs == pytest.approx(-3.0, abs=0.1)
    offset = (sine(1000, 0.1, rms_dbfs=-40.0) + 0.5).astype(np.float32)
    assert ear.listen(one(offset), 0.1).level_dbfs == pytest.approx(-40.0, abs=0.2)
    assert ear.listen(one(np.full(2048, 0.7, np.float32)), 0.1).level_dbfs < -100


def test_silence_is_exactly_nothing_soon_after_music(demo: np.ndarray) -> None:
    bands = listen(Ear(), np.concatenate([demo[: 2 * RATE], np.zeros(2 * RATE)]))
    assert bands[119].max() > 0.5
    assert not bands[int(3.3 * 60) :].any()
    assert not listen(Ear(), np.zeros(RATE)).any()


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("before_dbfs", [-10.0, -90.0])
def test_room_noise_is_never_lifted(slope: float, before_dbfs: float) -> None:
    before = noise(1.0, before_dbfs, 0.5)
    bands = listen(Ear(), np.concatenate([before, noise(15.0, -60.0, slope)]), fps=30)
    assert bands[60:].max() < 0.05
    assert bands[60:].mean() < 0.001


def test_full_scale_again_within_five_seconds_after_a_drop_of_50_db(demo: np.ndarray) -> None:
    tone = np.concatenate([sine(1000, 3.0, -3.5), sine(1000, 6.0, -53.5)])
    bands = listen(Ear(), tone).max(axis=1)
    assert bands[int(3.3 * 60)] < 0.5
    assert bands[8 * 60 :].min() > 0.9
    # And 30 dB of music, from a hot level, in the bars before the break.
    music = np.concatenate([demo[-2 * RATE :], demo[: 8 * RATE]])
    music[2 * RATE :] *= 10 ** (-30 / 20)
    assert listen(Ear(), music)[6 * 60 : 7 * 60].max() > 0.85


def test_a_sudden_rise_saturates_only_for_a_moment() -> None:
    rise = np.concatenate([noise(4.0, -50.0, 0.5), noise(2.0, -10.0, 0.5)])
    bands = listen(Ear(), rise)
    assert (bands[int(4.4 * 60) :].min(axis=1) < 0.9).all()


def test_music_moves_all_bands_and_saturates_none(demo: np.ndarray) -> None:
    bands = listen(Ear(), demo)[8 * 60 :]  # a whole turn of the loop, after the gain has settled
    low, high = np.percentile(bands, [5, 95], axis=0)
    assert (high - low > 0.3).all(), "every band moves"
    assert (high > 0.7).all(), "every band gets high"
    assert ((bands > 0.98).mean(axis=0) < 0.1).all(), "no band sticks to the top"
    assert 0.4 < bands.mean() < 0.75


def test_quiet_music_looks_like_loud_music(demo: np.ndarray) -> None:
    loud, quiet = (listen(Ear(), demo[: 8 * RATE] * gain)[5 * 60 :] for gain in (1.0, 0.1))
    assert np.abs(loud - quiet).mean() < 0.05


def test_loudness_remembers_what_was_louder_for_a_while(demo: np.ndarray) -> None:
    """A drop of 12 dB is heard as one though the gain evens it out, and then is the new level."""
    loud = 0.5 * demo[: 10 * RATE] / np.abs(demo).max()
    quiet = np.tile(loud, 8) * 10 ** (-12 / 20)
    heard = features(Ear(), np.concatenate([loud, quiet]), fps := 30)
    loudness = np.array([f.loudness for f in heard])
    rms = np.array([f.rms for f in heard])
    assert ((loudness >= 0) & (loudness <= 1)).all()

    def between(values: np.ndarray, start: float, end: float) -> float:
        return float(values[round(start * fps) : round(end * fps)].mean())

    before = between(loudness, 4, 6)  # 14, 34 and 84 are the same music again
    assert before > 0.2
    assert between(loudness, 14, 16) / before == pytest.approx(0.25, abs=0.08)
    assert between(rms, 14, 16) > 0.7 * between(rms, 4, 6), "and the gain is fast"
    assert between(loudness, 34, 36) > 0.45 * before
    assert between(loudness, 84, 86) > 0.8 * before


def test_a_build_that_begins_soft_begins_calm(demo: np.ndarray) -> None:
    """What comes first is not the loudest there will be; but neither is it as good as nothing."""
    loud = 0.5 * demo[: 16 * RATE] / np.abs(demo).max()
    usual, soft = (
        np.mean([f.loudness for f in features(Ear(), loud * gain, 20)][12 * 20 :])
        for gain in (1.0, 0.03)
    )
    assert 0.2 * usual < soft < 0.6 * usual


def test_loudness_is_nothing_soon_after_music(demo: np.ndarray) -> None:
    heard = features(Ear(), np.concatenate([demo[: 3 * RATE], np.zeros(3 * RATE)]))
    assert heard[2 * 60].loudness > 0.05
    assert all(f.loudness == 0 for f in heard[round(5.5 * 60) :])


def test_the_tick_rate_changes_nothing_much(demo: np.ndarray) -> None:
    slow, fast = (listen(Ear(), demo[: 8 * RATE], fps) for fps in (30, 120))
    difference = np.abs(slow - fast[3::4])
    assert difference.mean() < 0.06
    assert np.percentile(difference, 95) < 0.15


def test_reset_forgets_everything(demo: np.ndarray) -> None:
    ear = Ear()
    first = listen(ear, demo[:RATE])
    ear.reset()
    np.testing.assert_array_equal(listen(ear, demo[:RATE]), first)


def test_a_tick_costs_little(demo: np.ndarray) -> None:
    """As a ratio to a Fourier transform of its long window, in the same run."""
    ear, sound = Ear(), demo[:9600]

    def cost_s(job: Callable[[], object]) -> float:
        began = time.thread_time()
        job()
        return time.thread_time() - began

    window = demo[:2048]
    ticks = [cost_s(lambda i=i: ear.listen(one(sound, end=800 * i), 1 / 60)) for i in range(300)]
    transforms = [cost_s(lambda: [np.fft.rfft(window) for _ in range(10)]) / 10 for _ in range(100)]
    assert np.median(ticks) < 60 * np.median(transforms)  # it is about 25
