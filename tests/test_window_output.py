"""The real program with an output window: what the audience sees, and what it never sees."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image
from program import Playing, Program, has_traceback, only, read_video, wait_until
from two_displays import Desk, desk
from virtual_screen import VirtualScreen, reads, records, virtual_screen

OUTPUT, CONTROLS = "Squircle output", "Squircle"
WINDOW = (480, 270)  # of the output
SIZE = (640, 400)
PLAY = ("--size", "640x400", "--fps", 20)
LIMIT_S = 40.0


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with Program(tmp_path_factory.mktemp("project")) as program:
        config = program.root / "config.toml"
        text = config.read_text()
        for key, value in (("width", WINDOW[0]), ("height", WINDOW[1]), ("fade_s", 0.3)):
            head, stage = text.split("[stage]")
            lines = stage.splitlines(keepends=True)
            at = next(n for n, line in enumerate(lines) if line.startswith(f"{key} ="))
            lines[at] = f"{key} = {value}\n"
            text = f"{head}[stage]{''.join(lines)}"
        config.write_text(text)
        yield program


@pytest.fixture(scope="module")
def screen() -> Iterator[VirtualScreen]:
    with virtual_screen(1200, 500) as screen:
        yield screen


@pytest.fixture(scope="module")
def playing(program: Program, screen: VirtualScreen) -> Iterator[Playing]:
    place = {"SDL_VIDEO_WINDOW_POS": "0,0"}
    with program.start(*PLAY, env=screen.env | place) as playing:
        wait_until(lambda: screen.find(CONTROLS), "a window", LIMIT_S)
        wait_until(lambda: content(controls(screen)) > 0.05, "a picture", LIMIT_S)
        yield playing


@pytest.fixture
def out(playing: Playing, screen: VirtualScreen) -> Callable[[], np.ndarray]:
    """Looks at the output, which is beside the controls."""
    assert playing.is_running(), playing.err
    if screen.find(OUTPUT) is None:
        screen.key("w")
        wait_until(lambda: screen.find(OUTPUT), "an output window")
        screen.move(SIZE[0], 0, OUTPUT)
        look = output(screen)
        wait_until(lambda: content(look()) > 0.05, "a picture in it")
    return output(screen)


def output(screen: VirtualScreen) -> Callable[[], np.ndarray]:
    return lambda: screen.shot()[: WINDOW[1], SIZE[0] : SIZE[0] + WINDOW[0]]


def controls(screen: VirtualScreen) -> np.ndarray:
    return screen.shot()[: SIZE[1], : SIZE[0]]


def content(pixels: np.ndarray) -> float:
    """The share of pixels that are bright."""
    return float((pixels.max(axis=2) > 90).mean())


def differs(look: Callable[[], np.ndarray], seconds: float = 0.4) -> bool:
    before = look().astype(int)
    time.sleep(seconds)
    return bool(np.abs(look() - before).mean() > 0.05)


def says(screen: VirtualScreen, *words: str) -> None:
    wait_until(lambda: reads(controls(screen)[-36:], *words), f"{words} at the foot", LIMIT_S)


def test_the_output_is_the_picture_alone_over_the_whole_window(
    out: Callable, screen: VirtualScreen
) -> None:
    screen.key("h")
    small = range(5, 16)  # there is not much room for all of it
    wait_until(lambda: reads(controls(screen), "screenshot", sizes=small), "the help", LIMIT_S)
    seen = out()
    assert not reads(seen, "screenshot", sizes=small) and not reads(seen[-36:], "perlin")
    screen.key("h")
    says(screen, "perlin")
    wait_until(lambda: not reads(controls(screen), "screenshot", sizes=small), "no help", LIMIT_S)
    assert differs(out), "it does not move"
    corners = out()[[0, 0, -1, -1], [0, -1, 0, -1]].astype(int)
    assert np.ptp(corners, axis=0).max() < 60, "something stands in a corner"


def test_the_pane_of_the_controls_has_the_same_picture(
    out: Callable, screen: VirtualScreen
) -> None:
    screen.key("space")
    says(screen, "paused")
    wait_until(lambda: not differs(out, 0.2), "a picture that stands still")
    shot = screen.shot()
    pane = shot[: SIZE[1], SIZE[0] // 2 : SIZE[0]]
    rows = np.flatnonzero((pane.max(axis=2) > 90).any(axis=1))
    beside = shot[: WINDOW[1], SIZE[0] : SIZE[0] + WINDOW[0]]
    wanted = np.flatnonzero((beside.max(axis=2) > 90).any(axis=1))
    scale = 292 / WINDOW[0]  # about as wide as the pane is
    assert abs(len(rows) / len(wanted) - scale) < 0.15
    screen.key("space")
    wait_until(lambda: differs(out, 0.2), "a picture that moves")


def test_there_is_no_cursor_on_it(out: Callable, screen: VirtualScreen) -> None:
    screen._do("mousemove", 100, 100)
    wait_until(screen.has_cursor, "a cursor on the controls")
    screen._do("mousemove", SIZE[0] + 100, 100)
    wait_until(lambda: not screen.has_cursor(), "no cursor on the output")
    screen._do("mousemove", 120, 100)
    wait_until(screen.has_cursor, "a cursor on the controls")


def test_black_is_black_on_the_output_and_said_beside_it(
    out: Callable, screen: VirtualScreen
) -> None:
    screen.key("F9")
    wait_until(lambda: out().max() == 0, "a black output")
    says(screen, "black")
    assert content(controls(screen)[:, SIZE[0] // 2 :]) > 0.02, "the performer sees black, too"
    assert differs(lambda: controls(screen)), "the controls stand still"
    screen.key("F9")
    wait_until(lambda: content(out()) > 0.02, "a picture again")
    with screen.held("BackSpace"):
        wait_until(lambda: out().max() == 0, "a black output")
    wait_until(lambda: content(out()) > 0.02, "a picture again")


def test_frozen_stands_still_while_the_controls_go_on(out: Callable, screen: VirtualScreen) -> None:
    screen.key("F10")
    says(screen, "frozen")
    before = out()
    time.sleep(0.5)
    assert (out() == before).all()
    assert differs(lambda: controls(screen)[:350, SIZE[0] // 2 :])
    screen.key("F10")
    wait_until(lambda: differs(out), "a picture that moves")
    with screen.held("backslash"):
        wait_until(lambda: not differs(out, 0.3), "a picture that stands still")
    wait_until(lambda: differs(out), "a picture that moves")


def test_it_fades_to_black_and_panic_brings_it_back(out: Callable, screen: VirtualScreen) -> None:
    screen.key("0", "3")
    wait_until(lambda: out().max() == 0, "a black output")
    says(screen, "black", "random")
    screen.key("F12")
    wait_until(lambda: content(out()) > 0.02, "a picture again")
    says(screen, "perlin", "x0.5")


def test_keys_work_with_the_focus_on_the_output(out: Callable, screen: VirtualScreen) -> None:
    screen._do("windowfocus", screen.find(OUTPUT))
    screen.key("2")
    says(screen, "simplex")
    screen.key("Escape")
    assert screen.find(OUTPUT)
    screen.key("1")
    says(screen, "perlin")
    screen._do("windowfocus", screen.find(CONTROLS))


def test_screenshots_and_recordings_are_of_the_output(
    out: Callable, screen: VirtualScreen, program: Program, playing: Playing
) -> None:
    screen.key("r")
    wait_until(lambda: records(controls(screen)[-36:], 1), "a recording", LIMIT_S)
    screen.key("s")
    wait_until(lambda: "saved" in playing.err, "a line about the screenshot")
    with Image.open(only(program.screenshots, "*.png")) as picture:
        assert picture.size == WINDOW
        assert content(np.asarray(picture.convert("RGB"))) > 0.02
    screen.key("F9")
    wait_until(lambda: out().max() == 0, "a black output")
    time.sleep(0.5)  # black is recorded
    screen.key("F9", "r")
    wait_until(lambda: "recorded" in playing.err, "a line about the recording")
    video = read_video(only(program.recordings, "*.mp4"))
    assert video.pictures.shape[1:] == (WINDOW[1], WINDOW[0], 3)
    light = [content(one) for one in video.pictures]
    assert max(light) > 0.02 and min(light) == 0, "black is not in the recording"


@pytest.mark.parametrize("size", [(200, 300), (3, 3), (300, 150)])
def test_its_window_may_have_any_size(
    out: Callable, screen: VirtualScreen, playing: Playing, size: tuple[int, int]
) -> None:
    screen._do("windowsize", "--sync", screen.find(OUTPUT), *size)
    area = (slice(size[1]), slice(SIZE[0], SIZE[0] + size[0]))
    wait_until(lambda: differs(lambda: screen.shot()[area]), "a picture that moves")
    screen.key("F9")
    wait_until(lambda: screen.shot()[area].max() == 0, "black")
    screen.key("F9")
    wait_until(lambda: screen.shot()[area].max() > 20, "a picture")
    assert playing.is_running(), playing.err


def test_closing_it_turns_it_off_and_closing_the_controls_quits(
    out: Callable, screen: VirtualScreen, playing: Playing
) -> None:
    screen.shut(OUTPUT)
    wait_until(lambda: screen.find(OUTPUT) is None, "no output window")
    says(screen, "perlin")
    assert playing.is_running(), playing.err
    screen.key("w")
    wait_until(lambda: screen.find(OUTPUT), "an output window")
    screen.shut(CONTROLS)
    assert playing.wait() == 0
    assert not has_traceback(playing.err) and "Warning" not in playing.err


def test_black_without_an_output_window_is_the_pane(
    program: Program, screen: VirtualScreen
) -> None:
    place = {"SDL_VIDEO_WINDOW_POS": "0,0"}
    with program.start(*PLAY, env=screen.env | place) as playing:
        wait_until(lambda: screen.find(CONTROLS), "a window", LIMIT_S)
        wait_until(lambda: content(controls(screen)) > 0.05, "a picture", LIMIT_S)
        screen.key("F9")
        says(screen, "black")
        wait_until(lambda: (controls(screen)[100:300, 400:560] == 0).all(), "a black pane")
        assert content(controls(screen)[:, : SIZE[0] // 2]) > 0, "the input is black, too"
        screen.key("F9", "q")
        assert playing.wait() == 0, playing.err


@pytest.fixture(scope="module")
def two() -> Iterator[Desk]:
    with desk((700, 450), (480, 270)) as two:
        yield two


def test_full_screen_on_the_second_display_which_is_pulled_and_plugged_in_again(
    program: Program, two: Desk
) -> None:
    def beside() -> np.ndarray:
        return two.shot()[:270, 700:]

    listed = program.run("devices", env=two.env)
    assert "display 2 VNC-1 480x270" in listed.out
    place = {"SDL_VIDEO_WINDOW_POS": "0,0"}
    with program.start(*PLAY, env=two.env | place) as playing:
        wait_until(lambda: two.find(CONTROLS), "a window", LIMIT_S)
        two.key("w")
        wait_until(lambda: content(beside()) > 0.02, "a picture on the second display", LIMIT_S)
        assert "output on display 2" in playing.err
        two.key("Escape")
        two.key("r")
        wait_until(lambda: records(controls(two)[-36:], 1), "a recording", LIMIT_S)
        two.plug((700, 450))
        wait_until(lambda: two.find(OUTPUT) is None, "no window over the controls", LIMIT_S)
        wait_until(lambda: "has gone" in playing.err, "a line about it")
        wait_until(lambda: reads(controls(two)[-36:], "no output"), "a sign of it", LIMIT_S)
        two.plug((700, 450), (480, 270))
        wait_until(lambda: two.find(OUTPUT), "the output", LIMIT_S)
        wait_until(lambda: differs(beside), "a picture that moves", LIMIT_S)
        two.key("r")
        wait_until(lambda: "recorded" in playing.err, "the end of the recording", LIMIT_S)
        two.key("q")
        assert playing.wait() == 0
        assert not has_traceback(playing.err)
        recorded = playing.err.split("recorded ")[1].split(" (")[0]
        video = read_video(program.root / recorded, every=10)
        assert video.pictures.shape[1:3] == (270, 480)
