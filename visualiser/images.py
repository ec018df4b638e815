"""Image files as Pillow reads them: what is refused, and any kind of them in plain RGB."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from visualiser.files import refuse_endless

if TYPE_CHECKING:
    from PIL import Image

LARGEST = 64_000_000  # pixels of one image

_REDUCIBLE = ("L", "LA", "RGB", "RGBA", "CMYK")


def open_image(path: Path) -> Image.Image:
    """An image of which only the header has been read. Raises whatever Pillow raises."""
    from PIL import Image

    refuse_endless(path)
    Image.init()
    formats = [name for name in Image.OPEN if name != "EPS"]  # that is a program, to be run
    picture = Image.open(path, formats=formats)
    width, height = picture.size
    if width * height > LARGEST:
        picture.close()
        raise Image.DecompressionBombError(f"{width}x{height} pixels")
    return picture


def why_not(error: Exception, otherwise: str = "it is not a picture that can be read") -> str:
    """What to tell of an image that could not be read; Pillow raises nearly everything."""
    from PIL import Image

    if isinstance(error, Image.DecompressionBombError):
        found = re.search(
            r"(\d+|\d+x\d+) pixels", str(error)
        )  # far above, Pillow names their number
        size = found[1] if found else "too many"
        if size.isdecimal():
            size = f"{int(size) // 10**6} million"
        return f"it has {size} pixels; allowed are {LARGEST // 10**6} million"
    return getattr(error, "strerror", None) or otherwise


def load_upright(picture: Image.Image) -> None:
    """Decode it, and turn it as its camera was held."""
    from PIL import ImageOps

    picture.load()
    with contextlib.suppress(Exception):  # EXIF data that is broken is none
        ImageOps.exif_transpose(picture, in_place=True)


def is_reducible(picture: Image.Image) -> bool:
    """Whether Pillow can make it smaller as it is, before it is RGB."""
    return picture.mode in _REDUCIBLE and "transparency" not in picture.info


def small_rgb(picture: Image.Image, edge: int, ink: bool = False) -> Image.Image:
    """What `open_image` gave, upright, as `to_rgb` gives it, its long edge `edge` if it has as
    much. It is made small before there are copies of something large, where that can be."""
    from PIL import Image

    width, height = picture.size
    if (factor := max(width, height) // edge) > 1:  # JPEGs come smaller: much faster
        picture.draft(None, (max(1, width // factor), max(1, height // factor)))
    load_upright(picture)
    scale = edge / max(picture.size)
    if scale >= 1:
        return to_rgb(picture, ink)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    if is_reducible(picture):
        return to_rgb(picture.resize(size, Image.Resampling.BOX, reducing_gap=2.0), ink)
    return to_rgb(picture, ink).resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def to_rgb(picture: Image.Image, ink: bool = False) -> Image.Image:
    """Any mode in 8 bit RGB, transparent ones on black. Whole numbers of 16 bit and more are taken
    for 16 bit, and floats that are nowhere above 1 for 0..1, others for 0..255.

    ink: what is dark on a transparent ground becomes light on black; on a ground that is not, dark
    is left as it is, and lies on white where it is transparent.
    """
    from PIL import Image, ImageChops, ImageOps

    mode = picture.mode
    if mode == "F":
        floats = np.nan_to_num(np.asarray(picture))
        scale = 255.0 if floats.max() <= 1 else 1.0
        picture = Image.fromarray(np.clip(floats * scale + 0.5, 0, 255).astype(np.uint8))
    elif mode == "I" or mode.startswith("I;16"):
        picture = Image.fromarray((np.clip(np.asarray(picture), 0, 65535) >> 8).astype(np.uint8))
    elif picture.has_transparency_data:
        colours = picture.convert("RGBA")
        is_ink = ink and _is_dark(colours)
        alpha = colours.getchannel("A")
        if is_ink and border(np.asarray(alpha)) < 128:
            dark = ImageOps.invert(colours.convert("L")).point(lambda value: min(2 * value, 255))
            return ImageChops.multiply(dark, alpha).convert("RGB")
        ground = 255 if is_ink else 0
        under = Image.new("RGBA", picture.size, (ground, ground, ground, 255))
        return Image.alpha_composite(under, colours).convert("RGB")
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def border(grey: NDArray[Any]) -> float:
    """The median of a picture's outermost pixels, (H, W)."""
    return float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))


def _is_dark(colours: Image.Image) -> bool:
    """Whether what is seen of an RGBA picture, all in all, is darker than the middle."""
    if (factor := max(colours.size) // 512) > 1:
        colours = colours.reduce(factor)
    alpha = np.asarray(colours.getchannel("A"))
    grey = np.asarray(colours.convert("L"))
    seen = float(alpha.sum(dtype=np.int64))
    light = float(np.vdot(grey.astype(np.float32), alpha.astype(np.float32)))
    return light < 127.5 * seen
