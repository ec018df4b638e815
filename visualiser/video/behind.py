"""A writer on a thread of its own: while one picture is encoded the next ones are drawn."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from visualiser.video.picture import Pixels
from visualiser.video.writer import VideoWriter

if TYPE_CHECKING:
    import av

AHEAD = 8  # pictures that may wait


class Behind:
    """Takes pictures as a writer does, and waits where many are not yet encoded. What goes wrong
    there is raised here, with the next picture or at the end."""

    def __init__(self, writer: VideoWriter) -> None:
        self._writer = writer
        self._error: BaseException | None = None
        self._waiting: queue.Queue[tuple[av.VideoFrame, float] | None] = queue.Queue(AHEAD)
        self._thread = threading.Thread(target=self._run, name="encode")
        self._thread.start()

    def write(self, pixels: Pixels, t: float) -> None:
        self._waiting.put((self._writer.picture(pixels), t))
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Encode what is left, and finish the file."""
        self._waiting.put(None)
        self._thread.join()
        self._writer.close()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (each := self._waiting.get()) is not None:
            if self._error is None:  # else whoever draws is not kept waiting
                try:
                    self._writer.add(*each)
                except BaseException as error:
                    self._error = error
