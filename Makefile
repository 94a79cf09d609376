# `make demo` and `make test` are all a newcomer needs: each sets itself up first.
PYTHON ?= python3
UV := .tools/bin/uv
RUN := $(UV) run --frozen --no-sync
STAMP := .venv/.synced

.PHONY: demo test check up setup clean

demo: setup
	$(RUN) perso demo

up: setup
	$(RUN) perso up

test: setup
	$(RUN) pytest

check: setup
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports
	cd sql && ../$(RUN) dbt parse --no-partial-parse --quiet --target-path ../.perso-check/dbt
	$(RUN) sqlfluff lint sql/models
	$(RUN) dagster definitions validate -w workspace.yaml

setup: $(STAMP)

$(UV):
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "perso_pipeline needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .tools
	.tools/bin/pip install --quiet --disable-pip-version-check uv

$(STAMP): $(UV) pyproject.toml uv.lock
	$(UV) sync --frozen --python $(PYTHON) --quiet
	touch $(STAMP)

clean:
	rm -rf .tools .venv .perso
