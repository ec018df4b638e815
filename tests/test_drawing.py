"""What a hand draws on the input pane, and pictures that a walk starts from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pygame
import pytest
from conftest import hear, make_model, ticks, with_weights
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from visualiser.calm import calm
from visualiser.controls import Command, Controls, Nudge, Stroke
from visualiser.cue_controls import kept
from visualiser.decode import Inline, Network, Worker
from visualiser.frame import Frame
from visualiser.latents import EDGE
from visualiser.nets import checkpoint, conv, shape
from visualiser.nets.architecture import Architecture
from visualiser.nets.checkpoint import Checkpoint
from visualiser.nets.layers import Dense, Reshape
from visualiser.nets.play import Player
from visualiser.nets.visibility import order_directions
from visualiser.pictures import read
from visualiser.run import declared_controls
from visualiser.show import Show
from visualiser.sketchpad import SIZE, Sketchpad
from visualiser.types import Tick

LINE: Command = ("draw.line", Stroke((0.25, 0.5), (0.75, 0.5)))
WIPE: Command = ("draw.wipe", Nudge(1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, few_samples: None) -> Path:
    """Models of every kind: small, alone (a decoder), shape and colour."""
    folder = tmp_path_factory.mktemp("drawn")
    alone = Architecture(height=6, width=5, latent_dim=3,
                         decoder=(Dense(units=30), Reshape(shape=(6, 5, 1))))  # fmt: skip
    for name, made in (
        ("small", make_model(seed=4)),
        ("alone", with_weights(alone)),
        ("shape", with_weights(shape.architecture(16, 4, (4, 6), (8,), 7, (6,)))),
        ("colour", with_weights(conv.architecture(16, 3, 4))),
    ):
        path = folder / f"{name}{checkpoint.SUFFIX}"
        checkpoint.write(path, order_directions(replace(made, name=name)))
    return folder


@pytest.fixture
def make_show(make_controls: Callable[..., Controls], folder: Path) -> Callable[..., Show]:
    def make(name: str = "small", **values: object) -> Show:
        names = [name, *(n for n in ("small", "alone", "shape", "colour") if n != name)]
        return Show(make_controls(names, **values), Inline(Network().draw), 1, folder)

    return make


def play(show: Show, n: int, commands: dict[int, list[Command]] | None = None) -> list[Frame]:
    return [show.update(t, hear(0.5, 0.2), (commands or {}).get(t.index, ())) for t in ticks(n)]


# --- the pad


def test_a_line_is_as_wide_as_asked_with_round_ends() -> None:
    pad = Sketchpad()
    assert pad.field.shape == (SIZE, SIZE) and not pad.field.any()
    pad.line((0.25, 0.5), (0.75, 0.5), 0.125)
    ink = pad.field
    assert ink.dtype == np.float32 and ink.min() >= 0 and ink.max() == 1
    assert ink[:, SIZE // 2].sum() == pytest.approx(0.125 * SIZE, abs=0.2)
    assert ink[SIZE // 2].sum() == pytest.approx(0.625 * SIZE, abs=0.6)
    area = 0.5 * 0.125 + np.pi * 0.0625**2  # and half a disk at each end
    assert ink.sum() == pytest.approx(area * SIZE**2, rel=0.02)
    np.testing.assert_allclose(ink, ink[::-1, ::-1], atol=1e-5)


def test_a_click_is_a_dot_and_lines_join_without_a_seam() -> None:
    pad = Sketchpad()
    pad.line((0.3, 0.7), (0.3, 0.7), 0.2)
    assert pad.field.sum() == pytest.approx(np.pi * 0.1**2 * SIZE**2, rel=0.03)
    rows, columns = np.nonzero(pad.field > 0.5)
    assert (rows.mean() + 0.5) / SIZE == pytest.approx(0.7, abs=0.01), "y is down"
    assert (columns.mean() + 0.5) / SIZE == pytest.approx(0.3, abs=0.01)
    whole, parts = Sketchpad(), Sketchpad()
    whole.line((0.1, 0.2), (0.8, 0.6), 0.05)
    for i in range(10):
        a, b = (np.array([0.1, 0.2]) + np.array([0.7, 0.4]) * (i + k) / 10 for k in (0, 1))
        parts.line(tuple(a), tuple(b), 0.05)
    np.testing.assert_allclose(whole.field, parts.field, atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(*[st.floats(-1e4, 1e4)] * 4, st.floats(0.01, 0.5))
def test_no_line_wherever_it_goes_breaks_the_pad(
    x0: float, y0: float, x1: float, y1: float, width: float
) -> None:
    pad = Sketchpad()
    before = pad.field
    pad.line((x0, y0), (x1, y1), width)
    assert np.isfinite(pad.field).all() and pad.field.min() >= 0 and pad.field.max() <= 1
    assert pad.field is not before and not before.any(), "a frame may still hold the one before"
    pad.wipe()
    assert not pad.field.any()


# --- the show


@pytest.mark.parametrize("name", ["small", "shape", "colour"])
def test_a_stroke_switches_to_drawing_and_is_what_the_network_is_given(
    make_show, name: str
) -> None:
    show = make_show(name)
    frames = play(show, 9, {4: [LINE], 6: [("draw.line", Stroke((0.5, 0.1), (0.5, 0.9)))]})
    assert [f.field is None for f in frames] == [True] * 4 + [False] * 5
    assert show.controls["show.mode"] == "draw"
    drawn = frames[4].field
    expected = Sketchpad()
    expected.line((0.25, 0.5), (0.75, 0.5), show.controls.number("draw.width"))
    np.testing.assert_array_equal(drawn, expected.field)
    assert (frames[6].field >= drawn).all() and frames[6].field.sum() > 1.5 * drawn.sum()
    np.testing.assert_array_equal(frames[8].field, frames[6].field)
    assert (frames[6].z != frames[5].z).any() and (frames[6].image != frames[5].image).any()
    np.testing.assert_array_equal(frames[5].image, frames[4].image)


def test_wiping_leaves_an_empty_pad_and_the_mode(make_show) -> None:
    frames = play(make_show(), 6, {1: [LINE], 3: [WIPE], 4: [LINE, WIPE]})
    assert frames[2].field.any() and not frames[3].field.any() and not frames[4].field.any()
    assert all(frame.field is not None for frame in frames[1:])


def test_the_pens_width_is_a_control(make_show) -> None:
    thin, thick = (
        play(make_show(draw__width=w), 2, {1: [LINE]})[1].field.sum() for w in (0.02, 0.2)
    )
    assert thick > 6 * thin


def test_drawing_goes_on_while_paused(make_show) -> None:
    frames = play(make_show(), 12, {2: [("show.pause", Nudge(1))], 5: [LINE], 8: [WIPE]})
    assert frames[5].field.any() and not frames[8].field.any()
    assert (frames[5].image != frames[4].image).any()


# --- noise on what goes in


@pytest.mark.parametrize("mode", ["pixel", "draw"])
def test_noise_replaces_that_share_of_what_the_network_is_given(make_show, mode: str) -> None:
    asked: list[Command] = [("show.mode", mode), LINE, ("show.mode", mode)]
    clean = [f.field for f in play(make_show(), 6, {0: asked})]
    noisy = [f.field for f in play(make_show(draw__noise=0.3), 6, {0: asked})]
    again = [f.field for f in play(make_show(draw__noise=0.3), 6, {0: asked})]
    for one, other, same in zip(clean[1:], noisy[1:], again[1:], strict=True):
        assert np.mean(one != other) == pytest.approx(0.3, abs=0.09)
        np.testing.assert_array_equal(other, same)
        assert other.min() >= 0 and other.max() <= 1
    assert (noisy[1] != noisy[2]).mean() > 0.2, "others each frame"
    full = play(make_show(draw__noise=1.0), 2, {0: asked})[1].field
    assert full.std() == pytest.approx(12**-0.5, abs=0.05)


HELD: list[Command] = [("draw.pen", True), ("draw.right", True), ("draw.down", True)]


@pytest.mark.parametrize("fps", [30, 60, 200])
def test_a_pen_that_keys_move_draws_as_far_at_every_rate(make_show, fps: int) -> None:
    show = make_show(draw__x=0.25, draw__y=0.25, draw__speed=0.5)
    for n in range(fps):
        show.update(Tick(n, n / fps, 1 / fps), hear(), HELD if n == 0 else ())
    show.update(Tick(fps, 1.0, 1 / fps), hear(), [(id, False) for id, _ in HELD])
    pad = Sketchpad()
    pad.line((0.25, 0.25), (0.75, 0.75), 0.06)
    np.testing.assert_allclose(show.drawing, pad.field, atol=1e-3)
    assert show.controls["show.mode"] == "draw"


def test_knobs_move_a_pen_that_draws_while_it_is_down(make_show) -> None:
    show = make_show()
    play(show, 2, {0: [("draw.x", 0.2)], 1: [("draw.y", 0.9)]})
    assert not show.drawing.any() and show.controls["show.mode"] == "latent", "it is up"
    asked: dict[int, list[Command]] = {0: [("draw.pen", True)], 1: [("draw.x", 0.8)]}
    play(show, 5, {**asked, 2: [("draw.pen", False)], 3: [("draw.x", 0.1)]})
    pad = Sketchpad()
    pad.line((0.2, 0.9), (0.8, 0.9), 0.06)
    np.testing.assert_allclose(show.drawing, pad.field, atol=1e-3)
    play(show, 1, {0: [("draw.line", Stroke((0.3, 0.3), (0.4, 0.5)))]})
    assert [show.controls.number(f"draw.{axis}") for axis in "xy"] == [0.4, 0.5]
    play(show, 300, {0: [("draw.left", True)]})
    assert show.controls["draw.x"] == 0.0, "it stays on the pane"


def test_a_pen_that_is_down_goes_on_from_where_another_drew(make_show) -> None:
    show = make_show(draw__x=0.1, draw__y=0.1)
    dot: Command = ("draw.line", Stroke((0.9, 0.9), (0.9, 0.9)))
    play(show, 3, {0: [("draw.pen", True)], 1: [dot]})
    pad = Sketchpad()
    pad.line((0.1, 0.1), (0.1, 0.1), 0.06)
    pad.line((0.9, 0.9), (0.9, 0.9), 0.06)
    np.testing.assert_allclose(show.drawing, pad.field, atol=1e-3)
    assert not {"draw.x", "draw.y"} & kept(show.controls), "no cue brings the pen's place back"


def test_a_pen_that_is_down_keeps_nobody_in_draw_mode(make_show) -> None:
    show = make_show()
    play(show, 2, {0: [("draw.pen", True), ("draw.right", True)]})
    assert show.controls["show.mode"] == "draw" and show.drawing.any()
    before = show.drawing
    play(show, 5, {0: [("show.mode", "latent")]})
    assert show.controls["show.mode"] == "latent" and show.drawing is before
    panic = calm(Controls(declared_controls()), is_paused=False, has_failed=False)
    play(show, 2, {0: panic})
    assert not any(show.controls[f"draw.{name}"] for name in ("pen", "left", "right"))


def test_noise_stands_still_while_paused_and_leaves_latents_alone(make_show) -> None:
    pause: list[Command] = [("show.pause", Nudge(1))]
    frames = play(make_show(draw__noise=0.5, show__mode="pixel"), 9, {3: pause})
    np.testing.assert_array_equal(frames[4].field, frames[8].field)
    plain, noisy = (play(make_show(draw__noise=n), 3)[-1].z for n in (0.0, 0.5))
    np.testing.assert_array_equal(plain, noisy)


def test_the_keys_nudge_the_noise() -> None:
    controls = Controls(declared_controls())
    for key, expected in (("]", 0.05), ("]", 0.1), ("[", 0.05), ("[", 0.0), ("[", 0.0)):
        controls.apply(controls.on_key(key))
        assert controls.number("draw.noise") == pytest.approx(expected)
    assert controls.on_key("d")[0] == "draw.wipe"


# --- networks without an encoder


def test_a_decoder_alone_says_so_once_and_goes_on_with_latents(make_show) -> None:
    show = make_show("alone")
    asked = {2: [("show.mode", "pixel")], 4: [LINE], 5: [LINE], 8: [("show.mode", "draw")]}
    frames = play(show, 12, asked)
    assert all(frame.field is None and frame.image is not None for frame in frames)
    assert len(show.notices) == 1 and "alone has no encoder" in show.notices[0]
    straight = play(make_show("alone"), 12)
    for one, other in zip(frames, straight, strict=True):
        np.testing.assert_array_equal(one.z, other.z)
    # A model that has one is then given what was drawn.
    seen = play(show, 2, {0: [("show.model", "small")]})
    assert seen[-1].field.any() and seen[-1].model.name == "small"
    assert len(show.notices) == 1


# --- from a drawing to a walk


def stroke_by_stroke() -> list[Command]:
    """Something that lies far off: a thick ring."""
    turns = np.linspace(0, 2 * np.pi, 25)
    ring = [(0.5 + 0.3 * np.cos(t), 0.5 + 0.3 * np.sin(t)) for t in turns]
    return [("draw.line", Stroke(a, b)) for a, b in pairwise(ring)]


@pytest.mark.parametrize("name", ["small", "shape", "colour"])
def test_a_walk_after_drawing_begins_where_the_drawing_was(make_show, name: str) -> None:
    show = make_show(name, show__return=5.0)
    on: list[Command] = [("show.mode", "latent")]
    frames = play(show, 60, {2: stroke_by_stroke(), 20: on})
    model = show.model
    before = model.latents.to_point(frames[19].z)
    after = np.array([model.latents.to_point(frame.z) for frame in frames[20:]])
    assert frames[20].field is None
    step = np.abs(after[0] - before) * model.latents.stretch  # deviations
    ordinary = np.abs(np.diff(after, axis=0)).max() * model.latents.stretch.max()
    assert step.max() < max(2 * ordinary, 0.05), "a jump"
    straight = play(make_show(name), 60)
    way = np.array([model.latents.to_point(frame.z) for frame in straight[20:]])
    assert np.abs(after[0] - way[0]).max() > 5 * np.abs(np.diff(way, axis=0)).max()


def test_an_empty_pad_is_no_place_to_begin(make_show) -> None:
    show = make_show()
    frames = play(show, 12, {2: [LINE, WIPE], 6: [("show.mode", "latent")]})
    straight = play(make_show(), 12)
    for one, other in zip(frames[6:], straight[6:], strict=True):
        np.testing.assert_allclose(one.z, other.z, atol=1e-5)


def test_a_walk_keeps_to_a_picture_at_first_and_ends_up_on_its_own_way(
    make_show, tmp_path: Path
) -> None:
    path = ring_on(tmp_path / "ring.png")
    show, other = make_show(show__return=1.0), make_show()
    drop: list[Command] = [("show.drop", str(path))]

    def points(played: Show, n: int, commands: dict[int, list[Command]]) -> np.ndarray:
        mover = played._mover  # its coordinates, before anything has turned back
        found = []
        for tick in ticks(n):
            played.update(tick, hear(), commands.get(tick.index, ()))
            found.append(mover.point())
        return np.array(found)

    way, own = points(show, 400, {10: drop}), points(other, 400, {})
    assert (way[:10] == own[:10]).all()
    from_picture = np.linalg.norm(way - way[10], axis=1)
    from_own = np.linalg.norm(way - own, axis=1)
    assert from_own[10] > 0.2
    assert from_picture[10 + 6] < 0.2 * np.linalg.norm(own - way[10], axis=1)[10 + 6]
    assert from_own[10 + 5 * 60] < 0.03 * np.linalg.norm(way[10])


# --- a picture that is dropped


def ring_on(path: Path, size: int = 80, dark: bool = True) -> Path:
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    ring = np.clip(0.5 - (np.abs(np.hypot(x, y) - 0.6) - 0.15) * size / 2, 0, 1)
    grey = ring if dark else 1 - ring
    Image.fromarray((grey * 255).astype(np.uint8)).save(path)
    return path


@pytest.mark.parametrize("name", ["small", "shape", "colour"])
@pytest.mark.parametrize("dark", [True, False])
def test_a_dropped_picture_is_where_the_walk_goes_on_from(
    make_show, tmp_path: Path, name: str, dark: bool
) -> None:
    """A drawing with ink on paper is taken for what is meant by it, where greys are encoded."""
    path = ring_on(tmp_path / "ring.png", dark=dark or name == "colour")
    show = make_show(name, show__mode="pixel")
    frames = play(show, 8, {4: [("show.drop", str(path))]})
    assert show.controls["show.mode"] == "latent" and frames[4].field is None
    assert show.notices == ["from ring.png"]
    model = show.model
    z = Player(model).encode(read(path, model.architecture, turn_light=True))
    wanted = np.clip(model.latents.along(z), -EDGE, EDGE)
    np.testing.assert_allclose(model.latents.along(frames[4].z), wanted, atol=0.08)


@pytest.mark.parametrize("what", ["text", "cut", "folder", "gone", "empty", "npy"])
def test_a_picture_that_is_none_is_a_notice_and_the_show_goes_on(
    make_show, tmp_path: Path, what: str
) -> None:
    path = tmp_path / ("broken.npy" if what == "npy" else "broken.png")
    data = ring_on(tmp_path / "whole.png").read_bytes()
    if what == "folder":
        path.mkdir()
    elif what != "gone":
        path.write_bytes({"text": b"no picture", "cut": data[:90], "empty": b""}.get(what, b"npy"))
    show = make_show()
    frames = play(show, 8, {4: [("show.drop", str(path))]})
    assert len(show.notices) == 1 and path.name in show.notices[0]
    assert "\n" not in show.notices[0]
    straight = play(make_show(), 8)
    for one, other in zip(frames, straight, strict=True):
        np.testing.assert_array_equal(one.z, other.z)


def test_whatever_pillow_raises_is_a_notice(
    make_show, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ring_on(tmp_path / "odd.png")
    for error in (RuntimeError("Not implemented"), IndexError("9"), MemoryError(), KeyError(1)):

        def fails(*arguments: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(Image, "open", fails)
        show = make_show()
        play(show, 4, {2: [("show.drop", str(path))]})
        assert len(show.notices) == 1 and "odd.png" in show.notices[0]


def test_a_decoder_alone_cannot_start_from_a_picture(make_show, tmp_path: Path) -> None:
    show = make_show("alone")
    play(show, 4, {2: [("show.drop", str(ring_on(tmp_path / "ring.png")))]})
    assert show.notices == ["alone has no encoder: it cannot start from a picture"]


def huge(model: Checkpoint) -> Checkpoint:
    return replace(model, weights={n: np.full_like(w, 3e38) for n, w in model.weights.items()})


def test_a_latent_that_is_no_number_ends_nothing(make_controls, tmp_path: Path) -> None:
    """A network that gives none, for a picture or a drawing: the walk stays where it was."""
    checkpoint.write(tmp_path / "huge.safetensors", huge(make_model("huge")))
    worker = Worker(Network().draw)
    show = Show(make_controls(["huge"]), worker, 1, tmp_path)
    drop: Command = ("show.drop", str(ring_on(tmp_path / "ring.png")))
    with np.errstate(all="ignore"):
        frames = play(show, 20, {3: [drop], 6: [LINE], 12: [("show.mode", "latent")]})
    show.close()
    assert len(frames) == 20 and np.isfinite(show._mover.point()).all()


# --- what the window makes of mouse and files


def test_the_window_makes_commands_of_what_is_dropped_and_of_the_mouse(monkeypatch) -> None:
    """Events as SDL gives them, which a virtual screen cannot fake for files."""
    from visualiser import config
    from visualiser.window import Window

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    controls = Controls(declared_controls())
    window = Window(config.Window(width=640, height=400), controls, "test")
    try:
        left, right = pygame.Rect(10, 10, 100, 100), pygame.Rect(200, 10, 100, 100)
        window.panes.boxes = (left, right)
        list(window.commands())

        def posted(*events: tuple[int, dict]) -> list[Command]:
            pygame.event.clear()
            for kind, values in events:
                pygame.event.post(pygame.event.Event(kind, values))
            return list(window.commands())

        def mouse(kind: int, *pos: int, button: int = 1) -> tuple[int, dict]:
            return kind, {"pos": pos, "button": button, "buttons": (1, 0, 0), "rel": (0, 0)}

        def key(code: int, kind: int = pygame.KEYDOWN, **values: int) -> tuple[int, dict]:
            return kind, {"key": code, "mod": 0, "repeat": 0, **values}

        down, move, up = pygame.MOUSEBUTTONDOWN, pygame.MOUSEMOTION, pygame.MOUSEBUTTONUP
        assert posted((pygame.DROPFILE, {"file": "a b.png"})) == [("show.drop", "a b.png")]
        paste = posted(key(pygame.K_v, mod=pygame.KMOD_CTRL))
        assert paste == [("window.paste", Nudge(1))]
        pygame.scrap.put_text("'/tmp/a b.png'\n")
        assert window.pasted(paste) == [("show.drop", "/tmp/a b.png")]
        pygame.scrap.put_text("copy\nfile:///tmp/a%20b.png\nfile:///tmp/c.png")
        assert [path for _, path in window.pasted(paste)] == ["/tmp/a b.png", "/tmp/c.png"]
        assert not window.pasted([("show.pause", True)]) and not window.notices()
        for words in ("file://[x", "~nobody-at-all/x", "file:relative"):
            pygame.scrap.put_text(words)
            window.pasted(paste)
        pygame.scrap.put_text("file:///tmp/a#1.png")
        assert window.pasted(paste) == [("show.drop", "/tmp/a#1.png")]
        pygame.scrap.put_text("x" * 100_000)
        assert window.pasted(paste) == [] and window.notices()
        pygame.scrap.put_text(" ")
        assert window.pasted(paste) == [] and "nothing was copied" in window.notices()[0]
        controls.apply(("show.mode", "draw"))
        held = posted(key(pygame.K_UP), key(pygame.K_UP, repeat=1), key(pygame.K_v))
        assert [id for id, _ in held] == ["draw.up", "window.scope"]
        controls.apply(("show.mode", "latent"))
        assert not posted(key(pygame.K_UP, repeat=1)), "it is still the pen's"
        let_go = posted(key(pygame.K_UP, pygame.KEYUP), key(pygame.K_UP),
                        key(pygame.K_UP, pygame.KEYUP))  # fmt: skip
        assert [id for id, _ in let_go] == ["draw.up", "show.speed"], "what began is ended"
        got = posted(
            mouse(down, 35, 60), mouse(move, 60, 60), mouse(move, 200, 60), mouse(up, 60, 60)
        )
        ends = [(s.start, s.end) for _, s in got]
        assert {id for id, _ in got} == {"draw.line"}
        assert ends == [
            ((0.25, 0.5), (0.25, 0.5)),
            ((0.25, 0.5), (0.5, 0.5)),
            ((0.5, 0.5), (1.9, 0.5)),
        ]
        assert posted(mouse(move, 50, 50)) == [], "the button is up"
        assert posted(mouse(down, 250, 60), mouse(move, 40, 60)) == [], "not on the input pane"
        assert posted(mouse(down, 40, 60, button=3), mouse(move, 50, 60)) == []
        window.panes.boxes = (right.copy(), right)
        assert posted(mouse(down, 250, 60), mouse(move, 260, 60)) == [], "there is no input pane"
        window.panes.boxes = None
        assert posted(mouse(down, 250, 60), mouse(up, 260, 60)) == []
    finally:
        window.close()
