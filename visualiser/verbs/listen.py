"""The verb `listen`: what the ear hears, drawn in a terminal or as a line of JSON a tick."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from visualiser.audio.file import AudioFile, audio_samples
from visualiser.audio.source import SAMPLERATE, Source
from visualiser.clock import FixedClock, WallClock
from visualiser.config import Settings
from visualiser.controls import Controls
from visualiser.listener import Listener, declare, source_of
from visualiser.types import Features, Tick

_DRAW_S = 1 / 30  # between two pictures in the terminal
_DIGITS = 6


def listen(
    settings: Settings, file: Path | None, as_json: bool, fps: float, seconds: float | None
) -> None:
    """Listen until the file, or so many seconds, are over; without either until Ctrl-C.

    A file that is told as JSON is heard as fast as it goes, everything else at its own pace.
    UserError where there is nothing to listen to.
    """
    sound = settings.sound.model_copy(update={"loop": False})
    controls = Controls(declare(), settings.controls)
    limit_s = float("inf") if seconds is None else seconds
    samples = None if file is None else audio_samples(file)
    if file is not None and samples is not None and as_json:
        length_s = min(samples / SAMPLERATE, limit_s)
        with closing(AudioFile(file)) as source:
            _print(Listener(source, sound, controls), FixedClock(fps, length_s).ticks())
        return
    if file is None:
        require_input(sound.input)
    with closing(source_of(sound, file)) as source:
        ticks = _until(WallClock(fps).ticks(), source, limit_s, samples)
        (_print if as_json else _draw)(Listener(source, sound, controls), ticks)


def require_input(wanted: str | int) -> None:
    """UserError where there is no such input. (A show goes on without one, and waits for it.)"""
    from visualiser.audio.inputs import list_inputs, match_input

    match_input(list_inputs(), wanted)


def _until(
    ticks: Iterable[Tick], source: Source, limit_s: float, samples: int | None
) -> Iterator[Tick]:
    """The ticks until the time is over, or so many samples are heard."""
    for tick in ticks:
        if tick.t >= limit_s or (samples and source.window(tick.t, 1).end >= samples):
            return
        yield tick


def _print(listener: Listener, ticks: Iterable[Tick]) -> None:
    source = listener.source
    for tick in ticks:
        features = listener.listen(tick)
        for line in source.notices():
            print(line, file=sys.stderr, flush=True)
        print(json.dumps(as_numbers(tick, features), allow_nan=False), flush=True)
    for line in source.notices():
        print(line, file=sys.stderr, flush=True)


def as_numbers(tick: Tick, features: Features) -> dict[str, float | list[float]]:
    """What was heard at a tick, by the names of docs/hearing.md."""
    names = (
        *("level_dbfs", "rms", "gain_db", "onset", "onset_low", "onset_mid", "onset_high"),
        *("loudness", "energy", "bpm", "beats", "beat_phase", "beat_confidence", "heard_t"),
    )
    return {
        "t": round(tick.t, _DIGITS),
        **{name: round(float(getattr(features, name)), _DIGITS) for name in names},
        "bands": [round(float(value), _DIGITS) for value in features.bands],
        "floor": [round(float(value), _DIGITS) for value in features.floor],
    }


def _draw(listener: Listener, ticks: Iterable[Tick]) -> None:
    from rich.console import Console
    from rich.live import Live

    from visualiser.verbs.meters import Meters

    console = Console()
    source, meters = listener.source, Meters()
    drawn = -_DRAW_S
    with Live(console=console, auto_refresh=False) as live:
        for tick in ticks:
            features = listener.listen(tick)
            meters.follow(tick, features)
            for line in source.notices():
                meters.notice = line
            if tick.t - drawn >= _DRAW_S * 0.99:
                drawn = tick.t
                words = meters.draw(features, source.label, source.state, console)
                live.update(words, refresh=True)
