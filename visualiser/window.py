"""The pygame window: keys in, canvas and words out."""

from __future__ import annotations

import os
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pygame

from visualiser import config
from visualiser.clipboard import copied_paths
from visualiser.controls import Command, Control, Controls, Stroke, Value, action, switch
from visualiser.controls import Key as ControlKey
from visualiser.cues import View
from visualiser.frame import Frame
from visualiser.help import Help
from visualiser.look.palette import ALERT, INK, LINE, PAPER, QUIET
from visualiser.look.panes import Panes
from visualiser.look.text import ADVANCE, text
from visualiser.output import of_output
from visualiser.panel import ARROWS, MOUSE, Panel
from visualiser.panel import KEYS as PANEL_KEYS
from visualiser.picker import KEYS, Picker
from visualiser.place import Place, desktop, opened_at
from visualiser.scope import Hearing, Scope
from visualiser.strip import Strip
from visualiser.types import Features, Tick
from visualiser.undo import History

CONTROLS: tuple[Control, ...] = (
    switch("window.help", "this help", False, (ControlKey("h", "this help, and away"),)),
    switch("window.hud", "the line at the foot", True,
           (ControlKey("i", "the line at the foot, and away"),)),
    switch("window.fullscreen", "full screen", False, (ControlKey("f", "full screen, and back"),)),
    switch("window.scope", "what it hears", False, (ControlKey("v", "what it hears, and away"),)),
    switch("window.panel", "sliders for everything", False,
           (ControlKey("tab", "sliders for everything, page by page"),)),
    action("window.inputs", "choose the sound input", "a"),
    action("window.paste", "start from the picture whose path was copied", "ctrl v"),
    action("window.screenshot", "screenshot", "s"),
    action("window.record", "record, and stop", "r"),
    action("window.quit", "quit", "q"),
)  # fmt: skip

MESSAGE_S = 6.0
HIDDEN = ("window.panel", "window.inputs", "window.scope", "cues.strip")  # while the help is shown


@dataclass(frozen=True)
class Status:
    """What the words on the canvas say. trouble: of the source; tempo: while there is a beat; held:
    which latents are in someone's hands; stage: what the audience sees instead of the picture;
    flashes: the guard's meter, and whether it is an alarm; knobs: gives those of MIDI that
    move a control, by its id."""

    driver: str
    model: str
    mode: str
    speed: float
    paused: bool
    stage: str
    source: str
    trouble: str
    tempo: str
    recording: str
    flashes: tuple[str, bool]
    message: str
    held: Sequence[bool] = ()
    cues: View = field(default_factory=View)
    knobs: Callable[[str], Iterable[object]] = lambda id: ()


