"""What is declared for cues, and which controls come back with one."""

from __future__ import annotations

from visualiser.controls import Control, Controls, Key, action, choice, number, switch
from visualiser.cue_files import SLOTS
from visualiser.drivers import drivers
from visualiser.look.effects import effects
from visualiser.look.looks import looks
from visualiser.morph import EASINGS, PATHS
from visualiser.set_list import ADVANCES

KEYS = 8  # slots that have a key and an action of their own
# What is of the screen, and of the model, which a cue names by itself.
NOT_KEPT = ("look.output_only", "show.model", "draw.x", "draw.y")


def declare() -> tuple[Control, ...]:
    return (
        number("cues.time", "how long a cue takes to come", 4.0, 0.05, 120.0, "s", 1.25),
        choice("cues.easing", "its pace on the way there", "smooth", tuple(EASINGS)),
        choice("cues.path", "its way through latent space", "spherical", PATHS),
        switch("cues.stay", "stay at a cue's point, or drift away from it as show.return says",
               False),
        choice("cues.advance", "what the set list goes on by", "key", ADVANCES),
        number("cues.hold_s", "by time: from one cue to the next", 30.0, 0.5, 3600.0, "s", 1.25),
        number("cues.bars", "on beats: from one cue to the next", 8.0, 0.25, 256.0, "bars", 2.0),
        switch("cues.loop", "the set list begins again at its end", False),
        switch("cues.strip", "the cues over the picture", False,
               (Key("e", "cues over the picture, and away"),)),
        *(action(f"cues.recall_{n}", f"cue {n}", f"f{n}") for n in range(1, KEYS + 1)),
        action("cues.recall", "the cue of that number", takes="its number"),
        action("cues.next", "next cue", "page down"),
        action("cues.previous", "the cue before", "page up"),
        action("cues.store", "store what is seen as a cue", "insert"),
        action("cues.clear", "clear the cue that came last", "delete"),
        action("cues.undo", "undo what was done with cues last"),
        action("cues.go", "play the set list, and stop", "home"),
    )  # fmt: skip


def kept(controls: Controls) -> frozenset[str]:
    """The ids of what comes back with a cue."""
    sections = {"show", "draw", "look", *drivers(), *looks(), *effects()}
    return frozenset(
        control.id
        for control in controls
        if control.is_setting and control.section in sections and control.id not in NOT_KEPT
    )


def slot_in(value: object) -> int | None:
    """The slot that a command's value names, if it does."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return round(value) if 0.5 < value < SLOTS + 0.5 else None
