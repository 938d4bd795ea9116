# Placeholder written first so that every contributor shares one environment.
PYTHON ?= python3
.venv/.installed: requirements.lock
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	touch $@
setup: .venv/.installed
.PHONY: setup
