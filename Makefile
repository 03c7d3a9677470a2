# Everything runs from a checkout: no root, no service. `make help` lists the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

ROWS ?= 200000
SERVE ?= 1
export ROWS SERVE

VENV := .venv
BIN := $(VENV)/bin

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

.PHONY: demo
demo: $(VENV)/.demo ## seed a shop, export it by two workers, serve the admin (ROWS=200000 SERVE=1)
	$(BIN)/python manage.py demo

PROCESSES ?= 2

.PHONY: test
test: $(VENV)/.dev ## everything: lint, types, imports, tests on PostgreSQL and SQLite, coverage
	PROCESSES=$(PROCESSES) tests/run

KILLS ?= 200
SEED ?= 1

.PHONY: faults
faults: $(VENV)/.dev ## kill workers at random moments and count what is lost (KILLS=200 SEED=1)
	KILLS=$(KILLS) SEED=$(SEED) $(BIN)/python -m pytest -q -p no:randomly \
		tests/faults/test_random_kills.py

OUTAGE ?= 30

.PHONY: faults-full
faults-full: $(VENV)/.dev ## every variant of every fault, with long outages (OUTAGE=30 seconds)
	FAULTS=full OUTAGE_SECONDS=$(OUTAGE) $(BIN)/python -m pytest -q tests/faults \
		tests/api/test_broken_downloads.py

RUNS ?= 3
TABLE ?= peers
WRITE ?=
CLIENTS ?= 200
DOWNLOADS ?= 20
SECONDS ?= 60

.PHONY: bench
bench: $(VENV)/.bench ## exports side by side (RUNS=3 TABLE=peers|scale|skew|metadata|modes|huge|load WRITE=page)
	$(BIN)/python -m benchmarks --table $(TABLE) --runs $(RUNS) \
		$(if $(filter load,$(TABLE)),--clients $(CLIENTS) --downloads $(DOWNLOADS) --seconds $(SECONDS)) \
		$(if $(filter-out file,$(origin ROWS)),--rows $(ROWS)) $(if $(WRITE),--write $(WRITE) \
		--plot $(basename $(WRITE)).svg)

.PHONY: screenshots
screenshots: $(VENV)/.dev ## make the pictures of docs/images anew, by Chromium
	$(BIN)/python -m tests.browser.screenshots

.PHONY: lint
lint: $(VENV)/.dev ## ruff, mypy, the import contract and bandit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive exportapp project

.PHONY: audit
audit: $(VENV)/.dev ## known holes in what is installed; asks the advisory database on the network
	$(BIN)/pip-audit --progress-spinner off --skip-editable --strict

ADD ?=
NOT_OURS := .venv benchmarks build dist docker docs node_modules project tests var

.PHONY: messages
messages: $(VENV)/.demo ## bring the catalogues of all languages up to date (ADD=fr begins one)
	$(BIN)/python manage.py makemessages --no-obsolete --add-location file \
		$(if $(ADD),--locale $(ADD),--all) $(NOT_OURS:%=--ignore %)
	$(BIN)/python manage.py compilemessages $(NOT_OURS:%=--ignore %)

.PHONY: clean
clean: ## remove what was built; keep the code
	rm -rf $(VENV) var db.sqlite3* dist build htmlcov .coverage* .mypy_cache .ruff_cache \
		.pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The first Python that is new enough makes the environment.
$(BIN)/python:
	@for python in python3 python3.14 python3.13 python3.12 python3.11; do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "Making $(VENV) with $$python"; \
			exec "$$python" -m venv $(VENV); \
		fi; \
	done; \
	echo "No Python 3.11 or newer was found." >&2; exit 1

$(VENV)/.pip: | $(BIN)/python
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'  # the first with --group
	touch $@

$(VENV)/.demo: pyproject.toml $(VENV)/.pip
	$(BIN)/python -m pip install --quiet --editable . --group demo
	touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.pip
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $@ $(VENV)/.demo

$(VENV)/.bench: pyproject.toml $(VENV)/.pip
	$(BIN)/python -m pip install --quiet --editable . --group bench
	touch $@
