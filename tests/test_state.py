"""What was chosen while playing comes back, unless something else is wanted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from program import Program, has_traceback, wait_until
from virtual_screen import reads, virtual_screen

from visualiser import state as module
from visualiser.config import CONFIG, load
from visualiser.place import Place, is_seen
from visualiser.run import declared_controls
from visualiser.state import KEPT, State

DECLARED = declared_controls()
TEXT = CONFIG.read_text(encoding="utf-8")
SCREEN = ((1920, 1080),)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(TEXT)
    return path


def begin(config: Path, is_fresh: bool = False, **given: Any) -> State:
    found = load(DECLARED, config, {key.replace("__", "."): v for key, v in given.items()})
    return State(found, DECLARED, is_fresh)


def play(
    config: Path, changes: Mapping[str, Any], place: Place | None = None, **begun: Any
) -> None:
    """An evening at which this is changed, and the window is moved there."""
    state = begin(config, **begun)
    places: list[Place | None] = [Place((1280, 720), None, SCREEN)]
    state.follow(lambda: places[-1], lambda: state.settings.written)
    state.tell(state.settings.controls)
    places.append(place)
    state._since -= module.SETTLE_S + 1
    state.tell({**state.settings.controls, **changes})
    state.tell({**state.settings.controls, **changes})
    state.close()
    assert not [line for line in state.notices() if "not" in line]


CHOSEN = {"show.driver": "random", "look.palette": "ice", "trails.on": True, "window.hud": False}


def palette_of_ours() -> str:
    control = next(control for control in DECLARED if control.id == "look.palette")
    return next(name for name in control.choices if name != control.default)


CHOSEN["look.palette"] = palette_of_ours()


def controls(config: Path, **begun: Any) -> dict[str, Any]:
    return begin(config, **begun).settings.controls


def test_what_was_chosen_comes_back_and_config_toml_is_left_alone(config: Path) -> None:
    plain = controls(config)
    play(config, CHOSEN)
    assert controls(config) == plain | CHOSEN
    assert config.read_text() == TEXT
    assert sorted(path.name for path in config.parent.iterdir()) == [
        "config.state.json", "config.toml",
    ]  # fmt: skip
    [line] = begin(config).notices()
    assert line.startswith("as it was left: random, ") and "--fresh" in line
    for word in (CHOSEN["look.palette"], "trails", "hud off"):
        assert word in line


def test_fresh_begins_as_the_file_says_and_an_evening_without_changes_leaves_no_trace(
    config: Path,
) -> None:
    plain = controls(config)
    play(config, CHOSEN)
    left = (config.parent / "config.state.json").read_bytes()
    assert controls(config, is_fresh=True) == plain
    play(config, {}, is_fresh=True)
    play(config, {})
    assert (config.parent / "config.state.json").read_bytes() == left
    play(config, {"show.driver": "simplex"}, is_fresh=True)
    assert controls(config) == plain | {"show.driver": "simplex"}


def test_what_is_a_gesture_or_covers_the_picture_does_not_come_back(config: Path) -> None:
    plain = controls(config)
    play(config, {"show.speed": 20.0, "draw.noise": 1.0, "window.help": True, "show.mode": "draw"})
    assert controls(config) == plain
    known = {control.id: control for control in DECLARED}
    assert all(known[id].kind in ("choice", "switch") for id in KEPT)


def test_the_command_line_wins_and_does_not_become_what_was_chosen(config: Path) -> None:
    play(config, CHOSEN)
    assert controls(config, show__driver="audio")["show.driver"] == "audio"
    play(config, {}, show__driver="audio")
    assert controls(config)["show.driver"] == "random"
    play(config, {"show.driver": "simplex"}, show__driver="audio")
    assert controls(config)["show.driver"] == "simplex"


def test_what_is_changed_in_the_file_since_wins(config: Path) -> None:
    play(config, CHOSEN)
    config.write_text(TEXT.replace('driver = "perlin" ', 'driver = "audio" '))
    found = controls(config)
    assert found["show.driver"] == "audio" and found["trails.on"] is True
    play(config, {"window.hud": True})
    config.write_text(TEXT)
    assert controls(config)["show.driver"] == "perlin", "what was overruled does not come back"


def test_what_is_put_back_is_no_longer_remembered(config: Path) -> None:
    play(config, CHOSEN)
    play(config, {"show.driver": "perlin"})
    config.write_text(TEXT.replace('driver = "perlin" ', 'driver = "audio" '))
    assert controls(config)["show.driver"] == "audio"
    assert "show.driver" not in (config.parent / "config.state.json").read_text()


def test_each_settings_file_has_a_memory_of_its_own(config: Path) -> None:
    other = config.with_name("other.toml")
    other.write_text(TEXT)
    play(other, CHOSEN)
    assert controls(config)["show.driver"] == "perlin"
    assert controls(other)["show.driver"] == "random"


def test_the_window_comes_back_where_it_was(config: Path) -> None:
    there = Place((1000, 600), (300, 200), SCREEN)
    play(config, {}, there)
    state = begin(config)
    assert state.place == there
    assert (state.settings.window.width, state.settings.window.height) == (1000, 600)
    given = begin(config, window__width=640, window__height=400)
    assert (given.settings.window.width, given.settings.window.height) == (640, 400)
    config.write_text(TEXT.replace("width = 1280 ", "width = 800 "))
    changed = begin(config)
    assert (changed.settings.window.width, changed.place) == (800, None)


def test_a_window_is_not_opened_where_none_sees_it() -> None:
    assert is_seen(Place((1000, 600), (300, 200), SCREEN), SCREEN)
    assert not is_seen(Place((1000, 600), (300, 200), SCREEN), ((1280, 800),))
    assert not is_seen(Place((1000, 600), (300, 200), (*SCREEN, *SCREEN)), SCREEN)
    for corner in ((1900, 200), (-990, 200), (300, -300), (300, 1079), None):
        assert not is_seen(Place((1000, 600), corner, SCREEN), SCREEN)


def test_what_is_not_there_any_more_is_said_and_the_rest_comes_back(config: Path) -> None:
    play(config, CHOSEN)
    path = config.parent / "config.state.json"
    found = json.loads(path.read_text())
    found["values"] |= {"show.model": ["gone", "shapes"], "new.thing": [True, False]}
    path.write_text(json.dumps(found))
    state = begin(config)
    assert state.settings.controls["show.model"] == "shapes"
    assert state.settings.controls["show.driver"] == "random"
    [line, _] = state.notices()
    assert line == "there is no 'gone' any more: show.model is shapes again"


def test_a_model_that_was_left_and_is_broken_now_does_not_keep_it_from_starting(
    config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    play(config, {"show.model": "petals"})
    assert controls(config)["show.model"] == "petals"
    (tmp_path / "petals.safetensors").write_bytes(b"not a model")
    monkeypatch.setattr(module.checkpoint, "find", lambda name: tmp_path / f"{name}.safetensors")
    state = begin(config)
    assert state.settings.controls["show.model"] == "shapes"
    assert "petals.safetensors" in state.notices()[0]


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"version": 1, "values": {"show.driver": "random"}}',
     b'{"version": 1, "what": 2}', b'{"version": 0}', b"9" * 5000, b"[" * 50_000, b" " * 70_000,
     b'{"version": 1, "window": {"size": [3, 3], "configured": [1280, 720]}}', None],
)  # fmt: skip
def test_a_broken_file_is_left_out_with_one_line(config: Path, data: bytes | None) -> None:
    path = config.parent / "config.state.json"
    path.mkdir() if data is None else path.write_bytes(data)
    state = begin(config)
    assert state.settings.controls == load(DECLARED, config).controls
    [line] = state.notices()
    assert "config.state.json" in line and "\n" not in line and len(line) < 400
    if data is not None:
        play_again = begin(config)
        play_again.notices()
        play(config, CHOSEN | {"window.hud": True}, is_fresh=True)
        assert controls(config)["show.driver"] == "random"


def test_the_file_of_a_newer_version_stays_as_it_is(config: Path) -> None:
    path = config.parent / "config.state.json"
    path.write_text('{"version": 2, "all": "different"}')
    state = begin(config).follow(lambda: None, lambda: {})
    assert "newer version" in state.notices()[0]
    state.tell({**state.settings.controls, **CHOSEN})
    state.close()
    assert path.read_text() == '{"version": 2, "all": "different"}'


def test_where_it_cannot_be_written_one_line_says_so(config: Path) -> None:
    state = begin(config)
    state.path = config.parent / "no-such-folder" / "state.json"
    state.follow(lambda: None, lambda: state.settings.written)
    for driver in ("random", "simplex"):
        state.tell({**state.settings.controls, "show.driver": driver})
        state._write()
    state.close()
    [line] = state.notices()
    assert line.startswith("what is chosen is not remembered: cannot write")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=4,
)


@settings(deadline=None)
@given(
    values=st.dictionaries(st.sampled_from([*KEPT, "show.speed", "x"]), json_values) | json_values,
    window=json_values,
    version=st.sampled_from([1, 1, 1, 2, "1"]),
)
def test_whatever_is_in_the_file_the_settings_are_allowed_ones(
    tmp_path_factory, values: Any, window: Any, version: Any
) -> None:
    config = tmp_path_factory.getbasetemp() / "any.toml"
    config.write_text("")
    config.with_suffix(".state.json").write_text(
        json.dumps({"version": version, "values": values, "window": window})
    )
    found = begin(config).settings
    for control in DECLARED:
        value = found.controls.get(control.id)
        if control.kind == "choice":
            assert value in control.choices
        elif control.kind == "switch":
            assert isinstance(value, bool)
    assert 160 <= found.window.width <= 7680


# --- in the real program


def test_the_program_comes_back_as_it_was_left(tmp_path: Path) -> None:
    play = ("--fps", 30, "--model", "classic-28")
    with Program(tmp_path, remembers=True) as program, virtual_screen() as screen:
        config = (program.root / "config.toml").read_text()
        config = config.replace("width = 1280 ", "width = 640 ").replace("= 720 ", "= 400 ")
        (program.root / "config.toml").write_text(config)
        with program.start(*play, env=screen.env) as playing:
            wait_until(lambda: screen.place()[2] == 640, "a window")
            wait_until(lambda: reads(screen.window()[-36:], "perlin"), "the line at the foot")
            screen.key("3")
            wait_until(lambda: reads(screen.window()[-36:], "random"), "another driver")
            screen.resize(600, 380)
            screen.move(123, 77)
            wait_until(lambda: screen.place() == (123, 77, 600, 380), "the window there")
            screen.key("l")
            state = program.root / "config.state.json"
            wait_until(lambda: state.exists() and "123" in state.read_text(), "it is kept")
            playing.kill()  # it need not come to its end for that
        with program.start(*play, env=screen.env) as playing:
            wait_until(lambda: screen.place() == (123, 77, 600, 380), "the window where it was")
            wait_until(lambda: reads(screen.window()[-36:], "random"), "the driver it had")
            assert "as it was left: random" in playing.err
            screen.key("q")
            assert playing.wait() == 0 and not has_traceback(playing.err)
        with program.start(*play, "--fresh", env=screen.env) as playing:
            wait_until(lambda: screen.place()[2:] == (640, 400), "the window of config.toml")
            wait_until(lambda: reads(screen.window()[-36:], "perlin"), "its driver")
            screen.key("q")
            assert playing.wait() == 0 and not has_traceback(playing.err)
