"""Training: small networks, in a second or so each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from visualiser.data.shapes import ShapeSettings, make
from visualiser.nets import checkpoint
from visualiser.nets.checkpoint import Architecture
from visualiser.nets.dense import Dense
from visualiser.train import Trained, TrainSettings, contact_sheet, train

TINY = TrainSettings(
    shapes=ShapeSettings(size=12, kinds=("circle", "square"), styles=("fill",), size_min=0.3),
    widths=(48, 24),
    latent_dim=3,
    n_train=300,
    n_test=100,
    epochs=12,
    batch=32,
    rate=0.01,
    threads=1,
)


@pytest.fixture(scope="module", autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train("tiny", TINY)


def test_the_loss_falls_on_pictures_it_has_seen_and_on_those_it_has_not(trained: Trained) -> None:
    card = trained.checkpoint.card
    assert len(card.train_losses) == len(card.test_losses) == 12
    assert card.train_losses[-1] < 0.5 * card.train_losses[0]
    assert card.test_losses[-1] < 0.5 * card.test_losses[0]
    middle = make(300, 1, TINY.shapes).images.mean(axis=0)
    guess = float(((trained.test.images - middle) ** 2).mean())
    assert card.test_mse < guess / 5, "it has learned more than what shapes look like on average"


def test_what_is_said_of_the_test_is_true(trained: Trained) -> None:
    """The error on held-out pictures, worked out again from the file's own weights."""
    net = trained.checkpoint.build()
    with torch.inference_mode():
        drawn = net(torch.from_numpy(trained.test.images)).numpy()
    np.testing.assert_allclose(drawn, trained.reconstructed, atol=1e-5)
    mse = float(((drawn - trained.test.images) ** 2).mean())
    assert trained.checkpoint.card.test_mse == pytest.approx(mse, rel=1e-3)
    assert len(trained.test) == 100
    assert (drawn >= 0).all() and (drawn <= 1).all()


def test_encoder_and_decoder_are_usable_apart(trained: Trained) -> None:
    net = trained.checkpoint.build()
    x = torch.from_numpy(trained.test.images[:5])
    with torch.inference_mode():
        z = net.encode(x)
        assert z.shape == (5, 3)
        picture = net.decode(z)
        assert picture.shape == (5, 12, 12)
        torch.testing.assert_close(picture, net(x))
        assert isinstance(net.encoder, nn.Sequential) and isinstance(net.decoder, nn.Sequential)
        torch.testing.assert_close(net.encoder(x.flatten(1)), z)
        alone = nn.Sequential(net.decoder, nn.Sigmoid())(z)
        torch.testing.assert_close(alone, picture.flatten(1))


def test_the_card_says_how_it_was_made(trained: Trained) -> None:
    card = trained.checkpoint.card
    assert str(card.architecture) == "144-48-24-3"
    assert card.data["kinds"] == ("circle", "square") and card.data["n_train"] == 300
    assert card.training["loss"] == "bce" and card.training["epochs"] == 12
    assert card.seed == 1


def test_a_trained_model_survives_its_file(trained: Trained, tmp_path) -> None:
    path = tmp_path / "tiny.safetensors"
    checkpoint.write(path, trained.checkpoint)
    again = checkpoint.read(path)
    with torch.inference_mode():
        drawn = again.build()(torch.from_numpy(trained.test.images)).numpy()
    np.testing.assert_allclose(drawn, trained.reconstructed, atol=1e-6)
    assert again.card.test_losses == trained.checkpoint.card.test_losses
    # The latent map is of the pictures it was trained on: noise draws such pictures.
    normal = np.random.default_rng(1).standard_normal((300, 3)).astype(np.float32)
    with torch.inference_mode():
        walked = again.build().decode(torch.from_numpy(again.latents.to_latent(normal))).numpy()
    assert abs(walked.mean() - trained.test.images.mean()) < 0.05


def test_the_same_seed_is_the_same_model_and_another_another(trained: Trained) -> None:
    again, other = train("tiny", TINY), train("tiny", replace(TINY, seed=2, epochs=1))
    for name, weight in trained.checkpoint.weights.items():
        np.testing.assert_array_equal(again.checkpoint.weights[name], weight)
    np.testing.assert_array_equal(again.checkpoint.latents.knots, trained.checkpoint.latents.knots)
    assert again.checkpoint.card.test_losses == trained.checkpoint.card.test_losses
    np.testing.assert_array_equal(again.test.images, trained.test.images)
    assert (other.test.images[:50] != trained.test.images[:50]).any()


