"""The loop that the variational networks share: steps, learning rate, going on after a break."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from visualiser.files import write_bytes
from visualiser.nets.autoencoder import Autoencoder
from visualiser.train.feed import Feed
from visualiser.types import UserError

Batch = TypeVar("Batch")
SAVE_EVERY_S = 60.0


@dataclass(frozen=True)
class Pace:
    """steps: how many; rate: AdamW's highest, reached after `rise` of them and then falling to
    nothing along a cosine; warm_up: share of the steps over which the KL divergence comes in."""

    steps: int
    rate: float
    warm_up: float = 0.3
    rise: float = 0.1

    def rate_at(self, step: int) -> float:
        rise = max(self.steps * self.rise, 1)
        if step < rise:
            return self.rate * (step + 1) / rise
        return self.rate * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(self.steps - rise, 1)))

    def kl_at(self, step: int) -> float:
        """The share of the KL divergence's weight, 0..1."""
        return min(1.0, step / max(self.warm_up * self.steps, 1))


def run(
    net: Autoencoder,
    pace: Pace,
    make: Callable[[int], Batch],
    loss_of: Callable[[Batch, float], Tensor],
    report: Callable[[int, float], object],
    stopped: Callable[[], bool],
    keep: Path | None = None,
    options: object = None,
) -> int:
    """Train; returns the step it has come to.

    make: the batch of a step, on a thread; it depends on nothing but the step's number. loss_of:
    its loss, given the KL divergence's share. report: the step, and the mean loss since the last
    report. keep: where to leave, every minute and at the end of a run that was stopped, what is
    needed to go on; where it exists already, training goes on from it. options: what tells this
    training from others, which cannot go on from there. Raises UserError where it is one of those,
    and where training comes to what are no numbers.
    """
    optimizer = torch.optim.AdamW(net.parameters(), lr=pace.rate, weight_decay=0, fused=True)
    first = _restore(keep, net, optimizer, options) if keep and keep.exists() else 0
    saved = time.monotonic()
    step, losses = first, []
    with Feed(make, range(first, pace.steps)) as feed:
        for step, batch in enumerate(feed, first + 1):
            for group in optimizer.param_groups:
                group["lr"] = pace.rate_at(step - 1)
            loss = loss_of(batch, pace.kl_at(step - 1))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.detach())
            if step % 50 == 0 or step == pace.steps:
                mean = float(torch.stack(losses).mean())
                if not math.isfinite(mean):
                    raise UserError(
                        f"by step {step} training has come to no numbers: try a lower rate"
                    )
                report(step, mean)
                losses.clear()
            if stopped():
                break
            if keep and time.monotonic() - saved > SAVE_EVERY_S:
                _save(keep, net, optimizer, options, step)
                saved = time.monotonic()
    if keep and step < pace.steps:
        _save(keep, net, optimizer, options, step)
    elif keep:
        keep.unlink(missing_ok=True)
    return step


def kl_nats(mean: Tensor, logvar: Tensor) -> Tensor:
    """The divergence of the posteriors from the standard normal prior, mean over pictures, nats
    (Kingma and Welling 2014, "Auto-encoding variational Bayes")."""
    return 0.5 * (mean * mean + logvar.exp() - 1 - logvar).sum(1).mean()


def _save(
    path: Path, net: Autoencoder, optimizer: torch.optim.Optimizer, options: object, step: int
) -> None:
    from safetensors.torch import save

    tensors = {"step": torch.tensor(step), "random": torch.get_rng_state()}
    for name, parameter in net.named_parameters():
        tensors[f"net.{name}"] = parameter.detach().contiguous()
        for word in ("exp_avg", "exp_avg_sq"):
            tensors[f"{word}.{name}"] = optimizer.state[parameter][word].contiguous()
    write_bytes(path, save(tensors, metadata={"options": repr(options)}))


def _restore(
    path: Path, net: Autoencoder, optimizer: torch.optim.Optimizer, options: object
) -> int:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("options") != repr(options):
                raise KeyError("its options are others")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        step = int(tensors["step"])
        torch.set_rng_state(tensors["random"])
        for name, parameter in net.named_parameters():
            parameter.data.copy_(tensors[f"net.{name}"])
            optimizer.state[parameter] = {
                "step": torch.tensor(float(step)),
                "exp_avg": tensors[f"exp_avg.{name}"].clone(),
                "exp_avg_sq": tensors[f"exp_avg_sq.{name}"].clone(),
            }
    except (SafetensorError, KeyError, RuntimeError, TypeError, OSError) as error:
        why = str(error).strip("'\"").splitlines()[0]
        raise UserError(
            f"{path} is of another training, or damaged ({why}): go on with the options it was"
            " begun with, or remove it and begin anew"
        ) from None
    return step
