"""Teach it on stage: what is kept, what is meant by it, and how it is learned beside the show."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pygame
import pytest
from conftest import ROOT, hear, make_model, with_weights
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from visualiser import lesson, teach
from visualiser.blackboard import Blackboard
from visualiser.controls import Command, Controls, Nudge, Stroke
from visualiser.data import taught
from visualiser.data.sketches import SketchSettings
from visualiser.data.taught import Example, fill, flood, signed, take, unpack
from visualiser.lesson import Progress
from visualiser.nets import checkpoint, shape
from visualiser.nets.checkpoint import Checkpoint
from visualiser.sketchpad import SIZE, Sketchpad
from visualiser.teach import MOST, Class, Teacher
from visualiser.types import Tick, UserError
from visualiser.undo import History

KEEP: Command = ("teach.keep", Nudge(1))
START: Command = ("teach.start", Nudge(1))
FORGET: Command = ("teach.forget", Nudge(1))
QUICK = {"steps": 4, "batch": 6, "mapped": 200, "rounds": 1, "shown": 20, "samples": 2, "tested": 4}


def drawn(*lines: list[tuple[float, float]], width: float = 0.06) -> np.ndarray:
    pad = Sketchpad()
    for line in lines:
        for start, end in pairwise(line):
            pad.line(start, end, width)
    return pad.field


def ring(x: float, y: float, radius: float, turns: float = 1.0) -> list[tuple[float, float]]:
    at = np.linspace(0, 2 * np.pi * turns, 40)
    return list(zip(x + radius * np.cos(at), y + radius * np.sin(at), strict=True))


def disk(x: float, y: float, radius: float) -> np.ndarray:
    at = (np.arange(SIZE) + 0.5) / SIZE
    return np.hypot(at[None] - x, at[:, None] - y) < radius


# --- what is meant by a drawing


def test_what_a_line_goes_round_belongs_to_it_and_what_is_in_it_is_cut_out() -> None:
    face = drawn(ring(0.5, 0.5, 0.3), [(0.4, 0.45), (0.42, 0.45)]) >= 0.5
    meant = fill(face)
    assert meant[48, 60] and not meant[2, 2]
    assert not meant[int(0.45 * SIZE), int(0.41 * SIZE)], "an eye"
    assert (fill(drawn(ring(0.5, 0.5, 0.3)) >= 0.5) ^ disk(0.5, 0.5, 0.33)).mean() < 0.005


def test_a_small_gap_counts_as_closed_and_a_large_one_does_not() -> None:
    for turns, closed in ((0.96, True), (0.75, False)):
        meant = fill(drawn(ring(0.5, 0.5, 0.3, turns)) >= 0.5)
        assert meant[48, 48] == closed


def test_a_line_that_goes_round_nothing_is_the_shape_itself() -> None:
    ink = drawn([(0.2, 0.3), (0.8, 0.3), (0.5, 0.8)], width=0.08) >= 0.5
    assert (fill(ink) ^ ink).mean() < 0.01
    assert not fill(np.zeros((SIZE, SIZE), bool)).any()


@given(st.integers(0, 10_000), st.integers(2, 14), st.floats(0.05, 0.95))
def test_distances_are_those_to_the_nearest_pixel_of_the_other_sort(
    seed: int, n: int, share: float
) -> None:
    inside = np.random.default_rng(seed).random((n, n)) < share
    if inside.all() or not inside.any():
        return
    places = np.argwhere(np.ones((n, n)))
    for where, sign in ((inside, -1), (~inside, 1)):
        other = np.argwhere(~where)
        nearest = np.linalg.norm(places[:, None] - other[None], axis=2).min(1).reshape(n, n)
        np.testing.assert_allclose(signed(inside)[where], sign * (nearest[where] - 0.5), atol=1e-4)


def test_a_flood_stays_where_it_may() -> None:
    within = np.array([[1, 1, 0, 1], [0, 1, 0, 1], [0, 1, 0, 1]], bool)
    start = np.zeros_like(within)
    start[0, 0] = True
    np.testing.assert_array_equal(flood(start, within), within & (np.arange(4) < 2))


def test_sketches_of_a_taught_disk_are_disks_of_their_size_at_their_place() -> None:
    shapes = take([Example(disk(0.3, 0.6, 0.2).astype(np.float32), False)])
    settings = SketchSettings(size=48)
    made = taught.make(40, np.random.default_rng(1), shapes, settings, rough=False)
    at = (np.arange(48) + 0.5) / 48 - 0.5
    for n in range(40):
        x, y = made.middle[n]
        away = np.hypot(at[None] - x, at[:, None] - y) - made.diameter[n] / 2
        near = np.abs(away) < 0.15
        assert np.abs(made.distance[n] - away)[near].max() < 0.06, "stretched more than a little"
        assert np.median(np.abs(made.distance[n] - away)) < 0.03
    again = taught.make(40, np.random.default_rng(1), shapes, settings, rough=False)
    np.testing.assert_array_equal(made.pictures, again.pictures)


def test_a_thin_line_is_made_thick_enough_to_be_learned() -> None:
    thin = take([Example(drawn([(0.1, 0.5), (0.9, 0.5)], width=0.03), True)])
    assert thin.shapes.min() == pytest.approx(-taught.THIN / 2, abs=0.01)


@pytest.mark.parametrize("light", [0.0, 1.0])
def test_a_picture_without_a_shape_is_refused_with_its_number(light: float) -> None:
    good = Example(disk(0.5, 0.5, 0.3).astype(np.float32), False)
    with pytest.raises(UserError, match="picture 2 of 2 is no shape: it is"):
        take([good, Example(np.full((SIZE, SIZE), light, np.float32), False)])
    with pytest.raises(UserError, match="no picture"):
        take([])


def test_an_example_survives_the_card_and_nonsense_in_it_is_one_line() -> None:
    example = Example(drawn(ring(0.5, 0.5, 0.3)), True)
    again = unpack(example.pack())
    assert again.is_drawn
    np.testing.assert_array_equal(again.picture, example.picture >= 0.5)
    for broken in ({}, {"bits": "?", "drawn": True}, {"bits": "aaaa", "drawn": 1}, {"bits": 3}):
        with pytest.raises(UserError, match="does not hold together"):
            unpack(broken)


# --- keeping examples


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small shape model called shapes, and a classic one that cannot be taught."""
    folder = tmp_path_factory.mktemp("models")
    made = with_weights(shape.architecture(16, 5), "shapes")
    data = {"source": "sketches", "size": 16, "kinds": ["circle", "cross"], "size_min": 0.5,
            "size_max": 0.9, "offset": 0.1, "blended": 0.2, "rough": 0.5}  # fmt: skip
    made = replace(made, card=made.card.model_copy(update={"data": data}))
    checkpoint.write(folder / "shapes.safetensors", made)
    checkpoint.write(folder / "small.safetensors", make_model())
    return folder


