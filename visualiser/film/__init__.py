"""Offline: a show, or a take of one, drawn frame by frame into a file."""
