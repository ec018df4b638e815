"""Train an autoencoder on generated shapes. The whole of it, top to bottom."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from visualiser import latents
from visualiser.data.shapes import Shapes, ShapeSettings, split
from visualiser.nets.checkpoint import Architecture, Card, Checkpoint
from visualiser.nets.dense import Dense
from visualiser.types import FloatArray

Loss = Callable[[Tensor, Tensor], Tensor]
LOSSES: dict[str, Loss] = {
    # Both on logits: the sigmoid inside the loss is cheaper, and steadier where it saturates.
    "bce": functional.binary_cross_entropy_with_logits,
    "mse": lambda logits, target: functional.mse_loss(logits.sigmoid(), target),
}


@dataclass(frozen=True)
class TrainSettings:
    """n_train, n_test: pictures; rate: Adam's highest; threads: of torch, 0 for all there are."""

    shapes: ShapeSettings = field(default_factory=ShapeSettings)
    widths: tuple[int, ...] = (256, 128, 64, 16)
    latent_dim: int = 4
    n_train: int = 5000
    n_test: int = 1000
    epochs: int = 40
    batch: int = 64
    rate: float = 4e-3
    loss: str = "bce"
    seed: int = 1
    threads: int = 0


@dataclass(frozen=True)
class Progress:
    """Told after every epoch. Losses are in the units of the loss function, mse in grey squared."""

    epoch: int
    train_loss: float
    test_loss: float
    test_mse: float


@dataclass(frozen=True)
class Trained:
    checkpoint: Checkpoint
    test: Shapes
    reconstructed: FloatArray  # (n_test, H, W) 0..1


def run_epoch(
    net: Dense,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    batch: int,
    loss_of: Loss,
    after_batch: Callable[[], object],
) -> float:
    """One pass over images (n, H, W) in a new order; returns the mean loss."""
    total = torch.zeros(())
    for rows in torch.randperm(len(images)).split(batch):
        picked = images[rows]
        loss = loss_of(net.logits(net.encode(picked)), picked)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        after_batch()
        total += loss.detach() * len(rows)
    return float(total) / len(images)


def train(
    name: str,
    settings: TrainSettings,
    report: Callable[[Progress], None] = lambda progress: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Trained:
    """Train to the end, or until `stopped` says so after an epoch: what was learned is kept."""
    if settings.threads:
        torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    train_shapes, test_shapes = split(
        settings.n_train, settings.n_test, settings.seed, settings.shapes
    )
    images, held_out = torch.from_numpy(train_shapes.images), torch.from_numpy(test_shapes.images)

    net = Dense((settings.shapes.size, settings.shapes.size), settings.widths, settings.latent_dim)
    optimizer = torch.optim.Adam(net.parameters(), lr=settings.rate, fused=True)
    loss_of = LOSSES[settings.loss]
    batches = -(-len(images) // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.rate, total_steps=max(settings.epochs * batches, 2), pct_start=0.15
    )

    began = time.perf_counter()
    history: list[Progress] = []
    while len(history) < settings.epochs and not (history and stopped()):
        train_loss = run_epoch(net, optimizer, images, settings.batch, loss_of, schedule.step)
        test_loss, test_mse = _evaluate(net, held_out, loss_of)
        history.append(Progress(len(history) + 1, train_loss, test_loss, test_mse))
        report(history[-1])

    with torch.inference_mode():
        z = net.encode(images).numpy()
        reconstructed = net(held_out).numpy()
    layers = settings.widths
    card = Card(
        architecture=Architecture(
            height=settings.shapes.size,
            width=settings.shapes.size,
            widths=layers,
            latent_dim=settings.latent_dim,
        ),
        data={"source": "shapes", **asdict(settings.shapes), "n_train": settings.n_train},
        training={
            "loss": settings.loss,
            "epochs": len(history),
            "batch": settings.batch,
            "rate": settings.rate,
            "seconds": round(time.perf_counter() - began, 1),
        },
        train_losses=tuple(p.train_loss for p in history),
        test_losses=tuple(p.test_loss for p in history),
        test_mse=history[-1].test_mse,
        seed=settings.seed,
        created=datetime.now(UTC).date().isoformat(),
    )
    weights = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    checkpoint = Checkpoint(name, card, weights, latents.fit(z, settings.seed))
    return Trained(checkpoint, test_shapes, reconstructed)


def _evaluate(net: Dense, images: Tensor, loss_of: Loss) -> tuple[float, float]:
    with torch.inference_mode():
        logits = net.logits(net.encode(images))
        return float(loss_of(logits, images)), float(
            nn.functional.mse_loss(logits.sigmoid(), images)
        )


def contact_sheet(trained: Trained, pairs: int = 48, across: int = 16, zoom: int = 0) -> FloatArray:
    """(H, W) float32 0..1: test pictures above their reconstructions."""
    inputs, outputs = trained.test.images[:pairs], trained.reconstructed[:pairs]
    size = inputs.shape[1]
    zoom = zoom or max(1, 84 // size)
    gap, line = max(2, size * zoom // 14), np.float32(0.12)

    def framed(image: FloatArray) -> FloatArray:
        big = np.kron(image, np.ones((zoom, zoom), np.float32))
        return np.pad(big, ((0, gap), (0, gap)), constant_values=line)

    blank = framed(np.full((size, size), line, np.float32))
    rows = []
    for start in range(0, len(inputs), across):
        for images in (inputs, outputs):
            cells = [framed(image) for image in images[start : start + across]]
            rows.append(np.hstack(cells + [blank] * (min(across, len(inputs)) - len(cells))))
        rows.append(np.full((gap * 2, rows[-1].shape[1]), line, np.float32))
    return np.pad(np.vstack(rows[:-1]), ((gap, 0), (gap, 0)), constant_values=line)
