"""The program as a person uses it, for tests: a copy of the project in a folder of its own, its
command line, and what can be seen and heard in the files it writes.

    with Program(tmp_path) as program:
        done = program.run("models", "--json")
        with program.start("--driver", "audio", env=screen.env) as playing: ...
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import av
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SAMPLERATE = 48_000
T = TypeVar("T")

# Many commands in one process: starting Python and torch anew for each would take most of the
# time. What is run is main(), as main.py runs it.
ONE_AFTER_THE_OTHER = """
import contextlib, io, json, os, sys, traceback
from visualiser.cli import main
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in sys.stdin:
    out, err, code = io.StringIO(), io.StringIO(), 1
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(json.loads(line))
        except SystemExit as leaving:
            code = leaving.code
        except BaseException:
            traceback.print_exc()
    print(json.dumps([code, out.getvalue(), err.getvalue()]), file=answers, flush=True)
"""


@dataclass(frozen=True)
class Done:
    """A command that has ended: exit code, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.strip()]


def run(
    *arguments: object,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    timeout: float = 90.0,
    **popen: object,
) -> Done:
    """One command, to its end. cwd: where the program lies; env: what is added to an environment
    without a display."""
    done = subprocess.run(
        command(arguments),
        cwd=cwd,
        env=environment(env),
        capture_output=True,
        text=True,
        timeout=timeout,
        **popen,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@contextmanager
def on_terminal(*arguments: object, cwd: Path = ROOT) -> Iterator[Terminal]:
    """The program, running on a terminal, where it draws its bars."""
    outside, inside = os.openpty()
    os.set_blocking(outside, False)
    process = subprocess.Popen(
        command(arguments),
        cwd=cwd,
        env=environment({"COLUMNS": "120", "LINES": "30", "TERM": "xterm"}),
        stdout=inside,
        stderr=inside,
    )
    try:
        yield Terminal(process, outside)
    finally:
        process.kill()
        process.wait()
        os.close(outside)
        os.close(inside)


class Program:
    """A copy of the project, whose recordings, screenshots and models nobody else touches."""

    def __init__(self, folder: Path, remembers: bool = False) -> None:
        """remembers: whether it begins as it was left; else each start is like the first."""
        self._remembers = remembers
        self.root = folder / "squircle"
        self.root.mkdir()
        for name in ("main.py", "config.toml"):
            shutil.copy2(ROOT / name, self.root)
        config = self.root / "config.toml"  # tests beside each other would want the same port
        text = config.read_text()
        assert text.count("[osc]\non = true") == 1
        assert text.count("yields = true") == 1  # or it never ends beside other tests
        text = text.replace("yields = true", "yields = false")
        config.write_text(text.replace("[osc]\non = true", "[osc]\non = false"))
        keep_loops()
        unfinished = shutil.ignore_patterns("*.pyc.*", "*.nb?.*")  # that another compiles now
        for name in ("visualiser", "assets", "models"):
            shutil.copytree(ROOT / name, self.root / name, ignore=unfinished)
        self.models = self.root / "models"
        self.recordings = self.root / "recordings"
        self.screenshots = self.root / "screenshots"
        self._shell: subprocess.Popen[str] | None = None

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *error: object) -> None:
        if self._shell is not None:
            self._shell.stdin.close()
            try:
                self._shell.wait(10)
            finally:
                self._shell.kill()
                self._shell.wait()
                self._shell.stdout.close()

    def hurry(self) -> Program:
        """Let it look at fewer pictures after a training, which takes longer than a short one."""
        for name, much, little in (
            ("nets/visibility.py", "samples: int = 300", "samples: int = 20"),
            ("train/shape.py", "= 16_000, 4000, 4, 6000, 1500", "= 1000, 300, 2, 1000, 60"),
            ("train/shape.py", "HELD_OUT = 450", "HELD_OUT = 60"),
            ("train/colour.py", "MAPPED = 3000", "MAPPED = 300"),
        ):
            path = self.root / "visualiser" / name
            source = path.read_text()
            assert source.count(much) == 1, f"{much} is not in {name}"
            path.write_text(source.replace(much, little))
        return self

    def run(self, *arguments: object, **options: object) -> Done:
        """One command, to its end; options: as above."""
        return run(*self._words(arguments), cwd=self.root, **options)

    def on_terminal(self, *arguments: object) -> AbstractContextManager[Terminal]:
        return on_terminal(*arguments, cwd=self.root)

    def do(self, *arguments: object) -> Done:
        """One command, to its end, in a process that takes one after the other, with no display."""
        if self._shell is None:
            self._shell = subprocess.Popen(
                [sys.executable, "-c", ONE_AFTER_THE_OTHER],
                cwd=self.root,
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        self._shell.stdin.write(json.dumps([str(word) for word in arguments]) + "\n")
        self._shell.stdin.flush()
        answer = self._shell.stdout.readline()
        assert answer, f"{arguments} ended the process with {self._shell.wait()}"
        return Done(*json.loads(answer))

    def _words(self, arguments: Sequence[object]) -> list[str]:
        words = [str(word) for word in arguments]
        plays = not words or words[0] == "play" or (words[0][:1] == "-" and "help" not in words[0])
        return [*words, "--fresh"] if plays and not self._remembers else words

    @contextmanager
    def start(
        self, *arguments: object, env: Mapping[str, str] | None = None, **popen: object
    ) -> Iterator[Playing]:
        """The program, running; killed in the end if it still does."""
        log = self.root / f"log-{time.monotonic_ns()}"
        with log.open("wb") as written:
            process = subprocess.Popen(
                command(self._words(arguments)),
                cwd=self.root,
                env=environment(env),
                stdout=subprocess.DEVNULL,
                stderr=written,
                **popen,
            )
        try:
            yield Playing(process, log)
        finally:
            process.kill()
            process.wait()


class Playing:
    """The program while it runs."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def err(self) -> str:
        return self._log.read_text()

    def is_running(self) -> bool:
        return self._process.poll() is None

    def resident_mb(self) -> float:
        """Memory that it has now."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def wait(self, timeout: float = 30.0) -> int:
        """The exit code."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end; it said:\n{self.err}") from None


class Terminal:
    """The program while it runs, and what it has drawn."""

    def __init__(self, process: subprocess.Popen[bytes], outside: int) -> None:
        self.process = process
        self._outside = outside
        self._seen = b""

    def seen(self) -> str:
        """All that it has drawn so far, without its colours."""
        with suppress(BlockingIOError):
            while part := os.read(self._outside, 65536):
                self._seen += part
        return re.sub(r"\x1b\[[\d;?]*\w", "", self._seen.decode(errors="replace"))

    def wait(self, limit_s: float = 30.0) -> int:
        """The exit code."""
        # Read on: a full terminal would keep it waiting.
        wait_until(lambda: (self.seen(), self.process.poll() is not None)[1], "its end", limit_s)
        return self.process.returncode


@cache
def keep_loops() -> None:
    """Let numba keep the compiled loops beside their source, from where each copy takes them: to
    compile them anew in every copy takes seconds."""
    subprocess.run(
        [sys.executable, "-c", "from visualiser import loops; loops.load()"], cwd=ROOT, check=True
    )


def command(arguments: Sequence[object]) -> list[str]:
    return [sys.executable, "main.py", *map(str, arguments)]


def environment(added: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without a display and without a sound server, and what is added.

    XDG_RUNTIME_DIR is taken away too: it leads to the sound and the screen of whoever runs this.
    """
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "SDL_VIDEODRIVER", "PULSE_SERVER")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return kept | dict(added or {})


