"""A desk with displays that are plugged in and out: an X server of TigerVNC's, whose layout a
client may change. What is seen on them is grabbed as from any screen.

    with desk((800, 600), (640, 360)) as screen:  # side by side
        screen.plug((800, 600))  # the second one is pulled
"""

from __future__ import annotations

import shutil
import socket
import struct
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from virtual_screen import VirtualScreen

_INSTALL = "apt-get install -y --no-install-recommends tigervnc-standalone-server"
_LAYOUT = -308  # of a desktop with several displays, in the protocol's own numbers


class Desk(VirtualScreen):
    def __init__(self, folder: Path, *sizes: tuple[int, int]) -> None:
        self._socket = folder / "rfb"
        super().__init__(sum(width for width, _ in sizes), max(height for _, height in sizes))
        self.plug(*sizes)

    def _command(self) -> list[str]:
        size = f"{self.width}x{self.height}"
        words = ["Xtigervnc", "-geometry", size, "-depth", "24", "-SecurityTypes", "None"]
        return [*words, "-rfbport", "-1", "-rfbunixpath", str(self._socket)]

    def plug(self, *sizes: tuple[int, int]) -> None:
        """These displays and no others, from left to right. The desktop stays as large as it is, as
        it does for some seconds where a cable is pulled."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(self._socket))
            file = client.makefile("rb")
            file.read(12)
            client.sendall(b"RFB 003.008\n")
            file.read(file.read(1)[0])
            client.sendall(b"\x01")  # no password
            file.read(4)
            client.sendall(b"\x01")  # beside others
            file.read(20)
            file.read(struct.unpack(">I", file.read(4))[0])
            client.sendall(struct.pack(">BxHii", 2, 2, 0, _LAYOUT))
            client.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, 1, 1))
            time.sleep(0.2)
            asked = struct.pack(">BxHHBx", 251, self.width, self.height, len(sizes))
            left = 0
            for number, (width, height) in enumerate(sizes, 1):
                asked += struct.pack(">IHHHHI", number, left, 0, width, height, 0)
                left += width
            client.sendall(asked)
            time.sleep(0.2)


@contextmanager
def desk(*sizes: tuple[int, int]) -> Iterator[Desk]:
    """Displays side by side; RuntimeError says which Debian package is missing."""
    if not shutil.which("Xtigervnc"):
        raise RuntimeError(f"these tests need Xtigervnc: {_INSTALL}")
    with tempfile.TemporaryDirectory() as folder:
        screen = Desk(Path(folder), *sizes)
        try:
            yield screen
        finally:
            screen.close()
