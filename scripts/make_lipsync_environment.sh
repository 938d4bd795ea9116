#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes out/lipsync-venv, where the model of the mouth is trained; nothing when it is up to date.
#
# Apart from .venv because PyTorch is large and no part of the kiosk. What both need has the
# version of requirements.lock.
set -euo pipefail

python=${PYTHON:-python3}
folder=out/lipsync-venv
shared=$(grep -oE '^(aiohttp|numpy|protobuf|soxr)==[^ ]+' requirements.lock)
packages="$shared
torch==2.13.0
onnx==1.23.2
onnxruntime==1.31.1"

stamp="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') $packages"
if [ -x "$folder/bin/python" ] && [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi
echo "Making $folder (PyTorch is a few hundred megabytes)"
rm -rf "$folder"
"$python" -m venv "$folder"
# shellcheck disable=SC2086
"$folder/bin/python" -m pip install --disable-pip-version-check --progress-bar on $packages |
    sed -n -e 's/^Collecting \([^ ]*\).*/  \1/p' -e '/^Successfully/p' -e '/[Ee]rror/p'
"$folder/bin/python" -c 'import aiohttp, numpy, onnx, onnxruntime, soxr, torch'
echo "$stamp" >"$folder/stamp"
