"""config.toml: what stands in it, and what is said of mistakes in it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visualiser import config
from visualiser.config import CONFIG, SECTIONS, Settings, load
from visualiser.data.shapes import KINDS, STYLES, ShapeSettings
from visualiser.data.sketches import SketchSettings
from visualiser.run import declared_controls
from visualiser.train.classic import TrainSettings
from visualiser.train.colour import ColourTraining
from visualiser.train.shape import ShapeTraining
from visualiser.types import UserError

DECLARED = declared_controls()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def read(path: Path, text: str | bytes, **given: object) -> Settings:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(DECLARED, path, {key.replace("__", "."): v for key, v in given.items()})


def mistakes(path: Path, text: str | bytes, **given: object) -> list[str]:
    with pytest.raises(UserError) as caught:
        read(path, text, **given)
    return str(caught.value).splitlines()


# --- the file in the repository


def test_the_file_we_ship_has_every_key_and_says_what_the_code_says() -> None:
    """So that whoever reads it sees all there is, and taking a line out changes nothing."""
    written = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    wanted: dict[str, dict] = {name: {} for name in SECTIONS}
    for name, section in SECTIONS.items():
        wanted[name] |= section().model_dump()
    for control in DECLARED:
        if control.is_setting:
            wanted.setdefault(control.section, {})[control.name] = control.default
    assert {s: set(keys) for s, keys in written.items()} == {s: set(k) for s, k in wanted.items()}
    for section, keys in wanted.items():
        for key, default in keys.items():
            assert written[section][key] == default, f"{section}.{key}"
            assert isinstance(written[section][key], type(default)), f"{section}.{key}"


def test_the_file_we_ship_loads_and_is_the_same_as_an_empty_one(path: Path) -> None:
    ours, empty = load(DECLARED), read(path, "")
    assert ours.controls == empty.controls
    for name in SECTIONS:
        assert getattr(ours, name).model_dump() == getattr(empty, name).model_dump()


def test_every_key_is_explained_and_its_range_is_the_true_one() -> None:
    lines = CONFIG.read_text(encoding="utf-8").splitlines()
    keys = [line for line in lines if re.match(r"[a-z_]+ *=", line)]
    section = ""
    plain = {"simplex.cells", "simplex.contrast", "train.styles"}
    numbers = {c.id: c for c in DECLARED if c.kind == "number"}
    for line in lines:
        if found := re.match(r"\[(\w+)\]", line):
            section = found[1]
        if line in keys:
            key = f"{section}.{line.split('=')[0].strip()}"
            assert "#" in line or key in plain, f"{key} has no comment"
            if said := re.search(r"#.*?(-?[\d.]+) to ([\d.]+)", line):
                if key in numbers:
                    lo, hi = numbers[key].lo, numbers[key].hi
                    assert [float(said[1]), float(said[2])] == [lo, hi], key
                elif section in SECTIONS and "keys" not in line:
                    field = SECTIONS[section].model_fields[key.partition(".")[2]]
                    allowed = config._allowed(field.annotation, field.metadata)
                    if found := re.search(r"from (\S+) to (\S+)", allowed):
                        assert float(found[2]) == float(said[2]), key


def test_defaults_of_training_are_said_once_or_alike() -> None:
    ours, theirs, shapes = config.Train(), TrainSettings(), ShapeSettings()
    assert tuple(ours.widths) == theirs.widths and ours.latents == theirs.latent_dim
    assert (ours.pictures, ours.test_pictures) == (theirs.n_train, theirs.n_test)
    for name in ("epochs", "batch", "rate", "loss", "seed", "threads"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert tuple(ours.kinds) == shapes.kinds and tuple(ours.styles) == shapes.styles
    for name in ("size", "size_min", "size_max", "stroke", "offset", "rotate"):
        assert getattr(ours, name) == getattr(shapes, name), name
    assert ours.noise == theirs.noise
    shape, sketches = config.TrainShape(), SketchSettings()
    assert shape.latents == ShapeTraining().latent_dim and tuple(shape.kinds) == sketches.kinds
    for name in ("size", "size_min", "size_max", "offset", "blended"):
        assert getattr(shape, name) == getattr(sketches, name), name
    colour = config.TrainColour()
    assert colour.latents == ColourTraining().latent_dim
    for ours, theirs in ((shape, ShapeTraining()), (colour, ColourTraining())):
        for name in ("steps", "batch", "rate", "beta", "seed", "threads"):
            assert getattr(ours, name) == getattr(theirs, name), name
    assert colour.width == ColourTraining().width


def test_every_kind_of_shape_there_is_can_be_asked_for() -> None:
    for section, name, known in (
        (config.Train, "kinds", tuple(KINDS)),
        (config.Train, "styles", STYLES),
        (config.TrainShape, "kinds", tuple(KINDS)),
    ):
        assert get_args(get_args(section.model_fields[name].annotation)[0]) == known


# --- values


def test_values_go_where_they_belong(path: Path) -> None:
    got = read(
        path,
        """
        [show]
        driver = "audio"
        speed = 2
        seed = 7
        [random]
        hold = 0.0
        [window]
        hud = false
        width = 800
        [sound]
        input = 3
        [train]
        widths = []
        kinds = ["star"]
        """,
    )
    assert got.controls["show.driver"] == "audio" and got.controls["show.speed"] == 2.0
    assert got.show.seed == 7 and got.controls["random.hold"] == 0.0
    assert got.controls["window.hud"] is False and got.window.width == 800
    assert got.sound.input == 3
    assert got.train.widths == [] and got.train.kinds == ["star"]
    assert read(path, '[sound]\ninput = "USB"').sound.input == "USB"


def test_a_mark_at_the_start_of_the_file_does_no_harm(path: Path) -> None:
    assert read(path, b"\xef\xbb\xbf[show]\r\nseed = 5\r\n").show.seed == 5


def test_the_command_line_takes_the_place_of_the_file(path: Path) -> None:
    text = '[show]\ndriver = "simplex"\nseed = 3\n'
    got = read(path, text, show__driver="random", window__width=640)
    assert got.controls["show.driver"] == "random"
    assert got.show.seed == 3 and got.window.width == 640
    # Also where what stands in the file is wrong: it is not used.
    assert read(path, "[show]\nseed = -1\n", show__seed=4).show.seed == 4


# --- mistakes


def test_all_mistakes_are_told_at_once_each_with_its_place_and_what_is_allowed(
    path: Path,
) -> None:
    told = mistakes(
        path,
        "\n".join(
            [
                "[show]",  # 1
                'driver = "perln"',
                "sped = 2.0",
                "speed = 50.0",
                "seed = 1.5",
                "[window]",  # 6
                'width = "wide"',
                "hud = 1",
                "[sounds]",  # 9
                "x = 1",
                "[train]",  # 11
                "widths = [256, 0]",
                'kinds = ["circle", "sqare"]',
                'loss = "l1"',
                "rate = 0",
                "[random]",  # 16
                "hold = nan",
            ]
        ),
        window__fps=5000,
    )
    expected = [
        (2, "show.driver", "perln", "'perlin' or 'simplex' or 'random' or 'audio'"),
        (3, "show.sped", "unknown key", "did you mean 'speed'? allowed are"),
        (4, "show.speed", "50.0", "a number from 0.05 to 20"),
        (5, "show.seed", "1.5", "a whole number from 0 to 4294967295"),
        (7, "window.width", "'wide'", "a whole number from 160 to 7680"),
        (8, "window.hud", "1", "true or false"),
        (9, "sounds", "unknown section", "did you mean 'sound'? allowed are"),
        (12, "train.widths", "0", "a whole number from 1 to 16384"),
        (13, "train.kinds", "'sqare'", "'square'"),
        (14, "train.loss", "'l1'", "'bce' or 'mse'"),
        (15, "train.rate", "0", "a number above 0 and up to 1"),
        (17, "random.hold", "nan", "a number from 0 to 60"),
        (None, "window.fps", "5000", "a whole number from 0 to 1000"),
    ]
    assert len(told) == len(expected), told
    for line, *words in expected:
        place = f"{path}:{line}: " if line else "command line: "
        found = [one for one in told if one.startswith(place)]
        assert len(found) == 1, (place, told)
        assert all(word in found[0] for word in words), (found[0], words)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[show]\nspeed = true\n", 2, "a number from"),
        ('[show]\nspeed = "fast"\n', 2, "a number from"),
        ("[window]\nwidth = true\n", 2, "a whole number"),
        ("[window]\nwidth = 200.0\n", 2, "a whole number"),
        ("[show]\nspeed = inf\n", 2, "a number from"),
        ("[show]\n\n# a comment\nmode = 3\n", 4, "'latent' or 'pixel'"),
        ("[sound]\ninput = 1.5\n", 2, "a text or a whole number"),
        ("[train]\nwidths = 5\n", 2, "a list, up to 16"),
        (f"[train]\nwidths = {[1] * 17}\n", 2, "a list, up to 16"),
        ("[train]\nkinds = []\n", 2, "at least 1"),
        ("[train]\nrate = nan\n", 2, "above 0 and up to 1"),
        ("show = 1\n", 1, r"must be a section, \[show\]"),
        ("colour = 1\n", 1, "unknown section 'colour'"),
        (f"[show]\nspeed = {'9' * 400}\n", 2, "a number from"),
    ],
)
def test_one_mistake_is_one_line(path: Path, text: str, line: int, says: str) -> None:
    told = mistakes(path, text)
    assert len(told) == 1, told
    assert told[0].startswith(f"{path}:{line}: ")
    assert re.search(says, told[0]), told[0]
    assert len(told[0]) < len(str(path)) + 400


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[show]\nspeed = \n", "line 2"),
        ("[show\n", "line 1"),
        ("[show]\nseed = 1\nseed = 2\n", "line 3"),
        (b"[show]\nseed = \xff\xfe\n", "UTF-8"),
        ("[show]\nseed = " + "9" * 5000, "digits"),
        ("a = " + "[" * 5000, "brackets"),
        (b"\x00\x01\x02", "line 1"),
        ("[show]\nseed = 1\nseed = 2\n", "stands there twice (at line 3"),
        ("[show]\n[show]\n", "stands there twice (at line 2"),
        ("#" * 300_000, "larger than"),
    ],
)
def test_what_is_not_toml_is_one_line_with_the_file(path: Path, text: str, says: str) -> None:
    told = mistakes(path, text)
    assert len(told) == 1
    assert told[0].startswith(str(path)) and says in told[0]


def test_a_file_that_is_not_there_or_not_a_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(UserError, match="cannot read") as caught:
            load(DECLARED, path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_mistake_on_the_command_line_is_said_to_be_there(path: Path) -> None:
    (told,) = mistakes(path, '[show]\ndriver = "perlin"\n', show__driver="perln")
    assert told.startswith("command line: show.driver = 'perln'; allowed is 'perlin' or")
    (told,) = mistakes(path, "", train__kinds=["circle", "oval"])
    assert told.startswith("command line: train.kinds has 'oval'; allowed is")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[osc]\naddress = "999.1.1.1"', "osc.address = '999.1.1.1'; allowed is an address"),
        ('[osc]\naddress = ""', "osc.address = ''; allowed is an address"),
        ('[osc]\nfeedback = "1.2.3:9001"', "osc.feedback = '1.2.3:9001'; allowed is host:port"),
        ("[stage]\ndisplay = -1", "stage.display = -1; allowed is 0 for none, the number"),
        ("[train]\nsize_min = 0.95", "train.size_max = 0.9; allowed is a number from size_min"),
        ("[train_shape]\nsize_min = 0.5\nsize_max = 0.4", "train_shape.size_max = 0.4; allowed"),
    ],
)
def test_what_does_not_fit_together_is_refused_where_it_is_read(
    path: Path, text: str, says: str
) -> None:
    (told,) = mistakes(path, text)
    assert says in told and told.startswith(f"{path}:")


@pytest.mark.parametrize(
    "text",
    [
        '[osc]\naddress = "::1"\nfeedback = "desk.local:9001"',
        '[osc]\naddress = "localhost"\nfeedback = "::1:9001"',
        "[stage]\ndisplay = 2",
        "[train]\nsize_min = 0.5\nsize_max = 0.5",
    ],
)
def test_what_fits_together_is_read(path: Path, text: str) -> None:
    read(path, text)


@settings(max_examples=60, deadline=None)
@given(
    keys=st.dictionaries(
        st.sampled_from(["speed", "fade", "seed", "mode", "driver", "odd"]),
        st.floats() | st.integers() | st.booleans() | st.text(max_size=5),
        max_size=4,
    )
)
def test_any_values_load_or_are_told_line_by_line(tmp_path_factory, keys: dict) -> None:
    def toml(value: object) -> str:
        if isinstance(value, str):
            return '"' + "".join(f"\\U{ord(c):08x}" for c in value) + '"'
        return str(value).lower()

    path = tmp_path_factory.getbasetemp() / "any.toml"
    text = "[show]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in keys.items())
    path.write_text(text)
    try:
        got = load(DECLARED, path)
    except UserError as error:
        lines = str(error).split("\n")
        assert 1 <= len(lines) <= len(keys)
        assert all(line.startswith(f"{path}:") for line in lines)
    else:
        assert 0.05 <= got.controls["show.speed"] <= 20
        assert got.controls["show.mode"] in ("latent", "pixel")
        assert "odd" not in keys
