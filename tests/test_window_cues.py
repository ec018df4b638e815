"""A set from the keyboard alone, in a real window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from program import Program, has_traceback, wait_until
from virtual_screen import reads, virtual_screen

SIZE = (960, 600)


def test_a_set_is_stored_seen_played_and_undone_by_keys_alone(tmp_path: Path) -> None:
    with Program(tmp_path) as program, virtual_screen() as screen:
        cues = program.root / "cues"
        options = ("--size", "960x600", "--fps", 30, "--model", "classic-28")
        with program.start(*options, env=screen.env) as playing:

            def seen() -> np.ndarray:
                return screen.window()

            def foot() -> np.ndarray:
                return seen()[-40:]

            wait_until(lambda: screen.place()[2:] == SIZE, "a window")
            wait_until(lambda: reads(foot(), "classic-28"), "its words")
            wait_until(lambda: np.ptp(seen()[200:400, 500:]) > 50, "a first picture")
            screen.key("Insert")
            wait_until(lambda: (cues / "1.toml").exists(), "the file of a cue")
            screen.key("m")
            wait_until(lambda: reads(foot(), "classic-56"), "the next model")
            screen.key("Insert", "e")
            wait_until(lambda: reads(seen()[300:], "F1", "F8", "recall"), "the strip")
            assert (cues / "2.toml").exists()
            wait_until(lambda: reads(seen()[300:], "classic-56,", "classic-28,"), "their names")
            screen.key("F1")
            wait_until(lambda: reads(foot(), "classic-28", "cue 1"), "the first cue")
            screen.key("Next")
            wait_until(lambda: reads(foot(), "classic-56", "cue 2"), "the next cue")
            screen.key("Prior")
            wait_until(lambda: reads(foot(), "classic-28", "cue 1"), "the one before")
            screen.key("Delete")
            wait_until(lambda: not (cues / "1.toml").exists(), "it is cleared")
            assert (cues / "old" / "1.toml").exists()
            screen.key("u")
            wait_until(lambda: (cues / "1.toml").exists(), "it is there again")
            screen.key("Home")
            wait_until(lambda: reads(seen()[300:], "set list:", "next by key"), "the set list")
            (cues / "2.toml").write_text("model = 'classic-28'\npoint = 'there'\n")
            wait_until(lambda: "2.toml: point = 'there'; allowed is" in playing.err, "a line")
            screen.key("Next")
            wait_until(lambda: reads(foot(), "classic-56"), "the cue as it was")
            screen.key("Escape")
            wait_until(lambda: not reads(seen()[300:], "F1", "F8"), "the strip is away")
            screen.key("q")
            assert playing.wait() == 0 and not has_traceback(playing.err)