class Window:
    """One window; owns the display. `canvas` is drawn before the words, so it can be recorded.

    at: where to open it, if that is on a display still; history: told of what is lost by hand.
    """

    def __init__(
        self,
        settings: config.Window,
        controls: Controls,
        title: str,
        at: Place | None = None,
        history: History | None = None,
    ) -> None:
        self._controls = controls
        if sys.platform == "linux" and not settings.accelerated:
            # Where the renderer is Mesa's software one this makes a flip 14 times faster.
            os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
        pygame.display.init()  # display alone: pygame.init would open sound devices too
        pygame.display.set_caption(title)
        self._size = (settings.width, settings.height)
        self._fullscreen = False
        with opened_at(at) as corner:
            self.canvas = pygame.display.set_mode(self._size, pygame.RESIZABLE)
        self._corner = corner
        self._desktop = desktop()
        pygame.key.set_repeat(400, 60)
        self.panes = Panes(controls)
        self.picker = Picker()
        self.panel = Panel(controls, history)
        self.scope = Scope()
        self._help = Help(controls)
        self.strip = Strip()
        self._fps = Fps()
        self._pen: tuple[float, float] | None = None  # where it was last, while it draws
        self._lines: list[str] = []
        self._holding: dict[int, str] = {}  # by keys that are down: what is on as long

    def commands(self) -> Iterator[Command]:
        """What was asked for since the last frame."""
        for event in pygame.event.get():
            if (of_it := of_output(event)) is not None:
                yield from of_it
            elif event.type in (pygame.QUIT, pygame.WINDOWCLOSE):
                yield "window.quit", True
            elif event.type == pygame.WINDOWENTER:
                pygame.mouse.set_visible(not self._fullscreen)
            elif event.type == pygame.DROPFILE:
                yield "show.drop", str(event.file)
            elif event.type in MOUSE:
                asked = self.panel.on_mouse(event)
                yield from asked if asked is not None else self._draw_by_hand(event)
            elif event.type == pygame.WINDOWMOVED and not self._fullscreen:
                self._corner, self._desktop = (event.x, event.y), desktop()
            elif event.type == pygame.KEYUP:
                if id := self._holding.pop(event.key, None):
                    yield id, False
            elif event.type == pygame.KEYDOWN:
                name = pygame.key.name(event.key)
                is_held = getattr(event, "repeat", 0)
                if is_held and event.key in self._holding:
                    continue  # in another mode it would mean something else by now
                is_covered = bool(self._controls["window.help"])
                if self.picker.is_open and name in KEYS and not is_covered:
                    chosen = self.picker.on_key(name)
                    if chosen is not None:
                        yield "sound.choose", chosen
                    continue
                if self.panel.is_open and name in PANEL_KEYS and not is_covered:
                    if name in ARROWS or not is_held:
                        yield from self.panel.on_key(name, bool(event.mod & pygame.KMOD_SHIFT))
                    continue
                if event.key == pygame.K_ESCAPE:  # out of whatever covers the show, never out of it
                    yield "window.help", False
                    yield "cues.strip", False
                    yield "window.fullscreen", False
                    continue
                is_with = event.mod & (pygame.KMOD_CTRL | pygame.KMOD_META)
                command = is_with and self._controls.on_key(f"ctrl {name}")
                command = command or self._controls.on_key(name)
                if command and command[0] in HIDDEN and is_covered and not is_held:
                    yield from self._uncover(command)
                elif command and (not is_held or self._controls.repeats(command[0])):
                    if self._controls.is_hold(command[0]):
                        self._holding[event.key] = command[0]
                    yield command

    def _uncover(self, command: Command) -> Iterator[Command]:
        """What was asked for from the help is shown in its place."""
        yield "window.help", False
        is_picker = command[0] == "window.inputs"
        if not (self.picker.is_open if is_picker else self._controls[command[0]]):
            yield command

    def pasted(self, commands: Iterable[Command]) -> list[Command]:
        """What to start from, if that is asked for among these."""
        if not any(id == "window.paste" and value is not False for id, value in commands):
            return []
        paths = copied_paths()
        if not paths:
            self._lines.append("nothing was copied that is a picture's path")
        return [("show.drop", path) for path in paths]

    def has_news(self) -> bool:
        """Whether a key or a button was pressed since the last frame."""
        return bool(pygame.event.peek((pygame.KEYDOWN, pygame.MOUSEBUTTONDOWN)))

    def _draw_by_hand(self, event: pygame.event.Event) -> Iterator[Command]:
        """Lines on the input pane, while the left button is held."""
        box, output = self.panes.boxes or (pygame.Rect(0, 0, 0, 0),) * 2
        if event.type == pygame.MOUSEWHEEL:
            return
        if event.type == pygame.MOUSEBUTTONUP or box == output:  # there is no input pane
            self._pen = None
            return
        place = ((event.pos[0] - box.x) / box.width, (event.pos[1] - box.y) / box.height)
        if event.type == pygame.MOUSEBUTTONDOWN:
            inside = box.collidepoint(event.pos) and event.button == pygame.BUTTON_LEFT
            self._pen = place if inside else None
        if self._pen is not None:
            yield "draw.line", Stroke(self._pen, place)
            self._pen = place

    def draw(self, frame: Frame, tick: Tick, features: Features) -> None:
        """Draw the panes on the canvas, which is then as it should be recorded. tick, features: of
        now; the frame's own may be older."""
        if bool(self._controls["window.fullscreen"]) != self._fullscreen:
            self._toggle_fullscreen()
        self.canvas = pygame.display.get_surface() or self.canvas
        self.panes.draw(frame, self.canvas, tick, features, self._below())

    def begin(self, t: float) -> None:
        """Draw ahead, of the frame to come at t, s of the show, what can be drawn already, and some
        of what may be asked for."""
        self._help.prepare(self._above().size, self._line_height() + 4)
        self.panes.begin(self.canvas, t, self._below())

    def _below(self) -> int:
        return self._line_height() * 2 if self._controls["window.hud"] else 0

    def _above(self) -> pygame.Rect:
        """The canvas without the line at its foot."""
        box = self.canvas.get_rect()
        box.height = max(box.height - self._below(), 1)
        return box

    def add_words(
        self, frame: Frame, features: Features, status: Status, hearing: Hearing, now: float
    ) -> None:
        """Write on the canvas what is for the performer. now: s, of the wall."""
        self._fps.count(now)
        waiting = frame.image is None and not frame.error
        if waiting and self.panes.boxes:
            self._centred("waking the network", self.panes.boxes[1], QUIET)
        if self._controls["window.hud"]:
            self._hud(features, status)
        covered = self._controls["window.help"] or self.picker.is_open
        foot = self._below()
        if self.panel.is_open and not covered:
            palette, size = self.panes.palette, self._line_height()
            self.panel.draw(self.canvas, frame, status.held, palette, size, foot, status.knobs)
        elif self._controls["cues.strip"] and not covered:
            foot += self.strip.draw(self.canvas, status.cues, self._line_height(), foot)
        if self._controls["window.scope"] and not covered:
            self.scope.draw(self.canvas, features, hearing, now, foot)
        if self._controls["window.help"]:
            self._help.draw(self.canvas.subsurface(self._above()), self._line_height() + 4)
        elif self.picker.is_open:
            self.picker.draw(self.canvas, self._line_height())
        left = self.panel.right if self.panel.is_open and not covered else 0
        if frame.error:
            self._message(f"the network failed: {frame.error}", ALERT, left)
        elif status.message:
            self._message(status.message, PAPER, left)

    def place(self) -> Place | None:
        """Where it is; None while it fills the screen."""
        if self._fullscreen:
            return None
        return Place(self.canvas.get_size(), self._corner, self._desktop)

    def flip(self) -> None:
        """Show the canvas."""
        pygame.display.flip()

    def tell(self, values: Mapping[str, Value]) -> None:
        """As every input; it looks at the controls itself."""

    def notices(self) -> list[str]:
        lines, self._lines = self._lines, []
        return lines

    def close(self) -> None:
        self.picker.close()
        self.panel.close()
        self.strip.close()
        pygame.display.quit()

    def _toggle_fullscreen(self) -> None:
        self._fullscreen = not self._fullscreen
        if self._fullscreen:
            self._size = self.canvas.get_size()
            self.canvas = pygame.display.set_mode((0, 0), pygame.FULLSCREEN)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the first call leaves full screen, at its size
                pygame.display.set_mode(self._size)
                self.canvas = pygame.display.set_mode(self._size, pygame.RESIZABLE)
        pygame.mouse.set_visible(not self._fullscreen)

    def _line_height(self) -> int:
        return max(min(self.canvas.get_height() // 40, self.canvas.get_width() // 64, 32), 8)

    def _hud(self, features: Features, status: Status) -> None:
        size = self._line_height()
        width, height = self.canvas.get_size()
        y = height - size * 2
        x = size
        parts = [
            (status.driver, PAPER),
            (status.model, PAPER),
            (status.mode, QUIET),
            (f"x{status.speed:.3g}", QUIET),
            (f"{self._fps.now:3.0f} fps", QUIET),
        ]
        if status.cues.current is not None:
            parts.append((f"cue {status.cues.current}", PAPER))
        if status.tempo:
            parts.append((status.tempo, PAPER))
        if status.paused:
            parts.append(("paused", ALERT))
        if status.stage:
            parts.insert(0, (status.stage, ALERT))
        right = width - size
        flashes, is_alarm = status.flashes
        beside = (flashes, ALERT if is_alarm else QUIET)
        for words, colour in (("H help", QUIET), (status.recording, ALERT), beside):
            if words:
                drawn = text(words, size, colour)
                right -= drawn.get_width()
                self.canvas.blit(drawn, (right, y))
                right -= size
        for words, colour in parts:  # as many as there is room for
            drawn = text(words, size, colour)
            if x + drawn.get_width() > right:
                return
            self.canvas.blit(drawn, (x, y))
            x += drawn.get_width() + size
        meter = pygame.Rect(x, y + size // 4, size * 6, max(size // 2, 3))
        if meter.right > right:
            return
        self._meter(features, meter)
        words, left = status.trouble or status.source, meter.right + size
        fit = int((right - left) / (size * ADVANCE))
        if len(words) > fit and status.trouble:
            words = f"{words[: fit - 3]}..."
        if len(words) <= fit:
            self.canvas.blit(text(words, size, ALERT if status.trouble else QUIET), (left, y))

    def _meter(self, features: Features, box: pygame.Rect) -> None:
        """The input's level, -60 to 0 dBFS."""
        pygame.draw.rect(self.canvas, LINE, box, border_radius=box.height // 2)
        share = min(max((features.level_dbfs + 60) / 60, 0.0), 1.0)
        if share > 0:
            full = box.copy()
            full.width = max(int(box.width * share), box.height)
            colour = ALERT if features.level_dbfs > -1 else PAPER
            pygame.draw.rect(self.canvas, colour, full, border_radius=box.height // 2)

    def _message(self, words: str, colour: tuple[int, int, int], left: int) -> None:
        """left: where what is beside it ends, px."""
        size = self._line_height()
        width = self.canvas.get_width()
        if width - left < 24 * size:  # there is no room beside it
            left = 0
        fit = max(int((width - left - 4 * size) / (size * ADVANCE)), 8)
        most = 6 if left else 3
        for n, line in enumerate(
            textwrap.wrap(words[: most * fit], fit, break_on_hyphens=False)[:most]
        ):
            drawn = text(line, size, colour)
            box = drawn.get_rect(midtop=((left + width) // 2, int(size * (0.8 + 1.5 * n))))
            pygame.draw.rect(
                self.canvas, INK, box.inflate(size, size // 2), border_radius=size // 2
            )
            self.canvas.blit(drawn, box)

    def _centred(self, words: str, box: pygame.Rect, colour: tuple[int, int, int]) -> None:
        drawn = text(words, self._line_height(), colour)
        self.canvas.blit(drawn, drawn.get_rect(center=box.center))


class Fps:
    """Frames a second over the last half second."""

    def __init__(self) -> None:
        self.now = 0.0
        self._since: float | None = None
        self._frames = 0

    def count(self, now: float) -> None:
        if self._since is None:
            self._since = now
            return
        self._frames += 1
        if now - self._since >= 0.5:
            self.now = self._frames / (now - self._since)
            self._since, self._frames = now, 0
