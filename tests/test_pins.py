"""Hands on the latent: what is held stays, what is let go goes back, and nothing jumps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import hear, make_model, ticks
from hypothesis import given, settings
from hypothesis import strategies as st

from visualiser.controls import Controls, Nudge
from visualiser.decode import Inline, Network
from visualiser.latents import EDGE
from visualiser.nets import checkpoint
from visualiser.pins import NAMES, Pins
from visualiser.show import Show, declare


@pytest.fixture
def show(tmp_path):
    model = make_model(latent_dim=3)
    checkpoint.write(tmp_path / "small.safetensors", model)
    made = Show(Controls(declare(["small"]), {"show.model": "small"}), Inline(Network().draw), 1,
                tmp_path)  # fmt: skip
    yield made
    made.close()


def along(show: Show, n: int, commands: dict[int, list[Any]] | None = None) -> np.ndarray:
    """(n, 3) where each of n more frames lies, deviations."""
    first = show._tick.index + 1
    frames = [
        show.update(tick, hear(), (commands or {}).get(i, ()))
        for i, tick in enumerate(ticks(first + n, first=first))
    ]
    return np.array([frame.along for frame in frames])


def test_a_direction_that_is_taken_goes_there_and_stays_while_the_others_go_on(show: Show) -> None:
    before = along(show, 30)
    held = along(show, 90, {0: [("latents.2", 1.5)]})
    assert held[-60:, 1] == pytest.approx(1.5, abs=1e-3)
    assert np.abs(np.diff(held[:, [0, 2]], axis=0)).max() > 1e-3
    steps = np.abs(np.diff(np.concatenate([before[-1:], held])[:, 1]))
    assert steps.max() < 0.5 * abs(1.5 - before[-1, 1]), "it jumped there"
    assert show.controls.number("latents.2") == pytest.approx(1.5, abs=1e-3)
    assert show.pins.held.tolist() == [False, True, False]


def test_it_is_there_within_two_frames_where_nothing_glides(show: Show) -> None:
    show.controls.apply(("latents.glide", 0.0))
    along(show, 5)
    assert along(show, 1, {0: [("latents.1", -0.5)]})[0, 0] == pytest.approx(-0.5)


def test_one_is_let_go_by_its_number_and_all_by_one_word(show: Show) -> None:
    free = Show(show.controls, Inline(Network().draw), 1, show._folder)
    along(show, 30, {0: [("latents.1", 1.0), ("latents.2", 1.0)]})
    along(free, 30)
    along(show, 1, {0: [("latents.free", 1)]})
    along(free, 1)
    assert show.pins.held.tolist() == [False, True, False]
    back, own = along(show, 240), along(free, 240)
    assert back[-1, 0] == pytest.approx(own[-1, 0], abs=1e-4)
    assert np.abs(np.diff(back[:, 0])).max() < 0.2
    assert back[-1, 1] == pytest.approx(1.0)
    along(show, 240, {0: [("latents.release", True)]})
    along(free, 240)
    assert (along(show, 1) == along(free, 1)).all(), "the driver has it all again"


def test_all_are_locked_reset_and_thrown(show: Show) -> None:
    there = along(show, 20)[-1]
    locked = along(show, 30, {0: [("latents.lock", True)]})
    assert np.abs(locked - there).max() < 1e-6
    assert np.abs(along(show, 60, {0: [("latents.reset", True)]})[-1]).max() < 1e-3
    thrown = along(show, 60, {0: [("latents.randomise", True)]})[-1]
    assert np.abs(thrown).max() > 0.05 and np.abs(thrown).max() <= EDGE


def test_arrows_move_it_in_steps_from_where_it_is_seen(show: Show) -> None:
    seen = along(show, 20)[-1, 0]
    after = along(show, 60, {0: [("latents.1", Nudge(2))], 1: [("latents.1", Nudge(1))]})[-1, 0]
    assert after == pytest.approx(min(max(seen + 0.3, -EDGE), EDGE), abs=1e-3)


def test_another_model_begins_with_free_hands() -> None:
    pins = Pins(3, 1)
    pins.hold(np.zeros(3, np.float32), 0.0, 0.05)
    pins.obey([("latents.3", 1.0)])
    assert pins.hold(np.zeros(5, np.float32), 1 / 60, 0.05).tolist() == [0.0] * 5
    assert not pins.held.any()


ANYTHING = st.one_of(st.floats(), st.integers(), st.booleans(), st.text(max_size=3), st.none(),
                     st.builds(Nudge, st.integers()))  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    commands=st.lists(
        st.tuples(
            st.sampled_from(
                [
                    *NAMES[:4],
                    NAMES[-1],
                    "latents.free",
                    "latents.lock",
                    "latents.reset",
                    "latents.randomise",
                    "latents.release",
                    "latents.0",
                    "latents.",
                    "latents.x",
                ]
            ),
            ANYTHING,
        ),
        max_size=12,
    )
)
def test_whatever_is_asked_places_stay_finite_and_in_their_range(commands: list[Any]) -> None:
    pins = Pins(3, 1)
    driver = np.array([0.5, -2.0, 2.0], np.float32)
    pins.hold(driver, 0.0, 0.05)
    for command in commands:
        pins.obey([command])
        at = pins.hold(driver, 1 / 60, 0.05)
        assert np.isfinite(at).all() and np.abs(at).max() <= EDGE + 1e-6
