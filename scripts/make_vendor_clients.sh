#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes out/vendor-clients from tests/vendor_clients/requirements.txt: the service's published
# clients, for the test that runs them against the embedded endpoint. Does nothing when done.
set -euo pipefail

python=${PYTHON:-python3}
wanted=tests/vendor_clients/requirements.txt
folder=out/vendor-clients
if ! version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); then
    echo "error: make_vendor_clients.sh: '$python' does not run; install Python 3.11 to 3.13 or set PYTHON=" >&2
    exit 1
fi
stamp="$version $(sha256sum "$wanted")"
if [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi
echo "Making $folder with Python $version (about a minute)"
rm -rf "$folder"
"$python" -m venv "$folder"
"$folder/bin/python" -m pip install --disable-pip-version-check --quiet -r "$wanted"
"$folder/bin/python" -c 'import opuslib_next, spatialreal, spatius'
echo "$stamp" >"$folder/stamp"
