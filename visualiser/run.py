"""Playing live: the loop, and everything that takes part in it."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import pygame

from visualiser import loops
from visualiser.blackboard import Blackboard
from visualiser.clock import WallClock
from visualiser.conductor import Conductor
from visualiser.config import ROOT, Settings
from visualiser.controls import Control, Controls
from visualiser.cues import Cues
from visualiser.decode import Network, Worker
from visualiser.files import write_bytes
from visualiser.inputs.base import Input
from visualiser.inputs.midi import Midi
from visualiser.inputs.midi import declare as declare_knobs
from visualiser.inputs.osc import Osc
from visualiser.listener import Listener, source_of, tempo_of
from visualiser.listener import declare as declare_hearing
from visualiser.look import flash
from visualiser.look import panes as look
from visualiser.nets import checkpoint
from visualiser.record import Recording
from visualiser.reload import Reload
from visualiser.remember import Memory
from visualiser.screenshot import Screenshots
from visualiser.show import Show, declare
from visualiser.sooner import Sooner
from visualiser.stage import CONTROLS as STAGE
from visualiser.stage import Stage
from visualiser.state import State
from visualiser.takes.events import Head, rounded
from visualiser.takes.log import Log
from visualiser.teach import Teacher
from visualiser.teach import declare as declare_teaching
from visualiser.timeline import EMPTY, Timeline, read
from visualiser.types import Features, Tick, UserError
from visualiser.undo import History
from visualiser.window import CONTROLS, MESSAGE_S, Status, Window
from visualiser.words import printable

CUES = ROOT / "cues"

MOVING = 3  # ticks, after which whoever has typed the command sees that it moves


def declared_controls(model: str | None = None) -> list[Control]:
    """Every control there is; model: one to choose from beside those in models/, by path."""
    names = checkpoint.names()
    models = [*names, model] if model and checkpoint.is_path(model) else names
    shown = [*declare(models), *declare_teaching()]
    played = [*declare_hearing(), *declare_knobs()]
    return [*shown, *played, *look.declare(), *flash.declare(), *STAGE, *CONTROLS]


def has_display() -> bool:
    """Whether a window can be seen, or SDL was told where to draw instead."""
    if wanted := os.environ.get("SDL_VIDEODRIVER"):
        try:
            pygame.display.init()
        except pygame.error as error:
            raise UserError(f"SDL_VIDEODRIVER={wanted} gives no window: {error}") from None
        return True
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        return False  # asking SDL would make its libraries complain on stderr
    pygame.display.init()
    return pygame.display.get_driver() not in ("dummy", "offscreen")


def timeline_of(settings: Settings, path: Path | None, tempo: float | None = None) -> Timeline:
    """A timeline's file. UserError for what is wrong with it, and for cues that are not stored."""
    controls = Controls(declared_controls(settings.model), settings.controls)
    written = read(path, controls, tempo) if path is not None else EMPTY
    if written.cues:
        Cues(controls, CUES, waits=True).read().want(written.cues)
    return written


