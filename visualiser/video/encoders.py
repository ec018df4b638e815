"""Encoders of H.264 in graphics hardware, where there are some: they leave the processor alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

import numpy as np

from visualiser.video.formats import Format, Options, Quality
from visualiser.video.picture import picture_of

BITS = 0.18  # a pixel of a frame, at a crf of 18; six more are half as many
Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Hardware:
    """codec: ffmpeg's name; pixels: how they lie in memory; options: beside the bit rate."""

    codec: str
    pixels: str = "nv12"
    options: Options = field(default_factory=dict)


# By what config.toml calls them, in the order in which they are tried. VA-API is not among them: it
# takes its pictures in the card's memory, where PyAV cannot put them.
HARDWARE: Mapping[str, Hardware] = {
    "nvenc": Hardware("h264_nvenc", options={"preset": "p3"}),
    "videotoolbox": Hardware("h264_videotoolbox", options={"realtime": "1", "allow_sw": "0"}),
    "qsv": Hardware("h264_qsv", options={"preset": "veryfast"}),
    "amf": Hardware("h264_amf", options={"usage": "transcoding", "quality": "speed"}),
}
Tries = Callable[[Hardware, Size], bool]


def chosen(
    kind: Format,
    wanted: str,
    size: Size,
    fps: float,
    table: Mapping[str, Hardware] = HARDWARE,
    works: Tries | None = None,
) -> tuple[Format, str]:
    """The format with the encoder that is wanted: "auto", "x264" or one of the table; and a line if
    that is not to be had, in which case x264 takes its place."""
    if kind.codec != "libx264" or wanted == "x264":
        return kind, ""
    names = list(table) if wanted == "auto" else [wanted]
    for name in names:
        if (works or _works)(hardware := table[name], size):
            options = partial(_options, hardware, BITS * size[0] * size[1] * fps)
            return replace(kind, codec=hardware.codec, pixels=hardware.pixels, options=options), ""
    width, height = size
    missing = f"no {wanted} here for {width}x{height}: x264 records instead"
    return kind, "" if wanted == "auto" else missing


def _options(hardware: Hardware, rate: float, quality: Quality) -> Options:
    """rate: bits a second at a crf of 18."""
    return {**hardware.options, "bf": "0", "b": str(round(rate * 2 ** ((18 - quality.crf) / 6)))}


@cache
def _works(hardware: Hardware, size: Size) -> bool:
    """Whether it encodes three pictures: that it opens says little."""
    import av

    try:
        encoder: Any = av.CodecContext.create(hardware.codec, "w")
        encoder.width, encoder.height = size
        encoder.pix_fmt = hardware.pixels
        encoder.framerate, encoder.bit_rate = 30, 1_000_000
        encoder.options = dict(hardware.options)
        black = picture_of(np.zeros((size[1], size[0], 4), np.uint8), hardware.pixels)
        packets = []
        for n in range(3):
            black.pts = n
            packets += encoder.encode(black)
        return bool([*packets, *encoder.encode(None)])
    except Exception:  # whatever a driver can raise: then it is not to be had
        return False
