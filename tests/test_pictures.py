"""Pictures of the user's own: folders of images as they come, and IDX files."""

from __future__ import annotations

import gzip
import io
import math
import os
import shutil
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from visualiser.data import landscapes
from visualiser.data.idx import open_idx, read
from visualiser.data.pictures import open_folder
from visualiser.nets import conv, dense
from visualiser.pictures import read as read_one
from visualiser.types import UserError

RED, GREEN, BLUE = (200, 30, 40), (20, 180, 60), (30, 50, 210)
ALL = np.arange(1)
GREY = dense.architecture(32, 32, (4,), 2)
COLOUR = conv.architecture(32, 2, 4)


def fill(folder: Path, n: int, size: tuple[int, int] = (40, 30), ending: str = "png") -> None:
    """n pictures, each of one colour that tells its number: red is 5 times it."""
    for k in range(n):
        Image.new("RGB", size, (5 * k, 90, 200)).save(folder / f"{k:03}.{ending}")


def quarters(size: tuple[int, int] = (48, 48)) -> Image.Image:
    """Red and green above blue and black."""
    image = Image.new("RGB", size)
    half = (size[0] // 2, size[1] // 2)
    image.paste(RED, (0, 0, *half))
    image.paste(GREEN, (half[0], 0, size[0], half[1]))
    image.paste(BLUE, (0, half[1], half[0], size[1]))
    return image


def only(folder: Path, size: int = 32) -> np.ndarray:
    """(size, size, 3): the one picture in a folder, as it is."""
    train, _ = open_folder(folder, size, 1)
    assert len(train) == 1, "one picture"
    return train.batch(ALL)[0]


def near(image: np.ndarray, *colours: tuple[int, int, int], by: int = 14) -> None:
    """The middles of the four quarters have these colours."""
    low, high = image.shape[0] // 4, image.shape[0] * 3 // 4
    for (y, x), colour in zip(
        [(low, low), (low, high), (high, low), (high, high)], colours, strict=True
    ):
        assert np.abs(image[y, x].astype(int) - colour).max() <= by, (y, x, image[y, x], colour)


# Every kind of file.


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "gif", "bmp", "tiff", "ppm", "tga"])
@pytest.mark.parametrize("shape", [(48, 48), (90, 64), (700, 900)])
def test_every_common_kind_of_file_is_read(
    tmp_path: Path, ending: str, shape: tuple[int, int]
) -> None:
    quarters(shape).save(tmp_path / f"a.{ending}")
    near(only(tmp_path), RED, GREEN, BLUE, (0, 0, 0))


