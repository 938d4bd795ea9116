#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes .venv from requirements.lock; does nothing when it is already of that lock file.
#
# The stamp holds the lock file's hash and the interpreter's version, so that a new lock or
# another Python makes the environment anew and a half-finished one is never taken as done.
set -euo pipefail

python=${PYTHON:-python3}
if ! version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); then
    echo "error: make_environment.sh: '$python' does not run; install Python 3.11 to 3.13 or set PYTHON=" >&2
    exit 1
fi
case "$version" in
3.11 | 3.12 | 3.13) ;;
*)
    echo "error: make_environment.sh: $python is Python $version; 3.11 to 3.13 are supported, set PYTHON=" >&2
    exit 1
    ;;
esac

stamp="$version $(sha256sum requirements.lock)"
if [ -x .venv/bin/python ] && [ "$(cat .venv/stamp 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi
echo "Making .venv with Python $version (a minute or two)"
rm -rf .venv
"$python" -m venv .venv
.venv/bin/python -m pip install --disable-pip-version-check --require-hashes \
    --progress-bar on -r requirements.lock |
    sed -n -e 's/^Collecting \([^ ]*\).*/  \1/p' -e '/^Successfully/p' -e '/[Ee]rror/p'
.venv/bin/python -c 'import aiohttp, alsaaudio, numpy, pygame, soxr, systemd.daemon, yaml'
echo "$stamp" >.venv/stamp
