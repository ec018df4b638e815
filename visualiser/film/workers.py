"""Several processes, or several machines, that draw the segments of one film: Dask's distributed,
an optional extra.

Everything that a segment depends on goes to the worker, and the encoded segment comes back; files
are read and written here alone.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from visualiser.film.encode import encode
from visualiser.film.packing import Models
from visualiser.film.render import Job
from visualiser.film.segments import Segment, program
from visualiser.types import UserError

CONNECT_S = 10.0
TRIES = 3
ASK_S = 0.2  # between two questions whether it is to stop


class Workers:
    """client: Dask's; addresses: of those workers that may be asked."""

    def __init__(self, client: Any, addresses: list[str]) -> None:
        self._client, self._addresses = client, addresses
        self._models: dict[str, Any] = {}
        self._asked: dict[Any, Segment] = {}

    def pids(self) -> list[int]:
        """Of the processes, on whatever machine."""
        return list(self._client.run(os.getpid, workers=self._addresses).values())

    def take(self, segment: Segment, job: Job) -> None:
        models = {name: self._sent(name, segment.models) for name in segment.models}
        future = self._client.submit(
            draw, segment.to_send(), models, pure=False, retries=TRIES - 1,
            workers=self._addresses,
        )  # fmt: skip
        self._asked[future] = segment
        # One is drawn and one waits at each worker: all of them would fill the memory.
        while len(self._asked) >= 2 * len(self._addresses) and not job.stopping():
            self._collect(job)

    def end(self, job: Job) -> None:
        while self._asked and not job.stopping():
            self._collect(job)
        self._client.cancel(list(self._asked), force=True)
        self._asked.clear()

    def _sent(self, name: str, models: Models) -> Any:
        if name not in self._models:
            self._models[name] = self._client.scatter(models[name], hash=False)
        return self._models[name]

    def _collect(self, job: Job) -> None:
        from distributed import wait

        try:
            done = wait(list(self._asked), ASK_S, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            return
        for future in done:
            segment = self._asked.pop(future)
            if (error := future.exception()) is not None:
                raise UserError(
                    f"the segment at {segment.index / segment.form.fps:.0f} s failed {TRIES} times:"
                    f" {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
                )
            data = future.result()

            def write(path: Path, segment: Segment = segment, data: bytes = data) -> int:
                path.write_bytes(data)
                return segment.frames

            job.keep(segment, write)
            job.count(segment.frames)


def draw(segment: Segment, models: Models) -> bytes:
    """What a worker does."""
    if program() != segment.program:
        raise UserError("this worker has another version of Squircle")
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"part{segment.form.part}"
        encode(replace(segment, models=models), path)
        return path.read_bytes()


@contextmanager
def workers(count: int, cluster: str, say: Callable[[str], object]) -> Iterator[Workers]:
    """count: processes on this machine; or cluster: the address of a scheduler whose workers are to
    draw. Raises UserError, one line, where that is not possible."""
    try:
        import distributed
    except ImportError:
        raise UserError(
            "several workers need Dask: pip install -r requirements-cluster.txt -c constraints.txt"
        ) from None
    with ExitStack() as stack:
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        try:
            if cluster:
                client = distributed.Client(cluster, timeout=CONNECT_S)
            else:
                client = stack.enter_context(_local(count))
        except (OSError, ValueError, TypeError) as error:
            why = str(error).splitlines()[0]
            raise UserError(f"no cluster at {cluster or 'this machine'}: {why}") from None
        stack.callback(client.close)
        yield Workers(client, _fitting(client, cluster, say))


@contextmanager
def _local(count: int) -> Iterator[Any]:
    """Processes that nobody else can reach. A Ctrl-C is this process's own affair: they are born
    deaf to it."""
    import distributed

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        cluster = distributed.LocalCluster(
            n_workers=count, threads_per_worker=1, processes=True, host="127.0.0.1",
            dashboard_address=None, silence_logs=logging.CRITICAL, memory_limit=None,
        )  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, before)
    with cluster, distributed.Client(cluster) as client:
        yield client


def _fitting(client: Any, cluster: str, say: Callable[[str], object]) -> list[str]:
    """The workers that are of this version; the others are told, and not asked."""
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except TimeoutError:
        raise UserError(f"no worker has come to {cluster}") from None
    found = client.run(program, on_error="return")
    fitting = [address for address, theirs in found.items() if theirs == program()]
    for address in found.keys() - set(fitting):
        say(f"{address} has another version of Squircle, or none: it is not asked")
    if not fitting:
        raise UserError(f"no worker at {cluster} has this version of Squircle")
    return fitting
