"""The real TensorFlow.js for the tests: in node, and in a Chromium without a window."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

PAGE = ROOT / "benchmarks" / "page"  # has the package.json of what is fetched
LIBRARIES = PAGE / "node_modules"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WAIT_S = 60.0
Spec = list[list[Any]]  # layers for Node: [kind, arguments]


def program(*names: str) -> str:
    for name in names:
        if path := shutil.which(name):
            return path
    package = {"node": "nodejs"}.get(names[0], names[0])
    pytest.fail(f"this test needs {names[0]}: apt-get install {package}", pytrace=False)


def libraries() -> Path:
    """The folder with TensorFlow.js in it, which is fetched the first time."""
    if not (LIBRARIES / "@tensorflow/tfjs/package.json").is_file():
        npm = [program("npm"), "ci", "--no-audit", "--no-fund"]
        done = subprocess.run(npm, cwd=PAGE, capture_output=True, text=True, timeout=100)
        if done.returncode:
            pytest.fail(f"npm ci failed in {PAGE}: {done.stderr[-400:]}", pytrace=False)
    return LIBRARIES


class Node:
    """tests/tfjs_node.js, which answers requests until it is left."""

    def __init__(self) -> None:
        script = ROOT / "tests" / "tfjs_node.js"
        page = ROOT / "assets" / "sketch"
        self._process = subprocess.Popen(
            [program("node"), str(script), str(libraries()), str(page)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **request: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"node ended with status {self._process.wait()}"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer

    def predict(self, model: Path, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """(n, *takes) -> (n, *gives), as tf.loadLayersModel's model answers."""
        flat = [np.ravel(x).tolist() for x in inputs]
        answer = self.ask(do="predict", model=str(model), inputs=flat)
        return np.array(answer["outputs"], np.float32).reshape(-1, *answer["shape"])

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)


class Browser:
    """Chromium without a window, which is told what to do through a pair of pipes (DevTools)."""

    def __init__(self) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="squircle-", ignore_cleanup_errors=True)
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        flags += ["--disable-background-networking", "--disable-dev-shm-usage"]
        flags += ["--window-size=1280,800", f"--user-data-dir={self._home.name}"]
        flags += ["--remote-debugging-pipe", "about:blank"]
        # Chromium reads from its file 3 and writes to its file 4.
        pipes = f"exec 3<&{theirs_in} 4>&{theirs_out}"
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", f'{pipes}; exec "$@"', "-", program(*BROWSERS), *flags],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": self._home.name},
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._in, self._out = os.fdopen(ours_in, "rb"), os.fdopen(ours_out, "wb")
        self._left = b""
        self._n = 0
        self._session = ""
        self.complaints: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        joined = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = joined["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        self._n += 1
        message: dict[str, Any] = {"id": self._n, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._out.write(json.dumps(message).encode() + b"\0")
        self._out.flush()
        while (answer := self._receive()).get("id") != self._n:
            self._listen(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def open(self, url: str) -> None:
        self.complaints.clear()
        self.call("Page.navigate", url=url)

    def evaluate(self, script: str) -> Any:
        """What a line of JavaScript gives, once it has it."""
        answer = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, script: str) -> None:
        end = time.monotonic() + WAIT_S
        while not self.evaluate(f"Boolean({script})"):
            assert time.monotonic() < end, f"{script} never came true; {self.complaints}"
            time.sleep(0.05)

    def screenshot(self) -> bytes:
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._session = ""
            self.call("Browser.close")
        self._process.wait(20)
        self._in.close()
        with contextlib.suppress(BrokenPipeError):
            self._out.close()
        self._home.cleanup()

    def _receive(self) -> Any:
        while b"\0" not in self._left:
            some = os.read(self._in.fileno(), 1 << 20)
            assert some, f"Chromium ended with status {self._process.wait()}"
            self._left += some
        message, _, self._left = self._left.partition(b"\0")
        return json.loads(message)

    def _listen(self, event: Any) -> None:
        """Keep what the page complains about."""
        params = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"]))
        elif event.get("method") == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.complaints.append(json.dumps(params["args"]))
        elif event.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(json.dumps(params["entry"]))


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """A plain static server; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def dense(units: int, activation: str = "relu", **more: Any) -> list[Any]:
    return ["dense", {"units": units, "activation": activation, **more}]


def conv(kind: str, filters: int, kernel: Any = 3, **more: Any) -> list[Any]:
    config = {"filters": filters, "kernelSize": kernel, "padding": "same", "activation": "relu"}
    return [kind, config | more]


def make(node: Node, folder: Path, spec: Spec, shape: str = "sequential", **more: Any) -> Path:
    """A model that the real TensorFlow.js builds and saves; its model.json."""
    folder.mkdir(parents=True, exist_ok=True)
    request = {"seed": 7, "shards": 1, **more}
    node.ask(do="make", layers=spec, shape=shape, folder=str(folder), **request)
    return folder / "model.json"
