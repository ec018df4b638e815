"""Colours between three spaces: sRGB as files and screens have it, linear light, and OKLab.

OKLab (Ottosson, "A perceptual color space for image processing", 2020) is the one where equal
distances look equal. All arrays are (..., 3) float64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Colours = NDArray[np.float64]

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)  # of linear R, G, B

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


def to_linear(srgb: Colours) -> Colours:
    """sRGB 0..1 -> linear light 0..1."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: Colours) -> Colours:
    """Linear light -> sRGB 0..1; what no screen can show is clipped."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def to_oklab(linear: Colours) -> Colours:
    """Linear light -> lightness 0..1, green to red, blue to yellow."""
    return np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T


def from_oklab(lab: Colours) -> Colours:
    """OKLab -> linear light, which may lie outside of 0..1."""
    return (lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_LMS).T
