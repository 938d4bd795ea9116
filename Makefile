# SPDX-License-Identifier: Apache-2.0
# `make help` lists the targets. Recipes are thin: the work is in scripts/ and the packages.
#
#   make run [AVATAR=file.avatar] [ENDPOINT=ws://host:port/relay] [PORT=8080] [ENDPOINT_PORT=8090]
#   make test [TESTS=tests/kioskd]

AVATAR ?= config/avatars/default.avatar
ENDPOINT ?=
PORT ?= 8080
ENDPOINT_PORT ?= 8090
TESTS ?= tests
PYTHON ?= python3

export PYTHON
VENV_PYTHON := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help setup run test lint bench overlay clean

help: ## list the targets
	@echo "The avatar kiosk. Targets:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: ## install what is missing: Debian packages and .venv (quick when done)
	@scripts/install_packages.sh
	@scripts/make_environment.sh

run: setup ## run the kiosk with the embedded endpoint (AVATAR=, ENDPOINT=, PORT= take others)
	@exec $(VENV_PYTHON) scripts/run_kiosk.py --avatar '$(AVATAR)' --endpoint '$(ENDPOINT)' \
		--port '$(PORT)' --endpoint-port '$(ENDPOINT_PORT)'

test: setup ## lint, types and all tests (TESTS= narrows it)
	@exec $(VENV_PYTHON) -m pytest $(TESTS)

lint: setup ## only the linters and the type checker
	@exec $(VENV_PYTHON) -m pytest -q tests/test_linters.py

bench: setup ## measure what a frame costs here: JSON lines, then a table (some minutes)
	@exec $(VENV_PYTHON) scripts/bench.py

overlay: setup ## build what is flashed on a board: BOARD=rk3576 [KEY=release.pem] (some minutes)
	@scripts/install_packages.sh image
	@exec $(VENV_PYTHON) scripts/make_overlay.py $(if $(KEY),--key '$(KEY)') $(BOARD)

clean: ## remove what was built: .venv, out/ and caches
	rm -rf .venv out .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