class Stage:
    """A teacher and what it is told, tick by tick."""

    def __init__(self, controls: Controls, folder: Path, **options: object) -> None:
        self.controls, self.folder = controls, folder
        self.history = History()
        self.teacher = Teacher(controls, folder, QUICK | options, self.history)
        self.model = checkpoint.read(checkpoint.find(str(controls["show.model"]), folder))
        self.drawing = np.zeros((SIZE, SIZE), np.float32)
        self.features = hear()
        self.asked: list[Command] = []
        self.lines: list[str] = []
        self.tick = Tick(0, 0.0, 0.0)

    def draw(self, field: np.ndarray) -> None:
        self.drawing = field
        self.do(("draw.line", Stroke((0, 0), (1, 1))))

    def do(self, *commands: Command, dt: float = 1 / 60) -> Class:
        self.tick = Tick(self.tick.index + 1, self.tick.t + dt, dt)
        self.asked += self.teacher.commands()
        self.teacher.attend(self.tick, self.features, commands, self.drawing, self.model)
        self.lines += self.teacher.notices()
        return self.teacher.seen(self.tick)

    def until(self, ready: Callable[[Class], bool], limit_s: float = 120.0) -> Class:
        deadline = time.monotonic() + limit_s
        while not ready(seen := self.do()):
            assert time.monotonic() < deadline, (seen.stage, self.lines)
            time.sleep(0.01)
        return seen


