"""What recording, and taking screenshots, costs the window."""

from __future__ import annotations

import resource
import socket
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.program import play, virtual_screen
from benchmarks.row import Row
from visualiser.inputs.osc_wire import pack
from visualiser.record import RECORDINGS
from visualiser.screenshot import FOLDER

LATE = 1.5 / 60
PROMISED = 2.0  # %
PORT = 9077


@dataclass(frozen=True)
class Case:
    """size: of the output, px; fps: of the recording; shots: screenshots in 4K instead."""

    words: str
    size: tuple[int, int]
    fps: int
    shots: bool = False

    @property
    def config(self) -> str:
        """As config.toml says it."""
        return (
            f"[window]\nwidth = {self.size[0]}\nheight = {self.size[1]}\nhud = false\n"
            "[look]\noutput_only = true\n"
            f"[record]\nfps = {self.fps}\nscreenshot_size = '3840x2160'\n"
            f"[osc]\nport = {PORT}\n"
        )


CASES = (
    Case("recording 1080p at 30 fps", (1920, 1080), 30),
    Case("recording 720p at 60 fps", (1280, 720), 60),
    Case("a screenshot of 4K every 3 s at 720p", (1280, 720), 60, shots=True),
)


def record(quick: bool) -> Iterator[Row]:
    """Late frames of the real program while it records, and what is left out; in turn with a show
    that does not record."""
    seconds = 12 if quick else 40
    with tempfile.TemporaryDirectory() as folder, _swept(), virtual_screen(1920, 1080) as display:
        path = Path(folder) / "config.toml"
        for case in CASES:
            path.write_text(case.config)
            words = ["--config", str(path)]
            late, cores, without = {}, {}, {}
            for busy in (False, True):
                more = ["--record"] if busy and not case.shots else []
                with _shooting(busy and case.shots):
                    before = resource.getrusage(resource.RUSAGE_CHILDREN)
                    flips, pictures = play(display, seconds + 4, *words, *more)
                    after = resource.getrusage(resource.RUSAGE_CHILDREN)
                began = pictures[0] + 1
                found = [t for t in flips if began <= t <= began + seconds]
                gaps = [b - a for a, b in pairwise(found)]
                late[busy] = 100 * sum(gap > LATE for gap in gaps) / len(gaps)
                used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                cores[busy] = used / (flips[-1] - flips[0])
                without[busy] = max(gaps) * 1e3, statistics.median(gaps) * 1e3
            note = (
                f"{late[False]:.2f} % without; longest {without[True][0]:.0f} ms"
                f" ({without[False][0]:.0f} without), {cores[True] - cores[False]:.2f} cores more"
            )
            yield Row(f"record: late frames, {case.words}", late[True], "%", PROMISED, note=note)
            if not case.shots:
                yield _left_out(case, seconds)


def _left_out(case: Case, seconds: float) -> Row:
    """How many frames the file lacks, of those that the rate would have."""
    import av

    newest = max(RECORDINGS.glob("squircle-*.mp4"), key=lambda path: path.stat().st_mtime)
    with av.open(str(newest)) as file:
        stream = file.streams.video[0]
        times = [float(packet.pts * packet.time_base) for packet in file.demux(stream)
                 if packet.pts is not None]  # fmt: skip
    times = sorted(t for t in times if 1 <= t <= 1 + seconds)
    wanted = (times[-1] - times[0]) * case.fps
    lacking = max(100 * (1 - (len(times) - 1) / wanted), 0.0)
    return Row(f"record: frames left out, {case.words}", lacking, "%")


@contextmanager
def _shooting(is_on: bool) -> Iterator[None]:
    """Ask for a screenshot every three seconds."""
    done = threading.Event()

    def ask() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as osc:
            while not done.wait(3.0):
                osc.sendto(pack("/window/screenshot", 1), ("127.0.0.1", PORT))

    thread = threading.Thread(target=ask)
    if is_on:
        thread.start()
    try:
        yield
    finally:
        done.set()
        if is_on:
            thread.join()


@contextmanager
def _swept() -> Iterator[None]:
    """Take away the files that come up meanwhile."""
    folders = (RECORDINGS, FOLDER)
    before = {path for folder in folders for path in folder.glob("*")}
    try:
        yield
    finally:
        for folder in folders:
            for path in set(folder.glob("squircle-*")) - before:
                path.unlink()
