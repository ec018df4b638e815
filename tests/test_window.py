"""The real program in a real window: what is seen, and what keys do to it."""

from __future__ import annotations

import random
import re
import signal
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image
from program import Playing, Program, has_traceback, only, read_video, wait_until
from virtual_screen import VirtualScreen, reads, records, virtual_screen

from visualiser import help
from visualiser.look.palette import INK, PANE
from visualiser.nets.checkpoint import names as model_names
from visualiser.run import declared_controls

SHIPPED = model_names()
SIZE = (640, 400)
PLAY = ("--size", "640x400", "--fps", 20, "--model", "classic-28")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """With a model between the two that is none."""
    with Program(tmp_path_factory.mktemp("project")) as program:
        (program.models / "classic-40.safetensors").write_bytes(b"this is not a model")
        yield program


@pytest.fixture(scope="module")
def screen() -> Iterator[VirtualScreen]:
    with virtual_screen() as screen:
        yield screen


@pytest.fixture(scope="module")
def playing(program: Program, screen: VirtualScreen) -> Iterator[Playing]:
    with program.start(*PLAY, env=screen.env) as playing:
        wait_until(lambda: _has_picture(screen), "a first picture")
        yield playing


@pytest.fixture
def see(playing: Playing, screen: VirtualScreen) -> Callable[[], np.ndarray]:
    """Looks at the window."""
    assert playing.is_running(), playing.err
    return lambda: screen.window()


def _has_picture(screen: VirtualScreen) -> bool:
    if screen.place()[2:] != SIZE:
        return False
    boxes = panes(screen.window())
    return len(boxes) == 2 and all(content(box) > 0.005 for box in boxes)