@pytest.fixture
def stage(folder: Path, tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    made: list[Stage] = []

    def make(model: str = "shapes", **options: object) -> Stage:
        for name in ("shapes", "small"):
            (tmp_path / f"{name}.safetensors").write_bytes(
                (folder / f"{name}.safetensors").read_bytes()
            )
        from visualiser.show import declare

        controls = Controls(
            [*declare(["shapes", "small"]), *teach.declare()], {"show.model": model}
        )
        made.append(Stage(controls, tmp_path, **options))
        return made[-1]

    yield make
    for one in made:
        one.teacher.close()


CIRCLE = drawn(ring(0.5, 0.5, 0.3))


def test_what_is_drawn_is_kept_and_once_more_takes_it_back(stage) -> None:
    one = stage()
    one.draw(CIRCLE)
    assert len(one.do(KEEP).kept) == 1
    assert not one.do(KEEP).kept, "the same key on the same drawing"
    one.do(KEEP)
    one.draw(drawn([(0.1, 0.1), (0.9, 0.9)]))
    assert len(one.do(KEEP).kept) == 2
    one.drawing = np.zeros_like(CIRCLE)
    seen = one.do(("draw.wipe", Nudge(1)))
    assert len(seen.kept) == 2, "wiping leaves what is kept"
    assert not one.do(FORGET).kept and len(one.do(("teach.undo", True)).kept) == 2
    assert all(line.count("\n") == 0 for line in one.lines)


def test_no_more_than_so_many_are_kept_and_it_says_so(stage) -> None:
    one = stage()
    for n in range(MOST + 1):
        one.draw(drawn([(0.1, 0.1), (0.9, 0.1 + n / 20)]))
        seen = one.do(KEEP)
    assert len(seen.kept) == MOST and "no more" in one.lines[-1]


def test_nothing_to_keep_or_to_learn_is_one_line_that_says_what_to_do(stage) -> None:
    one = stage()
    for command in (KEEP, START):
        one.do(command)
        assert "draw one on the input pane (G), or drop a picture" in one.lines[-1]
    assert len(one.lines) == 2 and one.do().stage == ""


def test_pictures_that_are_dropped_are_kept_and_a_broken_one_is_a_line(
    stage, tmp_path: Path
) -> None:
    one, paths = stage(), [tmp_path / f"{n}.png" for n in range(2)]
    for path, x in zip(paths, (0.4, 0.6), strict=True):
        light = np.where(disk(x, 0.5, 0.25), 0, 255).astype(np.uint8)  # ink on paper
        Image.fromarray(light).resize((300, 300)).save(path)
    one.do(*[("show.drop", str(path)) for path in paths])
    one.do(("draw.pen", False))  # let go after it was pasted: nothing was drawn since
    one.do(KEEP)
    seen = one.until(lambda seen: len(seen.kept) == 2)
    for example, x in zip(seen.kept, (0.4, 0.6), strict=True):
        assert ((example.picture >= 0.5) ^ disk(x, 0.5, 0.25)).mean() < 0.01
        assert not example.is_drawn
    paths[0].write_bytes(b"no picture")
    one.do(("show.drop", str(paths[0])), KEEP)
    one.until(lambda seen: "0.png" in one.lines[-1])
    assert len(one.do().kept) == 2


# --- learning


def test_a_model_is_learned_beside_the_show_and_comes_in_under_a_free_name(
    stage, tmp_path: Path
) -> None:
    one = stage()
    (tmp_path / "taught-1.safetensors").write_bytes(b"what was there")
    one.draw(CIRCLE)
    one.do(KEEP)
    assert one.do(START).stage == "learning"
    seen = one.until(lambda seen: seen.stage == "learned")
    one.do()
    assert one.asked == [("show.model", "taught-2")] and seen.learned == "taught-2"
    assert seen.progress.losses and seen.progress.share == 1 and not seen.kept
    assert (tmp_path / "taught-1.safetensors").read_bytes() == b"what was there"
    assert "taught-2.safetensors" in one.lines[-1] and "learned 1 shape in" in one.lines[-1]
    one.controls.apply(one.asked[0])
    assert one.controls["show.model"] == "taught-2", "it is among the choices"

    made = checkpoint.read(tmp_path / "taught-2.safetensors")
    assert made.architecture == one.model.architecture
    assert made.card.data["source"] == "taught" and made.card.data["base"] == "shapes"
    assert made.card.created and made.card.recipe and 0 <= made.card.figures["iou"] <= 1
    kernel = "decoder.2.kernel"
    assert (made.weights[kernel] != one.model.weights[kernel]).any()
    assert np.abs(made.weights[kernel] - one.model.weights[kernel]).max() < 0.1, "from its weights"
    assert 1 <= made.latents.n_directions <= 5
    assert unpack(made.card.data["taught"][0]).picture.any()
    assert teach.can_be_taught(made), "and it can be taught more"


def test_a_lesson_that_is_undone_leaves_what_was_before_it(stage) -> None:
    one = stage()
    one.draw(CIRCLE)
    before = one.do(KEEP).kept
    one.do(START)
    one.until(lambda seen: seen.stage == "learned")
    one.do()
    one.controls.apply(one.asked[0])
    back = one.history.commands([("show.undo", Nudge(1))])
    assert back[0] == ("show.model", "shapes")
    assert one.do(*back).kept == before
    assert one.history.notices() == ["undone: shapes draws again, as before taught-1"]


def test_examples_that_were_forgotten_while_they_were_learned_come_back_once(stage) -> None:
    one = stage()
    one.draw(CIRCLE)
    one.do(KEEP)
    one.do(START)
    one.do(FORGET)
    one.until(lambda seen: seen.stage == "learned")
    for _ in range(2):
        one.do(*one.history.commands([("show.undo", Nudge(1))]))
    assert len(one.do().kept) == 1


def test_a_second_press_stops_it_and_nothing_is_left(stage, tmp_path: Path) -> None:
    one = stage()
    one.draw(CIRCLE)
    assert one.do(START).learning == 1, "the drawing on the pad, where none is kept"
    learning = one.teacher._lesson
    assert one.do(START).stage == "" and "stopped" in one.lines[-1]
    one.until(lambda seen: learning.is_over)
    assert learning._process is None or learning._process.poll() is not None
    assert not list(tmp_path.glob("taught*")) and not one.asked
    assert len(one.do().kept) == 1, "it can be tried again"


def test_a_process_that_dies_is_one_line_and_the_show_goes_on(stage, tmp_path: Path) -> None:
    one = stage()
    one.draw(CIRCLE)
    one.do(START)
    learning = one.teacher._lesson
    one.until(lambda seen: learning._process is not None)
    learning._process.kill()
    one.until(lambda seen: seen.stage == "")
    assert "nothing is learned: the training ended early" in one.lines[-1]
    assert len(one.do().kept) == 1 and not list(tmp_path.glob("taught*"))


def test_closing_ends_it(stage) -> None:
    one = stage()
    one.draw(CIRCLE)
    one.do(START)
    learning = one.teacher._lesson
    one.teacher.close()
    assert learning.is_over
    assert learning._process is None or learning._process.poll() is not None


def test_the_process_ends_with_the_show_whatever_happened_to_it(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", lesson.MODULE, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    process.stdin.close()
    assert process.wait(60) != 0


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, int]]:
    """Lessons that are over when they begin; returns what they were to begin with."""
    begun: list[tuple[Path, int]] = []

    class AtOnce:
        progress, is_over, error = Progress((0.3, 0.2), 1.0, 0.0, 2), True, ""

        def __init__(self, base: Path, examples: list, folder: Path, options: object) -> None:
            begun.append((base, len(examples)))
            self.path = lesson.free_name(folder)

        def close(self) -> None:
            pass

    monkeypatch.setattr(teach, "Lesson", AtOnce)
    return begun


