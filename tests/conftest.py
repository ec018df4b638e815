"""What several test files use: small models, and a show to play them in."""

from __future__ import annotations

import os
import sys

# Before anything of ours comes in: programs are started by the hundred, and each would compile
# every file anew. What was compiled lies in __pycache__, also in copies of the project.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    sys.dont_write_bytecode = False

# Before numpy and torch come in: a thread for each core would only wait for the other core, which
# has tests of its own. The programs that tests start take it over.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from visualiser import latents, loops
from visualiser.controls import Control, Controls
from visualiser.exchange import measure
from visualiser.frame import Frame
from visualiser.nets import checkpoint
from visualiser.nets.architecture import Architecture
from visualiser.nets.checkpoint import Card, Checkpoint
from visualiser.nets.dense import architecture as dense
from visualiser.nets.visibility import order_directions
from visualiser.show import declare
from visualiser.types import Features, Tick

ROOT = Path(__file__).resolve().parents[1]
OURS = ("classic-28", "classic-56", "landscapes", "petals", "shapes", "simple")
LONGEST = ("test_window", "test_window_output", "test_window_hearing", "test_train_command",
           "test_train_shape", "test_live_sound", "test_bad_input", "test_command_line",
           "test_audio_cable", "test_audio_song", "test_visibility", "test_look_eye",
           "test_onnx", "test_tfjs_out", "test_train_colour", "test_shipped_models", "test_replay",
           "test_record", "test_no_display", "test_voice")  # fmt: skip
settings.register_profile("quick", max_examples=40)  # where a test names no number of its own
settings.register_profile("soak", max_examples=500)  # make soak
settings.load_profile("quick")
SHIPPED = [
    name for name in checkpoint.names() if name in OURS
]  # and not who is trained beside them


def make_model(
    name: str = "small",
    height: int = 12,
    width: int = 12,
    widths: Sequence[int] = (9,),
    latent_dim: int = 3,
    seed: int = 1,
) -> Checkpoint:
    """A model with weights drawn by lot: made in no time, and a whole one in every respect."""
    return with_weights(dense(height, width, widths, latent_dim), name, seed)


def with_weights(architecture: Architecture, name: str = "any", seed: int = 1) -> Checkpoint:
    """A model of any architecture, its weights drawn by lot."""
    rng = np.random.default_rng(seed)
    weights = {
        key: (rng.standard_normal(shape) / np.sqrt(fan_in(shape))).astype(np.float32)
        for key, shape in architecture.weights().items()
    }
    z = rng.standard_normal((200, architecture.latent_dim)).astype(np.float32) * 2 + 1
    card = Card(
        architecture=architecture,
        data={"source": "shapes", "kinds": ["circle", "square"], "size": architecture.height},
        training={"loss": "bce", "epochs": 2},
        train_losses=(0.5, 0.25),
        test_losses=(0.5, 0.3),
        figures={"mse": 0.01},
        seed=seed,
        created="2026-01-31",
    )
    return Checkpoint(name, card, weights, latents.fit(z, seed, layers=3, n_knots=9))


def fan_in(shape: Sequence[int]) -> int:
    """How many numbers each of a layer's is a sum of."""
    return int(np.prod(shape[:-1])) if len(shape) > 1 else shape[0]


def draw_z(frame: Frame) -> Frame:
    """A network that is none: the picture says which latent (or field) it was made of."""
    z = frame.z if frame.z is not None else np.full(3, frame.field.mean(), np.float32)
    return replace(frame, z=z, image=picture_of(z))


def picture_of(z: np.ndarray) -> np.ndarray:
    """(4, latent_dim) what `draw_z` draws."""
    return np.tile(np.tanh(z) / 2 + 0.5, (4, 1)).astype(np.float32)


def hear(rms: float = 0.0, bands: float | Sequence[float] = 0.0, n_bands: int = 16) -> Features:
    """Features with all bands alike, or with those given, as loud as it has been of late."""
    heard = np.broadcast_to(np.asarray(bands, np.float32), (n_bands,)).copy()
    return Features(rms, heard, -20.0 if rms else -120.0, loudness=1.0)


def ticks(n: int, fps: float = 60.0, first: int = 0) -> list[Tick]:
    """n ticks as a clock at fps gives them."""
    return [Tick(i, i / fps, 1 / fps if i else 0.0) for i in range(first, first + n)]


@pytest.fixture
def loaded_loops() -> Iterator[None]:
    """The compiled loops are there, until a test takes them away; afterwards as they were."""
    before = dict(loops._compiled)
    assert loops.load()
    yield
    loops._compiled.clear()
    loops._compiled.update(before)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """torch on one thread: the same to the last bit, and no slower beside others."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: one that began last would keep the other core idle."""
    items.sort(key=lambda item: item.path.stem not in LONGEST)


@pytest.fixture(scope="module")
def few_samples() -> Iterator[None]:
    """Directions are measured at a few points: where nobody asks how well, it takes most of the
    time that a small model needs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order_directions, "__defaults__", (1, 20, None))
        patch.setattr(measure, "SAMPLES", 20)
        yield


@pytest.fixture(scope="session")
def model() -> Checkpoint:
    return make_model()


@pytest.fixture(scope="session")
def models_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two models, `small` (12x12, 3 latents) and `wide` (8x16, 5 latents)."""
    folder = tmp_path_factory.mktemp("models")
    for made in (make_model(), make_model("wide", 8, 16, (20, 10), 5, seed=2)):
        checkpoint.write(folder / f"{made.name}{checkpoint.SUFFIX}", made)
    return folder


@pytest.fixture
def make_controls() -> Callable[..., Controls]:
    """Controls of the show for given models; keyword arguments are values: show__fade=0.5."""

    def make(
        models: Sequence[str] = ("small", "wide"), extra: Sequence[Control] = (), **values: Any
    ) -> Controls:
        given = {key.replace("__", "."): value for key, value in values.items()}
        given.setdefault("show.model", models[0])
        return Controls([*declare(models), *extra], given)

    return make
