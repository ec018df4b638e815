"""The verb `devices`."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from visualiser.types import UserError


def devices(wanted: str | int) -> None:
    """List the sound inputs, the one that config.toml selects marked with *, and what there is of
    MIDI."""
    try:
        _sound(wanted)
    finally:
        found, trouble = _midi()
        for name, ways in found.items():
            print(f"       {name}  [MIDI]  {ways}")
    if trouble:
        print(f"no MIDI: {trouble}", file=sys.stderr)


def _midi() -> tuple[Mapping[str, str], str]:
    """Its devices, and else why there are none."""
    from visualiser.inputs.midi_ports import listed

    try:
        found = listed()
    except UserError as error:
        return {}, str(error)
    return found, "" if found else "no controller is plugged in"


def _sound(wanted: str | int) -> None:
    from visualiser.audio.inputs import list_inputs, match_input

    rows = list_inputs()
    chosen = None
    try:
        chosen = match_input(rows, wanted)
    except UserError as error:
        print(f"squircle: {error}", file=sys.stderr)
    for row in rows:
        mark = "*" if chosen is not None and row.index == chosen.index else " "
        words = "  (default)" if row.is_default else ""
        words += "  (monitor: what this machine plays)" if row.is_monitor else ""
        print(
            f"{mark} {row.index:3}  {row.name}  [{row.hostapi}]"
            f"  {row.channels} ch  {row.samplerate:.0f} Hz{words}"
        )
    if rows and not any(row.is_monitor for row in rows):
        print(f"no monitor is listed; {_monitor_here()}", file=sys.stderr)


def _monitor_here() -> str:
    """How to hear what this machine plays, where PortAudio shows no input for it."""
    if sys.platform == "linux":
        return "to hear what this machine plays: PULSE_SOURCE=@DEFAULT_MONITOR@ python main.py"
    if sys.platform == "darwin":
        return "to hear what this machine plays, install BlackHole and pick it"
    return "to hear what this machine plays, turn on Stereo Mix in Windows' recording devices"
