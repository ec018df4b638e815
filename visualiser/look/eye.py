"""The eye: a decode as a picture. Effects change its field, a look and a palette colour it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pygame

from visualiser.controls import Control, Controls, Key, choice, number, switch
from visualiser.frame import Frame
from visualiser.look.chain import Chain
from visualiser.look.effects import effects
from visualiser.look.fade import Fade, mix
from visualiser.look.field import Field, field_of
from visualiser.look.looks import looks
from visualiser.look.oklab import to_linear, to_srgb
from visualiser.look.paint import Table, levels, paint, paint_colours
from visualiser.look.palette import Palette, palettes
from visualiser.look.sheet import Canvas
from visualiser.types import Features, FloatArray, Tick

STEP_PX = 1 / 8  # of the screen: how finely depths are told apart
STEP = 1 / 1024  # pictures; and at least as finely as that
SPARE = 8  # a table that is kept grows by this part of all levels that it could have
# A grey says how sure the network is that a place is inside. The outline lies at middle grey;
# around it depth goes with the logarithm of the odds, as fast as edges of this width have it:
EDGE_PX = 1.5  # of the network's pixels, from black to white
# and from there on, where the network is sure, up to as far as a look can see:
SURE, SUREST = 2.5, 6.0  # logarithms of odds, of about 12 and 400 to 1
OPAQUE = (0, 0, 0, 255)
SURELY = 0.5  # pictures; how deep it is where it is surest


def declare() -> tuple[Control, ...]:
    """The eye's controls, and those of every look and effect."""
    return (
        choice("look.look", "how a shape is drawn", "relief", tuple(looks()),
               (Key("l", "next look"),)),
        choice("look.palette", "its colours, by their file in assets/palettes", "ember",
               tuple(palettes()), (Key("c", "next palette"),)),
        number("look.fade", "cross-fade when look, palette or effects change", 0.8, 0.0, 30.0, "s"),
        switch("look.smooth", "upscale smoothly, or show the network's pixels", True,
               (Key("b", "smooth, or the network's own pixels as blocks"),)),
        number("look.brightness", "of the output", 1.0, 0.0, 2.0, "times"),
        number("look.brightness_from_sound", "how much darker silence is", 0.0, 0.0, 1.0, "share"),
        number("look.palette_from_sound", "how far full loudness moves the colours", 0.0, 0.0, 1.0,
               "palettes"),
        number("look.drift", "how fast colours move along the palette", 0.0, -1.0, 1.0,
               "palettes/s"),
        *(control for look in looks().values() for control in look.controls),
        *(control for effect in effects().values() for control in effect.declared()),
    )  # fmt: skip


