"""What a take needs: its models, and the sound that was heard."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

from visualiser.controls import Control, Value
from visualiser.nets import checkpoint
from visualiser.takes.events import Head, digest
from visualiser.takes.log import flac_of
from visualiser.takes.read import Take


def missing(take: Take, instead: Mapping[str, Value] = {}, folder: Path = checkpoint.MODELS
            ) -> list[str]:  # fmt: skip
    """What a take cannot be played again without, and is not there, or not as it was: a line
    each. Nothing takes its place unasked."""
    if "show.model" in instead:
        return []
    played: dict[str, list[str]] = {}
    for event in take.events:
        for name, was in event.models.items():
            known = played.setdefault(name, [])
            known += [was] if was and was not in known else []
    lines = []
    for name, known in played.items():
        path, stem = here(name, folder), Path(name).stem
        if path is None:
            lines.append(f"its model {stem} is gone; {_nearest(stem, known, folder)}")
        elif len(known) > 1:
            lines.append(f"its model {stem} was changed while it played, and no file is both;"
                         f" --model {stem} takes it as it is now")  # fmt: skip
        elif known and digest(path) not in known:
            same = _same(known, folder)
            takes = f"that one is called {same} now" if same else f"--model {stem} takes it so"
            lines.append(f"its model {stem} is another now; {takes}")
    return lines


def lacking(take: Take, declared: list[Control], folder: Path = checkpoint.MODELS) -> list[str]:
    """What else is not there any more: a line each."""
    lines = []
    played = {Path(name).stem for name in take.models}
    for event in take.events:
        for slot, cue in event.found.cues.items() if event.found else ():
            stem = Path(cue.model).stem if cue else ""
            if cue and stem not in played and here(f"{stem}{checkpoint.SUFFIX}", folder) is None:
                lines.append(f"cue {slot}, which did not come, is of the model {stem}, which is"
                             f" gone; {_nearest(stem, [], folder)}")  # fmt: skip
    choices = {each.id: each.choices for each in declared if each.kind == "choice"}
    for part in take.parts:
        lines += song_lacks(take.path, part.head)
        for id, value in part.head.controls.items():
            if id != "show.model" and value not in choices.get(id, (value,)):
                lines.append(f"it begins with {id} = {value!r}, which is gone")
    return list(dict.fromkeys(lines))


def song_lacks(path: Path, head: Head) -> list[str]:
    """A line where the song of a take is gone, or another now, and its sound was not kept."""
    song = head.song
    if not song or flac_of(path).is_file():
        return []
    if not Path(song).is_file():
        return [f"its song {song} is gone; --audio plays it with another"]
    if head.song_digest and digest(Path(song)) != head.song_digest:
        return [f"its song {song} is another now, which is what it is played with"]
    return []


def _nearest(stem: str, known: list[str], folder: Path) -> str:
    """What is offered in its place."""
    names = checkpoint.names(folder)
    if same := _same(known, folder):
        return f"it is called {same} now: --model {same} takes it"
    near = difflib.get_close_matches(stem, names, 1, 0.0)
    if not near:
        return "there is no other; 'python main.py train' makes one"
    others = ", ".join(name for name in names if name != near[0])
    more = f", another of: {others}" if others else ""
    return f"the nearest by name is {near[0]}: --model {near[0]} takes it{more}"


def _same(known: list[str], folder: Path) -> str:
    """The name of a model that is one of those known by SHA-256; "" if there is none."""
    paths = (folder / f"{name}{checkpoint.SUFFIX}" for name in checkpoint.names(folder))
    return next((path.stem for path in paths if digest(path) in known), "") if known else ""


def here(name: str, folder: Path = checkpoint.MODELS) -> Path | None:
    """Where a model's file is now: where it was, or of the same name in the folder."""
    places = (Path(name), folder / Path(name).name)
    return next((path for path in places if path.is_file()), None)


def sound_of(take: Take) -> Path | None:
    """The sound that is kept beside it, or the song that was heard, if it is still there."""
    song = Path(take.head.song) if take.head.song else None
    return next((path for path in (flac_of(take.path), song) if path and path.is_file()), None)
