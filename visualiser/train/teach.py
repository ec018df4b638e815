"""Teach a shape model new shapes in some seconds: from a few drawings, on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

import numpy as np
import torch
from torch import Tensor

from visualiser import latents
from visualiser.data import sketches, taught
from visualiser.data.sketches import Known, Sketches, SketchSettings
from visualiser.data.taught import Example, Taught
from visualiser.nets.architecture import Architecture
from visualiser.nets.autoencoder import Autoencoder
from visualiser.nets.checkpoint import Card, Checkpoint
from visualiser.nets.layers import Lines
from visualiser.nets.stack import grid
from visualiser.nets.visibility import order_directions
from visualiser.train.feed import Feed
from visualiser.train.loop import Pace
from visualiser.train.shape import decode_at, evaluate, look_near, loss_of
from visualiser.types import FloatArray, UserError

SHARE = 0.65  # of what is shown in training is taught,
WALKED = 0.5  # and of what a walk shows
BLENDED = 0.25  # share of taught sketches that are half-way to one of the model's own kinds
MOST = 16  # shapes, with those that a model was taught before
COARSE = 32  # pixels along each edge of pictures that are only compared
TELL_S = 0.2  # between two reports
RISE = 0.03  # of the training: it does not begin from nothing
AFTER = 70  # steps that would take as long as what comes after them
LEAST = 120  # and how many there are, however slow the machine is: less is no lesson


@dataclass(frozen=True)
class Pupil:
    """How it is taught. seconds: of all of it, as far as that can be foreseen; steps: at most;
    mapped: latents that the map is fitted to; rounds, shown: of find_places, and points looked at
    in each; samples: of its directions; tested: shapes that it has not seen, of either sort."""

    steps: int = 480
    seconds: float = 20.0
    batch: int = 24
    rate: float = 2.5e-3
    beta: float = 1e-4
    seed: int = 1
    mapped: int = 1600
    rounds: int = 3
    shown: int = 300
    samples: int = 10
    tested: int = 40


Report = Callable[[float, float, float], object]


def settings_of(base: Checkpoint) -> SketchSettings:
    """What a shape model was trained on. Raises UserError where it is none that can be taught."""
    data, first = base.card.data, base.architecture.decoder[:1]
    try:
        if not (base.architecture.variational and isinstance(first[0], Lines)):
            raise KeyError
        kinds = tuple(map(str, data["kinds"]))
        names = ("size_min", "size_max", "offset", "blended", "rough")
        return SketchSettings(base.shape[0], kinds, *(float(data[name]) for name in names))
    except (KeyError, IndexError, TypeError, ValueError):
        raise UserError(f"{base.name} is no shape model that can be taught") from None


def teach(
    name: str,
    base: Checkpoint,
    examples: list[Example],
    pupil: Pupil = Pupil(),
    report: Report = lambda share, loss, left_s: None,
    began: float | None = None,
) -> Checkpoint:
    """A model that knows the examples beside what its base knows, and shows them half of the time.

    report: told of the share of training that is done, 0..1, the mean loss since the last time, and
    how long all of it will take, s; began: when it was begun, perf_counter's, if not now.
    Raises UserError where the base cannot be taught, or there is nothing to learn.
    """
    began = time.perf_counter() if began is None else began
    settings = settings_of(base)
    before = [taught.unpack(packed) for packed in base.card.data.get("taught", [])]
    examples = [*before, *examples][-MOST:]
    shapes = taught.take(examples)
    torch.set_num_threads(1)
    torch.manual_seed(pupil.seed)
    net = Autoencoder(base.architecture)
    net.load(base.weights)
    steps, losses = _learn(net, shapes, settings, pupil, report, began)
    held_out = [  # that it never saw; a chance that it did is none
        taught.make(pupil.tested, _lot(pupil, -1), shapes, settings, rough=False),
        sketches.make(pupil.tested, _lot(pupil, -2), replace(settings, rough=0.0, blended=0.0)),
    ]
    new, old = (evaluate(net, one) for one in held_out)
    card = Card(
        architecture=base.architecture,
        recipe=f"drawn and taught on stage, on top of {base.name}",
        data={
            "source": "taught",
            "base": base.name,
            **asdict(settings),
            "taught": [example.pack() for example in examples],
        },
        training={
            "loss": "distance",
            "beta": pupil.beta,
            "steps": steps,
            "batch": pupil.batch,
            "rate": pupil.rate,
            "seconds": round(time.perf_counter() - began, 1),
        },
        figures=new | {"own_iou": old["iou"]},
        train_losses=tuple(losses),
        test_losses=(1 - new["iou"],),
        seed=pupil.seed,
        created=datetime.now(UTC).date().isoformat(),
    )
    model = Checkpoint(name, card, net.arrays(), latents.standard(base.latent_dim))
    return find_places(model, net, shapes, settings, pupil)


def _learn(
    net: Autoencoder,
    shapes: Taught,
    settings: SketchSettings,
    pupil: Pupil,
    report: Report,
    asked: float,
) -> tuple[int, list[float]]:
    """Train it for as long as there is time; returns steps, and losses as they were reported.

    A machine that is busy takes fewer steps, at rates that fall as fast: it ends in time, and
    well settled. asked: when it was asked for, perf_counter's.
    """
    every = grid(settings.size, settings.size)
    pace = Pace(1000, pupil.rate, rise=RISE)
    optimizer = torch.optim.AdamW(net.parameters(), lr=pupil.rate, weight_decay=0, fused=True)

    def draw(step: int) -> tuple[Tensor, ...]:
        rng = _lot(pupil, step)
        n = round(pupil.batch * SHARE)
        new = taught.make(n, rng, shapes, settings, blended=BLENDED)
        own = sketches.make(pupil.batch - n, rng, settings)
        return look_near(_joined(new, own), rng, every)

    began = told = time.perf_counter()
    step, share, recent, kept = 0, 0.0, [], []
    with Feed(draw, range(pupil.steps)) as feed:
        for step, batch in enumerate(feed, 1):
            for group in optimizer.param_groups:
                group["lr"] = pace.rate_at(int(share * pace.steps))
            loss = loss_of(net, batch, pupil.beta)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            recent.append(float(loss.detach()))
            now = time.perf_counter()
            took_s = now - began
            step_s = took_s / step
            after_s = AFTER * step_s
            limit_s = max(pupil.seconds - (began - asked) - after_s, LEAST * step_s)
            share = max(share, step / pupil.steps, took_s / limit_s)
            if now - told >= TELL_S or share >= 1:
                told = now
                kept.append(float(np.mean(recent)))
                recent.clear()
                if not np.isfinite(kept[-1]):
                    raise UserError("it has come to no numbers")
                report(min(share, 1.0), kept[-1], max(took_s / share - took_s, 0.0) + after_s)
            if share >= 1:
                break
    return step, kept


def _joined(one: Sketches, other: Sketches) -> Sketches:
    parts = (np.concatenate([a, b]) for a, b in zip(
        vars(one).values(), vars(other).values(), strict=True))  # fmt: skip
    return Sketches(*parts)


def _lot(pupil: Pupil, step: int) -> np.random.Generator:
    return np.random.default_rng([pupil.seed, step % (1 << 32)])


def find_places(
    model: Checkpoint, net: Autoencoder, shapes: Taught, settings: SketchSettings, pupil: Pupil
) -> Checkpoint:
    """As train.shape.find_places, in a few seconds: pictures are decoded coarsely, and many at a
    time, and what is taught is to be WALKED of a walk."""
    rng = _lot(pupil, -3)
    wanted = replace(
        settings,
        rough=0.0,
        blended=0.0,
        size_min=max(settings.size_min, settings.size_max * 0.45),
        offset=settings.offset * 0.5,
    )
    n = pupil.mapped // 2
    new = taught.make(n, rng, shapes, wanted, rough=False)
    own = sketches.make(n, rng, wanted)
    with torch.inference_mode():
        mean, logvar = net.posterior(torch.from_numpy(np.concatenate([new.pictures, own.pictures])))
        found = (mean + torch.randn_like(mean) * (logvar / 2).exp()).numpy()
    kinds = np.concatenate([new.kind, len(shapes) + own.kind])
    n_kinds = len(shapes) + len(settings.kinds)
    fair = np.full(n_kinds, (1 - WALKED) / len(settings.kinds))
    fair[: len(shapes)] = WALKED / len(shapes)

    fine = settings.size // COARSE or 1
    known = Known(
        replace(_joined(new, own), kind=kinds, distance=_coarser(new, own, fine)), n_kinds
    )
    points_at = grid(settings.size // fine, settings.size // fine)
    weight = fair / np.maximum(np.bincount(kinds, minlength=n_kinds), 1)
    coarse = _decoder(model, settings.size // fine)
    walked = fitted = model.latents
    for turn in range(pupil.rounds):
        some = found[rng.choice(len(found), len(found), p=weight[kinds] / weight[kinds].sum())]
        fitted = latents.fit(some, pupil.seed)
        if turn == 0:  # maps that are fitted to nearly the same have nearly the same directions
            walked = order_directions(replace(coarse, latents=fitted), samples=6).latents
        walked = replace(fitted, directions=walked.directions, visibility=walked.visibility)
        points = rng.standard_normal((pupil.shown, walked.n_directions)).astype(np.float32)
        with torch.inference_mode():
            z = torch.from_numpy(walked.to_latent(points))
            drawn = torch.cat([decode_at(net, part, points_at) for part in z.split(50)])
        side = settings.size // fine
        shares = known.shares(drawn.numpy().reshape(-1, side, side)) / n_kinds
        weight *= (fair / np.maximum(shares, fair * 0.1)) ** 0.7
    ordered = order_directions(replace(coarse, latents=fitted), samples=pupil.samples)
    return replace(model, latents=ordered.latents)


def _coarser(new: Sketches, own: Sketches, by: int) -> FloatArray:
    distance = np.concatenate([new.distance, own.distance])
    n, size, _ = distance.shape
    coarse: FloatArray = distance.reshape(n, size // by, by, size // by, by).mean((2, 4))
    return coarse


def _decoder(model: Checkpoint, size: int) -> Checkpoint:
    """The decoder alone, drawing smaller pictures: lines have no pixels."""
    whole = model.architecture
    first, *others = whole.decoder
    assert isinstance(first, Lines)
    lines = first.model_copy(update={"height": size, "width": size})
    architecture = Architecture(
        height=size,
        width=size,
        pictures=whole.pictures,
        latent_dim=whole.latent_dim,
        decoder=(lines, *others),
    )
    weights = {name: w for name, w in model.weights.items() if name.startswith("decoder.")}
    card = model.card.model_copy(update={"architecture": architecture})
    return Checkpoint(model.name, card, weights, model.latents)
