"""Squircle: python main.py, and then H for help."""

import sys

from visualiser.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