def panes(pixels: np.ndarray) -> list[np.ndarray]:
    """What lies on the ground, from left to right; what lies above and below is not looked at."""
    middle = pixels[len(pixels) * 3 // 10 : len(pixels) * 7 // 10]
    used = np.abs(middle.astype(int) - INK).max(axis=2) > 2
    columns = np.pad(used.mean(axis=0) > 0.5, 1).astype(int)
    starts, ends = np.flatnonzero(np.diff(columns) == 1), np.flatnonzero(np.diff(columns) == -1)
    return [middle[:, a:b] for a, b in zip(starts, ends, strict=True) if b - a > 8]


def content(pixels: np.ndarray) -> float:
    """The share of pixels that are neither the ground nor an empty pane."""
    bare = np.zeros(pixels.shape[:2], bool)
    for colour in (INK, PANE):
        bare |= np.abs(pixels.astype(int) - colour).max(axis=2) <= 4
    return 1 - float(bare.mean())


def foot(pixels: np.ndarray) -> np.ndarray:
    return pixels[-36:]


def test_two_panes_hold_what_goes_in_and_what_comes_out(see: Callable) -> None:
    left, right = panes(see())
    assert abs(left.shape[1] - right.shape[1]) <= 2
    assert content(left) > 0.005, "nothing goes in"
    assert content(right) > 0.005, "nothing comes out"
    before = panes(see())[1].astype(int)
    wait_until(lambda: np.abs(panes(see())[1].astype(int) - before).mean() > 1, "the picture moves")


def test_number_keys_choose_the_driver(see: Callable, screen: VirtualScreen) -> None:
    assert reads(foot(see()), "perlin")
    for key, name in (("2", "simplex"), ("3", "random"), ("4", "audio"), ("1", "perlin")):
        screen.key(key)
        wait_until(lambda name=name: reads(foot(see()), name), f"{name} at the foot")


def test_p_shows_the_field_and_p_again_the_latents(see: Callable, screen: VirtualScreen) -> None:
    assert reads(foot(see()), "latent")
    screen.key("p")
    wait_until(lambda: reads(foot(see()), "pixel"), "pixel at the foot")
    # A field of noise fills its pane; the lanes of latents leave most of it empty.
    wait_until(lambda: content(panes(see())[0]) > 0.5, "a field in the left pane")
    screen.key("p")
    wait_until(lambda: reads(foot(see()), "latent"), "latent at the foot")
    wait_until(lambda: content(panes(see())[0]) < 0.3, "lanes in the left pane")


def test_m_goes_through_the_models_and_passes_over_a_broken_one(
    see: Callable, screen: VirtualScreen, playing: Playing
) -> None:
    assert reads(foot(see()), "classic-28")
    screen.key("m")
    wait_until(lambda: "classic-40" in playing.err, "a line about the broken model")
    assert content(panes(see())[1]) > 0.005, "the picture has gone"
    if not reads(foot(see()), "classic-56"):
        screen.key("m")
    wait_until(lambda: reads(foot(see()), "classic-56"), "the model behind the broken one", 5)
    wait_until(lambda: content(panes(see())[1]) > 0.005, "a picture of it")
    for name in [name for name in SHIPPED if not name.startswith("classic")]:
        screen.key("m")
        wait_until(lambda name=name: reads(foot(see()), name), f"the model {name}")
    screen.key("m")
    wait_until(lambda: reads(foot(see()), "classic-28"), "the first model again")
    assert playing.err.count("classic-40") == 1


def test_h_shows_the_page_of_keys(see: Callable, screen: VirtualScreen) -> None:
    left, top, _, _ = screen.place()
    screen.move(0, 0)
    screen.resize(1000, 700)
    wait_until(lambda: see().shape[:2] == (700, 1000), "room for them")
    free = 700 - 2 * (1000 // 64)  # above the line at the foot
    page = help.finish(help.lay_out(declared_controls(), (1000, free), 1000 // 64 + 4))
    words = sorted({word.words for word in page.words}, key=len, reverse=True)
    assert len(words) > 60  # that every key is among them, test_help sees to
    screen.key("h")
    wait_until(lambda: reads(see(), words[0], sizes=(page.size,)), "the help")
    # A line about what is heard may lie over it at first.
    wait_until(lambda: reads(see(), *words[::6], sizes=(page.size,)), "all of it")
    assert reads(foot(see()), "H help"), "it covers the line at the foot"
    for again in ("h", "Escape"):
        screen.key(again)
        wait_until(lambda: not reads(see(), words[0], sizes=(page.size,)), "no help")
        screen.key("h")
        wait_until(lambda: reads(see(), words[0], sizes=(page.size,)), "the help")
    for key, opened in (("Tab", "shift+tab: page"), ("a", "listen to")):
        screen.key(key)  # what was found in the help takes its place
        wait_until(lambda opened=opened: reads(see(), opened, sizes=range(8, 25)), opened)
        screen.key("h")  # and keys are those of the help, while that covers it
        wait_until(lambda: reads(see(), words[0], sizes=(page.size,)), "the help over it")
        screen.key("Escape")
        wait_until(lambda opened=opened: reads(see(), opened, sizes=range(8, 25)), opened)
        screen.key("Escape", "h")
        wait_until(lambda: reads(see(), words[0], sizes=(page.size,)), "the help alone")
    screen.key("Escape")
    screen.resize(*SIZE)
    screen.move(left, top)
    wait_until(lambda: _has_picture(screen), "the window as it was")


def test_i_hides_the_line_at_the_foot(see: Callable, screen: VirtualScreen) -> None:
    wait_until(lambda: content(foot(see())) > 0.005, "words at the foot")
    screen.key("i")
    wait_until(lambda: content(see()[-12:]) == 0, "an empty foot")
    screen.key("i")
    wait_until(lambda: reads(foot(see()), "perlin"), "words at the foot")


def test_o_shows_the_output_alone_and_larger(see: Callable, screen: VirtualScreen) -> None:
    two = panes(see())
    screen.key("o")
    wait_until(lambda: len(panes(see())) == 1, "one pane")
    wait_until(lambda: content(panes(see())[0]) > 0.005, "a picture in it")
    assert panes(see())[0].shape[1] > 1.1 * two[1].shape[1]
    screen.key("o")
    wait_until(lambda: len(panes(see())) == 2, "both panes")


def test_b_shows_the_pixels_of_the_network(see: Callable, screen: VirtualScreen) -> None:
    def steps() -> int:
        """At how many columns of the output pane something changes."""
        output = panes(see())[1].astype(int)
        return int((np.abs(np.diff(output, axis=1)).max(axis=(0, 2)) > 3).sum())

    wait_until(lambda: steps() > 40, "a smooth picture")
    screen.key("b")
    wait_until(lambda: 0 < steps() <= 28, "blocks")
    screen.key("b")
    wait_until(lambda: steps() > 40, "a smooth picture")


def test_space_stands_still_and_full_stop_steps(see: Callable, screen: VirtualScreen) -> None:
    def output() -> np.ndarray:
        return panes(see())[1].astype(int)

    def is_still() -> bool:
        before = output()
        screen.key("Shift_L")  # means nothing: it only takes its time, and a frame or two pass
        return bool((output() == before).all())

    screen.key("space")
    wait_until(lambda: reads(foot(see()), "paused"), "paused at the foot")
    wait_until(is_still, "a picture that stands still")
    assert all(is_still() for _ in range(5))
    before = output()
    screen.key(*["period"] * 5)
    wait_until(lambda: np.abs(output() - before).mean() > 0.05, "a step")
    wait_until(is_still, "a picture that stands still")
    assert all(is_still() for _ in range(5))
    screen.key("space")
    wait_until(lambda: not is_still(), "a picture that moves")
    assert not reads(foot(see()), "paused")


def test_up_and_down_change_the_speed(see: Callable, screen: VirtualScreen) -> None:
    assert reads(foot(see()), "x1")
    screen.key("Up")
    wait_until(lambda: reads(foot(see()), "x1.25"), "a higher speed")
    screen.key("Down", "Down")
    wait_until(lambda: reads(foot(see()), "x0.8"), "a lower speed")
    screen.key("Up")
    wait_until(lambda: reads(foot(see()), "x1") and not reads(foot(see()), "x1.25"), "as before")


def test_s_saves_what_is_seen(
    see: Callable, screen: VirtualScreen, program: Program, playing: Playing
) -> None:
    screen.key("space")  # so that the picture can be compared with the screen
    wait_until(lambda: reads(foot(see()), "paused"), "paused")
    screen.key("s")
    wait_until(lambda: "saved" in playing.err, "a line about the screenshot")
    path = only(program.screenshots, "*.png")
    assert str(path) in playing.err
    with Image.open(path) as picture:
        saved = np.asarray(picture.convert("RGB"))
    assert saved.shape == (400, 640, 3)
    assert np.abs(panes(saved)[1].astype(int) - panes(see())[1]).mean() < 1
    assert content(foot(saved)) == 0, "the line at the foot is in the picture"
    for n in (2, 3):  # within a second, and each with a name of its own
        screen.key("s")
        wait_until(lambda n=n: len(list(program.screenshots.glob("*.png"))) == n, "one more")
    screen.key("space")
    wait_until(lambda: not reads(foot(see()), "paused"), "no longer paused")


def test_r_records_and_r_ends_it(
    see: Callable, screen: VirtualScreen, program: Program, playing: Playing
) -> None:
    screen.key("r")
    wait_until(lambda: records(foot(see()), 1), "a second of recording at the foot")
    screen.key("r")
    wait_until(lambda: "recorded" in playing.err, "a line about the recording")
    path = only(program.recordings, "*.mp4")
    assert str(path) in playing.err
    wait_until(lambda: not reads(foot(see()), "REC", sizes=(10, 11)), "no marker at the foot")
    video = read_video(path)
    assert video.codec == "h264"
    assert video.pictures.shape[1:] == (400, 640, 3)
    assert 0.9 < video.times_s[-1] < 60
    first, last = video.pictures[0], video.pictures[-1]
    assert len(panes(last)) == 2
    assert all(content(pane) > 0.005 for pane in panes(last))
    assert content(foot(last)) < 0.001, "the line at the foot is in the video"
    assert np.abs(first.astype(int) - last).max() > 20, "nothing moves in it"


def test_f_fills_the_screen(see: Callable, screen: VirtualScreen, playing: Playing) -> None:
    whole = (screen.width, screen.height)
    for back in ("Escape", "f"):
        screen.key("f")
        wait_until(lambda: screen.place()[2:] == whole, "a window as large as the screen")
        # Without a window manager its corner stays where it was, so that a part is seen of it.
        wait_until(lambda: panes(see())[0].shape[1] > 400, "larger panes")
        wait_until(lambda: content(panes(see())[0]) > 0.002, "something in them")
        screen.key(back)
        wait_until(lambda: screen.place()[2:] == SIZE, "the window as it was")
        wait_until(lambda: _has_picture(screen), "both panes")
    assert "Warning" not in playing.err


@pytest.mark.parametrize("size", [(400, 590), (800, 180), (161, 120), (3, 3), SIZE])
def test_panes_follow_the_size_of_the_window(
    see: Callable, screen: VirtualScreen, playing: Playing, size: tuple[int, int]
) -> None:
    screen.resize(*size)

    def follows() -> bool:
        pixels = see()
        if pixels.shape[:2] != size[::-1]:
            return False
        if min(size) < 100:
            return True
        if size[1] > size[0]:
            pixels = pixels.transpose(1, 0, 2)  # a tall window has them one above the other
        found = panes(pixels)
        return len(found) == 2 and all(content(pane) > 0.002 for pane in found)

    wait_until(follows, f"panes in a window of {size[0]}x{size[1]}")
    if min(size) < 100:
        screen.key("h", "h", "b", "b", "o", "o")
    assert playing.is_running(), playing.err


def test_a_resized_window_goes_on_in_the_same_recording(
    see: Callable, screen: VirtualScreen, program: Program, playing: Playing
) -> None:
    before = set(program.recordings.glob("*"))
    screen.key("r")
    wait_until(lambda: records(foot(see())), "a recording")
    screen.resize(500, 300)
    wait_until(lambda: records(foot(see()), 1), "a recording that goes on")
    screen.resize(*SIZE)
    told = playing.err.count("recorded")
    screen.key("r")
    wait_until(lambda: playing.err.count("recorded") > told, "its end")
    [path] = set(program.recordings.glob("*")) - before
    video = read_video(path)
    assert video.pictures.shape[1:] == (400, 640, 3)
    assert video.times_s[-1] > 0.9
    wait_until(lambda: _has_picture(screen), "both panes")


def test_q_quits(see: Callable, screen: VirtualScreen, playing: Playing) -> None:
    screen.key("q")
    assert playing.wait() == 0
    assert not has_traceback(playing.err)


def test_hammering_the_keys_and_a_polite_kill(program: Program, screen: VirtualScreen) -> None:
    names = {"space": "space", ".": "period", "up": "Up", "down": "Down",
             "[": "bracketleft", "]": "bracketright", "return": "Return", ",": "comma",
             "/": "slash", "-": "minus", "=": "equal", "\\": "backslash",
             "backspace": "BackSpace", "page up": "Prior", "page down": "Next", "tab": "Tab",
             "insert": "Insert", "delete": "Delete", "home": "Home", "end": "End", ";": "semicolon",
             "'": "apostrophe", "left": "Left", "right": "Right", "ctrl v": "ctrl+v",
             **{f"f{n}": f"F{n}" for n in range(1, 13)}}  # fmt: skip
    keys = [key.name for control in declared_controls() for key in control.keys if key.name != "q"]
    keys = [names.get(key, key) for key in keys]
    keys += [
        "Escape",
        "x",
        "F5",
        "Tab",
        "Return",
        "ctrl+c",
        "alt+F4",
        "shift+1",
        "KP_1",
        "udiaeresis",
    ]
    dice = random.Random(1)
    with program.start(*PLAY, env=screen.env) as playing:
        wait_until(lambda: _has_picture(screen), "a first picture")
        for _ in range(12):
            screen.key(*dice.choices(keys, k=25), delay_ms=4)
            assert playing.is_running(), playing.err
        wait_until(lambda: screen.place()[2] > 0, "its window")
        screen.key("Escape")
        before = len(re.findall("saved", playing.err))
        screen.key("s")
        wait_until(lambda: len(re.findall("saved", playing.err)) > before, "a screenshot")
        playing.signal(signal.SIGTERM)
        assert playing.wait() == 0
        assert not has_traceback(playing.err)
    for path in program.recordings.glob("*.mp4"):
        assert len(read_video(path, every=1000).times_s) > 0, f"{path} cannot be played"


def test_seconds_end_it(program: Program, screen: VirtualScreen) -> None:
    done = program.run(*PLAY, "--seconds", 1, env=screen.env)
    assert done.code == 0, done.err
    assert not has_traceback(done.err)
    assert done.out == ""
