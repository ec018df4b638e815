"""What panic does: back to a picture that is certainly fine."""

from __future__ import annotations

from collections.abc import Iterable

from visualiser.controls import Command, Controls, Nudge
from visualiser.look.effects import effects

CALM_SPEED = 0.5  # of the show, times
KEPT = ("look.output_only",)  # of the look: it belongs to the window of the controls


def has_panic(commands: Iterable[Command]) -> bool:
    """Whether somebody panics in them."""
    return any(id == "stage.panic" for id, _ in commands)


def calm(controls: Controls, is_paused: bool, has_failed: bool) -> list[Command]:
    """has_failed: whether the model did: then the default one takes its place."""
    look = next(c for c in controls if c.id == "look.look").default
    plain = ("look", "perlin", str(look))
    asked: list[Command] = [("stage.hold_black", False), ("stage.hold_freeze", False)]
    asked.append(("latents.release", True))
    asked += [(f"stage.{name}", False) for name in ("black", "freeze", "fade")]
    asked += [(f"{name}.on", False) for name in effects()]
    for control in controls:
        if control.is_setting and control.section in plain and control.id not in KEPT:
            asked.append((control.id, control.default))
        if control.kind == "hold" and control.section == "draw":
            asked.append((control.id, False))
        if control.id == "show.model" and has_failed:
            asked.append((control.id, control.default))
    asked += [("show.driver", "perlin"), ("show.mode", "latent"), ("show.speed", CALM_SPEED)]
    if is_paused:
        asked.append(("show.pause", Nudge(1)))
    return asked
