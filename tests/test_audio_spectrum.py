"""Windows and bands: quick to transform, the same time at any rate, and no power lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visualiser.audio.spectrum import SILENCE_DBFS, Spectrum, db, level_db, samples_of

RATES = [8_000, 11_025, 22_050, 44_100, 48_000, 88_200, 96_000, 192_000]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("seconds", [256 / 48_000, 512 / 48_000, 0.0213, 2048 / 48_000])
def test_a_window_holds_its_time_in_a_length_without_large_primes(
    seconds: float, rate: int
) -> None:
    n = left = samples_of(seconds, rate)
    for prime in (2, 3, 5, 7):
        while left % prime == 0:
            left //= prime
    assert left == 1 and n % 2 == 0
    assert seconds * rate - 2 <= n <= max(16, 1.06 * seconds * rate + 2)


def test_at_the_usual_rate_windows_are_powers_of_two() -> None:
    assert [samples_of(s, 48_000) for s in (512 / 48_000, 0.0213, 2048 / 48_000)] == [
        512, 1024, 2048,
    ]  # fmt: skip


@pytest.mark.parametrize("rate", RATES)
def test_the_power_of_a_tone_is_in_the_bands(rate: int) -> None:
    edges_hz = np.geomspace(40, 16_000, 17)
    spectrum = Spectrum(edges_hz, 2048, rate)
    for hz in (100.0, 440.0, 3_000.0):
        tone = 0.5 * np.sin(np.arange(spectrum.long) * 2 * np.pi * hz / rate).astype(np.float32)
        powers = spectrum.powers(tone + np.float32(0.2))
        assert powers.shape == (16,) and powers.dtype == np.float32
        assert powers.sum() == pytest.approx(0.125, rel=0.05)
        near = int(np.searchsorted(edges_hz, hz)) - 1
        assert powers[max(near - 1, 0) : near + 2].sum() > 0.8 * powers.sum()


@given(st.floats(0, 10))
def test_a_number_has_the_decibels_of_an_array(power: float) -> None:
    assert level_db(power) == pytest.approx(float(db(np.array(power))), abs=1e-9)
    assert level_db(power) >= SILENCE_DBFS
