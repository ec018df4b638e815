"""Training shape models: small ones, in seconds; and going on where training was stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from visualiser.data.sketches import SketchSettings, make
from visualiser.nets import checkpoint
from visualiser.nets.autoencoder import build
from visualiser.nets.checkpoint import Checkpoint
from visualiser.nets.play import Player
from visualiser.train import loop, shape
from visualiser.train.feed import Feed
from visualiser.train.loop import Pace
from visualiser.train.result import Progress, Trained
from visualiser.train.shape import ShapeTraining, draw_batch, evaluate, neat, train
from visualiser.types import UserError

KINDS = ("circle", "cross", "ring")
TINY = ShapeTraining(
    sketches=SketchSettings(size=16, kinds=KINDS, size_min=0.5, offset=0.15),
    latent_dim=5,
    steps=120,
    batch=12,
    rate=6e-3,
    threads=1,
)
pytestmark = pytest.mark.usefixtures("few_samples")


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """One thread, and fewer pictures for what comes after training."""
    before = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        fewer = {"POOL": 1000, "KNOWN": 300, "ROUNDS": 2, "MAPPED": 1000, "SHOWN": 60}
        for name, value in (fewer | {"HELD_OUT": 60, "EVERY": 50}).items():
            patch.setattr(shape, name, value)
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train("tiny", TINY)


@pytest.fixture
def no_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only the weights are looked at: without the search for where shapes lie."""
    monkeypatch.setattr(shape, "find_places", lambda model, net, settings: model)


def test_it_learns_shapes(trained: Trained) -> None:
    card = trained.checkpoint.card
    assert [card.training[key] for key in ("steps", "batch", "loss")] == [120, 12, "distance"]
    assert len(card.train_losses) == len(card.test_losses) == 3  # after 50, 100 and the last
    assert card.train_losses[-1] < 0.7 * card.train_losses[0]
    fresh = train_for(0).checkpoint.card.figures["iou"]
    assert card.figures["iou"] > max(0.68, fresh + 0.2)
    assert card.test_losses[-1] == pytest.approx(1 - card.figures["iou"], abs=1e-5)


def train_for(steps: int) -> Trained:
    """TINY, stopped after so many steps; 0 is a network that has learned from one batch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shape, "find_places", lambda model, net, settings: model)
        return train("fresh", TINY, stopped=stop_after(max(steps, 1)))


def stop_after(steps: int):
    asked: list[int] = []

    def stopped() -> bool:
        asked.append(1)
        return len(asked) >= steps

    return stopped


def test_what_is_said_of_it_is_true(trained: Trained) -> None:
    """The overlap, worked out again from the file's own weights, one picture at a time."""
    made, player = trained.checkpoint, Player(trained.checkpoint)
    shapes = neat(60, TINY)
    found, off = [], []
    for picture, distance in zip(shapes.pictures, shapes.distance, strict=True):
        drawn = player.decode(player.encode(picture))
        inside, wanted = drawn < 0, distance < 0
        found.append((inside & wanted).sum() / (inside | wanted).sum())
        off.append(((np.clip(0.5 - drawn * 16, 0, 1) - picture) ** 2).mean())
    assert made.card.figures["iou"] == pytest.approx(np.mean(found), abs=2e-3)
    assert made.card.figures["mse"] == pytest.approx(np.mean(off), rel=2e-2)
    assert made.card.figures["kl"] > 0
    assert made.card.data["source"] == "sketches" and made.card.data["kinds"] == KINDS
    assert made.architecture.pictures == "distance" and made.architecture.variational


def test_the_held_out_shapes_are_neat_and_never_seen_in_training() -> None:
    shapes = neat(60, TINY)
    np.testing.assert_allclose(
        shapes.pictures, np.clip(0.5 - shapes.distance * 16, 0, 1), atol=1e-5
    )
    every = torch.zeros(256, 3)
    seen = np.concatenate([draw_batch(TINY, step, every)[0].numpy() for step in range(120)])
    closest = torch.cdist(
        torch.from_numpy(shapes.pictures).flatten(1), torch.from_numpy(seen).flatten(1)
    )
    assert closest.min() > 1e-3


def test_a_walk_shows_every_kind(trained: Trained) -> None:
    latents, player = trained.checkpoint.latents, Player(trained.checkpoint)
    assert 1 <= latents.n_directions <= 5
    assert (np.diff(latents.visibility) <= 0).all()
    points = np.random.default_rng(2).standard_normal((60, latents.n_directions))
    drawn = np.array([player.decode(latents.to_latent(p)) for p in points.astype(np.float32)])
    areas = (drawn < 0).mean(axis=(1, 2))
    assert np.mean((areas > 0.01) & (areas < 0.8)) > 0.8, "pictures that are empty, or full"
    assert areas.std() > 0.02


