"""Pictures at full size: all that touches every pixel of one, in one file, for some of it calls the
other, and what numba keeps of a loop goes by the file that it stands in."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visualiser.types import FloatArray

Words = NDArray[np.uint32]
Octets = NDArray[np.uint8]
Whole = NDArray[np.int64]
Planes = tuple[Octets, Octets, Octets]  # (H, pitch) luma, and half of that: blue, red
# What `trace` takes between canvas and `above`, and `paint` around the canvas, with its first row.
Trace = tuple[FloatArray, FloatArray, Words, FloatArray, int, float, float]
Field = tuple[FloatArray, Whole, FloatArray, Words, int, int]
Tint = tuple[FloatArray, Whole, FloatArray, int, int]  # the same for `tint`

BLOCK = 16  # columns of lines that are drawn at once

_SECOND = np.uint64(0x00FF00FF00FF00FF)  # every second octet of two pixels


def mix(rows: FloatArray, shares: FloatArray, mixed: FloatArray) -> None:
    """The first rows (h, width), so much of each, into one."""
    if len(shares) == 4:  # as nearly always: in one go
        a, b, c, d = rows[0], rows[1], rows[2], rows[3]
        of_a, of_b, of_c, of_d = shares[0], shares[1], shares[2], shares[3]
        for x in range(len(mixed)):
            mixed[x] = of_a * a[x] + of_b * b[x] + of_c * c[x] + of_d * d[x]
        return
    mixed[:] = 0
    for tap in range(len(shares)):
        share, row = shares[tap], rows[tap]
        for x in range(len(mixed)):
            mixed[x] += share * row[x]


def paint(
    wide: FloatArray,
    first: NDArray[np.int64],
    weights: FloatArray,
    colours: Words,
    canvas: Words,
    left: int,
    top: int,
    start: int,
    stop: int,
) -> None:
    """Rows of levels into colours, in a box of a canvas (H, pitch).

    wide: (h, width) levels; first, weights: (height,), (height, taps): which rows of them make up
    a row of the box, and how much of each; colours: four for each level's whole number, of tiles
    of two by two; top: of the box, above the canvas where it is below 0; start, stop: which of its
    rows.
    """
    width = wide.shape[1]
    level = np.empty(width, np.float32)
    index = np.empty(width, np.int32)
    last, two = np.int32(len(colours) // 4 - 1), np.int32(2)
    column = np.empty(width, np.int32)
    for x in range(width):
        column[x] = x & 1
    for y in range(start, stop):
        rows, share, tile = wide[first[y] :], weights[y], np.int32(y & 1) << np.int32(1)
        if len(share) == 4:  # as `mix`, but without a pass of its own
            a, b, c, d = rows[0], rows[1], rows[2], rows[3]
            of_a, of_b, of_c, of_d = share[0], share[1], share[2], share[3]
            for x in range(width):
                total = of_a * a[x] + of_b * b[x] + of_c * c[x] + of_d * d[x]
                at = min(max(np.int32(total), np.int32(0)), last)
                index[x] = (at << two) + tile + column[x]
        else:
            mix(rows, share, level)
            for x in range(width):
                at = min(max(np.int32(level[x]), np.int32(0)), last)
                index[x] = (at << two) + tile + column[x]
        pixels = canvas[top + y, left : left + width]  # none counts from the end: faster
        for x in range(width):
            pixels[x] = colours[np.uint32(index[x])]


def tint(
    wide: FloatArray, first: NDArray[np.int64], weights: FloatArray, canvas: Words, left: int,
    top: int, start: int, stop: int,
) -> None:  # fmt: skip
    """As `paint`, but of colours as they are: wide (3, h, width), 0..256, of which the first lies
    in the lowest octet of a pixel. The highest stays as it is."""
    width = wide.shape[2]
    levels = np.empty((3, width), np.float32)
    none, most, kept = np.float32(0), np.float32(255), np.uint32(0xFF000000)
    for y in range(start, stop):
        share = weights[y]
        for i in range(3):
            mix(wide[i, first[y] :], share, levels[i])
        pixels, (low, middle, high) = canvas[top + y, left : left + width], levels
        for x in range(width):
            one = np.uint32(np.int32(min(max(low[x], none), most)))
            two = np.uint32(np.int32(min(max(middle[x], none), most)))
            three = np.uint32(np.int32(min(max(high[x], none), most)))
            pixels[x] = (pixels[x] & kept) | one | two << np.uint32(8) | three << np.uint32(16)


def blend(octets: Octets, before: Octets, share: int) -> None:
    """Octets (n,) over those before, rounded, into both; share: of them, of 255."""
    rest = np.uint16(255 - share)
    for i in range(octets.shape[0]):
        both = np.uint16(np.uint16(octets[i]) * share) + np.uint16(np.uint16(before[i]) * rest)
        both = np.uint16(both + 128)
        octets[i] = before[i] = np.uint16(both + (both >> 8)) >> 8  # a whole number over 255


def to_yuv420(pixels: Words, width: int, luma: Octets, blue: Octets, red: Octets) -> None:
    """Pixels (H, pitch), 0xRRGGBB, as luma (H, at least width) and chroma of half that size each,
    in bt709's limited range (ITU-R BT.709-6, sections 3 and 4). H, pitch and width are even."""
    pairs = pixels.view(np.uint64)  # of neighbours, whose sums need no reading with gaps
    half = width >> 1
    outer, green = np.empty(half, np.uint32), np.empty(half, np.uint32)  # sums of four pixels
    for y in range(0, pixels.shape[0], 2):
        for row in range(y, y + 2):
            source, out = pixels[row], luma[row]
            for x in range(width):
                p = np.int32(source[x])
                r, g, b = (p >> 16) & 255, (p >> 8) & 255, p & 255
                out[x] = (r * 11966 + g * 40254 + b * 4064 + (16 << 16) + (1 << 15)) >> 16
        upper, lower, u, v = pairs[y], pairs[y + 1], blue[y >> 1], red[y >> 1]
        for x in range(half):
            sums = (upper[x] & _SECOND) + (lower[x] & _SECOND)
            outer[x] = np.uint32(sums + (sums >> np.uint64(32)))
            sums = ((upper[x] >> np.uint64(8)) & _SECOND) + ((lower[x] >> np.uint64(8)) & _SECOND)
            green[x] = np.uint32(sums + (sums >> np.uint64(32)))
        for x in range(half):  # in 32 bits, which numba would make 64
            r, b = np.int32((outer[x] >> 16) & 1023), np.int32(outer[x] & 1023)
            g = np.int32(green[x] & 1023)
            b, r = b - g, r - g  # each row of the matrix adds up to 0
            u[x] = np.int32(b * 28784 - r * 6596 + (128 << 18) + (1 << 17)) >> 18
            v[x] = np.int32(r * 28784 - b * 2639 + (128 << 18) + (1 << 17)) >> 18


