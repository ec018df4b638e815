"""What a take needs: its models, and the sound that was heard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from visualiser.controls import Value
from visualiser.nets import checkpoint
from visualiser.takes.events import digest
from visualiser.takes.log import flac_of
from visualiser.takes.read import Take


def missing(take: Take, instead: Mapping[str, Value] = {}, folder: Path = checkpoint.MODELS
            ) -> list[str]:  # fmt: skip
    """What a take needs and what is not there, or not as it was: a line each."""
    lines = []
    for name, was in take.models.items() if "show.model" not in instead else ():
        path = here(name, folder)
        if path is None:
            have = ", ".join(checkpoint.names(folder)) or "none"
            lines.append(f"its model {Path(name).stem} is gone; --model takes another: {have}")
        elif was and digest(path) != was:
            lines.append(f"its model {path.stem} is another now; --model {path.stem} takes it so")
    return lines


def here(name: str, folder: Path = checkpoint.MODELS) -> Path | None:
    """Where a model's file is now: where it was, or of the same name in the folder."""
    places = (Path(name), folder / Path(name).name)
    return next((path for path in places if path.is_file()), None)


def sound_of(take: Take) -> Path | None:
    """The sound that is kept beside it, or the song that was heard, if it is still there."""
    song = Path(take.head.song) if take.head.song else None
    return next((path for path in (flac_of(take.path), song) if path and path.is_file()), None)
