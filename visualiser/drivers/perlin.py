"""A smooth walk along Perlin noise."""

from visualiser import noise
from visualiser.drivers.base import NoiseDriver, walk_controls


class Perlin(NoiseDriver):
    name = "perlin"
    key = "1"
    blurb = "a smooth walk, Perlin noise"
    controls = walk_controls("perlin")
    noise = staticmethod(noise.perlin)
