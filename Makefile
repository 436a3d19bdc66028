# `make demo` and `make test` are all a fresh machine needs: Python 3.11 or newer and make.

# The first Python on the path that is new enough; `make PYTHON=...` names another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
# What to install beside the product; .ci/run adds spark.
EXTRAS ?= dev
# Arguments for pytest, e.g. make test PYTEST_ARGS="-k money". By default some files of tests run side by side; a file
# shares what it fills.
PYTEST_ARGS ?= -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: install demo up test check check-style check-types check-sql check-definitions bench screenshots

install: $(VENV)/.installed

# Anew when the dependencies change.
$(VENV)/.installed: pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "CostPulse needs Python 3.11 or newer, and there is none on the path." \
		"Install it, or name one: make PYTHON=/path/to/python3." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "The virtual environment could" \
		"not be made. On Debian and Ubuntu: apt install python3-venv." >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e ".[$(EXTRAS)]"
	@touch $@

demo: install
	$(BIN)/costpulse up --demo

up: install
	$(BIN)/costpulse up

test: install
	$(BIN)/python -m pytest --cov --cov-report=term $(PYTEST_ARGS)

# Two at a time; all are run, so that one call tells everything.
check: install
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target check-types check-sql check-style check-definitions

check-style: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check

check-types: install
	$(BIN)/mypy

check-sql: install
	$(BIN)/sqlfluff lint --processes 0 sql/

# From a folder without dagster.yaml and .env: this asks about the code alone.
check-definitions: install
	cd $(VENV) && env -u DAGSTER_HOME bin/dagster definitions validate -m costpulse_assets.definitions

bench: install
	$(BIN)/python -m tests.benchmarks

# Needs a running demo: make demo.
screenshots: install
	$(BIN)/python -m tests.e2e.screenshots
	$(BIN)/python -m tests.e2e.message_pictures
	$(BIN)/python -m tests.e2e.report_pictures
