"""Loops: how much the last picture differs from the first, against any two neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pygame

from benchmarks.row import Row

SIZE = (128, 64)
SECONDS, FPS = 2.0, 15.0
SEAM = 1.1  # the largest step of a smooth turn may be the seam's
EFFECTS = {"trails.on": True, "kaleidoscope.on": True, "look.drift": 0.4, "kaleidoscope.turn": 0.3}


def loop(quick: bool) -> Iterator[Row]:
    """All drivers, in latent and pixel mode, with several seeds and looks, and with effects."""
    from visualiser.drivers import drivers

    looks = ["relief", "contour", "neon", "silk", "duotone"]
    for mode, effects in product(("latent", "pixel"), (False, True)):
        worst, off, count = 0.0, 0.0, 0
        for name, seed in product(drivers(), range(1, 3 if quick else 7)):
            values = {
                "show.driver": name,
                "show.mode": mode,
                "show.seed": seed,
                "look.look": looks[seed % len(looks)],
                "stage.guard": False,
            }  # what that holds back depends on all that was
            seam, moves, same = measure(values | (EFFECTS if effects else {}))
            worst = max(worst, seam / moves.max())
            off = max(off, same)
            count += 1
        how = f"{mode}{' with effects' * effects}"
        yield Row(f"loop: seam over the largest step, {how}", worst, "x", SEAM,
                  note=f"{count} loops")  # fmt: skip
        yield Row(f"loop: from turn to turn, {how}", off, "of 255", 0.1)


def measure(values: dict[str, object]) -> tuple[float, np.ndarray, float]:
    """Mean differences, 0..255: of the first picture and the last; of neighbours; of the same one
    in this turn and in the turn before, at most."""
    from dataclasses import replace

    from visualiser import config
    from visualiser.film.drawing import Drawing
    from visualiser.film.performance import Order, Played
    from visualiser.run import declared_controls

    settings = config.load(declared_controls(), given=values)
    played = Played(Order(settings, SIZE, FPS, SECONDS, is_loop=True))
    turn, drawing = played._turn, Drawing(played.controls, SIZE)
    assert turn is not None
    played._turn = replace(turn, looks_back=turn.looks_back + turn.frames)
    seen = [pygame.surfarray.array3d(drawing.draw(moment)).astype(np.int16)
            for moment in played.moments()]  # fmt: skip
    played.close()
    before, film = np.array(seen[-2 * turn.frames : -turn.frames]), np.array(seen[-turn.frames :])
    moves = np.abs(np.diff(film, axis=0)).mean(axis=(1, 2, 3))
    same = np.abs(film - before).mean(axis=(1, 2, 3)).max()
    return float(np.abs(film[0] - film[-1]).mean()), moves, float(same)
