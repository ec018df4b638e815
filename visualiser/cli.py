"""The command line: which verbs there are, and what each is given.

    python main.py [options]           play
    python main.py VERB [options]      train, render, models, devices, decode, ...

Heavy modules are imported where a verb needs them, so that the window opens at once.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from visualiser import typed
from visualiser.types import UserError
from visualiser.words import printable

if TYPE_CHECKING:
    from visualiser.config import Settings


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit code: 0, 2 where it could not start, 130 after Ctrl-C."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # stdout is for answers
    try:
        options = _parser().parse_args(_joined(arguments))
        verb: Callable[[argparse.Namespace], int] = options.run
        code = verb(options)
        sys.stdout.flush()
        return code
    except UserError as error:
        for line in str(error).split("\n"):
            print(f"squircle: {printable(line)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read what we print has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _joined(arguments: list[str]) -> list[str]:
    """`--latent -1,0.5` as one word: argparse would take -1,0.5 for an option."""
    joined: list[str] = []
    for word in arguments:
        if joined and joined[-1] == "--latent":
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    if joined and (joined[0] in ("-h", "--help") or not joined[0].startswith("-")):
        return joined
    return ["play", *joined]


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as everything else does."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see: python {self.prog} --help)")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="main.py",
        description="Squircle, a live instrument for latent space. Without a verb it plays:"
        " 'main.py --driver audio' is 'main.py play --driver audio'.",
        epilog="'main.py VERB --help' lists the options of a verb.",
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)

    def verb(
        name: str, run: Callable[[argparse.Namespace], int], words: str
    ) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=words, description=words)
        added.set_defaults(run=run)
        added.add_argument(
            "--config", type=Path, metavar="FILE", help="settings, instead of config.toml"
        )
        return added

    def showing(added: argparse.ArgumentParser) -> None:
        added.add_argument("--driver", metavar="D", help="what moves the point")
        added.add_argument("--model", metavar="M", help="the network that draws")
        added.add_argument("--mode", metavar="MODE", help="latent or pixel")
        added.add_argument("--audio", type=Path, metavar="FILE", help="a song to listen to")
        added.add_argument("--seconds", type=typed.seconds, metavar="S", help="how long")
        added.add_argument("--seed", type=int, metavar="N", help="of every random number")

    play = verb("play", _play, "play live; this is what happens without a verb")
    showing(play)
    play.add_argument("--mute", action="store_true", help="do not play the song aloud")
    play.add_argument("--record", action="store_true", help="record from the start")
    play.add_argument("--size", type=typed.size, metavar="WxH", help="of the window")
    play.add_argument(
        "--fps", type=typed.whole, metavar="F", help="frames a second; 0 is unthrottled"
    )
    play.add_argument(
        "--timing", type=Path, metavar="FILE", help="write when frames were shown, as JSON"
    )

    render = verb("render", _render, "make a video of the same show, without a window")
    showing(render)
    render.add_argument("--take", type=Path, metavar="FILE", help="play a take again")
    render.add_argument("--from", dest="start", type=typed.seconds, metavar="S", help="of the take")
    render.add_argument("--look", metavar="L", help="how a shape is drawn")
    render.add_argument("--output-only", action="store_true", help="without the input pane")
    render.add_argument("-o", dest="out", type=Path, required=True, metavar="OUT.mp4")
    render.add_argument("--size", type=typed.size, metavar="WxH", default=(1280, 720))
    render.add_argument("--fps", type=typed.rate, metavar="F", default=60.0)
    render.add_argument("--force", action="store_true", help="write over an existing file")

    take = verb("take", _take, "tell what a take holds, and what it needs")
    take.add_argument("file", type=Path, metavar="FILE")
    take.add_argument("--json", action="store_true")

    train = verb("train", _train, "train a model: on shapes, landscapes, or images of your own")
    train.add_argument("--kind", choices=("classic", "shape", "colour"), help="classic if not said")
    train.add_argument("--images", type=Path, metavar="DIR", help="a folder, or an IDX file")
    train.add_argument("--name", help="of the model; without one the next that is free")
    train.add_argument("--resume", action="store_true", help="go on with one that was interrupted")
    train.add_argument("--size", type=int, help="of the pictures, px")
    train.add_argument(
        "--widths", type=typed.numbers, metavar="256,128,...", help="of hidden layers"
    )
    train.add_argument("--latents", type=int, help="how many")
    train.add_argument("--kinds", type=typed.words, metavar="circle,square,...")
    train.add_argument("--styles", type=typed.words, metavar="fill,stroke")
    train.add_argument("--stroke", type=float, help="line width, share of the picture")
    train.add_argument("--offset", type=float, help="off the middle, share of the picture")
    train.add_argument("--rotate", action="store_true", default=None, help="turn the shapes")
    train.add_argument("--pictures", type=int, help="to train on")
    train.add_argument("--blended", type=float, help="share of shapes half-way between two")
    train.add_argument("--noise", type=float, help="share of pixels that greys replace, at most")
    train.add_argument("--epochs", type=int)
    train.add_argument("--steps", type=int, help="of shape and colour models")
    train.add_argument("--beta", type=float, help="weight of the KL divergence, likewise")
    train.add_argument("--batch", type=int)
    train.add_argument("--rate", type=float, help="Adam's highest learning rate")
    train.add_argument("--loss", help="bce or mse")
    train.add_argument("--seed", type=int)
    train.add_argument("--force", action="store_true", help="write over a model of that name")

    models = verb("models", _models, "list the models; with a name, draw that one's card")
    models.add_argument("name", nargs="?", metavar="NAME")
    models.add_argument("-o", dest="out", type=Path, metavar="CARD.png")
    models.add_argument("--force", action="store_true", help="write over an existing file")
    models.add_argument("--json", action="store_true")
    bring_in = verb("import", _import, "bring in a TensorFlow.js model.json, or a decoder in ONNX")
    bring_in.add_argument("path", type=Path, metavar="PATH")
    bring_in.add_argument("--name", help="of the model")
    bring_in.add_argument(
        "--shape",
        type=typed.numbers,
        metavar="1,4,64,64",
        help="of the latent, where a file leaves it open",
    )
    bring_in.add_argument("--force", action="store_true", help="write over a model of that name")
    send_out = verb("export", _export, "write a model for TensorFlow.js, with a page, or in ONNX")
    send_out.add_argument("model", metavar="MODEL")
    send_out.add_argument("--to", choices=("tfjs", "onnx"), required=True)
    send_out.add_argument("out", type=Path, metavar="DIR|FILE.onnx")
    send_out.add_argument("--force", action="store_true", help="write over what is there")
    verb("devices", _devices, "list the sound inputs and mark the one config.toml selects")
    listen = verb("listen", _listen, "show what is heard: bands, onsets, beat, levels")
    listen.add_argument("file", nargs="?", type=Path, metavar="FILE", help="instead of the input")
    listen.add_argument("--json", action="store_true", help="an object a tick; of a file, at once")
    listen.add_argument("--mute", action="store_true", help="do not play the file aloud")
    listen.add_argument("--fps", type=typed.rate, metavar="F", default=60.0, help="ticks a second")
    latency = verb("latency", _latency, "measure the time from sound to picture, with clicks")
    latency.add_argument("--clicks", type=typed.whole, metavar="N", default=20, help="how many")
    for added in (listen, latency):
        added.add_argument("--input", metavar="NAME", help="the sound input, by name or number")
    listen.add_argument("--seconds", type=typed.seconds, metavar="S", help="how long")

    decode = verb("decode", _decode, "draw one latent")
    decode.add_argument("model", metavar="MODEL")
    decode.add_argument("--latent", required=True, metavar="Z1,Z2,...")
    encode = verb("encode", _encode, "print a picture's latents as JSON")
    encode.add_argument("model", metavar="MODEL")
    encode.add_argument("image", type=Path, metavar="IMAGE")
    reconstruct = verb("reconstruct", _reconstruct, "put a picture through the autoencoder")
    reconstruct.add_argument("model", metavar="MODEL")
    reconstruct.add_argument("image", type=Path, metavar="IMAGE")
    for added in (decode, reconstruct):
        added.add_argument("-o", dest="out", type=Path, required=True, metavar="OUT.png|OUT.npy")
        added.add_argument("--force", action="store_true", help="write over an existing file")

    bench = verb("bench", _bench, "measure what the project promises, as ratios")
    bench.add_argument("only", nargs="*", metavar="NAME", help="some of the benchmarks")
    bench.add_argument("--quick", action="store_true", help="shorter, and less sure")
    bench.add_argument("--json", action="store_true")
    return parser


def _one_thread() -> None:
    """While playing, threads of torch's would only get in the way of the decode thread."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def _settings(options: argparse.Namespace, **overrides: object) -> Settings:
    """config.toml, with what the command line says in its place. Overrides: section__key."""
    from visualiser import config
    from visualiser.run import declared_controls

    given = {name.replace("__", "."): v for name, v in overrides.items() if v is not None}
    controls = declared_controls(getattr(options, "model", None))
    return config.load(controls, options.config or config.CONFIG, given)


