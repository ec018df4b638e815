"""Layers of cut paper, the higher ones throwing soft shadows on the lower."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from visualiser.controls import Value, number
from visualiser.look.looks.base import Look, inside, over, smooth
from visualiser.look.oklab import LUMINANCE
from visualiser.look.palette import Palette
from visualiser.types import FloatArray

INNER = 0.2  # pictures; how deep inside the highest sheet lies
OUTSIDE, INSIDE, HIGHEST = 0.55, 0.72, 0.92  # places on the palette: on either side of the outline
SHADE = 0.42  # steps; how soft shadows are
MOST = 40  # sheets
SHADED = 0.14  # of full light: brighter sheets lose no more of it, lest all flashes that moves


class Relief(Look):
    name = "relief"
    blurb = "layers of cut paper, with soft shadows"
    controls = (
        number("relief.step", "from sheet to sheet", 0.05, 0.005, 0.3, "pictures", 1.25),
        number("relief.shadow", "how dark shadows are", 0.6, 0.0, 1.0, "share"),
        number("relief.drift", "how fast sheets spread outwards", 0.0, -10.0, 10.0, "sheets/s"),
        number("relief.reach", "how far outside the lowest lies", 0.6, 0.02, 2.0, "pictures", 1.25),
    )

    def __init__(self) -> None:
        self._phase = 0.0

    def advance(self, dt: float, value: Mapping[str, Value]) -> None:
        self._phase = (self._phase + dt * float(value["drift"])) % 1

    def colours(
        self, depth: FloatArray, pixel: FloatArray, palette: Palette, value: Mapping[str, Value]
    ) -> FloatArray:
        reach = float(value["reach"])
        step = max(float(value["step"]), (reach + INNER) / MOST)
        lowest, highest = -int(reach / step) - 1, int(INNER / step) + 1
        wandering = ((np.arange(lowest, highest + 1) - self._phase) * step).astype(np.float32)
        edges = np.sort(np.append(wandering, np.float32(0)))  # one sheet is the shape's own
        lifted = smooth(1 + edges / np.float32(reach))  # 0 on the ground, 1 at the outline
        within = INSIDE + (HIGHEST - INSIDE) * np.clip(edges / np.float32(INNER), 0, 1)
        tones = palette(np.append(0, np.where(edges < 0, OUTSIDE * lifted, within)))

        # Of the sheets that throw a shadow on a place only the next higher ones can be told.
        dark = np.append(np.float32(value["shadow"]) * lifted, [0] * 3).astype(np.float32)
        falls = np.minimum(1, SHADED / np.maximum(tones @ LUMINANCE, 1e-6)).astype(np.float32)
        on = [dark[k : len(falls) + k] * falls for k in range(3)]
        above = np.append(edges, [np.inf] * 3).astype(np.float32)

        def lit(sheet: NDArray[np.intp], depth: FloatArray) -> FloatArray:
            light = np.ones_like(depth)
            for k in range(3):
                away = np.maximum(above[sheet + k] - depth, 0) / np.float32(SHADE * step)
                light = light * (1 - on[k][sheet] * np.exp(-away))
            return tones[sheet] * light[:, None]

        top = np.searchsorted(edges, depth + pixel / 2)  # sheets lie here, or begin to
        colours = lit(top, depth)
        covered = np.where(top > 0, inside(depth - above[top - 1], pixel), 1)
        edge = np.flatnonzero(covered < 1)
        colours[edge] = over(lit(top[edge] - 1, depth[edge]), colours[edge], covered[edge])
        return colours