def trace(
    canvas: Words,
    xs: FloatArray,
    ys: FloatArray,
    colours: Words,
    strengths: FloatArray,
    first: int,
    radius: float,
    dot: float,
    above: int,
) -> None:
    """Smooth lines with round joins over what is on a canvas (H, pitch), and a dot at each's end.

    xs, ys: (times,) that never fall, and (n, times), px, of at least two times; colours: (n,), as
    the canvas has them; strengths: (columns,) of the lines, 0..256, from the column `first` of the
    canvas on: no others are drawn; radius: half a line's width; dot: a dot's radius, 0 for none;
    above: how many rows of the picture lie above the canvas.
    """
    zero, half, one, far = np.float32(0), np.float32(0.5), np.float32(1), np.float32(1e9)
    lower, upper = np.uint32(0x00FF00FF), np.uint32(0xFF00FF00)  # two colours at a time
    byte, rounding = np.uint32(8), np.uint32(0x00800080)
    n_parts = len(xs) - 1
    begin, stop = np.float32(above), np.float32(above + len(canvas))
    reach, full = radius + half, min(radius + radius, one)
    end, dot_reach = xs[n_parts], dot + half
    scales = np.empty(n_parts, np.float32)
    # Of each pixel: its distance from the line, squared, and then how much of it is covered.
    cover: NDArray[Any] = np.empty(BLOCK, np.float32)
    for lane in range(len(ys)):
        line, colour = ys[lane], colours[lane]
        for part in range(n_parts):
            across, down = xs[part + 1] - xs[part], line[part + 1] - line[part]
            scales[part] = one / max(across * across + down * down, np.float32(1e-6))
        near = 0  # the first part that comes near a block
        for start in range(0, len(strengths), BLOCK):
            size = min(BLOCK, len(strengths) - start)
            left = np.float32(first + start)
            low, high = left - reach, left + np.float32(size - 1) + reach
            while near < n_parts - 1 and xs[near + 1] < low:
                near += 1
            top, bottom, last = far, -far, near
            while last < n_parts and xs[last] <= high:
                from_y, to_y = line[last], line[last + 1]
                slope = (to_y - from_y) / max(xs[last + 1] - xs[last], np.float32(1e-3))
                if xs[last + 1] > high:
                    to_y = from_y + slope * (high - xs[last])
                if xs[last] < low:
                    from_y += slope * (low - xs[last])
                top, bottom = min(top, from_y, to_y), max(bottom, from_y, to_y)
                last += 1
            line_top, line_bottom = top - reach, bottom + reach
            top, bottom = line_top, line_bottom
            has_dot = dot > 0 and low - dot < end < high + dot
            if has_dot:
                top = min(top, line[n_parts] - dot_reach)
                bottom = max(bottom, line[n_parts] + dot_reach)
            if not (top < stop and bottom > begin - one):  # nor where they are no numbers
                continue
            lowest = math.floor(min(bottom, stop - one))
            for row in range(math.ceil(max(top, begin)), lowest + 1):
                y = np.float32(row)
                for i in range(BLOCK):
                    cover[i] = reach * reach
                for part in range(near, last if line_top <= y <= line_bottom else near):
                    across, down = xs[part + 1] - xs[part], line[part + 1] - line[part]
                    right, below, scale = left - xs[part], y - line[part], scales[part]
                    for i in range(BLOCK):
                        x = right + np.float32(i)
                        along = min(max((x * across + below * down) * scale, zero), one)
                        beside, under = x - along * across, below - along * down
                        cover[i] = min(cover[i], beside * beside + under * under)
                for i in range(BLOCK):
                    cover[i] = min(reach - np.float32(math.sqrt(cover[i])), full)
                if has_dot:
                    under = y - line[n_parts]
                    for i in range(BLOCK):
                        beside = left + np.float32(i) - end
                        away = np.float32(math.sqrt(beside * beside + under * under))
                        cover[i] = max(cover[i], min(dot_reach - away, one))
                pixels, strength = canvas[row - above, first + start :], strengths[start:]
                for i in range(size):
                    share = np.uint32(np.int32(max(cover[i], zero) * strength[i] + half))
                    rest, pixel = np.uint32(np.uint32(256) - share), pixels[i]
                    odd = np.uint32((colour & lower) * share + (pixel & lower) * rest + rounding)
                    even = np.uint32(
                        (colour >> byte & lower) * share + (pixel >> byte & lower) * rest + rounding
                    )
                    pixels[i] = (odd >> byte & lower) | (even & upper)


