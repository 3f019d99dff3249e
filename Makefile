# The one runner. `make` alone lists every target; see CONTRIBUTING.md.

.DEFAULT_GOAL := help
SHELL := /bin/sh
PORT ?= 8000
VENV := .venv
PY := $(VENV)/bin/python
# The machine may switch bytecode off; without it every start compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test soak golden openapi bench check format lock clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.runtime ## set up, migrate, seed and serve http://127.0.0.1:8000 (PORT= for another)
	@PORT=$(PORT) exec sh scripts/run

# What the engine decides: the models, the rules over them, what is imported, searched, shown and let through.
ON_SQLITE := tests/cms/models tests/cms/services tests/cms/test_querysets.py tests/cms/search tests/cms/admin tests/cms/jobs \
	tests/cms/importers tests/cms/exporters tests/cms/media tests/cms/test_rate_limits.py tests/canary tests/api_v2 $(wildcard tests/api_v1 tests/versions tests/mixed)

test: $(VENV)/.dev ## the suite on a private PostgreSQL and Redis, then its engine-bound part on SQLite
	$(PY) -m pytest -n 2 --dist loadfile
	TEST_DATABASE=sqlite $(PY) -m pytest -n 2 --dist loadfile $(ON_SQLITE)

soak: $(VENV)/.dev ## what takes long: 100 MB imports, 30 s of concurrent writers, large exports
	$(PY) -m pytest -m soak

golden: $(VENV)/.dev ## write the golden files of the frozen contracts anew: look at every line of the difference
	$(PY) -m pytest -q tests/contract --golden-write

openapi: $(VENV)/.dev ## write the snapshot of v2's document anew, unless clients would break (ACCEPT_BREAKING=1: all the same)
	$(PY) manage.py openapi --write $(if $(ACCEPT_BREAKING),--accept-breaking)

bench: $(VENV)/.dev ## v1, v2, plain REST framework and an empty view in one run; fails where a target is missed
	$(PY) -m tests.bench.run

check: $(VENV)/.dev ## lint, format, types, import contracts, migrations, system checks, v2's document
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy cms api_v1 api_v2 canary tests
	$(VENV)/bin/lint-imports
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py check --fail-level WARNING
	$(PY) manage.py openapi

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
