"""Cues and set lists as files: what is written reads the same, and what is no cue is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from program import wait_until

from visualiser.controls import Controls
from visualiser.cue_controls import kept
from visualiser.cue_files import SLOTS, Cue, Step, read_cue, read_steps, to_text
from visualiser.cue_folder import CueFolder, Found
from visualiser.run import declared_controls
from visualiser.types import UserError

CONTROLS = Controls(declared_controls())
KEPT = kept(CONTROLS)
GOOD = 'model = "shapes"\npoint = [0.5, -1]\n'


def values_of(id: str) -> st.SearchStrategy:
    control = CONTROLS.get(id)
    if control.kind == "number":
        return st.floats(control.lo, control.hi)
    return st.sampled_from(control.choices) if control.kind == "choice" else st.booleans()


FLOATS = st.floats(-1e5, 1e5, width=32)


@settings(deadline=None)
@given(
    name=st.text(max_size=60),
    point=st.lists(FLOATS, min_size=1, max_size=64),
    controls=st.fixed_dictionaries({}, optional={id: values_of(id) for id in sorted(KEPT)}),
)
def test_a_cue_reads_as_it_was_written(name: str, point: list[float], controls: dict) -> None:
    cue = Cue(name, "petals", np.array(point, np.float32), controls)
    read = read_cue(to_text(cue).encode(), CONTROLS, KEPT)
    assert (read.name, read.model, read.controls) == (name, "petals", controls)
    np.testing.assert_array_equal(read.point, cue.point)
    assert read.point.dtype == np.float32


def test_the_example_of_the_readme_is_one() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    blocks = [part.partition("```")[0] for part in readme.split("```toml\n")[1:]]
    cue = read_cue(blocks[0].encode(), CONTROLS, KEPT)
    assert cue.controls["look.palette"] == "ember" and len(cue.point) == 10
    assert read_steps(blocks[1].encode(), CONTROLS) == (Step(3, None, 40, 16), Step(1, 0.1))


def test_what_comes_back_is_of_drivers_and_looks_and_nothing_of_the_room_or_the_screen() -> None:
    for id in ("perlin.speed", "show.driver", "look.palette", "trails.on", "relief.step"):
        assert id in KEPT
    assert not [id for id in KEPT if id.startswith(("window.", "sound.", "cues.", "beat."))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "model is missing; allowed is 'classic-28' or"),
        ("model = 3\npoint = [1]", "model = 3; allowed is 'classic-28' or"),
        ('model = "shapes"', "point is missing; allowed is a list of 1 to 512 numbers"),
        ('model = "shapes"\npoint = "here"', "point = 'here'; allowed is a list"),
        ('model = "shapes"\npoint = [nan]', "point = [nan]; allowed is a list"),
        (f'model = "shapes"\npoint = [1{"0" * 400}]', "point = [10000"),
        (f"{GOOD}name = 7", "name = 7; allowed is a text"),
        (f"{GOOD}perlin = 7", "perlin = 7; it must be a section, [perlin]"),
        (f"{GOOD}nome = 7", "unknown key 'nome'; did you mean 'name'? allowed are name"),
        (f"{GOOD}[perlin]\nsped = 1", "unknown key 'perlin.sped'; did you mean 'perlin.speed'?"),
        (f"{GOOD}[sound]\nbands = 9", "unknown key 'sound.bands'"),
        (f"{GOOD}[perlin]\nspeed = 11", "perlin.speed = 11; allowed is a number from 0 to 10"),
        (f"{GOOD}[perlin]\nspeed = inf", "perlin.speed = inf; allowed is a number from 0 to 10"),
        (f'{GOOD}[perlin]\nspeed = "fast"', "perlin.speed = 'fast'; allowed is a number"),
        (f"{GOOD}[trails]\non = 1", "trails.on = 1; allowed is true or false"),
        (f'{GOOD}[look]\nlook = "nice"', "look.look = 'nice'; allowed is 'aura' or"),
        (f"{GOOD}[look]\nlook = 1\nfade = -1\nsmooth = 0", "(and 2 more mistakes)"),
        ("model = ", "it is not TOML: Invalid value (at end of document)"),
        ("a = " + "[" * 5000, "it is not TOML"),
        ("x" * 300_000, "it is larger than 256 KiB"),
    ],
)
def test_what_is_wrong_is_told_in_a_line_with_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        read_cue(text.encode(), CONTROLS, KEPT)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("step = 3", "every step begins with a line [[step]]"),
        ("[[step]]", "step 1: cue = None; allowed is a whole number from 1 to 64"),
        ("[[step]]\ncue = 65", "step 1: cue = 65"),
        ("[[step]]\ncue = true", "step 1: cue = True"),
        ("[[step]]\ncue = 1\n[[step]]\ncue = 2\nholds = 2", "step 2: unknown key 'holds'; did you"),
        ("[[step]]\ncue = 1\ntime = -2", "step 1: time = -2; allowed is a number from 0.05 to 120"),
        ('[[step]]\ncue = 1\nbars = "two"', "step 1: bars = 'two'; allowed is a number"),
        ("[[stop]]\ncue = 1", "unknown key 'stop'; did you mean 'step'?"),
    ],
)
def test_what_is_wrong_with_a_set_list_is_told_too(text: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        read_steps(text.encode(), CONTROLS)
    assert said in str(caught.value) and "\n" not in str(caught.value)


KEYS = st.sampled_from(["name", "model", "point", "look", "perlin", "step", "speed", "cue", "on"])
ANY = st.recursive(
    st.sampled_from(['"shapes"', "1", "-1.5", "nan", "true", "[]", "1979-05-27", "9" * 500]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda some: f"[{', '.join(some)}]")
        | st.dictionaries(KEYS, inner, max_size=3).map(
            lambda some: "{" + ", ".join(f"{key} = {value}" for key, value in some.items()) + "}"
        )
    ),
)


@given(
    st.binary(max_size=80)
    | st.dictionaries(KEYS, ANY, max_size=5).map(
        lambda some: "\n".join(f"{key} = {value}" for key, value in some.items()).encode()
    )
)
def test_nonsense_is_never_more_than_one_line(data: bytes) -> None:
    for read in (
        lambda: read_cue(data, CONTROLS, KEPT),
        lambda: read_steps(data, CONTROLS),
    ):
        try:
            read()
        except UserError as error:
            assert str(error) and "\n" not in str(error)


# --- the folder


@pytest.fixture
def make_folder(tmp_path: Path):
    made: list[CueFolder] = []

    def make() -> CueFolder:
        made.append(CueFolder(tmp_path / "cues", CONTROLS, KEPT))
        return made[-1]

    yield make
    for folder in made:
        folder.close()


def look(folder: CueFolder) -> Found:
    """What it finds next."""
    return wait_until(lambda: folder.poll(0.6), "a look at the folder")


def any_cue(name: str, x: float = 0.5) -> Cue:
    return Cue(name, "shapes", np.array([x, -1], np.float32), {"perlin.speed": 0.5})


def test_a_cue_is_written_and_found_again(make_folder, tmp_path: Path) -> None:
    folder = make_folder()
    assert not look(folder).cues and not (tmp_path / "cues").exists()
    folder.keep(3, any_cue("three"))
    folder.keep(4, any_cue("four"))
    folder.close()
    assert sorted(path.name for path in (tmp_path / "cues").iterdir()) == ["3.toml", "4.toml"]
    found = look(make_folder())
    assert {slot: cue.name for slot, cue in found.cues.items()} == {3: "three", 4: "four"}
    assert found.lines == []


def test_what_is_stored_over_or_cleared_lies_in_old(make_folder, tmp_path: Path) -> None:
    folder, cues = make_folder(), tmp_path / "cues"
    for name in ("one", "two", "three"):
        folder.keep(1, any_cue(name))
    folder.keep(1, None)
    folder.close()
    assert folder.notices() == [] and not (cues / "1.toml").exists()
    old = [read_cue((cues / "old" / name).read_bytes(), CONTROLS, KEPT).name
           for name in ("1.toml", "1-2.toml", "1-3.toml")]  # fmt: skip
    assert old == ["one", "two", "three"]


def test_what_is_changed_by_hand_is_found_while_it_plays(make_folder, tmp_path: Path) -> None:
    cues = tmp_path / "cues"
    cues.mkdir()
    folder = make_folder()
    look(folder)
    folder.keep(1, any_cue("one"))
    (cues / "2.toml").write_text(to_text(any_cue("two")))
    (cues / "set.toml").write_text("[[step]]\ncue = 2\n")
    found = look(folder)
    assert list(found.cues) == [2] and found.steps == (Step(2),), "its own are no news"
    (cues / "1.toml").write_text(to_text(any_cue("one, by hand")))
    (cues / "2.toml").unlink()
    (cues / "set.toml").unlink()
    found = look(folder)
    assert found.cues[1].name == "one, by hand" and found.cues[2] is None and found.steps == ()


def test_a_file_that_is_nonsense_is_told_once_and_the_others_serve(
    make_folder, tmp_path: Path
) -> None:
    cues = tmp_path / "cues"
    cues.mkdir()
    (cues / "1.toml").write_text(to_text(any_cue("one")))
    (cues / "2.toml").write_text(GOOD + "[perlin]\nspeed = 99\n")
    (cues / "3.toml").mkdir()
    (cues / "4.toml").symlink_to(cues / "nowhere")
    (cues / "opening.toml").write_text(GOOD)
    (cues / "notes.txt").write_text("mine")
    (cues / "set.toml").write_bytes(b"\xff\xfe")
    folder = make_folder()
    found = look(folder)
    assert list(found.cues) == [1] and found.broken.keys() == {2, 3, 4} and found.steps is None
    assert len(found.lines) == 5
    for line, said in zip(
        found.lines,
        ["2.toml: perlin.speed = 99; allowed is a number from 0 to 10", "3.toml: cannot be read",
         "4.toml: cannot be read", "opening.toml: a cue's file is called 1.toml to 64.toml",
         "set.toml: it is not UTF-8"],
        strict=True,
    ):  # fmt: skip
        assert f"{cues}/{said}" in line
    assert look(folder).lines == []
    (cues / "2.toml").write_text(to_text(any_cue("mended")))
    found = look(folder)
    assert found.cues[2].name == "mended" and found.broken.keys() == {3, 4}


def test_a_folder_that_goes_away_takes_no_cue_with_it(make_folder, tmp_path: Path) -> None:
    folder = make_folder()
    look(folder)
    folder.keep(1, any_cue("one"))
    look(folder)
    (tmp_path / "cues").rename(tmp_path / "elsewhere")
    assert look(folder).cues == {}
    (tmp_path / "elsewhere").rename(tmp_path / "cues")
    assert look(folder).cues == {}
    folder.close()
    (tmp_path / "cues" / "1.toml").unlink()
    (tmp_path / "cues").rmdir()
    (tmp_path / "cues").write_text("no folder")
    found = look(make_folder())
    assert len(found.lines) == 1 and "cues: Not a directory" in found.lines[0]


def test_what_cannot_be_written_is_told(make_folder, tmp_path: Path) -> None:
    (tmp_path / "cues").write_text("a file in the way")
    folder = make_folder()
    folder.keep(1, any_cue("one"))
    (line,) = wait_until(folder.notices, "a line")
    assert line.startswith("the file of cue 1 is not as it should be: cannot make the folder")
    shutil.rmtree(tmp_path / "cues", ignore_errors=True)


def test_there_are_as_many_slots_as_said() -> None:
    from visualiser.cue_folder import slot_of

    assert [slot_of(f"{n}.toml") for n in (0, 1, SLOTS, SLOTS + 1)] == [None, 1, SLOTS, None]
    assert slot_of("01.toml") is None and slot_of("\u0661.toml") is None
