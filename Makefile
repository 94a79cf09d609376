# `make demo` and `make test` are all a newcomer needs: each sets itself up first.
PYTHON ?= python3
UV := .tools/bin/uv
RUN := $(UV) run --frozen --no-sync
RUN_IN_SQL := .tools/bin/uv run --frozen --no-sync --project ..
STAMP := .venv/.synced
# Python keeps what it compiled, or every command compiles its libraries again: 4 s each time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check up setup clean

demo: setup
	$(RUN) perso demo

up: setup
	$(RUN) perso up

test: setup
	$(RUN) pytest -n 2 --dist loadfile --no-loadscope-reorder

check: setup
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) dbt parse --no-partial-parse --quiet --project-dir sql --profiles-dir sql --target-path target/check --log-path sql/target/check
	cd sql && ../$(RUN_IN_SQL) sqlfluff lint --disable-progress-bar models tests
	$(RUN) dagster definitions validate --log-level warning -w workspace.yaml

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
