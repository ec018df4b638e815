"""Colours: of the program's own surfaces, and gradients that turn grey into colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

INK = (11, 12, 18)  # behind everything
PANE = (17, 19, 28)  # an empty pane, and black in a picture
LINE = (38, 41, 56)
QUIET = (122, 126, 146)  # text that need not be read
PAPER = (238, 234, 224)  # text that should be
ALERT = (255, 122, 92)

EMBER = ("#11131c", "#3b1d5e", "#a3266f", "#f2545b", "#ffb26b", "#fff3dc")
LAGOON = ("#11131c", "#123a5c", "#1a7f8e", "#63c7a3", "#e9f5c9")

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def gradient(stops: Sequence[str], steps: int = 256) -> NDArray[np.uint8]:
    """(steps, 3) sRGB along hex colours, interpolated in OKLab (Ottosson 2020), where equal steps
    look equal."""
    srgb = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in stops]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    lab = np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T
    at = np.linspace(0, len(stops) - 1, steps)
    mixed = np.stack([np.interp(at, np.arange(len(stops)), axis) for axis in lab.T], axis=1)
    linear = (mixed @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_LMS).T
    linear = np.clip(linear, 0, 1)
    srgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(np.clip(srgb, 0, 1) * 255).astype(np.uint8)
