# Everything runs from here. `make` alone lists the targets.
# Needs: Python 3.11 or later with venv, git, and a network that reaches the ordinary package registries once.
# Programs (opa and others) are kept in $XDG_CACHE_HOME/policy-gate/tools, outside this tree: see tools/tools.toml.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
WORKERS ?= 2
VENV := .venv
RUN := $(VENV)/bin
READY := $(VENV)/.ready
SERVERS := $(VENV)/.servers
FETCH := $(PYTHON) tools/fetch.py $(if $(RETRY),--retry)
TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/policy-gate/tools/bin
export PATH := $(TOOLS):$(PATH)
CHECKED := gate tests tools testdata

.PHONY: help venv tools tools-extra test lint fmt bench wheels airgap demo docs testdata lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

venv: $(READY) ## Python environment from the hashed lock, with `gate` in it

$(READY): requirements/dev.txt pyproject.toml
	@echo "venv: installing the locked dependencies into $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed: make PYTHON=python3.11"; exit 1; }
	@test -x $(RUN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "on Debian: apt install python3-venv"; exit 1; }
	@$(RUN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(SERVERS): $(READY) requirements/servers.txt
	@echo "venv: installing key-service clients and test servers"
	@$(RUN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/servers.txt && touch $@ \
		|| echo "they cannot be had here: the tests of key services are skipped by name"

tools: ## opa, and for tests grype, syft, cosign, docker-registry (RETRY=1: try again what failed)
	@$(FETCH)

tools-extra: ## also crane, conftest, trivy, slsa-verifier, zot, regal: interoperability and ratios
	@$(FETCH) --extra

test: venv $(SERVERS) tools ## everything: style, types, layers, policies, tests
	@$(MAKE) --no-print-directory lint
	@$(RUN)/python -m pytest -n $(WORKERS) -q

lint: venv ## ruff, mypy
	@$(RUN)/ruff check --quiet $(CHECKED)
	@$(RUN)/ruff format --check --quiet $(CHECKED) || { echo "not formatted: make fmt"; exit 1; }
	@$(RUN)/mypy --no-error-summary $(CHECKED)
	@echo "lint: ruff and mypy are clean"

fmt: venv ## format the code
	@$(RUN)/ruff check --quiet --fix $(CHECKED)
	@$(RUN)/ruff format --quiet $(CHECKED)

bench: venv tools ## measure and print the table of docs/performance.md
	@$(RUN)/python -m tests.bench

wheels: venv ## build/wheels: locked wheels and our own, with hashes, for an installation without an index
	@$(RUN)/python -m tools.airgap wheels build/wheels

airgap: venv ## build/policy-gate-airgap.tar: wheels, programs, demo, slots (DATABASE=grype-db.tar.gz TRUSTED_ROOT=trusted_root.json)
	@$(FETCH) opa grype syft
	@$(RUN)/python -m tools.airgap archive build/policy-gate-airgap.tar $(if $(DATABASE),--database $(DATABASE)) $(if $(TRUSTED_ROOT),--trusted-root $(TRUSTED_ROOT))

demo: venv ## a DENY with its reasons and an ALLOW with its signed summary, on the sample images
	@$(FETCH) opa
	@$(RUN)/python tools/demo.py

docs: venv ## the documentation as a site, in build/site
	@$(RUN)/python -m mkdocs build --strict --quiet
	@echo "open build/site/index.html"

testdata: venv tools ## make the sample images and their evidence again (Debian)
	@$(RUN)/python testdata/make_evidence.py

lock: ## rewrite requirements/*.txt (needs pip-tools)
	@requirements/lock.sh

clean: ## remove what was made here (the tool cache stays)
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage
