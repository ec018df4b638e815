"""The decode thread: newest wins, pictures keep their latents, failures are words."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import SHIPPED, draw_z, make_model, picture_of

from visualiser.decode import SWIFT_S, Inline, Network, Worker
from visualiser.frame import Frame
from visualiser.nets.autoencoder import build
from visualiser.nets.checkpoint import Checkpoint, find, read
from visualiser.types import Tick

WAIT_S = 10.0


def frame(model: Checkpoint, index: int, z: object = None) -> Frame:
    latent = np.full(3, index, np.float32) if z is None else np.asarray(z, np.float32)
    return Frame(Tick(index, index / 60, 1 / 60), model, latent)


class Gate:
    """A network that draws when it is let, and tells what it has begun."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.started = threading.Semaphore(0)
        self.go = threading.Semaphore(0)

    def __call__(self, asked: Frame) -> Frame:
        self.begun.append(asked.tick.index)
        self.started.release()
        assert self.go.acquire(timeout=WAIT_S)
        return draw_z(asked)


@pytest.fixture
def worker_of():
    made: list[Worker] = []

    def make(draw: Callable[[Frame], Frame], *rest) -> Worker:
        made.append(Worker(draw, *rest))
        return made[-1]

    yield make
    for worker in made:
        worker.close()


def eventually(true: Callable[[], bool]) -> bool:
    until = time.monotonic() + WAIT_S
    while not true() and time.monotonic() < until:
        time.sleep(0.001)
    return true()


def test_the_newest_wins_and_what_is_stale_is_never_begun(model, worker_of) -> None:
    gate = Gate()
    worker = worker_of(gate)
    assert worker.latest() is None
    worker.submit(frame(model, 0))
    assert gate.started.acquire(timeout=WAIT_S)
    for index in range(1, 101):  # while 0 is being drawn: none of these waits for it
        worker.submit(frame(model, index))
    assert gate.begun == [0]
    gate.go.release()
    assert gate.started.acquire(timeout=WAIT_S)
    assert gate.begun == [0, 100]
    assert worker.latest().tick.index == 0
    gate.go.release()
    assert worker.wait(100, WAIT_S)
    assert worker.latest().tick.index == 100
    assert gate.begun == [0, 100]


def test_asking_never_waits_for_the_network(model, worker_of) -> None:
    """A thousand are asked for, and the last picture looked at, while one is being drawn."""
    gate = Gate()
    worker = worker_of(gate)
    worker.submit(frame(model, 0))
    assert gate.started.acquire(timeout=WAIT_S)
    done = threading.Event()

    def ask() -> None:
        for index in range(1000):
            worker.submit(frame(model, index))
            worker.latest()
        done.set()

    threading.Thread(target=ask, daemon=True).start()
    assert done.wait(WAIT_S), "submit waits for the drawing that never ends"
    assert gate.begun == [0]
    gate.go.release(2)


def test_every_picture_comes_with_its_own_latent_and_tick(model, worker_of) -> None:
    """Hammered from another thread, with a network that takes longer now and then."""
    rng = np.random.default_rng(1)

    def draw(asked: Frame) -> Frame:
        if asked.tick.index % 7 == 0:
            time.sleep(0.0005)
        return draw_z(asked)

    worker = worker_of(draw)
    stop = threading.Event()
    latents = {i: rng.standard_normal(3).astype(np.float32) for i in range(3000)}

    def ask() -> None:
        for index, z in latents.items():
            worker.submit(frame(model, index, z))
            if index % 50 == 0:
                time.sleep(0.001)
        stop.set()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    seen, last = 0, -1
    while not stop.is_set() or last < 2999:
        got = worker.latest()
        if got is None or got.tick.index == last:
            time.sleep(0)
            assert asking.is_alive() or worker.wait(2999, WAIT_S)
            continue
        assert got.tick.index > last, "never an older one after a newer"
        last = got.tick.index
        np.testing.assert_array_equal(got.z, latents[last])
        np.testing.assert_array_equal(got.image, picture_of(got.z))
        seen += 1
    assert seen > 10


def test_an_exception_becomes_words_and_the_last_good_picture_stays(model, worker_of) -> None:
    def draw(asked: Frame) -> Frame:
        if asked.tick.index in (2, 3):
            raise RuntimeError(f"mat1 and mat2 do not fit\nframe {asked.tick.index}")
        return draw_z(asked)

    worker = worker_of(draw)
    worker.submit(frame(model, 1))
    assert worker.wait(1, WAIT_S)
    good = worker.latest()
    assert good.error == ""
    for bad in (2, 3):
        worker.submit(frame(model, bad))
        assert eventually(lambda: bool(worker.latest().error))
    shown = worker.latest()
    assert shown.error == "RuntimeError: mat1 and mat2 do not fit"
    assert shown.tick == good.tick
    np.testing.assert_array_equal(shown.z, good.z)
    np.testing.assert_array_equal(shown.image, good.image)
    worker.submit(frame(model, 4))
    assert worker.wait(4, WAIT_S)
    assert worker.latest().error == "" and worker.latest().tick.index == 4


