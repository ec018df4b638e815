"""Films in segments: that each is what it is in the whole, whoever draws it."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pygame
import pytest
from program import read_video

from visualiser.config import Record
from visualiser.controls import Command, Controls, Value
from visualiser.decode import Inline
from visualiser.film.drawing import Drawing
from visualiser.film.render import render
from visualiser.film.segments import Form, cut, drawn
from visualiser.film.soundtrack import Soundtrack
from visualiser.frame import Moment
from visualiser.run import declared_controls
from visualiser.show import Show
from visualiser.types import Features, Tick, UserError
from visualiser.verbs.flashes import flashes
from visualiser.video.formats import Quality
from visualiser.video.picture import picture_of, view_of

FPS = 20.0
FORM = Form((96, 54), FPS, ".mp4", Quality(18, "ultrafast"))


class Scripted:
    """A performance in which somebody does things. script: frame -> commands; begin: values;
    fps: frames per second."""

    soundtrack: Soundtrack | None = None

    def __init__(
        self,
        frames: int,
        script: dict[int, list[Command]],
        begin: dict[str, Value],
        fps: float = FPS,
    ) -> None:
        self.frames, self._script, self.fps = frames, script, fps
        self.controls = Controls(declared_controls(), begin)

    def moments(self) -> Iterator[Moment]:
        show = Show(self.controls, Inline(lambda frame: frame), 1)
        for i in range(self.frames):
            tick = Tick(i, i / self.fps, 1 / self.fps if i else 0.0)
            heard = Features(0.5, np.zeros(16, np.float32), -20.0)
            yield Moment(tick, show.update(tick, heard, self._script.get(i, [])), heard)

    def close(self) -> None: ...


def whole(film: Scripted, alpha: bool = False) -> np.ndarray:
    """(n, H, W, 4): every picture, drawn one after the other."""
    drawing = Drawing(film.controls, FORM.size, alpha)
    return np.array([pixels(drawing.draw(moment)) for moment in film.moments()])


def in_segments(film: Scripted, segment_s: float, alpha: bool = False) -> np.ndarray:
    segments = list(cut(film, replace(FORM, fps=film.fps, alpha=alpha), segment_s))
    assert sum(segment.frames for segment in segments) == film.frames
    pictures = {}
    for segment in reversed(segments):  # in any order, here and elsewhere
        sent = replace(pickle.loads(pickle.dumps(segment.to_send())), models=segment.models)
        for n, canvas in enumerate(drawn(segment, 3)):
            pictures[segment.index + n] = pixels(canvas)
        for n, canvas in enumerate(drawn(sent, 3)):
            np.testing.assert_array_equal(pixels(canvas), pictures[segment.index + n])
    return np.array([pictures[n] for n in range(film.frames)])


def pixels(canvas) -> np.ndarray:
    return np.frombuffer(canvas.get_buffer().raw, np.uint8).reshape(FORM.size[1], FORM.size[0], 4)


# Frames are tenths of a second. Until second 2 everything is skipped for the second segment.
SCRIPTS: dict[str, tuple[dict[int, list[Command]], dict[str, Value]]] = {
    "looks": ({3: [("look.look", "neon"), ("stage.fade", True)], 51: [("stage.fade", False)],
               7: [("look.look", "silk"), ("look.palette", "acid")]},
              {"look.fade": 6.0, "look.drift": 0.1, "stage.fade_s": 8.0}),
    "models": ({2: [("kaleidoscope.on", True)], 4: [("show.model", "petals")],
                11: [("show.model", "landscapes")], 16: [("mirror.on", True)]},
               {"look.model_fade": 8.0, "look.fade": 5.0}),
    "frozen": ({5: [("stage.freeze", True)], 52: [("stage.freeze", False)]}, {}),
    "trails": ({1: [("trails.on", True)]}, {"trails.length": 4.0, "look.output_only": True}),
    "painted": ({15: [("show.mode", "latent")], 52: [("show.driver", "random")]},
                {"show.mode": "pixel"}),
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_segment_is_what_it_is_in_the_whole_film(name: str) -> None:
    """Whatever was skipped before it: what fades, turns, lingers or is frozen since then."""
    script, begin = SCRIPTS[name]
    film = lambda: Scripted(55, script, begin, 10.0)  # noqa: E731
    np.testing.assert_array_equal(in_segments(film(), 5.0), whole(film()))


@pytest.mark.parametrize("name", ["looks", "models", "frozen"])
def test_a_segment_of_a_layer_is_what_it_is_in_the_whole_film(name: str) -> None:
    script, begin = SCRIPTS[name]
    film = lambda: Scripted(55, script, {**begin, "look.output_only": True}, 10.0)  # noqa: E731
    found, wanted = in_segments(film(), 5.0, alpha=True), whole(film(), alpha=True)
    np.testing.assert_array_equal(found, wanted)
    assert np.ptp(wanted[..., 3]) > 200, "nothing of it is transparent"


def decoded(path: Path, form: str) -> np.ndarray:
    with av.open(str(path)) as file:
        codec = {"vp9": "libvpx-vp9"}.get(name := file.streams.video[0].codec_context.name, name)
        reader = av.CodecContext.create(codec, "r")  # ffmpeg's own of VP9 sees no alpha
        reader.extradata = file.streams.video[0].codec_context.extradata
        packets = [packet for packet in file.demux(video=0) if packet.size]
        frames = [frame for packet in [*packets, None] for frame in reader.decode(packet)]
        return np.array([frame.to_ndarray(format=form) for frame in frames])


@pytest.mark.parametrize("suffix", [".mov", ".webm"])
def test_layers_are_joined_with_their_alpha(tmp_path: Path, suffix: str) -> None:
    begin: dict[str, Value] = {"look.output_only": True, "look.look": "fill"}
    films = []
    for segment_s in (1.0, 10.0):
        out = tmp_path / f"{segment_s}{suffix}"
        render(Scripted(45, {}, begin), out, FORM.size, FPS, RECORD, preset="ultrafast", alpha=True,
               segment_s=segment_s)  # fmt: skip
        films.append(decoded(out, "rgba").astype(int))
    assert [len(film) for film in films] == [45, 45]
    wanted = whole(Scripted(45, {}, begin), alpha=True)[..., 3].astype(int)
    assert np.ptp(wanted) > 200
    for film in films:
        assert np.abs(film[..., 3] - wanted).mean() < 6
    if suffix == ".mov":  # each picture of which is for itself
        np.testing.assert_array_equal(*films)


class Stopped(Exception):
    pass


@pytest.mark.parametrize("alpha", [False, True])
def test_a_sequence_goes_on_where_it_was_broken_off(tmp_path: Path, alpha: bool) -> None:
    begin: dict[str, Value] = {"look.output_only": True}
    out, said = tmp_path / "frames" / "%05d.png", []
    drawn: list[int] = []

    def make(seed_speed: float = 1.0, stop: int = 1000) -> None:
        def report(done: int, frames: int) -> None:
            drawn.append(done)
            if done == stop:
                raise Stopped

        film = Scripted(50, {}, {**begin, "show.speed": seed_speed})
        render(film, out, FORM.size, FPS, RECORD, report, alpha=alpha, say=said.append,
               segment_s=1.0)  # fmt: skip

    with pytest.raises(Stopped):
        make(stop=45)
    assert not list(out.parent.glob("*.png")) and said == []
    drawn.clear()
    make()
    assert said == [f"{out}: 40 frames are done already"] and len(drawn) == 10
    assert [path.name for path in sorted(out.parent.iterdir())] == [
        f"{n:05}.png" for n in range(50)
    ]
    canvas = whole(Scripted(50, {}, begin), alpha)
    for n in (0, 19, 20, 49):
        picture = decoded(out.with_name(f"{n:05}.png"), "bgra")[0]
        np.testing.assert_array_equal(picture[..., : 4 if alpha else 3],
                                      canvas[n][..., : 4 if alpha else 3])  # fmt: skip


def make(out: Path, film: Scripted, segment_s: float = 1.0, said: list[str] | None = None) -> Path:
    """A small film in a file."""
    say = [].append if said is None else said.append
    done = render(film, out, FORM.size, film.fps, RECORD, say=say, segment_s=segment_s,
                  preset="ultrafast")  # fmt: skip
    assert done == (film.frames, film.frames)
    assert not out.with_name(f"{out.name}.parts").exists(), "parts are left over"
    return out


RECORD = Record()


@pytest.mark.parametrize("fps", [7.0, 20.0, 24000 / 1001, 59.94])
@pytest.mark.parametrize("frames", [1, 2, 47])
def test_a_film_has_every_frame_and_lasts_as_long_as_they(
    tmp_path: Path, fps: float, frames: int
) -> None:
    film = Scripted(frames, {}, {}, fps)
    out = make(tmp_path / "film.mp4", film)
    video = read_video(out)
    np.testing.assert_allclose(video.times_s, np.arange(frames) / fps, atol=1e-5)
    assert len(video.pictures) == frames
    with av.open(str(out)) as file:
        track = file.streams.video[0]
        assert track.frames == frames
        assert float(track.duration * track.time_base) == pytest.approx(frames / fps, abs=1e-5)
        assert track.start_time in (0, None)
        assert file.duration / 1e6 == pytest.approx(frames / fps, abs=1e-3)


def test_where_segments_meet_the_guard_goes_on(tmp_path: Path) -> None:
    """Black and white in turn, for longer than segments and what is looked at before them."""
    strobe: dict[int, list[Command]] = {
        i: [("stage.black", bool(i // 2 % 2))] for i in range(0, 120, 2)
    }
    begin = {"look.look": "fill", "look.palette": "silver", "look.output_only": True}
    through = make(tmp_path / "not.mp4", Scripted(40, strobe, {**begin, "stage.guard": False}))
    assert flashes(through, False) == 1
    assert flashes(make(tmp_path / "film.mp4", Scripted(120, strobe, begin), 2.0), False) == 0


def test_what_somebody_else_put_beside_the_parts_stays(tmp_path: Path) -> None:
    folder = tmp_path / "film.mp4.parts"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / "writing.00000000-0.mp4").write_bytes(b"half")
    render(Scripted(3, {}, {}), tmp_path / "film.mp4", FORM.size, FPS, RECORD)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_a_damaged_part_is_told_and_drawn_again(tmp_path: Path) -> None:
    out, folder = tmp_path / "film.mp4", tmp_path / "film.mp4.parts"
    first = next(cut(Scripted(60, {}, {}), FORM, 1.0))
    folder.mkdir()
    (folder / first.name).write_bytes(b"damaged")
    with pytest.raises(UserError, match="was damaged, and is gone: the same command"):
        make(out, Scripted(60, {}, {}))
    said: list[str] = []
    assert len(read_video(make(out, Scripted(60, {}, {}), said=said)).pictures) == 60
    assert said == []


def test_parts_of_another_film_are_told_and_not_used(tmp_path: Path) -> None:
    out, folder = tmp_path / "film.mp4", tmp_path / "film.mp4.parts"
    folder.mkdir()
    form = FORM
    for segment in cut(Scripted(40, {}, {"show.speed": 2.0}), form, 1.0):
        (folder / segment.name).write_bytes(b"of another")
    said: list[str] = []
    assert len(read_video(make(out, Scripted(40, {}, {}), said=said)).pictures) == 40
    assert said == [f"{folder} holds parts of another film: they are not used"]


def test_a_part_is_known_by_all_that_made_it() -> None:
    def names(form: Form = FORM, **begin: Value) -> list[str]:
        values = {id.replace("__", "."): value for id, value in begin.items()}
        return [each.name for each in cut(Scripted(30, {}, values), form, 1.0)]

    same = names()
    assert names() == same
    others = [
        names(replace(FORM, size=(98, 54))), names(replace(FORM, quality=Quality(19, "ultrafast"))),
        names(replace(FORM, quality=Quality(18, "medium"))), names(show__model="petals"),
        names(show__speed=1.5), names(look__look="neon"), names(relief__step=0.06),
    ]  # fmt: skip
    for i, one in enumerate([same, *others]):
        for other in others[i:]:
            assert not set(one) & set(other)


@pytest.mark.parametrize("size", [(64, 36), (67, 35)])
def test_colours_are_those_of_bt709(size: tuple[int, int]) -> None:
    """Within a level of what the standard says, and of what swscale makes of it at its best."""
    canvas = pygame.Surface(size, 0, 32)
    rng = np.random.default_rng(1)
    for x in range(0, size[0], 8):
        for y in range(0, size[1], 8):
            canvas.fill(rng.integers(0, 256, 3).tolist(), (x, y, 8, 8))
    width, height = size[0] & ~1, size[1] & ~1
    found = picture_of(view_of(canvas, (width, height)), "yuv420p")
    assert (found.width, found.height, found.format.name) == (width, height, "yuv420p")
    planes = [
        np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        for plane in found.planes
    ]
    rgb = pygame.surfarray.array3d(canvas).transpose(1, 0, 2)[:height, :width] / 255
    light = rgb @ [0.2126, 0.7152, 0.0722]
    blue, red = (rgb[..., 2] - light) / 1.8556, (rgb[..., 0] - light) / 1.5748
    np.testing.assert_allclose(planes[0], 16 + 219 * light, atol=1)
    for plane, colour in zip(planes[1:], (blue, red), strict=True):
        for inner in (slice(1, None, 4), slice(2, None, 4)):  # where neighbours do not come in
            there = colour[::2, ::2][inner, inner]
            np.testing.assert_allclose(plane[inner, inner], 128 + 224 * there, atol=1)
