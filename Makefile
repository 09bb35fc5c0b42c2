# Each target sets up all it needs: make demo · make test · make bench · make docs
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
MANIFESTS := pyproject.toml core/pyproject.toml backends/local/pyproject.toml backends/docker/pyproject.toml contrib/otel/pyproject.toml conformance/pyproject.toml constraints.txt
PACKAGES := -e core -e backends/local
DEVELOPED := $(PACKAGES) -e backends/docker -e conformance
# Hundreds of processes run what is here: none of them should compile it anew.
unexport PYTHONDONTWRITEBYTECODE
PYTEST_ARGS ?=
BENCH_ARGS ?=
BENCH_ENGINES_ARGS ?=
BENCH_VOLUMES_ARGS ?=
BENCH_SANDBOXES_ARGS ?=
SCALE_ARGS ?=
MUTANTS_ARGS ?=
SEED ?= 1
FAULTS ?= all
POOLS ?= 3
CALLS ?= 4
INPUTS ?= 8
SIMULATE_ARGS = $(if $(SEARCH),--search $(SEARCH)) --faults $(FAULTS) --pools $(POOLS) --calls $(CALLS) --inputs $(INPUTS)

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{printf "  make %-16s %s\n", $$1, $$2}'

.venv/stamp: $(MANIFESTS) tools/make-venv.sh
	@tools/system-packages.sh
	@tools/make-venv.sh .venv $(DEVELOPED) --group dev
	@touch $@

.PHONY: venv
venv: .venv/stamp ## the development environment in .venv

.PHONY: demo
demo: venv ## lex Python's standard library over local containers
	@$(BIN)/intermodal run docs/examples/lex_stdlib.py

.PHONY: lint
lint: venv ## ruff, mypy --strict, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: test
test: lint ## every check, then every test; as root on Debian with real container engines
	@tools/engines up --if-possible
	$(BIN)/python -m pytest $(PYTEST_ARGS)

.PHONY: simulate
simulate: venv ## replay a scenario of the engine: SEED=7 FAULTS=1,5
	@PYTHONPATH=core/tests $(BIN)/python -m simulator --seed $(SEED) $(SIMULATE_ARGS)

.PHONY: mutants
mutants: venv ## the conformance suite must catch each of these backends with a planted bug
	@PYTHONPATH=conformance/tests $(BIN)/python -m mutants $(MUTANTS_ARGS)

.PHONY: format
format: venv ## let ruff format and repair what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

benchmarks/.venv/stamp: $(MANIFESTS) benchmarks/requirements.txt tools/make-venv.sh
	@tools/make-venv.sh benchmarks/.venv $(PACKAGES) -r benchmarks/requirements.txt
	@touch $@

.PHONY: bench
bench: benchmarks/.venv/stamp ## measure against the peers; writes docs/benchmarks.md and .png
	@benchmarks/.venv/bin/python benchmarks/run.py --write $(BENCH_ARGS)

.PHONY: bench-engines
bench-engines: venv ## measure containers of docker and podman; writes docs/engine-benchmarks.md
	@tools/engines up
	@PYTHONPATH=benchmarks $(BIN)/python -m engines --write $(BENCH_ENGINES_ARGS)

.PHONY: bench-volumes
bench-volumes: venv ## volumes as they grow, and uploads against cp -r; writes docs/volume-benchmarks.md
	@PYTHONPATH=benchmarks $(BIN)/python -m volumes --write $(BENCH_VOLUMES_ARGS)

.PHONY: bench-sandboxes
bench-sandboxes: venv ## sandboxes against the engines' own commands; writes docs/sandbox-benchmarks.md
	@tools/engines up
	@PYTHONPATH=benchmarks $(BIN)/python -m sandboxes --write $(BENCH_SANDBOXES_ARGS)

.PHONY: bench-server
bench-server: venv ## web functions, deploys and calls at a server (apt install wrk); writes docs/server-benchmarks.md
	@PYTHONPATH=benchmarks $(BIN)/python -m server --write $(BENCH_SERVER_ARGS)

.PHONY: bench-state
bench-state: benchmarks/.venv/stamp ## queues and dicts against Redis (apt install redis-server)
	@PYTHONPATH=benchmarks benchmarks/.venv/bin/python -m state $(BENCH_ARGS)

.PHONY: bench-calls
bench-calls: venv ## spawned calls at a server: how many are accepted, and what kill -9 leaves of them
	@PYTHONPATH=benchmarks $(BIN)/python -m calls accept $(BENCH_CALLS_ARGS)
	@PYTHONPATH=benchmarks $(BIN)/python -m calls kill

.PHONY: scale
scale: benchmarks/.venv/stamp ## how the engine scales, simulated (half an hour); writes docs/scale.md and .png
	@PYTHONPATH=core/tests:benchmarks benchmarks/.venv/bin/python -m scale $(SCALE_ARGS)

.venv/stamp-docs: .venv/stamp
	@tools/make-venv.sh .venv --group docs
	@touch $@

.PHONY: docs
docs: .venv/stamp-docs ## the documentation as a site in site/
	$(BIN)/mkdocs build --strict --quiet --site-dir site
	@echo "Open site/index.html"

.PHONY: screenshots
screenshots: venv ## take the pictures of the dashboard in docs/
	@PYTHONPATH=tools:tests/support $(BIN)/python -m screenshots docs

.PHONY: public-api
public-api: venv ## write down what third parties build on; a change wants a changelog fragment
	$(BIN)/python tools/public_api.py > tests/public_api.txt

.PHONY: wheels
wheels: venv ## wheels of every distribution in dist/
	@$(BIN)/python tools/build_wheels.py dist

.PHONY: changelog
changelog: venv ## what the next changelog entry would say
	$(BIN)/towncrier build --draft --version next

.PHONY: clean
clean: ## remove all that make made
	rm -rf .venv benchmarks/.venv dist build site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
