#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the lip-sync benchmark compares with into out/lipsync-peers: libraries of PyPI in
# a virtual environment, libraries of npm beside it. None of it is used by the kiosk.
set -euo pipefail

python=${PYTHON:-python3}
folder=out/lipsync-peers
stamp="$("$python" -V) $(sha256sum "$0")"
if [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi
if ! command -v npm >/dev/null; then
    echo "error: make_lipsync_peers.sh: no npm; run scripts/install_packages.sh lipsync" >&2
    exit 1
fi
echo "Installing the libraries to compare with into $folder (a minute or two)"
rm -rf "$folder"
mkdir -p "$folder"
"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --disable-pip-version-check --quiet \
    pylipsync==0.2.1 openfacefx==0.24.0 pocketsphinx==5.1.1
npm install --prefix "$folder" --no-audit --no-fund --ignore-scripts --loglevel=error \
    wawa-lipsync@0.0.2 @met4citizen/headaudio@0.1.0
echo "$stamp" >"$folder/stamp"