def test_pictures_before_and_after_are_kept(trained: Trained) -> None:
    assert trained.test.shape == trained.reconstructed.shape == (48, 16, 16)
    assert trained.reconstructed.min() >= 0 and trained.reconstructed.max() <= 1
    with torch.inference_mode():
        drawn = build(trained.checkpoint)(torch.from_numpy(trained.test)).numpy()
    np.testing.assert_allclose(trained.reconstructed, np.clip(0.5 - drawn * 16, 0, 1), atol=1e-5)


def test_a_batch_is_of_its_step_and_its_distances_are_those_at_its_points() -> None:
    from visualiser.nets.stack import grid

    every = grid(16, 16)
    pictures, where, there, points = draw_batch(TINY, 7, every)
    again = draw_batch(TINY, 7, every)
    assert all(
        torch.equal(a, b) for a, b in zip((pictures, where, there, points), again, strict=True)
    )
    assert not torch.equal(pictures, draw_batch(TINY, 8, every)[0])
    assert not torch.equal(pictures, draw_batch(replace(TINY, seed=2), 7, every)[0])
    drawn = make(12, np.random.default_rng([1, 7]), TINY.sketches)
    np.testing.assert_array_equal(pictures, drawn.pictures)
    columns = ((points[..., 0] + 1) * 8).long().numpy()
    rows = ((points[..., 1] + 1) * 8).long().numpy()
    n = np.arange(12)[:, None]
    np.testing.assert_array_equal(there, drawn.distance[n, rows, columns])
    np.testing.assert_allclose(where[:, :2], drawn.middle * 2, atol=1e-6)
    near = float(there[:, : shape.NEAR].abs().mean())
    assert near < np.abs(drawn.distance).mean(), "mostly by the outline"


def test_the_same_seed_is_the_same_model_and_another_another() -> None:
    options = replace(TINY, steps=15)
    one, again = (train("any", options).checkpoint for _ in range(2))
    assert_same(one, again)
    for table in ("mean", "rotations", "knots", "directions", "visibility"):
        np.testing.assert_array_equal(getattr(one.latents, table), getattr(again.latents, table))
    assert one.card.figures == again.card.figures
    other = train_weights(replace(options, seed=2))
    assert all((one.weights[name] != weight).any() for name, weight in other.items()
               if name.endswith("kernel"))  # fmt: skip


def train_weights(settings: ShapeTraining, keep: Path | None = None) -> dict[str, np.ndarray]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shape, "find_places", lambda model, net, settings: model)
        return dict(train("any", settings, keep=keep).checkpoint.weights)


def assert_same(one: Checkpoint, other: Checkpoint) -> None:
    assert one.weights.keys() == other.weights.keys()
    for name, weight in one.weights.items():
        np.testing.assert_array_equal(weight, other.weights[name], name)


# --- stopping, and going on


@pytest.mark.parametrize("at", [[1], [5, 14, 15]])
def test_stopped_and_resumed_is_the_same_as_never_stopped(
    tmp_path: Path, no_places: None, at: list[int]
) -> None:
    """To the last bit."""
    keep, options = tmp_path / ".any.training", replace(TINY, steps=20)
    straight = train("any", options)
    gone = 0
    for stop in at:
        part = train("any", options, stopped=stop_after(stop - gone), keep=keep)
        assert keep.exists() and part.checkpoint.card.training["steps"] == stop
        assert any((part.checkpoint.weights[name] != weight).any()
                   for name, weight in straight.checkpoint.weights.items())  # fmt: skip
        gone = stop
    resumed = train("any", options, keep=keep)
    assert_same(resumed.checkpoint, straight.checkpoint)
    assert resumed.checkpoint.card.figures == straight.checkpoint.card.figures
    assert resumed.checkpoint.card.training["steps"] == 20
    assert not keep.exists(), "what is finished is not to be gone on with"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What is kept of 60 steps that were stopped after two."""
    keep = tmp_path_factory.mktemp("kept") / ".any.training"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shape, "find_places", lambda model, net, settings: model)
        train("any", replace(TINY, steps=60), stopped=stop_after(2), keep=keep)
    return keep.read_bytes()


@pytest.mark.parametrize(
    "other",
    [
        {"latent_dim": 6},
        {"seed": 2},
        {"steps": 61},
        {"batch": 13},
        {"rate": 5e-3},
        {"beta": 1e-3},
        {"sketches": replace(TINY.sketches, size=24)},
        {"sketches": replace(TINY.sketches, kinds=("circle", "cross"))},
    ],
)
def test_another_training_does_not_go_on_from_there(
    tmp_path: Path, no_places: None, kept: bytes, other: dict
) -> None:
    keep, options = tmp_path / ".any.training", replace(TINY, steps=60)
    keep.write_bytes(kept)
    with pytest.raises(UserError, match=r"\.any\.training is of another training") as caught:
        train("any", replace(options, **other), keep=keep)
    assert "\n" not in str(caught.value) and "begin anew" in str(caught.value)
    assert keep.read_bytes() == kept


def test_with_as_many_threads_as_there_are_it_is_no_other_training(
    tmp_path: Path, no_places: None, kept: bytes
) -> None:
    keep, options = tmp_path / ".any.training", replace(TINY, steps=60, threads=2)
    keep.write_bytes(kept)
    again = train("any", options, stopped=stop_after(1), keep=keep)
    assert again.checkpoint.card.training["steps"] > 2


def test_a_kept_training_that_is_damaged_is_told_in_a_line(
    tmp_path: Path, no_places: None, kept: bytes
) -> None:
    keep, options = tmp_path / ".any.training", replace(TINY, steps=60)
    for data in (b"", b"no training", kept[: len(kept) // 2], kept[:-1], kept + b"\0"):
        keep.write_bytes(data)
        with pytest.raises(UserError, match="of another training, or damaged") as caught:
            train("any", options, keep=keep)
        assert "\n" not in str(caught.value)


def test_it_is_kept_now_and_then_while_it_goes_on(
    tmp_path: Path, no_places: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a machine that stops takes a minute with it, not a night."""
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    keep, options = tmp_path / ".any.training", replace(TINY, steps=20)

    def falls_over(progress: Progress) -> None:
        raise RuntimeError("the lights went out")

    with pytest.raises(RuntimeError):
        train("any", options, report=falls_over, keep=keep)  # at the last step
    assert keep.exists()
    straight, resumed = train_weights(options), train_weights(options, keep)
    for name, weight in straight.items():
        np.testing.assert_array_equal(resumed[name], weight)


