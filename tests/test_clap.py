"""Sound and picture of a film are in step at any rate; the benchmark `clap` has the rest."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmarks import clap


@pytest.mark.parametrize(
    ("fps", "rate", "codec"),
    [(Fraction(60), 48_000, ""), (clap.NTSC, 44_100, ""), (Fraction(24), 44_100, "libmp3lame")],
)
def test_a_click_and_its_flash_are_within_a_frame(
    tmp_path: Path, fps: Fraction, rate: int, codec: str
) -> None:
    song = clap.song(tmp_path / "song.wav", 4, rate)
    if codec:
        song = clap.converted(song, tmp_path / "song.mp3", codec, rate)
    found = clap.rendered(song, fps)
    assert len(found.clicks) == 2
    assert np.abs(found.flashes - found.clicks).max() < 0.6 / fps
    assert found.length_s[0] == pytest.approx(4.0, abs=0.06)
