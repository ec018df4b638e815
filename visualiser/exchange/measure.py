"""Directions to move in for a model from elsewhere, found by playing it, in the time there is."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from visualiser.nets.checkpoint import Checkpoint
from visualiser.nets.play import Player
from visualiser.nets.visibility import order_directions
from visualiser.types import FloatArray

ANNOUNCED = "looking at what it draws; a slow decoder takes up to a minute"
MEASURE_S = 30.0  # for how long, about, directions are measured
MOST_DIRECTIONS = 64
ALL_OF = 512  # latents: with more, directions are drawn by lot
TIMED = 5  # pictures drawn to see how long one takes


def seconds_a_picture(made: Checkpoint) -> float:
    """The median of a few, drawn by lot."""
    decode, rng = Player(made).decode, np.random.default_rng(4)
    times = []
    for _ in range(TIMED):
        z = made.latents.bend(rng.standard_normal(made.latent_dim).astype(np.float32))
        start = time.perf_counter()
        decode(z)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def directions(made: Checkpoint, seconds: float) -> tuple[Checkpoint, str]:
    """The model with directions to move in, as many as its speed allows, and a line that says
    which. Where they are not all of them, the rest of a latent stays where one drawn by lot was.

    seconds: that a picture takes."""
    dim = made.latent_dim
    pictures = int(MEASURE_S / max(seconds, 1e-6))
    each = 5 * dim + 1  # pictures a sample, as order_directions has it
    if dim <= ALL_OF and 8 * each <= pictures:
        made = order_directions(made, samples=min(96, pictures // each))
        found = len(made.latents.directions)
        kept = made.latents.directions[:MOST_DIRECTIONS], made.latents.visibility[:MOST_DIRECTIONS]
        if found > MOST_DIRECTIONS:
            made = _along(made, *kept)
        return made, f"{len(kept[0])} directions out of {dim}, the ones that are seen most"
    within = _by_lot(dim, min(dim, MOST_DIRECTIONS, max(8, pictures // 40)))
    made = _along(made, within, np.ones(len(within), np.float32))
    samples = min(8, pictures // (5 * len(within) + 1))
    if samples < 2:
        return made, f"{len(within)} directions of {dim}, by lot and unmeasured: it is too slow"
    made = order_directions(made, samples=samples, within=within)
    return made, f"{made.latents.n_directions} directions of {dim}, by lot, the most seen first"


def _by_lot(dim: int, n: int) -> FloatArray:
    """(n, dim), orthonormal."""
    columns = np.linalg.qr(np.random.default_rng(2).standard_normal((dim, n)))[0]
    return np.ascontiguousarray(columns.T, np.float32)


def _along(made: Checkpoint, kept: FloatArray, visibility: FloatArray) -> Checkpoint:
    """With these directions alone, through a latent as standard normal ones are: far from zero."""
    latents = made.latents
    typical = np.random.default_rng(3).standard_normal(made.latent_dim).astype(np.float32)
    typical -= typical @ kept.T @ kept
    mean = latents.mean + latents.std * typical
    return replace(
        made, latents=replace(latents, mean=mean, directions=kept, visibility=visibility)
    )
