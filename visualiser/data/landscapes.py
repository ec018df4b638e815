"""Seeded landscapes in colour: misty ridges under a sky, at any hour, at any resolution.

Everything in a picture follows from a few smooth numbers (the hour, where the light stands, how
far each ridge has been slid along, haze, water), so that a small autoencoder can learn what they
are. Colours are mixed in OKLab (Ottosson 2020), where nothing turns muddy on the way, and light
is added up in linear light, as light is.

x runs from 0 to 1 across the picture and y from 0 at the top to 1 at the bottom.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visualiser.types import FloatArray, UserError

Pixels = NDArray[np.uint8]

# A day, as a ring: the sky from its zenith over its middle to the horizon, the land close by,
# and the light. The sun is up from SUNRISE to SUNSET and the moon for the rest of the ring.
DAY = (
    ("#060a24", "#101d4d", "#2b4378", "#04071a", "#dbe6ff"),  # night
    ("#131745", "#463f80", "#a06f9b", "#0f1030", "#ffd2c4"),  # before dawn
    ("#3a4f92", "#c08fb4", "#ffb995", "#261d42", "#ffd8a0"),  # dawn
    ("#5b93cf", "#b6d2e6", "#ffe2c6", "#27395a", "#fff0d0"),  # morning
    ("#2878cf", "#78b8ec", "#d8eff6", "#124a52", "#fffbe6"),  # noon
    ("#4a96c4", "#a6d2d6", "#fbe6c4", "#1b4648", "#fff3d0"),  # afternoon
    ("#40589a", "#e08c7c", "#ffc45e", "#331c3a", "#ffd880"),  # the golden hour
    ("#1b1a52", "#863f86", "#f7665a", "#160e30", "#ff9c66"),  # dusk
    ("#0b1344", "#243a86", "#7488c4", "#080d2a", "#e6eaff"),  # the blue hour
    ("#03101f", "#082a38", "#1d5a5c", "#020b14", "#d8fff0"),  # the hour of the aurora
)
SUNRISE, SUNSET = 0.12, 0.76  # of the ring
AURORA = ("#3dffa0", "#7a5cff")  # at its foot and at its top

# The ridges, far to near: where they stand, how high they rise, and how sharp their peaks are.
LAND = (0.50, 0.56, 0.64, 0.76, 0.96)
RISE = (0.24, 0.19, 0.14, 0.12, 0.16)
SHARP = (1.0, 0.9, 0.7, 0.4, 0.2)
FALL = (0.95, 1.0, 1.1, 1.3, 1.3)  # how much less the shorter waves have
LAPS = (1, 2, 3, 5, 8, 13)  # waves in the three picture widths that a ridge is long
NUMBERS = 20  # drawn for each picture

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
_FROM_LAB = np.linalg.inv(_TO_LAB).T.astype(np.float32)
_FROM_LMS = np.linalg.inv(_TO_LMS).T.astype(np.float32)


def _lab(colours: tuple[str, ...]) -> FloatArray:
    """(n, 3) OKLab of n "#rrggbb"."""
    srgb = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return (np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T).astype(np.float32)


def _light(lab: FloatArray) -> FloatArray:
    """OKLab (n, rows, 3) as linear light (3, n, rows, 1); what sRGB cannot show is cut off."""
    root = lab @ _FROM_LAB
    light = np.clip((root * root * root) @ _FROM_LMS, 0, 1)
    return np.ascontiguousarray(light.transpose(2, 0, 1), np.float32)[..., None]


_DAY = np.stack([_lab(row) for row in DAY])
_AURORA = _light(_lab(AURORA)[None])  # (3, 1, 2, 1)
_PHASES = np.random.default_rng(7).uniform(0, 2 * np.pi, (len(LAND), len(LAPS))).tolist()

# Linear light from 0 to 2 as sRGB bytes. Above 0.75 it bends, so that a glow fades out to white
# where it would be cut off.
_STEPS = 8191
_bent = np.linspace(0, 2, _STEPS + 1)
_bent = np.where(_bent > 0.75, 1 - 0.25 * np.exp(-(_bent - 0.75) / 0.25), _bent)
_BYTES = np.round(
    255 * np.where(_bent <= 0.0031308, _bent * 12.92, 1.055 * _bent ** (1 / 2.4) - 0.055)
).astype(np.uint8)


@dataclass(frozen=True)
class Landscapes:
    """The landscapes of a seed, as many as anyone asks for. size: pixels along each edge."""

    seed: int
    size: int

    def __post_init__(self) -> None:
        if not 8 <= self.size <= 512:
            raise UserError(f"landscape size {self.size} px: allowed are 8 to 512")
        if self.seed < 0:
            raise UserError(f"landscape seed {self.seed}: allowed is 0 and above")

    def batch(self, start: int, count: int) -> Pixels:
        """Pictures start to start + count: (count, size, size, 3) uint8 sRGB."""
        return self.draw(np.arange(start, start + count))

    def draw(self, rows: NDArray[np.int64]) -> Pixels:
        """The pictures of these numbers, each the same whatever it is drawn beside."""
        images = np.empty((len(rows), self.size, self.size, 3), np.uint8)
        numbers = _numbers(self.seed, rows)
        some = max(1, 2**17 // self.size**2)  # what the processor's cache holds
        for first in range(0, len(rows), some):
            images[first : first + some] = _draw(numbers[first : first + some], self.size)
        return images


@dataclass(frozen=True)
class Part:
    """Landscapes from number `first` on, `length` of them: what training takes, and drawn anew
    each time. They are data.pictures.Pictures."""

    landscapes: Landscapes
    first: int
    length: int
    skipped: tuple[tuple[Path, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return self.landscapes.size

    def __len__(self) -> int:
        return self.length

    def batch(self, rows: NDArray[np.int64], rng: np.random.Generator | None = None) -> Pixels:
        """Rows, each from 0 to length - 1: (n, size, size, 3) uint8 sRGB. `rng` changes nothing:
        there is no end of landscapes, so none needs to be varied."""
        return self.landscapes.draw(self.first + np.asarray(rows, np.int64))


def make(n: int, seed: int, size: int) -> Pixels:
    """The first n landscapes of a seed: (n, size, size, 3) uint8 sRGB."""
    return Landscapes(seed, size).batch(0, n)


def split(n_train: int, n_test: int, seed: int, size: int) -> tuple[Part, Part]:
    """Training and test landscapes that share none."""
    landscapes = Landscapes(seed, size)
    return Part(landscapes, 0, n_train), Part(landscapes, n_train, n_test)


def _numbers(seed: int, rows: NDArray[np.int64]) -> FloatArray:
    """(n, NUMBERS) from 0 to 1, which depend on nothing but the seed and the row: SplitMix64
    (Steele, Lea and Flood 2014), which can begin anywhere."""
    start = np.uint64(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])
    u64 = np.uint64
    each = np.arange(1, NUMBERS + 1, dtype=u64)
    z: NDArray[np.uint64] = np.asarray(rows, u64)[:, None] * u64(NUMBERS) + each
    z = start + z * u64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> u64(30))) * u64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> u64(27))) * u64(0x94D049BB133111EB)
    return ((z ^ (z >> u64(31))) >> u64(40)).astype(np.float32) / np.float32(2**24)


def _mix(a: FloatArray, b: FloatArray, share: FloatArray | float) -> FloatArray:
    return a + (b - a) * share


def _smooth(t: FloatArray) -> FloatArray:
    """From 0 to 1 as t goes from 0 to 1, without a kink at either end."""
    inside: FloatArray = np.clip(t, 0, 1)
    return inside * inside * (3 - 2 * inside)


def _ridge(layer: int, slid: FloatArray, x: FloatArray) -> FloatArray:
    """(n, 1, size) heights of one ridge, about -1..1. It is three pictures long and closes in
    itself; slid (n, 1, 1) 0..1 is how much of it has gone by."""
    along = np.float32(2 * np.pi) * (x * np.float32(1 / 3) + slid)
    height = np.zeros_like(along)
    for lap, phase in zip(LAPS, _PHASES[layer], strict=True):
        half = (along * lap + phase) / 2
        wave, peak = np.sin(half * 2), 1.3 - 2 * np.sqrt(np.sin(half) ** 2 + 0.006)
        height += _mix(wave, peak, SHARP[layer]) * (0.65 * lap ** -FALL[layer])
    return height


def _draw(numbers: FloatArray, size: int) -> Pixels:
    """(n, NUMBERS) from 0 to 1 to (n, size, size, 3). While it is drawn, a picture is
    (3, n, size, size) in linear light; what is the same all along a row is (3, n, size, 1)."""
    u = iter(numbers.T[..., None, None])  # each (n, 1, 1)
    middles = ((np.arange(size) + 0.5) / size).astype(np.float32)
    x, y = middles[None, None, :], middles[None, :, None]
    hour, mood, light_x, climb, haze, lift, shore, relief, veil, sway = (next(u) for _ in range(10))
    level = (lift - 0.5) * 0.12
    shore = 0.66 + 0.5 * shore  # beyond 1 there is no water
    haze = 0.25 + 0.75 * haze
    zenith, middle, horizon, near, shine = _hour(hour, (mood - 0.5) * 0.4)
    air = _mix(horizon, middle, 0.4)

    # The sun's way by day and the moon's by night, both up from behind the ridges and down again.
    day = (hour - SUNRISE) / (SUNSET - SUNRISE)
    night = np.mod(hour - SUNSET, 1) / (1 - SUNSET + SUNRISE)
    sun = (day > 0) & (day < 1)
    up = np.sin(np.pi * np.where(sun, day, night))
    off_x = x - (0.12 + 0.76 * light_x)
    off_y = y - (0.62 + level - up * (0.2 + 0.34 * climb))
    around, flat = off_x**2 + off_y**2, off_x**2 * 0.3 + off_y**2 * 3
    glow = 0.5 / (1 + around * 90) + 0.5 / (1 + flat * 8) ** 2
    glow *= 0.25 + up * np.where(sun, np.float32(0.3), np.float32(0.05))
    disk = 0.04 + up * np.where(sun, np.float32(0.012), np.float32(0)) - np.sqrt(around)

    down = np.clip(y / (0.62 + level), 0, 1)
    sky = _mix(zenith, middle, _smooth(down * 2) * 0.5 + down * 0.5)
    picture = np.empty((3, len(numbers), size, size), np.float32)
    picture[:] = _light(_mix(sky, horizon, _smooth(down * 2 - 1)))
    _aurora(picture, x, y, hour, veil, sway)
    picture += (_light(shine) * 1.2 - picture) * np.clip(disk * size + 0.5, 0, 1)
    glare = _light(_mix(shine, horizon, 0.55))

    # The ridges, far to near, with as much of the glow as lies in the air before each.
    seen = np.ones_like(glow)
    for layer, (stands, rises) in enumerate(zip(LAND, RISE, strict=True)):
        slid, tall = next(u), next(u)
        depth = layer / (len(LAND) - 1)
        if depth == 1:
            picture += glare * (glow * seen)
            _water(picture, middles, shore[:, 0], _light(_mix(zenith, middle, 0.5)))
        foot = stands + level
        rise = rises * (0.45 + 0.75 * relief) * (0.55 + 0.9 * tall)
        top = foot - rise * _ridge(layer, slid, x)  # (n, 1, size)
        first = max(0, int(top.min() * size) - 1)
        if first >= size:
            continue
        steep = size / np.hypot(1, np.gradient(top, 1 / size, axis=2)).astype(np.float32)
        cover = np.clip((y[:, first:] - top) * steep + 0.5, 0, 1)

        clear = depth ** (0.45 + 0.75 * haze)
        own = _mix(air, near, 0.14 + 0.86 * clear)
        mist = _smooth((y - foot + 0.1) / 0.22) * (1 - depth) ** 0.7
        colour = _light(_mix(own, _mix(air, horizon, 0.7), mist * (0.25 + 0.75 * haze)))
        part = picture[:, :, first:]
        part += (colour[:, :, first:] - part) * cover
        seen[:, first:] += ((1 - depth) * 0.55 * haze - seen[:, first:]) * cover
    picture *= _STEPS / 2
    return _BYTES[np.minimum(picture, _STEPS, out=picture).astype(np.uint16)].transpose(1, 2, 3, 0)


def _hour(hour: FloatArray, turn: FloatArray) -> list[FloatArray]:
    """The five colours of an hour of DAY, each (n, 1, 3), turned round OKLab's grey by `turn`."""
    at = hour[:, 0] * len(DAY)
    before = at[:, 0].astype(np.int64)
    share = _smooth(at - np.floor(at))[:, None]
    colours = _mix(_DAY[before % len(DAY)], _DAY[(before + 1) % len(DAY)], share)
    cos, sin, a, b = np.cos(turn[..., 0]), np.sin(turn[..., 0]), colours[..., 1], colours[..., 2]
    colours[..., 1], colours[..., 2] = a * cos - b * sin, a * sin + b * cos
    return [colours[:, k, None] for k in range(5)]


