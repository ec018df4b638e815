"""A smooth walk along OpenSimplex noise."""

from visualiser import noise
from visualiser.drivers.base import NoiseDriver, walk_controls


class Simplex(NoiseDriver):
    name = "simplex"
    key = "2"
    blurb = "a smooth walk, simplex noise"
    controls = walk_controls("simplex")
    noise = staticmethod(noise.simplex)