def _show_settings(options: argparse.Namespace, **overrides: object) -> Settings:
    """The same for the verbs that play a show."""
    return _settings(
        options,
        show__driver=options.driver,
        show__model=options.model,
        show__mode=options.mode,
        show__seed=options.seed,
        **overrides,
    )


def _keep_stderr() -> None:
    """Write to a stderr of our own: while PortAudio starts, on the microphone's thread, sounddevice
    mutes the process's, and what is said meanwhile would be lost."""
    if sys.stderr is sys.__stderr__ and sys.stderr is not None:
        own = os.dup(sys.stderr.fileno())
        sys.stderr = os.fdopen(own, "w", buffering=1, encoding="utf-8", errors="backslashreplace")


def _play(options: argparse.Namespace) -> int:
    _one_thread()
    _keep_stderr()
    from visualiser import run

    width, height = options.size or (None, None)
    settings = _show_settings(
        options,
        window__width=width,
        window__height=height,
        window__fps=options.fps,
        sound__audible=False if options.mute else None,
    )
    if run.has_display():
        seconds = options.seconds or float("inf")
        run.perform(settings, options.audio, options.record, seconds, options.timing)
        return 0
    from visualiser.progress import bar

    print("there is no display: rendering a short video of the show instead", file=sys.stderr)
    with bar("rendering", "frames") as report:
        path = run.preview(settings, options.audio, options.seconds or run.PREVIEW_S, report)
    print(path)
    return 0


