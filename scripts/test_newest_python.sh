#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the quick lane of the tests under the newest Python that is supported, where that one is
# at hand with venv and headers and is not the one of .venv, under which all tests have run.
set -eu

newest=3.13
if [ "$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = "$newest" ]; then
    exit 0
fi
if ! "python$newest" -c '
import ensurepip, pathlib, sysconfig, venv
assert pathlib.Path(sysconfig.get_path("include"), "Python.h").exists()' 2>/dev/null; then
    echo "python$newest is not here, with venv and headers: the quick lane under it is skipped"
    exit 0
fi
PYTHON=python$newest scripts/make_environment.sh newest
echo "The quick lane under Python $newest"
exec out/newest-venv/bin/python -m pytest -n 2 -m 'not slow' tests
