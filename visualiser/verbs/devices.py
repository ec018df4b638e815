"""The verb `devices`."""

from __future__ import annotations

import sys

from visualiser.types import UserError


def devices(wanted: str | int) -> None:
    """List the sound inputs; the one that config.toml selects is marked with *."""
    from visualiser.audio.source import list_inputs, match_input

    rows = list_inputs()
    chosen = None
    try:
        chosen = match_input(rows, wanted)
    except UserError as error:
        print(f"squircle: {error}", file=sys.stderr)
    for row in rows:
        mark = "*" if chosen is not None and row.index == chosen.index else " "
        default = "  (default)" if row.is_default else ""
        print(
            f"{mark} {row.index:3}  {row.name}  [{row.hostapi}]"
            f"  {row.channels} ch  {row.samplerate:.0f} Hz{default}"
        )