def _aurora(
    picture: FloatArray,
    x: FloatArray,
    y: FloatArray,
    hour: FloatArray,
    veil: FloatArray,
    sway: FloatArray,
) -> None:
    """A curtain of light over the last hour of the ring, sharp below and fading upwards."""
    nearness = 1 - np.abs(np.mod(hour - 0.9 + 0.5, 1) - 0.5) / 0.13
    bright = _smooth(nearness) * np.clip(veil * 1.6 - 0.2, 0, 1)
    lit = np.flatnonzero(bright > 0)
    if not lit.size:
        return
    bright, sway = bright[lit], sway[lit] * (2 * np.pi)
    foot = 0.34 + 0.09 * np.sin(4.4 * x + sway) + 0.05 * np.sin(8.3 * x - 2 * sway)
    height = (foot - y) / 0.3  # 0 at its foot, 1 where it is violet
    folds = 0.7 + 0.3 * np.sin(13 * x + 3 * sway)
    light = bright * folds * _smooth(height * 4 + 0.5) * np.exp(-2.2 * np.maximum(height, 0))
    green, violet = _AURORA[:, :, :1], _AURORA[:, :, 1:]
    picture[:, lit] += _mix(green, violet, _smooth(height)) * light * 0.8


def _water(picture: FloatArray, middles: FloatArray, shore: FloatArray, tint: FloatArray) -> None:
    """Everything below the shore (n, 1) mirrors what is above it, darker the nearer it is."""
    size = len(middles)
    first = int(shore.min() * size)
    if first >= size:
        return
    deep = np.maximum(middles[None, first:] - shore, 0)
    mirrored = np.clip((shore - deep * 1.25) * size - 0.5, 0, size - 1.001)
    upper = mirrored.astype(np.int64)
    n = np.arange(len(shore))[:, None]
    share = (mirrored - upper).astype(np.float32)[..., None]
    seen = _mix(picture[:, n, upper], picture[:, n, upper + 1], share)
    seen = _mix(seen, tint * 0.6, (0.2 + 0.9 * deep)[..., None])
    wet = np.clip((middles[None, first:] - shore) * size + 0.5, 0, 1)[..., None]
    part = picture[:, :, first:]
    part += (seen - part) * wet
