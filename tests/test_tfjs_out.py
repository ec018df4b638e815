"""Export to TensorFlow.js: the real one reads it, in node and in Chromium, and says the same."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from conftest import make_model
from PIL import Image
from tfjs import Browser, Node, libraries, serve

from visualiser import latents
from visualiser.exchange import tfjs_graph, tfjs_out
from visualiser.nets import conv, shape
from visualiser.nets.architecture import Architecture, Graph
from visualiser.nets.checkpoint import Card, Checkpoint
from visualiser.nets.layers import (
    Activation,
    Affine,
    AnyLayer,
    Conv,
    ConvTranspose,
    Dense,
    Pool,
    Reshape,
    Upsample,
)
from visualiser.nets.play import Player
from visualiser.nets.visibility import order_directions
from visualiser.types import UserError

CLOSE = 1e-5


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    node = Node()
    yield node
    node.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.close()


def checkpoint_of(architecture: Architecture, name: str = "made", seed: int = 1) -> Checkpoint:
    """Weights by lot, of a size at which numbers stay about one from layer to layer."""
    rng = np.random.default_rng(seed)
    weights = {}
    for key, size in architecture.weights().items():
        fan = np.prod(size[:-1]) if "kernel" in key else 4
        weights[key] = (rng.standard_normal(size) * np.sqrt(1.5 / fan)).astype(np.float32)
    table = latents.standard(architecture.latent_dim)
    return Checkpoint(name, Card(architecture=architecture), weights, table)


def decoder_of(*decoder: AnyLayer, latent_dim: int = 6, picture: tuple[int, ...]) -> Checkpoint:
    height, width, channels = picture
    kind = "colour" if channels == 3 else "grey"
    return checkpoint_of(
        Architecture(
            height=height, width=width, pictures=kind, latent_dim=latent_dim, decoder=decoder
        )
    )


def differences(node: Node, model: Checkpoint, folder: Path) -> tuple[float, float]:
    """How far the real TensorFlow.js is from our own player: decoder, and encoder."""
    player, rng = Player(model), np.random.default_rng(3)
    z = rng.standard_normal((4, model.latent_dim)).astype(np.float32)
    drawn = node.predict(folder / "model.json", z)
    ours = np.stack([player.decode(one) for one in z])
    decoder = float(np.abs(drawn.reshape(ours.shape) - ours).max())
    assert ours.std() > 1e-3, "a model that always draws the same says nothing"
    if not player.has_encoder:
        return decoder, 0.0
    pictures = rng.random((4, *model.architecture.picture)).astype(np.float32)
    found = node.predict(folder / "encoder" / "model.json", pictures)
    encoder = np.abs(found - np.stack([player.encode(one) for one in pictures])).max()
    return decoder, float(encoder)


MODELS = {
    "dense": lambda: make_model(latent_dim=4, widths=(20, 12), height=14, width=10),
    "colour": lambda: checkpoint_of(conv.architecture(32, 8, 8)),
    "shape": lambda: checkpoint_of(shape.architecture()),
    "small shape": lambda: checkpoint_of(shape.architecture(32, 7, hidden=(), lines=20), seed=2),
}


@pytest.mark.parametrize("name", MODELS)
def test_tensorflow_js_draws_and_encodes_as_we_do(node: Node, tmp_path: Path, name: str) -> None:
    model = MODELS[name]()
    tfjs_out.write(model, tmp_path / "out")
    decoder, encoder = differences(node, model, tmp_path / "out")
    assert decoder < CLOSE and encoder < CLOSE


start = (Dense(units=48), Reshape(shape=(4, 4, 3)))
LAYERS: dict[str, tuple[tuple[AnyLayer, ...], tuple[int, ...]]] = {
    "nearest": ((*start, Upsample(factor=(2, 3))), (8, 12, 3)),
    "smooth": ((*start, Upsample(factor=(2, 2), smooth=True)), (8, 8, 3)),
    "smooth, odd": ((*start, Upsample(factor=(3, 5), smooth=True)), (12, 20, 3)),
    "smooth, corner": ((*start, Upsample(factor=(3, 2), smooth=True, corner=True)), (12, 8, 3)),
    "max": ((*start, Upsample(factor=(5, 5)), Pool(size=(3, 2))), (6, 10, 3)),
    "mean": ((*start, Upsample(factor=(5, 5)), Pool(how="mean", size=(3, 2))), (6, 10, 3)),
    "affine": ((*start, Affine()), (4, 4, 3)),
    "affine, vector": ((Dense(units=48), Affine(), Reshape(shape=(4, 4, 3))), (4, 4, 3)),
    "dense on pixels": ((*start, Dense(units=5), Dense(units=1, bias=False)), (4, 4, 1)),
    "conv": ((*start, Conv(filters=3, kernel=(2, 3))), (4, 4, 3)),
    "conv, valid": ((*start, Conv(filters=1, kernel=(2, 3), padding="valid")), (3, 2, 1)),
    "conv, stride": ((*start, Conv(filters=1, stride=(3, 2), bias=False)), (2, 2, 1)),
    "up": ((*start, ConvTranspose(filters=3)), (8, 8, 3)),
    "up, odd": ((*start, ConvTranspose(filters=1, kernel=(5, 3), stride=(3, 2))), (12, 8, 1)),
    "up, wide": ((*start, ConvTranspose(filters=1, kernel=(2, 2), stride=(3, 3))), (12, 12, 1)),
    "up, valid": (
        (*start, ConvTranspose(filters=1, kernel=(5, 3), padding="valid", bias=False)),
        (11, 9, 1),
    ),
}
ALPHAS = {"leaky_relu": 0.2, "elu": 1.0}
for name in ("relu", "relu6", "leaky_relu", "elu", "selu", "swish", "softplus", "sigmoid", "tanh"):
    LAYERS[name] = (*start, Activation(name=name, alpha=ALPHAS.get(name, 0))), (4, 4, 3)
LAYERS["elu, shallow"] = (*start, Activation(name="elu", alpha=0.3)), (4, 4, 3)


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_has_its_like(node: Node, tmp_path: Path, name: str) -> None:
    layers, picture = LAYERS[name]
    model = decoder_of(*layers, picture=picture)
    tfjs_out.write(model, tmp_path / "out")
    assert differences(node, model, tmp_path / "out")[0] < CLOSE
    assert not (tmp_path / "out" / "encoder").exists()


def test_large_weights_are_split_as_the_converter_does(node: Node, tmp_path: Path) -> None:
    model = decoder_of(Dense(units=900), Activation(name="relu"), Dense(units=48 * 48),
                       Reshape(shape=(48, 48, 1)), picture=(48, 48, 1))  # fmt: skip
    tfjs_out.write(model, tmp_path / "out")
    shards = sorted((tmp_path / "out").glob("*.bin"))
    assert [shard.name for shard in shards] == [f"group1-shard{i}of2.bin" for i in (1, 2)]
    assert shards[0].stat().st_size == 4 << 20
    assert differences(node, model, tmp_path / "out")[0] < CLOSE


def test_the_sliders_of_the_page_go_where_the_program_goes(node: Node, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    for model in (order_directions(make_model(latent_dim=4)), MODELS["small shape"]()):
        tfjs_out.write(model, tmp_path / model.name)
        table = json.loads((tmp_path / model.name / "latents.json").read_text())
        points = (rng.standard_normal((60, model.latents.n_directions)) * 3).astype(np.float32)
        answer = node.ask(do="latents", map=table, points=points.tolist())
        ours = model.latents.to_latent(points)
        assert np.abs(np.array(answer["z"]) - ours).max() < 1e-5 * max(1, np.abs(ours).max())
        assert np.abs(answer["along"]).max() <= latents.EDGE


def test_the_points_to_start_from_draw_different_pictures() -> None:
    model = order_directions(make_model())
    starts = tfjs_out.starting_points(model)
    assert starts.shape == (8, model.latents.n_directions)
    draw = Player(model).decode
    seen = np.stack(
        [draw(z).ravel() for z in model.latents.bend(starts @ model.latents.directions)]
    )
    apart = np.abs(seen[:, None] - seen).mean(axis=2)
    assert (apart[~np.eye(8, dtype=bool)] > 1e-3).all()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Checkpoint, Path]]:
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for name in ("dense", "colour", "small shape"):
        model = replace(MODELS[name](), name=name)
        tfjs_out.write(model, folder / name)
        found[name] = (model, folder / name)
    return found


def settle(browser: Browser) -> None:
    browser.until("typeof shown === 'string' && shown !== '' && !walking")


@pytest.mark.parametrize("name", ["dense", "colour", "small shape"])
def test_the_page_plays_when_it_is_opened_as_a_file(
    browser: Browser, pages: dict[str, tuple[Checkpoint, Path]], name: str
) -> None:
    model, folder = pages[name]
    browser.open((folder / "index.html").as_uri())
    settle(browser)
    assert (
        browser.evaluate("document.querySelectorAll('#sliders input').length") == model.latent_dim
    )
    z = np.random.default_rng(7).standard_normal(model.latent_dim).astype(np.float32)
    drawn = browser.evaluate(f"Array.from(decode({z.tolist()}))")
    assert np.abs(np.array(drawn) - Player(model).decode(z).ravel()).max() < CLOSE
    greys = browser.evaluate(
        "Array.from(drawingContext.getImageData(0, 0, width, height).data)"
        ".filter((_, i) => i % 404 === 0)"
    )
    assert np.std(greys) > 2, "the canvas is empty"
    shot = np.asarray(Image.open(BytesIO(browser.screenshot())).convert("L"), float)
    assert shot.std() > 10
    assert browser.complaints == []


def test_the_page_plays_from_a_plain_server_and_fetches_nothing_from_elsewhere(
    browser: Browser, pages: dict[str, tuple[Checkpoint, Path]]
) -> None:
    model, folder = pages["dense"]
    with serve(folder) as address:
        browser.open(f"{address}/index.html")
        settle(browser)
        fetched = browser.evaluate("performance.getEntriesByType('resource').map((r) => r.name)")
        assert fetched and all(url.startswith((address, "data:")) for url in fetched)
        z = np.random.default_rng(8).standard_normal(model.latent_dim).astype(np.float32)
        drawn = browser.evaluate(
            "tf.loadLayersModel('model.json').then((model) =>"
            f" Array.from(model.predict(tf.tensor2d([{z.tolist()}])).dataSync()))"
        )
        assert np.abs(np.array(drawn) - Player(model).decode(z).ravel()).max() < CLOSE
        assert browser.complaints == []


def press(browser: Browser, key: str) -> None:
    code = f"Key{key.upper()}"
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key=key, code=code, text=key,
                     windowsVirtualKeyCode=ord(key.upper()))  # fmt: skip


def test_keys_and_buttons_of_the_page(
    browser: Browser, pages: dict[str, tuple[Checkpoint, Path]]
) -> None:
    browser.open((pages["dense"][1] / "index.html").as_uri())
    settle(browser)
    before = browser.evaluate("shown")
    press(browser, "r")
    browser.until(f"shown !== '{before}'")
    press(browser, "w")
    assert browser.evaluate("walking") is True
    time.sleep(0.3)
    there = browser.evaluate("sliders.map((s) => s.value())")
    browser.until(f"sliders.some((s, i) => Math.abs(s.value() - {there}[i]) > 0.05)")
    press(browser, "w")
    assert browser.evaluate("walking") is False
    browser.evaluate("window.saveCanvas = (...what) => (window.saved = what)")
    press(browser, "s")
    assert browser.evaluate("window.saved") == ["dense", "png"]
    browser.evaluate("document.querySelector('#middle').dispatchEvent(new MouseEvent('mousedown'))")
    browser.until("sliders.every((s) => Math.abs(s.value()) < 0.05)")
    thumbnails = "document.querySelectorAll('#starts button')"
    assert browser.evaluate(f"{thumbnails}.length") == 8
    browser.evaluate(f"{thumbnails}[3].dispatchEvent(new MouseEvent('mousedown'))")
    browser.until("sliders.every((s, i) => Math.abs(s.value() - LATENTS.starts[3][i]) < 0.05)")
    assert browser.complaints == []


def test_the_libraries_that_come_along_are_those_of_npm() -> None:
    ours, theirs = tfjs_out.PAGE / "libraries", libraries()
    for name, path in {
        "p5.min.js": "p5/lib/p5.min.js",
        "tf.min.js": "@tensorflow/tfjs/dist/tf.es2017.min.js",
    }.items():
        assert (ours / name).read_bytes() == (theirs / path).read_bytes()
    version = json.loads((theirs / "@tensorflow/tfjs/package.json").read_text())["version"]
    assert version == tfjs_graph.VERSION


def test_nothing_is_written_over_unasked(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match=r"out is not empty; --force"):
        tfjs_out.write(make_model(), out)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]

    tfjs_out.write(make_model(), out, force=True)
    assert (out / "mine.txt").read_text() == "mine" and (out / "model.json").exists()
    tfjs_out.write(make_model(seed=3), out, force=True)
    tfjs_out.write(make_model(seed=3), tmp_path / "other")
    for path in (tmp_path / "other").rglob("*"):
        if path.is_file():
            assert (out / path.relative_to(tmp_path / "other")).read_bytes() == path.read_bytes()


def test_an_empty_folder_is_filled_and_folders_above_are_made(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "a" / "b"):
        tfjs_out.write(make_model(), folder)
        assert (folder / "index.html").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "empty"]


def test_what_cannot_be_exported_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file: it is a file"):
        tfjs_out.write(make_model(), tmp_path / "file", force=True)
    with pytest.raises(UserError, match="cannot make the folder"):
        tfjs_out.write(make_model(), tmp_path / "file" / "below")
    graph = Graph(takes=(1, 3), gives=(1, 1, 4, 4), axes="chw", low=0, high=1)
    foreign = Architecture(height=4, width=4, latent_dim=3, graph=graph)
    model = Checkpoint("theirs", Card(architecture=foreign), {}, latents.standard(3), b"?")
    with pytest.raises(UserError, match="theirs is an ONNX graph"):
        tfjs_out.write(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()
