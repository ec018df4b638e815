"""The formats of recordings, renders and pictures: one table, by the ending of a file's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from visualiser.types import UserError

Options = Mapping[str, str]

# libvpx takes its pace as two options; these are about as fast as x264 is with the same word.
VP9_PACE = {
    "ultrafast": ("realtime", 8),
    "superfast": ("realtime", 7),
    "veryfast": ("realtime", 6),
    "faster": ("realtime", 5),
    "fast": ("good", 5),
    "medium": ("good", 4),
    "slow": ("good", 2),
    "slower": ("good", 1),
}


AT_ONCE = "rc-lookahead=0:sync-lookahead=0:bframes=0:mbtree=0"  # no picture is held back


@dataclass(frozen=True)
class Quality:
    """crf: 0 (lossless) to 51, as x264 counts; preset: its word for how long it may take; live:
    whether pictures come while they happen: a crash is to cost next to none of them."""

    crf: int = 18
    preset: str = "medium"
    live: bool = False


def _x264(quality: Quality) -> Options:
    options = {"crf": str(quality.crf), "preset": quality.preset}
    return {**options, "x264-params": AT_ONCE} if quality.live else options


def _vp9(quality: Quality) -> Options:
    deadline, cpu_used = VP9_PACE[quality.preset]
    at_once = {"lag-in-frames": "0"} if quality.live else {}  # no picture is held back
    return {
        **at_once,
        "crf": str(round(quality.crf * 63 / 51)),
        "b": "0",  # as many bits as that quality needs
        "deadline": deadline,
        "cpu-used": str(cpu_used),
        "row-mt": "1",
        "auto-alt-ref": "0",  # alpha has no such frames
    }


def _prores(quality: Quality) -> Options:
    return {"profile": "4444", "vendor": "apl0", "alpha_bits": "8"}


def _webp(quality: Quality) -> Options:
    return {"quality": "80", "compression_level": "4"}


def _png(quality: Quality) -> Options:
    return {"pred": "up", "compression_level": "3"}


def _none(quality: Quality) -> Options:
    return {}


@dataclass(frozen=True)
class Format:
    """One kind of file.

    suffix: the ending; what: it is for, in a few words; codec: of the pictures; pixels: how those
    lie in memory; alpha: how they lie where they keep their transparency, "" where they cannot;
    options: of the encoder; container: of the file around it; sound: the codec of what is heard, ""
    where nothing is; is_even: whether width and height must be; part: the ending of its parts,
    encoded one by one and joined without encoding again, "" where that cannot be; top_fps:
    where time is counted in hundredths of a second, the most pictures that one can have; else 0.
    """

    suffix: str
    what: str
    codec: str
    pixels: str
    alpha: str = ""
    options: Callable[[Quality], Options] = _none
    container: Callable[[Quality], Options] = _none
    sound: str = ""
    is_even: bool = False
    part: str = ""
    top_fps: int = 0

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(width, height), less a pixel where it has even ones only."""
        return (size[0] & ~1, size[1] & ~1) if self.is_even else size

    def rate(self, fps: float) -> float:
        """The nearest rate that it can have, frames/s."""
        return 100 / round(max(100 / fps, 100 / self.top_fps)) if self.top_fps else fps


def _mov(quality: Quality) -> Options:
    """With its index after the first fragment the file can say where picture and sound begin;
    without, both come late by what their encoders look ahead, and not by the same."""
    return {
        "movflags": "hybrid_fragmented+delay_moov",
        "flush_packets": "1",
        # us: what a crash can cost, and how long a picture waits for sound that is late
        "frag_duration": "100000",
        "max_interleave_delta": "100000",
    }


def _mp4(quality: Quality) -> Options:
    if quality.live:
        return _mov(quality)
    # Where pictures are not written in their order, a file whose last fragment begins anywhere but
    # at a key frame loses its last picture.
    return {"movflags": "hybrid_fragmented+delay_moov+frag_keyframe", "flush_packets": "1"}


def _matroska(quality: Quality) -> Options:
    return {"cluster_time_limit": "100", "flush_packets": "1"}  # ms


def _looped(quality: Quality) -> Options:
    return {"loop": "0"}


FORMATS: Mapping[str, Format] = {
    each.suffix: each
    for each in (
        Format(".mp4", "videos to show and share: H.264, AAC", "libx264", "yuv420p", "", _x264,
               _mp4, "aac", is_even=True, part=".mp4"),
        Format(".mov", "layers, and editing: ProRes 4444, PCM", "prores_ks", "yuv444p10le",
               "yuva444p10le", _prores, _mov, "pcm_s16le", part=".mov"),
        Format(".webm", "layers in browsers: VP9, Opus", "libvpx-vp9", "yuv420p", "yuva420p", _vp9,
               _matroska, "libopus", is_even=True,
               part=".webm"),
        Format(".webp", "short loops for the web", "libwebp_anim", "bgra", "bgra", _webp,
               _looped),
        Format(".gif", "short loops for anywhere", "gif", "pal8", container=_looped,
               top_fps=50),
        Format(".png", "single pictures, or as many as %05d.png counts", "png", "rgb24", "rgba",
               _png, part=".mov"),
    )
}  # fmt: skip


def format_of(path: Path, alpha: bool = False) -> Format:
    """What a file of that name holds. Raises UserError with the endings that are allowed; alpha:
    of those that can be transparent."""
    found = FORMATS.get(path.suffix.lower())
    if found is not None and (found.alpha or not alpha):
        return found
    allowed = [each.suffix for each in FORMATS.values() if each.alpha or not alpha]
    why = "a transparent ground needs" if alpha and found else "the ending must be"
    raise UserError(f"{path}: {why} {', '.join(allowed[:-1])} or {allowed[-1]}")


def exact(fps: float) -> Fraction:
    """Frames a second as files have them: 29.97... is 30000/1001."""
    return Fraction(fps).limit_denominator(1001)