def _render(options: argparse.Namespace) -> int:
    _one_thread()
    from visualiser import run
    from visualiser.files import refuse_existing
    from visualiser.progress import bar

    refuse_existing(options.out, options.force)
    song = options.audio
    if song and song.exists() and options.out.exists() and options.out.samefile(song):
        raise UserError(f"{options.out} is the song itself: give the video another name")
    chosen = {"look__look": options.look, "look__output_only": options.output_only or None}
    settings = _show_settings(options, **chosen)
    with bar("rendering", "frames") as report:
        if options.take:
            frames, wanted = _film(options, settings, report)
        else:
            frames, wanted = run.render(
                settings,
                options.out,
                options.size,
                options.fps,
                options.audio,
                options.seconds,
                report,
            )
    width, height = (edge & ~1 for edge in options.size)  # H.264 has even sizes only
    print(f"{options.out}: {frames} frames of {width}x{height}")
    return 0 if frames == wanted else 130


def _film(
    options: argparse.Namespace, settings: Settings, report: Callable[[int, int], object]
) -> tuple[int, int]:
    from visualiser import run
    from visualiser.takes.film import Wish, film
    from visualiser.takes.read import read

    if options.seed is not None:
        raise UserError("--seed: a take has its own")
    given = {
        "show.driver": options.driver,
        "show.model": options.model,
        "show.mode": options.mode,
        "look.look": options.look,
        "look.output_only": options.output_only or None,
    }
    instead = {id: settings.controls[id] for id, value in given.items() if value is not None}
    start_s = options.start or 0.0
    stop_s = None if options.seconds is None else start_s + options.seconds
    wish = Wish(options.size, options.fps, options.audio, start_s, stop_s, instead)
    take = read(options.take)
    declared = run.declared_controls(str(take.head.controls.get("show.model", "")) or None)
    with run.signals() as stopping:
        return film(take, options.out, wish, declared, settings.record, report, stopping)


