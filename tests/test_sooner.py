"""When the next tick does not wait for its even time."""

from __future__ import annotations

import pytest

from visualiser.sooner import REST_S, Sooner


class Hand:
    """has_asked: whether something waits to be taken by a tick."""

    def __init__(self) -> None:
        self.has_asked = False
        self.begins = False
        self.sooner = Sooner(lambda t: self.begins, lambda: False, lambda: self.has_asked)


@pytest.fixture
def hand() -> Hand:
    return Hand()


def test_nothing_new_waits(hand: Hand) -> None:
    assert not any(hand.sooner(n / 1000) for n in range(500))


def test_a_press_brings_the_next_tick_at_once_even_where_a_frame_is_given_up_for_it(
    hand: Hand,
) -> None:
    hand.has_asked = True
    assert hand.sooner(1.0) and hand.sooner(1.001)
    hand.has_asked = False
    assert not hand.sooner(1.002)
    hand.has_asked = True
    assert hand.sooner(1.002 + REST_S)


def test_in_a_sweep_only_its_begin_comes_sooner(hand: Hand) -> None:
    taken = 0
    for ms in range(2000):  # a message each millisecond, taken by a tick each 16
        hand.has_asked = True
        if ms % 16 == 0:
            hand.has_asked = False
        taken += hand.sooner(ms / 1000)
    assert taken <= 6


def test_sound_that_begins_never_rests(hand: Hand) -> None:
    hand.begins = True
    assert all(hand.sooner(n / 1000) for n in range(50))
