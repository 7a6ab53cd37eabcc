# Two commands for a newcomer: `make demo` and `make test`. Both set up .venv first, from exact pins.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# Waiting threads sleep instead of spinning: on few or shared cores, spinning slows training tenfold.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: demo test lint types imports wire pytest format clean

demo: .venv/.train
	$(BIN)/python -m phasekey.demo

test: lint types imports wire pytest

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev
	$(BIN)/mypy

imports: .venv/.dev
	$(BIN)/lint-imports

wire: .venv/.dev
	$(BIN)/python -m phasekey.wire.regenerate --check

pytest: .venv/.dev
	$(BIN)/python -m pytest

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv dist *.egg-info

.venv/bin/python:
	@echo "setting up .venv: some minutes of downloads and installs"
	$(PYTHON) -m venv .venv

.venv/.train: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) --editable '.[train]'
	touch $@

.venv/.dev: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) --editable '.[dev]'
	touch $@
