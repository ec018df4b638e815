"""A screen without hardware, for tests: Xvfb, keys and mouse from xdotool, and what is seen.

    with virtual_screen(1000, 800) as screen:
        subprocess.Popen([sys.executable, "main.py"], env=os.environ | screen.env)
        screen.key("h")
        pixels = screen.shot()

There is no window manager: nobody but the program moves its window, and it has no frame.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
import pygame

_INSTALL = "apt-get install -y --no-install-recommends xvfb xdotool"
_LIKELY = [11]  # sizes at which words were found: the last is tried first
_FOUND = 0.93  # the correlation from which on words are there
_FONT = Path(__file__).resolve().parents[1] / "assets" / "JetBrainsMono-Regular.ttf"


class _Cursor(ctypes.Structure):
    """XFixesCursorImage."""

    _fields_ = [
        ("place", ctypes.c_short * 2),
        ("size", ctypes.c_ushort * 2),
        ("hot", ctypes.c_ushort * 2),
        ("serial", ctypes.c_ulong),
        ("pixels", ctypes.POINTER(ctypes.c_ulong)),
    ]


class VirtualScreen:
    """env: what to add to the environment of processes whose windows shall be seen on it."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        said, says = os.pipe()
        # It looks for a free number by itself, and says it once it can be used.
        command = [*self._command(), "-displayfd", str(says), "-nolisten", "tcp"]
        self._server = subprocess.Popen(command, pass_fds=[says], stderr=subprocess.DEVNULL)
        os.close(says)
        with os.fdopen(said) as number:
            self.name = f":{number.readline().strip()}"
        if self.name == ":":
            raise RuntimeError(f"Xvfb did not start (is all of it there? {_INSTALL})")
        self.env = {"DISPLAY": self.name}
        self._camera = av.open(
            self.name,
            format="x11grab",
            options={"video_size": f"{width}x{height}", "framerate": "60", "draw_mouse": "0"},
        )

    def _command(self) -> list[str]:
        return ["Xvfb", "-screen", "0", f"{self.width}x{self.height}x24"]

    def close(self) -> None:
        self._camera.close()
        self._server.terminate()
        self._server.wait()

    def key(self, *names: str, delay_ms: int = 25) -> None:
        """Press and release keys, by their names in X: h, space, period, Up."""
        self._do("key", "--delay", delay_ms, *names)

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Hold a key down, and let it go in the end."""
        self._do("keydown", name)
        try:
            yield
        finally:
            self._do("keyup", name)

    def drag(self, places: Sequence[tuple[float, float]], button: int = 1) -> None:
        """Hold a mouse button down from place to place of the window, in pixels."""
        left, top, _, _ = self.place()
        at = [(left + round(x), top + round(y)) for x, y in places]
        words: list[object] = ["mousemove", *at[0], "mousedown", button]
        for x, y in at:
            words += ["mousemove", x, y, "sleep", 0.02]
        self._do(*words, "mouseup", button)

    def resize(self, width: int, height: int) -> None:
        """Give the window another size."""
        self._do("windowsize", self._windows()[0], width, height)

    def move(self, left: int, top: int, title: str = "") -> None:
        """Put the window's corner there: of the only one, or of that title."""
        self._do("windowmove", self.find(title) if title else self._windows()[0], left, top)

    def place(self) -> tuple[int, int, int, int]:
        """Where the window is: left, top, width, height; all 0 while there is none."""
        for window in self._windows():
            said = self._do("getwindowgeometry", "--shell", window)
            found = dict(line.split("=") for line in said.split())
            return int(found["X"]), int(found["Y"]), int(found["WIDTH"]), int(found["HEIGHT"])
        return 0, 0, 0, 0

    def find(self, title: str) -> str | None:
        """The window of exactly that title."""
        for window in self._windows():
            with suppress(AssertionError):  # it has just gone
                if self._do("getwindowname", window).strip() == title:
                    return window
        return None

    def shut(self, title: str) -> None:
        """Close the window of that title, as its frame's button would."""
        x = ctypes.CDLL("libX11.so.6")
        x.XOpenDisplay.restype = x.XInternAtom.restype = ctypes.c_void_p
        display = ctypes.c_void_p(x.XOpenDisplay(self.name.encode()))
        protocols, delete = (
            x.XInternAtom(display, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW")
        )
        window = int(self.find(title) or 0)
        # XClientMessageEvent, in C's longs: type, serial, sent, display, window, message, format.
        event = (ctypes.c_long * 24)(33, 0, 1, 0, window, protocols, 32, delete)
        x.XSendEvent(display, ctypes.c_ulong(window), 0, ctypes.c_long(0), event)
        x.XCloseDisplay(display)

    def has_cursor(self) -> bool:
        """Whether the mouse is seen now: a cursor that is none has no pixel that is not clear."""
        x, fixes = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXfixes.so.3")
        x.XOpenDisplay.restype = ctypes.c_void_p
        fixes.XFixesGetCursorImage.restype = ctypes.POINTER(_Cursor)
        display = ctypes.c_void_p(x.XOpenDisplay(self.name.encode()))
        image = fixes.XFixesGetCursorImage(display).contents
        n = image.size[0] * image.size[1]
        seen = any(image.pixels[i] >> 24 & 0xFF for i in range(n))
        x.XCloseDisplay(display)
        return seen

    def window(self) -> np.ndarray:
        """What is seen of the window now: (height, width, 3) uint8."""
        left, top, width, height = self.place()
        seen = self.shot()[max(top, 0) : top + height, max(left, 0) : left + width]
        assert seen.size, "there is no window"
        return seen

    def _windows(self) -> list[str]:
        try:
            return self._do("search", "--onlyvisible", "--class", ".").split()
        except AssertionError:  # none is found
            return []

    def shot(self) -> np.ndarray:
        """What is seen now: (height, width, 3) uint8."""
        now = time.time()
        for frame in self._camera.decode(video=0):
            if frame.time >= now:  # the camera has taken some in advance, when it was opened
                return frame.to_ndarray(format="rgb24")
        raise AssertionError("the screen has gone")

    def _do(self, *words: object) -> str:
        done = subprocess.run(
            ["xdotool", *map(str, words)],
            env=os.environ | self.env,
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def virtual_screen(width: int = 1000, height: int = 800) -> Iterator[VirtualScreen]:
    """The screen, on; RuntimeError says which Debian packages are missing."""
    if not (shutil.which("Xvfb") and shutil.which("xdotool")):
        raise RuntimeError(f"these tests need Xvfb and xdotool: {_INSTALL}")
    screen = VirtualScreen(width, height)
    try:
        yield screen
    finally:
        screen.close()


def reads(pixels: np.ndarray, *words: str, sizes: Sequence[int] = range(8, 25)) -> bool:
    """Whether all of these words stand somewhere in a picture (H, W, 3), on an even ground, in the
    program's typeface and in one size."""
    page = Page(pixels)
    likely = sorted(sizes, key=lambda size: size != _LIKELY[-1])
    size = next((size for size in likely if page.match(words[0], size) > 0), None)
    if size is None:
        return False
    _LIKELY.append(size)
    return all(page.match(other, size) > 0 for other in words[1:])


def records(pixels: np.ndarray, seconds: int = 0) -> bool:
    """Whether it says so, for that long or longer: on a busy machine who looks misses a second."""
    page = Page(pixels)
    size = max(range(8, 25), key=lambda size: page.match("REC 0:", size))
    alike = [page.match(f"REC 0:{n:02}", size) for n in range(60)]
    return max(alike) > 0 and int(np.argmax(alike)) >= seconds


class Page:
    """A picture that words are looked for in."""

    def __init__(self, pixels: np.ndarray) -> None:
        self._grey = pixels.astype(float).mean(axis=2)
        self._spectrum = np.fft.rfft2((self._grey - self._grey.mean()).astype(np.float32))
        self._squares, self._sums = _total(self._grey**2), _total(self._grey)

    def match(self, words: str, size: int) -> float:
        """The best correlation of the drawn words with any place of the picture, up to 1; -1 where
        they are nowhere."""
        mask, grey = _mask(words, size), self._grey
        if mask.shape[0] > grey.shape[0] or mask.shape[1] > grey.shape[1]:
            return -1.0
        spectrum = _spectrum(words, size, grey.shape)
        alike = np.fft.irfft2(self._spectrum * spectrum, grey.shape)
        rows, columns = grey.shape[0] - mask.shape[0] + 1, grey.shape[1] - mask.shape[1] + 1
        alike, ink = alike[:rows, :columns], (mask**2).sum()
        least = 25.0 * mask.size  # of what pixels differ, or the words would be found in noise
        # Where they cannot be, as in most places, nobody need know how much pixels differ there.
        there = np.nonzero(alike > _FOUND * np.sqrt(least * ink))
        within = _within(self._sums, mask.shape, there)
        variance = _within(self._squares, mask.shape, there) - within**2 / mask.size
        found = alike[there] / np.sqrt(np.maximum(variance, least) * ink)
        best = float(found.max(initial=-1.0))
        return best if best > _FOUND else -1.0


@lru_cache(maxsize=512)
def _mask(words: str, size: int) -> np.ndarray:
    """The drawn words, with a mean of 0."""
    if not pygame.font.get_init():
        pygame.font.init()
    drawn = pygame.font.Font(str(_FONT), size).render(words, True, "white")
    mask = pygame.surfarray.array_alpha(drawn).T.astype(float)
    ink = np.argwhere(mask > 0)
    (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0) + 1
    # A pixel of the ground around them, or a full stop would be found in any even place.
    mask = np.pad(mask[top:bottom, left:right], 1)
    return mask - mask.mean()


@lru_cache(maxsize=40)
def _spectrum(words: str, size: int, shape: tuple[int, int]) -> np.ndarray:
    """What a picture's is multiplied by: kept, as who waits for words looks for them again."""
    return np.conj(np.fft.rfft2(_mask(words, size).astype(np.float32), shape))


def _total(grey: np.ndarray) -> np.ndarray:
    """The sum of all above and left of every place."""
    return np.pad(grey.cumsum(0).cumsum(1), ((1, 0), (1, 0)))


def _within(
    total: np.ndarray, shape: tuple[int, int], there: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """The sum over a window of that shape, at those places (rows, columns)."""
    (h, w), (y, x) = shape, there
    return total[y + h, x + w] - total[y, x + w] - total[y + h, x] + total[y, x]
