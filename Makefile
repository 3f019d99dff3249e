# The one runner. `make` alone lists every target; see CONTRIBUTING.md.

.DEFAULT_GOAL := help
SHELL := /bin/sh
PORT ?= 8000
VENV := .venv
PY := $(VENV)/bin/python
# The machine may switch bytecode off; without it every start compiles everything again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-all test-newest library staging-local staging-local-roll staging-local-down staging-test tutorials coverage mutants staging-compose soak golden openapi clients wheel messages screenshots site bench bench-docs bench-profile bench-gate bench-gate-test bench-servers load chaos scale memory simulate canary-demo check secrets audit image-sbom image-scan ci-engines ci-tools format lock clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.runtime ## set up, migrate, seed and serve http://127.0.0.1:8000 (PORT= for another)
	@PORT=$(PORT) exec sh scripts/run

WORKERS ?= 2
SUITE := -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
WITH_SLOW := -m "not soak"
# What the database decides: constraints, queries, locks, search, and who sees what. API v1 can be deleted.
ON_SQLITE := tests/cms/models tests/cms/querysets tests/cms/services tests/cms/search tests/cms/jobs tests/cms/test_rate_limits.py \
	tests/canary/services tests/canary/recording tests/leaks tests/api_v2/test_search.py tests/api_v2/test_sql_budget.py \
	tests/api_v2/test_walks.py tests/api_v2/test_sorts.py \
	$(wildcard tests/api_v1/test_search.py tests/api_v1/test_sql_budget.py tests/api_v1/test_sorts.py)
ALL_ON_SQLITE := tests/cms tests/canary tests/api_v2 tests/leaks $(wildcard tests/api_v1 tests/versions tests/mixed)
# No engine changes these: functions without a database, and processes on databases of their own.
ON_ITS_OWN := tests/canary/core tests/canary/live tests/canary/judging/test_processes.py tests/canary/test_cost.py \
	tests/canary/services/test_spreading.py tests/cms/commands tests/cms/jobs/test_loops.py tests/cms/search/test_18f_words.py \
	tests/versions/test_shadow_live.py tests/versions/test_wire.py tests/api_v2/test_compatibility.py
ELSEWHERE := $(ON_ITS_OWN:%=--ignore %)
ON_NEWEST := tests/cms/models tests/cms/querysets tests/cms/search $(wildcard tests/cms/commands/test_backup*.py) tests/canary/services

test: $(VENV)/.dev ## run the suite on a private PostgreSQL and Redis, then the database-dependent part on SQLite (WORKERS= at a time)
	$(PY) $(SUITE) --ignore tests/staging --ignore tests/deploy --ignore tests/tutorials --ignore tests/library
	TEST_DATABASE=sqlite $(PY) $(SUITE) $(ON_SQLITE) $(ELSEWHERE)

test-all: $(VENV)/.dev ## run the suite with its slow cases, on PostgreSQL, SQLite and staging (an hour; before a release)
	$(PY) $(SUITE) $(WITH_SLOW) --ignore tests/staging --ignore tests/tutorials --ignore tests/library
	TEST_DATABASE=sqlite $(PY) $(SUITE) $(WITH_SLOW) $(ALL_ON_SQLITE) $(ELSEWHERE)
	PREFER_WHEELS=1 $(PY) $(SUITE) $(WITH_SLOW) $(ON_NEWEST) tests/cms/services tests/api_v2 $(wildcard tests/api_v1)
	$(PY) -m pytest $(WITH_SLOW) tests/staging

test-newest: $(VENV)/.dev ## run the tests that depend on PostgreSQL's version on the newest one (from a wheel)
	PREFER_WHEELS=1 $(PY) $(SUITE) $(ON_NEWEST)

library: $(VENV)/.dev ## install the canary's wheel where Tandem is not, and run examples/shop on it (asks the package index; DJANGO= one release)
	DJANGO=$(DJANGO) $(PY) -m pytest tests/library

staging-local: $(VENV)/.dev ## start staging on this machine: two web processes behind nginx, controller, worker, PostgreSQL, Redis, Prometheus
	@$(PY) -m scripts.staging_local up

staging-local-roll: $(VENV)/.dev ## restart its web processes one after the other, without a failed request
	@$(PY) -m scripts.staging_local roll

staging-local-down: $(VENV)/.dev ## stop it and delete its data
	@$(PY) -m scripts.staging_local down

