"""What was done in a take, over other sound: the same moves at the same times, heard anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from visualiser.audio.file import audio_duration_s
from visualiser.config import Settings
from visualiser.controls import Control, Controls
from visualiser.film.replayed import Replayed, Wish
from visualiser.film.soundtrack import source_of
from visualiser.listener import Listener
from visualiser.takes.events import Event
from visualiser.takes.read import Part, Take
from visualiser.types import Tick
from visualiser.way import RATE_HZ

DT = 1 / RATE_HZ  # of ticks behind the take's end, s


def automated(
    take: Take, wish: Wish, settings: Settings, fps: float, declared: list[Control]
) -> Replayed:
    """A film as long as its song, or as the take if there is none; wish: its song is what is heard.
    UserError as for a take, and for a song that is none."""
    controls = Controls(declared, take.head.settings(declared) | dict(wish.instead))
    source = source_of(wish.song, str(controls["show.driver"]))
    listener = Listener(source, settings.sound, controls)
    if wish.seconds is not None:
        until = wish.seconds - 1 / fps
    elif wish.song is not None:
        until = audio_duration_s(wish.song) - 1 / fps
    else:
        until = take.seconds
    heard = replace(take, parts=tuple(_heard(take, listener, max(until, 0.0))))
    source.close()
    film = Replayed(heard, replace(wish, seconds=until + 1 / fps), fps, declared)
    if wish.song is None and film.soundtrack is not None:  # what the take heard, this does not
        film.soundtrack.close()
        film.soundtrack = None
    return film


def _heard(take: Take, listener: Listener, until: float) -> Iterator[Part]:
    """The take's ticks as long as it goes, and then others that ask for nothing."""
    for began, part in zip(take.begins, take.parts, strict=True):
        starts = part.events[0].tick.t + part.begin_s - began  # in the ticks' own time
        events: list[Event] = []
        for event in part.events:
            tick = replace(event.tick, t=event.tick.t - starts)
            if tick.t > until + 1 and events:
                break
            events.append(replace(event, features=listener.listen(tick)))
        is_last = part is take.parts[-1]
        while is_last and (tick := events[-1].tick).t - starts < until:
            tick = Tick(tick.index + 1, tick.t + DT, DT)
            features = listener.listen(replace(tick, t=tick.t - starts))
            events.append(Event(tick, features))
        head = replace(part.head, end_s=None) if is_last else part.head
        yield replace(part, head=head, events=events)
