"""The process that learns beside the show: `python -m visualiser.train.aside FOLDER`.

FOLDER holds the job, as visualiser.lesson writes it, and is where the model is written to. How it
goes on is told in lines of JSON. It has the lowest priority there is, from before it loads what is
slow to load, and ends when its standard input does: nobody waits for the model any more.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

from visualiser.types import UserError


def main(folder: Path) -> int:
    """The exit code: 2, and a line on stderr, where the user can put right what is wrong."""
    if hasattr(os, "nice"):
        os.nice(19)
    threading.Thread(target=_end_with_the_show, daemon=True).start()
    try:
        _learn(folder, time.perf_counter())
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _learn(folder: Path, began: float) -> None:
    import numpy as np

    from visualiser.data.taught import Example
    from visualiser.nets import checkpoint
    from visualiser.train.teach import Pupil, teach

    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    with np.load(folder / "pictures.npz", allow_pickle=False) as file:
        given = zip(file["pictures"], file["is_drawn"], strict=True)
        examples = [Example(picture, bool(drawn)) for picture, drawn in given]
    base = checkpoint.read(Path(job["base"]))
    pupil = Pupil(**job["options"])

    def tell(share: float, loss: float, left_s: float) -> None:
        print(json.dumps({"share": share, "loss": loss, "left_s": left_s}), flush=True)

    model = teach("taught", base, examples, pupil, tell, began)
    checkpoint.write(folder / f"model{checkpoint.SUFFIX}", model)


def _end_with_the_show() -> None:
    while os.read(0, 4096):
        pass
    os._exit(3)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
