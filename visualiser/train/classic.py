"""Train the classic autoencoder on generated shapes. The whole of it, top to bottom."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

import torch
from torch import Tensor, nn
from torch.nn import functional

from visualiser import latents
from visualiser.data.shapes import ShapeSettings, split
from visualiser.nets.autoencoder import Autoencoder
from visualiser.nets.checkpoint import Card, Checkpoint
from visualiser.nets.dense import architecture
from visualiser.nets.visibility import order_directions
from visualiser.train.result import Progress, Trained

Loss = Callable[[Tensor, Tensor], Tensor]
LOSSES: dict[str, Loss] = {
    # Both on logits: the sigmoid inside the loss is cheaper, and steadier where it saturates.
    "bce": functional.binary_cross_entropy_with_logits,
    "mse": lambda logits, target: functional.mse_loss(logits.sigmoid(), target),
}


@dataclass(frozen=True)
class TrainSettings:
    """n_train, n_test: pictures; noise: the largest share of a picture's pixels that random greys
    replace before the encoder sees it; rate: Adam's highest; threads: of torch, 0 for all."""

    shapes: ShapeSettings = field(default_factory=ShapeSettings)
    widths: tuple[int, ...] = (256, 128, 64, 16)
    latent_dim: int = 4
    n_train: int = 5000
    n_test: int = 1000
    noise: float = 0.0
    epochs: int = 40
    batch: int = 64
    rate: float = 4e-3
    loss: str = "bce"
    seed: int = 1
    threads: int = 0


def run_epoch(
    net: Autoencoder,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    batch: int,
    loss_of: Loss,
    after_batch: Callable[[], object],
    noise: float = 0.0,
) -> float:
    """One pass over images (n, H, W) in a new order; returns the mean loss. The encoder sees them
    with up to a share of `noise` of their pixels replaced; what is asked for is the clean picture
    (Vincent et al. 2008, "Extracting and composing robust features with denoising
    autoencoders")."""
    total = torch.zeros(())
    for rows in torch.randperm(len(images)).split(batch):
        picked = images[rows]
        seen = add_dots(picked, noise * torch.rand(len(picked), 1, 1)) if noise else picked
        loss = loss_of(net.logits(net.encode(seen)), picked)
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

    size = settings.shapes.size
    net = Autoencoder(architecture(size, size, settings.widths, settings.latent_dim))
    optimizer = torch.optim.Adam(net.parameters(), lr=settings.rate, fused=True)
    loss_of = LOSSES[settings.loss]
    batches = -(-len(images) // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.rate, total_steps=max(settings.epochs * batches, 2), pct_start=0.15
    )

    began = time.perf_counter()
    history: list[Progress] = []
    while len(history) < settings.epochs and not (history and stopped()):
        train_loss = run_epoch(
            net, optimizer, images, settings.batch, loss_of, schedule.step, settings.noise
        )
        test_loss, test_mse = _evaluate(net, held_out, loss_of)
        history.append(Progress(len(history) + 1, train_loss, test_loss, {"mse": test_mse}))
        report(history[-1])

    with torch.inference_mode():
        z = net.encode(images).numpy()
        reconstructed = net(held_out).numpy()
    card = Card(
        architecture=net.architecture,
        data={"source": "shapes", **asdict(settings.shapes), "n_train": settings.n_train},
        training={
            "loss": settings.loss,
            "noise": settings.noise,
            "epochs": len(history),
            "batch": settings.batch,
            "rate": settings.rate,
            "seconds": round(time.perf_counter() - began, 1),
        },
        train_losses=tuple(p.train_loss for p in history),
        test_losses=tuple(p.test_loss for p in history),
        figures=dict(history[-1].figures),
        seed=settings.seed,
        created=datetime.now(UTC).date().isoformat(),
    )
    checkpoint = Checkpoint(name, card, net.arrays(), latents.fit(z, settings.seed))
    return Trained(order_directions(checkpoint), test_shapes.images, reconstructed)


def add_dots(images: Tensor, share: Tensor) -> Tensor:
    """Images with a share of their pixels replaced by random greys."""
    return torch.where(torch.rand_like(images) < share, torch.rand_like(images), images)


def _evaluate(net: Autoencoder, images: Tensor, loss_of: Loss) -> tuple[float, float]:
    with torch.inference_mode():
        logits = net.logits(net.encode(images))
        return float(loss_of(logits, images)), float(
            nn.functional.mse_loss(logits.sigmoid(), images)
        )
