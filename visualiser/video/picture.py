"""Pixels of a canvas, as encoders take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pygame
from numpy.typing import NDArray

from visualiser import loops
from visualiser.crew import helpers, share
from visualiser.loops.pixels import UNMARKED, Planes
from visualiser.surfaces import octets

if TYPE_CHECKING:
    import av

# (H, W, 4) blue, green, red, alpha, as surfaces hold them; where nothing is transparent the last is
# anything
Pixels = NDArray[np.uint8]


def view_of(canvas: pygame.Surface, size: tuple[int, int]) -> Pixels:
    """The memory of a 32-bit canvas (H, W, 4), cut to (width, height). As long as it is held,
    nothing can be blitted onto the canvas."""
    width, height = size
    return octets(canvas).reshape(canvas.get_height(), canvas.get_pitch() // 4, 4)[:height, :width]


def pixels_of(canvas: pygame.Surface, size: tuple[int, int], into: Pixels | None = None) -> Pixels:
    """A copy of that. into: where to put it, if that has this size: memory that is new is slow."""
    pixels = view_of(canvas, size)
    if into is None or into.shape != pixels.shape:
        return pixels.copy()
    into[:] = pixels
    return into


def fitted(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """As large as fits into (width, height), in its proportions, on black."""
    height, width = pixels.shape[:2]
    if (width, height) == size:
        return pixels
    import av

    scale = min(size[0] / width, size[1] / height)
    inner = max(round(width * scale), 1), max(round(height * scale), 1)
    picture = av.VideoFrame.from_numpy_buffer(pixels, format="bgra")
    picture = picture.reformat(width=inner[0], height=inner[1], interpolation="AREA")
    whole = np.zeros((size[1], size[0], 4), np.uint8)
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    whole[top : top + inner[1], left : left + inner[0]] = picture.to_ndarray(format="bgra")
    return whole


def picture_of(pixels: Pixels, form: str) -> av.VideoFrame:
    """One picture in a pixel format of ffmpeg's, in the colours of bt709 where that has others than
    red, green and blue."""
    import av

    if form == "bgra":
        return av.VideoFrame.from_ndarray(pixels, format="bgra")
    if form == "yuv420p" and (compiled := loops.compiled(loops.pixels.to_yuv420)):
        picture, planes = blank((pixels.shape[1], pixels.shape[0]))
        _to_yuv420(compiled, pixels, planes)
        return picture
    # A copy is spared: nobody has the pixels any longer than it takes to convert them.
    picture = av.VideoFrame.from_numpy_buffer(pixels, format="bgra")
    if form.startswith(("yuv", "nv12")):
        return picture.reformat(format=form, dst_colorspace=1, dst_color_range=1, threads=1)
    return picture.reformat(format=form)


def blank(size: tuple[int, int]) -> tuple[av.VideoFrame, Planes]:
    """A picture in yuv420p that has anything on it, of even (width, height), and its planes."""
    import av

    picture = av.VideoFrame(*size, "yuv420p")
    picture.colorspace, picture.color_range = 1, 1
    luma, blue, red = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        for plane in picture.planes
    )
    return picture, (luma, blue, red)


def _to_yuv420(compiled: Callable[..., None], pixels: Pixels, planes: Planes) -> None:
    """Where there are many pixels, another thread does the lower half."""
    height, width = pixels.shape[:2]
    luma, blue, red = planes

    def convert(parts: Iterator[slice], words: NDArray[np.uint32]) -> None:
        for rows in parts:
            half = slice(rows.start // 2, rows.stop // 2)
            compiled(words[rows], UNMARKED, width, luma[rows], blue[half], red[half])

    n_helpers = min(helpers(width * height), 1)
    middle = height // 4 * 2
    parts = [slice(0, middle), slice(middle, height)] if n_helpers else [slice(0, height)]
    share(convert, parts, np.ascontiguousarray(pixels).view(np.uint32)[..., 0], n_helpers)
