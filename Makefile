# make run, make test: both set everything up themselves, in .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup run test check soak bench clean

setup: .venv/ready

.venv/ready: requirements.txt constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(0 if sys.version_info >= (3, 11) else f"Squircle needs Python 3.11 or newer; {sys.executable} is {v}. Try: make PYTHON=python3.12 setup")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	$(BIN)/python -c 'from visualiser import loops; loops.load()'
	@touch $@

.venv/ready-dev: .venv/ready requirements-dev.txt requirements-cluster.txt requirements-onnx.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c constraints.txt
	@touch $@

run: .venv/ready
	@$(BIN)/python main.py

test: .venv/ready-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

soak: .venv/ready-dev
	$(BIN)/python -m pytest -m "soak or hypothesis" --hypothesis-profile soak

check: .venv/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/ready-dev
	$(BIN)/python main.py bench

clean:
	rm -rf .venv
