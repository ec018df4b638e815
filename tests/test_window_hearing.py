"""The real window and the virtual microphone: what it hears is seen, chosen and learned."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

import numpy as np
import pytest
from program import Playing, Program, has_traceback, wait_until
from virtual_microphone import VirtualDevices, sine, virtual_devices
from virtual_screen import VirtualScreen, reads, virtual_screen

SIZE = (640, 400)
PLAY = ("--size", "640x400", "--fps", 30, "--model", "classic-28")
LIMIT_S = 40.0


@pytest.fixture(scope="module")
def screen() -> Iterator[VirtualScreen]:
    with virtual_screen() as screen:
        yield screen


@pytest.fixture(scope="module")
def room() -> Iterator[VirtualDevices]:
    """Two microphones: a loud one, which is the default, and a quiet one."""
    with virtual_devices() as room:
        noise = np.random.default_rng(1).standard_normal(48_000)
        room.plug("loud_mic").play(sine(440, 0.5))
        room.plug("quiet_mic").play(0.001 * noise)
        room.env["PULSE_SOURCE"] = "loud_mic"
        yield room


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with Program(tmp_path_factory.mktemp("project")) as program:
        yield program


@pytest.fixture(scope="module")
def playing(program: Program, screen: VirtualScreen, room: VirtualDevices) -> Iterator[Playing]:
    with program.start(*PLAY, env=room.env | screen.env) as playing:
        wait_until(lambda: screen.place()[2:] == SIZE, "a window", LIMIT_S)
        wait_until(lambda: reads(foot(screen), "microphone"), "the microphone", LIMIT_S)
        yield playing


def foot(screen: VirtualScreen) -> np.ndarray:
    return screen.window()[-36:]


def sees(screen: VirtualScreen, *words: str) -> None:
    wait_until(lambda: reads(screen.window(), *words), f"{words} on the screen", LIMIT_S)


def sound_of(program: Program) -> dict:
    return tomllib.loads((program.root / "config.toml").read_text())["sound"]


def test_v_shows_what_it_hears_and_no_picture_of_it_is_saved(
    playing: Playing, screen: VirtualScreen, program: Program
) -> None:
    screen.key("v")
    sees(screen, "sound to picture", "room's floor", "energy")
    assert reads(screen.window(), "low", "mid", "high")
    screen.key("h")  # the help covers it
    small = range(5, 16)  # there is not much room for all of it
    wait_until(lambda: reads(screen.window(), "screenshot", sizes=small), "the help", LIMIT_S)
    assert not reads(screen.window(), "sound to picture", sizes=(10, 11))
    screen.key("h")
    sees(screen, "sound to picture")
    screen.key("s")
    wait_until(lambda: "saved" in playing.err, "a screenshot", LIMIT_S)
    from PIL import Image

    [path] = program.screenshots.glob("*.png")
    with Image.open(path) as picture:
        assert not reads(np.asarray(picture.convert("RGB")), "sound to picture", sizes=(10, 11))
    screen.key("v")
    wait_until(
        lambda: not reads(screen.window(), "sound to picture", sizes=(10, 11)), "no view", LIMIT_S
    )


def test_a_lists_the_inputs_and_chooses_one_while_it_plays(
    playing: Playing, screen: VirtualScreen, program: Program
) -> None:
    screen.key("a")
    sees(screen, "loud_mic [ALSA]", "quiet_mic [ALSA]", "listen to")
    for away in ("a", "Escape"):
        screen.key(away)
        wait_until(lambda: not reads(screen.window(), "listen to"), "no list", LIMIT_S)
        screen.key("a")
        sees(screen, "loud_mic [ALSA]", "quiet_mic [ALSA]")
    # The mark begins at what is heard, so this goes through them all, from one to the next.
    for said in range(1, 8):
        screen.key("Down", "Return")
        wait_until(lambda n=said: playing.err.count("sound input:") == n, "a choice", LIMIT_S)
        wait_until(lambda: not reads(screen.window(), "listen to"), "no list", LIMIT_S)
        if "sound input: quiet_mic" in playing.err:
            break
        name = playing.err.rpartition("sound input: ")[2].splitlines()[0]
        if "of the system" not in name:  # of that one the name at the foot is another
            words = f"microphone {name}"
            wait_until(lambda w=words: reads(foot(screen), w, sizes=(10,)), words, LIMIT_S)
        screen.key("a")
        sees(screen, "loud_mic [ALSA]", "quiet_mic [ALSA]")
    wait_until(lambda: sound_of(program)["input"] == "quiet_mic", "a name that is kept", LIMIT_S)
    wait_until(lambda: reads(foot(screen), "microphone quiet_mic"), "its name", LIMIT_S)
    assert reads(foot(screen), "x1"), "the keys of the list went to the show"


def test_n_held_learns_the_room_and_keeps_it(
    playing: Playing, screen: VirtualScreen, program: Program
) -> None:
    with screen.held("n"):
        wait_until(lambda: reads(screen.window()[:30], "keep quiet:", sizes=(10,)), "what to do")
    wait_until(lambda: "hold it for 3 s" in playing.err, "that it was too early", LIMIT_S)
    assert sound_of(program)["room_dbfs"] == []
    comments = (program.root / "config.toml").read_text().count("#")
    for _ in range(
        4
    ):  # where the machine is so busy that the sound stops, it is said, and tried again
        said = playing.err.count("the room")
        with screen.held("n"):
            wait_until(lambda n=said: playing.err.count("the room") > n, "an end", LIMIT_S)
        if "learned the room: -" in playing.err:
            break
    wait_until(lambda: len(sound_of(program)["room_dbfs"]) == 16, "a floor kept", LIMIT_S)
    assert (program.root / "config.toml").read_text().count("#") == comments
    assert all(-100 < level < -40 for level in sound_of(program)["room_dbfs"])


def test_a_lost_microphone_is_told_at_the_foot(
    playing: Playing, screen: VirtualScreen, room: VirtualDevices
) -> None:
    for name in ("loud_mic", "quiet_mic"):  # both, or the sound server goes on with the other
        room.unplug(name)
    wait_until(lambda: reads(foot(screen), "has gone:", sizes=(10,)), "its loss", LIMIT_S)
    room.plug("quiet_mic")
    wait_until(lambda: not reads(foot(screen), "has gone:", sizes=(10,)), "its return", LIMIT_S)
    screen.key("q")
    assert playing.wait() == 0
    assert not has_traceback(playing.err)
