"""What a stretch of a film is drawn from, as bytes: the same ones whenever it is the same.

That is pickle, between processes of one program and never from a file. Models, palettes and
controls do not go in; they are named in it.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import fields
from operator import attrgetter
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pygame

from visualiser.controls import Controls
from visualiser.frame import Frame
from visualiser.latents import LatentMap
from visualiser.look.palette import Palette, palettes
from visualiser.nets.checkpoint import Checkpoint
from visualiser.types import Features, Tick

Models = dict[str, Checkpoint]  # by their digest

_NAMED = (Controls, Checkpoint, LatentMap, Palette)
# Of what there is most of. What Python makes of dataclasses with slots by itself takes ten times as
# long.
_VALUES: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    each: attrgetter(*(field.name for field in fields(each))) for each in (Tick, Frame, Features)
}
_given: ContextVar[tuple[Models, Controls]] = ContextVar("given")  # to what is being unpacked
_digests: WeakKeyDictionary[Checkpoint, str] = WeakKeyDictionary()


def models_of(models: Iterable[Checkpoint]) -> Models:
    return {_digest(model): model for model in models}


def pack(content: object, models: Models) -> bytes:
    """models: grows by those that are met in it."""
    packed = io.BytesIO()
    packer = _Packer(packed, pickle.HIGHEST_PROTOCOL)
    # What is met twice is written twice: whether two things are one may be left to chance.
    packer.fast = True
    packer.models = models
    packer.dump(content)
    return packed.getvalue()


def unpack(packed: bytes, models: Models, controls: Controls) -> Any:
    """controls: in the place of those that were packed."""
    token = _given.set((models, controls))
    try:
        return pickle.loads(packed)
    finally:
        _given.reset(token)


class _Packer(pickle.Pickler):
    models: Models

    def reducer_override(self, thing: object) -> Any:
        if values_of := _VALUES.get(type(thing)):
            return type(thing), values_of(thing)
        if isinstance(thing, pygame.Surface):
            has_alpha = bool(thing.get_flags() & pygame.SRCALPHA)
            return _surface, (thing.get_size(), thing.get_buffer().raw, has_alpha)
        if isinstance(thing, _NAMED) and (name := self._name(thing)):
            return _named, name
        return NotImplemented

    def _name(self, thing: object) -> tuple[str, str] | None:
        if isinstance(thing, Controls):
            return "controls", ""
        if isinstance(thing, Checkpoint):
            self.models.setdefault(digest := _digest(thing), thing)
            return "model", digest
        if isinstance(thing, LatentMap):
            found = (name for name, model in self.models.items() if model.latents is thing)
            kind = "latents"
        else:
            found = (name for name, palette in palettes().items() if palette is thing)
            kind = "palette"
        name = next(found, None)
        return (kind, name) if name else None


def _named(kind: str, name: str) -> object:
    models, controls = _given.get()
    if kind == "controls":
        return controls
    if kind == "palette":
        return palettes()[name]
    return models[name] if kind == "model" else models[name].latents


def _surface(size: tuple[int, int], pixels: bytes, has_alpha: bool) -> pygame.Surface:
    surface = pygame.Surface(size, pygame.SRCALPHA if has_alpha else 0, 32)
    surface.get_buffer().write(pixels, 0)
    return surface


def _digest(model: Checkpoint) -> str:
    if model not in _digests:
        found = hashlib.sha256(model.card.model_dump_json().encode() + model.graph)
        arrays = {each.name: getattr(model.latents, each.name) for each in fields(LatentMap)}
        for name, array in sorted((*model.weights.items(), *arrays.items())):
            found.update(f"{name} {array.shape}".encode())
            found.update(np.ascontiguousarray(array).tobytes())
        _digests[model] = found.hexdigest()
    return _digests[model]