@pytest.mark.parametrize("ending", ["jpg", "png", "tiff", "webp"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_what_a_camera_turned_stands_upright(tmp_path: Path, ending: str, turn: int) -> None:
    """The picture is stored turned, and its EXIF data say how; 200 px wide, and 1600 px too."""
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    for width in (200, 1600):
        stored = quarters((width, width * 3 // 4))
        stored = stored.transpose(back[turn]) if turn in back else stored
        exif = Image.Exif()
        exif[0x0112] = turn
        stored.save(tmp_path / f"a.{ending}", exif=exif)
        near(only(tmp_path), RED, GREEN, BLUE, (0, 0, 0))
        one = read_one(tmp_path / f"a.{ending}", COLOUR)[4:28]  # black above and below
        near((one * 255).astype(np.uint8), RED, GREEN, BLUE, (0, 0, 0))


def test_transparent_pictures_lie_on_black(tmp_path: Path) -> None:
    solid = quarters().convert("RGBA")
    alpha = Image.new("L", solid.size, 255)
    alpha.paste(0, (0, 0, 24, 24))
    alpha.paste(128, (24, 0, 48, 24))
    solid.putalpha(alpha)
    half = tuple(value // 2 for value in GREEN)
    for size in ((48, 48), (1200, 1200)):
        solid.resize(size, Image.Resampling.NEAREST).save(tmp_path / "a.png")
        near(only(tmp_path), (0, 0, 0), half, BLUE, (0, 0, 0))
    (tmp_path / "a.png").unlink()
    Image.merge("LA", [Image.new("L", (48, 48), 200), alpha]).save(tmp_path / "b.png")
    near(only(tmp_path), (0, 0, 0), (100,) * 3, (200,) * 3, (200,) * 3)
    (tmp_path / "b.png").unlink()
    palette = quarters().quantize(8)
    clear = palette.getpixel((10, 10))
    for ending in ("gif", "png"):
        palette.save(tmp_path / f"c.{ending}", transparency=clear)
        near(only(tmp_path), (0, 0, 0), GREEN, BLUE, (0, 0, 0))
        (tmp_path / f"c.{ending}").unlink()


def disc_on(path: Path, disc: int, ground: int, clear: bool, mode: str = "RGBA") -> Path:
    """A disc of one grey on another, which may be transparent: a quarter of the picture."""
    y, x = np.mgrid[-1:1:200j, -1:1:200j]
    inside = np.hypot(x, y) < 0.56
    grey = np.where(inside, disc, ground).astype(np.uint8)
    alpha = np.where(inside, 255, 0 if clear else 255).astype(np.uint8)
    picture = Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)]).convert(mode)
    picture.save(path)
    return path


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("disc", [255, 0])
@pytest.mark.parametrize("hidden", [255, 0, 90])
def test_one_picture_is_what_is_seen_of_it_whatever_is_hidden(
    tmp_path: Path, mode: str, disc: int, hidden: int
) -> None:
    """Shapes on a transparent ground are light on black, as training has them, dark ones, too."""
    clear = disc_on(tmp_path / "clear.png", disc, hidden, True, mode)
    solid = disc_on(tmp_path / "solid.png", 255, 0, False, mode)
    for turn_light in (False, True):
        got, expected = (read_one(p, GREY, turn_light=turn_light) for p in (clear, solid))
        np.testing.assert_allclose(got, expected, atol=0.02)
    assert got.mean() == pytest.approx(np.pi * 0.28**2, abs=0.03), "a white disc on black"
    colour = read_one(clear, COLOUR)
    assert colour.shape == (32, 32, 3) and not colour[0].any(), "colours lie on black as trained"
    empty = disc_on(tmp_path / "empty.png", 255, 255, True)
    Image.new("RGBA", (40, 40), (255, 255, 255, 0)).save(empty)
    assert not read_one(empty, GREY).any()


def test_dark_is_the_shape_on_a_transparent_ground_alone(tmp_path: Path) -> None:
    """White inside of it is cut out; a picture that is opaque all over is taken as it is."""
    face = Image.new("LA", (64, 64), (255, 0))
    face.paste((60, 255), (8, 8, 56, 56))
    face.paste((255, 255), (24, 24, 40, 40))
    face.save(tmp_path / "face.png")
    got = read_one(tmp_path / "face.png", GREY)
    assert not got[:2].any() and got[7, 7] > 0.95 and got[16, 16] < 0.05
    lines = disc_on(tmp_path / "lines.png", 255, 0, False)
    got = read_one(lines, GREY)
    assert got[0, 0] < 0.05 and got[16, 16] > 0.95
    paper = disc_on(tmp_path / "paper.png", 0, 255, False)
    got = read_one(paper, GREY)
    assert got[0, 0] > 0.95 and got[16, 16] < 0.05


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "1", "I;16"])
@pytest.mark.parametrize("size", [(1_500, 1_500), (2_400, 30), (7, 3_000)])
def test_one_large_picture_is_what_it_is_small(
    tmp_path: Path, mode: str, size: tuple[int, int]
) -> None:
    """A black quarter of a white picture, at the size of the network and at many times that."""
    picture = Image.new("L", size, 255)
    picture.paste(0, (0, 0, size[0] // 2, size[1] // 2))
    if mode == "I;16":
        Image.fromarray(np.asarray(picture, np.uint16) * 257).save(tmp_path / "large.png")
    else:
        picture.convert(mode).save(tmp_path / "large.png")
    scale = 32 / max(size)
    wide, high = (max(1, round(edge * scale)) for edge in size)
    expected = np.zeros((32, 32))
    left, top = (32 - wide) // 2, (32 - high) // 2
    small = picture.resize((wide, high), Image.Resampling.BOX)
    expected[top : top + high, left : left + wide] = np.asarray(small) / 255
    image = read_one(tmp_path / "large.png", GREY)
    assert np.abs(image.mean() - expected.mean()) < 0.03
    if min(size) > 1_000:
        np.testing.assert_allclose(image, expected, atol=0.16)  # along the edges


@pytest.mark.parametrize(("ending", "mode"), [("jpg", "RGB"), ("png", "RGB"), ("png", "RGBA")])
def test_a_photo_is_not_made_of_floats_as_a_whole(tmp_path: Path, ending: str, mode: str) -> None:
    """12 megapixels; what numpy keeps is counted, and Pillow's own is not."""
    path = tmp_path / f"photo.{ending}"
    quarters((4_000, 3_000)).convert(mode).save(path)
    tracemalloc.start()
    try:
        read_one(path, COLOUR)
        assert tracemalloc.get_traced_memory()[1] < 4e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["pipe.png", "pipe.npy", "folder.png", "folder.npy", "/dev/zero"])
def test_what_has_no_end_is_not_waited_for(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.startswith("pipe"):
        os.mkfifo(path)
    elif name.startswith("folder"):
        path.mkdir()
    with pytest.raises(UserError, match=r"cannot read \S+: it is a [a-z ]+, and no file$"):
        read_one(path, GREY)


@pytest.mark.parametrize(
    ("kind", "scale"), [("uint16", 65535), ("int32", 65535), ("float32", 1), ("float32", 255)]
)
def test_one_picture_of_more_than_eight_bits_is_scaled(
    tmp_path: Path, kind: str, scale: float
) -> None:
    ramp = np.tile(np.linspace(0, 1, 64), (64, 1))
    Image.fromarray((ramp * scale).astype(kind)).save(tmp_path / "ramp.tiff")
    fine = read_one(tmp_path / "ramp.tiff", GREY)
    np.testing.assert_allclose(fine, np.tile(np.linspace(0, 1, 32), (32, 1)), atol=0.03)


def test_palettes_cmyk_and_one_bit_have_their_colours(tmp_path: Path) -> None:
    for name, picture in {
        "palette.png": quarters().quantize(16),
        "cmyk.jpg": quarters().convert("CMYK"),
        "cmyk.tiff": quarters((900, 900)).convert("CMYK"),
    }.items():
        picture.save(tmp_path / name)
        near(only(tmp_path), RED, GREEN, BLUE, (0, 0, 0))
        (tmp_path / name).unlink()
    bits = np.zeros((40, 40), bool)
    bits[:20, 20:] = True
    Image.fromarray(bits).save(tmp_path / "a.png")
    near(only(tmp_path), (0, 0, 0), (255,) * 3, (0, 0, 0), (0, 0, 0))


@pytest.mark.parametrize(
    ("kind", "scale", "ending"),
    [
        ("uint16", 65535, "png"),
        ("uint16", 65535, "tiff"),
        (">u2", 65535, "tiff"),
        ("uint16", 65535, "pgm"),
        ("int32", 65535, "tiff"),
        ("float32", 1, "tiff"),
        ("float32", 255, "tiff"),
    ],
)
def test_greys_of_more_than_eight_bits_are_scaled_and_not_cut_off(
    tmp_path: Path, kind: str, scale: float, ending: str
) -> None:
    for size in (40, 500):
        grey = np.zeros((size, size))
        grey[: size // 2, : size // 2] = 0.25
        grey[: size // 2, size // 2 :] = 0.5
        grey[size // 2 :, : size // 2] = 1
        Image.fromarray((grey * scale).astype(kind)).save(tmp_path / f"a.{ending}")
        near(only(tmp_path), (64,) * 3, (128,) * 3, (255,) * 3, (0,) * 3, by=2)


@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (1, 5000), (5000, 1), (9000, 30), (3, 700)])
def test_any_shape_is_cut_to_a_square(tmp_path: Path, shape: tuple[int, int]) -> None:
    Image.new("RGB", shape, GREEN).save(tmp_path / "a.png")
    train, _ = open_folder(tmp_path, 32, 1)
    for rng in (None, np.random.default_rng(1)):
        image = train.batch(np.zeros(20, np.int64), rng)
        assert image.shape == (20, 32, 32, 3) and image.dtype == np.uint8
        assert (image[..., 1] > image[..., 0] + 60).all(), "green all over"


def test_the_square_is_the_middle_of_what_is_long(tmp_path: Path) -> None:
    wide = Image.new("RGB", (300, 100), RED)
    wide.paste(GREEN, (100, 0, 200, 100))
    for name, image in {
        "wide.png": wide,
        "high.png": wide.transpose(Image.Transpose.ROTATE_90),
    }.items():
        image.save(tmp_path / name)
        near(only(tmp_path), GREEN, GREEN, GREEN, GREEN)
        train, _ = open_folder(tmp_path, 32, 1)
        varied = train.batch(np.zeros(60, np.int64), np.random.default_rng(1)).astype(int)
        green = (varied[..., 1] > varied[..., 0]).mean(axis=(1, 2))
        assert green.min() > 0.5 and green.min() < 0.9, "it is cut a little beside, too"
        (tmp_path / name).unlink()


# What is in the way.


def test_what_is_no_picture_is_skipped_by_name_and_the_others_are_used(tmp_path: Path) -> None:
    fill(tmp_path, 12)
    (tmp_path / "text.jpg").write_text("a picture of a cat, honestly")
    (tmp_path / "empty.png").write_bytes(b"")
    whole = io.BytesIO()
    quarters((400, 300)).save(whole, "jpeg")
    (tmp_path / "cut.jpg").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    (tmp_path / ".hidden.png").write_text("not even tried")
    train, held_out = open_folder(tmp_path, 32, 1)
    assert {path.name for path, _ in train.skipped} == {"text.jpg", "empty.png"}
    assert any("skipped 2 of 15 files, first empty.png: it is not a pict" in n for n in train.notes)
    for half in (train, held_out):
        images = half.batch(np.arange(len(half)))
        assert (np.abs(images[:, 5, 5, 1].astype(int) - 90) <= 2).all(), "of the good ones"
    assert [path.name for path, _ in train.skipped].count("cut.jpg") == 1
    assert train.skipped is held_out.skipped


def bomb(path: Path, edge: int = 8_100) -> None:
    """A PNG of edge x edge pixels, in a few kilobytes."""
    Image.new("1", (edge, edge)).save(path)


@pytest.mark.parametrize("edge", [8_100, 10_000, 13_500])
def test_a_picture_that_would_fill_the_memory_is_not_decoded(tmp_path: Path, edge: int) -> None:
    """On both sides of the limits at which Pillow itself warns, and raises."""
    size = f"{edge}x{edge}" if edge < 13_500 else "182 million"
    why = f"it has {size} pixels; allowed are 64 million"
    bomb(tmp_path / "bomb.png", edge)
    with pytest.raises(UserError, match=rf"bomb\.png: {why}"):
        open_folder(tmp_path, 32, 1)
    fill(tmp_path, 3)
    train, _ = open_folder(tmp_path, 32, 1)
    assert [(p.name, told) for p, told in train.skipped] == [("bomb.png", why)]
    with pytest.raises(UserError, match=rf"bomb\.png: {why}"):
        read_one(tmp_path / "bomb.png", GREY)


@pytest.mark.filterwarnings("error")
def test_the_largest_that_is_allowed_is_read_without_a_word(tmp_path: Path) -> None:
    bomb(tmp_path / "large.png", 8_000)
    assert not only(tmp_path).any()


def test_a_picture_that_became_too_large_is_not_decoded_either(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    train, held_out = open_folder(tmp_path, 32, 1)
    for path in list(tmp_path.iterdir())[:2]:
        bomb(path)
    for half in (train, held_out):
        half.batch(np.arange(len(half)))
    assert {why for _, why in train.skipped} == {"it has 8100x8100 pixels; allowed are 64 million"}


def test_a_folder_that_cannot_be_used_is_told_in_one_line(tmp_path: Path) -> None:
    def told(path: Path) -> str:
        with pytest.raises(UserError) as error:
            open_folder(path, 32, 1)
        assert "\n" not in str(error.value) and path.name in str(error.value)
        return str(error.value)

    assert "No such file" in told(tmp_path / "none")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "there is no image in this folder; allowed are PNG, JPEG" in told(empty)
    (empty / "notes.txt").write_text("nothing")
    assert "(notes.txt: it is not a picture that can be read)" in told(empty)
    (empty / "more.txt").write_text("nothing")
    assert "(first more.txt: it is not a picture" in told(empty)
    assert "is a file: wanted is a folder of images" in told(empty / "notes.txt")
    cut = tmp_path / "cut"
    cut.mkdir()
    whole = io.BytesIO()
    quarters((400, 300)).save(whole, "jpeg")
    for name in ("a.jpg", "b.jpg"):
        (cut / name).write_bytes(whole.getvalue()[:2000])
    assert "no image that can be read (first a.jpg" in told(cut)
    for size, seed in ((7, 1), (513, 1), (32, -1)):
        with pytest.raises(UserError, match="allowed"):
            open_folder(tmp_path, size, seed)


def test_folders_in_folders_are_read_and_links_in_circles_are_not_followed_twice(
    tmp_path: Path,
) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    hidden = tmp_path / ".thumbnails"
    hidden.mkdir()
    for folder in (tmp_path, tmp_path / "a", deep, hidden):
        fill(folder, 2)
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.mkdir()
    fill(elsewhere, 3)
    (tmp_path / "linked").symlink_to(elsewhere)
    (deep / "up").symlink_to(tmp_path)
    (deep / "self").symlink_to(deep)
    (deep / "gone.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(tmp_path / "pipe.png")
    train, held_out = open_folder(tmp_path, 16, 1)
    assert len(train) + len(held_out) == 2 + 2 + 2 + 3
    assert not train.skipped


# Halves, and order.


@pytest.mark.parametrize(("n", "held"), [(2, 1), (5, 1), (30, 3), (50, 5)])
def test_a_tenth_is_held_out_and_shares_nothing(tmp_path: Path, n: int, held: int) -> None:
    fill(tmp_path, n)

    def numbers(half) -> list[int]:
        return [int(v) for v in half.batch(np.arange(len(half)))[:, 5, 5, 0] / 5 + 0.5]

    train, held_out = open_folder(tmp_path, 16, 3)
    assert len(held_out) == held
    assert sorted(numbers(train) + numbers(held_out)) == list(range(n))
    assert not train.notes
    again, _ = open_folder(tmp_path, 16, 3)
    assert numbers(again) == numbers(train), "the same for the same seed"
    if n > 5:
        assert numbers(open_folder(tmp_path, 16, 4)[1]) != numbers(held_out)


def test_one_picture_is_enough_and_that_is_said(tmp_path: Path) -> None:
    quarters().save(tmp_path / "a.png")
    train, held_out = open_folder(tmp_path, 32, 1)
    assert (len(train), len(held_out)) == (1, 1)
    assert train.notes == ["only one picture: the one that is held out is the same"]
    varied = train.batch(np.zeros(30, np.int64), np.random.default_rng(1))
    assert len({image.tobytes() for image in varied}) == 30
    near(held_out.batch(ALL)[0], RED, GREEN, BLUE, (0, 0, 0))


# Variation.


def test_the_same_dice_give_the_same_pictures_read_anew_or_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    for k in range(8):
        noise = rng.integers(0, 256, (90, 120 + k, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{k}.png")
    rows = np.array([0, 3, 3, 6, 1, 2, 5, 4])
    batches = []
    for budget in (0, 2**30):
        train, _ = open_folder(tmp_path, 24, 1, budget=budget)
        batches += [train.batch(rows, np.random.default_rng(9)) for _ in range(2)]
    for other in batches[1:]:
        np.testing.assert_array_equal(batches[0], other)
    assert (train.batch(rows, np.random.default_rng(10)) != batches[0]).any()
    assert (batches[0][1] != batches[0][2]).any(), "the same picture twice is varied twice"


def test_few_pictures_are_varied_more_than_many(tmp_path: Path) -> None:
    picture = quarters((60, 60))
    spread = []
    for n in (4, 900):
        folder = tmp_path / str(n)
        folder.mkdir()
        picture.save(folder / "000.bmp")
        for k in range(1, n):
            shutil.copy(folder / "000.bmp", folder / f"{k:03}.bmp")
        train, _ = open_folder(folder, 16, 1, mirror=False)
        varied = train.batch(np.zeros(80, np.int64), np.random.default_rng(2))
        spread.append(varied.astype(float).std(axis=0).mean())
    assert spread[0] > 1.2 * spread[1] > 5


def test_pictures_are_mirrored_unless_they_must_not_be(tmp_path: Path) -> None:
    quarters().save(tmp_path / "a.png")
    for mirror in (True, False):
        train, _ = open_folder(tmp_path, 32, 1, mirror=mirror)
        varied = train.batch(np.zeros(60, np.int64), np.random.default_rng(3)).astype(int)
        turned = varied[:, 3, 3, 1] > varied[:, 3, 3, 0]  # green where red was
        assert turned.any() == mirror and not turned.all()


# An hour of training.


def test_pictures_that_vanish_or_break_are_counted_and_others_take_their_place(
    tmp_path: Path,
) -> None:
    fill(tmp_path, 40)
    train, held_out = open_folder(tmp_path, 16, 1, budget=0)
    everything = np.arange(len(train))
    before = train.batch(everything)
    (tmp_path / "007.png").unlink()
    (tmp_path / "008.png").write_bytes((tmp_path / "009.png").read_bytes()[:60])
    for _ in range(2):
        after = train.batch(everything, np.random.default_rng(1))
        assert after.shape == before.shape and after.any(axis=(1, 2, 3)).all()
        held_out.batch(np.arange(len(held_out)))
    assert sorted(path.name for path, _ in train.skipped) == ["007.png", "008.png"]
    assert dict((p.name, why) for p, why in train.skipped)["007.png"].startswith("No such file")
    # Even where all that was held out is gone; but not where nothing is left.
    two = tmp_path / "two"
    two.mkdir()
    fill(two, 2)
    train, held_out = open_folder(two, 16, 1, budget=0)
    (two / f"{int(held_out.batch(ALL)[0, 5, 5, 0]) // 5:03}.png").unlink()
    np.testing.assert_array_equal(held_out.batch(ALL), train.batch(ALL))
    shutil.rmtree(two)
    with pytest.raises(UserError, match="none of the pictures can be read any more"):
        train.batch(ALL)


def test_what_is_kept_in_memory_is_not_read_again(tmp_path: Path) -> None:
    fill(tmp_path, 10)
    train, _ = open_folder(tmp_path, 16, 1)
    before = train.batch(np.arange(9))
    for path in tmp_path.iterdir():
        path.unlink()
    np.testing.assert_array_equal(train.batch(np.arange(9)), before)
    assert not train.skipped


def test_memory_stays_flat_however_many_there_are(tmp_path: Path) -> None:
    """1,000 pictures whose small copies are 10 MB, with a budget of 1 MB."""
    rng = np.random.default_rng(1)
    for k in range(20):
        noise = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{k}-0.jpg", quality=50)
        for copy in range(1, 50):
            os.link(tmp_path / f"{k}-0.jpg", tmp_path / f"{k}-{copy}.jpg")
    train, _ = open_folder(tmp_path, 48, 1, budget=2**20)
    order = rng.permutation(len(train))
    train.batch(order[:32], rng)  # what is loaded once
    tracemalloc.start()
    for part in np.array_split(order, len(order) // 32):
        train.batch(part, rng)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 2 * 2**20
    assert peak < 6 * 2**20
    assert not train.skipped


def test_a_folder_of_thousands_is_opened_by_its_headers_alone(tmp_path: Path) -> None:
    """All but the first are cut off after the header: opening does not notice."""
    data = io.BytesIO()
    quarters((800, 600)).save(data, "jpeg")
    (tmp_path / "a.jpg").write_bytes(data.getvalue())
    (tmp_path / "b.jpg").write_bytes(data.getvalue()[:700])
    train, held_out = open_folder(tmp_path, 16, 1)
    assert len(train) + len(held_out) == 2 and not train.skipped
    for half in (train, held_out):
        near(half.batch(ALL)[0], RED, GREEN, BLUE, (0, 0, 0))
    assert [path.name for path, _ in train.skipped] == ["b.jpg"]


# IDX files.


def idx(array: np.ndarray, shape: tuple[int, ...] | None = None, kind: int = 8) -> bytes:
    """An IDX file's bytes; its header may lie."""
    shape = array.shape if shape is None else shape
    return (
        bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + array.tobytes()
    )


NOISE = np.random.default_rng(1).integers(0, 256, (9, 8, 8), dtype=np.uint8)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 6),
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    colour=st.booleans(),
    packed=st.booleans(),
    change=st.integers(-40, 40),
    seed=st.integers(0, 99),
)
def test_an_idx_file_is_read_whole_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    n: int,
    rows: int,
    columns: int,
    colour: bool,
    packed: bool,
    change: int,
    seed: int,
) -> None:
    path = tmp_path_factory.mktemp("idx") / "images"
    shape = (n, rows, columns, 3) if colour else (n, rows, columns)
    array = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    data = idx(array)
    data = data + bytes(change) if change >= 0 else data[:change]
    path.write_bytes(gzip.compress(data) if packed else data)
    if change == 0:
        np.testing.assert_array_equal(read(path), array)
    else:
        says = "longer than it says" if change > 0 else "cut off|not an IDX file"
        with pytest.raises(UserError, match=says):
            read(path)


@settings(max_examples=200, deadline=None)
@given(
    data=st.binary(max_size=60)
    | st.builds(
        lambda kind, shape, rest: idx(np.frombuffer(rest, np.uint8), tuple(shape), kind),
        st.sampled_from([8, 8, 8, 9, 13]),
        st.lists(st.integers(0, 3) | st.integers(0, 2**32 - 1), max_size=5),
        st.binary(max_size=40),
    ),
    packed=st.booleans(),
    cut=st.integers(0, 30),
)
def test_whatever_a_file_says_it_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, packed: bool, cut: int
) -> None:
    path = tmp_path_factory.mktemp("idx") / "lies"
    data = gzip.compress(data) if packed else data
    path.write_bytes(data[: len(data) - cut])
    try:
        images = read(path)
    except UserError as error:
        assert "lies" in str(error) and "\n" not in str(error)
    else:
        assert images.dtype == np.uint8 and images.size == math.prod(images.shape) > 0


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (idx(np.zeros(5, np.uint8)), "1 dimensions, as labels have"),
        (idx(np.zeros((2, 3, 3), np.uint8), kind=13), "kind 0x0d: allowed are bytes"),
        (idx(np.zeros((2, 3, 3, 4), np.uint8)), "must be 3, for RGB"),
        (idx(np.zeros((0, 28, 28), np.uint8)), "no picture in it"),
        (idx(np.zeros((2, 3, 3), np.uint8), (10**9, 28, 28)), "allowed are 1024 MiB"),
        (idx(np.zeros((2, 3, 3), np.uint8), (1, 10**5, 10**5)), "64 million pixels"),
        (idx(np.zeros((2, 3, 3), np.uint8), (3, 3, 3)), "cut off: 3x3x3 are 27 bytes.*has 18"),
        (idx(np.zeros((2, 3, 3), np.uint8))[:10], "within its header"),
        (b"\x89PNG\r\n\x1a\n", "not an IDX file"),
        (b"", "not an IDX file"),
        (gzip.compress(idx(NOISE), mtime=0)[:200], "cut off: 9x8x8 are 576 bytes, and it has"),
        (gzip.compress(idx(NOISE), mtime=0)[:-9] + b"another sum", "is broken|Error"),
        (b"\x1f\x8bnothing of the kind", "broken|gzip"),
    ],
)
def test_idx_files_that_cannot_be_used_are_told_with_what_is_wrong(
    tmp_path: Path, data: bytes, says: str
) -> None:
    path = tmp_path / "images-idx3-ubyte"
    path.write_bytes(data)
    with pytest.raises(UserError, match=says):
        open_idx(path, 28, 1)


def test_an_idx_path_that_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        open_idx(tmp_path / "none", 28, 1)
    with pytest.raises(UserError, match="wanted is an IDX file"):
        open_idx(tmp_path, 28, 1)


def test_idx_pictures_come_in_halves_as_they_are_in_any_size(tmp_path: Path) -> None:
    digits = np.zeros((50, 28, 28), np.uint8)
    digits[:, 4:24, 4:10] = (np.arange(50) * 5)[:, None, None]  # a bar on the left
    (tmp_path / "digits.gz").write_bytes(gzip.compress(idx(digits)))
    train, held_out = open_idx(tmp_path / "digits.gz", 28, 1)
    assert (len(train), len(held_out)) == (45, 5)
    seen = [
        half.batch(np.arange(len(half)), np.random.default_rng(1)) for half in (train, held_out)
    ]
    every = np.concatenate(seen)
    assert (every == every[..., :1]).all(), "grey"
    assert sorted(every[:, 10, 7, 0]) == list(np.arange(50) * 5)
    np.testing.assert_array_equal(every[np.argsort(every[:, 10, 7, 0])][..., 0], digits)
    large = open_idx(tmp_path / "digits.gz", 128, 1)[0].batch(np.arange(45))
    assert large.shape == (45, 128, 128, 3) and not large[:, :, 70:].any()
    colours = np.zeros((1, 10, 30, 3), np.uint8)
    colours[:] = GREEN
    (tmp_path / "colours").write_bytes(idx(colours))
    one, same = open_idx(tmp_path / "colours", 16, 1)
    np.testing.assert_array_equal(one.batch(ALL), np.full((1, 16, 16, 3), GREEN, np.uint8))
    assert len(same) == 1 and "only one picture" in one.notes[0]


def test_all_pictures_are_taken_alike(tmp_path: Path) -> None:
    fill(tmp_path, 20)
    (tmp_path / "idx").write_bytes(idx(np.zeros((20, 5, 5), np.uint8)))
    for train, held_out in (
        open_folder(tmp_path, 16, 1),
        open_idx(tmp_path / "idx", 16, 1),
        landscapes.split(18, 2, 1, 16),
    ):
        for half, n in ((train, 18), (held_out, 2)):
            assert len(half) == n and half.size == 16
            assert [*half.notes] == [*half.notes] and len(half.skipped) in (0, 1)
            for rng in (None, np.random.default_rng(1)):
                images = half.batch(np.arange(n), rng)
                assert images.shape == (n, 16, 16, 3) and images.dtype == np.uint8
            assert half.batch(np.arange(0)).shape == (0, 16, 16, 3)


def test_importing_this_does_not_load_pillow() -> None:
    code = "import sys, visualiser.data.idx; print('PIL' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "False\n", done.stderr
