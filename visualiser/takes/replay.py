"""A take, played again: the very same path, at any frame rate.

The show goes through the ticks that were, with what was heard and asked for then, so its latents
are those of the evening to the last bit. A frame between two of its ticks is drawn from the place
between their latents: on another frame rate it is the same path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from visualiser.controls import Control, Controls, Value
from visualiser.cue_controls import kept
from visualiser.cue_files import read_cue
from visualiser.decode import Inline
from visualiser.frame import Frame, Moment
from visualiser.show import Show
from visualiser.takes.events import Event
from visualiser.takes.read import Take
from visualiser.types import Features, Tick, UserError


class Replay:
    """declared: all controls; instead: values that take the place of those in the take, by id,
    whatever is asked of them in it; folder: of the models.

    controls: as they are at the moment that was given last.
    """

    def __init__(
        self, take: Take, declared: list[Control], instead: Mapping[str, Value], folder: Path
    ) -> None:
        self._take = take
        self._instead = dict(instead)
        known = {control.id for control in declared if control.is_setting}
        given = {id: value for id, value in take.head.controls.items() if id in known}
        self.controls = Controls(declared, given | self._instead)
        self._kept = kept(self.controls)
        self._times = np.array([event.tick.t for event in take.events])
        # Nothing is drawn here: only of frames that are shown it is worth while.
        self._show = Show(self.controls, Inline(lambda frame: frame), take.head.seed, folder)

    def moments(self, fps: float, start_s: float = 0.0, stop_s: float | None = None
                ) -> Iterator[Moment]:  # fmt: skip
        """At an even rate, from start_s to stop_s of the take, or its end."""
        events, began = self._take.events, self._take.events[0].tick.t
        before = after = self._go(events[0])
        at, features, passed = 1, events[0].features, [events[0].features]
        stop_s = self._take.seconds if stop_s is None else min(stop_s, self._take.seconds)
        n = 0
        while (t := start_s + n / fps) <= stop_s + 1e-9:
            while at < len(events) and events[at - 1].tick.t - began < t:
                before, after = after, self._go(events[at])
                passed.append(events[at].features)
                at += 1
            if passed:
                features, passed = _together(passed), []
            here = events[at - 1].tick.t - began
            there = events[at - 2].tick.t - began if at > 1 else here
            share = (t - there) / (here - there) if here > there else 1.0
            tick = Tick(n, t, 1 / fps if n else 0.0)
            yield Moment(tick, between(before, after, min(max(share, 0.0), 1.0)), features)
            n += 1

    def song_at(self, t: float) -> float | None:
        """Where the song is at t of the take, s, or None where there is none."""
        events, began = self._take.events, self._take.events[0].tick.t
        at = int(np.searchsorted(self._times, t + began, "right")) - 1
        event = events[max(at, 0)]
        return None if event.song_at is None else event.song_at + t + began - event.tick.t

    def _go(self, event: Event) -> Frame:
        asked = [(id, value) for id, value in event.commands if id not in self._instead]
        if event.departed is not None:  # of a picture that was dropped, or drawn
            self._show.depart(event.departed)
            asked += [("show.mode", "latent")] * any(id == "show.drop" for id, _ in asked)
        asked = [(id, value) for id, value in asked if id != "show.drop"]
        frame = self._show.update(event.tick, event.features, asked)
        self._put_cues(event)
        return frame

    def _put_cues(self, event: Event) -> None:
        """Cues as they were then: their files may be others by now."""
        cues = self._show.cues
        for slot, text in event.cues.items():
            cues.slots.pop(slot, None)
            with suppress(UserError):  # of a model that is gone: its recall is left out
                if text:
                    cue = read_cue(text.encode(), self.controls, self._kept)
                    model = str(self._instead.get("show.model", cue.model))
                    values = {id: self._instead.get(id, v) for id, v in cue.controls.items()}
                    cues.slots[slot] = replace(cue, model=model, controls=values)
        if event.steps is not None:
            cues.set_list.steps = event.steps

    def close(self) -> None:
        self._show.close()


def between(before: Frame, after: Frame, share: float) -> Frame:
    """The frame at a share of the way from one tick's to the next's; latents go straight."""
    if share >= 1:
        return after
    if share <= 0 or before.model is not after.model or before.along is None or after.along is None:
        return before  # pictures do not go from one to the other: the one that was shown is shown
    along = (before.along + np.float32(share) * (after.along - before.along)).astype(np.float32)
    latents = after.model.latents
    a, b = before.tick, after.tick
    tick = replace(b, t=a.t + share * (b.t - a.t))
    return replace(after, tick=tick, z=latents.bend(along @ latents.directions), along=along)


def _together(passed: list[Features]) -> Features:
    """What was heard last, and whatever began since the frame before."""
    last = passed[-1]
    onsets = {
        name: max(getattr(each, name) for each in passed)
        for name in ("onset", "onset_low", "onset_mid", "onset_high")
    }
    return replace(last, **onsets)
