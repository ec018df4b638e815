"""What an output window costs."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from benchmarks.program import play, virtual_screen
from benchmarks.row import Row

SIZE = (1920, 1080)  # of the output; that of the controls is the window's own, 1280x720
LATE = 1.5 / 60


def stage(quick: bool) -> Iterator[Row]:
    """Late frames of the real program with an output window of 1080 lines beside the controls."""
    seconds = 15 if quick else 60
    width, height = SIZE
    with virtual_screen(4 * 1280, height) as display, tempfile.TemporaryDirectory() as folder:
        place = {"SDL_VIDEO_WINDOW_POS": "0,0"}  # so that neither covers the other
        path = Path(folder) / "config.toml"
        for words, display_of in (("without an output", "0"), ("with one at 1080p", '"window"')):
            path.write_text(
                f"[stage]\ndisplay = {display_of}\nwidth = {width}\nheight = {height}\n"
            )
            flips, pictures = play(display, seconds + 6, "--config", str(path), env=place)
            began = pictures[0] + 1
            gaps = [b - a for a, b in pairwise(t for t in flips if began <= t <= began + seconds)]
            late = sum(gap > LATE for gap in gaps) / len(gaps)
            median_ms = statistics.median(gaps) * 1e3
            note = f"{1 / statistics.mean(gaps):.1f} fps, median {median_ms:.1f} ms"
            yield Row(f"stage: late frames {words}", late * 100, "%", note=note)
