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
Ground = tuple[Whole, Octets, Octets, Octets]  # which pair of rows to take for each, and planes
# What `trace` takes between canvas and `above`, and `paint` around the canvas, with its first row.
Trace = tuple[FloatArray, FloatArray, Words, FloatArray, int, float, float]
Field = tuple[FloatArray, Whole, FloatArray, Words, int, int]
Tint = tuple[FloatArray, Whole, FloatArray, int, int]  # the same for `tint`

BLOCK = 16  # columns of lines that are drawn at once

CELL = 64  # columns that are converted or not, of two rows
UNMARKED = np.zeros((0, 0), np.uint8)  # where no cells are told apart

_OUTER, _GREEN, _BYTE = np.uint32(0x00FF00FF), np.uint32(0x0000FF00), np.uint32(8)
_HALF, _SIXTEEN, _SHIFT = np.int32(0xFFFF), np.int32(16), np.int32(18)
_TO_OWN, _RED_TO_U, _BLUE_TO_V = np.int32(28784), np.int32(6596), np.int32(2639)


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


def look_at(
    wide: FloatArray, first: NDArray[np.int64], weights: FloatArray, colours: Words, left: int,
    top: int, rows: Whole, columns: Whole, order: Whole, levels: Words,
) -> None:  # fmt: skip
    """Single pixels of a box at (left, top), as `paint` has them: those of the places in it."""
    last = np.int32(len(colours) // 4 - 1)
    for n in range(len(rows)):
        y, x = rows[n] - top, columns[n] - left
        if 0 <= y < len(first) and 0 <= x < wide.shape[1]:
            total = np.float32(0)
            for tap in range(weights.shape[1]):
                total += weights[y, tap] * wide[first[y] + tap, x]
            at = min(max(np.int32(total), np.int32(0)), last)
            levels[order[n]] = colours[4 * at + 2 * (y & 1) + (x & 1)]


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


def to_yuv420(
    pixels: Words, touched: Octets, width: int, luma: Octets, blue: Octets, red: Octets
) -> None:
    """Pixels (H, pitch), 0xRRGGBB, as luma (H, at least width) and chroma of half that size each,
    in bt709's limited range (ITU-R BT.709-6, sections 3 and 4). H, pitch and width are even;
    touched: (H / 2, n) which cells are converted, or empty: all.

    Chroma is that of the sum of four pixels. Each row of its matrix adds up to 0, so it needs only
    how far blue and red are above green: those are in the halves of a word, and far enough from 0.
    """
    above = np.empty(width, np.uint32)  # green, of two pixels: less than 0 is 0x400 here
    sums = np.empty(width >> 1, np.uint32)  # of four, so it is 0x800
    zero_u = np.int32((128 << 18) + (1 << 17) - 0x800 * (28784 - 6596))
    zero_v = np.int32((128 << 18) + (1 << 17) - 0x800 * (28784 - 2639))
    for y in range(0, pixels.shape[0], 2):
        left = 0
        while left < width:
            right = width
            if len(touched) > 0:
                while left < width and not touched[y >> 1, left // CELL]:
                    left += CELL
                right = left
                while right < width and touched[y >> 1, right // CELL]:
                    right += CELL
                left, right = min(left, width), min(right, width)
            for row in range(y, y + 2):
                source, out = pixels[row, left:right], luma[row, left:right]
                for x in range(right - left):
                    p = np.int32(source[x])
                    r, g, b = (p >> 16) & 255, (p >> 8) & 255, p & 255
                    out[x] = (r * 11966 + g * 40254 + b * 4064 + (16 << 16) + (1 << 15)) >> 16
            upper, lower = pixels[y, left:right], pixels[y + 1, left:right]
            for x in range(right - left):
                outer, green = (upper[x] & _OUTER) + (lower[x] & _OUTER), upper[x] & _GREEN
                green += lower[x] & _GREEN
                above[x] = outer + np.uint32(0x04000400) - (green >> _BYTE | green << _BYTE)
            half = slice(left >> 1, right >> 1)
            u, v = blue[y >> 1, half], red[y >> 1, half]
            for x in range((right - left) >> 1):
                sums[x] = above[2 * x] + above[2 * x + 1]
            for x in range((right - left) >> 1):  # in 32 bits: of whole numbers numba makes 64
                both = np.int32(sums[x])
                b, r = np.int32(both & _HALF), np.int32(both >> _SIXTEEN & _HALF)
                u[x] = np.int32(b * _TO_OWN - r * _RED_TO_U + zero_u) >> _SHIFT
                v[x] = np.int32(r * _TO_OWN - b * _BLUE_TO_V + zero_v) >> _SHIFT
            left = right


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
    touched: Octets,
) -> None:
    """Smooth lines with round joins over what is on a canvas (H, pitch), and a dot at each's end.

    xs, ys: (times,) that never fall, and (n, times), px, of at least two times; colours: (n,), as
    the canvas has them; strengths: (columns,) of the lines, 0..256, from the column `first` of the
    canvas on: no others are drawn; radius: half a line's width; dot: a dot's radius, 0 for none;
    above: how many rows of the picture lie above the canvas; touched: (H / 2, n), where to mark the
    cells that are drawn in, or empty.
    """
    zero, half, one, far = np.float32(0), np.float32(0.5), np.float32(1), np.float32(1e9)
    lower, upper = np.uint32(0x00FF00FF), np.uint32(0xFF00FF00)  # two colours at a time
    byte, rounding = np.uint32(8), np.uint32(0x00800080)
    n_parts = len(xs) - 1
    begin, stop = np.float32(above), np.float32(above + len(canvas))
    reach, full = radius + half, min(radius + radius, one)
    end, dot_reach = xs[n_parts], dot + half
    furthest = max(reach, dot_reach) + one
    scales = np.empty(n_parts, np.float32)
    # Of each pixel: its distance from the line, squared, and then how much of it is covered.
    cover: NDArray[Any] = np.empty(BLOCK, np.float32)
    for lane in range(len(ys)):
        line, colour = ys[lane], colours[lane]
        top, bottom = far, -far
        for y in line:
            top, bottom = min(top, y), max(bottom, y)
        if top - furthest > stop or bottom + furthest < begin:
            continue
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
            highest, lowest = math.ceil(max(top, begin)), math.floor(min(bottom, stop - one))
            if len(touched) > 0:
                cell, other = (first + start) // CELL, (first + start + size - 1) // CELL
                for pair in range((highest - above) >> 1, ((lowest - above) >> 1) + 1):
                    touched[pair, cell] = touched[pair, other] = 1
            for row in range(highest, lowest + 1):
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


def mark(touched: Octets, left: int, right: int, top: int, bottom: int) -> None:
    """Cells (h, n) that lie in a box; h may be 0."""
    for row in range(top >> 1, min((bottom + 1) >> 1, len(touched))):
        touched[row, left // CELL : (right - 1) // CELL + 1] = 1


def cover(ground: Ground, top: int, width: int, luma: Octets, blue: Octets, red: Octets) -> None:
    """Planes that begin at an even row of the picture, with the ground. numba copies slices octet
    by octet."""
    which, all_luma, all_blue, all_red = ground
    for y in range(blue.shape[0]):
        row = which[(top >> 1) + y]
        for n in range(2):
            source, out = all_luma[2 * row + n, :width], luma[2 * y + n, :width]
            for x in range(width):
                out[x] = source[x]
        half = width >> 1
        source, out = all_blue[row, :half], blue[y, :half]
        for x in range(half):
            out[x] = source[x]
        source, out = all_red[row, :half], red[y, :half]
        for x in range(half):
            out[x] = source[x]


def strips(
    strip: Words, height: int, boxes: Whole, traces: tuple[Trace, ...], fields: tuple[Field, ...],
    tinted: Tint, rows: Whole, columns: Whole, order: Whole, levels: Words, size: tuple[int, int],
    ground: Ground, luma: Octets, blue: Octets, red: Octets,
) -> None:  # fmt: skip
    """Paint a picture of that height, a few rows at a time over and over again on the same strip
    (h, pitch), and take from each what is wanted while it is in the processor's cache.

    boxes: (n, 5) colour, left, top, right, bottom, which are painted first; then the traces, and
    then the fields, and the colours; each may be empty. rows, columns: (places,) where to look, by
    rows; order: where in `levels` to put what is found there; size: of the video picture, into
    whose planes it is converted, or zeros; ground: what the boxes alone are there, so that only the
    rest needs converting, or empty.
    """
    tall, width, looked = len(strip), size[0], 0
    # Nothing but places is wanted: then fields, which take longest, are painted there alone.
    is_looked_at = len(rows) > 0 and size[1] == 0 and len(tinted[1]) == 0
    n_cells = (strip.shape[1] - 1) // CELL + 1
    touched = np.empty((tall >> 1 if len(ground[1]) > 0 else 0, n_cells), np.uint8)
    for top in range(0, height, tall):
        n = min(tall, height - top)
        touched[:] = 0
        for i in range(boxes.shape[0]):
            colour, left, right = np.uint32(boxes[i, 0]), boxes[i, 1], boxes[i, 3]
            for y in range(max(boxes[i, 2] - top, 0), min(boxes[i, 4] - top, n)):
                strip[y, left:right] = colour
        for xs, ys, colours, strengths, column, radius, dot in traces:
            if len(ys) > 0:
                trace(strip[:n], xs, ys, colours, strengths, column, radius, dot, top, touched)
        for wide, first, weights, colours, left, box_top in fields:
            start, stop = max(top - box_top, 0), min(top + n - box_top, len(first))
            if start < stop and not is_looked_at:
                above, right = box_top - top, left + wide.shape[1]
                paint(wide, first, weights, colours, strip, left, above, start, stop)
                mark(touched, left, right, above + start, above + stop)
        own, first, shares, left, box_top = tinted
        start, stop = max(top - box_top, 0), min(top + n - box_top, len(first))
        if start < stop:
            above, right = box_top - top, left + own.shape[2]
            tint(own, first, shares, strip, left, above, start, stop)
            mark(touched, left, right, above + start, above + stop)
        while looked < len(rows) and rows[looked] < top + n:
            levels[order[looked]] = strip[rows[looked] - top, columns[looked]]
            looked += 1
        end = min(top + n, size[1])
        if top < end:
            half = slice(top >> 1, end >> 1)
            if len(touched) > 0:
                cover(ground, top, width, luma[top:end], blue[half], red[half])
            seen = strip[: end - top]
            to_yuv420(seen, touched, width, luma[top:end], blue[half], red[half])
    if is_looked_at:
        for wide, first, weights, colours, left, box_top in fields:
            look_at(wide, first, weights, colours, left, box_top, rows, columns, order, levels)


_PLANES = "uint8[:,::1], uint8[:,::1], uint8[:,::1]"
_GROUND = f"int64[::1], {_PLANES}"
_TRACE = "float32[::1], float32[:,::1], uint32[::1], float32[::1], int64, float32, float32"
_TINT = "float32[:,:,::1], int64[::1], float32[:,::1], int64, int64"
_FIELD = "float32[:,::1], int64[::1], float32[:,::1], uint32[::1], int64, int64"

LOOPS: dict[Callable[..., Any], str] = {
    mix: "(float32[:,::1], float32[::1], float32[::1])",
    paint: "(float32[:,::1], int64[::1], float32[:,::1], uint32[::1], uint32[:,::1],"
    " int64, int64, int64, int64)",
    look_at: "(float32[:,::1], int64[::1], float32[:,::1], uint32[::1], int64, int64, int64[::1],"
    " int64[::1], int64[::1], uint32[::1])",
    tint: "(float32[:,:,::1], int64[::1], float32[:,::1], uint32[:,::1], int64, int64, int64,"
    " int64)",
    blend: "(uint8[::1], uint8[::1], uint16)",
    to_yuv420: f"(uint32[:,::1], uint8[:,::1], int64, {_PLANES})",
    trace: f"(uint32[:,::1], {_TRACE}, int64, uint8[:,::1])",
    cover: f"(Tuple(({_GROUND})), int64, int64, {_PLANES})",
    mark: "(uint8[:,::1], int64, int64, int64, int64)",
    strips: f"(uint32[:,::1], int64, int64[:,::1], UniTuple(Tuple(({_TRACE})), 2),"
    f" UniTuple(Tuple(({_FIELD})), 2), Tuple(({_TINT})), int64[::1], int64[::1], int64[::1],"
    f" uint32[::1], UniTuple(int64, 2), Tuple(({_GROUND})), {_PLANES})",
}
