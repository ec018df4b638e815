"""MIDI as a hand on a controller meets it: mapped, learned, picked up; plugs that are pulled; the
clock. The devices are a rack of their own kind, see test_midi_cable for a real driver."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_rack import Rack
from program import wait_until

from visualiser import config
from visualiser.config import CONFIG, load
from visualiser.controls import (
    Control,
    Controls,
    Nudge,
    Pulse,
    action,
    choice,
    hold,
    live,
    number,
    switch,
)
from visualiser.inputs.knobs import Knob, parse
from visualiser.inputs.midi import Midi, declare
from visualiser.inputs.midi_clock import Follower
from visualiser.inputs.midi_heard import CLOCK, CONTINUE, POSITION, START, STOP, Clocked, Heard
from visualiser.inputs.midi_ports import RtMidi, listed, plain
from visualiser.inputs.pickup import NEAR
from visualiser.remember import Memory
from visualiser.run import declared_controls
from visualiser.types import UserError
from visualiser.undo import History

NANO = "nanoKONTROL2:nanoKONTROL2 nanoKONTROL2 _ CTR 20:0"


def table() -> list[Control]:
    return [
        number("show.speed", "pace", 1.0, 0.0, 2.0),
        number("look.tone", "of it", 0.5, 0.0, 1.0),
        choice("show.mode", "what it is given", "latent", ("latent", "pixel", "draw")),
        switch("window.hud", "the line", True),
        action("show.pause", "pause", "space"),
        action("show.drop", "start from a picture", takes="a path"),
        hold("stage.black", "black while held", "b"),
        live("latents.1", "the first", -3.0, 3.0),
        *declare(),
    ]


class Played:
    """The input, and what a show does with it once a frame; t: seconds by its own clock."""

    def __init__(
        self,
        rack: Rack,
        memory: Memory | None = None,
        history: History | None = None,
        **given: object,
    ) -> None:
        self.t = 100.0
        self.table = Controls(table())
        self.said: list[str] = []
        self.did: list[str] = []
        self.pulses: list[Pulse] = []
        self.midi = Midi(config.Midi(**given), self.table, memory, rack, lambda: self.t, history)
        self.midi._cables._look_s = 0.02

    def frame(self, *others: tuple) -> list:
        """One frame; others: what other inputs ask for. Returns what this one did."""
        own = list(self.midi.commands())
        commands = [*others, *own]
        self.midi.obey(commands)
        self.did += [c[0] for c in commands if self.table.apply(c) and c[0] != "beat.clock"]
        self.pulses += [value for _, value in commands if isinstance(value, Pulse)]
        self.midi.tell(self.table.values)
        self.said += self.midi.notices()
        self.t += 1 / 60
        return own

    def until(self, ready: Callable[[], object], what: str) -> None:
        def look() -> object:
            self.frame()
            return ready()

        wait_until(look, what, 5.0)

    def value(self, id: str) -> object:
        return self.table[id]


@pytest.fixture
def rack() -> Rack:
    return Rack(NANO)


@pytest.fixture
def play(rack: Rack) -> Iterator[Callable[..., Played]]:
    playing: list[Played] = []

    def begin(memory: Memory | None = None, **given: object) -> Played:
        show = Played(rack, memory, **given)
        playing.append(show)
        if rack.devices:
            wait_until(lambda: show.midi._cables.is_plugged, "it is plugged in", 5.0)
            show.frame()
        return show

    yield begin
    for show in playing:
        show.midi.close()


def cc(number: int, value: int, channel: int = 1) -> tuple[int, int, int]:
    return 0xB0 + channel - 1, number, value


def note(number: int, velocity: int, channel: int = 1) -> tuple[int, int, int]:
    return 0x90 + channel - 1, number, velocity


# --- what is mapped


def test_knobs_buttons_and_pads_move_every_kind_of_control(rack: Rack, play: Callable) -> None:
    show = play(
        pickup=False,
        map={
            "cc 1:21": "show.speed",
            "cc 1:22": "show.mode",
            "cc 2:23": "window.hud",
            "cc 1:24": "show.pause",
            "note 10:36": "stage.black",
            "note 10:37": "window.hud",
            "note 10:38": "show.pause",
            "note 10:39": "look.tone",
            "note 10:40": "show.mode",
        },
    )
    rack.turn(NANO, cc(21, 127), cc(22, 64), cc(23, 0, 2), cc(24, 127), cc(24, 0), cc(99, 5))
    show.frame()
    assert show.value("show.speed") == 2.0 and show.value("show.mode") == "pixel"
    assert show.value("window.hud") is False and show.did == ["show.pause"]
    rack.turn(NANO, note(36, 90, 10), note(37, 1, 10), note(38, 80, 10), note(39, 127, 10))
    rack.turn(NANO, note(40, 3, 10))
    show.frame()
    assert show.value("stage.black") is True and show.value("window.hud") is True
    assert show.did == ["show.pause"] * 2 and show.value("look.tone") == 1.0
    assert show.value("show.mode") == "draw"
    rack.turn(NANO, note(37, 0, 10), (0x89, 36, 64))  # let go, in both ways there are
    show.frame()
    assert show.value("stage.black") is False and show.value("window.hud") is True


def test_all_presses_between_two_frames_count_and_of_a_knob_the_newest(
    rack: Rack, play: Callable
) -> None:
    show = play(
        pickup=False, map={"cc 1:1": "show.pause", "note 1:2": "stage.black", "cc 1:3": "look.tone"}
    )
    for _ in range(3):
        rack.turn(NANO, cc(1, 127), cc(1, 100), cc(1, 0), note(2, 9), note(2, 0))
    for value in range(128):
        rack.turn(NANO, cc(3, value), cc(4, value))
    own = show.frame()
    assert [c for c in own if c[0] == "show.pause"] == [("show.pause", True)] * 3
    assert [c for c in own if c[0] == "stage.black"] == [
        ("stage.black", True),
        ("stage.black", False),
    ]
    assert [c for c in own if c[0] == "look.tone"] == [("look.tone", 1.0)]


def test_a_knob_acts_only_once_it_has_passed_the_value_and_until_that_is_moved(
    rack: Rack, play: Callable
) -> None:
    show = play(map={"cc 1:21": "show.speed"})
    for value in (0, 20, 50):
        rack.turn(NANO, cc(21, value))
        show.frame()
        assert show.value("show.speed") == 1.0
    assert [line for line in show.said if "turn cc 1:21 up" in line], show.said
    for value in (90, 100, 10):  # it jumped over the middle: from here on it leads
        rack.turn(NANO, cc(21, value))
        show.frame()
        assert show.value("show.speed") == pytest.approx(2 * value / 127)
    show.frame(("show.speed", 1.5))  # a key, or a slider
    rack.turn(NANO, cc(21, 30))
    show.frame()
    assert show.value("show.speed") == 1.5
    rack.turn(NANO, cc(21, 95))  # as near as its steps are
    show.frame()
    assert show.value("show.speed") == pytest.approx(2 * 95 / 127)


def test_a_direction_is_taken_at_once_for_it_glides_by_itself(rack: Rack, play: Callable) -> None:
    show = play(map={"cc 1:21": "latents.1"})
    rack.turn(NANO, cc(21, 127))
    show.frame()
    assert show.value("latents.1") == 3.0 and len(show.said) == 1


def test_a_switch_turns_where_its_knob_passes_the_middle_and_nowhere_else(
    rack: Rack, play: Callable
) -> None:
    show = play(map={"cc 1:21": "window.hud", "cc 1:22": "show.pause"})
    seen = []
    # It is on; a knob that is first heard at 30 is no reason.
    for place in (30, 40, 70, 60, 59, 64):
        rack.turn(NANO, cc(21, place), cc(22, place + 60))
        show.frame()
        seen.append(show.value("window.hud"))
    assert seen == [True, True, True, False, False, True]
    assert show.did == [], "it was above the middle all the time"
    rack.turn(NANO, cc(22, 63), cc(22, 64))
    show.frame(("window.hud", False))
    rack.turn(NANO, cc(21, 90))
    show.frame()
    assert show.did == ["show.pause"] and show.value("window.hud") is False, "a key had turned it"


def test_without_pick_up_a_switch_is_what_its_knob_says(rack: Rack, play: Callable) -> None:
    show = play(pickup=False, map={"cc 1:21": "window.hud"})
    for place, is_on in ((30, False), (64, True), (100, True)):
        rack.turn(NANO, cc(21, place))
        show.frame(("window.hud", not is_on))
        assert show.value("window.hud") is is_on


def test_a_choice_has_as_much_of_the_knob_as_the_others_and_is_picked_up_there(
    rack: Rack, play: Callable
) -> None:
    show = play(map={"cc 1:21": "show.mode"})
    seen = []
    for place in range(128):
        rack.turn(NANO, cc(21, place))
        show.frame()
        seen.append(show.value("show.mode"))
    assert [seen.count(each) for each in ("latent", "pixel", "draw")] == [43, 42, 43]
    show.frame(("show.mode", "latent"))  # a key
    for place in (126, 100, 60):
        rack.turn(NANO, cc(21, place))
        show.frame()
        assert show.value("show.mode") == "latent"
    rack.turn(NANO, cc(21, 41))  # where it has latent, though not in the middle of that
    show.frame()
    rack.turn(NANO, cc(21, 50))
    show.frame()
    assert show.value("show.mode") == "pixel"


def test_a_pad_sets_a_number_by_its_velocity_and_a_full_blow_reaches_both_ends(
    rack: Rack, play: Callable
) -> None:
    show = play(map={"note 1:1": "look.tone"})
    seen = []
    for velocity in (64, 127, 127, 127, 32):
        rack.turn(NANO, note(1, velocity), note(1, 0))  # quicker than a frame
        show.frame()
        seen.append(round(show.value("look.tone") * 127))
    assert seen == [64, 127, 0, 127, 32]


@settings(max_examples=60)
@given(st.lists(st.integers(0, 127) | st.floats(0.0, 2.0), min_size=1, max_size=30))
def test_a_value_never_jumps_further_than_the_knob_was_moved(moves: list[int | float]) -> None:
    from visualiser.inputs.midi_heard import Touch
    from visualiser.inputs.pickup import Mapped

    control = table()[0]
    mapped, value, before = Mapped(Knob("cc", 1, 1), control, True), 1.0, None
    for move in moves:
        if isinstance(move, float):
            value = move
        else:
            asked = mapped.follow(Touch(move), value)
            assert len(asked) <= 1
            if asked:
                step = abs(move - before) / 127 if before is not None else 0.0
                jump = abs(control.share_of(asked[0]) - control.share_of(value))
                assert jump <= step + NEAR + 1e-9
                value = float(asked[0])
            before = move
        mapped.heed(value)


def test_sixteen_knobs_swept_at_once_leave_sixteen_commands_a_frame(
    rack: Rack, play: Callable
) -> None:
    show = play(pickup=False, map={f"cc 1:{n}": "look.tone" for n in range(16)})
    for value in range(128):
        rack.turn(NANO, *[cc(n, value) for n in range(16)])
    assert show.frame() == [("look.tone", 1.0)] * 16
    assert show.frame() == []


# --- learning


def test_z_learns_the_next_knob_for_the_control_that_was_changed_last(
    rack: Rack, play: Callable, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(CONFIG.read_bytes())
    memory = Memory(path)
    show = play(memory)
    show.frame(("show.speed", Nudge(1)))
    assert show.midi.learning == ""
    show.frame(("midi.learn", Nudge(1)))
    assert "show.speed" in show.midi.learning and "knob" in show.midi.learning
    show.frame(("look.tone", 0.2))  # another one after all
    assert "look.tone" in show.midi.learning
    rack.turn(NANO, cc(21, 3))
    show.frame()
    assert show.midi.learning == "" and show.said[-1] == "cc 1:21 is look.tone"
    assert show.value("look.tone") == 0.2, "it was learned, not moved"
    rack.turn(NANO, cc(21, 60))  # past 0.2
    show.frame()
    assert show.value("look.tone") == pytest.approx(60 / 127)
    # The same knob for another: it says whom it is taken from.
    show.frame(("show.pause", Nudge(1)), ("midi.learn", Nudge(1)))
    rack.turn(NANO, cc(21, 127))
    show.frame()
    assert show.said[-1] == "cc 1:21 is show.pause, and no longer look.tone: U undoes it"
    # A pad, whose press is what is learned.
    show.frame(("midi.learn", Nudge(1)), ("stage.black", True))
    rack.turn(NANO, note(36, 100, 10), note(36, 0, 10))
    show.frame()
    assert show.said[-1] == "note 10:36 is stage.black"
    moved = {each.id: list(map(str, show.midi.knobs(each.id))) for each in table()}
    moved = {id: knobs for id, knobs in moved.items() if knobs}
    assert moved == {"show.pause": ["cc 1:21"], "stage.black": ["note 10:36"]}
    memory.close()
    assert memory.notices() == []
    kept = load(declared_controls_and(*table()), path).midi.map
    assert kept == {"cc 1:21": "show.pause", "note 10:36": "stage.black"}
    text, shipped = path.read_text(), CONFIG.read_text()
    assert set(shipped.splitlines()) <= set(text.splitlines()), "it changed more than that"


def test_what_is_pressed_on_the_way_is_learned_only_where_it_is_asked_for(
    rack: Rack, play: Callable
) -> None:
    show = play()
    show.frame(("show.speed", Nudge(1)))
    show.frame(("window.hud", Nudge(1)))  # to look something up
    show.frame(("midi.learn", Nudge(1)))
    assert "learn show.speed" in show.midi.learning
    show.frame(("window.hud", Nudge(1)))
    assert "learn window.hud" in show.midi.learning
    rack.turn(NANO, cc(21, 127))
    show.frame()
    assert show.said[-1] == "cc 1:21 is window.hud"
    show.frame(("midi.forget", Nudge(1)))
    assert show.said[-1] == "cc 1:21 is no longer window.hud: U undoes it"


def test_a_pad_that_was_learned_is_not_told_to_turn(rack: Rack, play: Callable) -> None:
    show = play()
    show.frame(("stage.black", True))
    show.frame(("stage.black", False), ("midi.learn", Nudge(1)))
    rack.turn(NANO, note(36, 100, 10))
    show.frame()
    rack.turn(NANO, note(36, 0, 10))
    show.frame()
    rack.turn(NANO, note(36, 100, 10))
    show.frame()
    assert show.value("stage.black") and show.said[-1] == "note 10:36 is stage.black"


def play_from(play: Callable, path: Path, text: str, **more: object) -> tuple[Memory, Played]:
    """A config.toml of that text, and a show with what it maps."""
    path.write_text(text)
    memory = Memory(path)
    return memory, play(memory, map=tomllib.loads(text)["midi"]["map"], **more)


def test_a_knob_is_taken_from_what_was_changed_last_and_given_back(
    rack: Rack, play: Callable, tmp_path: Path
) -> None:
    path, history = tmp_path / "config.toml", History()
    text = '[midi.map]\n"CC 1:021" = "show.speed" # the left one\n"cc 1:22" = "look.tone"\n'
    memory, show = play_from(play, path, text, history=history)
    show.frame(("midi.forget", Nudge(1)))
    assert show.said[-1] == "nothing was changed yet: move the knob that is to be free"
    rack.turn(NANO, cc(21, 3))  # which does not lead, and is meant all the same
    show.frame()
    show.frame(("midi.forget", Nudge(1)))
    assert show.said[-1] == "cc 1:21 is no longer show.speed: U undoes it"
    rack.turn(NANO, cc(21, 127), cc(21, 0))
    assert show.frame() == []
    show.frame(("midi.forget", Nudge(1)))
    assert show.said[-1] == "no knob moves show.speed: move the knob that is to be free"
    # The other one, for another control; then both as they were.
    show.frame(("show.pause", Nudge(1)), ("midi.learn", Nudge(1)))
    rack.turn(NANO, cc(22, 60))
    show.frame()
    assert [show.frame(*history.commands([("show.undo", Nudge(1))])) for _ in range(2)] == [[], []]
    assert show.said[-2:] == [
        "undone: cc 1:22 is look.tone again",
        "undone: cc 1:21 is show.speed again",
    ]
    for place in (0, 127):
        rack.turn(NANO, cc(21, place))
        show.frame()
    assert show.value("show.speed") == 2.0
    memory.close()
    assert memory.notices() == []
    mapped = {"CC 1:021": "show.speed", "cc 1:22": "look.tone"}
    assert tomllib.loads(path.read_text()) == {"midi": {"map": mapped}}


def test_a_mapping_that_is_taken_is_gone_from_the_file(
    rack: Rack, play: Callable, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    text = '[midi.map] # mine\n"CC 1:021" = "show.speed"\n"cc 1:22" = "look.tone"\n'
    memory, show = play_from(play, path, text)
    show.frame(("show.speed", Nudge(1)), ("midi.forget", Nudge(1)))
    show.frame(("midi.forget", Nudge(1)))
    memory.close()
    assert path.read_text() == '[midi.map] # mine\n"cc 1:22" = "look.tone"\n'


def declared_controls_and(*more: Control) -> list[Control]:
    known = declared_controls()
    return [*known, *[c for c in more if c.id not in {k.id for k in known}]]


def test_a_mapping_that_is_spelled_in_another_way_is_replaced_and_not_doubled(
    rack: Rack, play: Callable, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    text = '[midi.map]\n"CC 1:021" = "show.speed" # the left one\n'
    memory, show = play_from(play, path, text)
    show.frame(("look.tone", 0.5), ("midi.learn", Nudge(1)))
    rack.turn(NANO, cc(21, 64))
    show.frame()
    memory.close()
    assert tomllib.loads(path.read_text()) == {"midi": {"map": {"CC 1:021": "look.tone"}}}
    assert "# the left one" in path.read_text()


def test_z_again_leaves_it_and_so_does_time(rack: Rack, play: Callable) -> None:
    show = play()
    show.frame(("midi.learn", Nudge(1)))
    assert "change a control" in show.midi.learning
    rack.turn(NANO, cc(5, 5))  # for which control?
    show.frame()
    assert show.midi.learning
    show.frame(("midi.learn", Nudge(1)))
    assert show.midi.learning == "" and show.said[-1] == "nothing is learned"
    show.frame(("midi.learn", Nudge(1)), ("show.drop", "a.png"))
    assert "show.drop" not in show.midi.learning, "a knob cannot give a path"
    show.t += 60
    show.frame()
    assert show.midi.learning == "" and "nothing is learned" in show.said[-1]


# --- devices


def test_a_device_that_vanishes_and_comes_back_under_another_number_goes_on(
    rack: Rack, play: Callable
) -> None:
    show = play(pickup=False, map={"cc 1:21": "show.speed", "note 1:3": "stage.black"})
    assert show.said == [f"MIDI: {NANO}"]
    rack.turn(NANO, note(3, 127), (0xB0,), (0xB0, 21), (), (0xB0, 21, 200), (0xF2, 1))
    show.frame()
    assert show.value("stage.black") is True and show.value("show.speed") == 1.0
    rack.pull(NANO)
    show.until(lambda: len(show.said) > 1, "it is said")
    assert show.said[1] == f"MIDI: {NANO} has gone"
    assert show.value("stage.black") is False, "it was held for ever"
    again = NANO.replace("20:0", "28:0")
    rack.plug(again)
    show.until(lambda: len(show.said) > 2, "it is back")
    assert show.said[2] == f"MIDI: {again} is back"
    rack.turn(again, cc(21, 127))
    show.frame()
    assert show.value("show.speed") == 2.0 and len(show.said) == 3


def test_only_devices_that_were_asked_for_and_never_our_own_ends_or_echoes(
    rack: Rack, play: Callable
) -> None:
    for name in ("Squircle:Squircle 129:0", "Midi Through:Midi Through Port-0 14:0", "MPK keys 1"):
        rack.plug(name)
    play()
    wait_until(lambda: len(rack.opened) == 2, "both")
    assert set(rack.opened) == {NANO, "MPK keys 1"}
    rack.opened.clear()
    play(ports=["mpk"])
    assert rack.opened == ["MPK keys 1"]


def test_a_device_that_cannot_be_opened_is_said_once(rack: Rack, play: Callable) -> None:
    rack.plug("other")
    rack.deaf = {"other"}
    show = play()
    looks = show.t + 0.5
    show.until(lambda: show.t > looks and len(show.said) > 1, "several looks")
    assert show.said.count("MIDI: cannot open other: busy") == 1


def test_lamps_and_motors_show_what_something_else_has_moved(rack: Rack, play: Callable) -> None:
    show = play(pickup=False, map={"cc 1:21": "show.speed", "note 1:3": "window.hud"})
    sent = rack.sent.setdefault(NANO, [])
    wait_until(lambda: len(sent) == 2, "where they are at first")
    assert set(sent) == {bytes(cc(21, 64)), bytes(note(3, 127))}
    rack.turn(NANO, cc(21, 100))
    show.frame()
    show.frame(("show.speed", 0.0), ("window.hud", Nudge(1)))
    wait_until(lambda: len(sent) == 4, "what has changed")
    assert set(sent[2:]) == {bytes(cc(21, 0)), bytes(note(3, 0))}, "its own turn came back"
    rack.pull(NANO)
    show.until(lambda: "gone" in show.said[-1], "it is pulled")
    show.frame(("show.speed", 2.0))
    rack.plug(NANO)
    show.until(lambda: len(sent) == 6, "all of it anew")
    assert set(sent[4:]) == {bytes(cc(21, 127)), bytes(note(3, 0))}


def missing() -> RtMidi:
    raise UserError("python-rtmidi is not there (No module named 'rtmidi'): pip install it")


def test_without_the_extra_who_wants_midi_is_told_in_one_line_and_others_never() -> None:
    quiet = Played(missing)  # type: ignore[arg-type]
    mapped = Played(missing, map={"cc 1:1": "show.speed"})  # type: ignore[arg-type]
    try:
        mapped.until(lambda: mapped.said, "it is said")
        for _ in range(5):
            assert quiet.frame() == [] and mapped.frame() == []
        assert len(mapped.said) == 1 and mapped.said[0].startswith("no MIDI: python-rtmidi is not")
        assert quiet.said == []
        quiet.frame(("midi.learn", Nudge(1)))
        assert len(quiet.said) == 1 and "pip install" in quiet.said[0]
        assert quiet.midi.learning == ""
    finally:
        quiet.midi.close()
        mapped.midi.close()


def test_the_real_one_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rtmidi", None)
    with pytest.raises(UserError, match=r"python-rtmidi is not there.*requirements-live\.txt"):
        listed()


@settings(max_examples=150)
@given(st.lists(st.lists(st.integers(0, 255), max_size=4), max_size=40))
def test_any_bytes_of_a_driver_are_taken(messages: list[list[int]]) -> None:
    heard, clock = Heard(), Follower()
    for n, message in enumerate(messages):
        heard.put("any", message, n / 50)
    touches, said = heard.take()
    for knob, touch in touches.items():
        assert 1 <= knob.channel <= 16 and 0 <= knob.number < 128 and 0 <= touch.value < 128
    for word in said:
        clock.hear(word)
    assert clock.at(1.0) is None or clock.at(1.0).bpm > 0


def test_names_are_known_again() -> None:
    assert plain(NANO) == plain(NANO.replace("20:0", "131:12")) != NANO
    assert plain("nanoKONTROL2 0") == plain("nanoKONTROL2 1") and plain("128") == "128"


# --- config.toml


def test_mistakes_in_the_mappings_are_told_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        "[midi]\npickup = 1\n[midi.map] # mine\n"
        '"cc 1:21" = "show.sped"\n'
        "'cc 17:21' = \"show.speed\"\n"
        '"note 1:36" = "show.pause"\n'
        '"NOTE 01:36" = "look.fade"\n'
        '"cc 1:22" = "show.drop"\n'
        '"cc 1:23" = 5\n'
        "knob = 'show.speed'\n"
        '[osc]\nfeedback = "nowhere"\nport = 0\n'
    )
    with pytest.raises(UserError) as caught:
        load(declared_controls(), path)
    told = str(caught.value).splitlines()
    expected = [
        (2, "midi.pickup", "true or false"),
        (4, "'show.sped'", "did you mean 'show.speed'?"),
        (5, "'cc 17:21'", "allowed is 'cc 1:21'"),
        (7, "note 1:36", "show.pause and look.fade"),
        (8, "'show.drop'", "allowed is a control"),
        (9, "5", "allowed is a control"),
        (10, "'knob'", "is no knob"),
        (12, "osc.feedback", "host:port"),
        (13, "osc.port", "from 1 to 65535"),
    ]
    assert len(told) == len(expected), told
    for line, *words in expected:
        [found] = [one for one in told if one.startswith(f"{path}:{line}: ")]
        assert all(word in found for word in words), found
    path.write_text("[midi]\nmap = 5\n")
    with pytest.raises(UserError, match=r"midi\.map = 5; allowed is a section"):
        load(declared_controls(), path)


@given(st.builds(Knob, st.sampled_from(["cc", "note"]), st.integers(1, 16), st.integers(0, 127)))
def test_a_knob_is_read_as_it_is_written(knob: Knob) -> None:
    assert parse(str(knob)) == knob == parse(f" {str(knob).upper()} ")


# --- the clock


def beats(bpm: float, n: int, jitter_s: float = 0.0, begin: float = 0.0) -> list[float]:
    chance = random.Random(1)
    period_s = 60 / bpm / 24
    return [begin + i * period_s + chance.uniform(0, jitter_s) for i in range(n)]


def follow(follower: Follower, times: list[float]) -> None:
    for t in times:
        follower.hear(Clocked(CLOCK, t))


def distance(a: float, b: float) -> float:
    return abs((a - b + 0.5) % 1.0 - 0.5)


@pytest.mark.parametrize("bpm", [60.0, 128.0, 174.0])
def test_tempo_and_phase_are_those_of_the_clock_also_where_it_jitters(bpm: float) -> None:
    follower = Follower()
    follower.hear(Clocked(START, 0.0))
    found = []
    for t in beats(bpm, 24 * 8, jitter_s=0.004):
        follower.hear(Clocked(CLOCK, t))
        if t > 2:
            found.append((follower.at(t), (t - 0.002) * bpm / 60))  # late by half of it on average
    assert max(abs(pulse.bpm / bpm - 1) for pulse, _ in found) < 0.005
    assert max(distance(pulse.phase, beat % 1) for pulse, beat in found) < 0.0025 * bpm / 60


def test_a_clock_that_was_not_heard_to_start_gives_its_tempo_alone() -> None:
    follower = Follower()
    follow(follower, beats(120, 48))
    assert follower.at(1.0) == Pulse(pytest.approx(120), None)
    follower.hear(Clocked(START, 1.0))
    follow(follower, beats(120, 7, begin=1.0))
    pulse = follower.at(1.0 + 6 * 0.5 / 24)
    assert pulse.bpm == pytest.approx(120) and pulse.phase == pytest.approx(0.25)


def test_another_tempo_stop_continue_and_a_place_in_the_song() -> None:
    follower = Follower()
    follower.hear(Clocked(START, 0.0))
    follow(follower, beats(120, 96))
    end = beats(150, 24, begin=2.0)
    follow(follower, end)
    assert follower.at(end[-1]).bpm == pytest.approx(150, rel=0.01), "within a beat"
    follower.hear(Clocked(STOP, end[-1]))
    assert follower.at(end[-1] + 0.01) is None
    follower.hear(Clocked(POSITION, 3.0, 4 * 8 + 2))  # half a beat into the ninth
    follower.hear(Clocked(CONTINUE, 3.0))
    times = beats(150, 25, begin=4.0)
    follow(follower, times)
    assert distance(follower.at(times[-1]).phase, 0.5) < 0.01
    assert follower.at(times[-1] + 2.0) is None, "it has gone"


def test_the_beat_follows_a_clock_that_a_device_sends(rack: Rack, play: Callable) -> None:
    rack.plug("other clock")
    show = play()
    wait_until(lambda: len(rack.opened) == 2, "both")
    start = show.t
    rack.turn(NANO, (START,), t=start)
    for n, t in enumerate(beats(120, 24 * 4, begin=start)):
        rack.turn(NANO, (CLOCK,), t=t)
        rack.turn("other clock", (CLOCK,), t=t + 0.003)  # is not mixed into it
        if n % 2:
            show.t = t
            show.frame()
    assert 10 < len(show.pulses) < 22, "a few a second"
    assert show.pulses[-1].bpm == pytest.approx(120, rel=0.01)
    assert play(clock=False).frame() == []


def test_a_listener_takes_the_beat_from_it() -> None:
    from conftest import ticks

    from visualiser.audio.source import Silence
    from visualiser.listener import Listener
    from visualiser.listener import declare as declare_hearing

    listener = Listener(Silence(), config.Sound(), Controls(declare_hearing()))
    for tick in ticks(400):
        features = listener.listen(tick)
        listener.obey(tick, [("beat.clock", Pulse(132.0, (tick.t * 2.2 + 0.3) % 1.0))])
    assert features.bpm == pytest.approx(132.0) and features.has_beat
    assert distance(features.beat_phase, tick.t * 2.2 + 0.3) < 0.01
    listener.obey(tick, [("beat.clock", Pulse(90.0, None)), ("beat.clock", True)])
    assert listener.beat.bpm == 90.0
    listener.close()
