"""Train a colour model on pictures: landscapes, a folder of images, an IDX file. Top to bottom."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from visualiser import latents
from visualiser.data.pictures import Pictures
from visualiser.nets import conv
from visualiser.nets.autoencoder import Autoencoder
from visualiser.nets.checkpoint import Card, Checkpoint
from visualiser.nets.visibility import order_directions
from visualiser.train.loop import Pace, kl_nats, run
from visualiser.train.result import Progress, Trained

HELD_OUT = 128  # pictures that figures are measured on, at most
ROUNDED = 1 / 12 / 255**2  # the error of bytes themselves: who is below it has learned all there is
MAPPED = 3000  # pictures that the latent map is fitted to, at most


@dataclass(frozen=True)
class ColourTraining:
    """width: of the network, see nets.conv; rate: AdamW's highest; beta: weight of the KL
    divergence, 1 being what a Gaussian likelihood asks for; seed: of weights and order; threads: of
    torch, 0 for all there are."""

    latent_dim: int = 32
    width: int = 24
    steps: int = 3000
    batch: int = 32
    rate: float = 2e-3
    beta: float = 1.0
    seed: int = 1
    threads: int = 0


def train(
    name: str,
    settings: ColourTraining,
    pictures: tuple[Pictures, Pictures],
    data: Mapping[str, Any],
    report: Callable[[Progress], None] = lambda progress: None,
    stopped: Callable[[], bool] = lambda: False,
    keep: Path | None = None,
) -> Trained:
    """Train to the end, or until `stopped` says so: what was learned is kept. keep: see loop.run.

    pictures: to learn from, and held out; data: what the card says of them.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    learned, held_out = pictures
    net = Autoencoder(conv.architecture(learned.size, settings.latent_dim, settings.width))
    unseen = _floats(held_out.batch(np.arange(min(len(held_out), HELD_OUT))))
    history: list[Progress] = []
    began = time.perf_counter()

    def make(step: int) -> Tensor:
        # A new order each time through; a step's pictures depend on nothing but its number.
        at = np.arange(step * settings.batch, (step + 1) * settings.batch)
        turn, place = np.divmod(at, len(learned))
        order = {
            t: np.random.default_rng([settings.seed, t]).permutation(len(learned))
            for t in set(turn)
        }
        rows = np.array([order[t][p] for t, p in zip(turn, place, strict=True)])
        rng = np.random.default_rng([settings.seed, 1 << 30, step])
        return _floats(learned.batch(rows, rng))

    # Where the processor has the instructions for it, half as many bits are twice as fast.
    halved = bool(torch.cpu.get_capabilities().get("avx512_bf16"))

    def loss_of(x: Tensor, kl_share: float) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=halved):
            mean, logvar = (part.float() for part in net.posterior(x))
            z = mean + torch.randn_like(mean) * (logvar / 2).exp()
            logits = net.logits(z).float()
        mse = (logits.sigmoid() - x).square().mean()
        # A Gaussian likelihood whose deviation is the best there is for this batch: Rybkin,
        # Daniilidis and Levine 2021, "Simple and effective VAE training with calibrated decoders".
        nats = kl_nats(mean, logvar) / x[0].numel()
        return (mse + ROUNDED).log() / 2 + settings.beta * kl_share * nats

    def look(step: int, loss: float) -> None:
        figures = _evaluate(net, unseen)
        history.append(Progress(step, loss, figures["mse"], figures))
        report(history[-1])

    pace = Pace(settings.steps, settings.rate)
    options = replace(settings, threads=0), dict(data)
    steps = run(net, pace, make, loss_of, look, stopped, keep, options)
    card = Card(
        architecture=net.architecture,
        data=dict(data),
        training={
            "loss": "gaussian",
            "beta": settings.beta,
            "steps": steps,
            "batch": settings.batch,
            "rate": settings.rate,
            "seconds": round(time.perf_counter() - began, 1),
        },
        train_losses=tuple(p.train_loss for p in history),
        test_losses=tuple(p.test_loss for p in history),
        figures=_evaluate(net, unseen),
        seed=settings.seed,
        created=datetime.now(UTC).date().isoformat(),
    )
    z = _posterior_samples(net, learned, settings)
    mapped = latents.fit(z, settings.seed) if len(z) >= 300 else latents.standard(z.shape[1])
    with torch.inference_mode():
        shown = net(unseen[:48]).numpy()
    checkpoint = order_directions(Checkpoint(name, card, net.arrays(), mapped))
    return Trained(checkpoint, unseen[:48].numpy(), shown)


def _floats(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images).to(torch.float32) / 255


def _evaluate(net: Autoencoder, pictures: Tensor) -> dict[str, float]:
    """mse: of held-out pictures and their reconstructions; kl: of their posteriors, nats."""
    with torch.inference_mode():
        mean, logvar = net.posterior(pictures)
        off = [
            (net.decode(m) - x).square().mean((1, 2, 3))
            for m, x in zip(mean.split(32), pictures.split(32), strict=True)
        ]
        return {"mse": float(torch.cat(off).mean()), "kl": float(kl_nats(mean, logvar))}


def _posterior_samples(
    net: Autoencoder, pictures: Pictures, settings: ColourTraining
) -> np.ndarray:
    rows = np.random.default_rng(settings.seed).permutation(len(pictures))[:MAPPED]
    z = []
    for some in np.array_split(rows, -(-len(rows) // 50)):
        with torch.inference_mode():
            mean, logvar = net.posterior(_floats(pictures.batch(some)))
            z.append((mean + torch.randn_like(mean) * (logvar / 2).exp()).numpy())
    return np.concatenate(z)
