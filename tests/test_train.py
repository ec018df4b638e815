"""Training the classic autoencoder: small ones, in a second or so each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from visualiser.data.shapes import ShapeSettings, make
from visualiser.nets import checkpoint
from visualiser.nets.autoencoder import Autoencoder, build
from visualiser.nets.dense import architecture
from visualiser.nets.layers import Activation, Dense, Reshape
from visualiser.train.classic import TrainSettings, add_dots, train
from visualiser.train.result import Trained

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
pytestmark = pytest.mark.usefixtures("few_samples")


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
    guess = float(((trained.test - middle) ** 2).mean())
    assert card.figures["mse"] < guess / 5, (
        "it has learned more than what shapes look like on average"
    )


def test_what_is_said_of_the_test_is_true(trained: Trained) -> None:
    """The error on held-out pictures, worked out again from the file's own weights."""
    net = build(trained.checkpoint)
    with torch.inference_mode():
        drawn = net(torch.from_numpy(trained.test)).numpy()
    np.testing.assert_allclose(drawn, trained.reconstructed, atol=1e-5)
    mse = float(((drawn - trained.test) ** 2).mean())
    assert trained.checkpoint.card.figures["mse"] == pytest.approx(mse, rel=1e-3)
    assert len(trained.test) == 100
    assert (drawn >= 0).all() and (drawn <= 1).all()


def test_encoder_and_decoder_are_usable_apart(trained: Trained) -> None:
    net = build(trained.checkpoint)
    x = torch.from_numpy(trained.test[:5])
    with torch.inference_mode():
        z = net.encode(x)
        assert z.shape == (5, 3)
        picture = net.decode(z)
        assert picture.shape == (5, 12, 12)
        torch.testing.assert_close(picture, net(x))
        torch.testing.assert_close(net.encoder(x[..., None]), z)
        torch.testing.assert_close(net.decoder(z)[..., 0], picture)
        torch.testing.assert_close(net.logits(z).sigmoid(), picture)


def test_the_card_says_how_it_was_made(trained: Trained) -> None:
    card = trained.checkpoint.card
    assert str(card.architecture) == "12x12x1-144-48-24-3 > 3-24-48-144-12x12x1"
    assert card.data["kinds"] == ("circle", "square") and card.data["n_train"] == 300
    assert card.training["loss"] == "bce" and card.training["epochs"] == 12
    assert card.seed == 1


def test_a_trained_model_survives_its_file(trained: Trained, tmp_path) -> None:
    path = tmp_path / "tiny.safetensors"
    checkpoint.write(path, trained.checkpoint)
    again = checkpoint.read(path)
    with torch.inference_mode():
        drawn = build(again)(torch.from_numpy(trained.test)).numpy()
    np.testing.assert_allclose(drawn, trained.reconstructed, atol=1e-6)
    assert again.card.test_losses == trained.checkpoint.card.test_losses
    # The latent map is of the pictures it was trained on: noise draws such pictures.
    normal = np.random.default_rng(1).standard_normal((300, 3)).astype(np.float32)
    with torch.inference_mode():
        walked = build(again).decode(torch.from_numpy(again.latents.bend(normal))).numpy()
    assert abs(walked.mean() - trained.test.mean()) < 0.05


def test_the_same_seed_is_the_same_model_and_another_another(trained: Trained) -> None:
    again, other = train("tiny", TINY), train("tiny", replace(TINY, seed=2, epochs=1))
    for name, weight in trained.checkpoint.weights.items():
        np.testing.assert_array_equal(again.checkpoint.weights[name], weight)
    np.testing.assert_array_equal(again.checkpoint.latents.knots, trained.checkpoint.latents.knots)
    assert again.checkpoint.card.test_losses == trained.checkpoint.card.test_losses
    np.testing.assert_array_equal(again.test, trained.test)
    assert (other.test[:50] != trained.test[:50]).any()