def test_it_comes_in_on_the_beat_if_there_is_one(stage, at_once) -> None:
    one = stage()
    one.draw(CIRCLE)
    one.features = replace(hear(), bpm=120.0, beats=8.4, beat_confidence=0.9)
    assert one.do(START).stage == "waiting"
    one.features = replace(one.features, beats=8.95)
    assert one.do().stage == "waiting" and not one.asked
    one.features = replace(one.features, beats=9.01)
    assert one.do().stage == "learned"
    one.do()
    assert one.asked == [("show.model", "taught-1")]


def test_a_beat_that_does_not_come_is_waited_for_no_longer_than_that(stage, at_once) -> None:
    one = stage()
    one.draw(CIRCLE)
    one.features = replace(hear(), bpm=120.0, beats=8.4, beat_confidence=0.9)
    assert one.do(START).stage == "waiting"
    assert one.do(dt=teach.PATIENCE_S + 0.1).stage == "learned"


def test_a_model_that_cannot_be_taught_leaves_it_to_one_that_can(stage, at_once) -> None:
    one = stage("small")
    one.draw(CIRCLE)
    one.do(START)
    assert at_once == [(one.folder / "shapes.safetensors", 1)]
    (one.folder / "shapes.safetensors").unlink()
    one.do(START)
    assert len(at_once) == 1 and "nothing to begin with" in one.lines[-1]


