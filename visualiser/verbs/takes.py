"""What a take holds, and what it needs."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from visualiser.takes.needs import missing, sound_of
from visualiser.takes.read import read


def tell(path: Path, as_json: bool) -> None:
    """Print what a take holds, what it needs, and what of that is not there."""
    take = read(path)
    asked = Counter(id for event in take.events for id, _ in event.commands)
    sound = sound_of(take)
    lacks = missing(take)
    if take.head.song and sound is None:
        lacks.append(f"its song {take.head.song} is gone; --audio plays it with another")
    about = {
        "seconds": round(take.seconds, 3),
        "ticks": len(take.events),
        "created": take.head.created,
        "whole": take.is_whole,
        "size": list(take.head.size),
        "seed": take.head.seed,
        "models": take.models,
        "sound": str(sound) if sound else "",
        "commands": dict(asked.most_common()),
        "missing": lacks,
    }
    if as_json:
        print(json.dumps(about))
        return
    minutes, seconds = divmod(take.seconds, 60)
    length = f"{minutes:.0f} min {seconds:.1f} s, {len(take.events)} ticks"
    print(f"{path}: {length}, {take.head.created}")
    if not take.is_whole:
        print("its end is missing: it plays up to its last whole event")
    print(f"models: {', '.join(Path(name).stem for name in take.models)}")
    print(f"sound: {sound or 'none kept; --audio FILE gives it one'}")
    print("asked: " + (", ".join(f"{id} {n}" for id, n in asked.most_common()) or "nothing"))
    for line in lacks:
        print(f"missing: {line}")
