"""Renders that are stopped, shared, or of many songs, as a person sees them."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from program import (
    Done,
    Playing,
    Program,
    assert_refused,
    has_traceback,
    read_sound,
    read_video,
    run,
    wait_until,
    write_song,
)

from visualiser.cli import main
from visualiser.film import workers

FILM = ("--size", "64x36", "--fps", 20, "--seconds", 5)
FRAMES = 100


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with Program(tmp_path_factory.mktemp("project")) as program:
        path = program.root / "visualiser/film/segments.py"
        source = path.read_text()
        assert source.count("SEGMENT_S = 10.0") == 1
        path.write_text(source.replace("SEGMENT_S = 10.0", "SEGMENT_S = 1.0"))
        yield program


@pytest.fixture(scope="module")
def whole(program: Program) -> np.ndarray:
    """The pictures of a film that nothing happened to."""
    done = program.do("render", "-o", "whole.mp4", *FILM)
    assert (done.code, done.err) == (0, "")
    return read_video(program.root / "whole.mp4").pictures


def parts(out: Path) -> list[Path]:
    return sorted(out.with_name(f"{out.name}.parts").glob("0*.mp4"))


def until_begun(rendering: Playing, out: Path) -> None:
    wait_until(lambda: len(parts(out)) >= 2 or not rendering.is_running(), "two parts")
    assert rendering.is_running(), rendering.err


def assert_goes_on(program: Program, out: Path, whole: np.ndarray) -> None:
    """The same command leads to what would have been without a break."""
    kept = {path: path.stat().st_mtime_ns for path in parts(out)}
    done = program.do("render", "-o", out, *FILM)
    assert done.code == 0, done.err
    assert "frames are done already" in done.err
    assert kept
    np.testing.assert_array_equal(read_video(out).pictures, whole)
    assert not out.with_name(f"{out.name}.parts").exists()


def test_after_a_kill_the_same_command_goes_on(program: Program, whole: np.ndarray) -> None:
    out = program.root / "killed.mp4"
    with program.start("render", "-o", out, *FILM) as rendering:
        until_begun(rendering, out)
        rendering.kill()
    assert not out.exists(), "half a film has the name of a whole one"
    assert_goes_on(program, out, whole)


def test_after_ctrl_c_it_plays_and_the_same_command_goes_on(
    program: Program, whole: np.ndarray
) -> None:
    out = program.root / "stopped.mp4"
    with program.start("render", "-o", out, *FILM) as rendering:
        until_begun(rendering, out)
        rendering.signal(signal.SIGINT)
        assert rendering.wait() == 130
        assert rendering.err == f"stopped: {out} holds what there is; the same command goes on\n"
    seen = read_video(out)
    assert 20 < len(seen.times_s) < FRAMES
    np.testing.assert_allclose(np.diff(seen.times_s), 1 / 20, atol=1e-3)
    n = len(parts(out)) * 20
    np.testing.assert_array_equal(seen.pictures[:n], whole[:n])

    stopped = out.read_bytes()
    out.write_bytes(b"somebody else's")
    assert_refused(program.do("render", "-o", out, *FILM), "exists already")
    out.unlink()
    assert_goes_on(program, out, whole)
    assert out.read_bytes() != stopped
    assert_refused(program.do("render", "-o", out, *FILM), "exists already")
    done = program.do("render", "-o", out, *FILM, "--resume")
    assert (done.code, done.out) == (0, f"{out} is there already\n")


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
def test_where_there_is_no_room_one_line_says_so_and_parts_are_kept(
    program: Program, whole: np.ndarray
) -> None:
    out = program.root / "full.mp4"

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    render = ["render", "-o", out, *FILM]
    most = 2000
    assert_refused(program.run(*render, preexec_fn=limit), "cannot write", "the same command")
    assert not out.exists()
    # Room for every part, and none for the film.
    most = (program.root / "whole.mp4").stat().st_size // 2
    assert_refused(program.run(*render, preexec_fn=limit), "cannot write", "the same command")
    assert len(parts(out)) == 5
    assert not out.exists()
    assert_goes_on(program, out, whole)


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
@pytest.mark.parametrize("name", ["loop.gif", "loop.webp"])
def test_a_loop_that_finds_no_room_takes_nobodys_place(program: Program, name: str) -> None:
    folder = program.root / "loops"
    folder.mkdir(exist_ok=True)
    words = ("render", "-o", folder / name, "--size", "160x96", "--fps", 10, "--seconds", 1)
    assert program.do(*words).code == 0
    before = (folder / name).read_bytes()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))

    done = program.run(*words, "--force", "--seed", 2, preexec_fn=limit)
    assert_refused(done, f"cannot write {folder / name}")
    assert (folder / name).read_bytes() == before
    (folder / name).unlink()
    assert_refused(program.run(*words, preexec_fn=limit), f"cannot write {folder / name}")
    assert not list(folder.iterdir())


def test_a_film_for_every_song(program: Program) -> None:
    songs = program.root / "songs"
    songs.mkdir()
    for name, seconds in (("a.wav", 0.6), ("b.wav", 0.3), ("c.wav", 0.4)):
        write_song(songs / name, seconds)
    (songs / "b.wav").write_bytes(b"no song")
    words = ["render", "--audio", *sorted(songs.iterdir()), "-o", "films", "--size", "64x36"]
    done = program.do(*words, "--fps", 10)
    assert_refused(done, "b.wav: is not a sound file")
    assert not (program.root / "films").exists(), "drawn before all songs were looked at"

    write_song(songs / "b.wav", 0.3)
    good = [word for word in words if word != songs / "b.wav"]
    done = program.do(*good, "--fps", 10)
    assert done.code == 0, done.err
    assert done.out == "films/a.mp4: 6 frames of 64x36\nfilms/c.mp4: 4 frames of 64x36\n"
    for name, seconds in (("a", 0.6), ("c", 0.4)):
        film = program.root / "films" / f"{name}.mp4"
        assert len(read_video(film).times_s) == round(seconds * 10)
        assert len(read_sound(film)) / 48_000 == pytest.approx(seconds, abs=0.03)

    again = program.do(*good, "--fps", 10)
    assert again.code == 2
    assert len(again.lines) == 2
    rest = program.do(*words, "--fps", 10, "--resume")
    assert rest.code == 0, rest.err
    assert rest.out.splitlines()[1:] == [
        "films/b.mp4: 3 frames of 64x36", "films/c.mp4 is there already"
    ]  # fmt: skip


def test_several_songs_do_not_go_into_one_file(program: Program) -> None:
    write_song(program.root / "one.wav", 0.2)
    render = ["render", "--audio", "one.wav", "one.wav", "--size", "64x36"]
    assert_refused(program.do(*render, "-o", "one.mp4"), "-o takes a folder")
    assert_refused(program.do(*render, "-o", "many"), "two songs are called one")


def test_without_dask_one_line_says_what_is_needed(program: Program, tmp_path: Path) -> None:
    (tmp_path / "distributed.py").write_text("raise ImportError")
    render = ["render", "-o", "shared.mp4", *FILM, "--workers", 2]
    done = program.run(*render, env={"PYTHONPATH": str(tmp_path)})
    assert_refused(done, "requirements-cluster.txt")
    assert_refused(program.do(*render, "--cluster", "tcp://127.0.0.1:1"), "--workers is for this")
    assert_refused(program.do("render", "-o", "a.webp", "--workers", 2), "in one go")


def test_two_workers_are_stopped_go_on_and_make_the_same_film(
    program: Program, whole: np.ndarray
) -> None:
    pytest.importorskip("distributed")
    out = program.root / "shared.mp4"
    render = ["render", "-o", out, *FILM, "--workers", 2]
    with program.start(*render, start_new_session=True) as rendering:
        wait_until(lambda: parts(out) or not rendering.is_running(), "a part", 60)
        os.killpg(rendering.pid, signal.SIGINT)  # as a terminal does: the workers get it, too
        assert rendering.wait() == 130
        assert "the same command goes on" in rendering.err
        assert not has_traceback(rendering.err), rendering.err
    done = program.do(*render)
    assert done.code == 0, done.err
    assert out.read_bytes() == (program.root / "whole.mp4").read_bytes()
    np.testing.assert_array_equal(read_video(out).pictures, whole)


@pytest.mark.soak
def test_a_worker_that_is_killed_is_one_of_whom_nothing_is_lost(program: Program) -> None:
    pytest.importorskip("distributed")
    out = program.root / "hurt.mp4"
    film = ("--size", "320x180", "--fps", 20, "--seconds", 8)
    with program.start("render", "-o", out, *film, "--workers", 2) as rendering:
        wait_until(lambda: parts(out) or not rendering.is_running(), "a part", 60)
        os.kill(workers_of(rendering.pid)[0], signal.SIGKILL)
        assert rendering.wait(90) == 0, rendering.err
        assert not has_traceback(rendering.err), rendering.err
    program.do("render", "-o", "unhurt.mp4", *film)
    assert out.read_bytes() == (program.root / "unhurt.mp4").read_bytes()


def workers_of(pid: int) -> list[int]:
    """Processes that draw for it."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [int(each) for task in tasks for each in (task / "children").read_text().split()]
    return [
        each for each in children if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()
    ]