# --- the training itself


@pytest.mark.usefixtures("one_thread")
def test_it_learns_what_it_is_taught() -> None:
    from visualiser.nets.autoencoder import build
    from visualiser.train.shape import evaluate
    from visualiser.train.teach import Pupil
    from visualiser.train.teach import teach as learn

    base = checkpoint.read(checkpoint.find("shapes"))
    bolt = drawn([(0.55, 0.12), (0.3, 0.55), (0.48, 0.55), (0.4, 0.9), (0.7, 0.42), (0.52, 0.42),
                  (0.62, 0.12), (0.55, 0.12)])  # fmt: skip
    examples = [Example(bolt, True)]
    options = {"steps": 30, "seconds": 600.0, "mapped": 200, "rounds": 1, "shown": 20, "samples": 1}
    told: list[tuple[float, float, float]] = []
    made = learn("bolt", base, examples, Pupil(**options, tested=24),
                 lambda *said: told.append(said))  # fmt: skip
    assert told[-1][0] == 1 and all(left >= 0 for _, _, left in told)
    assert [share for share, _, _ in told] == sorted(share for share, _, _ in told)
    new = taught.make(24, np.random.default_rng(9), take(examples), SketchSettings(), rough=False)
    before, after = (evaluate(build(model), new)["iou"] for model in (base, made))
    assert after > before + 0.04, (before, after)
    assert made.card.figures["own_iou"] > 0.8, "and has not forgotten what it knew"


def test_what_is_no_shape_model_is_refused_in_a_line(model: Checkpoint) -> None:
    from visualiser.train.teach import settings_of

    with pytest.raises(UserError, match="small is no shape model that can be taught"):
        settings_of(model)


# --- what is seen of it


def board(seen: Class, mode: str = "latent") -> np.ndarray:
    from visualiser.show import declare

    canvas = pygame.Surface((640, 360), 0, 32)
    boxes = (pygame.Rect(10, 20, 300, 300), pygame.Rect(330, 20, 300, 300))
    controls = Controls(declare(["shapes"]), {"show.mode": mode})
    Blackboard(controls).draw(canvas, boxes, seen, 1.0)
    return pygame.surfarray.array3d(canvas).swapaxes(0, 1).max(axis=2)


def test_examples_and_the_curve_are_seen_in_their_corners_and_nothing_else() -> None:
    kept = (Example(CIRCLE, True),)
    assert not board(Class()).any() and not board(Class(kept)).any()
    drawing = board(Class(kept), "draw")
    assert drawing[20:60, 10:60].any() and not drawing[:, 320:].any()
    progress = Progress(tuple(np.linspace(0.3, 0.1, 30)), 0.6, 7.0, 30)
    learning = board(Class(kept, 1, progress, 7.0, "learning"))
    assert learning[20:100, 450:630].max() > 200, "a bright line"
    assert not learning[150:].any()
    assert (learning != board(Class(kept, 1, progress, 4.0, "learning"))).any(), "seconds left"


def test_the_curve_goes_down_as_the_loss_does_and_ends_where_the_training_is() -> None:
    from visualiser.blackboard import curve

    box = pygame.Rect(10, 5, 101, 51)
    points = np.array(curve(tuple(np.geomspace(1, 0.1, 50)), 0.5, box))
    assert points[0, 0] == 10 and points[-1, 0] == pytest.approx(60)
    assert (np.diff(points[:, 1]) > 0).all() and points[:, 1].min() >= 5
    flat = np.array(curve((0.2,) * 5, 1.0, box))
    assert np.isfinite(flat).all()


def test_a_choice_can_be_added_while_it_plays() -> None:
    from visualiser.show import declare

    controls = Controls(declare(["shapes", "small"]), {"show.model": "small"})
    controls.offer("show.model", "taught-1")
    controls.offer("show.model", "taught-1")
    assert controls.get("show.model").choices == ("shapes", "small", "taught-1")
    controls.apply(controls.on_key("m"))
    assert controls["show.model"] == "taught-1"
    controls.apply(controls.on_key("m"))
    assert controls["show.model"] == "shapes"
