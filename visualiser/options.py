"""What can be typed behind `python main.py`: the verbs and their options."""

from __future__ import annotations

import argparse
from pathlib import Path

from visualiser import typed
from visualiser.video.formats import FORMATS


def parser() -> argparse.ArgumentParser:
    made = typed.Parser(
        prog="main.py",
        description="Squircle, a live instrument for latent space. Without a verb it plays:"
        " 'main.py --driver audio' is 'main.py play --driver audio'.",
        epilog="'main.py VERB --help' lists the options of a verb.",
    )
    verbs = made.add_subparsers(metavar="VERB", dest="verb", required=True)

    def verb(name: str, words: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=words, description=words)
        added.add_argument(
            "--config", type=Path, metavar="FILE", help="settings, instead of config.toml"
        )
        return added

    def showing(added: argparse.ArgumentParser, songs: str | None = None) -> None:
        added.add_argument("--driver", metavar="D", help="what moves the point")
        added.add_argument("--model", metavar="M", help="the network that draws")
        added.add_argument("--mode", metavar="MODE", help="latent or pixel")
        added.add_argument(
            "--audio", type=Path, metavar="FILE", nargs=songs, help="a song to listen to"
        )
        added.add_argument("--seconds", type=typed.seconds, metavar="S", help="how long")
        added.add_argument("--seed", type=typed.number, metavar="N", help="of every random number")

    play = verb("play", "play live; this is what happens without a verb")
    showing(play)
    play.add_argument("--timeline", type=Path, metavar="FILE", help="what is done when, as TOML")
    play.add_argument("--mute", action="store_true", help="do not play the song aloud")
    play.add_argument("--fresh", action="store_true", help="begin as config.toml says")
    play.add_argument("--record", action="store_true", help="record from the start")
    play.add_argument("--size", type=typed.size, metavar="WxH", help="of the window")
    play.add_argument(
        "--fps", type=typed.whole, metavar="F", help="frames a second; 0 is unthrottled"
    )
    play.add_argument(
        "--timing", type=Path, metavar="FILE", help="write when frames were shown, as JSON"
    )

    render = verb("render", "make a video of the same show, without a window")
    showing(render, songs="+")
    render.add_argument("--take", type=Path, metavar="FILE", help="play a take again")
    render.add_argument(
        "--from", dest="start", type=typed.moment, metavar="S", help="of the take, or picture"
    )
    render.add_argument(
        "--automation", type=Path, metavar="TAKE", help="what was done in it, over another song"
    )
    render.add_argument("--timeline", type=Path, metavar="FILE", help="what is done when, as TOML")
    render.add_argument("--cue", type=typed.slot, metavar="N", help="begin at that cue")
    render.add_argument(
        "--set-list",
        nargs="?",
        const="",
        type=typed.advance,
        metavar="time|beats",
        help="play the set list, as config.toml says, or so",
    )
    render.add_argument("--loop", metavar="LENGTH", help="without a seam: 8s, or '4 bars'")
    render.add_argument("--tempo", type=typed.tempo, metavar="T", help="beats a minute, for bars")
    render.add_argument("--look", metavar="L", help="how a shape is drawn")
    render.add_argument("--output-only", action="store_true", help="without the input pane")
    render.add_argument("--alpha", action="store_true", help="the output on a transparent ground")
    render.add_argument(
        "-o",
        dest="out",
        type=Path,
        required=True,
        metavar="OUT|FOLDER",
        help=f"a film, by its ending: {', '.join(FORMATS)}; %%05d.png is a picture a frame,"
        " a .png without a number one picture; of several songs a folder",
    )
    render.add_argument("--size", type=typed.size, metavar="WxH", default=(1280, 720))
    render.add_argument("--fps", type=typed.rate, metavar="F", default=60.0)
    render.add_argument("--force", action="store_true", help="write over an existing file")
    render.add_argument("--resume", action="store_true", help="leave what is there as it is")
    render.add_argument(
        "--workers", type=typed.workers, metavar="N", default=1, help="processes that share it"
    )
    render.add_argument("--cluster", metavar="tcp://HOST:8786", help="a Dask cluster that does")

    take = verb("take", "tell what a take holds and needs; with -o, cut one, or join several")
    take.add_argument("files", nargs="+", type=Path, metavar="FILE")
    take.add_argument("--from", dest="start", type=typed.moment, metavar="S", help="begin there")
    take.add_argument("--to", dest="stop", type=typed.seconds, metavar="S", help="and end there")
    take.add_argument("-o", dest="out", type=Path, metavar="OUT.take.gz")
    take.add_argument("--force", action="store_true", help="write over an existing file")
    take.add_argument("--json", action="store_true")

    train = verb("train", "train a model: on shapes, landscapes, or images of your own")
    train.add_argument("--kind", choices=("classic", "shape", "colour"), help="classic if not said")
    train.add_argument("--images", type=Path, metavar="DIR", help="a folder, or an IDX file")
    train.add_argument("--name", help="of the model; without one the next that is free")
    train.add_argument("--resume", action="store_true", help="go on with one that was interrupted")
    train.add_argument("--size", type=typed.number, help="of the pictures, px")
    train.add_argument(
        "--widths", type=typed.numbers, metavar="256,128,...", help="of hidden layers"
    )
    train.add_argument("--latents", type=typed.number, help="how many")
    train.add_argument("--kinds", type=typed.words, metavar="circle,square,...")
    train.add_argument("--styles", type=typed.words, metavar="fill,stroke")
    train.add_argument("--stroke", type=typed.number, help="line width, share of the picture")
    train.add_argument("--offset", type=typed.number, help="off the middle, share of the picture")
    train.add_argument("--rotate", action="store_true", default=None, help="turn the shapes")
    train.add_argument("--pictures", type=typed.number, help="to train on")
    train.add_argument("--blended", type=typed.number, help="share of shapes half-way between two")
    train.add_argument("--noise", type=typed.number, help="share of pixels made grey, at most")
    train.add_argument("--epochs", type=typed.number)
    train.add_argument("--steps", type=typed.number, help="of shape and colour models")
    train.add_argument("--beta", type=typed.number, help="weight of the KL divergence, likewise")
    train.add_argument("--batch", type=typed.number)
    train.add_argument("--rate", type=typed.number, help="Adam's highest learning rate")
    train.add_argument("--loss", help="bce or mse")
    train.add_argument("--seed", type=typed.number)
    train.add_argument("--force", action="store_true", help="write over a model of that name")

    models = verb("models", "list the models; with a name, draw that one's card")
    models.add_argument("name", nargs="?", metavar="NAME")
    models.add_argument("-o", dest="out", type=Path, metavar="CARD.png")
    models.add_argument("--force", action="store_true", help="write over an existing file")
    models.add_argument("--json", action="store_true")
    bring_in = verb("import", "bring in a TensorFlow.js model.json, or a decoder in ONNX")
    bring_in.add_argument("path", type=Path, metavar="PATH")
    bring_in.add_argument("--name", help="of the model")
    bring_in.add_argument(
        "--shape",
        type=typed.numbers,
        metavar="1,4,64,64",
        help="of the latent, where a file leaves it open",
    )
    bring_in.add_argument("--force", action="store_true", help="write over a model of that name")
    send_out = verb("export", "write a model for TensorFlow.js, with a page, or in ONNX")
    send_out.add_argument("model", metavar="MODEL")
    send_out.add_argument("--to", choices=("tfjs", "onnx"), required=True)
    send_out.add_argument("out", type=Path, metavar="DIR|FILE.onnx")
    send_out.add_argument("--force", action="store_true", help="write over what is there")
    controls = verb("controls", "list what can be changed while playing: keys, ranges")
    controls.add_argument("--markdown", action="store_true", help="as the page docs/controls.md")
    controls.add_argument("--json", action="store_true")
    verb("devices", "list sound inputs and displays; * is what config.toml selects")
    listen = verb("listen", "show what is heard: bands, onsets, beat, levels")
    listen.add_argument("file", nargs="?", type=Path, metavar="FILE", help="instead of the input")
    listen.add_argument("--json", action="store_true", help="an object a tick; of a file, at once")
    listen.add_argument("--mute", action="store_true", help="do not play the file aloud")
    listen.add_argument("--fps", type=typed.rate, metavar="F", default=60.0, help="ticks a second")
    flashes = verb("flashes", "say whether a video flashes too much: exit code 1 if so")
    flashes.add_argument("file", type=Path, metavar="FILE", help="any video")
    flashes.add_argument("--json", action="store_true")
    latency = verb("latency", "measure the time from sound to picture, with clicks")
    latency.add_argument("--clicks", type=typed.whole, metavar="N", default=20, help="how many")
    for added in (listen, latency):
        added.add_argument("--input", metavar="NAME", help="the sound input, by name or number")
    listen.add_argument("--seconds", type=typed.seconds, metavar="S", help="how long")

    decode = verb("decode", "draw one latent")
    decode.add_argument("model", metavar="MODEL")
    decode.add_argument("--latent", required=True, metavar="Z1,Z2,...")
    encode = verb("encode", "print a picture's latents as JSON")
    encode.add_argument("model", metavar="MODEL")
    encode.add_argument("image", type=Path, metavar="IMAGE")
    reconstruct = verb("reconstruct", "put a picture through the autoencoder")
    reconstruct.add_argument("model", metavar="MODEL")
    reconstruct.add_argument("image", type=Path, metavar="IMAGE")
    for added in (decode, reconstruct):
        added.add_argument("-o", dest="out", type=Path, required=True, metavar="OUT.png|OUT.npy")
        added.add_argument("--force", action="store_true", help="write over an existing file")

    bench = verb("bench", "measure what the project promises, as ratios")
    bench.add_argument("only", nargs="*", metavar="NAME", help="some of the benchmarks")
    bench.add_argument("--quick", action="store_true", help="shorter, and less sure")
    bench.add_argument("--json", action="store_true")
    return made