def test_a_network_that_fails_from_the_start_says_so(model, worker_of) -> None:
    def draw(asked: Frame) -> Frame:
        raise MemoryError

    worker = worker_of(draw)
    worker.submit(frame(model, 1))
    assert eventually(lambda: worker.latest() is not None)
    assert worker.latest().image is None
    assert "MemoryError" in worker.latest().error


def test_close_ends_the_thread_and_may_be_called_again(model) -> None:
    before = threading.active_count()
    worker = Worker(draw_z)
    assert threading.active_count() == before + 1
    worker.submit(frame(model, 1))
    worker.wait(1, WAIT_S)
    worker.close()
    assert threading.active_count() == before
    worker.close()
    worker.submit(frame(model, 2))  # too late, and harmless
    assert worker.latest().tick.index == 1


def test_close_during_a_drawing_waits_for_it_and_draws_nothing_more(model) -> None:
    gate = Gate()
    worker = Worker(gate)
    worker.submit(frame(model, 1))
    assert gate.started.acquire(timeout=WAIT_S)
    worker.submit(frame(model, 2))
    closing = threading.Thread(target=worker.close, daemon=True)
    closing.start()
    time.sleep(0.02)
    assert closing.is_alive(), "it waits for what is being drawn"
    gate.go.release()
    closing.join(WAIT_S)
    assert not closing.is_alive()
    assert gate.begun == [1]


def test_waiting_for_what_does_not_come_ends(model, worker_of) -> None:
    worker = worker_of(draw_z)
    assert not worker.wait(0, 0.01)
    worker.submit(frame(model, 5))
    assert worker.wait(3, WAIT_S), "a later one will do"


def test_inline_draws_each_frame_at_once(model) -> None:
    inline = Inline(draw_z)
    assert inline.latest() is None
    for index in range(3):
        inline.submit(frame(model, index))
        assert inline.latest().tick.index == index
        np.testing.assert_array_equal(inline.latest().image, picture_of(inline.latest().z))
    inline.close()


# --- the real network


def test_latent_mode_decodes_z(model) -> None:
    z = np.array([0.3, -1.0, 2.0], np.float32)
    drawn = Network().draw(frame(model, 1, z))
    with torch.inference_mode():
        expected = build(model).decode(torch.from_numpy(z)[None])[0].numpy()
    np.testing.assert_allclose(drawn.image, expected, atol=1e-6)
    np.testing.assert_array_equal(drawn.z, z)
    assert drawn.image.shape == (12, 12) and drawn.image.dtype == np.float32
    assert drawn.field is None and drawn.tick.index == 1 and drawn.error == ""


@pytest.mark.parametrize("shape", [(28, 28), (8, 16), (56, 56), (5, 40)])
def test_pixel_mode_encodes_the_field_and_decodes_it(shape: tuple[int, int]) -> None:
    made = make_model("any", *shape, (6,), 4)
    field = np.random.default_rng(1).random((28, 28)).astype(np.float32)
    drawn = Network().draw(Frame(Tick(1, 0.1, 0.1), made, None, field=field))
    assert drawn.image.shape == shape and drawn.z.shape == (4,)
    np.testing.assert_array_equal(drawn.field, field)
    net = build(made)
    with torch.inference_mode():
        again = net.decode(torch.from_numpy(drawn.z)[None])[0].numpy()
        np.testing.assert_allclose(drawn.image, again, atol=1e-6)
        if shape == (28, 28):
            encoded = net.encode(torch.from_numpy(field)[None])[0].numpy()
            np.testing.assert_allclose(drawn.z, encoded, rtol=1e-4, atol=1e-5)


def test_it_changes_models_from_frame_to_frame(model) -> None:
    network, other = Network(), make_model("other", 8, 16, (4,), 5)
    for _ in range(3):
        assert network.draw(frame(model, 1)).image.shape == (12, 12)
        assert network.draw(frame(other, 2, np.zeros(5))).image.shape == (8, 16)


def huge(model: Checkpoint) -> Checkpoint:
    """Finite weights whose products are not."""
    return replace(
        model, weights={name: np.full_like(w, 3e38) for name, w in model.weights.items()}
    )


