"""Undo, whatever was lost last: as someone who presses U sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import hear
from program import wait_until

from visualiser.calm import calm
from visualiser.controls import Command, Nudge, Stroke
from visualiser.cue_files import Step
from visualiser.cue_folder import LOOK_S, Found
from visualiser.cues import Cues
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
        # Frame by frame: what was asked for, and what was found in the folder of cues.
        self.asked: list[list[Command]] = []
        self.found: list[Found | None] = []

    def frame(self, *commands: Command) -> list[Command]:
        """Returns all that was asked of the show in the end."""
        asked = list(commands)
        asked += self.history.commands(asked)
        if "stage.panic" in [id for id, _ in asked]:
            asked += calm(self.show.controls, self.show.paused, False)
        self.history.watch(asked, self.show)
        self.show.update(Tick(self.n, self.n / 60, 1 / 60), hear(), asked)
        self.n += 1
        self.asked.append(asked)
        self.found.append(self.show.cues.found)
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


@pytest.fixture
def on_disk(make_controls, models_folder: Path, tmp_path: Path) -> Iterator[Played]:
    """Two cues and a set list are in its folder."""
    controls = make_controls(cues__time=0.05)
    cues = Cues(controls, tmp_path / "cues")
    played = Played(Show(controls, Inline(lambda frame: frame), 1, models_folder, cues))
    played.frame()
    played.frame(("cues.store", 1), ("perlin.speed", 2.0))
    played.frame(("cues.store", 2))
    write(played, tmp_path / "cues" / "set.toml", "# ours\n[[step]]\ncue = 2\n[[step]]\ncue = 1\n")
    yield played
    played.show.close()


def write(played: Played, path: Path, text: str) -> None:
    """Change a file in the folder of cues, or take it away, and go on until that is found."""
    wait_until(lambda: played.frame() is not None and path.parent.exists(), "a folder")
    path.write_text(text) if text else path.unlink()
    n = played.n
    wait_until(lambda: played.frame() is not None and any(played.found[n:]), "a look", LOOK_S * 80)


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


def test_one_direction_is_held_again_and_others_stay_as_they_are(played: Played) -> None:
    played.frame(("latents.1", 0.5), ("latents.3", -1.0))
    played.frame(("latents.free", 2))  # which nobody holds: no step
    played.frame(("latents.free", 3))
    played.frame(("latents.1", 1.5))
    played.frame(U)
    assert played.held()[:3] == [1.5, None, -1.0]
    played.frame(U)
    assert played.said == ["undone: direction 3 is held again", "there is nothing to undo"]


def test_to_let_go_of_what_nobody_holds_is_no_step(played: Played) -> None:
    played.frame(("latents.release", Nudge(1)))
    played.frame(U)
    assert played.said == ["there is nothing to undo"]


def test_what_undo_takes_away_is_no_step(played: Played) -> None:
    played.frame(("latents.randomise", Nudge(1)))
    for _ in range(2):
        played.frame(U)
        assert not any(played.held())
    assert played.said[-1] == "there is nothing to undo"


def test_before_a_recall_directions_were_held(played: Played) -> None:
    played.frame(("cues.store", 1))
    played.frame(("latents.1", 0.5), ("latents.3", -1.0))
    held = played.held()
    played.frame(("cues.recall", 1))
    assert not any(played.held())
    played.frame(U)
    assert played.held() == held and played.said[-1] == "undone: back to what was before the cue"
    played.frame(("cues.recall", 1))
    assert not any(played.held()), "that one was stored without hands"


@pytest.mark.parametrize("text", ["[[step]]\ncue = 1\n", ""])
def test_a_set_list_that_was_written_over_or_removed_is_there_again(
    on_disk: Played, tmp_path: Path, text: str
) -> None:
    folder, cues = tmp_path / "cues", on_disk.show.cues
    before = (folder / "set.toml").read_text()
    write(on_disk, folder / "set.toml", text)
    assert cues.set_list.steps == (Step(1),) * bool(text)
    on_disk.frame(U)
    assert cues.set_list.steps == (Step(2), Step(1))
    assert on_disk.said[-1] == "undone: the set list has its 2 steps again"
    cues.close()
    assert (folder / "set.toml").read_text() == before, "with what its author said in it"
    old = folder / "old" / "set.toml"
    assert old.read_text() == text if text else not old.exists()


def test_cues_that_were_changed_by_hand_are_there_again(on_disk: Played, tmp_path: Path) -> None:
    folder, cues = tmp_path / "cues", on_disk.show.cues
    one, two = cues.slots[1], cues.slots[2]
    (folder / "3.toml").write_text((folder / "1.toml").read_text())
    (folder / "2.toml").unlink()
    mine = (folder / "1.toml").read_text().replace("name = ", 'name = "mine" # ')
    write(on_disk, folder / "1.toml", mine)
    wait_until(lambda: on_disk.frame() is not None and 2 not in cues.slots, "another look", 40)
    assert cues.slots[1].name == "mine"
    for _ in range(2):  # they were found in one look, or in two
        if (cues.slots[1], cues.slots.get(2)) != (one, two):
            on_disk.frame(U)
    assert cues.slots[1] is one and cues.slots[2] is two and 3 in cues.slots
    assert f"cue 2 is {two.name!r} again" in " ".join(on_disk.said)
    cues.close()
    assert (folder / "old" / "1.toml").read_text() == mine and (folder / "2.toml").exists()


def test_what_comes_into_a_folder_is_no_loss(on_disk: Played) -> None:
    """At the start, above all."""
    on_disk.frame(U)
    on_disk.frame(U)
    assert not on_disk.show.cues.slots, "of the two that were stored"
    on_disk.frame(U)
    assert on_disk.said[-1] == "there is nothing to undo" and on_disk.show.cues.set_list.steps


def test_a_take_of_it_has_the_same_set_list_and_cues(
    on_disk: Played, make_controls, models_folder: Path, tmp_path: Path
) -> None:
    played, cues = on_disk, tmp_path / "cues"
    write(played, cues / "set.toml", "[[step]]\ncue = 1\n")
    write(played, cues / "2.toml", "")
    played.frame(("latents.1", 0.5))
    for command in (("cues.recall", 1), U, U):
        played.frame(command)
    again = Show(make_controls(cues__time=0.05), Inline(lambda frame: frame), 1, models_folder)
    for n, (found, asked) in enumerate(zip(played.found, played.asked, strict=True)):
        if found is not None:
            again.cues.take(found)
        again.update(Tick(n, n / 60, 1 / 60), hear(), asked)
    assert again.cues.slots.keys() == played.show.cues.slots.keys() == {1, 2}
    assert again.cues.set_list.steps == played.show.cues.set_list.steps == (Step(1),)
    assert again.cues.set_list.at == played.show.cues.set_list.at
    assert again.pins.held.tolist() == played.show.pins.held.tolist() == [True, False, False]


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
