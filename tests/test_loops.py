"""The compiled loops over every pixel do what is done without them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pygame
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visualiser import crew, loops
from visualiser.latents import LatentMap
from visualiser.look import flash
from visualiser.look.field import field_of, true_distances
from visualiser.look.flashes import ALLOWED, CAREFUL, Watch, linear, signals, signals_of
from visualiser.look.paint import Table, paint, paint_colours
from visualiser.nets.checkpoint import MODELS, read
from visualiser.nets.layers import Activation, Dense, Lines, walk
from visualiser.nets.play import Player, build
from visualiser.noise import perlin
from visualiser.video.picture import picture_of, view_of

pytestmark = pytest.mark.usefixtures("loaded_loops")


def without() -> None:
    loops._compiled.clear()


def canvases(width: int, height: int) -> tuple[pygame.Surface, pygame.Surface]:
    pair = pygame.Surface((width, height), 0, 32), pygame.Surface((width, height), 0, 32)
    for each in pair:
        each.fill((1, 2, 3))
    return pair


@settings(deadline=None, max_examples=25)
@given(
    st.integers(2, 40), st.integers(2, 40), st.integers(1, 90), st.integers(1, 90), st.booleans(),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_a_box_is_painted_alike(
    rows: int, columns: int, width: int, height: int, smooth: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
    step, reach = 1 / 64, 256
    greys = np.linspace(0, 1, 2 * reach + 1, dtype=np.float32)
    table = Table(step, -reach, np.stack([greys] * 3, axis=1), reach)
    by_loop, by_numpy = canvases(width + 7, height + 5)
    box = pygame.Rect(3, 2, width, height)
    assert loops.load()
    paint(by_loop, box, values, (columns, rows), smooth, table)
    without()
    paint(by_numpy, box, values, (columns, rows), smooth, table)
    one, other = (pygame.surfarray.array3d(each).astype(int) for each in (by_loop, by_numpy))
    # Both round the same sums; where one lies between two levels, it may come out on either side.
    assert np.abs(one - other).max() <= 4
    assert (one != other).any(axis=2).mean() <= 0.01
    assert (one[:3] == other[:3]).all() and (one[:, :2] == (1, 2, 3)).all()


@settings(deadline=None, max_examples=25)
@given(
    st.integers(2, 40), st.integers(2, 40), st.integers(1, 90), st.integers(1, 90), st.booleans(),
    st.booleans(), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_colours_are_painted_alike(
    rows: int, columns: int, width: int, height: int, smooth: bool, is_layer: bool, seed: int
) -> None:
    values = np.random.default_rng(seed).uniform(0, 1, (rows, columns, 3)).astype(np.float32)
    flags = pygame.SRCALPHA if is_layer else 0
    by_loop, by_numpy = (pygame.Surface((width + 7, height + 5), flags, 32) for _ in range(2))
    for each in by_loop, by_numpy:
        each.fill((1, 2, 3, 200))
    box = pygame.Rect(3, 2, width, height)
    assert loops.load()
    paint_colours(by_loop, box, values, smooth)
    without()
    paint_colours(by_numpy, box, values, smooth)
    one, other = (pygame.surfarray.array3d(each).astype(int) for each in (by_loop, by_numpy))
    assert np.abs(one - other).max() <= 1 and (one != other).mean() <= 0.01
    assert (one[:3] == (1, 2, 3)).all()
    if is_layer:
        assert (pygame.surfarray.array_alpha(by_loop) == 200).all()


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 40), st.integers(0, 13), st.integers(2, 70), st.integers(1, 9),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_latents_are_the_same_to_the_bit(
    dim: int, layers: int, knots: int, n: int, seed: int
) -> None:
    """A show begins without loops and goes on with them, and a take of it is rendered with them."""
    rng = np.random.default_rng(seed)
    mapped = LatentMap(
        *rng.normal(size=(2, dim)).astype(np.float32),
        rng.normal(size=(layers, dim, dim)).astype(np.float32),
        np.sort(rng.normal(size=(layers, dim, knots))).astype(np.float32),
        np.eye(dim, dtype=np.float32),
        np.ones(dim, np.float32),
    )
    points = rng.normal(size=(n, dim)) * rng.choice([1, 1e30], (n, dim), p=(0.9, 0.1))
    assert loops.load()
    many = mapped.bend(points)
    each = [mapped.bend(point) for point in points]
    assert mapped.bend(np.asfortranarray(points)).tobytes() == many.tobytes()
    without()
    assert mapped.bend(points).tobytes() == many.tobytes()
    assert b"".join(mapped.bend(point).tobytes() for point in points) == many.tobytes()
    assert b"".join(one.tobytes() for one in each) == many.tobytes()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 12), st.sampled_from([1.0, 300.0, 1e12]), st.integers(0, 2**32 - 1))
def test_noise_is_the_same_to_the_bit(n: int, far: float, seed: int) -> None:
    places = np.random.default_rng(seed).uniform(-far, far, (3, n))
    places[:, : n // 3] = np.floor(places[:, : n // 3])  # on the lattice itself
    noise = perlin(seed)
    assert loops.load()
    found = noise(*places)
    without()
    assert noise(*places).tobytes() == found.tobytes()


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_video_pictures_are_what_the_standard_says(w: int, h: int, seed: int) -> None:
    """ITU-R BT.709-6, items 3.2 to 3.5, at 8 bits."""
    blocks = np.random.default_rng(seed).integers(0, 256, (h, w, 4), dtype=np.uint8)
    assert loops.load()
    picture = picture_of(np.kron(blocks, np.ones((2, 2, 1), np.uint8)), "yuv420p")
    blue, green, red = (blocks[..., i] / 255 for i in range(3))
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    exact = [
        16 + 219 * np.kron(light, np.ones((2, 2))),
        128 + 224 * (blue - light) / 1.8556,
        128 + 224 * (red - light) / 1.5748,
    ]
    for plane, wanted in zip(picture.planes, exact, strict=True):
        found = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        assert np.abs(found[:, : wanted.shape[1]] - wanted).max() < 0.51


def test_large_video_pictures_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    canvas = pygame.Surface((1024, 750), 0, 32)
    pixels = view_of(canvas, (1024, 750))
    pixels[:] = np.random.default_rng(3).integers(0, 256, pixels.shape, dtype=np.uint8)
    shared = picture_of(pixels, "yuv420p").to_ndarray()
    del pixels
    assert not canvas.get_locked()
    monkeypatch.setattr(crew, "THREADS", 1)
    assert (picture_of(view_of(canvas, (1024, 750)), "yuv420p").to_ndarray() == shared).all()


def test_video_pictures_are_much_the_same_without() -> None:
    rng = np.random.default_rng(1)
    pixels = np.kron(
        rng.integers(0, 256, (9, 16, 4), dtype=np.uint8), np.ones((40, 40, 1), np.uint8)
    )
    by_loop = picture_of(pixels, "yuv420p")
    without()
    by_ffmpeg = picture_of(pixels, "yuv420p")
    assert (by_loop.colorspace, by_loop.color_range) == (
        by_ffmpeg.colorspace,
        by_ffmpeg.color_range,
    )
    apart = by_loop.to_ndarray().astype(int) - by_ffmpeg.to_ndarray()
    assert abs(apart.mean()) < 0.5 and np.abs(apart[:360]).max() <= 1


@pytest.mark.parametrize("name", ["shapes", "petals"])
def test_a_network_draws_alike(name: str) -> None:
    model = read(MODELS / f"{name}.safetensors")
    player = Player(model)
    for z in np.random.default_rng(2).normal(size=(5, model.card.architecture.latent_dim)):
        assert loops.load()
        by_loop = player.decode(z.astype(np.float32))
        without()
        np.testing.assert_allclose(player.decode(z.astype(np.float32)), by_loop, atol=1e-5)


@settings(deadline=None, max_examples=20)
@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(3, 12), st.integers(1, 9),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_lines_are_joined_alike(down: int, across: int, count: int, units: int, seed: int) -> None:
    relu = Activation(name="relu")
    lines = Lines(height=8 * down, width=16 * across, count=count, hidden=(5,))
    spec = [lines, relu, Dense(units=units, bias=False), relu, Dense(units=1, bias=False)]
    rng = np.random.default_rng(seed)
    weights = {
        f"{i}.{name}": rng.normal(size=shape).astype(np.float32)
        for i, layer, takes, _ in walk(spec, (6,))
        for name, shape in layer.weights(takes).items()
    }
    draw = build(spec, (6,), weights)
    z = rng.normal(size=6).astype(np.float32)
    assert loops.load()
    by_loop = draw(z)
    with np.errstate(invalid="ignore"):
        nowhere = draw(np.full(6, np.nan, np.float32))
    without()
    by_numpy = draw(z)
    np.testing.assert_allclose(by_loop, by_numpy, atol=1e-5 * max(np.abs(by_numpy).max(), 1))
    assert by_loop.shape == by_numpy.shape and np.isnan(nowhere).all()


@settings(deadline=None, max_examples=20)
@given(st.integers(3, 30), st.integers(3, 30), st.integers(0, 2**32 - 1))
def test_distances_are_mended_alike(rows: int, columns: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    pitch = (1 / columns, 1 / rows)
    assert loops.load()
    by_loop = true_distances(values / 30, pitch)
    without()
    np.testing.assert_allclose(by_loop, true_distances(values / 30, pitch), atol=1e-6)


def told(watch: Watch, levels: np.ndarray, t: float, allowed: int) -> list[object]:
    """All that a watch says of one more picture."""
    light, red, saturated = signals_of(levels, (2, 1, 0))
    watch.expire(t)
    steps = watch.step((light, red, saturated))
    said: list[object] = [watch.too_much(steps, allowed)]
    watch.take(steps, t)
    said += [watch.may_be_next(allowed), watch.changes]
    said += [watch.count(steps, kind) for kind in ("general", "red")]
    said += [light.tobytes(), red.tobytes(), saturated.tobytes()]
    for step in steps:
        said += [way.tobytes() for way in step.ways]
        said += [step.lit.tobytes(), None if step.swung is None else step.swung.tobytes()]
    return said


@settings(deadline=None, max_examples=20)
@given(st.integers(3, 40), st.integers(3, 40), st.floats(0.2, 5), st.integers(0, 2**32 - 1))
def test_what_lies_beside_a_picture_is_the_same(h: int, w: int, aspect: float, seed: int) -> None:
    image = np.random.default_rng(seed).uniform(-1, 1, (h, w)).astype(np.float32)
    assert loops.load()
    kept = loops._compiled.pop(loops.field.mend)  # which is not the same to the bit
    by_loop = field_of(image, "distance", aspect)
    without()
    by_numpy = field_of(image, "distance", aspect)
    loops._compiled[loops.field.mend] = kept
    np.testing.assert_array_equal(by_loop.values, by_numpy.values)
    assert by_loop.pitch == by_numpy.pitch


@settings(deadline=None, max_examples=30)
@given(
    st.integers(1, 4), st.integers(1, 4), st.sampled_from([2, 9, 256]), st.booleans(),
    st.integers(0, ALLOWED), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_flashes_are_found_alike(
    down: int, across: int, n_levels: int, is_red: bool, allowed: int, seed: int
) -> None:
    """Bit for bit, also where the loops are there only from some picture on."""
    rng = np.random.default_rng(seed)
    shape = 6 * down, 6 * across
    by_numpy, by_loop, by_both = (Watch(shape, CAREFUL) for _ in range(3))
    few = rng.integers(0, 256, n_levels)
    assert loops.load()
    loaded = dict(loops._compiled)  # to load them again and again takes long
    for n in range(40):
        levels = few[rng.integers(0, n_levels, (shape[0] * shape[1], 4))].astype(np.uint8)
        if n % 3 == 0:  # all of it at once
            levels[:] = levels[0]
        if is_red:
            levels[:, :2] //= 16
        loops._compiled.update(loaded)
        found = told(by_loop, levels, n / 25, allowed)
        if n >= 20:
            assert told(by_both, levels, n / 25, allowed) == found
        without()
        assert told(by_numpy, levels, n / 25, allowed) == found
        if n < 20:
            assert told(by_both, levels, n / 25, allowed) == found
        red, green, blue = linear(levels.T[2::-1])
        by_light = [each.tobytes() for each in signals(red, green, blue)]
        assert [each for each in found if isinstance(each, bytes)][:3] == by_light


@pytest.mark.parametrize("share", [0, 1, 77, 254, 255])
def test_a_blend_is_rounded(share: int) -> None:
    new, old = (each.ravel().astype(np.uint8) for each in np.meshgrid(range(256), range(256)))
    exact = np.floor((new.astype(int) * share + old.astype(int) * (255 - share)) / 255 + 0.5)
    assert (flash._mixed(new, old, share) == exact).all()
    blend = loops.compiled(loops.pixels.blend)
    assert blend is not None
    blend(new, old, share)
    assert (new == exact).all() and (old == exact).all()


def test_they_are_loaded_behind_and_stop_when_asked() -> None:
    without()
    loading = loops.Loading()
    loading.begin()
    loading.begin()
    until = time.monotonic() + 60
    while loops.compiled(loops.pixels.to_yuv420) is None and time.monotonic() < until:
        time.sleep(0.02)
    loading.close()
    assert loops.compiled(loops.pixels.paint) is not None

    without()
    stopped = loops.Loading()
    stopped.close()
    assert loops.compiled(loops.pixels.paint) is None


def test_without_numba_everything_is_drawn(tmp_path: Path) -> None:
    (tmp_path / "numba.py").write_text("raise ImportError('not there')")
    code = "from visualiser import loops; print(loops.load(), loops.compiled(loops.pixels.paint))"
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, cwd=tmp_path,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == ["False", "None"]


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    """Where neither the program's folder nor the person's own can be written, as in a container."""
    code = "from visualiser import loops; print(loops.load())"
    env = {**os.environ, "NUMBA_CACHE_DIR": "/proc/none", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=Path(__file__).parents[1],
        capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert done.stdout.split() == ["True"], done.stderr
