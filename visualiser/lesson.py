"""One training beside the show: a process that is started, listened to, and ended."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from visualiser.data.taught import Example
from visualiser.files import make_folder, write_bytes
from visualiser.nets import checkpoint
from visualiser.types import UserError

ROOT = Path(__file__).resolve().parents[1]
MODULE = "visualiser.train.aside"
JOB, PICTURES, MODEL = "job.json", "pictures.npz", f"model{checkpoint.SUFFIX}"  # in its folder
MOST_LOSSES = 600
LONGEST = 4096  # bytes of a line
GUESS_S = 18.0  # what it takes in all, until it says itself


@dataclass(frozen=True)
class Progress:
    """losses: one for each fraction of a second of training; share: how much of that is done, 0..1;
    left_s: until all is done, as it was said last; said: how often it was."""

    losses: tuple[float, ...] = ()
    share: float = 0.0
    left_s: float = GUESS_S
    said: int = 0


class Lesson:
    """Begins at once, on a thread and in a process of its own, which has a low priority: numpy and
    torch in one process would share the interpreter's lock with the show. None of its methods
    waits but close().

    base: the file of the model to begin with; folder: where the new model is written, under a free
    name; options: of train.teach.Pupil, by name.
    """

    def __init__(
        self, base: Path, examples: Sequence[Example], folder: Path, options: Mapping[str, Any] = {}
    ) -> None:
        self._base, self._examples, self._folder = base, tuple(examples), folder
        self._options = dict(options)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_cancelled = False
        self._progress = Progress()
        self._path: Path | None = None
        self._error = ""
        self._thread = threading.Thread(target=self._run, name="lesson", daemon=True)
        self._thread.start()

    @property
    def progress(self) -> Progress:
        with self._lock:
            return self._progress

    @property
    def is_over(self) -> bool:
        """Whether there is a path, or an error, or neither after it was cancelled."""
        return not self._thread.is_alive()

    @property
    def path(self) -> Path | None:
        """Of the model, once there is one."""
        return self._path

    @property
    def error(self) -> str:
        """Why there is none, in a line."""
        return self._error

    def cancel(self) -> None:
        with self._lock:
            self._is_cancelled = True
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End it, if it has not ended, and wait for that."""
        self.cancel()
        self._thread.join()

    def _run(self) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="squircle-") as folder:
                self._learn(Path(folder))
        except UserError as error:
            self._error = str(error)
        except OSError as error:
            self._error = f"the training could not run: {error.strerror or error}"

    def _learn(self, folder: Path) -> None:
        np.savez(
            folder / PICTURES,
            pictures=np.stack([example.picture for example in self._examples]),
            is_drawn=np.array([example.is_drawn for example in self._examples]),
        )
        job = {"base": str(self._base.resolve()), "options": self._options}
        (folder / JOB).write_text(json.dumps(job), encoding="utf-8")
        with (folder / "said").open("w+b") as said:
            code = self._attend(folder, said)
            if self._is_cancelled:
                return
            if code != 0:
                said_last = _last_line(said) or f"exit code {code}"
                self._error = said_last if code == 2 else f"the training ended early: {said_last}"
                return
        checkpoint.read(folder / MODEL)  # a whole, sane one, or it is not put among the others
        data = (folder / MODEL).read_bytes()
        with self._lock:
            if self._is_cancelled:
                return
        make_folder(self._folder)
        path = free_name(self._folder)
        write_bytes(path, data)
        self._path = path

    def _attend(self, folder: Path, said: IO[bytes]) -> int:
        """Run the process, and note down what it says; returns its exit code."""
        low = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)  # of Windows; 0 elsewhere
        one = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with self._lock:
            if self._is_cancelled:
                return -1
            self._process = subprocess.Popen(
                [sys.executable, "-m", MODULE, str(folder)],
                cwd=ROOT,
                env={**os.environ, **one},
                stdin=subprocess.PIPE,  # it ends when that is closed: when the show has died
                stdout=subprocess.PIPE,
                stderr=said,
                creationflags=low,
            )
        process = self._process
        assert process.stdout is not None
        with process:
            while line := process.stdout.readline(LONGEST):
                self._note(line)
        return process.returncode

    def _note(self, line: bytes) -> None:
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
            said = json.loads(line)
            share, loss, left_s = (float(said[key]) for key in ("share", "loss", "left_s"))
            if not np.isfinite([share, loss, left_s]).all():
                return
            with self._lock:
                before = self._progress
                losses = (*before.losses, loss)[-MOST_LOSSES:]
                self._progress = Progress(losses, share, left_s, before.said + 1)


def free_name(folder: Path) -> Path:
    """The first of taught-1, taught-2, ... that is not there."""
    n = 1
    while (path := folder / f"taught-{n}{checkpoint.SUFFIX}").exists():
        n += 1
    return path


def _last_line(said: IO[bytes]) -> str:
    """Of what a process said before it ended: of a traceback, what went wrong."""
    said.seek(0, os.SEEK_END)
    said.seek(max(said.tell() - LONGEST, 0))
    lines = said.read().decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
