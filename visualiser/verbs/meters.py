"""What is heard, drawn with letters."""

from __future__ import annotations

import math

from rich.console import Console
from rich.text import Text

from visualiser.types import Features, Tick

_ROWS = 8  # of the bands
_LAMP_S = 0.12  # time constant of a lamp that goes out
_FINE, _PLAIN = " ▁▂▃▄▅▆▇█", "  ..::###"  # an eighth more each; for terminals without Unicode
_BAR, _FLOOR, _DIM, _WARN = "white", "dark_orange3", "grey50", "bold red"


class Meters:
    """The picture of what is heard. notice: a line for the person, the last there was."""

    def __init__(self) -> None:
        self.notice = ""
        self._lamps = [0.0, 0.0, 0.0]

    def follow(self, tick: Tick, features: Features) -> None:
        """Take note of a tick, whether it is drawn or not: an onset is there for one alone."""
        onsets = (features.onset_low, features.onset_mid, features.onset_high)
        left = math.exp(-tick.dt / _LAMP_S)
        self._lamps = [max(now, lamp * left) for now, lamp in zip(onsets, self._lamps, strict=True)]

    def draw(self, features: Features, label: str, state: str, console: Console) -> Text:
        """As wide as the console at most."""
        plain = console.options.ascii_only
        width = min(console.width, 100)
        text = Text(no_wrap=True, overflow="crop")
        _bands(text, features, width, _PLAIN if plain else _FINE)
        on, off = ("#", "-") if plain else ("█", "░")
        wide = max(width - 36, 8)

        def row(name: str, share: float, words: str, style: str = _BAR) -> None:
            full = round(min(max(share, 0.0), 1.0) * wide)
            text.append(f"{name:<9}", _DIM)
            text.append(on * full, style)
            text.append(off * (wide - full), _DIM)
            text.append(f" {words}\n")

        level = features.level_dbfs
        hot = _WARN if level > -1 else _BAR
        row("level", (level + 60) / 60, f"{level:6.1f} dBFS, gain {features.gain_db:+.0f} dB", hot)
        row("rms", features.rms, f"{features.rms:.2f}")
        row("loudness", features.loudness, f"{features.loudness:.2f}")
        row("energy", features.energy, f"{features.energy:.2f}")
        if features.bpm:
            words = f"{features.bpm:5.1f} bpm, {features.beat_confidence:.0%} sure"
            row("beat", features.beat_phase, words, _BAR if features.has_beat else _DIM)
        else:
            row("beat", 0.0, "none yet")
        text.append(f"{'onset':<9}", _DIM)
        for name, lamp in zip(("low", "mid", "high"), self._lamps, strict=True):
            grey = 60 + round(195 * min(lamp * 1.5, 1.0))
            text.append("*" if plain else "●", f"rgb({grey},{grey},{grey})")
            text.append(f" {name}   ", "bold" if lamp > 0.2 else _DIM)
        text.append(f"\n{'source':<9}", _DIM)
        text.append(f"{label}, {state}", "" if state == "hearing" else _WARN)
        text.append(f"\n{self.notice}", _DIM)
        return text


def _bands(text: Text, features: Features, width: int, blocks: str) -> None:
    """Bars from the left, bass first; a line marks the floor of the room in each."""
    bands = features.bands
    each = max(min(width // max(len(bands), 1), 6), 1)
    gap = 1 if each > 2 else 0
    mark = "-" if blocks is _PLAIN else "╌"
    for row in reversed(range(_ROWS)):
        for k, value in enumerate(bands):
            full = min(max(float(value) * _ROWS - row, 0.0), 1.0)
            floor = float(features.floor[k]) * _ROWS if k < len(features.floor) else 0.0
            block = blocks[math.ceil(full * (len(blocks) - 1))]
            if full == 0 and row < floor <= row + 1:
                text.append(mark * (each - gap), _FLOOR)
            else:
                text.append(block * (each - gap), _BAR)
            text.append(" " * gap)
        text.append("\n")
