#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that a job needs, and only those missing.
#
#   scripts/install_packages.sh [GROUP]
#
#   kiosk       running and testing the kiosk (the default)
#   image       building the overlay and root images of a board
#   image-test  booting them in QEMU
#   lipsync     training and measuring the lip-sync model
#
# apt is never allowed to remove anything: where an installation would need a removal it
# stops with apt's own explanation. Nothing is asked of apt when nothing is missing. Of what it
# prints, over a thousand lines on a bare machine, its sizes are shown; all of it when it fails.
set -euo pipefail

case "${1:-kiosk}" in
kiosk)
    packages="python3-venv python3-dev gcc pkg-config libasound2-dev libsystemd-dev
        libegl1 libgles2 libgl1-mesa-dri espeak-ng ffmpeg flite openssl squashfs-tools e2fsprogs
        libasound2-plugins pulseaudio pulseaudio-utils openssh-client dropbear-bin busybox
        systemd curl"
    ;;
image)
    packages="dpkg-dev openssl squashfs-tools e2fsprogs fakeroot
        gcc-aarch64-linux-gnu qemu-user-static"
    ;;
image-test)
    packages="mmdebstrap fakeroot kmod squashfs-tools e2fsprogs mtools dosfstools openssl
        qemu-system-arm qemu-utils ipxe-qemu"
    ;;
lipsync)
    packages="flite espeak-ng festival festvox-kdlpc16k festvox-us-slt-hts festvox-italp16k
        festvox-czech-dita festvox-ca-ona-hts fortunes
        asterisk-core-sounds-en-g722 ffmpeg"
    # A node from elsewhere brings its own npm and would conflict with Debian's.
    command -v npm >/dev/null 2>&1 || packages="$packages nodejs npm"
    ;;
*)
    echo "error: install_packages.sh: no group '$1'; there are kiosk, image, image-test, lipsync" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "error: install_packages.sh: this is not a Debian system; install the equivalents of:" >&2
    echo "$packages" >&2
    exit 1
fi

missing=""
for package in $packages; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "error: install_packages.sh: packages are missing and there is no sudo; as root run:" >&2
        echo "    apt-get install --no-remove$missing" >&2
        exit 1
    fi
    as_root="sudo"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
as_root_apt() {
    $as_root env LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive apt-get "$@" | tee -a "$log" |
        sed -un -e 's/^Need to get/  &/p' -e 's/^After this operation/  &/p' -e 's/^Fetched/  &/p'
}

echo "Installing Debian packages (some minutes on a bare machine):$missing"
# a list of words, not one
# shellcheck disable=SC2086
if ! { as_root_apt update -qq && as_root_apt install --yes --no-remove --no-install-recommends \
    -o Dpkg::Use-Pty=0 $missing; }; then
    cat "$log" >&2
    echo "error: install_packages.sh: apt-get failed; its messages are above" >&2
    exit 1
fi
