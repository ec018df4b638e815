"""Directions to move in for a model from elsewhere, found by playing it, in the time there is."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from visualiser.nets.checkpoint import Checkpoint
from visualiser.nets.play import Player
from visualiser.nets.visibility import LARGEST_PX, order_directions
from visualiser.types import FloatArray

ANNOUNCED = "looking at what it draws; a slow decoder takes up to a minute"
MEASURE_S = 30.0  # for how long, about, directions are measured
SAMPLES = 96  # points at which directions are measured, at most
MOST_DIRECTIONS = 64
ALL_OF = 512  # latents: with more, directions are drawn by lot
TIMED, TIMED_S = 8, 4.0  # pictures drawn to see how long one takes; seconds at most
SAME = 1e-4  # of black to white: pictures that differ less are the same to the eye


def measured(made: Checkpoint) -> tuple[Checkpoint, tuple[str, ...]]:
    """The model with directions to move in, and what there is to say of them, a line each.

    Raises ValueError where it does not draw finite numbers.
    """
    with np.errstate(all="ignore"):  # told here, in words
        seconds, change = _tried(made)
        if change < SAME:
            made = _along(
                made, np.eye(1, made.latent_dim, dtype=np.float32), np.ones(1, np.float32)
            )
            return made, ("it draws the same picture whatever its latent is",)
        try:
            made, told = directions(made, seconds)
            is_finite = np.isfinite(made.latents.visibility.sum() + made.latents.directions.sum())
        except (np.linalg.LinAlgError, ValueError):
            is_finite = False
    if not is_finite:
        raise ValueError("it draws no finite numbers everywhere")
    return made, (told,)


def changes(made: Checkpoint) -> bool:
    """Whether its latent changes what it draws."""
    with np.errstate(all="ignore"):
        return _tried(made)[1] >= SAME


def _tried(made: Checkpoint) -> tuple[float, float]:
    """Seconds that a picture takes, the median of some drawn by lot, and how far the same pixel of
    two of them is apart at most: nothing where all are the same."""
    decode, rng = Player(made).decode, np.random.default_rng(4)
    every = max(1, max(made.shape) // LARGEST_PX)
    times: list[float] = []
    pictures: list[FloatArray] = []
    while len(times) < 2 or (len(times) < TIMED and sum(times) < TIMED_S):
        z = made.latents.bend(rng.standard_normal(made.latent_dim).astype(np.float32))
        start = time.perf_counter()
        drawn = decode(z)
        times.append(time.perf_counter() - start)
        pictures.append(drawn[::every, ::every].copy())
    apart = np.ptp(np.stack(pictures), axis=0)
    return float(np.median(times)), float(np.nan_to_num(apart, nan=np.inf).max())


def directions(made: Checkpoint, seconds: float) -> tuple[Checkpoint, str]:
    """The model with directions to move in, as many as its speed allows, and a line that says
    which. Where they are not all of them, the rest of a latent stays where one drawn by lot was.

    seconds: that a picture takes."""
    dim = made.latent_dim
    pictures = int(MEASURE_S / max(seconds, 1e-6))
    each = 5 * dim + 1  # pictures a sample, as order_directions has it
    if dim <= ALL_OF and 8 * each <= pictures:
        made = order_directions(made, samples=min(SAMPLES, pictures // each))
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