# --- the parts of it


def test_rates_rise_and_fall_and_the_divergence_comes_in() -> None:
    pace = Pace(steps=1000, rate=0.01, warm_up=0.3)
    rates = np.array([pace.rate_at(step) for step in range(1000)])
    assert rates.max() == pytest.approx(0.01) and rates.argmax() in (99, 100)
    assert (np.diff(rates[:100]) > 0).all() and (np.diff(rates[100:]) < 0).all()
    assert 0 < rates[0] <= 0.0002 and 0 < rates[-1] < 1e-6
    shares = np.array([pace.kl_at(step) for step in range(1000)])
    assert shares[0] == 0 and (shares[300:] == 1).all() and (np.diff(shares) >= 0).all()
    for steps in (1, 2, 9):
        short = Pace(steps, 0.01)
        assert all(0 <= short.rate_at(step) <= 0.01 for step in range(steps))
        assert all(0 <= short.kl_at(step) <= 1 for step in range(steps))


def test_a_feed_gives_batches_in_order_a_few_ahead_and_ends_its_thread() -> None:
    made: list[int] = []
    enough = threading.Event()

    def make_one(step: int) -> int:
        made.append(step)
        if len(made) >= 6:
            enough.set()
        return step

    with Feed(make_one, range(3, 40), ahead=4) as feed:
        taken = iter(feed)
        assert [next(taken) for _ in range(2)] == [3, 4]
        assert enough.wait(10)
        assert len(made) <= 2 + 4 + 1
        assert list(taken) == list(range(5, 40))
    assert made == list(range(3, 40))
    before = threading.active_count()
    with Feed(make_one, range(10**9), ahead=2) as feed:
        next(iter(feed))
    assert threading.active_count() == before, "its thread goes on behind a training that ended"


def test_what_goes_wrong_on_the_thread_is_raised_where_it_is_taken() -> None:
    def make_one(step: int) -> int:
        if step == 2:
            raise UserError("no picture is left")
        return step

    seen: list[int] = []
    with pytest.raises(UserError, match="no picture is left"), Feed(make_one, range(9)) as feed:
        for step in feed:
            seen.append(step)
    assert seen == [0, 1]


def test_the_overlap_is_one_for_who_draws_what_was_meant() -> None:
    class Perfect:
        architecture = shape.shape.architecture(16, 5)

        def posterior(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return torch.arange(len(x), dtype=torch.float32)[:, None], torch.zeros(len(x), 1)

        def decode(self, z: torch.Tensor) -> torch.Tensor:
            return torch.from_numpy(shapes.distance[z[:, 0].long().numpy()]) * self.scale

        scale = 1.0

    shapes, net = neat(80, TINY), Perfect()
    figures = evaluate(net, shapes)
    assert figures["iou"] == 1 and figures["mse"] < 1e-9
    net.scale = -1.0
    assert evaluate(net, shapes)["iou"] < 0.02


def test_a_trained_model_survives_its_file(trained: Trained, tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    checkpoint.write(path, trained.checkpoint)
    again = checkpoint.read(path)
    assert_same(again, trained.checkpoint)
    assert again.card.figures == trained.checkpoint.card.figures
    assert again.card.data["kinds"] == list(KINDS)
