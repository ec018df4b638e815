"""Making the next things while one is used."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator

import pytest

from visualiser.film.ahead import ahead


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def counted(n: int, made: list[int], ends: list[str] | None = None) -> Generator[int, None, None]:
    try:
        for i in range(n):
            made.append(i)
            yield i
    finally:
        if ends is not None:
            ends.append(threading.current_thread().name)


def test_all_of_them_come_in_their_order() -> None:
    made: list[int] = []
    with ahead(counted(50, made), 3) as things:
        assert list(things) == made == list(range(50))


def test_some_are_made_ahead_and_no_more_than_was_said() -> None:
    made: list[int] = []
    with ahead(counted(50, made), 3) as things:
        assert next(things) == 0
        until = time.monotonic() + 5
        while len(made) < 5 and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.05)
        assert made == [0, 1, 2, 3, 4], "one used, three wait, and one more has no place yet"


def test_what_goes_wrong_comes_in_its_place() -> None:
    def fails() -> Generator[int, None, None]:
        yield 1
        raise OSError("the disk is full")

    with ahead(fails(), 3) as things:
        assert next(things) == 1
        with pytest.raises(OSError, match="full"):
            next(things)


def test_who_leaves_early_leaves_nothing_running_and_nothing_open() -> None:
    made: list[int] = []
    ends: list[str] = []
    with ahead(counted(10_000, made, ends), 2) as things:
        next(things)
    assert len(made) < 10, "it was stopped"
    assert ends == ["ahead"], "what it was made of is closed, on its own thread"


def test_one_may_be_made_of_another() -> None:
    made: list[int] = []

    def doubled() -> Generator[int, None, None]:
        with ahead(counted(10_000, made), 2) as things:
            for thing in things:
                yield 2 * thing

    with ahead(doubled(), 2) as things:
        assert [next(things) for _ in range(5)] == [0, 2, 4, 6, 8]
    assert len(made) < 100


def test_who_is_interrupted_while_it_ends_leaves_nothing_that_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As by a second Ctrl-C: what is being made goes on to its end, and no further."""
    made: list[int] = []
    with (
        monkeypatch.context() as patched,
        pytest.raises(KeyboardInterrupt),
        ahead(counted(10_000, made), 1) as things,
    ):
        next(things)
        patched.setattr(threading.Thread, "join", interrupted)
    until = time.monotonic() + 5
    while any(thread.name == "ahead" for thread in threading.enumerate()):
        assert time.monotonic() < until, "it waits for ever"
        time.sleep(0.01)
    assert len(made) < 10


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt
