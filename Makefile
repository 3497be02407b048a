# The project's tasks. `make` alone prints them. Nothing here needs more than bash, make and Python 3.11;
# scripts/environment.sh makes the rest.

.DEFAULT_GOAL := help
.PHONY: help serve test test-compiled test-matrix test-peers check audit faults faults-controls bench bench-quick \
  bench-scale bench-report bench-tools lint format types imports system environment compiled clean
MAKEFLAGS += --no-print-directory
# The tests start Parley a thousand times: half a second less each where Python may keep what it compiled.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
BENCH := $(BIN)/python -m benchmarks
COMPILED_SUITES = tests/unit/http tests/unit/ingest tests/unit/log tests/unit/queries tests/unit/test_compiled.py \
  tests/contract tests/api tests/acceptance

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: ## Start Parley: full API on 127.0.0.1:3000, write service on 127.0.0.1:8080 (ARGS="--data-dir /srv/parley" …)
	@exec scripts/serve.sh $(ARGS)

test: system environment lint types imports ## Install what the tests need, then run every check and every suite
	$(PYTEST) -n 2 --dist loadfile $(ARGS)

test-compiled: system compiled ## Run the suites of what is compiled, and those of whole processes, on the compiled build
	.compiled/bin/python -m pytest -p tests.support.compiled -n 2 --dist loadfile $(COMPILED_SUITES) $(ARGS)

test-matrix: system environment ## Run the suites of each engine on its other versions and products, and list what is green
	$(BIN)/python -m tests.support.matrix $(ARGS)

test-peers: environment ## Check that what the benchmarks measure Parley against does what is said of it; needs Go
	MYPYPATH=src:. $(BIN)/mypy -p benchmarks.peers
	$(PYTEST) benchmarks/peers/tests $(ARGS)

check: environment lint types imports ## The inner loop: lint, types, import rule, unit and contract suites without servers
	$(PYTEST) -n 2 --dist worksteal -m "not servers" tests/unit tests/contract $(ARGS)
	@$(BIN)/python -m tests.support.audit

audit: environment ## Ask whether what uv.lock pins has a known vulnerability; needs the network, and says so without it
	@$(BIN)/python -m tests.support.audit

faults: system environment ## Break what Parley stands on, three times each way, and judge what clients saw; at most 75 minutes
	@scripts/faults-tools.sh
	$(BIN)/python -m tests.faults run $(ARGS)

faults-controls: system environment ## Break Parley itself, one rule at a time, and see that each is noticed; at most 30 minutes
	$(BIN)/python -m tests.faults controls $(ARGS)

bench: bench-tools ## Measure what this commit has no result of yet, at most an hour, and write the report
	$(BENCH) run $(ARGS)

bench-quick: bench-tools ## Have a look at the main figures, in less than three minutes
	$(BENCH) quick $(ARGS)

bench-scale: bench-tools ## Measure the curves up to 10,000,000 messages, at most another hour
	$(BENCH) scale $(ARGS)

bench-report: environment ## Write the report of what was measured of this commit
	$(BENCH) report

bench-tools: system environment
	@scripts/bench-tools.sh

lint: environment ## Check style and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: environment ## Mend style and formatting where a machine can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: environment ## Check types
	$(BIN)/mypy

imports: environment ## Check who may import whom
	$(BIN)/lint-imports

system: ## Install the system packages the tests need (as root or through sudo)
	@scripts/system-packages.sh

environment: ## Make .venv as uv.lock says, with the development tools
	@scripts/environment.sh dev

compiled: environment ## Make .compiled: Parley with the path of a create compiled, as the image has it; needs a C compiler
	@scripts/compiled.sh

clean: ## Remove the environment and every cache; data stays
	rm -rf .venv .compiled .uv dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .schemathesis
