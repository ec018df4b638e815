"""The layers of a TensorFlow.js model, from first to last, with models in it unpacked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visualiser.exchange.tfjs_weights import short
from visualiser.nets.layers import LARGEST
from visualiser.types import UserError

MODELS = ("Sequential", "Model", "Functional")
DEPTH = 8  # of models in models
MOST = 256  # layers


@dataclass(frozen=True)
class Link:
    """One layer: its class, its name, and its settings as Keras writes them."""

    kind: str
    name: str
    config: dict[str, Any]

    def takes(self) -> tuple[int, ...] | None:
        """The shape that it says it takes, without the batch; None where it does not say."""
        shape = self.config.get("batch_input_shape", self.config.get("batch_shape"))
        if not isinstance(shape, list) or not 2 <= len(shape) <= 5:
            return None
        whole = all(isinstance(n, int) and 1 <= n <= LARGEST for n in shape[1:])
        return tuple(shape[1:]) if whole and math.prod(shape[1:]) <= LARGEST else None

    def __str__(self) -> str:
        return f"the layer {short(self.name)} ({short(self.kind)})"


def chain(path: Path, topology: Any) -> list[Link]:
    """The layers of modelTopology. Raises UserError where they are not one chain."""
    if isinstance(topology, dict) and "model_config" in topology:
        topology = topology["model_config"]
    links = _unpack(path, topology, 0)
    if len(links) > MOST:
        raise UserError(f"{path}: it has {len(links)} layers; allowed are {MOST}")
    return links


def _unpack(path: Path, model: Any, depth: int) -> list[Link]:
    kind, config = _parts(path, model)
    if kind not in MODELS:
        raise UserError(
            f"{path}: a model of the class {short(kind)}; allowed are {', '.join(MODELS)}"
        )
    if depth > DEPTH:
        raise UserError(f"{path}: models lie more than {DEPTH} deep in each other")
    given = config if isinstance(config, list) else config.get("layers")
    if not isinstance(given, list) or not given:
        raise UserError(f"{path}: its modelTopology has no layers")
    inner = given if kind == "Sequential" else _in_order(path, config, given)
    links: list[Link] = []
    for layer in inner:
        kind, own = _parts(path, layer)
        if kind in MODELS:
            links += _unpack(path, layer, depth + 1)
        elif isinstance(own, dict):
            name = own.get("name", layer.get("name", kind))
            links.append(Link(kind, str(name), own))
        else:
            raise UserError(f"{path}: the settings of a layer {short(kind)} are broken")
        if len(links) > MOST:
            break
    return links


def _parts(path: Path, thing: Any) -> tuple[str, Any]:
    kind = thing.get("class_name") if isinstance(thing, dict) else None
    config = thing.get("config") if isinstance(thing, dict) else None
    if not isinstance(kind, str) or not isinstance(config, dict | list):
        raise UserError(f"{path}: its modelTopology is broken: wanted are class_name and config")
    return kind, config


def _in_order(path: Path, config: dict[str, Any], given: list[Any]) -> list[Any]:
    """The layers of a functional model, which may stand in any order, from its input to its
    output."""
    layers = {_name(path, layer): layer for layer in given}
    if len(layers) != len(given):
        raise UserError(f"{path}: two of its layers have the same name")
    first, last = (_end(path, config, key) for key in ("input_layers", "output_layers"))
    before = {name: _source(path, name, layer) for name, layer in layers.items()}
    found = [last]
    while found[-1] != first:
        source = before.get(found[-1])
        if source is None or source not in layers or len(found) > len(layers):
            raise UserError(f"{path}: its layers do not lead from {short(first)} to {short(last)}")
        found.append(source)
    if missing := sorted(set(layers) - set(found)):
        raise UserError(
            f"{path}: the layer {short(missing[0])} stands aside: only a plain chain of layers,"
            " each after the other, can be read"
        )
    return [layers[name] for name in reversed(found)]


def _name(path: Path, layer: Any) -> str:
    _, config = _parts(path, layer)
    name = layer.get("name", config.get("name") if isinstance(config, dict) else None)
    if not isinstance(name, str):
        raise UserError(f"{path}: a layer of its modelTopology has no name")
    return name


def _end(path: Path, config: dict[str, Any], key: str) -> str:
    """The one input, or output: [["input", 0, 0]], or without the outer brackets."""
    ends = config.get(key)
    if isinstance(ends, list) and len(ends) == 1:
        ends = ends[0]
    if isinstance(ends, list) and len(ends) == 3 and isinstance(ends[0], str):
        return str(ends[0])
    raise UserError(
        f"{path}: its {key} are {short(ends)}; only one input and one output are allowed"
    )


def _source(path: Path, name: str, layer: dict[str, Any]) -> str | None:
    """The one layer that it takes its input from; None for an input."""
    nodes = layer.get("inbound_nodes", [])
    sources = sorted(set(_sources(nodes)))
    if isinstance(nodes, list) and len(nodes) <= 1 and len(sources) <= 1:
        return sources[0] if sources else None
    kind = layer["class_name"]
    raise UserError(
        f"{path}: the layer {short(name)} ({short(kind)}) has several inputs, or is used several"
        " times; only a plain chain of layers can be read"
    )


def _sources(node: Any, depth: int = 0) -> list[str]:
    """Names in [[["dense", 0, 0, {}]]], or in what Keras 3 writes, {"keras_history": ["dense", 0,
    0]} somewhere inside."""
    if depth > DEPTH:
        return []
    if isinstance(node, dict):
        history = node.get("keras_history")
        inner = [history] if isinstance(history, list) else list(node.values())
    else:
        inner = node if isinstance(node, list) else []
    if len(inner) >= 3 and isinstance(inner[0], str) and isinstance(inner[1], int):
        return [inner[0]]
    return [name for part in inner for name in _sources(part, depth + 1)]
