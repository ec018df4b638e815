"""Train a shape model: sketches in, distances to the clean outline out. Top to bottom."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from visualiser import latents
from visualiser.data.sketches import Known, Sketches, SketchSettings, make
from visualiser.nets import shape
from visualiser.nets.autoencoder import Autoencoder
from visualiser.nets.checkpoint import Card, Checkpoint
from visualiser.nets.play import Player
from visualiser.nets.stack import grid
from visualiser.nets.visibility import order_directions
from visualiser.pictures import seen
from visualiser.train.loop import Pace, kl_nats, run
from visualiser.train.result import Progress, Trained

# Pixels of every picture that a step looks at: by the outline, chosen of so many, and anywhere.
NEAR, DRAWN, FAR = 96, 1024, 32
HELD_OUT = 450  # neat shapes that training never sees; a chance that it does is none
STAGE_SIZE, STAGE_OFFSET = 0.45, 0.5  # of what is learned, what a walk shows
# Of find_places: shapes encoded and compared with, latents fitted, and points looked at.
POOL, KNOWN, ROUNDS, MAPPED, SHOWN = 16_000, 4000, 4, 6000, 1500
EVERY = 100  # steps between looks at them


@dataclass(frozen=True)
class ShapeTraining:
    """beta: weight of the KL divergence, for a nat; rate: AdamW's highest; seed: of sketches,
    weights and order; threads: of torch, 0 for one a core, and none for one of them."""

    sketches: SketchSettings = field(default_factory=SketchSettings)
    latent_dim: int = 10
    steps: int = 3000
    batch: int = 96
    rate: float = 4e-3
    beta: float = 1e-4
    seed: int = 1
    threads: int = 0


def draw_batch(settings: ShapeTraining, step: int, every: Tensor) -> tuple[Tensor, ...]:
    """Of a step: pictures (n, S, S); where the shapes are (n, 3), x, y and radius, in half pictures
    from the middle; distances (n, P) at some points (n, P, 3), pixels drawn by lot, the nearer to
    the outline the likelier."""
    rng = np.random.default_rng([settings.seed, step])
    return look_near(make(settings.batch, rng, settings.sketches), rng, every)


def look_near(drawn: Sketches, rng: np.random.Generator, every: Tensor) -> tuple[Tensor, ...]:
    """The same of these sketches. every: (S * S, 3), of stack.grid."""
    flat = drawn.distance.reshape(len(drawn.distance), -1)
    some = np.broadcast_to(np.arange(flat.shape[1]), flat.shape)
    if flat.shape[1] > DRAWN:
        some = rng.integers(0, flat.shape[1], (len(flat), DRAWN))
    off = np.abs(np.take_along_axis(flat, some, axis=1)) * (drawn.distance.shape[1] / 2)
    lot = rng.random(some.shape, np.float32) * (1 + off) ** 2
    near = np.take_along_axis(some, np.argpartition(lot, NEAR, axis=1)[:, :NEAR], axis=1)
    places = np.concatenate([near, rng.integers(0, flat.shape[1], (len(flat), FAR))], axis=1)
    there = np.take_along_axis(flat, places, axis=1)
    where = np.column_stack([drawn.middle * 2, drawn.diameter]).astype(np.float32)
    arrays = (drawn.pictures, where, there)
    return *map(torch.from_numpy, arrays), every[places]


def decode_at(net: Autoencoder, z: Tensor, points: Tensor) -> Tensor:
    """Distances (n, P) at points (n, P, 3): a decode of some pixels only."""
    first, *others = net.decoder.steps
    y = first.lines(z, points)
    for step in others:
        y = step(y)
    return y[..., 0]


def loss_of(net: Autoencoder, batch: tuple[Tensor, ...], beta: float) -> Tensor:
    """Of a batch as `draw_batch` gives it. beta: weight of the KL divergence, for a nat."""
    pictures, where, there, points = batch
    first = net.encoder.steps[0]
    found = first.where(pictures[..., None])
    mean, logvar = first.look(pictures[..., None], found).chunk(2, 1)
    logvar = logvar.clamp(-12, 4)
    missed = (found[:, :2] - where[:, :2]).abs().sum(1) / where[:, 2]
    missed += (found[:, 2] - where[:, 2].expm1().log()).abs()
    z = mean + torch.randn_like(mean) * (logvar / 2).exp()
    off = (decode_at(net, z, points) - there).abs()
    # Far from the outline an error of a tenth of the distance is as good as none.
    weight = torch.ones_like(off)
    weight[:, NEAR:] = 1 / (1 + there[:, NEAR:].abs() * 16)
    nats = kl_nats(mean, logvar)
    return (off * weight).mean() * 16 + missed.mean() / 8 + beta * nats


def train(
    name: str,
    settings: ShapeTraining,
    report: Callable[[Progress], None] = lambda progress: None,
    stopped: Callable[[], bool] = lambda: False,
    keep: Path | None = None,
) -> Trained:
    """Train to the end, or until `stopped` says so: what was learned is kept.

    keep: see loop.run.
    """
    # One core is kept for drawing sketches: a thread of torch that has to share its core makes all
    # the others wait for it, at every layer.
    torch.set_num_threads(settings.threads or max(1, (os.cpu_count() or 1) - 1))
    torch.manual_seed(settings.seed)
    size = settings.sketches.size
    net = Autoencoder(shape.architecture(size, settings.latent_dim))
    every = grid(size, size)
    held_out = neat(HELD_OUT, settings)
    history: list[Progress] = []
    began = time.perf_counter()

    def look(step: int, loss: float) -> None:
        if step % EVERY == 0 or step == settings.steps:
            figures = evaluate(net, held_out)
            history.append(Progress(step, loss, 1 - figures["iou"], figures))
            report(history[-1])

    pace = Pace(settings.steps, settings.rate)
    options = replace(settings, threads=0)
    steps = run(
        net,
        pace,
        lambda step: draw_batch(settings, step, every),
        lambda batch, kl_share: loss_of(net, batch, settings.beta * kl_share),
        look,
        stopped,
        keep,
        options,
    )
    architecture = net.architecture
    card = Card(
        architecture=architecture,
        data={"source": "sketches", **asdict(settings.sketches)},
        training={
            "loss": "distance",
            "beta": settings.beta,
            "steps": steps,
            "batch": settings.batch,
            "rate": settings.rate,
            "seconds": round(time.perf_counter() - began, 1),
        },
        train_losses=tuple(p.train_loss for p in history),
        test_losses=tuple(p.test_loss for p in history),
        figures=evaluate(net, held_out),
        seed=settings.seed,
        created=datetime.now(UTC).date().isoformat(),
    )
    checkpoint = find_places(
        Checkpoint(name, card, net.arrays(), latents.standard(settings.latent_dim)), net, settings
    )
    rough = make(48, np.random.default_rng([settings.seed, 1 << 31]), settings.sketches)
    with torch.inference_mode():
        drawn = net(torch.from_numpy(rough.pictures)).numpy()
    return Trained(checkpoint, rough.pictures, seen(drawn, architecture))


def neat(n: int, settings: ShapeTraining) -> Sketches:
    """Whole, filled shapes of the pure kinds, none of which training sees."""
    neat = replace(settings.sketches, rough=0.0, blended=0.0)
    return make(n, np.random.default_rng([settings.seed, 1 << 30]), neat)


def evaluate(net: Autoencoder, shapes: Sketches) -> dict[str, float]:
    """iou: intersection over union of shapes and their reconstructions; mse: of the pictures; kl:
    of their posteriors, nats."""
    with torch.inference_mode():
        mean, logvar = net.posterior(torch.from_numpy(shapes.pictures))
        drawn = torch.cat([net.decode(part) for part in mean.split(64)]).numpy()
        nats = float(kl_nats(mean, logvar))
    inside, wanted = drawn < 0, shapes.distance < 0
    iou = (inside & wanted).sum((1, 2)) / np.maximum((inside | wanted).sum((1, 2)), 1)
    mse = ((seen(drawn, net.architecture) - shapes.pictures) ** 2).mean()
    return {"iou": float(iou.mean()), "mse": float(mse), "kl": nats}


def find_places(model: Checkpoint, net: Autoencoder, settings: ShapeTraining) -> Checkpoint:
    """The model with its latent map and directions: where pure shapes lie, of sizes and places that
    fill a stage. A walk spends its time there, and passes through what lies between.

    What lies between looks like a circle or a pentagon more often than like a star, so stars count
    for more in the map until a walk shows each kind about equally often. It is fitted to samples of
    the posteriors, not to their means, as the prior is one of samples.
    """
    sketches = settings.sketches
    wanted = replace(
        sketches,
        rough=0.0,
        blended=0.0,
        size_min=max(sketches.size_min, sketches.size_max * STAGE_SIZE),
        offset=sketches.offset * STAGE_OFFSET,
    )
    z, kind = [], []
    for part in range(POOL // 500):
        shapes = make(500, np.random.default_rng([settings.seed, (1 << 29) + part]), wanted)
        with torch.inference_mode():
            mean, logvar = net.posterior(torch.from_numpy(shapes.pictures))
            z.append((mean + torch.randn_like(mean) * (logvar / 2).exp()).numpy())
        kind.append(shapes.kind)
    found, kinds = np.concatenate(z), np.concatenate(kind)

    known = Known(neat(KNOWN, settings), len(sketches.kinds))
    decode = Player(model).decode
    rng = np.random.default_rng([settings.seed, 1 << 28])
    weight = np.ones(len(sketches.kinds))
    for _ in range(ROUNDS):
        chance = weight[kinds] / weight[kinds].sum()
        some = found[rng.choice(len(found), MAPPED, p=chance)]
        fitted = replace(model, latents=latents.fit(some, settings.seed))
        model = order_directions(fitted, samples=30)
        points = rng.standard_normal((SHOWN, model.latents.n_directions)).astype(np.float32)
        shown = np.stack([decode(model.latents.to_latent(point)) for point in points])
        weight /= np.maximum(known.shares(shown), 0.1) ** 0.7
    return order_directions(replace(model, latents=fitted.latents))
