#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes out/npu-venv, the environment of the vendor's converter to .rknn (1.5 GB with a torch
# for CPUs; about a minute). Does nothing when it is there already.
#
# It is apart from .venv because rknn-toolkit2 wants numpy 1, protobuf 4 and onnx 1.18. Its
# pin of torch is not kept: for ONNX it only imports torch, and the old one would bring CUDA.
set -euo pipefail

python=${PYTHON:-python3}
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
case "$version" in
3.11 | 3.12) ;;
*)
    echo "error: make_npu_environment.sh: the converter has no wheel for Python $version;" \
        "set PYTHON= to a Python 3.11 or 3.12" >&2
    exit 1
    ;;
esac

folder=out/npu-venv
stamp="$version $(sha256sum "$0")"
if [ -x "$folder/bin/python" ] && [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi
echo "Making $folder with Python $version (a minute or more)"
rm -rf "$folder"
"$python" -m venv "$folder"
install() {
    "$folder/bin/python" -m pip install --disable-pip-version-check --quiet "$@"
}
install "torch==2.13.0" "numpy==1.26.4" "onnx==1.18.0" "onnxruntime==1.20.1" "protobuf==4.25.4" \
    "opencv-python-headless==4.11.0.86" fast-histogram psutil ruamel.yaml scipy tqdm "setuptools<80"
install --no-deps "rknn-toolkit2==2.5.0"
"$folder/bin/python" -c 'from rknn.api import RKNN; import onnxruntime'
echo "$stamp" >"$folder/stamp"