def test_values_that_are_no_numbers_are_an_error_not_a_picture(model, worker_of) -> None:
    broken = huge(model)
    weights = dict(broken.weights)
    weights["decoder.2.kernel"] = weights["decoder.2.kernel"] * np.float32(-1)
    worker = worker_of(Network().draw)
    worker.submit(frame(model, 1))
    assert worker.wait(1, 30)
    good = worker.latest()
    worker.submit(frame(model, 2, [np.nan, 0, 0]))
    assert eventually(lambda: bool(worker.latest().error))
    assert "not numbers" in worker.latest().error
    np.testing.assert_array_equal(worker.latest().image, good.image)
    worker.submit(frame(replace(broken, weights=weights), 3, [1, -1, 0.5]))
    worker.submit(frame(model, 4))
    assert worker.wait(4, WAIT_S)
    assert worker.latest().error == "" and np.isfinite(worker.latest().image).all()


def test_a_latent_of_the_wrong_length_is_an_error_too(model, worker_of) -> None:
    worker = worker_of(Network().draw)
    worker.submit(frame(model, 1, np.zeros(99)))
    assert eventually(lambda: worker.latest() is not None)
    assert worker.latest().error and worker.latest().image is None
    worker.submit(frame(model, 2))
    assert worker.wait(2, WAIT_S) and worker.latest().error == ""


@pytest.mark.parametrize("name", SHIPPED)
def test_what_plays_a_network_agrees_with_what_trained_it(name: str) -> None:
    shipped = read(find(name))
    rng = np.random.default_rng(2)
    net, network = build(shipped), Network()
    directions, in_colour = shipped.latents.n_directions, shipped.architecture.pictures == "colour"
    for i in range(10):
        z = shipped.latents.to_latent(rng.standard_normal(directions).astype(np.float32))
        # As a driver would paint it, and already of the network's size: it is not resized.
        grey = rng.random((1, *shipped.shape)).astype(np.float32)
        seen = torch.from_numpy(np.repeat(grey[..., None], 3, 3) if in_colour else grey)
        for asked in (frame(shipped, i, z), replace(frame(shipped, i), z=None, field=grey[0])):
            drawn = network.draw(asked)
            with torch.inference_mode():
                latent = torch.from_numpy(z)[None] if asked.field is None else net.encode(seen)
                expected = net.decode(latent)[0].numpy()
            np.testing.assert_allclose(drawn.image, expected, atol=2e-5)
            np.testing.assert_allclose(drawn.z, latent[0].numpy(), rtol=1e-4, atol=1e-4)
    assert z.dtype == np.float32 and not np.shares_memory(drawn.image, drawn.z)


def test_drawing_leaves_its_input_as_it_was(model) -> None:
    z, field = np.array([-1, 2, -3], np.float32), np.full((12, 12), 0.25, np.float32)
    network = Network()
    network.draw(frame(model, 1, z))
    network.draw(Frame(Tick(1, 0.1, 0.1), model, None, field=field))
    np.testing.assert_array_equal(z, [-1, 2, -3])
    assert (field == 0.25).all()


def test_a_network_that_was_swift_and_then_hangs_is_waited_for_once(
    model, worker_of, monkeypatch
) -> None:
    monkeypatch.setattr("visualiser.decode.PATIENCE_S", 0.3)
    hang = threading.Event()

    def draw(asked: Frame) -> Frame:
        if asked.tick.index > 1:
            hang.wait(20)
        return draw_z(asked)

    worker = worker_of(draw)
    worker.submit(frame(model, 1))
    assert worker.wait(1, WAIT_S)
    began = time.perf_counter()
    for index in range(2, 22):
        worker.submit(frame(model, index))
        assert worker.latest().tick.index == 1
    assert time.perf_counter() - began < 3, "20 frames, and each waited"
    hang.set()


def test_a_network_that_has_much_to_do_is_not_waited_for(model, worker_of, monkeypatch) -> None:
    monkeypatch.setattr("visualiser.decode.PATIENCE_S", WAIT_S)
    hang = threading.Event()

    def draw(asked: Frame) -> Frame:
        began = time.thread_time()
        while time.thread_time() - began < 2 * SWIFT_S:
            pass
        if asked.tick.index > 1:
            hang.wait(WAIT_S)
        return draw_z(asked)

    worker = worker_of(draw)
    worker.submit(frame(model, 1))
    assert worker.wait(1, WAIT_S)
    worker.submit(frame(model, 2))
    assert worker.latest().tick.index == 1
    hang.set()


def test_one_that_has_little_to_do_is_waited_for_where_the_machine_keeps_it_waiting(
    model, worker_of, monkeypatch
) -> None:
    monkeypatch.setattr("visualiser.decode.PATIENCE_S", WAIT_S)

    def draw(asked: Frame) -> Frame:
        time.sleep(5 * SWIFT_S)
        return draw_z(asked)

    worker = worker_of(draw)
    worker.submit(frame(model, 1))
    assert worker.wait(1, WAIT_S)
    for index in range(2, 8):
        worker.submit(frame(model, index))
        assert worker.latest().tick.index == index