class Eye:
    """Draws frames, and remembers what it needs for that: fades, a drift, the past.

    What moves follows the time of the frames, which pauses with the show; fades go on.
    palette: the colours as they are now.
    """

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._looks = {name: look() for name, look in looks().items()}
        self._chain = Chain(controls)
        self._t = 0.0
        self._dt = self._fade_dt = 0.0
        self._bright = 1.0
        self._drift = 0.0
        self.palette = palettes()[str(controls["look.palette"])]
        self._playing = str(controls["look.look"]), self.palette
        self._palette_before = self.palette.linear
        self._palette_fade, self._look_fade = Fade(1.0), Fade(1.0)
        self._kept: _Kept | None = None
        # Depths and their colours: as they were seen last, and those that are faded from.
        self._seen: tuple[FloatArray, FloatArray] | None = None
        self._before: tuple[FloatArray, FloatArray] | None = None

    def advance(self, frame: Frame, tick: Tick, features: Features) -> None:
        """Move on to a frame. tick: of the wall; features: what is heard with it."""
        number = self._controls.number
        self._dt = max(frame.tick.t - self._t, 0.0)
        self._t = frame.tick.t
        self._fade_dt = tick.dt
        self._drift += self._dt * number("look.drift")
        silence = 1 - min(max(features.rms, 0.0), 1.0)
        self._bright = number("look.brightness")
        self._bright *= 1 - number("look.brightness_from_sound") * silence

        look, palette = self._playing
        chosen = str(self._controls["look.look"]), palettes()[str(self._controls["look.palette"])]
        self._playing = chosen
        # What is seen now, be it in the middle of a fade, is what the next one starts from.
        if chosen[0] != look:
            self._before, self._look_fade = self._seen, Fade(0.0)
        if chosen[1] is not palette:
            self._palette_before, self._palette_fade = self.palette.linear, Fade(0.0)
        for fade in (self._look_fade, self._palette_fade):
            fade.advance(tick.dt, number("look.fade"))
        turn = self._drift + number("look.palette_from_sound") * (1 - silence)
        share = self._palette_fade.eased
        self.palette = chosen[1].faded(self._palette_before, share).turned(turn)
        self._looks[chosen[0]].advance(self._dt, self._controls.section(chosen[0]))

    def skip(self) -> None:
        """After `advance`, instead of `draw`, where nobody sees the frame."""
        self._chain.skip(self._dt, self._fade_dt)

    @property
    def memory_s(self) -> float:
        """How much of the past is seen in a picture, s."""
        return self._chain.memory_s

    @property
    def is_leaving(self) -> bool:
        """Whether another look is chosen than that of the picture before."""
        return str(self._controls["look.look"]) != self._playing[0]

    def recall(
        self, frame: Frame, size: tuple[int, int], box: pygame.Rect, layer: pygame.Surface | None
    ) -> None:
        """See a frame that was skipped after all, in a box of a canvas of that size, and of the
        layer: another look or model fades in from it."""
        passed, self._dt, self._fade_dt = (self._dt, self._fade_dt), 0.0, 0.0
        self.draw(frame, pygame.Surface(size, 0, 32), box, layer)
        self._dt, self._fade_dt = passed

    def draw(
        self,
        frame: Frame,
        canvas: Canvas,
        box: pygame.Rect,
        layer: pygame.Surface | None = None,
    ) -> None:
        """Draw the frame's picture in a box of the canvas, once after `advance`, and in that of a
        layer, which has alpha."""
        if frame.image is None:
            return
        field = field_of(frame.image, frame.kind, box.width / box.height)
        field = self._chain.apply(field, self._dt, self._fade_dt)
        smooth = bool(self._controls["look.smooth"])
        if field.kind == "colour":
            values = np.clip(field.values, 0, 1)
            if self._bright != 1:
                lit = to_linear(values.astype(np.float64)) * self._bright
                values = to_srgb(lit).astype(np.float32)
            paint_colours(canvas, box, values, smooth)
            if layer is not None:
                layer.fill(OPAQUE, box)
                paint_colours(layer, box, values, smooth)
            return
        values = -field.values if field.kind == "distance" else field.values
        side = min(box.size)
        # How much a level changes at an edge from one pixel to the next: of the screen, or of the
        # network where those are shown.
        pixel = 1 / side if smooth else max(field.pitch)
        if field.kind == "grey":
            pixel = min(pixel / max(field.pitch), 1.0) / EDGE_PX
        step = min(pixel * STEP_PX, STEP)
        span = (box.width / side / field.pitch[0], box.height / side / field.pitch[1])
        table = self._table(field, values, step, pixel, layer is not None)
        paint(canvas, box, values, span, smooth, table)
        if layer is not None:
            paint(layer, box, values, span, smooth, table)

    def _table(
        self, field: Field, values: FloatArray, step: float, pixel: float, has_layer: bool
    ) -> Table:
        """The colours of a field's levels. As long as neither looks nor fades move, those of one
        frame serve the next ones, too: it grows to all levels that come up."""
        first, last = levels(values, step)
        reach = 1 << max(-first, last).bit_length()
        name, _ = self._playing
        look, value = self._looks[name], self._controls.section(name)
        fading = min(self._look_fade.share, self._palette_fade.share) < 1
        is_still = not fading and not look.is_moving(value)
        made_of = (name, *value.values(), self._bright, step, reach, pixel, field.kind, field.pitch,
                   has_layer)  # fmt: skip
        kept, self._kept = self._kept, None
        if is_still and kept and kept.made_of == made_of and kept.palette == self.palette:
            before, after = kept.table.first, kept.table.first + len(kept.table.linear) - 1
            if before <= first and last <= after:
                self._kept = kept
                return kept.table
            first, last = min(first, before), max(last, after)
        if is_still:  # with some to spare, or it would grow a little in every other frame
            spare = max(reach // SPARE, 1)
            first, last = first // spare * spare, -(-last // spare) * spare
        at = (np.arange(first, last + 1) * np.float64(step)).astype(np.float32)
        seen = self._colours(*depths(field, at, pixel), has_layer)
        bright = np.float32(self._bright)
        table = Table(step, first, seen[:, :3] * bright, reach)
        if has_layer:
            table = replace(table, cover=seen[:, 3], ground=seen[0, 4:] * bright)
        if is_still:
            self._kept = _Kept(made_of, self.palette, table)
        return table

    def _colours(self, depth: FloatArray, pixel: FloatArray, has_layer: bool) -> FloatArray:
        """(n,) depths -> (n, 3) linear light, faded; for a layer (n, 7), with how much it covers,
        and its ground."""
        look = self._looks[self._playing[0]]
        value = self._controls.section(look.name)
        colours = look.colours(depth, pixel, self.palette, value).astype(np.float32)
        if has_layer:
            cover = look.cover(depth, pixel, value)[:, None]
            ground = np.broadcast_to(look.ground(self.palette, value), colours.shape)
            colours = np.concatenate([colours, cover, ground], axis=1).astype(np.float32)
        if self._before is not None and self._look_fade.share < 1:
            at, held = self._before
            before = np.stack([np.interp(depth, at, each) for each in held.T], axis=1)
            n = min(before.shape[1], colours.shape[1])  # one may have been without a layer
            before = before[:, :n].astype(np.float32)
            colours[:, :n] = mix(before, colours[:, :n], self._look_fade.eased)
        self._seen = depth, colours
        return colours


@dataclass(frozen=True)
class _Kept:
    """A table that may be of use again, and what it was made of."""

    made_of: tuple[object, ...]
    palette: Palette
    table: Table


def depths(field: Field, level: FloatArray, pixel: float) -> tuple[FloatArray, FloatArray]:
    """(n,) levels, greys or distances inside -> how deep they lie, and how large a pixel is there;
    (n,) both, in pictures. pixel: in levels."""
    if field.kind == "distance":
        return level, np.full_like(level, pixel)
    least = 1 / (1 + np.exp(SUREST))
    grey = least + (1 - 2 * least) * np.clip(level, 0, 1)
    odds = np.log(grey / (1 - grey))
    edge = EDGE_PX * max(field.pitch) / 4  # pictures an odd: at middle grey they rise by 4 a grey
    beyond = np.maximum(np.abs(odds) - SURE, 0)
    far = SURELY / (SUREST - SURE) ** 2
    depth = (edge * odds + far * np.sign(odds) * beyond**2).astype(np.float32)
    size = ((edge + 2 * far * beyond) / (grey * (1 - grey)) * pixel).astype(np.float32)
    # Where greys hardly change a pixel spans much; but none spans the outline from afar.
    return depth, np.maximum(np.minimum(size, np.abs(depth) / 2), np.float32(4 * edge * pixel))
