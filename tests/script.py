"""Scripts that hear or play through the real PortAudio, in processes of their own: it reads its
environment once.

    heard = run("report(rows=[row.name for row in list_inputs()])", microphone.env)
    with Script(script, devices.env) as script: ...
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

from conftest import ROOT

NAMES = """
import json, sys, threading, time
import numpy as np
from visualiser.audio.inputs import list_inputs
from visualiser.audio.levels import InputList
from visualiser.audio.microphone import Microphone
from visualiser.audio.song import Song
from visualiser.types import UserError

began = time.perf_counter()
def now():
    return time.perf_counter() - began
def report(**facts):
    print(json.dumps(facts), flush=True)
def wait(ready, limit_s=8.0):
    deadline = now() + limit_s
    while not (found := ready()):
        assert now() < deadline, "nothing happened"
        time.sleep(0.01)
    return found
def watch(source, seconds):
    until, lines = now() + seconds, []
    while now() < until:
        sound = source.window(now(), 2048)
        lines += source.notices()
        time.sleep(0.01)
    return sound, lines
"""


class Script:
    """A process with the names above, which reports facts, and may wait for a line to go on."""

    def __init__(self, script: str, env: Mapping[str, str], *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", NAMES + script, *map(str, arguments)],
            env=env,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Script:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()

    def facts(self) -> dict:
        """What it reports next."""
        line = self._process.stdout.readline()
        assert line, self._process.communicate()[1]
        return json.loads(line)

    def go_on(self) -> None:
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def end(self) -> dict:
        """What it reports last, once it has ended."""
        out, err = self._process.communicate(timeout=40)
        assert self._process.returncode == 0, err
        return json.loads(out.splitlines()[-1])


def run(script: str, env: Mapping[str, str], *arguments: object) -> dict:
    """The facts that a script reports last."""
    with Script(script, env, *arguments) as process:
        return process.end()
