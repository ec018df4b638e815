"""Where the output is, and panic; with displays that are made up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pygame
import pytest

from visualiser import config, output
from visualiser.controls import Controls, Nudge
from visualiser.displays import Display, match, under
from visualiser.output import Output
from visualiser.run import declared_controls
from visualiser.stage import Stage

LAPTOP = Display(1, "eDP-1", 0, (0, 0), (1280, 800))
PROJECTOR = Display(2, "HDMI-1", 0, (1280, 0), (1920, 1080))
WALL = Display(3, "DP-2", 0, (3200, 0), (800, 600))


class Window:
    """In place of a window of SDL's."""

    opened: ClassVar[list[Window]] = []

    def __init__(self, title: str, size: tuple[int, int], **options: Any) -> None:
        self.size, self.options = size, options
        self.is_there = True
        self._surface = pygame.Surface(size, 0, 32)
        Window.opened.append(self)

    def get_surface(self) -> pygame.Surface:
        return self._surface

    def flip(self) -> None:
        assert self.is_there

    def destroy(self) -> None:
        self.is_there = False


class Desk:
    """Displays to plug in and out."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.displays = [LAPTOP, PROJECTOR]
        self.t = 0.0
        Window.opened.clear()
        patch.setattr(output, "OutputWindow", Window)
        patch.setattr(pygame.display, "get_num_displays", lambda: len(self.displays))
        self.output = Output(config.Stage(width=640, height=360), lambda: list(self.displays))

    def plug(self, *displays: Display) -> None:
        self.displays = list(displays)
        self.t += 1 / 60
        self.output.follow(self.t)

    def windows(self) -> list[Window]:
        return [window for window in Window.opened if window.is_there]

    def told(self) -> str:
        lines, self.output.notices = self.output.notices, []
        return "\n".join(lines)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


def test_displays_are_found_by_number_and_by_a_part_of_their_name() -> None:
    among = [LAPTOP, PROJECTOR, WALL]
    assert match(2, among) is PROJECTOR and match("hdmi", among) is PROJECTOR
    assert match("dp", among) is LAPTOP, "the first that fits"
    for wanted in (0, 4, -1, "", "vga"):
        assert match(wanted, among) is None


def test_a_place_is_on_the_display_that_it_lies_on() -> None:
    among = [LAPTOP, PROJECTOR]
    assert under((1300, 5), among) is PROJECTOR and under((5, 5), among) is LAPTOP
    assert under((-900, 5), among) is LAPTOP and under((0, 0), []) is None


def test_the_key_goes_from_display_to_display_and_away(desk: Desk) -> None:
    desk.displays = [LAPTOP, PROJECTOR, WALL]
    for sizes in ([PROJECTOR.size], [WALL.size], [], [PROJECTOR.size]):
        desk.output.send_on((10, 10))
        assert [window.size for window in desk.windows()] == sizes


def test_the_controls_keep_their_own_display_to_themselves(desk: Desk) -> None:
    desk.output.send_on((1400, 10))  # the laptop's lid is shut: the controls are on the other one
    assert [window.size for window in desk.windows()] == [LAPTOP.size]


def test_with_one_display_it_is_a_window_that_can_be_captured(desk: Desk) -> None:
    desk.displays = [LAPTOP]
    desk.output.send_on((10, 10))
    [window] = desk.windows()
    assert window.size == (640, 360) and "fullscreen_desktop" not in window.options
    desk.plug(LAPTOP, PROJECTOR)
    desk.plug(LAPTOP)
    assert desk.windows() == [window], "it has nothing to do with displays"
    desk.output.send_on((10, 10))
    assert not desk.windows() and not desk.output.is_on


def test_a_display_that_goes_is_waited_for_and_drawn_for(desk: Desk) -> None:
    desk.output.send(2)
    assert desk.output.surface.get_size() == PROJECTOR.size
    desk.told()
    desk.plug(LAPTOP)
    assert not desk.windows(), "it lies over the controls"
    assert desk.output.is_on and desk.output.is_waiting
    assert desk.output.surface.get_size() == PROJECTOR.size, "a recording would change its size"
    assert desk.told().count("\n") == 0
    desk.output.flip()
    for _ in range(300):
        desk.plug(LAPTOP)
    assert desk.told() == "", "it is told again and again"
    desk.plug(LAPTOP, PROJECTOR)
    [window] = desk.windows()
    assert window.size == PROJECTOR.size and window.options["fullscreen_desktop"]
    assert not desk.output.is_waiting


def test_it_comes_back_to_its_own_display_whatever_its_number_is_then(desk: Desk) -> None:
    desk.output.send("hdmi")
    desk.plug(LAPTOP)
    desk.plug(LAPTOP, Display(2, "DP-2", 0, (1280, 0), (800, 600)))
    assert not desk.windows(), "it is shown on a stranger's screen"
    desk.plug(LAPTOP, WALL, Display(3, "HDMI-1", 0, (2080, 0), (1024, 768)))
    assert [window.size for window in desk.windows()] == [(1024, 768)]


def test_of_two_displays_of_one_make_each_is_itself(desk: Desk) -> None:
    one, other = (Display(2 + i, "BenQ", i, (1280 * i, 0), (1280, 720)) for i in (0, 1))
    desk.displays = [LAPTOP, one, other]
    desk.output.send(3)
    desk.plug(LAPTOP, one)
    assert not desk.windows()
    desk.plug(LAPTOP, one, other)
    assert desk.windows()[0].options["position"][0] & 0xFF == 2


def test_a_display_that_changes_its_size_is_filled_again(desk: Desk) -> None:
    desk.output.send(2)
    desk.displays = [LAPTOP, Display(2, "HDMI-1", 0, (1280, 0), (1280, 720))]
    desk.output.follow(5.0)
    assert [window.size for window in desk.windows()] == [(1280, 720)]


def test_a_display_that_is_not_there_at_the_start_is_waited_for(desk: Desk) -> None:
    desk.displays = [LAPTOP]
    desk.output.send(2, or_wait=True)
    assert not desk.windows() and "1 eDP-1 1280x800" in desk.told()
    desk.plug(LAPTOP, PROJECTOR)
    assert [window.size for window in desk.windows()] == [PROJECTOR.size]
    desk.output.send(0)
    assert not desk.windows() and not desk.output.is_on


def test_a_display_that_is_none_changes_nothing(desk: Desk) -> None:
    desk.output.send(2)
    [window] = desk.windows()
    for wanted in (7, -1, "vga", "x" * 10_000, 2, "HDMI"):
        desk.told()
        desk.output.send(wanted)
        assert desk.windows() == [window]
        assert len(desk.told()) < 200


def test_a_key_while_it_waits_turns_it_off(desk: Desk) -> None:
    desk.output.send(2)
    desk.plug(LAPTOP)
    desk.output.send_on((10, 10))
    assert not desk.output.is_on
    desk.plug(LAPTOP, PROJECTOR)
    assert not desk.windows()


def test_where_the_system_gives_no_window_it_is_off_and_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*words: object, **options: object) -> None:
        raise pygame.error("no more windows")

    monkeypatch.setattr(output, "OutputWindow", refuse)
    desk.output.send(2)
    assert not desk.output.is_on and "no more windows" in desk.told()


@pytest.fixture
def make_stage(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Stage]:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    pygame.display.init()

    def make(**values: object) -> Stage:
        given = {key.replace("__", "."): value for key, value in values.items()}
        controls = Controls(declared_controls(), given)
        made: Any = Stage(config.Stage(), controls, None)  # type: ignore[arg-type]
        made.controls = controls
        return made

    yield make
    pygame.display.quit()


def test_panic_is_a_calm_walk_in_the_default_look(make_stage: Callable) -> None:
    stage = make_stage(
        show__driver="random", show__mode="pixel", show__speed=20.0, look__look="neon",
        look__brightness=0.1, look__palette="silver", trails__on=True, kaleidoscope__on=True,
        mirror__on=True, perlin__speed=9.0, relief__shadow=0.0, stage__black=True,
        stage__freeze=True, stage__fade=True, look__output_only=True,
    )  # fmt: skip
    controls = stage.controls
    controls.apply(("stage.hold_black", True))
    assert stage.curtain.dark == 1
    asked = stage.obey([("stage.panic", Nudge(1))], True)
    for command in asked:
        controls.apply(command)
    assert controls["show.driver"] == "perlin" and controls["show.mode"] == "latent"
    assert controls.number("show.speed") < 1 and controls.number("perlin.speed") == 0.25
    for id in ("trails.on", "kaleidoscope.on", "mirror.on", "stage.black", "stage.fade"):
        assert controls[id] is False, id
    for id in ("look.look", "look.palette", "look.brightness", "relief.shadow"):
        assert controls[id] == controls.get(id).default, id
    assert controls["look.output_only"] is True, "that is the performer's own window"
    assert stage.curtain.is_open and stage.curtain.dark == 0
    assert ("show.pause", Nudge(1)) in asked, "it is still paused"
    assert not any(id == "show.pause" for id, _ in stage.obey([("stage.panic", True)], False))
    assert controls["show.model"] == "shapes"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -3, 99, 1e300, "", False, "\0"])
def test_whatever_is_asked_of_the_output_the_show_goes_on(
    make_stage: Callable, value: object
) -> None:
    stage = make_stage()
    stage.obey([("stage.output", value)], False)
    assert not stage.output.is_on


def test_nothing_else_asks_for_more(make_stage: Callable) -> None:
    assert make_stage().obey([("show.driver", "random"), ("stage.black", True)], False) == []


def test_the_screensaver_waits_until_the_end(make_stage: Callable) -> None:
    pygame.display.set_allow_screensaver(True)
    stage = make_stage()
    assert not pygame.display.get_allow_screensaver()
    stage.close()
    assert pygame.display.get_allow_screensaver()
