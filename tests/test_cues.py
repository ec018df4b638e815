"""Cues: what is stored comes back, without a jump, and can be taken back; the set list."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pygame
import pytest
from conftest import hear, make_model, picture_of
from hypothesis import given, settings
from hypothesis import strategies as st

from visualiser.controls import Command, Controls, Nudge
from visualiser.cue_controls import KEYS
from visualiser.cue_files import SLOTS
from visualiser.cues import Cues
from visualiser.decode import Inline
from visualiser.frame import Frame
from visualiser.look import panes
from visualiser.morph import EASINGS, PATHS, between
from visualiser.show import Show
from visualiser.thumbnails import SIDE, Thumbnails
from visualiser.types import Tick
from visualiser.undo import MOST

FPS = 60
STORE: Command = ("cues.store", Nudge(1))
NEXT: Command = ("cues.next", Nudge(1))
BACK: Command = ("cues.previous", Nudge(1))
UNDO_IT: Command = ("cues.undo", Nudge(1))
CLEAR: Command = ("cues.clear", Nudge(1))
GO: Command = ("cues.go", Nudge(1))


class Played:
    """A show that goes on a few ticks at a time, without networks: pictures say where it is."""

    def __init__(self, show: Show, beats_a_second: float = 0.0) -> None:
        self.show, self.cues, self.controls = show, show.cues, show.controls
        self.index, self.t, self.fps = 0, 0.0, FPS
        self.beats_a_second = beats_a_second
        self.frames: list[Frame] = []
        self.lines: list[str] = []
        self.plays: list[tuple[float, int | None]] = []  # when a cue came, s, and which

    def play(self, n: int, *commands: Command) -> Frame:
        """n ticks; the command comes in the first one, and others in ticks of their own before."""
        for command in commands[:-1]:
            self._tick([command])
        for i in range(n):
            self._tick(commands[-1:] if i == 0 else ())
        return self.frames[-1]

    def _tick(self, commands: Sequence[Command]) -> None:
        dt = 1 / self.fps if self.index else 0.0
        self.t += dt
        tick = Tick(self.index, self.t, dt)
        self.index += 1
        pace = self.beats_a_second
        heard = hear(0.5, 0.2)
        heard = replace(heard, bpm=60 * pace, beats=pace * tick.t, beat_confidence=1.0)
        self.frames.append(self.show.update(tick, heard, commands))
        self.lines += self.show.notices
        self.show.notices.clear()
        current = self.cues.view.current
        if not self.plays or self.plays[-1][1] != current:
            self.plays.append((tick.t, current))

    def store(self) -> np.ndarray:
        """Store what is seen; where that is."""
        seen = self.frames[-1].z
        self.play(1, STORE)
        return seen

    def wait(self, seconds: float, *commands: Command) -> Frame:
        return self.play(round(seconds * self.fps), *commands)

    @property
    def points(self) -> np.ndarray:
        """(n, n_directions) of all ticks up to now, as far as they are of one model."""
        model = self.frames[-1].model
        return np.array([f.model.latents.along(f.z) for f in self.frames if f.model is model])


@pytest.fixture
def make_played(make_controls, models_folder: Path) -> Callable[..., Played]:
    def make(folder: Path | None = None, beats: float = 0.0, **values: object) -> Played:
        values.setdefault("cues__time", 1.0)
        controls = make_controls(extra=panes.declare(), **values)
        cues = Cues(controls, folder, waits=True)
        show = Show(controls, Inline(draw), 1, models_folder, cues)
        closing.append(show)
        played = Played(show, beats)
        played.play(1)
        return played

    closing: list[Show] = []
    yield make
    for show in closing:
        show.close()


def draw(frame: Frame) -> Frame:
    z = frame.z if frame.z is not None else np.zeros(frame.model.latents.latent_dim, np.float32)
    return replace(frame, z=z, image=picture_of(z))


# --- there and back


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("easing", EASINGS)
def test_a_recall_ends_exactly_at_what_was_stored_and_never_jumps(
    make_played, path: str, easing: str
) -> None:
    played = make_played(cues__path=path, cues__easing=easing, show__fade=0.5)
    played.play(30)
    then = dict(played.controls.values)
    stored = played.store()
    changes: list[Command] = [
        ("perlin.speed", 4.0), ("perlin.cells", 14.0), ("look.brightness", 0.0),
        ("show.return", 0.1), ("show.driver", "random"), ("look.palette", "gallery"),
        ("trails.on", True), ("random.hold", 7.0), ("look.fade", 3.0),
    ]  # fmt: skip
    played.wait(2, *changes)
    numbers = [c.id for c in played.controls if c.kind == "number" and c.id in then]
    seen, at = [], len(played.frames)
    for _ in range(FPS):
        played.play(1, *([("cues.recall_1", Nudge(1))] if not seen else []))
        seen.append([played.controls[id] for id in numbers if id not in ("look.fade", "show.fade")])
        if len(seen) == 1:
            assert played.controls["look.palette"] == "ember" and not played.controls["trails.on"]
    assert dict(played.controls.values) == then
    np.testing.assert_allclose(played.frames[-1].z, stored, atol=1e-6)
    steps = np.abs(np.diff(played.points[at - 2 :], axis=0)).max(axis=1)
    assert steps.max() < 0.2, "the point jumps"
    moves = np.abs(np.diff(np.array(seen), axis=0)).max(axis=0)
    for id, move in zip([i for i in numbers if i not in ("look.fade", "show.fade")], moves,
                        strict=True):  # fmt: skip
        control = played.controls.get(id)
        assert move <= 0.08 * (control.hi - control.lo), f"{id} jumps"


def test_numbers_that_a_nudge_multiplies_move_evenly_in_steps_of_it(make_played) -> None:
    played = make_played(cues__easing="linear")
    played.play(2, ("perlin.cells", 1.0))
    played.store()
    played.play(2, ("perlin.cells", 9.0))
    played.play(30, ("cues.recall", 1))
    assert played.controls.number("perlin.cells") == pytest.approx(3.0, rel=1e-3)


@given(
    a=st.lists(st.floats(-3, 3), min_size=5, max_size=5),
    b=st.lists(st.floats(-3, 3), min_size=5, max_size=5),
    path=st.sampled_from(PATHS),
)
def test_every_way_begins_and_ends_where_it_should_and_has_no_gap(a: list, b: list, path: str):
    start, end = np.array(a, np.float32), np.array(b, np.float32)
    way = np.array([between(start, end, share, path) for share in np.linspace(0, 1, 101)])
    np.testing.assert_allclose(way[0], start, atol=1e-5)
    np.testing.assert_allclose(way[-1], end, atol=1e-5)
    far = np.linalg.norm(way, axis=1)
    ends = sorted((far[0], far[-1]))
    assert far.max() <= ends[1] + 1e-4
    # A half turn at most, and the way out or in.
    most = (np.pi * ends[1] + ends[1] - ends[0]) / 100
    assert np.linalg.norm(np.diff(way, axis=0), axis=1).max() <= 1.2 * most + 1e-4
    if path == "spherical" and ends[0] > 0.1 and abs(start @ end) < 0.99 * ends[0] * ends[1]:
        assert far.min() >= ends[0] - 1e-3


def test_recalling_what_is_there_already_moves_nothing_away(make_played) -> None:
    played = make_played(perlin__speed=0.0)
    played.play(10)
    here = played.store()
    at = len(played.frames)
    played.wait(1.0, ("cues.recall", 1))
    way = np.array([frame.z for frame in played.frames[at:]])
    np.testing.assert_allclose(way, np.tile(here, (FPS, 1)), atol=1e-5)


def test_a_hand_on_a_control_takes_it_out_of_the_morph(make_played) -> None:
    played = make_played()
    played.play(2, STORE)
    played.play(2, ("perlin.speed", 2.0), ("look.fade", 2.0))
    played.play(10, ("cues.recall", 1))
    played.wait(2, ("perlin.speed", 9.0), ("look.fade", 5.0))
    assert played.controls["perlin.speed"] == 9.0 and played.controls["look.fade"] == 5.0
    played.wait(2, ("cues.recall", 1))
    assert played.controls["perlin.speed"] == 0.25 and played.controls["look.fade"] == 0.8


def test_a_recall_in_the_middle_of_another_goes_on_from_there(make_played) -> None:
    played = make_played(perlin__speed=1.0)
    for _ in range(3):
        played.play(60, STORE)
    for slot in (1, 3, 2, 1, 3):
        played.play(17, ("cues.recall", slot))
    assert np.abs(np.diff(played.points, axis=0)).max() < 0.2
    played.wait(1.1)
    assert played.cues.view.share == 1.0
    assert played.controls["look.fade"] == 0.8, "a fade that lasted as long as the morph stayed so"


def test_what_is_stored_in_the_middle_of_a_morph_has_its_own_fades(make_played) -> None:
    played = make_played(cues__time=3.0)
    played.store()
    played.play(2, ("look.fade", 0.5))
    played.play(20, ("cues.recall", 1))
    assert played.controls["look.fade"] == 3.0
    played.play(1, STORE)
    assert played.cues.slots[2].controls["look.fade"] == 0.8


@pytest.mark.parametrize("stays", [True, False])
def test_it_stays_at_a_cue_or_drifts_away(make_played, stays: bool) -> None:
    played = make_played(perlin__speed=1.0, show__return=2.0, cues__stay=stays)
    played.play(30)
    stored = played.store()
    played.wait(3)
    played.wait(1, ("cues.recall", 1))
    np.testing.assert_allclose(played.frames[-1].z, stored, atol=1e-6)
    played.play(2)
    assert np.abs(played.frames[-1].z - stored).max() < 0.2
    played.wait(8)
    assert (np.abs(played.frames[-1].z - stored).max() < 1e-6) == stays
    at = len(played.frames)
    played.wait(1, ("cues.stay", False))
    assert np.abs(np.diff(played.points[at - 2 :], axis=0)).max() < 0.2
    assert np.abs(played.frames[-1].z - stored).max() > 1e-3


def test_what_hands_hold_is_stored_as_it_is_seen_and_let_go_when_a_cue_comes(make_played) -> None:
    played = make_played(perlin__speed=1.0)
    played.wait(1, ("latents.1", 1.5))
    held = played.store()
    assert played.frames[-1].along[0] == pytest.approx(1.5, abs=0.01)
    played.wait(3, ("latents.release", True))
    played.wait(1, ("latents.2", -1.0))
    played.cues.slots[2] = replace(played.cues.slots[1])
    at = len(played.frames)
    played.wait(6, ("cues.time", 6.0), ("cues.recall", 1))
    assert not played.show.pins.held.any()
    np.testing.assert_allclose(played.frames[-1].z, held, atol=1e-3)
    assert np.abs(np.diff(played.points[at - 2 :], axis=0)).max() < 0.2


def test_it_comes_back_also_while_paused_and_then_stands_still(make_played) -> None:
    played = make_played()
    played.play(30)
    stored = played.store()
    played.wait(3)
    played.play(5, ("show.pause", Nudge(1)))
    played.wait(3, ("cues.recall", 1))
    np.testing.assert_allclose(played.frames[-1].z, stored, atol=1e-6)


def test_the_same_commands_are_the_same_show(make_played) -> None:
    def one() -> np.ndarray:
        played = make_played()
        played.play(20, ("perlin.speed", 2.0))
        played.wait(2, STORE)
        played.wait(2, ("cues.recall", 1), ("show.driver", "random"))
        return played.points

    np.testing.assert_array_equal(one(), one())


# --- models


def test_a_cue_brings_its_model_back(make_played) -> None:
    played = make_played()
    played.play(20)
    stored = played.store()
    played.wait(1, ("show.model", "wide"))
    played.play(1, ("cues.recall", 1))
    assert played.frames[-1].model.name == "small" and played.frames[-1].fade_s == 1.0
    played.wait(1)
    np.testing.assert_allclose(played.frames[-2].z, stored, atol=1e-6)
    played.play(3)
    assert played.frames[-1].fade_s is None
    assert played.play(1, ("show.model", "wide")).fade_s is None, "as look.model_fade says"


def test_a_cue_of_another_model_of_that_name_keeps_all_but_its_point(make_played) -> None:
    played = make_played()
    played.store()
    cue = played.cues.slots[1]
    played.cues.slots[1] = replace(cue, point=np.zeros(7, np.float32))
    played.wait(2, ("perlin.speed", 3.0), ("cues.recall", 1))
    assert played.controls["perlin.speed"] == 0.25
    assert any("small has 3 directions" in line and "with 7" in line for line in played.lines)
    assert np.abs(np.diff(played.points, axis=0)).max() < 0.2


def test_a_cue_whose_model_is_broken_leaves_the_show_playing(
    make_controls, models_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "small.safetensors").write_bytes((models_folder / "small.safetensors").read_bytes())
    (tmp_path / "wide.safetensors").write_bytes(b"no model")
    controls = make_controls(extra=panes.declare(), cues__time=0.5)
    played = Played(Show(controls, Inline(draw), 1, tmp_path))
    played.play(2)
    played.store()
    played.cues.slots[2] = replace(played.cues.slots[1], model="wide")
    played.wait(1, ("cues.recall", 2))
    assert played.frames[-1].model.name == "small" and controls["show.model"] == "small"
    assert len(played.lines) == 2 and "wide" in played.lines[1]


@pytest.mark.parametrize("size", [(320, 160), (160, 90)])
@pytest.mark.parametrize("alone", [True, False])
def test_the_picture_of_a_model_fades_into_the_next_ones_without_a_cut(
    size: tuple[int, int], alone: bool
) -> None:
    """Black and white pictures: with a cut all would change at once."""
    controls = Controls(panes.declare(), {"look.output_only": alone, "look.model_fade": 0.5})
    drawn, canvas = panes.Panes(controls), pygame.Surface(size, 0, 32)
    models = [make_model("one"), make_model("two", 8, 16, (20, 10), 5)]

    def seen(n: int, which: int, fade_s: float | None = None) -> np.ndarray:
        z = np.zeros(models[which].latents.latent_dim, np.float32)
        image = np.full((12, 12), float(which), np.float32)
        tick = Tick(n, n / FPS, 1 / FPS)
        frame = Frame(tick, models[which], z, image=image, along=z, fade_s=fade_s)
        drawn.begin(canvas, tick.t)
        drawn.draw(frame, canvas, tick, hear())
        return pygame.surfarray.array3d(canvas)[drawn.boxes[1].left + 2 :].mean()

    first = [seen(n, 0) for n in range(5)]
    fading = [seen(n, 1) for n in range(5, 60)]
    way = fading[-1] - first[-1]
    assert abs(way) > 30 and len(set(first)) == 1
    steps = np.diff([first[-1], *fading])
    assert np.abs(steps).max() < 0.08 * abs(way), "a cut"
    assert np.abs(steps[:25]).min() > 0, "it stands still for a moment"
    assert np.abs(steps[31:]).max() == 0, "and it ends in time"
    # Back in the middle of a fade, in the time that a cue takes.
    again = [seen(n, 0, 1.0) for n in range(60, 75)] + [seen(n, 1, 1.0) for n in range(75, 140)]
    assert np.abs(np.diff([fading[-1], *again])).max() < 0.08 * abs(way)
    controls.apply(("look.model_fade", 0.0))
    assert abs(seen(140, 0) - first[0]) < 1, "0 s is a cut"


def test_a_fade_that_begins_as_the_panes_move_covers_the_whole_of_the_new_one() -> None:
    controls = Controls(panes.declare(), {"look.model_fade": 2.0})
    drawn, canvas = panes.Panes(controls), pygame.Surface((320, 160), 0, 32)
    for n, model in enumerate([make_model("one"), make_model("two")]):
        z = np.zeros(3, np.float32)
        image = np.full((12, 12), float(n), np.float32)
        tick = Tick(n, n / FPS, 1 / FPS)
        frame = Frame(tick, model, z, image=image, along=z)
        controls.apply(("look.output_only", n == 1))
        drawn.draw(frame, canvas, tick, hear())
        drawn.begin(canvas, tick.t)
    columns = pygame.surfarray.array3d(canvas).astype(int).mean(axis=(1, 2))[100:220]
    assert np.ptp(columns) < 4, "an edge of the pane as it was"


# --- slots


def test_insert_takes_the_next_free_slot_and_the_one_that_was_just_cleared(make_played) -> None:
    played = make_played()
    for _ in range(4):
        played.play(1, STORE)
    assert sorted(played.cues.slots) == [1, 2, 3, 4] and played.cues.view.current == 4
    played.play(1, ("cues.recall_2", Nudge(1)))
    played.play(1, CLEAR)
    played.play(1, ("cues.clear", 1))
    played.play(1, ("cues.recall_3", Nudge(1)), CLEAR, STORE)
    assert sorted(played.cues.slots) == [3, 4]
    played.play(1, STORE)
    assert sorted(played.cues.slots) == [1, 3, 4]
    played.play(1, ("cues.store", 64.0), ("cues.store", 65.0), ("cues.store", 0))
    assert sorted(played.cues.slots) == [1, 3, 4, 64]
    played.play(1, *[STORE] * SLOTS)
    assert len(played.cues.slots) == SLOTS and "all 64 cues are taken" in played.lines[-1]


def test_what_is_not_there_is_said(make_controls, models_folder: Path) -> None:
    played = Played(Show(make_controls(), Inline(draw), 1, models_folder))
    played.play(1, STORE)
    assert played.lines == ["nothing is stored: nothing has been played yet"]
    played.play(1, ("cues.recall_5", Nudge(1)), CLEAR, UNDO_IT, GO, NEXT)
    assert played.lines[1:] == [
        "there is no cue 5: insert stores what is seen",
        "nothing is cleared: no cue has come yet",
        "there is nothing to undo",
        "there is no set list yet: insert stores the first cue",
        "there is no cue yet: insert stores one",
    ]


def test_undo_takes_back_storing_clearing_and_recalling_one_after_the_other(make_played) -> None:
    played = make_played(perlin__speed=0.5)
    played.play(5)
    played.wait(1, STORE, ("perlin.speed", 2.0))
    first = played.cues.slots[1]
    played.play(1, ("cues.store", 1))
    second = played.cues.slots[1]
    assert second is not first and second.controls["perlin.speed"] == 2.0
    played.wait(1, ("cues.store", 2), ("perlin.speed", 8.0))
    before = played.frames[-1].z
    played.wait(3, ("cues.recall", 1))
    played.play(1, ("cues.clear", 1))
    assert sorted(played.cues.slots) == [2]
    played.play(1, UNDO_IT)
    assert played.cues.slots[1] is second
    at = len(played.frames)
    played.wait(1, UNDO_IT)  # the recall
    assert played.controls["perlin.speed"] == 8.0
    np.testing.assert_allclose(played.frames[-1].z, before, atol=0.05)
    assert np.abs(np.diff(played.points[at - 2 :], axis=0)).max() < 0.2
    played.play(1, UNDO_IT)
    assert sorted(played.cues.slots) == [1]
    played.play(1, UNDO_IT)
    assert played.cues.slots[1] is first
    played.play(2, UNDO_IT)
    played.play(2, UNDO_IT)
    assert played.cues.slots == {} and played.lines[-1] == "there is nothing to undo"


def test_undo_of_a_clear_or_a_store_leaves_the_set_list_where_it_was(make_played) -> None:
    played = stored(make_played(cues__time=0.05), 4)
    played.play(10, ("cues.recall", 2))
    for _ in range(2):
        for change in (CLEAR, ("cues.store", 9)):
            played.play(1, change, UNDO_IT)
            assert sorted(played.cues.slots) == [1, 2, 3, 4]
            assert played.cues.view.current == 2 and played.cues.view.coming == 3


def test_undo_of_a_recall_leaves_the_set_list_where_it_was_though_its_cue_is_gone(
    make_played,
) -> None:
    played = stored(make_played(cues__time=0.05), 3)
    played.play(5, ("cues.recall", 2))
    played.play(5, CLEAR)
    played.play(5, NEXT)
    played.play(5, UNDO_IT)
    assert played.cues.view.coming == 3
    played.play(5, NEXT)
    assert played.cues.view.current == 3


@pytest.mark.parametrize("at", [None, 3])
def test_undo_of_the_first_step_of_a_set_list_stops_it_again(make_played, at: int | None) -> None:
    played = stored(make_played(cues__time=0.05), 3)
    if at is not None:
        played.play(5, ("cues.recall", at))
    before = played.cues.view
    played.play(5, GO)
    assert played.cues.view.current == 1 and played.cues.view.set_list == "step 1 of 3, next by key"
    played.play(5, UNDO_IT)
    assert played.cues.view == before and played.cues.view.set_list == ""


def test_undo_goes_back_a_bounded_number_of_steps(make_played) -> None:
    played = make_played()
    played.play(2)
    played.play(1, *[("cues.store", n) for n in range(1, MOST + 9)])
    played.play(1, *[UNDO_IT] * 100)
    assert sorted(played.cues.slots) == list(range(1, 9))


def test_cues_are_there_the_next_time_and_nothing_is_lost(make_played, tmp_path: Path) -> None:
    folder = tmp_path / "cues"
    played = make_played(folder)
    played.wait(0.1)
    played.play(1, STORE, ("perlin.speed", 3.0))
    played.play(1, ("cues.store", 1), ("cues.store", 2))
    stored = played.cues.slots
    played.play(1, ("cues.clear", 2), UNDO_IT)
    played.show.close()
    again = make_played(folder)
    again.play(1)
    assert sorted(again.cues.slots) == [1, 2] and again.lines == []
    for slot, cue in again.cues.slots.items():
        assert cue.controls == stored[slot].controls and cue.name == stored[slot].name
        np.testing.assert_array_equal(cue.point, stored[slot].point)
    assert sorted(path.name for path in (folder / "old").iterdir()) == ["1.toml", "2.toml"]


def test_a_slot_whose_file_is_nonsense_is_not_free(make_played, tmp_path: Path) -> None:
    folder = tmp_path / "cues"
    folder.mkdir()
    (folder / "1.toml").write_text("mine")
    (folder / "3.toml").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "4.toml")
    played = make_played(folder)
    played.play(3)
    played.play(1, STORE)
    assert sorted(played.cues.slots) == [2] and "1.toml: it is not TOML" in played.lines[0]
    played.play(1, ("cues.store", 1))
    played.show.close()
    assert (folder / "old" / "1.toml").read_text() == "mine"


ANYTHING = st.one_of(
    st.booleans(), st.floats(), st.integers(), st.text(max_size=4), st.just(Nudge(1))
)
NAMES = ["recall", "recall_1", "recall_9", "recall_x", "next", "previous", "store", "clear", "undo",
         "go", "time", "easing", "advance", "loop", "stay", "path", "nonsense"]  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(commands=st.lists(st.tuples(st.sampled_from(NAMES), ANYTHING), max_size=20))
def test_whatever_comes_the_show_goes_on(commands: list, models_folder: Path) -> None:
    from visualiser.show import declare

    controls = Controls([*declare(["small", "wide"]), *panes.declare()], {"show.model": "small"})
    played = Played(Show(controls, Inline(draw), 1, models_folder))
    for name, value in commands:
        played.play(2, (f"cues.{name}", value))
    assert np.isfinite(played.play(2).z).all()
    assert all(1 <= slot <= SLOTS for slot in played.cues.slots)


# --- the set list


def stored(played: Played, n: int) -> Played:
    for _ in range(n):
        played.play(10, STORE)
    played.plays.clear()
    return played


def test_next_and_previous_go_through_all_cues_and_stop_at_the_ends(make_played) -> None:
    played = make_played(cues__time=0.2)
    played.play(2, ("cues.store", 5), ("cues.store", 2), ("cues.store", 9))
    played.play(2, ("cues.store", 5), ("cues.store", 2), ("cues.store", 9))
    played.play(1, ("cues.recall", 2))
    found = []
    for command in (NEXT, NEXT, NEXT, BACK, BACK, BACK):
        played.play(15, command)
        found.append(played.cues.view.current)
    assert found == [5, 9, 9, 5, 2, 2]
    assert [line for line in played.lines if "was the" in line] == [
        "this was the last cue", "this was the first cue",
    ]  # fmt: skip
    played.play(1, ("cues.loop", True), BACK)
    assert played.cues.view.current == 9


def test_by_time_each_cue_comes_when_it_should(make_played) -> None:
    played = stored(make_played(cues__advance="time", cues__hold_s=2.0, cues__time=0.5), 3)
    began = played.index / FPS
    played.wait(9, GO)
    times = [(round(t - began, 2), slot) for t, slot in played.plays]
    assert times == [(0.0, 1), (2.0, 2), (4.0, 3)]
    assert played.lines[-1] == "this was the last cue" and not played.cues.set_list.is_on
    played.plays.clear()
    played.wait(5, GO, ("cues.loop", True))
    played.play(1, GO)
    assert [slot for _, slot in played.plays] == [1, 2, 3]
    assert played.lines[-1] == "the set list stops here"
    assert played.cues.view.set_list == ""


@pytest.mark.parametrize("late", [0.0, 0.13, 0.4])
def test_on_beats_each_cue_comes_on_a_beat(make_played, late: float) -> None:
    played = stored(make_played(beats=2.0, cues__advance="beats", cues__bars=1.0), 3)
    played.wait(late + 0.01)
    began = played.index / FPS
    played.plays.clear()
    played.wait(7, GO)
    (_, first), *others = played.plays
    assert first == 1 and [slot for _, slot in others] == [2, 3]
    for t, _ in others:
        assert (2 * t) % 1 < 2 * 1.01 / FPS, "not on a beat"
    assert 1.5 <= others[0][0] - began <= 2.05 and others[1][0] - others[0][0] == pytest.approx(2.0)


def test_without_a_beat_it_waits_and_a_key_goes_on(make_played) -> None:
    played = stored(make_played(cues__advance="beats", cues__bars=0.25), 3)
    played.wait(3, GO)
    assert played.cues.view.current == 1 and "none heard" in played.cues.view.set_list
    played.play(2, NEXT)
    assert played.cues.view.current == 2


def test_a_set_list_of_a_file_has_its_own_order_and_times(make_played, tmp_path: Path) -> None:
    folder = tmp_path / "cues"
    folder.mkdir()
    (folder / "set.toml").write_text(
        "[[step]]\ncue = 3\nhold_s = 0.5\n[[step]]\ncue = 1\ntime = 0.1\n[[step]]\ncue = 7\n"
        "[[step]]\ncue = 3\n"
    )
    played = stored(make_played(folder, cues__advance="time", cues__hold_s=1.0), 3)
    assert "the set list asks for cue 7, which is not there" in played.lines
    began = played.index / FPS
    played.wait(0.6, GO)
    assert played.cues.view.coming == 3
    played.wait(3)
    times = [(round(t - began, 2), slot) for t, slot in played.plays]
    assert times == [(0.0, 3), (0.5, 1), (1.5, 3)]


def test_clearing_the_cue_that_plays_skips_none(make_played) -> None:
    played = stored(make_played(cues__time=0.05), 4)
    played.play(5, ("cues.recall", 2))
    played.play(5, CLEAR)
    played.play(5, ("cues.clear", 1))
    assert played.cues.view.coming == 3
    played.play(5, NEXT)
    assert played.cues.view.current == 3
    played.play(5, NEXT)
    played.play(5, CLEAR)
    assert played.cues.view.coming is None
    played.play(5, BACK)
    assert played.cues.view.current == 3


def test_a_set_list_goes_on_by_time_though_what_plays_is_cleared(make_played) -> None:
    values = {"cues__advance": "time", "cues__hold_s": 2.0, "cues__time": 0.05}
    played = stored(make_played(**values), 3)
    began = played.index / FPS
    played.wait(4.5, GO, ("cues.loop", True))
    played.wait(5, CLEAR)  # the last
    times = [(round(t - began), slot) for t, slot in played.plays]
    assert times == [(0, 1), (2, 2), (4, 3), (5, None), (6, 1), (8, 2)]


def test_recalling_a_cue_moves_the_set_list_there(make_played) -> None:
    played = stored(make_played(cues__time=0.2), 5)
    played.play(5, GO)
    played.play(5, ("cues.recall_3", Nudge(1)))
    assert played.cues.view.coming == 4 and played.cues.view.set_list.startswith("step 3 of 5")
    played.play(5, ("cues.clear", 3))
    played.play(5, ("cues.recall_5", Nudge(1)))
    assert played.cues.view.coming is None


def test_every_slot_of_a_key_is_an_action_that_a_pad_can_have(make_played) -> None:
    played = stored(make_played(cues__time=0.1), KEYS)
    for n in range(1, KEYS + 1):
        assert played.controls.on_key(f"f{n}")[0] == f"cues.recall_{n}"
        played.play(2, (f"cues.recall_{n}", True), (f"cues.recall_{n}", False))
        assert played.cues.view.current == n


def test_ten_minutes_are_played_by_keys_alone(make_played, tmp_path: Path) -> None:
    """Some cues of two models are stored, then played by time, by hand and on beats, corrected and
    taken back; settings that have no key are moved as the panel does it."""
    played = make_played(tmp_path / "cues", beats=2.0, cues__time=4.0)
    played.fps = 5

    def press(*names: str) -> None:
        for name in names:
            played.play(1, played.controls.on_key(name))

    for keys in ("2", "l", "m", "c", "t", "m"):
        played.wait(3)
        press(keys, "insert")
    assert sorted(played.cues.slots) == [1, 2, 3, 4, 5, 6]
    played.plays.clear()
    began = len(played.frames)
    press("f2")
    played.wait(20)
    press("page down", "page up", "f6", "page down", "u", "delete", "u", "u")
    played.wait(10, ("cues.advance", "time"), ("cues.hold_s", 15.0), ("cues.loop", True))
    press("home")
    played.wait(200)
    press("home", "f3", "space", "f5")
    played.wait(10)
    press("space")
    played.wait(160, ("cues.advance", "beats"), ("cues.bars", 8.0), played.controls.on_key("home"))
    played.wait(200)
    assert played.frames[-1].tick.t > 600
    assert {slot for _, slot in played.plays} >= {1, 2, 3, 4, 5, 6}
    for name in ("small", "wide"):
        own = [f for f in played.frames[began:] if f.model.name == name]
        assert len(own) > 100 and np.isfinite([f.z for f in own]).all()
    assert not [line for line in played.lines if "cannot" in line or "not as it should" in line]


# --- thumbnails


def test_a_thumbnail_is_drawn_from_the_point_in_the_cues_own_look(
    models_folder: Path, make_played
) -> None:
    from program import wait_until

    played = make_played()
    played.play(5, STORE, ("look.palette", "gallery"))
    played.play(5, STORE)
    pictures = Thumbnails(models_folder)
    one, two = (played.cues.slots[n] for n in (1, 2))
    seen = [
        pygame.surfarray.array3d(wait_until(lambda cue=cue: pictures.of(cue), "a thumbnail"))
        for cue in (one, two)
    ]
    assert seen[0].shape == (SIDE, SIDE, 3) and np.abs(seen[0].astype(int) - seen[1]).mean() > 10
    assert pictures.of(replace(one, model="gone")) is None
    pictures.close()
