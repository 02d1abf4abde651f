# `make tour` shows it, `make test` tests it; both set up what they need in .venv, guest/target and
# the user's cache. Nothing is done twice: a second run starts at once.

PYTHON ?= python3
NOTEBOOK ?= notebooks/tour.ipynb
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.hypercell
CARGO  := cd guest && cargo

export PATH := $(PATH):$(HOME)/.cargo/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# rustup's cargo looks for its toolchains in $HOME; under another HOME point it to its own.
cargo := $(shell PATH="$(PATH)" command -v cargo)
ifneq ($(cargo),)
ifneq ($(shell $(cargo) --version >/dev/null 2>&1 || echo failed),)
export RUSTUP_HOME := $(abspath $(dir $(cargo))../../.rustup)
endif
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help kvm tools image setup tour test fuzz lint format bench soak lock clean

help:
	@echo 'make tour     set up and run notebooks/tour.ipynb, outputs in the terminal;'
	@echo '              NOTEBOOK=notebooks/python.ipynb runs that one'
	@echo 'make test     set up and run all tests'
	@echo 'make lint     ruff, mypy, rustfmt, clippy'
	@echo 'make fuzz     fuzz for SECONDS=300, with coverage as the guide; a table says what was run'
	@echo 'make bench    measure, and write benchmarks/results.md'
	@echo 'make soak     10,000 cells with crashes, time-outs and interrupts, and what they leave (CELLS=…)'
	@echo 'make setup    environment, guest image, toolchains, kernelspec: no more'
	@echo 'make format   let ruff and rustfmt rewrite the sources'
	@echo 'make clean    remove what was built here (not the toolchain in your cache)'

kvm:
	@$(PYTHON) -I kernel/kvm_probe.py

tools:
	@$(PYTHON) scripts/preflight.py

# cargo knows itself whether there is anything to do.
image: tools
	@echo '== guest image'
	@$(CARGO) build --release --locked --package hypercell-image

$(STAMP): pyproject.toml requirements/constraints.txt scripts/build_backend.py | image
	@echo '== Python environment'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint requirements/constraints.txt --editable '.[test]'
	@touch $@

setup: kvm image $(STAMP)
	@echo '== toolchains'
	@$(BIN)/hypercell toolchain install c python
	@echo '== kernelspec'
	@$(BIN)/hypercell install --sys-prefix

tour: setup
	@echo '== $(NOTEBOOK)'
	@$(BIN)/python notebooks/run.py $(NOTEBOOK) --html $(NOTEBOOK:.ipynb=.html)

test: setup
	@echo '== cargo test'
	@$(CARGO) test --locked --quiet --package hypercell-abi --package hypercell-wasi
	@echo '== browser'
	@$(BIN)/python tests/browser/chromium.py
	@echo '== pytest'
	@$(BIN)/python -m pytest

# The short runs of all this are part of `make test`. SECONDS: for all targets together.
SECONDS ?= 300
fuzz: setup
	@$(BIN)/python -m pip install --quiet --only-binary :all: --constraint requirements/constraints.txt \
	  atheris || echo 'no atheris for this Python: mutations without coverage'
	@$(BIN)/python tests/fuzz/long.py --seconds $(SECONDS)

lint: $(STAMP)
	@echo '== ruff'
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo '== mypy'
	@mkdir -p build/mypy/hypercell
	@ln -sfn ../../../kernel build/mypy/hypercell/kernel
	@ln -sfn ../../../vmm build/mypy/hypercell/vmm
	@$(BIN)/mypy
	@echo '== cargo fmt, clippy'
	@$(CARGO) fmt --all --check
	@$(CARGO) clippy --locked --quiet --workspace --all-targets -- --deny warnings

format: $(STAMP)
	@$(BIN)/ruff check --fix --exit-zero .
	@$(BIN)/ruff format .
	@$(CARGO) fmt --all

bench: setup
	@$(BIN)/hypercell bench

CELLS ?= 10000
soak: setup
	@$(BIN)/python -m benchmarks.soak --cells $(CELLS)

# The versions that the tests saw; edit pyproject.toml, then run this.
lock: $(STAMP)
	@$(BIN)/python -m pip freeze --all --exclude-editable | grep -v -e ' @ ' -e '^pip==' > requirements/constraints.txt

clean:
	rm -rf $(VENV) build dist guest/target *.egg-info notebooks/*.html
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
