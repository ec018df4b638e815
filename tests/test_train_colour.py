"""Training colour models: on landscapes, a folder, one picture; small ones, in seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from visualiser.data import landscapes
from visualiser.data.pictures import Pictures, open_folder
from visualiser.nets import checkpoint
from visualiser.nets.autoencoder import build
from visualiser.nets.checkpoint import Checkpoint
from visualiser.nets.play import Player
from visualiser.train.colour import ColourTraining, train
from visualiser.train.result import Trained
from visualiser.types import UserError

TINY = ColourTraining(latent_dim=4, width=6, steps=120, batch=12, rate=6e-3, threads=1)
FEW = replace(TINY, steps=20)
SAND = np.array([1.0, 0.85, 0.6])
pytestmark = pytest.mark.usefixtures("few_samples")


@pytest.fixture(scope="module", autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pictures() -> tuple[Pictures, Pictures]:
    return landscapes.split(400, 40, 1, 16)


@pytest.fixture(scope="module")
def trained(pictures: tuple[Pictures, Pictures]) -> Trained:
    return train("tiny", TINY, pictures, {"source": "landscapes", "size": 16})


@pytest.fixture(scope="module")
def straight(pictures: tuple[Pictures, Pictures]) -> Checkpoint:
    """A few steps that nobody stopped."""
    return train("any", FEW, pictures, {}).checkpoint


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """A folder of so many images: dark or light sand, with a bar across it."""

    def make(n: int) -> Path:
        images = tmp_path / f"images-{n}"
        images.mkdir()
        rng = np.random.default_rng(n)
        for i in range(n):
            picture = np.empty((24, 30, 3), np.uint8)
            picture[:] = rng.uniform(0, 255) * SAND
            picture[8:14] = rng.uniform(0, 255) * SAND
            Image.fromarray(picture).save(images / f"{i}.png")
        return images

    return make


def test_it_learns_landscapes(trained: Trained, pictures: tuple[Pictures, Pictures]) -> None:
    card, held_out = trained.checkpoint.card, pictures[1].batch(np.arange(40)) / 255
    assert len(card.train_losses) == len(card.test_losses) == 3  # after 50, 100 and the last
    assert card.train_losses[-1] < card.train_losses[0] and card.test_losses[-1] < 0.05
    mean = pictures[0].batch(np.arange(400)).mean(axis=0) / 255
    guess = ((held_out - mean) ** 2).mean()
    assert card.figures["mse"] < guess / 2, "no better than the mean of all"
    assert card.figures["kl"] > 0
    assert [card.training[key] for key in ("steps", "batch", "loss")] == [120, 12, "gaussian"]
    assert card.data["source"] == "landscapes"
    assert trained.checkpoint.architecture.kind == "colour VAE"


def test_what_is_said_of_it_is_true(trained: Trained, pictures: tuple[Pictures, Pictures]) -> None:
    held_out = pictures[1].batch(np.arange(40)).astype(np.float32) / 255
    player = Player(trained.checkpoint)
    drawn = np.array([player.decode(player.encode(picture)) for picture in held_out])
    assert drawn.shape == (40, 16, 16, 3) and drawn.min() >= 0 and drawn.max() <= 1
    mse = float(((drawn - held_out) ** 2).mean())
    assert trained.checkpoint.card.figures["mse"] == pytest.approx(mse, rel=1e-3)
    np.testing.assert_allclose(trained.test, held_out[:48], atol=1e-6)
    np.testing.assert_allclose(trained.reconstructed, drawn[:48], atol=2e-5)


def test_a_walk_shows_landscapes(trained: Trained, pictures: tuple[Pictures, Pictures]) -> None:
    latents, player = trained.checkpoint.latents, Player(trained.checkpoint)
    assert 1 <= latents.n_directions <= 4
    points = np.random.default_rng(2).standard_normal((80, latents.n_directions))
    drawn = np.array([player.decode(latents.to_latent(p)) for p in points.astype(np.float32)])
    known = pictures[0].batch(np.arange(200)) / 255
    assert abs(drawn.mean() - known.mean()) < 0.1
    assert drawn.std(axis=0).mean() > 0.3 * known.std(axis=0).mean(), "always the same"


def test_the_same_seed_is_the_same_model_and_another_another(
    pictures: tuple[Pictures, Pictures], straight: Checkpoint
) -> None:
    again, other = (
        train("any", replace(FEW, seed=seed), pictures, {}).checkpoint for seed in (1, 2)
    )
    for name, weight in straight.weights.items():
        np.testing.assert_array_equal(weight, again.weights[name])
    np.testing.assert_array_equal(straight.latents.directions, again.latents.directions)
    assert any((straight.weights[name] != weight).any() for name, weight in other.weights.items())


@pytest.mark.parametrize("at", [1, 13])
def test_stopped_and_resumed_is_the_same_as_never_stopped(
    tmp_path: Path, pictures: tuple[Pictures, Pictures], straight: Checkpoint, at: int
) -> None:
    """To the last bit; and nothing else goes on from there."""
    keep = tmp_path / ".any.training"
    asked: list[int] = []
    part = train("any", FEW, pictures, {}, stopped=lambda: len(asked) >= at - 1 or asked.append(1),
                 keep=keep)  # fmt: skip
    assert part.checkpoint.card.training["steps"] == at and keep.exists()
    for other, data in ((replace(FEW, beta=2.0), {}), (FEW, {"source": "others"})):
        with pytest.raises(UserError, match="of another training"):
            train("any", other, pictures, data, keep=keep)
    resumed = train("any", FEW, pictures, {}, keep=keep).checkpoint
    for name, weight in straight.weights.items():
        np.testing.assert_array_equal(weight, resumed.weights[name])
    assert resumed.card.figures == straight.card.figures and not keep.exists()


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_any_number_of_images_is_enough(folder: Callable[..., Path], n: int) -> None:
    made = train("few", FEW, open_folder(folder(n), 16, 1), {})
    assert np.isfinite(made.checkpoint.card.figures["mse"])
    assert made.test.shape == made.reconstructed.shape and made.test.shape[1:] == (16, 16, 3)
    z = made.checkpoint.latents.to_latent(np.zeros(made.checkpoint.latents.n_directions))
    assert np.isfinite(Player(made.checkpoint).decode(z)).all()


def test_it_learns_the_pictures_of_a_folder(folder: Callable[..., Path], tmp_path: Path) -> None:
    halves = open_folder(folder(60), 16, 1)
    made = train("bars", replace(TINY, steps=150), halves, {"source": "images"})
    held_out = made.test
    mean = halves[0].batch(np.arange(len(halves[0]))).mean(axis=0) / 255
    assert made.checkpoint.card.figures["mse"] < ((held_out - mean) ** 2).mean() * 0.7
    path = tmp_path / "bars.safetensors"
    checkpoint.write(path, made.checkpoint)
    with torch.inference_mode():
        again = build(checkpoint.read(path))(torch.from_numpy(held_out)).numpy()
    np.testing.assert_allclose(again, made.reconstructed, atol=1e-6)


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_one_flat_picture_over_and_over_is_learned_and_not_divided_by(
    folder: Callable[..., Path], grey: int
) -> None:
    """The loss is a logarithm of an error that goes to nothing."""
    images = folder(1)
    Image.fromarray(np.full((20, 20, 3), grey, np.uint8)).save(images / "0.png")
    made = train("flat", replace(TINY, steps=120, rate=0.02), open_folder(images, 16, 1), {})
    assert made.checkpoint.card.figures["mse"] < 0.02
    assert all(np.isfinite(weight).all() for weight in made.checkpoint.weights.values())


def test_a_folder_without_images_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    with pytest.raises(UserError) as caught:
        open_folder(tmp_path, 16, 1)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_images_that_break_while_it_learns_are_left_out(folder: Callable[..., Path]) -> None:
    images = folder(12)
    halves = open_folder(images, 16, 1)
    for i in (0, 3):
        (images / f"{i}.png").write_bytes(b"gone bad")
    made = train("few", FEW, halves, {})
    assert np.isfinite(made.checkpoint.card.figures["mse"])
    assert {path.name for path, _ in halves[0].skipped} <= {"0.png", "3.png"}


def test_when_none_is_left_it_ends_in_a_line(folder: Callable[..., Path]) -> None:
    images = folder(3)
    halves = open_folder(images, 16, 1)
    for path in images.iterdir():
        path.write_bytes(b"gone bad")
    with pytest.raises(UserError) as caught:
        train("few", FEW, halves, {})
    assert "\n" not in str(caught.value)
