"""Looks for new sound devices from another process, so that no stream has to stop for it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

from visualiser.audio.inputs import Input

_ROOT = Path(__file__).resolve().parents[2]
_EVERY_S = 0.5
_END_S = 2.0  # how long close() waits


class Scout:
    """PortAudio sees new hardware only when it starts anew, which ends every stream of its process.
    So a small process of its own does that, twice a second, and says what it finds."""

    def __init__(self) -> None:
        self.rows: list[Input] | None = None  # what there is, once it is known
        self._asked = 0.0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "visualiser.audio.inputs"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
        )
        self._waiting = False
        self._thread = threading.Thread(target=self._read, name="scout", daemon=True)
        self._thread.start()

    def ask(self) -> None:
        """Have it look, if the last look is long enough ago; never waits."""
        now = time.perf_counter()
        if self._waiting or now - self._asked < _EVERY_S or self._process.stdin is None:
            return
        self._asked, self._waiting = now, True
        try:
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()
        except OSError:  # it has ended; then nothing new is known
            pass

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.rows = [Input(**row) for row in json.loads(line)]
            self._waiting = False

    def close(self) -> None:
        self._process.kill()
        self._process.wait(_END_S)
        self._thread.join(_END_S)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