staging-test: $(VENV)/.dev ## test rollout, restarts and outages over HTTP through the proxy, on a staging of its own
	$(PY) -m pytest tests/staging

tutorials: $(VENV)/.dev ## run every shell block of the documents that a checkout can run, in a fresh one, and compare the output
	$(PY) -m pytest tests/tutorials

coverage: $(VENV)/.dev ## run the suite and count every line and branch in all its processes; fails below the floors
	rm -rf build/coverage && mkdir -p build/coverage
	$(PY) -m coverage run $(SUITE) $(WITH_SLOW) --ignore tests/library $(COVERED)
	TEST_DATABASE=sqlite $(PY) -m coverage run $(SUITE) $(ALL_ON_SQLITE) $(ELSEWHERE)
	$(PY) -m coverage combine -q
	$(PY) -m coverage html -q
	$(PY) -m coverage json -q
	$(PY) -m scripts.coverage_floors build/coverage/coverage.json

mutants: $(VENV)/.dev ## plant 100 faults in the product and 40 in the core, one by one; the tests have to notice 95 % (FAULTS= part of a path; hours)
	$(PY) -m tests.mutants $(FAULTS) --workers $(WORKERS)

staging-compose: $(VENV)/bin/python ## run the staging tests in containers; STANDINS=1 for images of Debian's packages (root)
	@$(PY) -m scripts.staging_compose

soak: $(VENV)/.dev ## run the longest tests: 100 MB imports, concurrent writers, large exports, a v2 that hangs or kills; with new random examples and order
	$(PY) -m pytest -m soak --randomly-seed=$$(date +%s)
	$(PY) -m pytest --hypothesis-profile=drawn --randomly-seed=$$(date +%s) $$(grep -rl --include="test_*.py" "^from hypothesis import" tests)

golden: $(VENV)/.dev ## rewrite the golden files of the frozen contracts: review every line of the difference
	$(PY) -m pytest -q tests/contract --golden-write

openapi: $(VENV)/.dev ## update the snapshot of v2's document, unless clients would break (ACCEPT_BREAKING=1: even then)
	$(PY) -m scripts.openapi --write $(if $(ACCEPT_BREAKING),--accept-breaking)

clients: $(VENV)/.dev ## build the Python and TypeScript clients of v2's document as packages into build/clients (ONLY=python or typescript)
	@$(PY) -m scripts.clients $(ONLY)

