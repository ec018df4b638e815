"""Drawing and teaching, over the picture for whoever plays: where the pen is, the examples that are
kept, and the loss."""

from __future__ import annotations

import math

import numpy as np
import pygame

from visualiser.controls import Controls
from visualiser.data.taught import Example
from visualiser.look.palette import ALERT, INK, LINE, PAPER, QUIET
from visualiser.look.text import text
from visualiser.teach import MOST, Class

Boxes = tuple[pygame.Rect, pygame.Rect]
Points = list[tuple[float, float]]

PEN_S = 2.0  # that a pen is seen which does not move
_WIDE, _HIGH = 17, 7  # of the card with the curve, lines of text
_STEPS = 96  # places along the curve
_SMOOTH = 4  # losses that one place is the mean of


class Blackboard:
    """Draws nothing where there is nothing to tell."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._small: dict[int, tuple[Example, pygame.Surface]] = {}
        self._curve: tuple[object, pygame.Surface] | None = None
        self._pen: tuple[object, float] = None, 0.0  # where it was, and since when

    def draw(self, canvas: pygame.Surface, boxes: Boxes | None, seen: Class, t: float) -> None:
        """boxes: where input and output are on the canvas; t: s, of the show."""
        if boxes is None:
            return
        width, height = canvas.get_size()
        size = max(min(height // 40, width // 64, 32), 8)
        draws = self._controls["show.mode"] == "draw"
        if self._is_pen_seen(draws, t) and boxes[0] != boxes[1]:
            self._draw_pen(canvas, boxes[0], size)
        if seen.kept and (draws or seen.stage):
            self._draw_kept(canvas, boxes[0], size, seen.kept)
        if seen.stage:
            self._draw_card(canvas, boxes[1], size, seen, t)

    def _is_pen_seen(self, draws: bool, t: float) -> bool:
        """While it moves or is down, and a little longer; and at first, for there it is."""
        now = draws, *(self._controls[f"draw.{name}"] for name in ("pen", "x", "y"))
        if now != self._pen[0] or self._controls["draw.pen"]:
            self._pen = now, t
        return draws and t - self._pen[1] < PEN_S

    def _draw_pen(self, canvas: pygame.Surface, box: pygame.Rect, size: int) -> None:
        """A ring as wide as its line, with a dark one around it; full while it is down."""
        number = self._controls.number
        at = box.left + number("draw.x") * box.width, box.top + number("draw.y") * box.height
        radius = max(number("draw.width") * box.width / 2, size / 2)
        is_down = bool(self._controls["draw.pen"])
        pygame.draw.aacircle(canvas, INK, at, radius + 2, 2)
        pygame.draw.aacircle(canvas, ALERT, at, radius, 0 if is_down else 2)

    def _draw_kept(
        self, canvas: pygame.Surface, box: pygame.Rect, size: int, kept: tuple[Example, ...]
    ) -> None:
        """Small pictures in a row, along the top of the input."""
        edge = min(3 * size, (box.width - 2 * size) // MOST - size // 4)
        if edge < 8:
            return
        keys = {id(example) for example in kept}
        self._small = {key: one for key, one in self._small.items() if key in keys}
        x, y = box.left + size // 2, box.top + size // 2
        for example in kept:
            canvas.blit(self._thumbnail(example, edge), (x, y))
            x += edge + size // 4

    def _thumbnail(self, example: Example, edge: int) -> pygame.Surface:
        known = self._small.get(id(example))
        if known is None or known[1].get_width() != edge:
            grey = np.clip(example.picture, 0, 1)[..., None]
            colours = np.array(INK) + grey * (np.array(PAPER) - np.array(INK))
            whole = pygame.surfarray.make_surface(colours.astype(np.uint8).swapaxes(0, 1))
            drawn = pygame.transform.smoothscale(whole, (edge, edge))
            pygame.draw.rect(drawn, QUIET, drawn.get_rect(), 1)
            known = self._small[id(example)] = example, drawn
        return known[1]

    def _draw_card(
        self, canvas: pygame.Surface, box: pygame.Rect, size: int, seen: Class, t: float
    ) -> None:
        """The curve of the loss, in the upper right corner of the output."""
        card = pygame.Rect(0, 0, min(_WIDE * size, box.width), _HIGH * size)
        card.topright = box.right - size // 2, box.top + size // 2
        if card.width < 10 * size or card.height > box.height:
            return
        losses, share = seen.progress.losses, seen.progress.share
        small = max(size * 4 // 5, 8)
        inner = card.inflate(-2 * size, 0)
        plot = pygame.Rect(0, int(2.2 * size), inner.width, card.height - int(3.2 * size))
        plot.left = size
        key = (card.size, losses, share)
        if self._curve is None or self._curve[0] != key:
            self._curve = key, _card(card.size, plot, size, losses, share)
        canvas.blit(self._curve[1], card)

        words, right = _words(seen)
        is_new = seen.stage == "learned"
        drawn = text(right, small, ALERT if is_new else PAPER)
        top = card.top + size * 3 // 4
        canvas.blit(text(words, small, PAPER if is_new else QUIET), (inner.left, top))
        canvas.blit(drawn, (inner.right - drawn.get_width(), top))
        if (
            seen.stage == "learning" and len(losses) < 2
        ):  # it has not begun: a light that goes to and fro says that it will
            at = plot.left + card.left + plot.width * (0.5 - 0.5 * math.cos(2.2 * t))
            dot = pygame.Rect(0, 0, 2 * size, max(size // 6, 2))
            dot.center = int(at), card.top + plot.bottom
            pygame.draw.rect(canvas, QUIET, dot.clamp(inner), border_radius=size)


def _words(seen: Class) -> tuple[str, str]:
    """On the left, and on the right."""
    shapes = f"{seen.learning} shape{'' if seen.learning == 1 else 's'}"
    if seen.stage == "learned":
        return f"learned {shapes}", seen.learned
    if seen.stage == "waiting":
        return f"learned {shapes}", "on the beat"
    if not seen.progress.losses:
        return f"learning {shapes}", "waking"
    return f"learning {shapes}", f"{max(math.ceil(seen.left_s), 1)} s"


def _card(
    size: tuple[int, int],
    plot: pygame.Rect,
    line: int,
    losses: tuple[float, ...],
    share: float,
) -> pygame.Surface:
    """All of it but its words: from left to right is the whole of the training."""
    card = pygame.Surface(size, pygame.SRCALPHA)
    pygame.draw.rect(card, (*INK, 232), card.get_rect(), border_radius=line)
    pygame.draw.rect(card, LINE, card.get_rect(), width=1, border_radius=line)
    thick = max(line // 6, 2)
    foot = pygame.Rect(plot.left, plot.bottom, plot.width, thick)
    pygame.draw.rect(card, LINE, foot, border_radius=thick)
    done = foot.copy()
    done.width = int(foot.width * min(max(share, 0.0), 1.0))
    pygame.draw.rect(card, QUIET, done, border_radius=thick)
    if len(losses) >= 2:
        points = curve(losses, share, plot)
        under = [*points, (points[-1][0], plot.bottom - 1), (points[0][0], plot.bottom - 1)]
        pygame.draw.polygon(card, (*LINE, 255), under)
        pygame.draw.lines(card, PAPER, False, points, 2)
        pygame.draw.aalines(card, PAPER, False, points)
        pygame.draw.circle(card, ALERT, points[-1], max(line / 4, 2.5))
    return card


def curve(losses: tuple[float, ...], share: float, plot: pygame.Rect) -> Points:
    """Where the losses are in a box: smoothed a little, the highest at its top, half of the lowest
    at its foot, the last at that share of its width."""
    n = min(len(losses), _STEPS)
    kernel = np.ones(min(_SMOOTH, len(losses)))
    weight = np.convolve(np.ones(len(losses)), kernel)[: len(losses)]
    smooth = np.convolve(np.log(np.maximum(losses, 1e-9)), kernel)[: len(losses)] / weight
    at = np.linspace(0, len(losses) - 1, n)
    y = np.interp(at, np.arange(len(losses)), smooth)
    low, high = float(smooth.min()) - 0.35, float(smooth.max())
    across = plot.left + np.linspace(0, min(max(share, 0.0), 1.0), n) * (plot.width - 1)
    down = plot.bottom - 1 - (y - low) / (high - low) * (plot.height - 1)
    return list(zip(across.tolist(), down.tolist(), strict=True))
