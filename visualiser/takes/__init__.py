"""Takes: a performance written down as it happens, so that it can be seen again at any size."""
