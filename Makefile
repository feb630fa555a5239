# `make help` lists what there is. Everything makes the environment it needs by itself.

PYTHON  ?= python3
BIN     := .venv/bin
TOOL    := $(BIN)/python -m tools
CODE    := protocol core worker consumer commanddeck migrations tests tools bench

# pytest: how many processes, and whatever else, as in `make test ARGS='-k fencing'`.
WORKERS ?= 2
ARGS    ?=

.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help setup engine engine-stop programs image demo test test-pg15 test-bare bench check format schema sync-sdk keymap \
        screenshots settings lock clean

help:  ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*##  *\(.*\)/  make \1#\2/p' $(MAKEFILE_LIST) | awk -F'#' '{ printf "%-20s %s\n", $$1, $$2 }'

setup:  ## .venv with the locked packages; only what changed is installed
	@$(PYTHON) -m tools.bootstrap

engine: setup  ## see to a running Docker Engine
	@$(TOOL).engine ensure

engine-stop: setup  ## stop the engine that `make engine` started; never another
	@$(TOOL).engine stop

programs: setup  ## see to what the tests run beside Python: ssh client, systemd's check of units, tmux, Chromium
	@$(TOOL).programs

image: engine  ## the sample image swarm-sample:1, built with no registry
	@$(TOOL).sample_image

demo: image  ## upload an image, run a job on it, fetch its output
	@$(TOOL).demo

test: programs image  ## all tests; ARGS and WORKERS are handed to pytest
	@$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

test-pg15: programs image  ## all tests on the distribution's Postgres, 15 or later
	@$(TOOL).distribution_postgres $(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

test-bare: setup  ## the demo and the tests in a clean root with nothing of this machine in it
	@$(TOOL).bare $(ARGS)

bench: image  ## floor and subject side by side; results also in bench/results/latest.json
	@$(BIN)/python -m bench $(ARGS)

check: setup  ## what needs no server: format, lint, types, layers, imports, docs
	@$(BIN)/ruff format --check --quiet --output-format=concise . || { echo 'error: not formatted: run `make format`' >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy $(CODE)
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m pytest -q -p no:xdist tests/unit/test_import_hygiene.py
	@$(TOOL).check_docs
	@$(TOOL).keymap --check

format: setup  ## lay out the code, and mend what ruff can
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

sync-sdk: setup  ## the SDK without await, after a change of the async one
	@$(TOOL).sync_sdk

schema: setup  ## docs/schema.sql, after a migration
	@$(TOOL).schema

keymap: setup  ## docs/commanddeck-keys.md, after a change of the deck's keys
	@$(TOOL).keymap

screenshots: programs  ## docs/commanddeck/*: a picture of every screen of the deck, and of its web face
	@$(TOOL).screenshots

settings: setup  ## the tables of docs/settings.md, after a change of the registry of settings
	@$(TOOL).settings_page

lock: setup  ## the lock files, from pyproject.toml; ARGS=--upgrade takes the newest versions
	@$(TOOL).lock $(ARGS)

clean:  ## all that `make` made in this folder
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache bench/results build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