def test_it_stops_when_told_and_keeps_what_it_has_learned(trained: Trained) -> None:
    told: list[int] = []
    stopped = train(
        "tiny", TINY, lambda progress: told.append(progress.epoch), lambda: len(told) >= 4
    )
    card = stopped.checkpoint.card
    assert told == [1, 2, 3, 4]
    assert len(card.test_losses) == 4 and card.training["epochs"] == 4
    assert card.test_losses == trained.checkpoint.card.test_losses[:4]
    assert card.figures["mse"] > trained.checkpoint.card.figures["mse"]
    assert stopped.reconstructed.shape == (100, 12, 12)
    # Told before it has begun, it learns for one epoch: there is always a model to keep.
    assert len(train("tiny", TINY, stopped=lambda: True).checkpoint.card.test_losses) == 1


def test_progress_is_reported_as_it_is(trained: Trained) -> None:
    seen = []
    made = train("tiny", replace(TINY, epochs=2), seen.append)
    assert [p.epoch for p in seen] == [1, 2]
    assert tuple(p.test_loss for p in seen) == made.checkpoint.card.test_losses
    assert seen[-1].figures["mse"] == made.checkpoint.card.figures["mse"]


@pytest.mark.parametrize("loss", ["bce", "mse"])
def test_both_losses_learn(loss: str) -> None:
    made = train("tiny", replace(TINY, loss=loss, epochs=5))
    losses = made.checkpoint.card.test_losses
    assert losses[-1] < losses[0] * 0.9
    if loss == "mse":
        assert losses[-1] == pytest.approx(made.checkpoint.card.figures["mse"], rel=1e-3)


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
    assert np.isfinite(made.checkpoint.card.figures["mse"])
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
    made = architecture(size, size, widths, latent_dim)
    sizes = [int(word) for word in called.split("-")]
    mirrored = "-".join(map(str, sizes[::-1]))
    assert str(made) == f"{size}x{size}x1-{called} > {mirrored}-{size}x{size}x1"
    relu = Activation(name="relu")
    inside = [layer for units in sizes[1:-1] for layer in (Dense(units=units), relu)]
    assert made.encoder == (Reshape(shape=(size * size,)), *inside, Dense(units=latent_dim))
    outwards = [layer for units in sizes[-2:0:-1] for layer in (Dense(units=units), relu)]
    last = (Dense(units=size * size), Activation(name="sigmoid"), Reshape(shape=(size, size, 1)))
    assert made.decoder == (*outwards, *last)
    net = Autoencoder(made)
    assert {n: tuple(w.shape) for n, w in net.state_dict().items()} == made.weights()
    with torch.inference_mode():
        picture = net(torch.rand(2, size, size))
        assert picture.shape == (2, size, size)
        assert picture.min() >= 0 and picture.max() <= 1
        assert (net.encode(torch.rand(50, size, size)) < 0).any(), "latents may be negative"


# --- noise


def test_dots_replace_the_share_of_pixels_that_was_asked_for() -> None:
    torch.manual_seed(1)
    images = torch.full((400, 20, 20), 2.0)  # brighter than any dot
    assert torch.equal(add_dots(images, torch.zeros(400, 1, 1)), images)
    share = torch.linspace(0, 1, 400)[:, None, None]
    dots = add_dots(images, share)
    hit = (dots != 2).float().mean((1, 2))
    assert (hit - share.flatten()).abs().max() < 0.12
    greys = dots[dots != 2]
    assert greys.min() >= 0 and greys.max() < 1
    assert abs(greys.mean() - 0.5) < 0.01 and abs(greys.std() - 12**-0.5) < 0.01


def test_who_was_trained_with_noise_sees_through_it(trained: Trained) -> None:
    """And hardly sees worse where there is none: what is asked for is the clean picture."""
    learned = train("noise", replace(TINY, noise=0.7)).checkpoint
    assert learned.card.training["noise"] == 0.7
    torch.manual_seed(2)
    clean = torch.from_numpy(trained.test)
    noisy = add_dots(clean, torch.full((len(clean), 1, 1), 0.5))
    off = {}
    for name, made in (("plain", trained.checkpoint), ("noise", learned)):
        with torch.inference_mode():
            net = build(made)
            off[name] = [float(((net(x) - clean) ** 2).mean()) for x in (clean, noisy)]
    assert off["noise"][1] < off["plain"][1] / 2
    assert off["noise"][0] < off["plain"][0] * 4
    assert off["noise"][1] < float(((noisy - clean) ** 2).mean()) / 5
