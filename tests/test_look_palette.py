"""Palettes: files of colours, and what becomes of them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from program import Program

from visualiser.look.oklab import from_oklab, to_linear, to_oklab, to_srgb
from visualiser.look.palette import PALETTES, Palette, palettes, read
from visualiser.types import UserError

NAMES = tuple(palettes())


def lab(linear: np.ndarray) -> np.ndarray:
    return to_oklab(linear.astype(np.float64))


def test_there_are_many_and_a_newcomer_finds_them_by_their_files() -> None:
    assert len(NAMES) >= 14 and {"ember", "lagoon"} <= set(NAMES)
    assert list(NAMES) == sorted(path.stem for path in PALETTES.glob("*.hex"))


@pytest.mark.parametrize("name", NAMES)
def test_equal_steps_along_a_palette_look_equal(name: str) -> None:
    at = np.linspace(0, 1, 65, dtype=np.float32)
    steps = np.linalg.norm(np.diff(lab(palettes()[name](at)), axis=0), axis=1)
    # A corner at one of the file's colours makes the step over it a little shorter.
    assert steps.max() / np.median(steps) < 1.06
    assert steps.min() / np.median(steps) > 0.75
    assert np.std(steps) / steps.mean() < 0.06


@pytest.mark.parametrize("name", NAMES)
def test_a_palette_begins_and_ends_as_its_file_and_goes_one_way(name: str) -> None:
    words = (PALETTES / f"{name}.hex").read_text().split()
    ends = palettes()[name].srgb(256)[[0, -1]]
    assert ["".join(f"{c:02x}" for c in end) for end in ends] == [words[0], words[-1]]
    light = lab(palettes()[name](np.linspace(0, 1, 64, dtype=np.float32)))[:, 0]
    way = np.sign(light[-1] - light[0])
    assert (way * np.diff(light) > -0.004).all(), "hotter is never closer to the ground"
    assert abs(light[-1] - light[0]) > 0.6


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=2, max_size=9, unique=True))
def test_any_colours_make_a_palette_that_passes_through_both_ends(stops: list) -> None:
    palette = Palette(np.array(stops) / 255)
    assert np.isfinite(palette.linear).all()
    assert palette.linear.min() >= 0 and palette.linear.max() <= 1
    colours = palette.srgb(2)
    assert np.abs(colours.astype(int) - [stops[0], stops[-1]]).max() <= 1


@settings(deadline=None)
@given(st.floats(-5, 5), st.floats(0, 1))
def test_a_palette_that_is_turned_keeps_its_ground_and_has_no_seam(turn: float, at: float) -> None:
    palette = palettes()["ember"]
    turned = palette.turned(turn)
    np.testing.assert_array_equal(turned(0.0), palette(0.0))
    places = np.array([at, at + 0.002], np.float32)
    assert np.abs(np.diff(turned(places), axis=0)).max() < 0.03
    np.testing.assert_allclose(turned(places), palette.turned(turn + 2)(places), atol=0.01)


def test_colour_spaces_lead_there_and_back() -> None:
    srgb = np.random.default_rng(1).random((500, 3))
    np.testing.assert_allclose(to_srgb(from_oklab(to_oklab(to_linear(srgb)))), srgb, atol=1e-6)
    white = to_oklab(np.ones(3))
    np.testing.assert_allclose(white, [1, 0, 0], atol=1e-6)


BROKEN = {
    "11131c\nff88\n": ":2: 'ff88' is no colour",
    "11131c\nff8800\nred\n": ":3: 'red' is no colour",
    "11131c\n": "1 colours",
    "": "0 colours",
    "ff0000\nff0000\n": "not all alike",
    b"\xff\xfe\x00": "not a text",
}


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_file_is_told_in_one_line(content: str | bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.hex"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UserError) as caught:
        read(path)
    said = str(caught.value)
    assert "\n" not in said and str(path) in said
    assert BROKEN[content] in said and "allowed are" in said


def test_the_file_may_be_written_in_other_ways(tmp_path: Path) -> None:
    path = tmp_path / "other.hex"
    path.write_bytes(b"\xef\xbb\xbf#FF8800\r\n\r\n  0000ff \r\n")
    np.testing.assert_array_equal(read(path).srgb(2), [[255, 136, 0], [0, 0, 255]])


def test_a_file_is_all_it_takes_to_add_one_and_a_broken_one_does_not_start(tmp_path: Path) -> None:
    with Program(tmp_path) as program:
        folder = program.root / "assets" / "palettes"
        (folder / "mine.hex").write_text("000000\n00ff00\n")
        config = program.root / "config.toml"
        config.write_text(re.sub('palette = "ember"', 'palette = "mine"', config.read_text()))
        done = program.run("render", "--seconds", "0.1", "-o", str(program.root / "out.mp4"))
        assert done.code == 0, done.err
        (folder / "mine.hex").write_text("000000\n00fff\n")
        done = program.run("render", "--seconds", "0.1", "-o", str(program.root / "out2.mp4"))
        assert done.code == 2 and len(done.err.splitlines()) == 1
        assert "mine.hex:2" in done.err and "six hex digits" in done.err