# A cluster of one worker, as somebody else would start it in the folder of the program.
CLUSTER = """
from distributed import LocalCluster
if __name__ == "__main__":
    options = {"host": "127.0.0.1", "dashboard_address": None}
    with LocalCluster(n_workers=1, threads_per_worker=1, **options) as cluster:
        print(cluster.scheduler_address, flush=True)
        input()
"""


@contextmanager
def cluster(root: Path) -> Iterator[str]:
    """Its address. root: of the program that its worker has."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        yield process.stdout.readline().strip()
    finally:
        process.communicate("\n", timeout=30)


def test_a_cluster_makes_the_same_film_and_one_of_another_version_is_refused(
    program: Program, whole: np.ndarray, tmp_path: Path
) -> None:
    pytest.importorskip("distributed")
    with cluster(program.root) as address:
        done = program.do("render", "-o", "far.mp4", *FILM, "--cluster", address)
        other = run("render", "-o", tmp_path / "far.mp4", *FILM, "--cluster", address)
    assert (done.code, done.err) == (0, "")
    np.testing.assert_array_equal(read_video(program.root / "far.mp4").pictures, whole)
    assert other.code == 2
    assert len(other.lines) == 2
    assert "has another version of Squircle" in other.lines[0]
    assert f"no worker at {address} has this version" in other.lines[1]


def test_a_cluster_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(workers, "CONNECT_S", 0.3)
    out = tmp_path / "cluster.mp4"
    render = ["render", "-o", out, *FILM, "--cluster", "tcp://127.0.0.1:9"]
    code = main([str(word) for word in render])
    assert_refused(Done(code, *capsys.readouterr()), "no cluster at tcp://127.0.0.1:9")
    assert not out.exists()
