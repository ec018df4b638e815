"""config.toml -> settings. Everything that is wrong with a file is told at once.

Two kinds of keys share the sections: settings that are read once, declared here, and the starting
values of controls, which are declared beside the code they steer.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
)

from visualiser import fits, typed
from visualiser.controls import Control, Value
from visualiser.files import Stamp, stamp
from visualiser.inputs import knobs
from visualiser.toml_files import load_toml, read_bytes
from visualiser.types import UserError

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = "output"  # a size: that of what the audience sees
CONFIG = ROOT / "config.toml"


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Show(Section):
    seed: int = Field(1, ge=0, le=2**32 - 1)


class Window(Section):
    width: int = Field(1280, ge=160, le=7680)
    height: int = Field(720, ge=90, le=4320)
    fps: int = Field(60, ge=0, le=1000)
    accelerated: bool = False


class Sound(Section):
    input: str | int = ""
    channels: list[Annotated[int, Field(ge=1, le=64)]] = Field([], max_length=16)
    audible: bool = True
    loop: bool = True
    bands: int = Field(16, ge=4, le=64)
    n_fft: int = Field(2048, ge=256, le=16384)
    range_db: float = Field(36.0, ge=6, le=96)
    tilt_db_per_octave: float = Field(3.0, ge=-6, le=12)
    low_hz: float = Field(40.0, ge=10, le=500)
    high_hz: float = Field(16000.0, ge=1000, le=24000)
    gain_attack_s: float = Field(0.03, ge=0, le=10)
    gain_release_s: float = Field(1.5, ge=0.05, le=120)
    room_dbfs: list[Annotated[float, Field(ge=-120, le=20)]] = Field([], max_length=64)


class Take(Section):
    on: bool = True
    sound: bool = False


class Osc(Section):
    on: bool = True
    address: Annotated[str, AfterValidator(fits.host)] = "127.0.0.1"
    port: int = Field(9000, ge=1, le=65535)
    feedback: Annotated[str, AfterValidator(fits.place)] = ""


class Midi(Section):
    ports: list[str] = Field([], max_length=16)
    pickup: bool = True
    clock: bool = True
    map: dict[str, Any] = {}


class Stage(Section):
    display: Annotated[str | int, AfterValidator(fits.display)] = 0
    width: int = Field(960, ge=160, le=7680)
    height: int = Field(540, ge=90, le=4320)


def _size(text: str) -> str:
    try:
        if text != OUTPUT:
            typed.size(text)
    except argparse.ArgumentTypeError:
        raise ValueError("'output', or a size as '1920x1080', 16x16 to 7680x4320") from None
    return text


Size = Annotated[str, AfterValidator(_size)]


class Record(Section):
    format: Literal["mp4", "mov", "webm", "webp", "gif", "png"] = "mp4"
    size: Size = "output"
    sound: bool = True
    fps: int = Field(60, ge=1, le=240)
    constant: bool = False
    yields: bool = True
    encoder: Literal["auto", "x264", "nvenc", "videotoolbox", "qsv", "amf"] = "auto"
    crf: int = Field(18, ge=0, le=51)
    live_preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium"] = (
        "ultrafast"
    )
    render_preset: Literal["ultrafast", "veryfast", "fast", "medium", "slow", "slower"] = "medium"
    screenshot_size: Size = "output"
    screenshot_alpha: bool = False


ShapeKind = Literal[
    "circle", "square", "triangle", "pentagon", "star", "cross", "ring", "heart", "crescent"
]


Largest = Annotated[float, AfterValidator(fits.from_smallest), Field(validate_default=True)]


class Train(Section):
    size: int = Field(28, ge=8, le=512)
    widths: list[Annotated[int, Field(ge=1, le=16384)]] = Field([256, 128, 64, 16], max_length=16)
    latents: int = Field(4, ge=1, le=512)
    kinds: list[ShapeKind] = Field(["circle", "square", "triangle"], min_length=1)
    styles: list[Literal["fill", "stroke"]] = Field(["fill", "stroke"], min_length=1)
    size_min: float = Field(0.1, gt=0, le=1)
    size_max: Largest = Field(0.9, gt=0, le=1)
    stroke: float = Field(0.08, gt=0, le=0.5)
    offset: float = Field(0.0, ge=0, le=0.5)
    rotate: bool = False
    noise: float = Field(0.0, ge=0, le=1)
    pictures: int = Field(5000, ge=100, le=1_000_000)
    test_pictures: int = Field(1000, ge=10, le=100_000)
    epochs: int = Field(40, ge=1, le=100_000)
    batch: int = Field(64, ge=1, le=65536)
    rate: float = Field(0.004, gt=0, le=1)
    loss: Literal["bce", "mse"] = "bce"
    threads: int = Field(0, ge=0, le=256)
    seed: int = Field(1, ge=0, le=2**32 - 1)


class TrainShape(Section):
    size: int = Field(64, ge=16, le=256)
    latents: int = Field(10, ge=4, le=256)
    kinds: list[ShapeKind] = Field(list(get_args(ShapeKind)), min_length=1)
    size_min: float = Field(0.17, gt=0, le=1)
    size_max: Largest = Field(0.9, gt=0, le=1)
    offset: float = Field(0.25, ge=0, le=0.5)
    blended: float = Field(0.4, ge=0, le=1)
    rough: float = Field(0.6, ge=0, le=1)
    steps: int = Field(3000, ge=1, le=10_000_000)
    batch: int = Field(96, ge=2, le=4096)
    rate: float = Field(0.004, gt=0, le=1)
    beta: float = Field(1e-4, ge=0, le=100)
    threads: int = Field(0, ge=0, le=256)
    seed: int = Field(1, ge=0, le=2**32 - 1)


class TrainColour(Section):
    size: int = Field(128, ge=16, le=256)
    latents: int = Field(32, ge=1, le=512)
    width: int = Field(24, ge=4, le=256)
    landscapes: int = Field(40_000, ge=100, le=10_000_000)
    mirror: bool = True
    steps: int = Field(3000, ge=1, le=10_000_000)
    batch: int = Field(32, ge=2, le=4096)
    rate: float = Field(0.002, gt=0, le=1)
    beta: float = Field(1.0, ge=0, le=1000)
    threads: int = Field(0, ge=0, le=256)
    seed: int = Field(1, ge=0, le=2**32 - 1)


SECTIONS: dict[str, type[Section]] = {
    "show": Show,
    "window": Window,
    "sound": Sound,
    "take": Take,
    "osc": Osc,
    "midi": Midi,
    "stage": Stage,
    "record": Record,
    "train": Train,
    "train_shape": TrainShape,
    "train_colour": TrainColour,
}


@dataclass(frozen=True)
class Settings:
    """What config.toml asks for: its sections, and the starting values of controls by id.

    written: what the file alone says, or leaves at its default, by "section.key"; given: the keys
    that the command line has taken over; stamp: of the file as it was read.
    """

    show: Show
    window: Window
    sound: Sound
    take: Take
    osc: Osc
    midi: Midi
    stage: Stage
    record: Record
    train: Train
    train_shape: TrainShape
    train_colour: TrainColour
    controls: dict[str, Value]
    path: Path = CONFIG  # of the file they are from
    written: Mapping[str, Any] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    stamp: Stamp = ()

    @property
    def model(self) -> str:
        """The model to start with, by name or by path."""
        return str(self.controls["show.model"])


def load(
    declared: Iterable[Control], path: Path = CONFIG, given: Mapping[str, Any] | None = None
) -> Settings:
    """Read config.toml; every key may be left out. Raises UserError, a line for each mistake.

    given: values of the command line by "section.key", which take the place of the file's.
    """
    everything = list(declared)
    declared = tuple(control for control in everything if control.is_setting)
    when = stamp(path)
    try:
        data = read_bytes(path)
        raw = load_toml(data)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None

    given, beneath = given or {}, {}
    for key, value in given.items():
        section, _, name = key.partition(".")
        if isinstance(raw.setdefault(section, {}), dict):
            beneath[key] = raw[section].get(name)
            raw[section][name] = value

    whole, lines = _whole(declared), _line_numbers(data.decode("utf-8-sig"))
    told: list[str] = []
    try:
        settings = whole.model_validate(raw)
    except ValidationError as error:
        told = [_explain(whole, path, lines, given, mistake) for mistake in error.errors()]
    midi = raw.get("midi")
    for key, words in knobs.mistakes(midi.get("map") if isinstance(midi, dict) else {}, everything):
        line = lines.get(("midi", "map", key)) or lines.get(("midi", "map"))
        told.append(f"{path}:{line}: {words}")
    if told:
        # A value that could be one of two kinds makes two mistakes; it is told once.
        raise UserError("\n".join(dict.fromkeys(told)))
    sections: dict[str, Any] = {name: getattr(settings, name) for name in whole.model_fields}
    values = {c.id: getattr(sections[c.section], c.name) for c in declared}
    written = {f"{s}.{key}": value for s, keys in sections.items() for key, value in keys}
    written |= {f"midi.map.{knob}": id for knob, id in written.pop("midi.map").items()}
    for key, own in beneath.items():  # what is wrong there is not used, and need not be told
        section, _, name = key.partition(".")
        written[key] = (
            own if own is not None else type(sections[section]).model_fields[name].default
        )
    return Settings(
        **{name: sections[name] for name in SECTIONS},
        controls=values,
        path=path,
        written=written,
        given=frozenset(given),
        stamp=when,
    )


@lru_cache(maxsize=4)  # it takes ten times as long as the rest, and a file is read again and again
def _whole(declared: tuple[Control, ...]) -> type[BaseModel]:
    fields: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    for control in declared:
        kind: Any
        if control.kind == "number":
            kind = Annotated[float, Field(ge=control.lo, le=control.hi)]
        elif control.kind == "switch":
            kind = bool
        else:
            kind = Literal[control.choices] if control.choices else str
        fields.setdefault(control.section, {})[control.name] = (kind, control.default)
    sections: dict[str, Any] = {}
    for name, own in fields.items():
        section = create_model(name, __base__=SECTIONS.get(name, Section), **own)
        sections[name] = (section, section())
    return create_model("config", __base__=Section, **sections)


def _line_numbers(text: str) -> dict[tuple[str, ...], int]:
    """Where each section and key stands, by name."""
    lines: dict[tuple[str, ...], int] = {}
    section: tuple[str, ...] = ()
    for n, line in enumerate(text.splitlines(), 1):
        if found := re.match(r"\s*\[\s*([\w.-]+)\s*\]", line):
            section = tuple(found[1].split("."))
            lines[section] = n
        elif found := re.match(r"""\s*(["']?)([^"'=]+?)\1\s*=""", line):
            lines[(*section, found[2])] = n
    return lines


def _explain(
    whole: type[BaseModel],
    path: Path,
    lines: Mapping[tuple[str, ...], int],
    given: Mapping[str, Any],
    mistake: Any,
) -> str:
    where = tuple(str(part) for part in mistake["loc"])
    line = lines.get(where[:2]) or lines.get(where[:1])
    place = f"{path}:{line}" if line else str(path)
    key = ".".join(where[:2])
    if key in given:
        place = "command line"
    if mistake["type"] == "extra_forbidden":
        allowed = list(whole.model_fields)
        if len(where) > 1:
            allowed = list(_section(whole, where[0]).model_fields)
        close = difflib.get_close_matches(where[-1], allowed, 1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        what = "key" if len(where) > 1 else "section"
        return f"{place}: unknown {what} {key!r}; {hint}allowed are {', '.join(allowed)}"
    if len(where) == 1:
        return f"{place}: {key!r} must be a section, [{key}]"
    field = _section(whole, where[0]).model_fields[where[1]]
    got = repr(mistake["input"])
    if mistake["type"] == "value_error":
        return f"{place}: {key} = {got[:80]}; allowed is {mistake['ctx']['error']}"
    got = got if len(got) <= 80 else f"{got[:80]}..."
    what = "has" if get_origin(field.annotation) is list and len(where) > 2 else "="
    return f"{place}: {key} {what} {got}; allowed is {_allowed(field.annotation, field.metadata)}"


def _section(whole: type[BaseModel], name: str) -> type[BaseModel]:
    section: type[BaseModel] = whole.model_fields[name].annotation  # type: ignore[assignment]
    return section


def _allowed(kind: Any, bounds: Iterable[Any]) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(repr(word) for word in get_args(kind))
    if kind is bool:
        return "true or false"
    if get_origin(kind) is dict:
        return "a section, with a line for each knob"
    if get_origin(kind) is list:
        length = {type(bound): bound for bound in bounds}
        few = f"at least {length[MinLen].min_length}" if MinLen in length else "any number"
        few = f"up to {length[MaxLen].max_length}" if MaxLen in length else few
        item = get_args(kind)[0]
        if get_origin(item) is Annotated:
            item, inner = get_args(item)
            return f"a list, {few}, of: {_allowed(item, inner.metadata)}"
        return f"a list, {few}, of: {_allowed(item, ())}"
    kinds = {int: "a whole number", float: "a number", str: "a text"}
    words = kinds.get(kind, "a text or a whole number")
    found = {type(bound): bound for bound in bounds}
    if Gt in found:
        return f"{words} above {_plain(found[Gt].gt)} and up to {_plain(found[Le].le)}"
    if Ge in found:
        return f"{words} from {_plain(found[Ge].ge)} to {_plain(found[Le].le)}"
    return words


def _plain(bound: float) -> str:
    return f"{bound:g}" if isinstance(bound, float) else str(bound)
