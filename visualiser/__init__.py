"""Squircle: a live instrument for latent space."""

import os

# numpy asks for these once, when it is first imported, which whatever is imported from here does.
# Its threads would stand in each other's way, and in that of decoding and drawing, which have
# threads of their own: a picture of 2160 lines took half as long again.
for _name in ("OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(_name, "1")
