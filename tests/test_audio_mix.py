"""Channels into one, whatever is wrong with them."""

from __future__ import annotations

import numpy as np
import pytest

from visualiser.audio.mix import Mix

TONE = (0.5 * np.sin(np.arange(4800) / 7)).astype(np.float32)
NOISE = np.random.default_rng(1).uniform(-0.5, 0.5, 4800).astype(np.float32)


def peak(samples: np.ndarray) -> float:
    return float(np.abs(samples).max())


def test_two_that_carry_something_are_averaged() -> None:
    mixed = Mix().mono(np.stack([TONE, NOISE], axis=1), 0.0)
    np.testing.assert_allclose(mixed, (TONE + NOISE) / 2, atol=1e-6)


@pytest.mark.parametrize("other", [0 * TONE, 1e-4 * NOISE, 0 * TONE + 0.3])
@pytest.mark.parametrize("first", [True, False])
def test_one_of_two_keeps_its_level(other: np.ndarray, first: bool) -> None:
    """Nothing, hiss, or a constant on the other."""
    both = [TONE, other] if first else [other, TONE]
    np.testing.assert_allclose(Mix().mono(np.stack(both, axis=1), 0.0), TONE, atol=1e-6)


def test_opposite_channels_do_not_cancel() -> None:
    mix = Mix()
    mixed = mix.mono(np.stack([TONE, -TONE], axis=1), 0.0)
    assert peak(mixed) == pytest.approx(0.5, abs=0.01)


def test_a_pause_on_one_channel_does_not_change_the_mix() -> None:
    mix = Mix()
    for _ in range(10):
        mix.mono(np.stack([TONE, NOISE], axis=1), 1 / 60)
    quiet = mix.mono(np.stack([TONE, 0 * NOISE], axis=1), 1 / 60)
    np.testing.assert_allclose(quiet, TONE / 2, atol=1e-3)


def test_the_mix_turns_without_a_step() -> None:
    mix = Mix()
    mix.mono(np.stack([TONE, 0 * TONE], axis=1), 0.0)
    peaks = [peak(mix.mono(np.stack([TONE, TONE * 0.1], axis=1), 1 / 60)) for _ in range(120)]
    assert np.abs(np.diff([0.5, *peaks])).max() < 0.06
    assert peaks[-1] == pytest.approx(0.275, abs=0.01)


@pytest.mark.parametrize("n", [0, 1, 100])
def test_silence_and_nothing_stay_what_they_are(n: int) -> None:
    mix = Mix()
    for channels in (2, 1, 3):
        mixed = mix.mono(np.zeros((n, channels), np.float32), 1 / 60)
        assert mixed.shape == (n,) and not mixed.any() and mixed.dtype == np.float32
    square = np.sign(TONE)
    assert peak(mix.mono(np.stack([square] * 3, axis=1), 1 / 60)) <= 1.0001 or n