def test_it_stops_when_told_and_keeps_what_it_has_learned(trained: Trained) -> None:
    told: list[int] = []
    stopped = train(
        "tiny", TINY, lambda progress: told.append(progress.epoch), lambda: len(told) >= 4
    )
    card = stopped.checkpoint.card
    assert told == [1, 2, 3, 4]
    assert len(card.test_losses) == 4 and card.training["epochs"] == 4
    assert card.test_losses == trained.checkpoint.card.test_losses[:4]
    assert card.test_mse > trained.checkpoint.card.test_mse
    assert stopped.reconstructed.shape == (100, 12, 12)
    # Told before it has begun, it learns for one epoch: there is always a model to keep.
    assert len(train("tiny", TINY, stopped=lambda: True).checkpoint.card.test_losses) == 1


def test_progress_is_reported_as_it_is(trained: Trained) -> None:
    seen = []
    made = train("tiny", replace(TINY, epochs=2), seen.append)
    assert [p.epoch for p in seen] == [1, 2]
    assert tuple(p.test_loss for p in seen) == made.checkpoint.card.test_losses
    assert seen[-1].test_mse == made.checkpoint.card.test_mse


@pytest.mark.parametrize("loss", ["bce", "mse"])
def test_both_losses_learn(loss: str) -> None:
    made = train("tiny", replace(TINY, loss=loss, epochs=5))
    losses = made.checkpoint.card.test_losses
    assert losses[-1] < losses[0] * 0.9
    if loss == "mse":
        assert losses[-1] == pytest.approx(made.checkpoint.card.test_mse, rel=1e-3)


@pytest.mark.parametrize(
    "odd",
    [
        {"batch": 10_000},
        {"batch": 1, "n_train": 100},
        {"epochs": 1, "batch": 300},
        {"widths": (), "latent_dim": 1},
        {"widths": (1,), "latent_dim": 20},
        {"n_test": 1},
    ],
)
def test_odd_settings_train_all_the_same(odd: dict) -> None:
    made = train("odd", replace(TINY, **({"epochs": 2} | odd)))
    assert np.isfinite(made.checkpoint.card.test_mse)
    assert made.checkpoint.latents.latent_dim == odd.get("latent_dim", 3)


@pytest.mark.parametrize(
    ("size", "widths", "latent_dim", "called"),
    [
        (28, (256, 128, 64, 16), 4, "784-256-128-64-16-4"),
        (56, (256, 128), 8, "3136-256-128-8"),
        (28, (), 2, "784-2"),
    ],
)
def test_widths_are_built_as_they_are_written(
    size: int, widths: tuple[int, ...], latent_dim: int, called: str
) -> None:
    """relu inside, nothing on the latents, sigmoid at the end; the decoder mirrors the encoder."""
    net = Dense((size, size), widths, latent_dim)
    architecture = Architecture(height=size, width=size, widths=widths, latent_dim=latent_dim)
    assert str(architecture) == called
    shapes = {name: tuple(weight.shape) for name, weight in net.state_dict().items()}
    assert shapes == architecture.shapes()
    layers = [int(word) for word in called.split("-")]
    for half, sizes in ((net.encoder, layers), (net.decoder, layers[::-1])):
        linear = [m for m in half if isinstance(m, nn.Linear)]
        assert [m.in_features for m in linear] == sizes[:-1]
        assert [type(m) for m in half] == [nn.Linear, nn.ReLU] * (len(sizes) - 2) + [nn.Linear]
    with torch.inference_mode():
        picture = net(torch.rand(2, size, size))
        assert picture.shape == (2, size, size)
        assert picture.min() >= 0 and picture.max() <= 1
        assert (net.encode(torch.rand(50, size, size)) < 0).any(), "latents may be negative"


def test_the_contact_sheet_has_inputs_above_their_reconstructions(trained: Trained) -> None:
    sheet = contact_sheet(trained, pairs=10, across=4, zoom=2)
    assert sheet.ndim == 2 and sheet.min() >= 0 and sheet.max() <= 1
    gap, cell = 2, 24
    assert sheet.shape[1] == gap + 4 * (cell + gap)

    def at(row: int, column: int) -> np.ndarray:
        """The picture in a row of pairs' upper (even) or lower (odd) line, back at its own size."""
        pair = row // 2
        top = gap + pair * 2 * (cell + gap) + pair * 2 * gap + row % 2 * (cell + gap)
        left = gap + column * (cell + gap)
        return sheet[top : top + cell : 2, left : left + cell : 2]

    for i in range(10):
        row, column = divmod(i, 4)
        np.testing.assert_array_equal(at(2 * row, column), trained.test.images[i])
        np.testing.assert_array_equal(at(2 * row + 1, column), trained.reconstructed[i])
    few = replace(
        trained, test=trained.test.take(np.arange(3)), reconstructed=trained.reconstructed[:3]
    )
    assert contact_sheet(few).shape[1] < contact_sheet(trained).shape[1]