def perform(
    settings: Settings,
    song: Path | None = None,
    record: bool = False,
    seconds: float = float("inf"),
    timing: Path | None = None,
    fresh: bool = False,
    written: Timeline = EMPTY,
) -> None:
    """Play until someone quits. timing: where to write what was heard and shown when, as JSON;
    fresh: begin as the settings say, and not as it was left last time; written: what is done when,
    in the song's time if there is one."""
    declared = declared_controls(settings.model)
    state = State(settings, declared, fresh)
    settings = state.settings
    controls = Controls(declared, settings.controls)
    with ExitStack() as stack:
        stopping = stack.enter_context(signals())
        worker = Worker(Network().draw)
        history = History()
        show = Show(controls, worker, settings.show.seed, cues=Cues(controls, CUES))
        show.cues.history = history
        messages = Messages()

        def end_show() -> None:
            show.close()
            for line in show.cues.notices():
                messages.say(line)

        stack.callback(end_show)
        window = Window(settings.window, controls, "Squircle", state.place, history)
        stack.callback(window.close)
        stage = Stage(settings.stage, controls, window.panes)
        stack.callback(stage.close)
        memory = Memory(settings.path)
        stack.callback(memory.close)
        source = source_of(settings.sound, song)
        listener = Listener(source, settings.sound, controls, memory, history)
        stack.callback(listener.close)
        recording = Recording(settings.record)
        screenshots = Screenshots(settings.record)
        guard = flash.FlashGuard(controls)
        log = None
        if settings.take.on:
            log = Log(head_of(settings, controls, song), settings.take.sound)
            stack.callback(log.close)

        def end_recording() -> None:
            recording.close()
            screenshots.close()
            for line in [*recording.notices, *screenshots.said()]:
                messages.say(line)

        stack.callback(end_recording)
        if record:
            recording.start(stage.size(window.canvas))
        reload = Reload(settings, controls, memory, song is None).start()
        stack.callback(reload.close)
        state.follow(window.place, lambda: reload.written)
        stack.callback(state.close)
        osc = Osc(settings.osc, controls)
        stack.callback(osc.close)
        midi = Midi(settings.midi, controls, memory, history=history)
        stack.callback(midi.close)
        teacher = Teacher(controls, history=history)
        stack.callback(teacher.close)
        blackboard = Blackboard(controls)
        inputs: list[Input] = [window, reload, state, osc, midi, teacher]
        conductor = Conductor(written, controls)
        shown = Shown(timing)
        stack.callback(shown.write)
        loading = loops.Loading()
        stack.callback(loading.close)

        gc.collect()
        gc.freeze()  # what is here stays; looking through it again and again costs frames
        clock = WallClock(settings.window.fps)
        sooner = Sooner(listener.attend, window.has_news, osc.has_news, midi.has_news)
        for tick in clock.ticks(sooner):
            features = listener.listen(tick)
            song_at = listener.song_at(tick)
            t = tick.t if song_at is None else song_at
            features = conductor.hear(features, t)
            features = rounded(features) if log is not None else features
            shown.hear(tick, features, clock.began)
            commands = [command for each in inputs for command in each.commands()]
            commands += window.pasted(commands)
            commands += history.commands(commands)
            commands += conductor.commands(t, t + tick.dt / 2, commands)
            listener.obey(tick, commands)
            midi.follow(reload.written)
            midi.obey(commands)
            commands += stage.obey(commands, show.paused)
            window.scope.hear(tick, features)
            history.watch(commands, show)
            frame = show.update(tick, features, commands)
            if log is not None:
                log.write(tick, features, commands, show, listener.sound, song_at)
            teacher.attend(tick, features, commands, show.drawing, show.model)
            if not commands and sooner(clock.now()):
                continue  # something has begun meanwhile: that is drawn instead
            stage.paint(frame, tick, features)
            window.draw(frame, tick, features)
            output = stage.draw(window.canvas)  # what the audience sees
            guard.limit(output, tick.t)
            recording.write(output, tick, listener.sound)

            asked = {id for id, _ in commands}
            if "window.screenshot" in asked:
                is_as_drawn = stage.curtain.is_open and guard.share == 1
                screenshots.take(window.panes, output, frame, tick, features, is_as_drawn,
                                 is_alone=stage.output.is_on)  # fmt: skip
            if "window.record" in asked:
                recording.toggle(output.get_size())
            if "window.inputs" in asked:
                window.picker.toggle(listener.source)
            lines = [line for each in inputs for line in each.notices()]
            lines += log.said() if log is not None else []
            lines += stage.notices() + history.notices()
            for line in [*lines, *listener.notices(), *show.notices, *recording.notices,
                         *screenshots.said()]:  # fmt: skip
                messages.say(line)
            show.notices.clear()
            recording.notices.clear()

            status = Status(
                driver=str(controls["show.driver"]),
                model=frame.model.name,
                mode=str(controls["show.mode"]),
                speed=controls.number("show.speed"),
                paused=show.paused,
                stage=stage.sign,
                source=listener.source.label,
                trouble=listener.trouble,
                tempo=tempo_of(features),
                recording=recording.marker(tick.t),
                flashes=guard.words,
                message=midi.learning or listener.learning or messages.now(tick.t),
                held=show.pins.held.tolist(),
                cues=show.cues.view,
                knobs=midi.knobs,
            )
            blackboard.draw(window.canvas, window.panes.boxes, teacher.seen(tick), tick.t)
            window.add_words(frame, features, status, listener.hearing(), tick.t)
            if not features.onset:  # what has just begun is not to wait for an even time
                clock.hold()
            stage.flip()
            window.flip()
            window.scope.delay.flip(frame.tick.index, clock.now())
            shown.count(frame.tick.index, frame.image is not None)
            for each in inputs:
                each.tell(controls.values)
            window.begin(clock.next_t)
            if frame.image is not None and tick.index > MOVING:
                loading.begin()
            if "window.quit" in asked or tick.t >= seconds or stopping():
                return