wheel: $(VENV)/.dev ## build the canary as the package django-version-canary into build/wheel
	@rm -rf build/wheel
	@$(PY) -m pip wheel -q --disable-pip-version-check --no-deps -w build/wheel packaging/canary
	@ls build/wheel/*.whl

messages: $(VENV)/.dev ## update the catalogues of translations from the source, and compile them
	$(PY) -m scripts.messages

screenshots: $(VENV)/.dev ## take the pictures of README.md into docs/images, from a demo of its own (needs Chromium)
	$(PY) -m tests.browser.screenshots

site: $(VENV)/.dev ## build the documentation as a site with a search into build/site; a broken link fails
	$(VENV)/bin/sphinx-build -q -W --keep-going -E -b html -c docs . build/site
	@echo "Open build/site/index.html."

BENCH := $(if $(QUICK),--posts 2000 --rounds 3 --seconds 0.3 --requests 200) $(if $(ONE_CORE),--one-core)
bench: $(VENV)/.dev ## measure a workload by v2, plain REST framework and django-ninja in one run; fails if a target is missed (QUICK=1: a short run; ONE_CORE=1: all on one core)
	$(PY) -m tests.bench.run $(BENCH)

bench-docs: $(VENV)/.dev ## write the last bench's figures into docs/performance.md
	$(PY) -m tests.bench.docs

bench-profile: $(VENV)/.dev ## print where the processor time of v2 and v1 goes, by package, for each endpoint of the bench
	$(PY) -m tests.bench.profile

bench-servers: $(VENV)/.dev ## measure the same application under gunicorn and under granian
	$(PY) -m tests.bench.application_servers

bench-gate: $(VENV)/.dev ## fail if this tree is slower than an earlier revision, or shadow writes hold up writers, measured in the same run (BASE= the revision; default: where it left main)
	$(PY) -m tests.bench.gate $(if $(BASE),--base $(BASE)) $(if $(REQUIRE_BASE),--require-base)
	$(PY) -m tests.bench.shadow_writes

bench-gate-test: $(VENV)/.dev ## check that this gate finds an extra query and a fifth more CPU, and lets an unchanged tree pass
	$(PY) -m pytest -m soak tests/bench/test_gate.py

load: $(VENV)/.dev ## simulate people on two web processes while the weight goes from 0 to 100 and back; reports in build/load (DURATION= seconds, USERS=)
	@DURATION=$(DURATION) USERS=$(USERS) $(PY) -m tests.load

chaos: $(VENV)/.dev ## cause kills, full disks, failovers, wrong clocks and more under load, on a staging of its own (SEED=, DURATION= seconds, FAULTS=)
	@SEED=$(SEED) DURATION=$(DURATION) FAULTS="$(FAULTS)" $(PY) -m tests.chaos

scale: $(VENV)/.dev ## measure latency, plans, memory and size with 1,000 to 1,000,000 posts; reports in build/scale (SIZES="1000 10000" for fewer; an hour)
	$(PY) -m tests.scale $(if $(SIZES),--sizes $(SIZES))

memory: $(VENV)/.dev ## check that one worker's memory stays flat over 1,000,000 requests (REQUESTS= for another number; some 15 minutes)
	$(PY) -m tests.scale.memory $(if $(REQUESTS),--requests $(REQUESTS))

simulate: $(VENV)/.dev ## simulate the canary on thousands of made-up releases, next to other rules (some 15 minutes, and as long for the closed loop)
	$(PY) -m tests.simulation

canary-demo: $(VENV)/.dev ## show the canary live: v2 hangs, kills, is slow, fails, errs, and is rolled back; a sound v2 goes all the way (some 5 minutes)
	$(PY) -m tests.rehearsal

check: $(VENV)/.dev ## check lint, format, types, import contracts, migrations, system checks, v2's document, language, workflows, issue forms
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy cms api_v1 api_v2 canary scripts tests
	$(VENV)/bin/lint-imports
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py check --fail-level WARNING
	$(PY) -m scripts.openapi
	$(PY) -m scripts.language
	$(VENV)/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(VENV)/bin/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/*.yml
	$(VENV)/bin/zizmor --offline --no-progress --quiet .github
	$(PY) -m pytest -q tests/deploy

# Words such as `password =` and addresses with a password stand for examples in documents, and random text for fakes in tests:
# tests are searched for what has the form of a real service's credential.
EXAMPLES := --disable-plugin KeywordDetector --disable-plugin BasicAuthDetector
FAKES := $(EXAMPLES) --disable-plugin JwtTokenDetector --disable-plugin IPPublicDetector \
	--disable-plugin Base64HighEntropyString --disable-plugin HexHighEntropyString
secrets: $(VENV)/.dev ## search the tracked files for credentials
	git ls-files -z ':!tests' ':!requirements*.txt' ':!docs/openapi-v2.json' | xargs -0 $(VENV)/bin/detect-secrets-hook $(EXAMPLES)
	git ls-files -z tests | xargs -0 $(VENV)/bin/detect-secrets-hook $(FAKES)

audit: $(VENV)/.dev ## list known vulnerabilities of the locked packages (asks the package index and its advisories)
	$(VENV)/bin/pip-audit --strict --require-hashes --disable-pip -r requirements.txt
	$(VENV)/bin/pip-audit --strict --require-hashes --disable-pip -r requirements-dev.txt

IMAGE_TAR := build/image.tar
$(IMAGE_TAR): Dockerfile requirements.txt
	mkdir -p build
	docker build -q -t tandem:scan .
	docker save -o $@ tandem:scan

image-sbom: $(IMAGE_TAR) ## write the image's bill of materials to build/sbom.cdx.json (needs Docker and a network)
	docker run --rm -v "$(CURDIR)/build:/build" docker.io/anchore/syft:v1.18.1 docker-archive:/$(IMAGE_TAR) -o cyclonedx-json=/build/sbom.cdx.json

image-scan: $(IMAGE_TAR) ## list the image's known vulnerabilities, high or worse, that a newer version fixes (needs Docker and a network)
	docker run --rm -v "$(CURDIR)/build:/build:ro" docker.io/anchore/grype:v0.87.0 docker-archive:/$(IMAGE_TAR) --only-fixed --fail-on high

ci-engines: ## install PostgreSQL (POSTGRESQL=15) and Redis (REDIS=7) of the versions to test, on build machines
	@sh scripts/ci-engines $(POSTGRESQL) $(REDIS)

ci-tools: ## install nginx, Node.js and other missing tools that the tests need, on build machines
	@sh scripts/ci-tools

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
