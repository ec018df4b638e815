"""Flashes: what is too much, what the guard makes of it, and what the audit says of a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pygame
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from program import Program, assert_refused, read_video, wait_until
from virtual_screen import reads, virtual_screen

from benchmarks.flash import limited
from visualiser.audio.file import DEMO
from visualiser.controls import Controls
from visualiser.look.flash import GUARD, UNGUARDED, FlashGuard, declare
from visualiser.verbs.flashes import Audit

SIZE = (96, 54)
BLACK, WHITE, RED = (0, 0, 0), (255, 255, 255), (255, 0, 0)
Draw = Callable[[float], tuple[int, int, int]]


def square(hz: float, one: tuple = BLACK, other: tuple = WHITE) -> Draw:
    return lambda t: other if (hz * t + 0.13) % 1 < 0.5 else one


def sine(hz: float) -> Draw:
    return lambda t: (round(127.5 - 127.5 * np.cos(2 * np.pi * hz * t)),) * 3


def canvas() -> pygame.Surface:
    return pygame.Surface(SIZE, 0, 32)


def pixels(surface: pygame.Surface) -> np.ndarray:
    return pygame.surfarray.array3d(surface).swapaxes(0, 1)


class Shown:
    """Pictures through a guard. drawn, out: (n, H, W, 3)."""

    def __init__(self, draw: Draw, seconds: float = 3.0, fps: float = 60.0, share: float = 1.0,
                 **values: bool) -> None:  # fmt: skip
        self.controls = Controls(declare())
        self.guard = FlashGuard(self.controls)
        self.surface = canvas()
        self.t, self.fps = 0.0, fps
        self.drawn: list[np.ndarray] = []
        self.out: list[np.ndarray] = []
        self.times: list[float] = []
        self.go_on(draw, seconds, share)

    def go_on(self, draw: Draw, seconds: float, share: float = 1.0) -> None:
        """share: of the picture that flashes, a rectangle of its proportions in the middle."""
        for _ in range(round(seconds * self.fps)):
            self.surface.fill((30, 30, 40))
            box = pygame.Rect(0, 0, round(SIZE[0] * share**0.5), round(SIZE[1] * share**0.5))
            box.center = self.surface.get_rect().center
            self.surface.fill(draw(self.t), box)
            self.drawn.append(pixels(self.surface))
            self.guard.limit(self.surface, self.t)
            self.out.append(pixels(self.surface))
            self.times.append(self.t)
            self.t += 1 / self.fps

    @property
    def is_as_drawn(self) -> bool:
        return np.array_equal(self.drawn, self.out)


def audited(pictures: list[np.ndarray], fps: float = 60.0) -> Audit:
    audit = Audit()
    for n, picture in enumerate(pictures):
        audit.see(picture, n / fps)
    return audit


# --- what is too much


@pytest.mark.parametrize("hz", [3.5, 6, 10, 15])
@pytest.mark.parametrize("fps", [30, 60])
@pytest.mark.parametrize("other", [WHITE, RED])
def test_flashing_is_found_and_brought_under_the_limit(hz: float, fps: int, other: tuple) -> None:
    shown = Shown(square(hz, BLACK, other), fps=fps)
    assert audited(shown.drawn, fps).violations
    assert not audited(shown.out, fps).violations
    before = [int(picture[27, 48].max()) for picture in shown.drawn]
    assert len(set(before)) == 2, "it is not what it should be"


@pytest.mark.parametrize(
    ("draw", "share"),
    [
        (square(1), 1.0),
        (square(2.9), 1.0),
        (square(2.9, BLACK, RED), 1.0),
        (sine(2.5), 1.0),
        (square(10), 0.02),  # too small
        (square(10, (200, 200, 200), (206, 206, 206)), 1.0),  # too faint
        (square(10, (60, 60, 60), (106, 106, 106)), 1.0),  # hardly: 9.9 %
        (square(10, (240, 240, 240), WHITE), 1.0),  # none of it dark
        (lambda t: (min(int(t * 200), 255),) * 3, 1.0),  # a fade
    ],
)  # fmt: skip
def test_what_complies_stays_as_it_is_drawn(draw: Draw, share: float) -> None:
    shown = Shown(draw, share=share)
    assert not audited(shown.drawn).violations
    assert shown.is_as_drawn


def test_once_there_was_too_much_what_hardly_complies_is_limited_too() -> None:
    faint = square(10, (60, 60, 60), (106, 106, 106))
    shown = Shown(lambda t: square(10)(t) if 1 < t < 2 else faint(t), seconds=5.0)
    changed = [n for n, (a, b) in enumerate(zip(shown.drawn, shown.out, strict=True))
               if not np.array_equal(a, b)]  # fmt: skip
    assert changed[0] >= 60, "before, not a bit of it"
    assert changed[-1] > 4 * 60
    assert not audited(shown.out).violations


def test_it_tells_the_kind_the_time_and_the_area() -> None:
    calm, wild = Shown(square(1), 2.0), Shown(square(10, BLACK, RED), 1.0)
    found = audited([*calm.drawn, *wild.drawn]).violations
    assert {each.kind for each in found} == {"general", "red"}
    assert all(2.2 < each.from_s < 2.6 and each.to_s > 2.8 for each in found)
    assert all(each.flashes == pytest.approx(10, abs=1) for each in found)
    assert all(each.area == pytest.approx(1.0) for each in found)


def test_red_that_is_as_bright_as_its_grey_is_found() -> None:
    found = audited(Shown(square(8, (127, 127, 127), RED)).drawn).violations
    assert [each.kind for each in found] == ["red"]


def counted(values: list[float]) -> int:
    """The most changes in a second of 60 values, luminance 0..1, one at a time, as the standard
    has it; nothing but loops."""
    changes: list[int] = []
    way, low, high = 0, values[0], values[0]
    for n, value in enumerate(values):
        low, high = min(low, value), max(high, value)
        if way <= 0 and value - low >= 0.1 and low < 0.8:
            way, low, high = 1, value, value
            changes.append(n)
        elif way >= 0 and high - value >= 0.1 and value < 0.8:
            way, low, high = -1, value, value
            changes.append(n)
    return max((sum(n - 60 < m <= n for m in changes) for n in changes), default=0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 255), st.integers(1, 25)), min_size=5, max_size=40))
def test_the_audit_counts_as_the_standard_says(steps: list[tuple[int, int]]) -> None:
    levels = [level for level, frames in steps for _ in range(frames)]
    light = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
             for c in (level / 255 for level in levels)]  # fmt: skip
    if any(abs(abs(a - b) - 0.1) < 1e-3 for a in set(light) for b in set(light)):
        return  # on the edge, where rounding decides
    if any(abs(value - 0.8) < 1e-3 for value in light):
        return
    found = audited([np.full((6, 6, 3), level, np.uint8) for level in levels]).violations
    assert bool(found) == (counted(light) > 6)
    if found:
        assert max(each.flashes for each in found) == counted(light) / 2


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 255), st.integers(1, 12)), min_size=10, max_size=40))
def test_no_series_of_pictures_gets_past_the_guard(steps: list[tuple[int, int]]) -> None:
    levels = [level for level, frames in steps for _ in range(frames)][:240]
    shown = Shown(lambda t: (levels[round(t * 60)],) * 3, len(levels) / 60)
    assert not audited(shown.out).violations


@pytest.mark.parametrize("every", [2, 6])
def test_cuts_between_blots_are_brought_under_the_limit_as_long_as_they_go_on(every: int) -> None:
    """Many places turn at many times: nowhere are guard and audit nearer to each other's limit."""
    for seed in range(2):
        blots = np.random.default_rng(seed).integers(0, 256, (40, 4, 7, 3), np.uint8)
        controls = Controls(declare())
        guard, surface, out = FlashGuard(controls), pygame.Surface((84, 48), 0, 32), []
        for n in range(240):
            blot = blots[n // every % 40].repeat(12, 0).repeat(12, 1)
            pygame.surfarray.blit_array(surface, blot.swapaxes(0, 1))
            guard.limit(surface, n / 60)
            out.append(pixels(surface))
        assert not audited(out).violations


def test_a_place_that_was_red_once_is_not_red_for_ever() -> None:
    """After a red that lasted, what flickers far from red is judged by its luminance alone."""
    calm = [np.full((6, 6, 3), RED, np.uint8)] * 30
    dull = [np.full((6, 6, 3), (100 + 30 * (n // 3 % 2), 75, 0), np.uint8) for n in range(90)]
    assert not audited([*calm, *dull]).violations


# --- the guard


def test_the_picture_goes_on_and_comes_back_exactly_once_it_is_calm() -> None:
    shown = Shown(square(10), 3.0)
    assert shown.guard.limiting
    assert "limited" in shown.guard.words[0] and shown.guard.words[1]
    assert len({picture.tobytes() for picture in shown.out[60:]}) > 10, "it stands still"
    shown.go_on(lambda t: (90, 140, 60), 3.0)
    assert not shown.guard.limiting
    assert np.array_equal(shown.out[-1], shown.drawn[-1])
    assert shown.guard.words == ("", False)
    assert not audited(shown.out).violations


def test_its_meter_counts_flashes_that_are_allowed() -> None:
    shown = Shown(square(2, BLACK, WHITE), 3.0)
    assert shown.guard.words == ("flashes 2/3", False)


def test_held_it_lets_everything_through_and_then_guards_again() -> None:
    shown = Shown(square(1), 1.0)
    shown.controls.apply((UNGUARDED, True))
    shown.go_on(square(10), 2.0)
    assert shown.is_as_drawn
    assert "NOT LIMITED" in shown.guard.words[0]
    shown.controls.apply((UNGUARDED, False))
    shown.go_on(square(10), 2.0)
    assert shown.guard.limiting
    assert not audited(shown.out[180:]).violations


def test_off_it_does_nothing_and_says_so() -> None:
    controls = Controls(declare(), {GUARD: False})
    guard, surface = FlashGuard(controls), canvas()
    for n in range(120):
        level = 255 * (n // 3 % 2)
        surface.fill((level,) * 3)
        guard.limit(surface, n / 60)
        assert pixels(surface)[0, 0, 0] == level
    assert guard.words == ("flash guard off", True)


def test_another_size_begins_anew() -> None:
    shown = Shown(square(10), 1.0)
    assert shown.guard.limiting
    larger = pygame.Surface((201, 77), 0, 32)
    larger.fill(WHITE)
    shown.guard.limit(larger, shown.t)
    assert not shown.guard.limiting and pixels(larger).min() == 255


def test_fine_stripes_do_not_fall_between_the_places_it_looks_at() -> None:
    """Every other column of pixels, dark or bright."""
    controls = Controls(declare())
    for upright in (True, False):
        guard, surface = FlashGuard(controls), pygame.Surface((480, 270), 0, 32)
        out = []
        for n in range(60):
            surface.fill(BLACK)
            if n // 3 % 2:
                for at in range(0, 480 if upright else 270, 2):
                    surface.fill(WHITE, (at, 0, 1, 270) if upright else (0, at, 480, 1))
            guard.limit(surface, n / 60)
            out.append(pixels(surface))
        assert not audited(out).violations


# --- the verb


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with Program(tmp_path_factory.mktemp("project")) as program:
        yield program


def write_video(path: Path, draw: Draw, seconds: float = 2.0, fps: int = 30) -> Path:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for n in range(round(seconds * fps)):
            picture = np.empty((180, 320, 3), np.uint8)
            picture[:] = draw(n / fps)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode(None))
    return path


def test_a_video_that_flashes_is_told_and_is_an_exit_code(program: Program, tmp_path: Path) -> None:
    path = write_video(tmp_path / "wild.mp4", square(6))
    done = program.do("flashes", path)
    assert done.code == 1 and not done.lines
    assert "general flashes" in done.out and "in a second" in done.out
    told = json.loads(program.do("flashes", path, "--json").out)
    assert told["complies"] is False and told["frames"] == 60
    first = told["violations"][0]
    assert first["kind"] == "general" and 0.3 < first["from_s"] < 0.8
    assert first["flashes"] == pytest.approx(6, abs=1) and first["area"] == pytest.approx(1)


@pytest.mark.parametrize("suffix", ["webp", "gif"])
def test_loops_that_are_shared_as_pictures_are_judged_too(
    program: Program, tmp_path: Path, suffix: str
) -> None:
    frames = [Image.new("RGB", (96, 54), (200 * (n % 2),) * 3) for n in range(20)]
    path = tmp_path / f"loop.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    told = json.loads(program.do("flashes", path, "--json").out)
    assert told["frames"] == 20 and told["last_s"] == pytest.approx(1.9)
    assert told["violations"][0]["flashes"] == pytest.approx(5, abs=0.5)


def test_a_video_that_complies_is_told_so(program: Program, tmp_path: Path) -> None:
    done = program.do("flashes", write_video(tmp_path / "calm.mp4", sine(1)))
    assert done.code == 0 and "complies" in done.out


def test_what_is_no_whole_video_is_refused(program: Program, tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mkv", square(6), 6.0).read_bytes()
    for name, data, words in (
        ("empty.mp4", b"", "empty"),
        ("text.mp4", b"this is not a video" * 100, "not a video"),
        ("cut.mkv", whole[: len(whole) // 2], "cut.mkv"),
        ("cut.webp", (program.root / "assets" / "set.webp").read_bytes()[:5000], "damaged"),
        ("cut.mp4", write_video(tmp_path / "a.mp4", square(6)).read_bytes()[:3000], "cut short"),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        assert_refused(program.do("flashes", path), words)
    assert_refused(program.do("flashes", tmp_path / "none.mp4"), "no such file")
    assert_refused(program.do("flashes", tmp_path), "folder")
    song = program.root / "assets"
    sounds = [path for path in song.rglob("*") if path.suffix in (".wav", ".flac", ".ogg", ".mp3")]
    assert_refused(program.do("flashes", sounds[0]), "no video")


# --- in the show


FLASHING = """
[show]
driver = "random"
mode = "pixel"
model = "classic-28"
[random]
hold = 0.0
grain = 14.0
[stage]
guard = {}
"""


def test_what_is_rendered_is_guarded(program: Program, tmp_path: Path) -> None:
    codes = []
    for guard in ("false", "true"):
        config, out = tmp_path / f"{guard}.toml", tmp_path / f"{guard}.mp4"
        config.write_text(FLASHING.format(guard))
        done = program.do(
            "render",
            "-o",
            out,
            "--config",
            config,
            "--size",
            "320x180",
            "--seconds",
            2,
            "--fps",
            30,
        )
        assert done.code == 0, done.err
        codes.append(program.do("flashes", out).code)
    assert codes == [1, 0]
    assert len(read_video(tmp_path / "true.mp4").times_s) == 60


def test_the_line_at_the_foot_says_what_it_does(program: Program, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(FLASHING.format("true"))
    with virtual_screen() as screen, program.start(
        "--config", config, "--size", "960x540", "--fps", 30, env=screen.env
    ) as playing:  # fmt: skip
        wait_until(lambda: screen.place()[2] and reads(screen.window()[-60:], "flashes limited"),
                   "the meter")  # fmt: skip
        with screen.held("End"):
            wait_until(lambda: reads(screen.window()[-60:], "FLASHES NOT LIMITED"), "the warning")
        wait_until(lambda: reads(screen.window()[-60:], "flashes limited"), "the meter again")
        assert playing.is_running(), playing.err


@pytest.mark.parametrize("model", ["shapes", "classic-28", "petals", "landscapes"])
def test_the_demo_song_is_not_limited_as_it_comes(model: str) -> None:
    """By default a performer sees no held pictures, in ordinary music."""
    assert limited({"show.model": model}, DEMO, 8.0)[0] == 0
