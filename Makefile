# The one runner. `make` alone lists every target; see CONTRIBUTING.md.

.DEFAULT_GOAL := help
SHELL := /bin/sh
PORT ?= 8000
VENV := .venv
PY := $(VENV)/bin/python
# The machine may switch bytecode off; without it every start compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-long soak check format lock clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.runtime ## set up, migrate, seed and serve http://127.0.0.1:8000 (PORT= for another)
	@PORT=$(PORT) exec sh scripts/run

# Suites of many processes, whole corpora or tight timing: minutes each on two cores.
LONG := tests/leaks tests/faults/test_worker.py tests/faults/test_counts.py tests/cms/outgoing tests/cms/exporters \
	tests/cms/integrity tests/cms/commands/test_backup.py tests/cms/commands/test_check_content.py \
	tests/cms/commands/test_users.py tests/cms/commands/test_export_content.py tests/cms/search/test_18f_words.py tests/cms/search/test_plans.py \
	tests/cms/importers/test_interruption.py tests/cms/importers/test_fuzz.py
ON_SQLITE := tests/cms/models tests/cms/services tests/cms/test_querysets.py tests/api_v1 tests/api_v2

test: $(VENV)/.dev ## the suite on a private PostgreSQL and Redis, then its engine-bound part on SQLite
	$(PY) -m pytest -n 2 --dist loadfile $(addprefix --ignore ,$(LONG))
	TEST_DATABASE=sqlite $(PY) -m pytest -n 2 --dist loadfile $(ON_SQLITE)

test-long: $(VENV)/.dev ## what takes minutes: the leak walk, backups, workers that are killed, round trips
	$(PY) -m pytest $(LONG)

soak: $(VENV)/.dev ## what takes long: 100 MB imports, 30 s of concurrent writers, large exports
	$(PY) -m pytest -m soak

check: $(VENV)/.dev ## lint, format, types, import contracts, migrations, system checks
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy cms api_v1 api_v2 canary tests
	$(VENV)/bin/lint-imports
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py check --fail-level WARNING

format: $(VENV)/.dev ## format the code and fix what can be fixed
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

lock: $(VENV)/.dev ## compile requirements*.in to exact pins with hashes
	$(VENV)/bin/uv pip compile -q --universal -p 3.12 --generate-hashes --custom-compile-command "make lock" requirements.in -o requirements.txt
	$(VENV)/bin/uv pip compile -q --universal -p 3.12 --generate-hashes --custom-compile-command "make lock" requirements-dev.in -o requirements-dev.txt

clean: ## remove the virtual environment, caches and build results (not your database)
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@sh scripts/make-venv $(VENV)

$(VENV)/.runtime: requirements.txt | $(VENV)/bin/python
	@echo "Installing the locked requirements (once) ..."
	@$(PY) -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(VENV)/bin/python
	@echo "Installing the locked requirements of tests and tools (once) ..."
	@$(PY) -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-dev.txt
	@touch $@ $(VENV)/.runtime
