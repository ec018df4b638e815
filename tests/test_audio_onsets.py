"""Beginnings: when they are found, and that it does not matter how the sound is handed over."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import drums
from benchmarks.drums import RATE, Made
from benchmarks.ear import listen, onset_times
from visualiser.audio.analysis import Ear
from visualiser.audio.onsets import CHANNELS, HOP, STEP_S, Onsets
from visualiser.types import FloatArray, Sound

RATES = [8_000, 22_050, 44_100, 48_000, 96_000, 192_000]


def click(hz: float, rate: int = RATE, at_s: float = 1.0, seconds: float = 2.0) -> FloatArray:
    t = np.arange(round(seconds * rate)) / rate - at_s
    sound = np.where(t >= 0, np.sin(2 * np.pi * hz * t) * np.exp(-np.abs(t) / 0.08), 0.0)
    return (0.5 * sound * np.minimum(np.maximum(t, 0) / 0.002, 1)).astype(np.float32)


def hear(sound: FloatArray, pieces: list[int], rate: int = RATE) -> tuple[np.ndarray, np.ndarray]:
    """Flux and strengths of a sound that comes in pieces, in turn of these lengths."""
    onsets = Onsets(rate)
    padded = np.concatenate([np.zeros(onsets.window, np.float32), sound])
    flux, strengths, end, turn = [], [], 0, 0
    while end < sound.size:
        new = min(pieces[turn % len(pieces)], sound.size - end)
        end, turn = end + new, turn + 1
        behind = new + onsets.window + onsets.hop
        found = onsets.advance(
            padded[max(0, end + onsets.window - behind) : end + onsets.window], end
        )
        flux.append(found[0])
        strengths.append(found[1])
    return np.concatenate(flux), np.concatenate(strengths)


@pytest.fixture(scope="module")
def rock() -> Made:
    return drums.drums("rock", 104, 51, 6.0)


@settings(max_examples=15, deadline=None)
@given(pieces=st.lists(st.integers(1, 4_000), min_size=1, max_size=4))
def test_what_is_found_does_not_depend_on_how_the_sound_comes(pieces: list[int]) -> None:
    sound = click(900.0, seconds=1.2, at_s=0.7)
    whole, pieced = hear(sound, [sound.size]), hear(sound, pieces)
    np.testing.assert_allclose(pieced[0], whole[0], atol=1e-3)
    np.testing.assert_array_equal(pieced[1] > 0, whole[1] > 0)


def test_onsets_are_the_same_at_any_tick_rate(rock: Made) -> None:
    slow, fast = (onset_times(*listen(rock.samples, fps=fps)) for fps in (25, 120))
    assert slow.size and drums.f_measure(slow, fast, 1 / 25)[0] > 0.99


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(("hz", "channel"), [(60.0, 1), (900.0, 2), (9_000.0, 3)])
def test_a_beginning_is_found_within_ten_milliseconds_in_its_own_part(
    hz: float, channel: int, rate: int
) -> None:
    if hz > rate / 2:
        return
    _, strengths = hear(click(hz, rate), [rate // 200], rate)
    step_s = Onsets(rate).hop / HOP / rate
    found = (np.flatnonzero(strengths[:, channel]) + 1) * step_s
    assert found.size == 1
    assert 1.0 <= found[0] <= (1.010 if hz > 100 else 1.015)


def test_parts_begin_only_where_something_begins(rock: Made) -> None:
    """The waves of a bass drum are no beginnings of their own."""
    _, strengths = hear(rock.samples, [rock.samples.size])
    whole = np.flatnonzero(strengths[:, 0])
    parts = np.flatnonzero(strengths[:, 1:].any(axis=1))
    assert parts.size > 20
    behind = parts - whole[np.searchsorted(whole, parts, side="right") - 1]
    assert behind.min() >= 0 and behind.max() * STEP_S * 1e3 <= 30, "ms"


def test_onsets_of_drums_and_of_harder_sound() -> None:
    for made, least in (
        (drums.drums("breakbeat", 128, 52, 6.0), 0.9),
        (drums.drums("four", 120, 53, 6.0), 0.9),
        (drums.syncopated(54, 6.0), 0.75),
        (drums.sung(55, 6.0), 0.75),
    ):
        found = onset_times(*listen(made.samples))
        assert drums.f_measure(found, made.onsets)[0] >= least, made.name


def test_nothing_begins_in_silence_and_little_in_noise() -> None:
    for kind, most in (("silence", 0), ("white", 5), ("pink", 5)):
        _, heard = listen(drums.beatless(kind, 56, 6.0).samples)
        assert sum(features.onset > 0 for features in heard) <= most, kind


def test_a_quiet_room_has_no_onsets() -> None:
    _, heard = listen(drums.room(6.0, -60.0))
    assert not any(features.onset for features in heard)


@settings(max_examples=30, deadline=None)
@given(
    ends=st.lists(st.integers(0, 200_000), min_size=1, max_size=8),
    size=st.integers(0, 3_000),
    rate=st.sampled_from(RATES),
)
def test_whatever_comes_flux_is_finite_and_strengths_are_shares(
    ends: list[int], size: int, rate: int
) -> None:
    onsets = Onsets(rate)
    sound = np.random.default_rng(size).choice([-1.0, 0.0, 1.0], size).astype(np.float32)
    for end in ends:
        flux, strengths = onsets.advance(sound, end)
        assert flux.shape[1] == strengths.shape[1] == CHANNELS
        assert abs(len(flux) * HOP - len(strengths)) < HOP
        assert np.isfinite(flux).all() and (flux >= 0).all()
        assert ((strengths >= 0) & (strengths <= 1)).all()


def test_between_ticks_a_beginning_is_noticed_and_told_once_at_the_next(rock: Made) -> None:
    """Attending in between finds what listening alone finds, sooner, and no other beat."""
    apart, between = Ear(), Ear()
    n = apart.n_samples
    padded = np.concatenate([np.zeros(n, np.float32), rock.samples[: 6 * RATE]])
    told: list[tuple[float, float]] = []
    noticed = 0
    for end in range(RATE // 240, 6 * RATE, RATE // 240):
        sound = Sound(padded[end : end + n], RATE, end, end / RATE)
        if end // (RATE // 240) % 4:
            noticed += between.attend(sound)
        else:
            heard = between.listen(sound, 1 / 60)
            assert not between.attend(sound)  # it is told of
            told.append((apart.listen(sound, 1 / 60).onset, heard.onset))
    one, other = np.array(told).T
    assert (one > 0).sum() > 10
    # The room's floor is followed once a tick: a hop between two goes by the one before.
    assert ((one > 0) == (other > 0)).all() and np.abs(one - other).max() < 0.05
    assert noticed > 10
    assert between.beat.bpm == pytest.approx(apart.beat.bpm, rel=0.01)
