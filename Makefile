# Two commands for a newcomer: `make demo` and `make test`. Both set up .venv first, from exact pins.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
# pip, or uv where it is installed: make demo INSTALLER=uv
INSTALLER ?= pip
# A package index from which torch alone is taken, such as that of its CPU builds: see "Install" in README.md.
TORCH_INDEX ?=

BIN := .venv/bin
ifeq ($(INSTALLER),uv)
NEW_VENV = uv venv --quiet --allow-existing --python "$(PYTHON)" .venv
INSTALL = uv pip install --quiet --python $(BIN)/python -c constraints.txt
else
NEW_VENV = "$(PYTHON)" -m venv .venv
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
endif
# Measured on Linux, x86-64, Python 3.11: the pinned wheels of '.[train]' and '.[dev]' without torch are 0.2 GB,
# torch's CPU build is 0.2 GB, its public Linux wheel with the CUDA libraries 2.7 GB.
SIZE = $(if $(TORCH_INDEX)$(filter Darwin,$(shell uname -s)),0.4 GB,up to 3 GB, \
nearly all of it torch with the CUDA libraries; 0.4 GB with TORCH_INDEX set to the index of its CPU builds)
# torch without its dependencies from there, so that nothing else is: these come with the rest, as pinned.
TORCH = $(if $(TORCH_INDEX),$(INSTALL) --no-deps --index-url "$(TORCH_INDEX)" torch)
FED := .venv-federated/bin
FED_INSTALL = $(FED)/python -m pip install --quiet --disable-pip-version-check -c constraints-federated.txt
# Waiting threads sleep instead of spinning: on few or shared cores, spinning slows training tenfold.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: federated demo test lint types imports wire docs pytest wheel vulnerabilities requirements platforms image ray interoperation node format clean

demo: .venv/.train
	$(BIN)/python -m phasekey.demo

test: lint types imports wire docs pytest

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev
	$(BIN)/mypy

imports: .venv/.dev
	$(BIN)/lint-imports

wire: .venv/.dev
	$(BIN)/python -m phasekey.wire.regenerate --check
	$(BIN)/python -m phasekey.bundle.schema.compile_schema --check

docs: .venv/.dev
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --quiet --jobs auto docs build/site

# Whole files go to processes of one thread each, so that fixtures of a file are made once. The closing line stays
# pytest's own; what no test reaches is listed above it.
pytest: .venv/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile \
	  --cov --cov-report=term-missing

wheel: .venv/.dev
	$(BIN)/python -m pytest tests/test_wheel.py
	$(BIN)/python -m build --outdir dist

# Not part of `make test`, which has no Flower: eight devices on this machine improve a network on digits, on a real
# SuperLink and SuperNodes, minutes; then all tests of phasekey/federated, those that `make test` skips included.
federated: .venv-federated/.done
	rm -rf build/federated
	$(FED)/phasekey federate simulate --data digits --clients 8 --split dirichlet:0.5 --rounds 5 --out build/federated
	$(FED)/python -m pytest tests/phasekey/federated

# Not part of `make test`: it asks a database in the network.
vulnerabilities: .venv/.pip-audit
	.venv/pip-audit/bin/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip

# What the container images install, by version and hash, from pyproject.toml and constraints.txt.
LOCK = .venv/uv/bin/uv pip compile --quiet --generate-hashes --no-header --no-annotate -c constraints.txt \
	--python-version 3.11 --python-platform x86_64-manylinux_2_28 --no-emit-index-url
requirements: .venv/.uv
	$(LOCK) deploy/requirements/build.in -o deploy/requirements/build.txt
	$(LOCK) --extra cloud --extra tracing pyproject.toml -o deploy/requirements/cpu.txt
	$(LOCK) --extra cloud --extra tracing pyproject.toml deploy/requirements/cuda.in \
		--no-emit-package onnxruntime -o deploy/requirements/cuda.txt

# Whether what a device installs, with all that it may add, has wheels for other systems than this one. Not part of
# `make test`: it asks a package index. ONNX Runtime has none for Macs of Intel's, nor for 32-bit Arm.
PLATFORMS = aarch64-manylinux_2_28 x86_64-manylinux_2_28 aarch64-apple-darwin x86_64-pc-windows-msvc
platforms: .venv/.uv
	@set -e; for platform in $(PLATFORMS); do for python in 3.11 3.12 3.13; do \
	  MACOSX_DEPLOYMENT_TARGET=14.0 .venv/uv/bin/uv pip compile --quiet --only-binary :all: -c constraints.txt \
	    --extra images --extra sign --extra keyring --python-platform $$platform --python-version $$python \
	    pyproject.toml > .venv/resolved.txt; \
	  echo "$$platform, Python $$python: $$(grep -c '==' .venv/resolved.txt) packages, all with wheels"; \
	done; done

# Needs docker, or buildah and root: see the script.
image: .venv/.dev
	deploy/image.sh

# Ray pins much of what we pin too, so it has an environment to itself.
ray: .venv/.dev .venv/.ray
	PHASEKEY_RAY_VENV=$(CURDIR)/.venv/ray $(BIN)/python -m pytest tests/examples/test_ray_serve.py

# The port to TypeScript: needs Node.js 20 or newer. Its packages come by its own lock file.
# Two of the servers that people have; each gets an environment of its own. All: without the options.
interoperation: .venv/.dev
	$(BIN)/python -m benchmarks interoperation --peer ours --peer mlserver --peer kserve

node: .venv/.dev
	npm ci --prefix clients/node
	$(BIN)/python -m pytest tests/clients

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv dist *.egg-info build/site

# An environment of its own: Flower holds rich and packaging below our pins (docs/adr/0095).
.venv-federated/.done: pyproject.toml constraints-federated.txt
	"$(PYTHON)" -m venv .venv-federated
	$(if $(TORCH_INDEX),$(FED_INSTALL) --no-deps --index-url "$(TORCH_INDEX)" torch)
	$(FED_INSTALL) --editable '.[federated]' pytest pytest-timeout hypothesis trustme
	touch $@

.venv/bin/python:
	$(NEW_VENV)

# Apart from the environment of the tests, whose versions its own dependencies would move.
.venv/.pip-audit: .venv/bin/python
	$(BIN)/python -m venv .venv/pip-audit
	.venv/pip-audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	touch $@

.venv/.uv: .venv/bin/python
	$(BIN)/python -m venv .venv/uv
	.venv/uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.8'
	touch $@

.venv/.ray: .venv/bin/python examples/ray/constraints.txt pyproject.toml
	$(BIN)/python -m venv .venv/ray
	.venv/ray/bin/python -m pip install --quiet --disable-pip-version-check -c examples/ray/constraints.txt \
		--editable '.[ray]'
	touch $@

.venv/.train .venv/.dev: .venv/.%: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing phasekey[$*] into .venv: some minutes; downloads, where no cache has them: $(SIZE)"
	$(TORCH)
	$(INSTALL) --editable '.[cloud,$*]'
	touch $@