def head_of(settings: Settings, controls: Controls, song: Path | None) -> Head:
    """What a take says of the whole."""
    values = {each.id: controls[each.id] for each in controls if each.is_setting}
    size = (settings.window.width, settings.window.height)
    created = datetime.now().astimezone().isoformat(timespec="seconds")
    models = controls.get("show.model")
    return Head(
        settings.show.seed,
        values,
        created,
        str(song.resolve()) if song else "",
        size,
        settings.sound.loop,
        models.choices if models is not None else (),
    )


class Messages:
    """Lines for the person: on stderr at once, and on screen for a while."""

    def __init__(self) -> None:
        self._line = ""
        self._until: float | None = None

    def say(self, line: str) -> None:
        line = printable(line)
        print(line, file=sys.stderr, flush=True)
        self._line, self._until = line, None

    def now(self, t: float) -> str:
        """What is on screen at show time t."""
        if self._until is None:
            self._until = t + MESSAGE_S
        return self._line if t < self._until else ""


class Shown:
    """What was heard and when it was shown, for whoever asked; times are time.time()'s.

    Written are: began, the show's time 0; flips, when each was; pictures, those flips that showed a
    new picture; frames, for each flip the tick whose picture it showed, or -1; ticks, by their
    index: [when the newest sample was captured, strength of the onset].
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._began = 0.0
        self._flips: list[float] = []
        self._pictures: list[float] = []
        self._frames: list[int] = []
        self._ticks: list[tuple[float, float]] = []
        self._last = -1

    def hear(self, tick: Tick, features: Features, began: float) -> None:
        """Tick by tick, what was heard. began: the show's time 0, perf_counter's."""
        if self._path is None:
            return
        if not self._began:
            self._began = time.time() - time.perf_counter() + began
        self._ticks.append((self._began + features.heard_t, features.onset))

    def count(self, index: int, is_picture: bool) -> None:
        """A flip has shown the frame of tick `index`."""
        if self._path is None:
            return
        now = time.time()
        self._flips.append(now)
        self._frames.append(index if is_picture else -1)
        if is_picture and index != self._last:
            self._pictures.append(now)
            self._last = index

    def write(self) -> None:
        if self._path is not None:
            report = {
                "began": self._began,
                "flips": self._flips,
                "pictures": self._pictures,
                "frames": self._frames,
                "ticks": self._ticks,
            }
            write_bytes(self._path, json.dumps(report).encode())


@contextmanager
def signals() -> Iterator[Callable[[], bool]]:
    """Ctrl-C and a polite kill end the show as `quit` does; a second one ends it at once."""
    stopped: list[int] = []

    def stop(number: int, frame: object) -> None:
        if stopped:
            raise KeyboardInterrupt
        stopped.append(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(stopped)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
