"""Sliders and the map: every control is there, and hands reach it by keyboard and mouse."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pygame
import pytest
from conftest import make_model
from virtual_screen import reads

from visualiser import latents
from visualiser.controls import Controls, Nudge
from visualiser.frame import Frame
from visualiser.look.palette import palettes
from visualiser.look.text import text
from visualiser.nets.checkpoint import Checkpoint
from visualiser.panel import Panel
from visualiser.run import declared_controls
from visualiser.types import Tick
from visualiser.undo import History

SIZE = (1280, 720)


class Desk:
    """A panel, open, on a canvas, and a model with so many directions."""

    def __init__(self, n: int = 4) -> None:
        self.controls = Controls(declared_controls(), {"window.panel": True})
        self.history = History()
        self.panel = Panel(self.controls, self.history)
        self.canvas = pygame.Surface(SIZE, 0, 32)
        self.knobs: dict[str, list[str]] = {}
        self.model = make_model(latent_dim=n)
        self.index = 0

    def draw(self, along: np.ndarray | None = None, held: list[bool] | None = None) -> np.ndarray:
        n = self.model.latents.n_directions
        along = np.zeros(n, np.float32) if along is None else along
        self.index += 1
        frame = Frame(Tick(self.index, self.index / 60, 1 / 60), self.model, along, along=along)
        palette = palettes()["ember"]
        knobs = lambda id: self.knobs.get(id, ())  # noqa: E731
        self.panel.draw(self.canvas, frame, held or [False] * n, palette, 18, 36, knobs)
        return pygame.surfarray.array3d(self.canvas).swapaxes(0, 1)

    def keys(self, *names: str, shift: bool = False) -> list[Any]:
        """Press keys; what they asked for, which is carried out."""
        asked = []
        for name in names:
            commands = list(self.panel.on_key(name, shift))
            for command in commands:
                self.controls.apply(command)
            asked += commands
            self.draw()
        return asked

    def mouse(self, kind: int, at: tuple[int, int], button: int = 1) -> list[Any] | None:
        asked = self.panel.on_mouse(pygame.event.Event(kind, pos=at, button=button, rel=(0, 0)))
        return None if asked is None else list(asked)

    def choose(self, id: str) -> np.ndarray:
        """Put the mark on a control by its page and the arrows; what is seen then."""
        while all(row.control.id != id for row in self.panel._rows):
            self.keys("tab")
        while self.panel.selected.id != id:
            self.keys("down")
        return self.draw()

    def row(self, id: str) -> Any:
        return next(row for row in self.panel._rows if row.control.id == id)


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    made.draw()
    yield made
    made.panel.close()


def test_every_control_can_be_reached_by_keyboard_alone(desk: Desk) -> None:
    reached: set[str] = set()
    first = desk.panel.selected
    while True:
        n = len(desk.panel._shown())
        for _ in range(n):
            reached.add(desk.panel.selected.id)
            desk.keys("down")
        desk.keys("tab")
        if desk.panel.selected is first:
            break
    own = {f"latents.{i}" for i in range(5, 65)}  # this model has four
    assert reached == {c.id for c in desk.controls if not c.takes} - own


def test_arrows_change_what_is_marked_and_backspace_takes_it_back(desk: Desk) -> None:
    assert desk.keys("down", "right", "left") == [("latents.2", Nudge(1)), ("latents.2", Nudge(-1))]
    desk.keys("tab")
    assert desk.panel.selected.id == "show.driver"
    assert desk.keys("right") == [("show.driver", Nudge(1))]
    assert desk.controls["show.driver"] == "simplex"
    assert desk.keys("backspace") == [("show.driver", "perlin")]
    desk.keys("down", "down", "down")
    assert desk.panel.selected.id == "show.speed"
    assert desk.keys("right", shift=True) == [("show.speed", Nudge(5))]
    desk.keys("tab", shift=True)
    assert desk.panel.selected.id == "latents.1"


def test_what_was_set_back_by_key_or_by_mouse_has_its_value_again(desk: Desk) -> None:
    desk.keys("tab", "right", "backspace", "backspace")  # the second one loses nothing
    desk.controls.apply(("show.fade", 7.25))
    right_click = desk.mouse(pygame.MOUSEBUTTONDOWN, desk.row("show.fade").track.center, button=3)
    assert right_click == [("show.fade", 1.5)]
    desk.controls.apply(right_click[0])
    for back in (("show.fade", 7.25), ("show.driver", "simplex")):
        assert desk.history.commands([("show.undo", Nudge(1))]) == [back]
    desk.history.commands([("show.undo", Nudge(1))])
    assert desk.history.notices() == [
        "undone: show.fade is 7.25 again",
        "undone: show.driver is simplex again",
        "there is nothing to undo",
    ]


def test_return_holds_a_latent_where_it_is_and_lets_it_go_again(desk: Desk) -> None:
    desk.controls.apply(("latents.1", 0.75))
    assert list(desk.panel.on_key("return")) == [("latents.1", 0.75)]
    desk.draw(held=[True, False, False, False])
    assert list(desk.panel.on_key("return")) == [("latents.free", 1)]
    assert list(desk.panel.on_key("backspace")) == [("latents.free", 1)]
    assert list(desk.panel.on_key("escape")) == [("window.panel", False)]


def test_a_slider_goes_where_it_is_dragged_even_beside_its_track(desk: Desk) -> None:
    track = desk.row("latents.3").track
    low = (track.left + 1, track.centery)
    [(id, value)] = desk.mouse(pygame.MOUSEBUTTONDOWN, low)
    assert id == "latents.3" and value == pytest.approx(-2.0, abs=0.1)
    [(_, middle)] = desk.mouse(pygame.MOUSEMOTION, (track.centerx, track.centery + 300))
    assert middle == pytest.approx(0.0, abs=0.1)
    [(_, most)] = desk.mouse(pygame.MOUSEMOTION, (track.right + 500, 0))
    assert most == 2.0
    assert desk.mouse(pygame.MOUSEBUTTONUP, (track.right + 500, 0)) == []
    assert desk.mouse(pygame.MOUSEMOTION, low) is None, "it was let go"
    assert desk.mouse(pygame.MOUSEBUTTONDOWN, low, button=3) == [("latents.free", 3)]


def test_what_is_beside_the_panel_is_not_the_panels(desk: Desk) -> None:
    assert desk.mouse(pygame.MOUSEBUTTONDOWN, (1200, 300)) is None
    desk.controls.apply(("window.panel", False))
    assert desk.mouse(pygame.MOUSEBUTTONDOWN, desk.row("latents.1").track.center) is None


def test_a_click_on_the_map_goes_there(desk: Desk) -> None:
    box = desk.panel._map
    asked = dict(desk.mouse(pygame.MOUSEBUTTONDOWN, (box.right - 1, box.centery)))
    assert asked == {
        "latents.1": pytest.approx(2, abs=0.05),
        "latents.2": pytest.approx(0, abs=0.05),
    }
    asked = dict(desk.mouse(pygame.MOUSEMOTION, (box.centerx, box.top)))
    assert asked == {
        "latents.1": pytest.approx(0, abs=0.05),
        "latents.2": pytest.approx(2, abs=0.05),
    }


def until_drawn(desk: Desk) -> np.ndarray:
    deadline = time.monotonic() + 20
    while not desk.panel.atlas.is_drawn:
        assert time.monotonic() < deadline, "the map is not drawn"
        time.sleep(0.02)
        desk.draw()
    box = desk.panel._map
    return desk.draw()[box.top : box.bottom, box.left : box.right]


def test_the_map_is_drawn_anew_for_another_model(desk: Desk) -> None:
    before = until_drawn(desk)
    assert before.std() > 1
    desk.model = make_model(latent_dim=4, seed=9)
    desk.draw()
    assert not desk.panel.atlas.is_drawn
    assert (until_drawn(desk) != before).any()


def test_where_it_is_on_the_map_is_marked(desk: Desk) -> None:
    until_drawn(desk)
    box = desk.panel._map
    for x, y in ((1.0, 1.0), (-1.5, 0.0)):
        seen = desk.draw(np.array([x, y, 0, 0], np.float32))
        at = seen[int(box.centery - y / 4 * box.height), int(box.centerx + x / 4 * box.width)]
        assert tuple(at) == (255, 122, 92)


def test_the_address_is_whole_and_so_is_the_knob_that_was_learned(desk: Desk) -> None:
    for id in ("show.driver", "kaleidoscope.on", "look.brightness_from_sound"):
        address = "/" + id.replace(".", "/")
        assert reads(desk.choose(id)[-120:, :640], address)
        desk.knobs = {id: ["cc 1:21", "note 10:36"]}
        assert reads(desk.draw()[-120:, :640], address, "MIDI cc 1:21, note 10:36")


def test_sliders_begin_below_each_other_with_room_for_names_and_values(desk: Desk) -> None:
    for page in ("audio", "cues", "look", "stage"):
        first = next(control.id for control in desk.controls if control.section == page)
        desk.choose(first)
        rows = [row for row in desk.panel._rows if row.control.kind != "action"]
        assert len({row.track.left for row in rows}) == 1
        for row in rows:
            name = text(row.control.name, 18, (255, 255, 255))
            assert row.box.left + name.get_width() + 6 < row.track.left, "the knob is on it"
    desk.controls.apply(("look.palette", "ultraviolet"))
    assert reads(desk.choose("look.palette")[:, :640], "ultraviolet")


@pytest.mark.parametrize("n", [4, 32, 64])
def test_on_the_page_of_latents_all_stands_beside_the_map_or_below_it(n: int) -> None:
    desk = Desk(n)
    try:
        desk.draw()
        for row in desk.panel._rows:
            assert desk.panel._box.contains(row.box) and not row.box.colliderect(desk.panel._map)
        assert reads(desk.draw()[:, :640], "glide", "randomise")
    finally:
        desk.panel.close()


def test_sixty_four_sliders_have_room_and_do_not_lie_on_each_other() -> None:
    desk = Desk(64)
    try:
        desk.draw()
        rows = [row for row in desk.panel._rows if row.control.kind == "live"]
        assert len(rows) == 64
        assert all(desk.panel._box.contains(row.box) for row in rows)
        boxes = [row.box for row in desk.panel._rows]
        assert all(len(box.collidelistall(boxes)) == 1 for box in boxes)
        assert min(row.track.width for row in rows) >= 20
    finally:
        desk.panel.close()


def test_a_model_of_any_kind_has_a_map() -> None:
    small = make_model(latent_dim=1)
    colour = replace(
        small.latents, directions=np.eye(1, dtype=np.float32), visibility=np.ones(1, np.float32)
    )
    model = Checkpoint("one", small.card, small.weights, colour)
    desk = Desk()
    desk.model = model
    try:
        desk.draw()
        until_drawn(desk)
    finally:
        desk.panel.close()
    assert latents.EDGE == 2.0
