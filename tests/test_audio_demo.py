"""The demo loop and its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from visualiser.audio.demo import LOOP, SAMPLERATE, demo_samples, main, write_demo
from visualiser.audio.file import DEMO, AudioFile, audio_duration_s
from visualiser.types import UserError


@pytest.fixture(scope="module")
def loop() -> np.ndarray:
    return demo_samples()


def decoded(path: Path) -> np.ndarray:
    sound = AudioFile(path)
    seconds = LOOP // SAMPLERATE
    return np.concatenate([sound.window(t, SAMPLERATE).samples for t in range(1, seconds + 1)])


def test_the_file_is_what_the_generator_makes(loop: np.ndarray) -> None:
    assert DEMO.stat().st_size < 1_500_000
    assert audio_duration_s(DEMO) == 16.0
    np.testing.assert_allclose(decoded(DEMO), loop, rtol=0, atol=2 / 32768)


def test_it_is_music_of_ordinary_level_with_a_quiet_break(loop: np.ndarray) -> None:
    assert loop.dtype == np.float32 and loop.shape == (LOOP,)
    assert np.abs(loop).max() == pytest.approx(10 ** (-1 / 20), rel=1e-3)
    bars_db = 10 * np.log10((loop.reshape(8, -1) ** 2).mean(axis=1))
    assert (bars_db[[0, 1, 2, 3, 6, 7]] > -16).all()
    assert (bars_db[[4, 5]] < -22).all()


def test_it_has_no_seam(loop: np.ndarray) -> None:
    # The kick of the first beat begins softly enough: no step there is larger than elsewhere.
    steps = np.abs(np.diff(np.concatenate([loop[-2000:], loop[:40]])))
    assert steps[1990:].max() < 0.1


def test_another_seed_is_another_take(loop: np.ndarray) -> None:
    other = demo_samples(seed=7)
    assert other.shape == loop.shape and np.abs(other - loop).max() > 0.01


def test_a_file_that_is_there_is_kept_unless_forced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "demo.flac"
    path.write_text("mine")
    with pytest.raises(UserError, match="--force"):
        write_demo(path)
    with pytest.raises(SystemExit) as left:
        main([str(path)])
    assert left.value.code == 1
    assert "--force" in capsys.readouterr().err
    assert path.read_text() == "mine"
    main(["--force", str(path)])
    np.testing.assert_array_equal(decoded(path), decoded(DEMO))