def strips(
    strip: Words, height: int, boxes: Whole, traces: tuple[Trace, ...], fields: tuple[Field, ...],
    tinted: Tint, rows: Whole, columns: Whole, order: Whole, levels: Words, size: tuple[int, int],
    luma: Octets, blue: Octets, red: Octets,
) -> None:  # fmt: skip
    """Paint a picture of that height, a few rows at a time over and over again on the same strip
    (h, pitch), and take from each what is wanted while it is in the processor's cache.

    boxes: (n, 5) colour, left, top, right, bottom, which are painted first; then the traces, and
    then the fields, and the colours; each may be empty. rows, columns: (places,) where to look, by
    rows; order: where in `levels` to put what is found there; size: of the video picture, into
    whose planes it is converted, or zeros.
    """
    tall, looked = len(strip), 0
    for top in range(0, height, tall):
        n = min(tall, height - top)
        for i in range(boxes.shape[0]):
            colour, left, right = np.uint32(boxes[i, 0]), boxes[i, 1], boxes[i, 3]
            for y in range(max(boxes[i, 2] - top, 0), min(boxes[i, 4] - top, n)):
                strip[y, left:right] = colour
        for xs, ys, colours, strengths, column, radius, dot in traces:
            if len(ys) > 0:
                trace(strip[:n], xs, ys, colours, strengths, column, radius, dot, top)
        for wide, first, weights, colours, left, box_top in fields:
            start, stop = max(top - box_top, 0), min(top + n - box_top, len(first))
            if start < stop:
                paint(wide, first, weights, colours, strip, left, box_top - top, start, stop)
        own, first, shares, left, box_top = tinted
        start, stop = max(top - box_top, 0), min(top + n - box_top, len(first))
        if start < stop:
            tint(own, first, shares, strip, left, box_top - top, start, stop)
        while looked < len(rows) and rows[looked] < top + n:
            levels[order[looked]] = strip[rows[looked] - top, columns[looked]]
            looked += 1
        end = min(top + n, size[1])
        if top < end:
            half = slice(top >> 1, end >> 1)
            to_yuv420(strip[: end - top], size[0], luma[top:end], blue[half], red[half])


_TRACE = "float32[::1], float32[:,::1], uint32[::1], float32[::1], int64, float32, float32"
_TINT = "float32[:,:,::1], int64[::1], float32[:,::1], int64, int64"
_FIELD = "float32[:,::1], int64[::1], float32[:,::1], uint32[::1], int64, int64"

LOOPS: dict[Callable[..., Any], str] = {
    mix: "(float32[:,::1], float32[::1], float32[::1])",
    paint: "(float32[:,::1], int64[::1], float32[:,::1], uint32[::1], uint32[:,::1],"
    " int64, int64, int64, int64)",
    tint: "(float32[:,:,::1], int64[::1], float32[:,::1], uint32[:,::1], int64, int64, int64,"
    " int64)",
    blend: "(uint8[::1], uint8[::1], uint16)",
    to_yuv420: "(uint32[:,::1], int64, uint8[:,::1], uint8[:,::1], uint8[:,::1])",
    trace: f"(uint32[:,::1], {_TRACE}, int64)",
    strips: f"(uint32[:,::1], int64, int64[:,::1], UniTuple(Tuple(({_TRACE})), 2),"
    f" UniTuple(Tuple(({_FIELD})), 2), Tuple(({_TINT})), int64[::1], int64[::1], int64[::1],"
    " uint32[::1], UniTuple(int64, 2), uint8[:,::1], uint8[:,::1], uint8[:,::1])",
}
