"""Pixels of a canvas, as encoders take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pygame
from numpy.typing import NDArray

if TYPE_CHECKING:
    import av

# (H, W, 4) blue, green, red, alpha, as surfaces hold them; where nothing is transparent the last is
# anything
Pixels = NDArray[np.uint8]


def pixels_of(canvas: pygame.Surface, size: tuple[int, int]) -> Pixels:
    """A copy of a 32-bit canvas (H, W, 4), cut to (width, height)."""
    width, height = size
    rows = np.frombuffer(memoryview(canvas.get_buffer()), np.uint8)  # type: ignore[arg-type]
    rows = rows.reshape(canvas.get_height(), canvas.get_pitch())[:height, : 4 * width]
    return rows.copy().reshape(height, width, 4)


def picture_of(pixels: Pixels, form: str) -> av.VideoFrame:
    """One picture in a pixel format of ffmpeg's, in the colours of bt709 where that has others than
    red, green and blue."""
    import av

    picture = av.VideoFrame.from_ndarray(pixels, format="bgra")
    if form == "bgra":
        return picture
    if form.startswith("yuv"):
        return picture.reformat(format=form, dst_colorspace=1, dst_color_range=1)
    return picture.reformat(format=form)
