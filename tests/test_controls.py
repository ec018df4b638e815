"""The table of controls: what a performer can change, and what no command can break."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visualiser.controls import (
    Controls,
    Key,
    Nudge,
    Stroke,
    Swap,
    action,
    choice,
    hold,
    number,
    switch,
)
from visualiser.show import declare
from visualiser.types import UserError
from visualiser.window import CONTROLS

TABLE = [
    number("a.speed", "pace", 1.0, 0.5, 8.0, ratio=2.0,
           keys=(Key("up", "faster"), Key("down", "slower", Nudge(-1)))),
    number("a.fade", "fade", 1.0, 0.0, 10.0),
    switch("b.hud", "line", True, (Key("i", "line"),)),
    choice("b.mode", "mode", "latent", ("latent", "pixel", "both"), (Key("p", "next"),
           Key("1", "pixel", "pixel"))),
    action("b.quit", "quit", "q"),
]  # fmt: skip


def test_controls_start_at_their_defaults_or_where_the_settings_say() -> None:
    plain = Controls(TABLE)
    assert plain["a.speed"] == 1.0 and plain["b.hud"] is True and plain["b.mode"] == "latent"
    told = Controls(TABLE, {"a.speed": 3.0, "b.hud": False, "b.mode": "pixel", "z.other": 1.0})
    assert told.section("a") == {"speed": 3.0, "fade": 1.0}
    assert told.section("b") == {"hud": False, "mode": "pixel"}
    assert told.section("nothing") == {}


def test_a_setting_that_does_not_fit_its_control_is_refused() -> None:
    with pytest.raises(UserError, match=r"b\.mode = 'lateral'; allowed is 'latent' or 'pixel'"):
        Controls(TABLE, {"b.mode": "lateral"})
    with pytest.raises(UserError, match=r"a\.speed = nan; allowed is a number"):
        Controls(TABLE, {"a.speed": math.nan})


def test_two_controls_of_one_name_are_refused() -> None:
    with pytest.raises(UserError, match=r"two controls are called a\.speed"):
        Controls([*TABLE, number("a.speed", "again", 0.0, 0.0, 1.0)])


def test_a_key_with_two_meanings_is_refused_and_both_are_named() -> None:
    with pytest.raises(UserError, match=r"'q' is given to both b\.quit and c\.odd"):
        Controls([*TABLE, action("c.odd", "odd", "q")])
    with pytest.raises(UserError, match="'x' is given to both"):
        Controls([number("a.b", "b", 0, 0, 1, keys=(Key("x", "up"), Key("x", "down", Nudge(-1))))])


def test_no_two_controls_of_the_program_are_at_odds() -> None:
    controls = Controls([*declare(["one", "two"]), *CONTROLS], {"show.model": "one"})
    for control in controls:
        assert control.section and control.name and control.label, control.id
        if control.kind == "number":
            assert control.lo <= float(control.default) <= control.hi, control.id
            assert control.ratio == 0 or control.lo > 0 or control.default > 0, control.id
        for key in control.keys:
            assert key.does, control.id
            controls.apply(("show.mode", key.mode or "latent"))
            assert controls.on_key(key.name) == (control.id, key.sends)
            assert controls.on_key(key.name)[0] == control.id


def test_keys_send_what_they_say() -> None:
    controls = Controls(TABLE)
    assert controls.on_key("up") == ("a.speed", Nudge(1))
    assert controls.on_key("1") == ("b.mode", "pixel")
    assert controls.on_key("f12") is None


def test_a_hold_is_on_while_its_key_is_down() -> None:
    controls = Controls([*TABLE, hold("b.black", "black", "n")], {"b.black": True})
    assert controls["b.black"] is False, "nobody holds it yet"
    assert controls.on_key("n") == ("b.black", True)
    for command in (("b.black", True), ("b.black", 1), ("b.black", Nudge(2))):
        assert not controls.apply(command) and controls["b.black"] is True
    controls.apply(("b.black", False))
    assert controls["b.black"] is False


def test_a_key_means_something_else_in_a_mode_of_the_show() -> None:
    mode = choice("show.mode", "mode", "latent", ("latent", "draw"))
    controls = Controls([*TABLE, mode, hold("c.up", "pen up", "up", "draw")])
    assert controls.on_key("up") == ("a.speed", Nudge(1))
    controls.apply(("show.mode", "draw"))
    assert controls.on_key("up") == ("c.up", True)
    assert controls.on_key("down") == ("a.speed", Nudge(-1)), "no other key is touched"
    with pytest.raises(UserError, match=r"the key 'up' is given to both c\.up and c\.rise"):
        Controls([mode, hold("c.up", "x", "up", "draw"), hold("c.rise", "y", "up", "draw")])


def test_only_numbers_and_some_actions_go_on_while_their_key_is_down() -> None:
    controls = Controls([*TABLE, action("c.step", "step", ".", repeats=True), hold("c.h", "h")])
    again = {control.id for control in controls if controls.repeats(control.id)}
    assert again == {"a.speed", "a.fade", "c.step"}


def test_numbers_are_held_in_their_range() -> None:
    controls = Controls(TABLE, {"a.speed": 99.0})
    assert controls["a.speed"] == 8.0
    controls.apply(("a.speed", -5))
    assert controls["a.speed"] == 0.5
    controls.apply(("a.speed", math.inf))
    assert controls["a.speed"] == 8.0
    controls.apply(("a.speed", "2.5"))
    assert controls["a.speed"] == 2.5
    for nonsense in (math.nan, "fast", "nan", None):
        controls.apply(("a.speed", nonsense))
        assert controls["a.speed"] == 2.5


def test_nudges_multiply_or_add_and_end_at_the_ends() -> None:
    controls = Controls(TABLE)
    controls.apply(("a.speed", Nudge(2)))
    assert controls["a.speed"] == 4.0
    controls.apply(("a.speed", Nudge(-1)))
    assert controls["a.speed"] == 2.0
    controls.apply(("a.fade", Nudge(3)))
    assert controls["a.fade"] == pytest.approx(1.0 + 3 * 10 / 20)
    for _ in range(40):
        controls.apply(("a.speed", Nudge(1)))
        controls.apply(("a.fade", Nudge(-1)))
    assert controls["a.speed"] == 8.0 and controls["a.fade"] == 0.0
    controls.apply(("a.fade", Nudge(1)))
    assert controls["a.fade"] == 0.5, "and back from the end"


def test_nudges_go_round_choices_and_toggle_switches() -> None:
    controls = Controls(TABLE)
    seen = []
    for _ in range(4):
        controls.apply(("b.mode", Nudge(1)))
        seen.append(controls["b.mode"])
    assert seen == ["pixel", "both", "latent", "pixel"]
    controls.apply(("b.mode", Nudge(-2)))
    assert controls["b.mode"] == "both"
    controls.apply(("b.hud", Nudge(1)))
    assert controls["b.hud"] is False
    controls.apply(("b.hud", Nudge(1)))
    assert controls["b.hud"] is True


def test_a_swap_goes_to_one_choice_and_from_there_to_the_other() -> None:
    controls = Controls(TABLE)
    seen = []
    for value in (Swap("pixel", "latent"), Swap("both", "latent"), Swap("pixel", "latent"),
                  Swap("pixel", "latent"), Swap("none", "latent")):  # fmt: skip
        controls.apply(("b.mode", value))
        seen.append(controls["b.mode"])
    assert seen == ["pixel", "both", "pixel", "latent", "latent"]


def test_actions_are_told_apart_and_hold_no_value() -> None:
    controls = Controls(TABLE)
    assert controls.apply(("b.quit", Nudge(1))) is True
    assert controls.apply(("b.mode", "pixel")) is False
    assert "quit" not in controls.section("b")


def test_commands_that_fit_nothing_change_nothing() -> None:
    controls = Controls(TABLE)
    before = {c.id: controls[c.id] for c in controls if c.kind != "action"}
    for command in (("no.such", 1.0), ("", 0), ("b.mode", "lateral"), ("b.mode", 3)):
        assert controls.apply(command) is False
    assert {c.id: controls[c.id] for c in controls if c.kind != "action"} == before


def test_without_any_model_the_wanted_one_is_kept_so_that_it_can_be_named() -> None:
    """There is nothing to choose from before the first training; what is missing has a name."""
    controls = Controls(declare([]))
    assert controls["show.model"] == "shapes"
    controls.apply(("show.model", Nudge(1)))
    assert controls["show.model"] == "shapes"


anything: st.SearchStrategy[Any] = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(-(10**400), 10**400),
    st.booleans(),
    st.text(max_size=8),
    st.sampled_from(["latent", "draw", "nan", "inf", "-1e999", "perlin", "small", ""]),
    st.none(),
    st.binary(max_size=4),
    st.lists(st.floats(), max_size=3),
    st.builds(Nudge, st.integers(-(10**400), 10**400) | st.integers(-3, 3)),
    st.builds(Swap, st.sampled_from(["latent", "pixel", ""]), st.sampled_from(["draw", "0", ""])),
    st.builds(Stroke, st.tuples(st.floats(), st.floats()), st.tuples(st.floats(), st.floats())),
)
IDS = [c.id for c in declare(["small", "wide"])] + [c.id for c in CONTROLS]


@settings(max_examples=80, deadline=None)
@given(
    commands=st.lists(st.tuples(st.sampled_from(IDS) | st.text(max_size=6), anything), max_size=12)
)
def test_no_command_whatever_breaks_a_control(commands: list[tuple[str, Any]]) -> None:
    controls = Controls([*declare(["small", "wide"]), *CONTROLS], {"show.model": "small"})
    for command in commands:
        assert controls.apply(command) in (True, False)
        for control in controls:
            if control.kind == "action":
                continue
            value = controls[control.id]
            assert controls.section(control.section)[control.name] == value
            if control.is_number:
                assert isinstance(value, float) and control.lo <= value <= control.hi, control.id
            elif control.kind in ("switch", "hold"):
                assert isinstance(value, bool)
            else:
                assert value in control.choices


@given(share=st.floats(0, 1))
def test_a_place_in_the_range_and_its_value_belong_together(share: float) -> None:
    for control in (
        number("a.b", "", 1.0, -2.0, 3.0),
        number("a.b", "", 1.0, 0.05, 20.0, ratio=1.25),
        number("a.b", "", 0.0, 0.0, 10.0, ratio=1.25),
    ):
        value = control.value_at(share)
        assert control.lo <= value <= control.hi
        assert control.share_of(value) == pytest.approx(share, abs=1e-6)
    some = choice("a.c", "", "x", ("x", "y", "z"))
    assert [some.value_at(some.share_of(each)) for each in "xyz"] == ["x", "y", "z"]
    assert [some.value_at(place) for place in (-1, 0, 0.5, 1, 2)] == ["x", "x", "y", "z", "z"]
    on = switch("a.d", "", False)
    assert on.value_at(on.share_of(True)) is True and on.value_at(on.share_of(False)) is False
    assert number("show.speed", "", 1.0, 0.0, 2.0).address == "/show/speed"
