"""The command line: what each verb does. options.py says what can be typed.

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
from typing import TYPE_CHECKING

from visualiser.options import parser
from visualiser.types import UserError
from visualiser.words import printable

if TYPE_CHECKING:
    from visualiser.config import Settings
    from visualiser.film.performance import Performance, Played
    from visualiser.film.render import Hands
    from visualiser.film.replayed import Replayed
    from visualiser.video.formats import Format


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit code: 0, 2 where it could not start, 130 after Ctrl-C."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # stdout is for answers
    try:
        options = parser().parse_args(_joined(arguments))
        code = VERBS[options.verb](options)
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
        written = run.timeline_of(settings, options.timeline)
        run.perform(settings, options.audio, options.record, seconds, options.timing, options.fresh,
                    written)  # fmt: skip
        return 0
    from visualiser.film import render
    from visualiser.film.asked import PREVIEW_S
    from visualiser.progress import bar

    print("there is no display: rendering a short video of the show instead", file=sys.stderr)
    with bar("rendering", "frames") as report:
        path = render.preview(settings, options.audio, options.seconds or PREVIEW_S, report)
    print(path)
    return 0


def _render(options: argparse.Namespace) -> int:
    _one_thread()
    from visualiser.verbs import render

    return render.films(options, _film)


def _film(options: argparse.Namespace, hands: Hands | None) -> int:
    """One film, of no more than one song. hands: who draws it, if not this process."""
    from visualiser.film.parts import Parts
    from visualiser.film.render import render
    from visualiser.film.still import ask_for_one, still
    from visualiser.nets import checkpoint
    from visualiser.progress import bar
    from visualiser.video.pictures import is_sequence, refuse_taken

    kind = _format(options)
    refuse_taken(options.out, options.force or Parts(options.out).is_unfinished)
    song = options.audio
    if song and song.exists() and options.out.exists() and options.out.samefile(song):
        raise UserError(f"{options.out} is the song itself: give the video another name")
    chosen = {"look__look": options.look, "look__output_only": options.output_only or None}
    settings = _show_settings(options, cues__advance=options.set_list or None, **chosen)
    is_still = kind.suffix == ".png" and not is_sequence(options.out)
    if is_still:
        ask_for_one(options)
    performance = _performance(options, settings)
    size, fps, alpha = options.size, options.fps, options.alpha
    if alpha:
        model = checkpoint.read(checkpoint.find(str(performance.controls["show.model"])))
        if model.architecture.pictures == "colour":
            print(f"{model.name} draws whole pictures: they have no ground, and are opaque",
                  file=sys.stderr)  # fmt: skip
    with bar("rendering", "frames") as report:
        if is_still:
            still(performance, options.out, size, fps, alpha, report)
            frames = wanted = 1
        else:
            record = settings.record
            frames, wanted = render(
                performance, options.out, size, fps, record, report, alpha=alpha,
                say=report.say, hands=hands,
            )  # fmt: skip
    made = "a picture" if is_still else f"{frames} frames"
    if frames:
        print(f"{options.out}: {made} of {size[0]}x{size[1]}")
    return 0 if frames == wanted else 130


def _format(options: argparse.Namespace) -> Format:
    """The format of a render, and options that fit into it: what is not as asked for is told in a
    line. Raises UserError where there is no such format."""
    from visualiser.video.formats import format_of

    kind = format_of(options.out, options.alpha)
    size, fps = kind.size(options.size), kind.rate(options.fps)
    if size != options.size:
        wide, high = size
        print(f"{options.out}: {wide}x{high}, for its format has even sizes only", file=sys.stderr)
    if fps != options.fps:
        print(f"{options.out}: {fps:.4g} frames a second and not {options.fps:g}, for a GIF counts"
              " in hundredths of a second", file=sys.stderr)  # fmt: skip
    options.size, options.fps = size, fps
    options.output_only |= options.alpha
    return kind


def _performance(options: argparse.Namespace, settings: Settings) -> Performance:
    from visualiser import run
    from visualiser.film.asked import order_of
    from visualiser.film.automation import automated
    from visualiser.film.performance import Played
    from visualiser.film.replayed import CHANGES, Replayed, Wish
    from visualiser.takes.read import read

    song, fps = options.audio, options.fps
    if options.start is not None and not options.take:
        raise UserError("--from is for takes, --take FILE, and single pictures")
    if not options.take and not options.automation:
        return _told(Played(order_of(options, settings)))
    if options.take and options.automation:
        raise UserError("--automation is a take over other sound; --take is one with its own")
    for name in ("timeline", "cue", "set_list", "loop", "tempo"):
        if getattr(options, name) is not None:
            word = f"--{name.replace('_', '-')}"
            raise UserError(f"{word}: a take has moves of its own; it can be given {CHANGES}")
    if options.seed is not None:
        raise UserError(f"--seed: a take has its own; it can be given {CHANGES}")
    given = {
        "show.driver": options.driver,
        "show.model": options.model,
        "show.mode": options.mode,
        "look.look": options.look,
        "look.output_only": options.output_only or None,
    }
    instead = {id: settings.controls[id] for id, value in given.items() if value is not None}
    wish = Wish(song, options.start or 0.0, options.seconds, instead)
    take = read(options.take or options.automation)
    declared = run.declared_controls(str(take.head.controls.get("show.model", "")) or None)
    if options.automation:
        film = automated(take, wish, settings, fps, declared)
        return film if wish.seconds is None else _told(film)  # else it is as long as its song
    return _told(Replayed(take, wish, fps, declared))


def _told(performance: Played | Replayed) -> Performance:
    """What is not quite as it was asked for is told."""
    for line in performance.notices:
        print(line, file=sys.stderr)
    return performance


def _take(options: argparse.Namespace) -> int:
    from visualiser.verbs.takes import takes

    takes(options.files, options.out, options.start, options.stop, options.force, options.json)
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


def _controls(options: argparse.Namespace) -> int:
    from visualiser.run import declared_controls
    from visualiser.verbs.controls import controls

    controls(declared_controls(), options.markdown, options.json)
    return 0


def _devices(options: argparse.Namespace) -> int:
    from visualiser.verbs.devices import devices

    devices(_settings(options))
    return 0


def _listen(options: argparse.Namespace) -> int:
    _one_thread()
    from visualiser.verbs.listen import listen

    audible = False if options.mute else None
    settings = _settings(options, sound__input=options.input, sound__audible=audible)
    _keep_stderr()
    listen(settings, options.file, options.json, options.fps, options.seconds)
    return 0


def _flashes(options: argparse.Namespace) -> int:
    from visualiser.verbs.flashes import flashes

    return flashes(options.file, options.json)


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


VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "play": _play,
    "render": _render,
    "take": _take,
    "train": _train,
    "models": _models,
    "import": _import,
    "export": _export,
    "controls": _controls,
    "devices": _devices,
    "listen": _listen,
    "flashes": _flashes,
    "latency": _latency,
    "decode": _decode,
    "encode": _encode,
    "reconstruct": _reconstruct,
    "bench": _bench,
}