def _take(options: argparse.Namespace) -> int:
    from visualiser.verbs import takes

    takes.tell(options.file, options.json)
    return 0


def _train(options: argparse.Namespace) -> int:
    from visualiser import config
    from visualiser.verbs import train

    kind = options.kind or ("colour" if options.images else "classic")
    if options.images and kind != "colour":
        raise UserError(f"--images is for colour models, not --kind {kind}")
    section = {"classic": "train", "shape": "train_shape", "colour": "train_colour"}[kind]
    names = ("size", "widths", "latents", "kinds", "styles", "stroke", "offset", "rotate", "noise",
             "pictures", "epochs", "batch", "rate", "loss", "seed", "steps", "beta",
             "blended")  # fmt: skip
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    fields = config.SECTIONS[section].model_fields
    if foreign := [name for name in given if name not in fields]:
        raise UserError(f"--{foreign[0]} is not an option of {kind} models")
    settings = _settings(options, **{f"{section}__{name}": value for name, value in given.items()})
    recipe = _recipe()
    name, force, resume = options.name, options.force, options.resume
    if kind == "classic":
        if resume:
            raise UserError("--resume is for shape and colour models")
        train.classic(settings.train, name, force, recipe)
    elif kind == "shape":
        train.shape(settings.train_shape, name, force, resume, recipe)
    else:
        train.colour(settings.train_colour, options.images, name, force, resume, recipe)
    return 0


def _recipe() -> str:
    """The command that was typed."""
    return shlex.join(["python", "main.py", *sys.argv[1:]])


def _models(options: argparse.Namespace) -> int:
    from visualiser.verbs import models

    if options.name is None:
        return models.models(options.json)
    models.card(options.name, options.out, options.force, options.json)
    return 0


def _import(options: argparse.Namespace) -> int:
    from visualiser.verbs.exchange import bring_in

    shape = tuple(options.shape or ())
    bring_in(options.path, options.name, options.force, shape, _recipe())
    return 0


def _export(options: argparse.Namespace) -> int:
    from visualiser.verbs.exchange import send_out

    send_out(options.model, options.to, options.out, options.force)
    return 0


def _devices(options: argparse.Namespace) -> int:
    from visualiser.verbs.devices import devices

    devices(_settings(options).sound.input)
    return 0


def _listen(options: argparse.Namespace) -> int:
    _one_thread()
    from visualiser.verbs.listen import listen

    audible = False if options.mute else None
    settings = _settings(options, sound__input=options.input, sound__audible=audible)
    _keep_stderr()
    listen(settings, options.file, options.json, options.fps, options.seconds)
    return 0


def _latency(options: argparse.Namespace) -> int:
    _one_thread()
    from visualiser.verbs.latency import latency

    settings = _settings(options, sound__input=options.input)
    _keep_stderr()
    latency(settings, options.clicks)
    return 0


def _decode(options: argparse.Namespace) -> int:
    from visualiser.verbs.pictures import decode

    decode(options.model, options.latent, options.out, options.force)
    return 0


def _encode(options: argparse.Namespace) -> int:
    from visualiser.verbs.pictures import encode

    encode(options.model, options.image)
    return 0


def _reconstruct(options: argparse.Namespace) -> int:
    from visualiser.verbs.pictures import reconstruct

    reconstruct(options.model, options.image, options.out, options.force)
    return 0


def _bench(options: argparse.Namespace) -> int:
    _one_thread()
    from benchmarks import bench

    code: int = bench.main(options.only, options.quick, options.json)
    return code
