"""The verb `latency`: clicks out of the loudspeaker, into the microphone, onto the screen."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import pygame

from visualiser.audio.clicks import Clicks, find_click
from visualiser.audio.source import ShowClock, Source
from visualiser.clock import WallClock
from visualiser.config import Settings
from visualiser.controls import Controls
from visualiser.listener import Listener, source_of
from visualiser.run import declared_controls, has_display
from visualiser.types import UserError
from visualiser.verbs.listen import require_input
from visualiser.window import Window

_PATIENCE_S = 8.0  # for input and output to open
_LISTEN_S = 0.25  # how far back an onset's click is looked for
_AFTER_S = 0.8  # how long after the last click one may still be heard
_EARLY_S, _LATE_S = 0.05, 0.45  # when a click can be captured, from when it was played
_ALIKE = 0.25  # what is less like a click is something else that was heard
_FADE = 0.8  # of the flash, a frame


@dataclass
class Found:
    """Times of perf_counter(). played: (clicks,) when each left the loudspeaker; onsets: pairs of
    when the click of one was captured, and when the frame that shows it was flipped; newest: for
    each frame how old the newest sample it heard was at its flip, s; loudest: dBFS."""

    played: list[float] = field(default_factory=list)
    onsets: list[tuple[float, float]] = field(default_factory=list)
    newest: list[float] = field(default_factory=list)
    loudest: float = -120.0


def latency(settings: Settings, clicks: int) -> None:
    """Play so many clicks, and print how long they take to the picture.

    UserError where there is no input or no output, or no click is heard.
    """
    if clicks < 1:
        raise UserError("--clicks 0: allowed are 1 to 1000")
    require_input(settings.sound.input)
    if not has_display():
        os.environ["SDL_VIDEODRIVER"] = "dummy"
    with ExitStack() as stack:
        controls = Controls(declared_controls(settings.model), settings.controls)
        window = Window(settings.window, controls, "Squircle: latency")
        stack.callback(window.close)
        driver = pygame.display.get_driver()
        source = source_of(settings.sound, None)
        stack.callback(source.close)
        found = _measure(
            Listener(source, settings.sound, controls), settings, clicks, window, stack
        )
        if driver in ("dummy", "offscreen"):
            print("there is no display: flips are counted of a window that nobody sees")
        _report(found, source.label)


def _measure(
    listener: Listener, settings: Settings, clicks: int, window: Window, stack: ExitStack
) -> Found:
    found, origin, source = Found(), ShowClock(), listener.source
    player: Clicks | None = None
    began, light = time.perf_counter(), 0.0
    clock = WallClock(settings.window.fps)
    for tick in clock.ticks():
        origin.learn(tick.t)
        features = listener.listen(tick)
        is_onset = features.onset > 0
        light = 255.0 if is_onset else light * _FADE
        window.canvas.fill((int(light),) * 3)
        if any(id == "window.quit" for id, _ in window.commands()):
            raise KeyboardInterrupt
        clock.hold()
        window.flip()
        now = time.perf_counter()

        for line in source.notices():
            print(line, file=sys.stderr)
        if player is None:
            if source.state == "hearing":
                player = Clicks(clicks)
                stack.callback(player.close)
            elif now - began > _PATIENCE_S:
                raise UserError(f"{source.label} does not open: it is {source.state}")
            continue
        if player.fault:
            raise UserError(player.fault)
        found.newest.append(now - origin.moment(features.heard_t))
        found.loudest = max(found.loudest, features.level_dbfs)
        if is_onset:
            captured = _captured(source, tick.t, origin)
            if captured is not None:
                found.onsets.append((captured, now))
        while len(found.played) < clicks:
            played = player.played(len(found.played))
            if played is None:
                break
            found.played.append(played)
        if len(found.played) == clicks and now > found.played[-1] + _AFTER_S:
            return found
    raise AssertionError("a wall clock never ends")


def _captured(source: Source, t: float, origin: ShowClock) -> float | None:
    """When the first sample of the newest click was captured, perf_counter's."""
    samplerate = source.window(t, 1).samplerate
    sound = source.window(t, round(_LISTEN_S * samplerate))
    at, alike = find_click(sound.samples, samplerate)
    if alike < _ALIKE:
        return None
    return origin.moment(sound.t - (len(sound.samples) - 1 - at) / samplerate)


def match(found: Found) -> list[tuple[float, float, float]]:
    """For each click that was heard: when it was played, captured and first seen."""
    rows = []
    for played in found.played:
        for captured, flipped in found.onsets:
            if -_EARLY_S < captured - played < _LATE_S:
                rows.append((played, captured, flipped))
                break
    return rows


def _report(found: Found, label: str) -> None:
    rows = np.array(match(found))
    wanted = len(found.played)
    if not len(rows):
        raise UserError(
            f"none of {wanted} clicks was heard (the loudest was {found.loudest:.0f} dBFS): is the "
            f"loudspeaker on and loud, and is {label} near it and the right [sound] input?"
        )
    played, captured, flipped = rows.T
    newest = np.array(found.newest)
    print(f"{len(rows)} of {wanted} clicks were heard, by {label}")
    print(f"{'':42}   median      p95")
    for words, times in (
        ("click played to captured", captured - played),
        ("captured to flipped: sound to picture", flipped - captured),
        ("the whole loop", flipped - played),
        ("newest sample heard to flipped", newest),
    ):
        median, p95 = np.percentile(times * 1e3, (50, 95))
        print(f"{words:42} {median:5.1f} ms {p95:5.1f} ms")
    # A beat's phase is that of the newest sample: finding an onset takes time, a beat is foreseen.
    lead_s = max(float(np.median(captured - played) + np.median(newest)), 0.0)
    print("\nfor motion on the beat that leads by what the loop takes, in config.toml:")
    print(f"[audio]\nlead = {lead_s:.3f}")
    if len(rows) < 0.8 * wanted:
        print("many clicks were not heard: turn it up, or the room down", file=sys.stderr)
