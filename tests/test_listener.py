"""What a performer does to the ear: holds, taps, and the knobs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from visualiser import listener as module
from visualiser.audio.source import Silence
from visualiser.config import CONFIG, Sound, load
from visualiser.config import Settings as Loaded
from visualiser.controls import Controls, Nudge
from visualiser.listener import Listener, declare, tempo_of
from visualiser.remember import Memory
from visualiser.run import declared_controls
from visualiser.types import Features, Tick
from visualiser.types import Sound as Heard
from visualiser.undo import History

RATE = 48_000
PLAIN = Sound()


class Room(Silence):
    """A source that says it is a microphone; sound: what is heard, over and over."""

    device = None
    tap = None
    wanted = ""

    def __init__(self, level: float = 0.001, state: str = "hearing") -> None:
        self.state = state
        self.label = "microphone test"
        self.sound = level * np.random.default_rng(1).standard_normal(RATE).astype(np.float32)
        self.chosen: list[str] = []

    def window(self, t: float, n: int) -> Heard:
        end = round(t * RATE)
        return Heard(self.sound.take(range(end - n, end), mode="wrap"), RATE, end, t)

    def choose(self, name: str) -> None:
        self.wanted = name
        self.chosen.append(name)


class Chosen(Room):
    """A microphone that is opened by its name."""

    def __init__(self, name: str, channels: list[int]) -> None:
        super().__init__()
        self.label = f"microphone {name}"


class Playing(Silence):
    """A song whose driver takes its time to close."""

    is_closed = False

    def close(self) -> None:
        time.sleep(0.2)
        self.is_closed = True


class Player:
    """Listener, controls and a clock. values: of controls, by id."""

    def __init__(self, source, memory: Memory | None = None, sound: Sound = PLAIN, **values):
        given = {key.replace("__", "."): value for key, value in values.items()}
        self.controls = Controls(declare(), given)
        self.history = History()
        self.listener = Listener(source, sound, self.controls, memory, self.history)
        self.said: list[str] = []
        self.index = 0

    def play(self, seconds: float, *commands) -> Features:
        """That long, at 60 ticks a second, with these commands at its first."""
        for n in range(max(round(seconds * 60), 1)):
            tick = Tick(self.index, self.index / 60, 1 / 60)
            self.index += 1
            heard = self.listener.listen(tick)
            for command in commands if n == 0 else ():
                self.controls.apply(command)
            self.listener.obey(tick, commands if n == 0 else ())
            self.said += self.listener.notices()
        return heard

    def undo(self) -> str:
        """U; what is said of it."""
        self.play(0.1, *self.history.commands([("show.undo", Nudge(1))]))
        self.said += self.history.notices()
        return self.said[-1]

    def press(self, key: str) -> None:
        self.play(0, self.controls.on_key(key))

    def down(self, key: str, seconds: float) -> None:
        self.play(seconds, self.controls.on_key(key))

    def up(self, key: str) -> None:
        self.play(0.1, (self.controls.on_key(key)[0], False))


@pytest.fixture(autouse=True)
def _rooms_are_microphones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Microphone", Room)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[tuple[Memory, Path]]:
    path = tmp_path / "config.toml"
    path.write_bytes(CONFIG.read_bytes())
    memory = Memory(path)
    yield memory, path
    memory.close()


def loaded(path: Path) -> Loaded:
    return load(declared_controls(), path)


# --- the room


def test_holding_the_key_for_three_seconds_learns_the_room_and_keeps_it(kept) -> None:
    memory, path = kept
    player = Player(Room(), memory)
    player.play(1)
    player.down("n", 1.5)
    assert player.listener.learning == "keep quiet: learning the room, 2 s"
    player.play(1)
    assert player.listener.learning == "keep quiet: learning the room, 1 s"
    player.play(0.8)
    assert player.listener.learning == ""
    [line] = player.said
    assert line.startswith("learned the room: -5") and line.endswith(" dBFS")
    player.up("n")
    assert len(player.said) == 1
    memory.close()
    room = loaded(path).sound.room_dbfs
    learned = player.listener.ear.learned_floor
    assert np.allclose(room, learned, atol=0.06)
    again = Player(Room(), sound=loaded(path).sound)
    assert np.allclose(again.listener.ear.learned_floor, learned, atol=0.06)
    assert np.all(again.play(4).bands == 0), "the room is heard"


def test_a_key_let_go_too_early_learns_nothing(kept) -> None:
    memory, path = kept
    player = Player(Room(), memory)
    player.down("n", 2.5)
    player.up("n")
    assert player.said == ["the room is not learned: hold it for 3 s"]
    assert player.listener.learning == "" and not player.listener.ear.learning
    player.play(2)
    assert player.listener.ear.learned_floor is None
    player.down("n", 3.3)  # and then once more, long enough
    assert player.said[1].startswith("learned the room")
    memory.close()
    assert len(loaded(path).sound.room_dbfs) == 16


def test_a_floor_that_was_there_survives_a_key_let_go_too_early() -> None:
    room = [-50.0] * 16
    player = Player(Room(), sound=Sound(room_dbfs=room))
    player.down("n", 1.0)
    player.up("n")
    assert player.listener.ear.learned_floor.tolist() == room


@pytest.mark.parametrize("state", ["lost", "silent", "opening"])
def test_what_is_not_heard_is_not_learned(state: str) -> None:
    player = Player(Room(state=state))
    player.down("n", 4.0)
    assert player.said == ["the room is not learned: no microphone is heard"]
    source = Room()
    player = Player(source)
    player.down("n", 1.0)
    source.state = state
    player.play(3)
    assert player.said == ["the room is not learned: microphone test is not heard"]
    assert player.listener.ear.learned_floor is None


def test_a_song_is_no_room() -> None:
    player = Player(Silence())
    player.down("n", 4.0)
    assert player.said == ["the room is not learned: a song is heard, and no microphone"]


def test_a_loud_room_is_doubted() -> None:
    player = Player(Room(level=0.1))
    player.down("n", 3.5)
    assert "was it quiet?" in player.said[0]


def test_a_room_of_another_number_of_bands_is_left_out_and_said() -> None:
    player = Player(Room(), sound=Sound(room_dbfs=[-60.0] * 8))
    player.play(0.1)
    [line] = player.said
    assert "8 bands instead of 16" in line
    assert player.listener.ear.learned_floor is None


# --- the beat


def test_taps_give_the_tempo_and_the_phase() -> None:
    player = Player(Silence())
    for _ in range(6):
        player.press("return")
        player.play(29 / 60)
    assert player.listener.beat.bpm == pytest.approx(120, rel=0.01)
    heard = player.play(1 / 60)
    assert tempo_of(heard) == "120 bpm"
    player.press("=")
    assert player.listener.beat.bpm == pytest.approx(240, rel=0.01)
    player.press("-")
    player.press("-")
    assert player.listener.beat.bpm == pytest.approx(60, rel=0.01)


@pytest.mark.parametrize(("key", "way"), [(",", 1), ("/", -1)])
def test_nudges_move_the_beat(key: str, way: int) -> None:
    moved, plain = Player(Silence()), Player(Silence())
    for player in (moved, plain):
        player.play(0.5)
        player.listener.beat.set(120.0, 0.0)
        player.play(1)
    for _ in range(5):
        moved.press(key)
        plain.play(0)
    shift = moved.play(3).beats - plain.play(3).beats
    assert shift == pytest.approx(way * 5 * module.NUDGE, abs=0.02)


def test_a_guess_is_no_tempo() -> None:
    assert tempo_of(Features(0, np.zeros(4), -60, bpm=120, beat_confidence=0.4)) == ""
    assert tempo_of(Features(0, np.zeros(4), -60, bpm=0, beat_confidence=1.0)) == ""


# --- the knobs


def test_sensitivity_lifts_what_was_below_the_floor_but_not_the_meter() -> None:
    quiet = Player(Room(level=10 ** (-66 / 20)))
    before = quiet.play(3)
    assert before.rms == 0
    quiet.play(0, ("sound.sensitivity", 24.0))
    after = quiet.play(3)
    assert after.rms > 0.3
    assert after.level_dbfs == pytest.approx(before.level_dbfs, abs=1)


def test_the_floor_attack_and_release_act_at_once() -> None:
    player = Player(Room(level=10 ** (-40 / 20)))
    assert player.play(3).rms > 0.3
    player.play(0, ("sound.floor_dbfs", -20.0))
    assert player.play(2).rms == 0
    player.play(0, ("sound.floor_dbfs", -58.0), ("sound.attack_s", 5.0))
    assert 0 < player.play(0.5).rms < 0.3, "it does not rise slowly"
    player.play(0, ("sound.attack_s", 0.0))
    assert player.play(0.2).rms > 0.3
    player.play(0, ("sound.release_s", 30.0), ("sound.floor_dbfs", -20.0))
    assert player.play(0.5).rms > 0.3, "it does not fall slowly"


def test_the_config_says_where_the_knobs_begin(kept) -> None:
    _, path = kept
    path.write_text("[sound]\nsensitivity = 3.0\nattack_s = 0.5\nfloor_dbfs = -44.0\n")
    controls = loaded(path).controls
    assert controls["sound.sensitivity"] == 3 and controls["sound.attack_s"] == 0.5
    assert controls["sound.release_s"] == 0.15 and controls["sound.floor_dbfs"] == -44


# --- what was before


def test_a_room_that_was_learned_by_mistake_is_as_before_in_the_file_too(kept) -> None:
    memory, path = kept
    player = Player(room := Room(), memory)
    learned = []
    for level in (0.001, 0.2):  # quiet, and somebody plays
        room.sound *= level / 0.001
        player.down("n", 3.5)
        player.up("n")
        learned.append(player.listener.ear.learned_floor)
    assert player.said[-1].endswith("was it quiet? U undoes it")
    assert player.undo().startswith("undone: the room is -5")
    np.testing.assert_array_equal(player.listener.ear.learned_floor, learned[0])
    heard = player.play(2)
    assert heard.rms > 0, "what plays is heard again"
    player.undo()
    assert player.said[-1] == "undone: the room is not learned again"
    assert player.listener.ear.learned_floor is None
    assert player.undo() == "there is nothing to undo"
    memory.close()
    assert loaded(path).sound.room_dbfs == []


def test_the_input_before_is_heard_again_and_kept(kept) -> None:
    memory, path = kept
    player = Player(source := Room(), memory)
    for name in ("USB mic", "USB mic", "line"):
        player.play(0.1, ("sound.choose", name))
    assert player.undo() == "sound input: USB mic"
    assert player.undo() == "sound input: the default of the system"
    assert player.undo() == "there is nothing to undo"
    assert source.wanted == ""
    memory.close()
    assert loaded(path).sound.input == ""


# --- the source


def test_another_input_is_chosen_and_kept_by_name(kept) -> None:
    memory, path = kept
    source = Room()
    player = Player(source, memory)
    player.play(0.1, ("sound.choose", "USB mic"))
    assert source.chosen == ["USB mic"] and player.said == ["sound input: USB mic"]
    memory.close()
    assert loaded(path).sound.input == "USB mic"


def test_a_microphone_that_is_chosen_takes_the_place_of_a_song(
    kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, path = kept
    monkeypatch.setattr(module, "Microphone", Chosen)
    song = Playing()
    player = Player(song, memory)
    player.play(0.5)
    assert player.listener.source is song
    player.play(0.1, ("sound.choose", "USB mic"))
    assert player.listener.source.label == "microphone USB mic"
    assert player.said == ["sound input: USB mic"]
    player.play(0.5)  # the ear goes on with another count of samples
    player.listener.close()
    assert song.is_closed, "the song goes on"
    memory.close()
    assert loaded(path).sound.input == "USB mic"


@pytest.mark.parametrize(
    ("state", "words"),
    [("hearing", ""), ("lost", "microphone test has gone: waiting for it"),
     ("silent", "microphone test is open and delivers nothing")],
)  # fmt: skip
def test_why_nothing_is_heard_is_said(state: str, words: str) -> None:
    assert Player(Room(state=state)).listener.trouble == words