def wait_until(ready: Callable[[], T], what: str, limit_s: float = 20.0) -> T:
    """What `ready` gives, as soon as it is true."""
    deadline = time.monotonic() + limit_s
    while True:
        if found := ready():
            return found
        assert time.monotonic() < deadline, f"this did not happen within {limit_s:g} s: {what}"
        time.sleep(0.05)


def only(folder: Path, pattern: str) -> Path:
    """The one file there is."""
    found = sorted(folder.glob(pattern)) if folder.is_dir() else []
    assert len(found) == 1, f"wanted one {pattern} in {folder}, found {found}"
    return found[0]


def has_traceback(err: str) -> bool:
    return "Traceback" in err or "Exception ignored" in err


def assert_refused(done: Done, *words: str) -> None:
    """Exit code 2 and one line, in which the words are found."""
    assert done.code == 2, done
    assert len(done.lines) == 1, done.err
    assert done.err.startswith("squircle: "), done.err
    for word in words:
        assert word in done.err, done.err


@dataclass(frozen=True)
class Video:
    """A video file, decoded.

    times_s: (n,) of the pictures; pictures: (n, H, W, 3) uint8, every `every`-th; length_s: of the
    file, as it says itself; codec: of the pictures.
    """

    times_s: np.ndarray
    pictures: np.ndarray
    length_s: float
    codec: str


def read_video(path: Path, every: int = 1) -> Video:
    """Raises av.FFmpegError where the file cannot be opened; a torn end is left out, as players
    do."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        stream.thread_type = "AUTO"
        times, pictures = [], []
        with suppress(av.FFmpegError):
            for index, frame in enumerate(file.decode(stream)):
                times.append(float(frame.pts * frame.time_base))
                if index % every == 0:
                    pictures.append(frame.to_ndarray(format="rgb24"))
        length_s = (file.duration or 0) / 1e6
        return Video(np.array(times), np.array(pictures), length_s, stream.codec_context.name)


def read_sound(path: Path) -> np.ndarray:
    """(n,) float32 mono at 48 kHz: the sound of a sound or video file."""
    resampler = av.AudioResampler("fltp", "mono", SAMPLERATE)
    with av.open(str(path)) as file:
        frames = [out for frame in file.decode(audio=0) for out in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def write_song(path: Path, seconds: float, silence_s: float = 0.0) -> np.ndarray:
    """A wav, 16 bit mono at 48 kHz, of beeps that never repeat, after so much silence; what is in
    it, (n,) float32."""
    import wave

    t = np.arange(round(seconds * SAMPLERATE)) / SAMPLERATE
    beeps = np.sin(2 * np.pi * (220 + 440 * t) * t) * (np.sin(2 * np.pi * 3 * t) > 0)
    samples = np.pad((0.6 * beeps * 32767).astype("<i2"), (round(silence_s * SAMPLERATE), 0))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLERATE)
        file.writeframes(samples.tobytes())
    return samples.astype(np.float32) / 32768
