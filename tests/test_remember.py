"""What is kept in config.toml while playing: everything else in it stays as it was."""

from __future__ import annotations

import threading
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from program import wait_until

from visualiser import remember
from visualiser.config import CONFIG, load
from visualiser.remember import Memory, put
from visualiser.run import declared_controls
from visualiser.types import UserError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A copy of the file we ship."""
    copy = tmp_path / "config.toml"
    copy.write_bytes(CONFIG.read_bytes())
    return copy


def test_only_the_line_of_the_key_changes_and_keeps_its_comment(path: Path) -> None:
    before = path.read_text().splitlines()
    put(path, "sound", {"room_dbfs": [-60.5], "input": 'The "best" mic, ü'})
    after = path.read_text().splitlines()
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert [b.split(" =")[0] for _, b in changed] == ["input", "room_dbfs"]
    for a, b in changed:
        assert a.partition("#")[2] == b.partition("#")[2]
    assert changed[1][0].index("#") == changed[1][1].index("#"), "its comment has moved"
    sound = tomllib.loads(path.read_text())["sound"]
    assert sound["room_dbfs"] == [-60.5] and sound["input"] == 'The "best" mic, ü'


def test_it_can_be_put_back_to_the_last_byte(path: Path) -> None:
    before = path.read_bytes()
    put(path, "sound", {"input": "any"})
    assert path.read_bytes() != before
    put(path, "sound", {"input": ""})
    assert path.read_bytes() == before


@settings(max_examples=60, deadline=None)
@given(levels=st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=64))
def test_any_numbers_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, levels: list[float]
) -> None:
    path = tmp_path_factory.mktemp("kept") / "config.toml"
    path.write_text("# mine\n[sound] # of the room\nroom_dbfs = [] # dBFS\nbands = 4\n[show]\n")
    put(path, "sound", {"room_dbfs": levels})
    read = tomllib.loads(path.read_text())
    assert read == {"sound": {"room_dbfs": levels, "bands": 4}, "show": {}}
    for comment in ("# mine", "# of the room", "# dBFS"):
        assert path.read_text().count(comment) == 1


@pytest.mark.parametrize(
    "text", ["", "# empty", "[show]\nseed = 2\n", "sound.bands = 8\n", "sound = {bands = 8}\n",
             "\ufeff[sound]\r\nbands = 8 # of it\r\n"],
)  # fmt: skip
def test_files_written_in_other_ways(path: Path, text: str) -> None:
    path.write_bytes(text.encode())
    before = tomllib.loads(text.removeprefix("\ufeff"))
    put(path, "sound", {"input": "mic"})
    after = path.read_bytes().decode()
    assert after.startswith("\ufeff") == text.startswith("\ufeff")
    assert after.count("#") == text.count("#")
    assert tomllib.loads(after.removeprefix("\ufeff")) == before | {
        "sound": before.get("sound", {}) | {"input": "mic"}
    }


def test_a_link_stays_a_link(path: Path) -> None:
    link = path.with_name("link.toml")
    link.symlink_to(path)
    put(link, "sound", {"input": "mic"})
    assert link.is_symlink() and 'input = "mic"' in path.read_text()


def break_it(path: Path, how: str) -> None:
    if how == "read-only":
        path.chmod(0o444)
    elif how == "gone":
        path.unlink()
    elif how == "folder":
        path.unlink()
        path.mkdir()
    elif how == "half written":
        path.write_text("[sound]\ninput = ")
    elif how == "not a section":
        path.write_text("sound = 3\n")
    else:
        path.write_bytes(b"\xff\xfe[sound]")


@pytest.mark.parametrize(
    "how", ["read-only", "gone", "folder", "half written", "not a section", "not text"]
)
def test_what_cannot_be_written_is_said_in_one_line_and_left_alone(path: Path, how: str) -> None:
    break_it(path, how)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(UserError, match="cannot write") as caught:
        put(path, "sound", {"input": "mic"})
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert (path.read_bytes() if path.is_file() else None) == before
    assert not list(path.parent.glob(".*")), "something is left behind"


def test_a_memory_never_waits_and_says_what_went_wrong(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    plain = remember.put

    def slow(*arguments) -> None:
        assert go.wait(30)
        plain(*arguments)

    monkeypatch.setattr(remember, "put", slow)
    memory = Memory(path)
    memory.keep("sound", "input", "first", "the sound input")
    memory.keep("sound", "input", "second", "the sound input")
    assert memory.notices() == []
    go.set()
    memory.close()
    assert memory.notices() == []
    assert load(declared_controls(), path).sound.input == "second"

    path.unlink()
    memory = Memory(path)
    memory.keep("sound", "room_dbfs", [1.0], "the room")
    [line] = wait_until(memory.notices, "a line about it")
    assert line.startswith("the room is not kept: cannot write")
    memory.close()
