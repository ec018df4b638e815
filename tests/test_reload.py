"""config.toml while it plays: what is saved is applied, what is broken changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from program import Program, has_traceback, wait_until
from virtual_screen import reads, virtual_screen

from visualiser.config import CONFIG, load
from visualiser.controls import Controls
from visualiser.reload import DOUBT_S, SETTLE_S, Reload
from visualiser.remember import Memory
from visualiser.run import declared_controls
from visualiser.types import UserError

DECLARED = declared_controls()
TEXT = CONFIG.read_text(encoding="utf-8")


class Desk:
    """A settings file and what watches it, at a clock of its own."""

    def __init__(self, folder: Path, text: str = TEXT, given: dict | None = None, **more) -> None:
        self.path = folder / "config.toml"
        self.path.write_text(text)
        self.settings = load(DECLARED, self.path, given)
        self.controls = Controls(DECLARED, self.settings.controls)
        self.reload = Reload(self.settings, self.controls, **more)
        self.t = 100.0

    def save(self, text: str | bytes) -> None:
        data = text.encode() if isinstance(text, str) else text
        part = self.path.with_name("part")
        part.write_bytes(data)
        part.replace(self.path)

    def wait(self, seconds: float = DOUBT_S + 0.05) -> None:
        for _ in range(round(seconds / 0.01)):
            self.reload.look(self.t)
            self.t += 0.01

    def applied(self) -> dict:
        self.wait()
        commands = self.reload.commands()
        for command in commands:
            self.controls.apply(command)
        assert self.reload.commands() == []
        return dict(commands)

    def said(self) -> str:
        notices = self.reload.notices()
        assert len(notices) <= 1 and self.reload.notices() == []
        return "".join(notices)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def edited(*changes: tuple[str, str], text: str = TEXT) -> str:
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


def test_a_model_that_was_taught_meanwhile_is_known(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    text = edited(('model = "shapes"', 'model = "taught-1"'))
    desk.save(text)
    assert not desk.applied() and "not applied" in desk.said()
    desk.controls.offer("show.model", "taught-1")
    desk.save(text + "\n")
    assert desk.applied() == {"show.model": "taught-1"}


FASTER = ("speed = 1.0 ", "speed = 2.5 ")
NEON = ('look = "relief"', 'look = "neon"')


def test_what_has_changed_is_applied_and_said(desk: Desk) -> None:
    desk.save(edited(FASTER, NEON))
    assert desk.applied() == {"show.speed": 2.5, "look.look": "neon"}
    assert desk.said() == "config.toml: show.speed = 2.5, look.look = neon"
    desk.save(edited(FASTER))
    assert desk.applied() == {"look.look": "relief"}


def test_nothing_is_done_about_what_has_not_changed(desk: Desk) -> None:
    desk.controls.apply(("show.speed", 4.0))  # by whoever plays
    desk.save(edited(NEON) + "# a comment\n")
    assert desk.applied() == {"look.look": "neon"}
    assert desk.controls["show.speed"] == 4.0
    desk.said()
    desk.path.touch()
    desk.save(edited(NEON) + "# another\n")
    assert desk.applied() == {} and desk.said() == ""


def test_what_the_command_line_said_stays_until_the_file_says_something_new(tmp_path) -> None:
    desk = Desk(tmp_path, given={"show.driver": "audio", "window.width": 640})
    desk.save(edited(FASTER))
    assert desk.applied() == {"show.speed": 2.5}
    desk.said()
    desk.save(edited(FASTER, ('driver = "perlin" ', 'driver = "random" ')))
    assert desk.applied() == {"show.driver": "random"}


def test_lines_that_are_taken_out_go_back_to_the_default(tmp_path: Path) -> None:
    desk = Desk(tmp_path, edited(FASTER))
    desk.save("[show]\nseed = 1\n")
    assert desk.applied() == {"show.speed": 1.0}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (edited(("speed = 1.0 ", "speed = 50.0 ")), "show.speed = 50.0; allowed is a number from"),
        (edited(("speed = 1.0 ", "sped = 1.0 ")), "unknown key 'show.sped'; did you mean 'speed'?"),
        (edited(FASTER, NEON) + "[show\n", "line"),
        (b"\xff\xfe" + TEXT.encode(), "it is not UTF-8"),
    ],
)
def test_a_broken_file_changes_nothing_says_what_is_wrong_and_can_be_put_right(
    desk: Desk, text: str | bytes, line: str
) -> None:
    desk.save(text)
    before = dict(desk.controls.values)
    assert desk.applied() == {} and dict(desk.controls.values) == before
    with pytest.raises(UserError) as told:
        load(DECLARED, desk.path)
    assert desk.said() == f"not applied: {told.value}" and line in str(told.value)
    desk.wait(1.0)
    assert desk.said() == "", "it is told once"
    desk.save(edited(FASTER))
    assert desk.applied() == {"show.speed": 2.5}
    desk.said()
    desk.save("[")
    desk.wait()
    assert "not applied" in desk.said()
    desk.save(edited(FASTER))
    assert desk.applied() == {} and desk.said() == "config.toml: it is right again"


def test_of_several_mistakes_the_first_is_told_and_how_many_there_are(desk: Desk) -> None:
    desk.save(edited(("speed = 1.0 ", "speed = 50.0 "), ("fade = 1.5 ", "fade = -1 "), NEON))
    assert desk.applied() == {}
    line = TEXT[: TEXT.index("speed = 1.0")].count("\n") + 1
    assert desk.said().startswith(f"not applied (1 of 2): {desk.path}:{line}: show.speed = 50.0;")


def test_a_file_that_is_gone_is_said_and_back_again_it_applies(desk: Desk) -> None:
    desk.path.unlink()
    assert desk.applied() == {}
    assert desk.said().startswith(f"not applied: cannot read {desk.path}: No such file")
    desk.path.mkdir()
    assert desk.applied() == {} and "cannot read" in desk.said()
    desk.path.rmdir()
    desk.save(edited(FASTER))
    assert desk.applied() == {"show.speed": 2.5}


def test_an_editor_that_empties_the_file_first_does_not_flash(desk: Desk) -> None:
    for begun in ("", edited(NEON)[:4000], "[show]\nspeed = 3.0"):
        desk.path.write_text(begun)
        desk.wait(DOUBT_S - 0.03)
        assert desk.reload.commands() == [] and desk.said() == "", begun
    desk.path.write_text(edited(FASTER))
    desk.wait(SETTLE_S - 0.02)
    assert desk.reload.commands() == []
    desk.wait(0.03)
    assert desk.reload.commands() == [("show.speed", 2.5)]


def test_what_is_read_once_is_said_to_come_at_the_next_start(desk: Desk) -> None:
    text = edited(("width = 1280 ", "width = 1000 "), ("\nbands = 16 ", "\nbands = 8 "), FASTER)
    desk.save(text)
    assert desk.applied() == {"show.speed": 2.5}
    said = "config.toml: show.speed = 2.5; at the next start: window.width, sound.bands"
    assert desk.said() == said
    desk.save(edited(("epochs = 40 ", "epochs = 50 "), text=text))
    assert desk.applied() == {} and desk.said() == "", "that has nothing to do with a show"
    desk.save(edited(("\nbands = 16 ", "\nbands = 8 "), FASTER))
    assert desk.applied() == {}
    assert desk.said() == "config.toml: window.width = 1280", "as it began, and is"


def test_another_sound_input_is_heard_but_not_in_the_place_of_a_song(tmp_path: Path) -> None:
    usb = edited(('input = "" ', 'input = "USB" '))
    desk = Desk(tmp_path, hears_room=True)
    desk.save(usb)
    assert desk.applied() == {"sound.choose": "USB"}
    desk = Desk(tmp_path)
    desk.save(usb)
    assert desk.applied() == {} and "at the next start: sound.input" in desk.said()


def test_what_the_program_writes_itself_does_not_come_back(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(TEXT)
    memory = Memory(tmp_path / "config.toml")
    desk = Desk(tmp_path, memory=memory, hears_room=True)
    memory.keep("sound", "input", "first", "the input")
    memory.keep("sound", "input", "second", "the input")
    memory.keep("sound", "room_dbfs", [-60.5] * 16, "the room")
    memory.close()
    assert "second" in desk.path.read_text()
    assert desk.applied() == {} and desk.said() == ""
    desk.save(edited(('input = "" ', 'input = "third" ')))
    assert desk.applied() == {"sound.choose": "third"}
    desk.said()
    desk.save(edited(('input = "" ', 'input = "second" ')))
    assert desk.applied() == {"sound.choose": "second"}, "the first time it was ours, and no more"


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_is_saved_all_of_it_applies_or_nothing(tmp_path_factory, data) -> None:
    """Files as they come from slips of the hand: cut, doubled, with letters gone or put in."""
    desk = Desk(tmp_path_factory.mktemp("desk"))
    for _ in range(data.draw(st.integers(1, 3))):
        text = edited(FASTER, NEON) if data.draw(st.booleans()) else TEXT
        for _ in range(data.draw(st.integers(0, 4))):
            a = data.draw(st.integers(0, len(text)))
            b = data.draw(st.integers(a, min(a + 30, len(text))))
            put = data.draw(
                st.sampled_from(["", "[", "]", '"', "\n", "0", "nan", "#", "\x00", "é"])
            )
            text = text[:a] + put + text[b:]
        desk.save(text)
        before = dict(desk.reload.written)
        applied = desk.applied()
        said = desk.said()
        try:
            wanted = load(DECLARED, desk.path)
        except UserError as error:
            assert applied == {} and dict(desk.reload.written) == before
            assert str(error).splitlines()[0] in said
        else:
            assert applied == {
                id: value for id, value in wanted.controls.items() if before[id] != value
            }
            assert {id: desk.controls[id] for id in wanted.controls} == wanted.controls
            assert "not applied" not in said


# --- in the real program


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with Program(tmp_path_factory.mktemp("project")) as program:
        yield program


def test_saving_shows_while_it_plays(program: Program) -> None:
    config = program.root / "config.toml"

    def replace(text: str) -> None:
        config.with_name("part").write_text(text)
        config.with_name("part").replace(config)

    with (
        virtual_screen() as screen,
        program.start(
            "--size", "640x400", "--fps", 30, "--model", "classic-28", env=screen.env
        ) as playing,
    ):

        def see() -> np.ndarray:
            return screen.window()[-36:]

        wait_until(lambda: screen.place()[2] and reads(see(), "perlin"), "the program")
        replace(edited(('driver = "perlin" ', 'driver = "random" ')))
        wait_until(lambda: reads(see(), "random"), "the driver of the file")
        config.write_text(edited(('driver = "perlin" ', 'driver = "perln" ')))
        wait_until(lambda: "not applied" in playing.err, "a line about the mistake")
        wait_until(lambda: reads(screen.window()[:120], "show.driver"), "the line on the screen")
        assert ":5: show.driver = 'perln'; allowed is 'perlin' or 'simplex'" in playing.err
        assert reads(see(), "random")
        config.write_text(TEXT)
        wait_until(lambda: reads(see(), "perlin"), "the driver of the file")
        screen.key("q")
        assert playing.wait() == 0
        assert not has_traceback(playing.err)
