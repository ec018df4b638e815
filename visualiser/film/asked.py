"""What was typed behind `render`, as an order."""

from __future__ import annotations

import argparse
import sys
from collections import deque
from dataclasses import replace
from pathlib import Path

from visualiser.audio.file import audio_duration_s
from visualiser.config import Settings
from visualiser.controls import Controls
from visualiser.cues import Cues
from visualiser.film.loop import LONGEST_S
from visualiser.film.performance import Order
from visualiser.run import CUES, declared_controls, timeline_of
from visualiser.times import Metre, length
from visualiser.types import UserError

PREVIEW_S = 10.0
CHANGES = ("timeline", "set_list", "seconds")  # options that no loop can have


def length_of(song: Path | None) -> float:
    """How long a film is if nobody says: as its song, or PREVIEW_S, s. What is missing of the song
    is told."""
    if song is None:
        return PREVIEW_S
    notices: deque[str] = deque()
    seconds = audio_duration_s(song, notices)
    for line in notices:
        print(line, file=sys.stderr)
    return seconds


def order_of(options: argparse.Namespace, settings: Settings) -> Order:
    """UserError where something does not fit together, or is not there."""
    controls = Controls(declared_controls(settings.model), settings.controls)
    written = timeline_of(settings, options.timeline, options.tempo)
    metre = written.metre or (Metre(options.tempo) if options.tempo else None)
    song, has_list = options.audio, options.set_list is not None
    if options.loop is not None:
        seconds = _turn(options, metre)
    elif options.seconds is not None:
        seconds = options.seconds
    elif written.end is not None:
        seconds = written.end
    elif song:
        seconds = length_of(song)
    elif has_list:
        seconds = _run(controls, metre, options.cue)
    else:
        seconds = written.seconds + PREVIEW_S
    if has_list and controls["cues.advance"] == "key":
        raise UserError(
            "--set-list: it goes on by key, and here is none: --set-list time, or beats"
        )
    written = replace(written, metre=metre)
    return Order(settings, options.size, options.fps, seconds, song, written, options.cue,
                 has_list, options.loop is not None)  # fmt: skip


def _turn(options: argparse.Namespace, metre: Metre | None) -> float:
    """How long a loop is: a whole number of frames. s."""
    for name in CHANGES:
        if getattr(options, name) is not None:
            raise UserError(f"--{name.replace('_', '-')}: nothing else happens in a loop")
    try:
        wanted = length(options.loop, metre)
    except ValueError as error:
        raise UserError(f"--loop {options.loop}: {error}") from None
    frames = round(wanted * options.fps)
    if frames < 2 or wanted > LONGEST_S:
        raise UserError(f"--loop {options.loop}: allowed are two frames to {LONGEST_S:g} s")
    seconds = frames / options.fps
    if abs(seconds - wanted) > 1e-9:
        line = f"the loop has {frames} frames: {seconds:.4f} s instead of {wanted:.4f} s"
        if metre is not None:
            line += f", {metre.tempo * wanted / seconds:.3f} beats a minute"
        print(line, file=sys.stderr)
    return seconds


def _run(controls: Controls, metre: Metre | None, slot: int | None) -> float:
    """How long the set list takes, from a slot on if there is one, s."""
    if controls["cues.advance"] == "beats" and metre is None:
        raise UserError("--set-list: beats of what? --tempo says how fast, --audio is a song")
    beat_s = metre.seconds(1) if metre is not None else 0.0
    cues = Cues(controls, CUES, waits=True).read()
    order = cues.set_list.order(cues.slots)
    first = 0 if slot is None else cues.set_list.find(order, slot) or 0
    return cues.set_list.seconds(order[first:], beat_s)
