# Two stamps: .venv/.setup is what production needs, .venv/.dev what the checks need on top.
.PHONY: setup ccxt dev demo kill sim test check lint types contracts bench bench-check bench-growth bench-overload lock clean
.DEFAULT_GOAL := help

# The first interpreter of at least 3.11 on the PATH; PYTHON=… overrides.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

help:
	@echo "make demo | test | check | setup | ccxt | sim | kill | bench | bench-check | bench-growth | bench-overload | lock | clean: see README.md"

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "make: expected a Python of at least 3.11 on the PATH, found none (set PYTHON=…)" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.setup: .venv/bin/python requirements.txt pyproject.toml
	$(PIP) install --require-hashes --no-deps -r requirements.txt
	$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

# The optional extra: exchanges through ccxt.
.venv/.ccxt: .venv/.setup requirements-ccxt.txt
	$(PIP) install --require-hashes --no-deps -r requirements-ccxt.txt
	@touch $@

.venv/.dev: .venv/.setup requirements-dev.txt
	$(PIP) install --require-hashes --no-deps -r requirements-dev.txt
	@touch $@

setup: .venv/.setup
ccxt: .venv/.ccxt
dev: .venv/.dev

# With the optional extra, where it can be had: then an account through ccxt plays too.
demo: .venv/.setup
	@$(MAKE) --no-print-directory .venv/.ccxt || echo "make: the extra ccxt cannot be installed; the others play" >&2
	$(BIN)/caas-router demo

# In two processes (WORKERS), a module in one; tests/conftest.py says what comes first and last.
WORKERS ?= 2
test: .venv/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# The real router, killed at random instants. SEED replays a run: its loads and its delays.
CYCLES ?= 200
SEED ?= 1
kill: .venv/.dev
	$(BIN)/python -m tests.kill --cycles $(CYCLES) --seed $(SEED)

# The simulation. SEED=n replays one schedule event by event, SEEDS=n runs as many on every core.
SEEDS ?= 20000
sim: .venv/.dev
	$(BIN)/python -m tests.sim $(if $(filter file undefined,$(origin SEED)),--seeds $(SEEDS),--seed $(SEED))

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev
	$(BIN)/mypy

contracts: .venv/.dev
	$(BIN)/lint-imports

check: lint types contracts test

# What an order costs, over floors: bench/README.md. KEEP=1 writes results, chart and history into bench/.
bench: .venv/.dev
	$(BIN)/python -m bench run $(if $(KEEP),--keep)

# The budgeted ratios alone; fails where one is past its budget in bench/budgets.toml.
bench-check: .venv/.dev
	$(BIN)/python -m bench check

# What grows with connections, products, open orders and the journal. UP_TO=orders of the largest journal.
bench-growth: .venv/.dev
	$(BIN)/python -m bench growth $(if $(UP_TO),--journal-up-to $(UP_TO)) $(if $(KEEP),--keep)

# At twice the highest rate that is held.
bench-overload: .venv/.dev
	$(BIN)/python -m bench overload

# Needs uv on the PATH. The compiled files carry hashes and no addresses.
lock:
	uv pip compile --universal --generate-hashes --python-version 3.11 --quiet requirements.in -o requirements.txt
	uv pip compile --universal --generate-hashes --python-version 3.11 --quiet -c requirements.txt requirements-ccxt.in -o requirements-ccxt.txt
	uv pip compile --universal --generate-hashes --python-version 3.11 --quiet -c requirements-ccxt.txt requirements-dev.in -o requirements-dev.txt

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
