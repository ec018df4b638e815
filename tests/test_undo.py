"""Undo, whatever was lost last: as someone who presses U sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import hear

from visualiser.calm import calm
from visualiser.controls import Command, Nudge, Stroke
from visualiser.curtain import CONTROLS as CURTAIN
from visualiser.decode import Inline
from visualiser.look import panes as look
from visualiser.show import Show
from visualiser.types import Tick
from visualiser.undo import MOST, History

U: Command = ("show.undo", Nudge(1))


class Played:
    """A show, and the loop around it as far as undo goes."""

    def __init__(self, show: Show) -> None:
        self.show, self.history, self.said = show, History(), []
        show.cues.history = self.history
        self.n = 0

    def frame(self, *commands: Command) -> list[Command]:
        """Returns all that was asked of the show in the end."""
        asked = list(commands)
        asked += self.history.commands(asked)
        if "stage.panic" in [id for id, _ in asked]:
            asked += calm(self.show.controls, self.show.paused, False)
        self.history.watch(asked, self.show)
        self.show.update(Tick(self.n, self.n / 60, 1 / 60), hear(), asked)
        self.n += 1
        self.said += self.show.notices + self.history.notices()
        self.show.notices.clear()
        return asked

    def held(self) -> list[float | None]:
        pins = self.show.pins
        return [
            round(float(at), 4) if held else None
            for at, held in zip(pins._wanted, pins.held, strict=True)
        ]


@pytest.fixture
def played(make_controls, models_folder: Path) -> Played:
    controls = make_controls(extra=[*look.declare(), *CURTAIN])
    played = Played(Show(controls, Inline(lambda frame: frame), 1, models_folder))
    played.frame()
    return played


@pytest.mark.parametrize("lost", ["release", "reset", "randomise", "lock"])
def test_directions_are_held_as_they_were(played: Played, lost: str) -> None:
    played.frame(("latents.1", 0.5), ("latents.3", -1.0))
    before = played.held()
    played.frame((f"latents.{lost}", Nudge(1)))
    assert played.held() != before
    played.frame(U)
    assert played.held() == before and played.said[-1].startswith("undone: the directions")
    played.frame(U)
    assert played.said[-1] == "there is nothing to undo"


def test_a_drawing_that_was_wiped_is_there_again_beside_what_was_drawn_since(
    played: Played,
) -> None:
    played.frame(("draw.line", Stroke((0.2, 0.2), (0.8, 0.2))))
    drawn = played.show.drawing
    played.frame(("draw.wipe", Nudge(1)))
    played.frame(("draw.wipe", Nudge(1)))  # of nothing: no step
    played.frame(("draw.line", Stroke((0.2, 0.8), (0.8, 0.8))))
    new = played.show.drawing
    played.frame(U)
    np.testing.assert_array_equal(played.show.drawing, np.maximum(drawn, new))
    assert played.said == ["undone: the drawing is there again"]


def test_after_panic_all_is_as_before_but_for_a_dark_stage(played: Played) -> None:
    set_before = [("show.speed", 3.0), ("show.driver", "random"), ("trails.on", True)]
    played.frame(*set_before, ("latents.2", 1.5), ("stage.black", True))
    held = played.held()
    played.frame(("stage.panic", Nudge(1)))
    controls = played.show.controls
    assert controls["show.driver"] == "perlin" and not any(played.held())
    played.frame(U)
    assert [(id, controls[id]) for id, _ in set_before] == set_before
    assert played.held() == held and controls["stage.black"] is False
    assert played.said[-1] == "undone: all is as it was before the panic"


def test_it_takes_back_one_after_the_other_whatever_it_was(played: Played) -> None:
    cues = played.show.cues
    played.frame(("cues.store", 1))
    played.frame(("draw.line", Stroke((0.2, 0.2), (0.8, 0.2))))
    played.frame(("draw.wipe", Nudge(1)))
    played.frame(("cues.clear", 1))
    played.frame(("latents.randomise", Nudge(1)))
    played.frame(U)
    assert not any(played.held()) and not cues.slots
    played.frame(U)
    assert list(cues.slots) == [1] and not played.show.drawing.any()
    played.frame(U)
    assert played.show.drawing.any()
    played.frame(U)
    assert not cues.slots


def test_what_was_brought_back_in_another_way_is_no_step_any_more(played: Played) -> None:
    played.frame(("draw.line", Stroke((0.2, 0.2), (0.8, 0.2))))
    played.frame(("draw.wipe", Nudge(1)))
    played.frame(("cues.store", 1))
    played.frame(("cues.store", 2))
    played.frame(("cues.undo", Nudge(1)))
    played.frame(("cues.undo", Nudge(1)))
    assert not played.show.cues.slots
    played.frame(U)
    assert played.show.drawing.any()


def test_the_same_commands_lead_to_the_same_show_without_a_history(
    played: Played, make_controls, models_folder: Path
) -> None:
    """A take holds commands alone; what was lost outside of the show is nothing to it."""
    given: list[list[Command]] = [
        [("latents.1", 1.0), ("draw.line", Stroke((0.2, 0.2), (0.8, 0.2)))],
        [("draw.wipe", Nudge(1)), ("cues.store", 1)],
        [("latents.randomise", Nudge(1))],
        [U],
        [U],
        [U],
    ]
    played.history.keep("a knob", ("midi.undo", True))
    asked = [played.frame(*commands) for commands in given]
    again = Show(make_controls(), Inline(lambda frame: frame), 1, models_folder)
    for n, commands in enumerate([[], *asked]):
        again.update(Tick(n, n / 60, 1 / 60), hear(), commands)
    np.testing.assert_array_equal(again.pins.held, played.show.pins.held)
    np.testing.assert_array_equal(again.drawing, played.show.drawing)
    assert again.cues.slots.keys() == played.show.cues.slots.keys()


def test_it_is_bounded(played: Played) -> None:
    for _ in range(MOST + 9):
        played.frame(("latents.randomise", Nudge(1)))
    for _ in range(MOST + 9):
        played.frame(U)
    assert played.said.count("there is nothing to undo") == 9
