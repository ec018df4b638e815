"""The reference: the autoencoder page (p5 and TensorFlow.js) in headless Chromium, unthrottled.

`measure` serves `benchmarks/page`, opens it and returns what the page counted.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

PAGE = Path(__file__).resolve().parent / "page"
BACKENDS = ("wasm", "cpu", "webgl")
STYLES = ("original", "tuned")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SCRIPTS = (
    "p5/lib/p5.min.js",
    "@tensorflow/tfjs/dist/tf.es2017.min.js",
    "@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.es2017.min.js",
)
START_DEADLINE_S = 60.0  # for the browser to start and the network to load, on top of the run
WARM_UP_S = 2.0  # as in sketch.js

FLAGS = (
    "--headless",
    "--no-sandbox",  # it opens nothing but our own page, and refuses to start as root without
    "--no-first-run",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-dev-shm-usage",
    # requestAnimationFrame as fast as frames are made, not as the screen asks for them
    "--disable-frame-rate-limit",
    "--disable-gpu-vsync",
)


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".wasm": "application/wasm"}  # noqa: RUF012

    def __init__(self, *args: Any, results: queue.Queue[dict[str, Any]], **kwargs: Any) -> None:
        self.results = results
        super().__init__(*args, **kwargs)

    def end_headers(self) -> None:
        # Cross-origin isolation: shared memory for the threaded SIMD build of the wasm backend,
        # and a clock of 5 us instead of 100.
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/result":
            self.send_error(404)
            return
        self.send_response(204)
        self.end_headers()
        self.results.put(json.loads(body))

    def log_message(self, format: str, *args: object) -> None:
        pass


def _browser() -> str:
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    raise RuntimeError("the reference page needs Chromium: apt-get install chromium")


def _install() -> None:
    """Fetch the page's libraries, once."""
    if all((PAGE / "node_modules" / script).is_file() for script in SCRIPTS):
        return
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("the reference page needs npm: apt-get install nodejs npm")
    verb = "ci" if (PAGE / "package-lock.json").is_file() else "install"
    done = subprocess.run(
        [npm, verb, "--no-audit", "--no-fund"], cwd=PAGE, capture_output=True, text=True
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or [
            "no reason given"
        ]
        raise RuntimeError(f"npm {verb} failed in {PAGE}: {lines[0]}")


@contextlib.contextmanager
def _serve(results: queue.Queue[dict[str, Any]]) -> Iterator[int]:
    handler = partial(_Handler, directory=str(PAGE), results=results)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


@contextlib.contextmanager
def _chromium(url: str, flags: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Chromium on the url with a home of its own; gone with everything it started on leaving."""
    with tempfile.TemporaryDirectory(prefix="squircle-page-", ignore_cleanup_errors=True) as home:
        names = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME")
        process = subprocess.Popen(
            [_browser(), *FLAGS, *flags, f"--user-data-dir={home}/profile", url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **dict.fromkeys(names, home)},
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            _kill_strays(home)


def _kill_strays(home: str) -> None:
    """End helpers that left the browser's process group: only they name its home."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if home.encode() in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)


def measure(
    seconds: float,
    width: int,
    height: int,
    backend: str = "wasm",
    *,
    style: str = "original",
    gpu: bool = False,
    picture: Path | None = None,
) -> dict[str, Any]:
    """Run the page for `seconds` after its warm-up and return what it counted.

    `style` is "original" (`model.predict` and a `square()` for every pixel, as the Coding Train's
    page has it) or "tuned" (one kernel a layer, pictures scaled by the canvas). `gpu` leaves a
    graphics card to the browser; without it everything is drawn in software. `picture` names a PNG
    for the last canvas. Times are in milliseconds but for `first_picture_s`, which counts from the
    launch of the browser to the first picture.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, not {backend!r}")
    if style not in STYLES:
        raise ValueError(f"style must be one of {', '.join(STYLES)}, not {style!r}")
    _browser()
    _install()
    flags = [f"--window-size={width + 40},{height + 200}"]  # a canvas out of view is not drawn
    if backend == "webgl":
        flags += ["--ignore-gpu-blocklist", "--enable-unsafe-swiftshader"]
    elif not gpu:
        flags += ["--disable-gpu"]
    if backend == "webgl" and not gpu:
        flags += ["--use-angle=swiftshader"]

    results: queue.Queue[dict[str, Any]] = queue.Queue()
    with _serve(results) as port:
        query = {
            "width": width,
            "height": height,
            "seconds": seconds,
            "backend": backend,
            "style": style,
            "started": round(time.time() * 1000),
            **({"picture": 1} if picture else {}),
        }
        url = f"http://127.0.0.1:{port}/index.html?{urlencode(query)}"
        with _chromium(url, flags) as process:
            result = _wait(results, process, START_DEADLINE_S + WARM_UP_S + seconds)
    if "error" in result:
        raise RuntimeError(f"the reference page failed: {result['error']}")
    if not result["in_view"]:
        raise RuntimeError("the reference page failed: its canvas did not fit into the window")
    if picture:
        picture.write_bytes(base64.b64decode(result.pop("picture").partition(",")[2]))
    return result


def _wait(
    results: queue.Queue[dict[str, Any]], process: subprocess.Popen[bytes], deadline_s: float
) -> dict[str, Any]:
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        with contextlib.suppress(queue.Empty):
            return results.get(timeout=0.2)
        if process.poll() is not None:
            raise RuntimeError(f"Chromium ended early, with status {process.returncode}")
    raise RuntimeError(f"the reference page gave no result in {deadline_s:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=320)
    parser.add_argument("--backend", choices=BACKENDS, default="wasm")
    parser.add_argument("--style", choices=STYLES, default="original")
    parser.add_argument("--gpu", action="store_true", help="let the browser use a graphics card")
    parser.add_argument("--picture", type=Path, help="write the last canvas to this PNG")
    args = parser.parse_args()
    print(json.dumps(measure(**vars(args)), indent=2))


if __name__ == "__main__":
    main()
