"""GIFs: 256 colours for the whole film, so that none flickers."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

from visualiser.types import UserError
from visualiser.video.formats import Quality, format_of
from visualiser.video.picture import Pixels, picture_of
from visualiser.voice import Heard

UNIT = Fraction(1, 100)  # s: a GIF counts in these
LEAST = (
    2  # units that a picture is seen; what is to go quicker, players show at a tenth of its pace
)
DITHER = "dither=bayer:bayer_scale=4"  # the same pattern in every picture: nothing swarms


class GifWriter:
    """Writes a GIF, which can be begun only once all its colours are known: until then its pictures
    lie in a video without loss beside it, NAME.gif.part.mkv, and none of them in memory.

    That video goes when the GIF is whole; it is what is left if the program is killed.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        import av

        self.path = path
        self.size = size
        self.written = 0.0
        self._kind = format_of(path)
        self._last = -LEAST
        self._seen = max(round(1 / fps / UNIT), LEAST)  # how long the very last is, in units
        self._part = path.with_name(f"{path.name}.part.mkv")
        try:
            self._file = av.open(str(self._part), "w", options={"flush_packets": "1"})
        except OSError as error:
            raise UserError(f"cannot write {self._part}: {error.strerror or error}") from None
        video: Any = self._file.add_stream("libx264rgb", rate=100)
        video.options = {"qp": "0", "preset": "ultrafast"}
        video.width, video.height = size
        video.pix_fmt = "bgr24"
        video.time_base = video.codec_context.time_base = UNIT
        self._video = video
        self._colours, self._into = _graph(size, "palettegen=reserve_transparent=0")

    def write(self, pixels: Pixels, t: float) -> None:
        """As Writer says; a picture that would be seen for less than LEAST is left out."""
        at = round(t / UNIT)
        if at < self._last + LEAST:
            return
        self._last, self.written = at, t
        picture = picture_of(pixels, "bgr24")
        picture.pts, picture.time_base = at, UNIT
        self._file.mux(self._video.encode(picture))
        self._into[0].push(picture.reformat(format="bgra"))

    def hear(self, heard: Heard) -> None:
        """It is silent."""

    def close(self) -> None:
        """As Writer says; it takes about as long as the film, for all of it is encoded now."""
        try:
            self._file.mux(self._video.encode(None))
        finally:
            self._file.close()
        if self._last >= 0:
            self._into[0].push(None)
            self._encode(self._colours.pull())
        with suppress(OSError):
            self._part.unlink()

    def _encode(self, palette: Any) -> None:
        import av

        done, (pictures, colours) = _graph(self.size, f"paletteuse={DITHER}", palette)
        colours.push(palette)
        colours.push(None)
        options = {**self._kind.container(Quality()), "final_delay": str(self._seen)}
        with (
            av.open(str(self._part)) as part,
            av.open(str(self.path), "w", options=options) as file,
        ):
            video: Any = file.add_stream(self._kind.codec, rate=100)
            video.width, video.height = self.size
            video.pix_fmt = self._kind.pixels
            video.time_base = video.codec_context.time_base = UNIT

            def take() -> None:
                with suppress(av.error.BlockingIOError, av.error.EOFError):
                    while True:
                        file.mux(video.encode(done.pull()))

            for picture in part.decode(video=0):
                at = round((picture.time or 0.0) / UNIT)
                picture = picture.reformat(format="bgra")
                picture.pts, picture.time_base = at, UNIT
                pictures.push(picture)
                take()
            pictures.push(None)
            take()
            file.mux(video.encode(None))


def _graph(size: tuple[int, int], words: str, palette: Any = None) -> tuple[Any, list[Any]]:
    """A filter of ffmpeg's, and what goes into it: pictures, and a palette where one is needed."""
    import av

    graph = av.filter.Graph()
    name, _, options = words.partition("=")
    chosen = graph.add(name, options)
    bgra = av.VideoFormat("bgra")
    sizes = [size] if palette is None else [size, (palette.width, palette.height)]
    into = [graph.add_buffer(width=w, height=h, format=bgra, time_base=UNIT) for w, h in sizes]
    for n, each in enumerate(into):
        each.link_to(chosen, 0, n)
    chosen.link_to(graph.add("buffersink"))
    graph.configure()
    return graph, into
