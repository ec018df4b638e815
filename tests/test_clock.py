"""The wall's clock: when ticks come, and when they are shown."""

from __future__ import annotations

import types

import numpy as np
import pytest

from visualiser import clock
from visualiser.clock import ASK_S, SHOWN_AFTER, WallClock


class Time(types.ModuleType):
    """A time that goes on only where something takes it."""

    def __init__(self) -> None:
        super().__init__("time")
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(clock, "time", made)
    return made


def shown(wall: Time, took: list[float], fps: float = 60.0) -> list[float]:
    """How long after its tick each frame is shown, if drawing takes so long."""
    found, made = [], WallClock(fps)
    for draw, tick in zip(took, made.ticks(), strict=False):
        began = wall.now
        assert tick.t == pytest.approx(began - made.began)
        wall.now += draw
        made.hold()
        found.append(wall.now - began)
    return found


def test_at_first_a_frame_has_all_its_room(wall: Time) -> None:
    assert shown(wall, [0.001])[0] == pytest.approx(SHOWN_AFTER / 60, rel=0.01)


def test_where_drawing_is_quick_frames_are_soon_shown_early_and_evenly(wall: Time) -> None:
    late = shown(wall, [0.002, 0.003] * 120)
    assert max(late[-60:]) < 0.0035
    assert max(late[-60:]) - min(late[-60:]) < 0.0005


def test_a_slow_frame_now_and_then_is_shown_at_once_and_delays_no_other(wall: Time) -> None:
    late = shown(wall, [*[0.002] * 200, *[*[0.002] * 19, 0.008] * 10])[200:]
    assert max(late[19::20]) == pytest.approx(0.008)
    del late[19::20]
    assert max(late) < 0.003


def test_where_drawing_becomes_slow_frames_are_soon_even_again(wall: Time) -> None:
    late = shown(wall, [*[0.002] * 200, *[0.006, 0.007, 0.008] * 30])
    assert max(late[-30:]) - min(late[-30:]) < 0.0006
    assert max(late) <= SHOWN_AFTER / 60 + 1e-9


def test_one_that_takes_too_long_is_shown_at_once_and_no_longer_waited_for(wall: Time) -> None:
    late = shown(wall, [0.05, 0.001])
    assert late == pytest.approx([0.05, SHOWN_AFTER / 60], rel=0.01)


def test_without_a_rate_nothing_waits(wall: Time) -> None:
    assert shown(wall, [0.004, 0.002], fps=0) == pytest.approx([0.004, 0.002])


def test_where_something_has_begun_the_next_tick_comes_at_once_and_is_shown_at_once(
    wall: Time,
) -> None:
    made, asked = WallClock(60), []

    def sooner(t: float) -> bool:
        asked.append(t)
        return 0.11 <= t < 0.1125

    ticks = []
    for tick in made.ticks(sooner):
        ticks.append(tick.t)
        wall.now += 0.004
        before = wall.now
        made.hold()
        if 0.11 <= tick.t < 0.1125:
            assert wall.now == before
        if tick.t > 0.2:
            break
    apart = np.diff(ticks)
    early = int(np.flatnonzero(np.array(ticks) >= 0.11)[0])
    assert ticks[early] == pytest.approx(0.11, abs=2 * ASK_S)
    assert ticks[early] - ticks[early - 1] < 1 / 60 - ASK_S
    assert np.delete(apart, early - 1) == pytest.approx(1 / 60)  # even times go on from there
    assert np.diff(asked).min() > 0


def test_a_clock_that_is_late_asks_nobody(wall: Time) -> None:
    asked = []
    for tick in WallClock(60).ticks(lambda t: bool(asked.append(t))):
        wall.now += 0.05
        if tick.index == 5:
            break
    assert not asked
