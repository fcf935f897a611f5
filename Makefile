# Leadstream. `make help` lists what there is.
# Needs Python 3.11 or newer (PYTHON=python3.12 picks one) and make; everything else is installed here.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --custom-compile-command 'make lock'

.PHONY: help install run demo test test-unit test-contract lint format bench lock clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1m%-10s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.runtime ## Create .venv from the hash-checked lock and put `leadstream` into it

run: $(VENV)/.runtime ## Start Kafka, Postgres, Valkey and the six services; Ctrl-C stops them all (ARGS="--workers 2")
	@exec $(BIN)/leadstream run $(ARGS)

demo: $(VENV)/.runtime ## The same stack, fed with a simulated month of leads, and a summary at the end
	@exec $(BIN)/leadstream demo $(ARGS)

test: $(VENV)/.dev ## Style, types and every test (real Kafka, Postgres, Valkey); ARGS="-k gap" for some
ifeq ($(strip $(ARGS)),)
	@$(MAKE) --no-print-directory -j3 --output-sync=target lint test-unit test-contract
	$(BIN)/pytest --ignore=tests/unit --ignore=tests/contract
else
	$(BIN)/pytest $(ARGS)
endif

test-unit: $(VENV)/.dev ## Only the tests that need no server
	$(BIN)/pytest tests/unit $(ARGS)

test-contract: $(VENV)/.dev ## The runtime's promises, schemas, deployment files, documents
	$(BIN)/pytest tests/contract $(ARGS)

lint: $(VENV)/.dev ## Style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev ## Put the code into the one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## Measure throughput, latency and memory beside Faust and quixstreams
	$(BIN)/python -m bench $(ARGS)

lock: $(VENV)/.dev ## Resolve requirements/*.in and the broker's jars anew, with hashes
	env -u PIP_FIND_LINKS $(BIN)/$(LOCK) $(UPGRADE) requirements/dev.in -o requirements/dev.txt
	env -u PIP_FIND_LINKS $(BIN)/$(LOCK) -c requirements/dev.txt requirements/runtime.in -o requirements/runtime.txt
	$(BIN)/python -m local.embedded.jars lock

clean: ## Remove the environment and tool caches; the data in .leadstream stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info

# The stamps below are what makes `make run` quick when nothing changed, and right when a lock did.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Leadstream needs Python 3.11 or newer, and {sys.executable} is {v[0]}.{v[1]}. Name another one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing what Leadstream needs into $(VENV) (hash-checked)"
	$(PIP) install --require-hashes -r requirements/runtime.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	@echo "Installing what the checks need into $(VENV) (hash-checked)"
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@
