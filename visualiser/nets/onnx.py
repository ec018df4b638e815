"""Playing a decoder that is an ONNX graph, with onnxruntime: an optional extra.

A graph is data. It runs on onnxruntime's own CPU kernels, one thread; no library of other ops is
ever loaded, no other file is read, and nothing is sent or kept: onnxruntime reports to its maker
unless it is told not to before it is imported.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from visualiser.nets.checkpoint import Checkpoint
from visualiser.types import FloatArray, UserError

INPUTS = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
}
EXTERNAL = 1  # TensorProto.DataLocation: the numbers are in another file
MISSING = {  # how onnxruntime says that it has not got an op
    r"(\S+?)\(-?\d+\) is not a registered function/op": "onnxruntime has no op {}",
    r"No Op registered for (\S+)": "onnxruntime has no op {}",
    r"implementation for (\S+?)\(": "onnxruntime has no op {} for that kind of numbers",
}


def need(package: str) -> Any:
    """A package of the extra. Raises UserError, one line, where it cannot be imported."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # must stand before onnxruntime is imported
    try:
        return importlib.import_module(package)
    except ImportError as error:
        package = package.partition(".")[0]
        raise UserError(
            f"ONNX needs the package {package}: pip install -r requirements-onnx.txt ({error})"
        ) from None


def session(graph: bytes) -> Any:
    """An onnxruntime session of a graph. Raises ValueError, one line, where it cannot be had."""
    runtime = need("onnxruntime")
    runtime.disable_telemetry_events()  # where the variable in need() is not looked at
    runtime.set_default_logger_severity(4)
    runtime.set_seed(1)  # for graphs that draw by lot: the same pictures every time
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.load_model_format", "ONNX")
    # It would print, and try again; and it would take settings out of the graph.
    never = {"enable_fallback": 0, "read_config_from_model": 0}
    try:
        return runtime.InferenceSession(graph, options, ["CPUExecutionProvider"], **never)
    except Exception as error:  # onnxruntime's errors have no parent of their own
        raise ValueError(said(error)) from None


def latent(run: Any) -> Any:
    """A session's only input: name, type, shape. Raises ValueError where it has others."""
    inputs = run.get_inputs()  # without those that have a value of their own
    if len(inputs) != 1:
        names = ", ".join(repr(one.name[:40]) for one in inputs[:8])
        raise ValueError(f"it takes {len(inputs)} inputs ({names}), where one latent is wanted")
    if inputs[0].type not in INPUTS:
        raise ValueError(f"it takes {inputs[0].type[:40]}, where a latent of floats is wanted")
    return inputs[0]


def parse(data: bytes) -> Any:
    """The graph as a ModelProto. Raises ValueError, one line, where the bytes hold none."""
    onnx = need("onnx")
    try:
        model = onnx.load_model_from_string(data)
    except Exception:  # protobuf's DecodeError, which lives where protobuf likes
        raise ValueError("it is no ONNX file, or it is cut short") from None
    if not model.graph.node:
        raise ValueError("it is no ONNX file: there is no graph in it")
    return model


def outside(message: Any) -> Iterator[Any]:
    """Every tensor anywhere in a message whose numbers are in another file."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for part in [value] if hasattr(value, "ListFields") else value:
            if field.message_type.name != "TensorProto":
                yield from outside(part)
            elif part.data_location == EXTERNAL:
                yield part


def said(error: BaseException) -> str:
    """What onnxruntime says, as a short line: the op it has not, or its own words."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(error)).split())
    for pattern, words in MISSING.items():
        if found := re.search(pattern, line):
            return words.format(found[1][:100])
    line = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", line)
    line = re.sub(r"\S*/onnxruntime\S*:\d+ .*?\) (?=\w)", "", line)  # where in its own source
    return line if len(line) <= 200 else f"{line[:200]}..."


def decoder(checkpoint: Checkpoint) -> Callable[[FloatArray], FloatArray]:
    """A function from (latent_dim,) to (H, W, channels), float32, 0..1 or distances.

    Raises UserError, one line, now or when it is called, where the graph cannot be played.
    """
    architecture, graph = checkpoint.architecture, checkpoint.architecture.graph
    assert graph is not None
    try:
        if any(outside(parse(checkpoint.graph))):
            raise ValueError("it wants to read other files")
        if not (np.isfinite([graph.low, graph.high]).all() and graph.low < graph.high):
            raise ValueError(f"its values go from {graph.low} to {graph.high}")
        run = session(checkpoint.graph)
        given, name = latent(run), run.get_outputs()[0].name
    except ValueError as error:
        raise UserError(f"{checkpoint.name} has a graph that cannot be played: {error}") from None
    height, width = checkpoint.shape
    low, scale = np.float32(graph.low), np.float32(1 / (graph.high - graph.low))
    clips = architecture.pictures != "distance"
    channels = architecture.picture[2]

    def decode(z: FloatArray) -> FloatArray:
        try:
            x = np.asarray(z, INPUTS[given.type]).reshape(graph.takes)
            y = run.run([name], {given.name: x})[0].astype(np.float32).reshape(graph.gives)
            if graph.axes == "chw":
                y = y.reshape(-1, height, width).transpose(1, 2, 0)
            y = y.reshape(height, width, -1)[..., :channels]
        except Exception as error:
            raise UserError(f"{checkpoint.name} cannot be played: {said(error)}") from None
        picture: FloatArray = (y - low) * scale
        return np.clip(picture, 0, 1) if clips else picture

    return decode
