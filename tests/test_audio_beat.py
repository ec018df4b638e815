"""The beat: its tempo, its phase, and that it is not heard where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import drums
from benchmarks.drums import RATE, Made
from benchmarks.ear import beat_errors_s, listen
from visualiser.audio.beat import Beat
from visualiser.types import CONFIDENT, Features


def beats(heard: list[Features]) -> np.ndarray:
    return np.array([features.beats for features in heard])


@pytest.fixture(scope="module")
def four() -> tuple[Made, np.ndarray, list[Features]]:
    """Four on the floor for 8 s, a break of 3 s, and some more in time with it."""
    made = drums.drums("four", 120, 61, 14.0, start_s=0.5)
    made.samples[8 * RATE : 11 * RATE] = 0
    return made, *listen(made.samples)


@pytest.mark.parametrize(
    ("pattern", "bpm"),
    [("rock", 74), ("hip-hop", 91), ("breakbeat", 132), ("half-time", 143), ("drum and bass", 174)],
)
def test_tempo_and_phase_are_known_four_seconds_after_the_start(pattern: str, bpm: float) -> None:
    made = drums.drums(pattern, bpm, 62, 8.0)
    times, heard = listen(made.samples, fps=30)
    at = int(np.searchsorted(times, made.beats[0] + 4))
    assert heard[at].bpm == pytest.approx(bpm, rel=0.02)
    assert heard[at].beat_confidence >= CONFIDENT
    assert np.abs(beat_errors_s(made, times, heard)).max() < 0.04


def test_the_count_never_runs_backwards_and_goes_on_through_a_break(four) -> None:
    made, times, heard = four
    assert (np.diff(beats(heard)) >= 0).all()
    in_break = (times > 8) & (times < 11)
    errors = beat_errors_s(made, times, heard)
    assert np.abs(errors).max() < 0.04
    confidence = np.array([f.beat_confidence for f in heard])
    assert confidence[in_break][0] > 0.8 > confidence[in_break][-1] > 0.5
    assert (np.array([f.bpm for f in heard])[in_break] > 0).all()


@pytest.mark.parametrize("kind", ["white", "pink", "silence", "pad", "speech"])
def test_no_beat_is_reported_where_there_is_none(kind: str) -> None:
    _, heard = listen(drums.beatless(kind, 63, 8.0).samples, fps=30)
    assert max(features.beat_confidence for features in heard) < CONFIDENT


def test_another_tempo_after_a_pause_is_found_as_quickly() -> None:
    first, then = drums.drums("rock", 96, 64, 6.0), drums.drums("four", 128, 65, 6.0)
    pause = np.zeros(5 * RATE, np.float32)
    times, heard = listen(np.concatenate([first.samples, pause, then.samples]), fps=30)
    at = int(np.searchsorted(times, 11.0 + then.beats[0] + 4.2))
    assert heard[at].bpm == pytest.approx(128, rel=0.02)
    assert (np.diff(beats(heard)) >= 0).all()


def test_taps_give_the_tempo_and_the_phase() -> None:
    beat = Beat(0.005)
    for i in range(5):
        beat.tap(10 + i * 0.5)
        if i < 4:
            for _ in range(30):
                beat.advance(0.5 / 30)
    assert beat.bpm == pytest.approx(120)
    assert beat.confidence == 1.0
    for _ in range(120):  # two seconds, four beats
        beat.advance(1 / 60)
    assert (beat.beats + 0.5) % 1 - 0.5 == pytest.approx(0, abs=0.03)


def test_a_nudge_slews_and_a_scale_doubles() -> None:
    beat = Beat(0.005)
    beat.set(120, 0.0)
    beat.nudge(-0.25)
    counts = []
    for _ in range(240):
        beat.advance(1 / 60)
        counts.append(beat.beats)
    assert (np.diff(counts) > 0).all()
    assert counts[-1] == pytest.approx(4 * 2 - 0.25, abs=0.01)
    beat.scale(2)
    assert beat.bpm == 240
    beat.scale(0.5)
    assert beat.bpm == 120


@settings(max_examples=40, deadline=None)
@given(
    moves=st.lists(
        st.one_of(
            st.tuples(st.just("tap"), st.floats(0, 1e6)),
            st.tuples(st.just("nudge"), st.floats(-4, 4)),
            st.tuples(st.just("scale"), st.sampled_from([0.5, 2.0])),
            st.tuples(st.just("advance"), st.floats(0, 60)),
            st.tuples(st.just("hear"), st.floats(0, 20)),
        ),
        max_size=30,
    )
)
def test_whatever_is_done_the_count_only_grows(moves: list[tuple[str, float]]) -> None:
    beat = Beat(0.005)
    last = 0.0
    for what, value in moves:
        if what == "hear":
            beat.hear(np.full((60, 4), value))
        else:
            getattr(beat, what)(value)
        assert beat.beats >= last and np.isfinite(beat.beats)
        assert 0 <= beat.bpm <= 400 and 0 <= beat.confidence <= 1
        last = beat.beats
